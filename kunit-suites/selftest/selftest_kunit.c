// SPDX-License-Identifier: GPL-2.0
/*
 * Cases that go wrong on purpose, each in the way its name says.
 *
 * They test the tool that runs the suites: every one must be reported by its
 * name, and what stands beside it must still run. Never part of a verdict.
 */

#include <kunit/test.h>
#include <linux/bug.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static void passes(struct kunit *test)
{
	KUNIT_SUCCEED(test);
}

static void skips(struct kunit *test)
{
	kunit_skip(test, "on purpose");
}

static void fails(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 1 + 1, 3);
}

static void asserts(struct kunit *test)
{
	KUNIT_ASSERT_NULL(test, test);
}

static void warns(struct kunit *test)
{
	WARN_ON(test);
}

static void sleeps_in_atomic(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	might_sleep();
	spin_unlock(&lock);
}

/* Reading freed memory goes unnoticed without KASAN. */
static void reads_freed_memory(struct kunit *test)
{
	int *freed = kmalloc_obj(*freed);

	KUNIT_ASSERT_NOT_NULL(test, freed);
	kfree(freed);
	OPTIMIZER_HIDE_VAR(freed);
	KUNIT_EXPECT_GE(test, READ_ONCE(*freed) | 1, INT_MIN);
}

/*
 * A leak goes unnoticed without kmemleak. The last pointers stay for a while on
 * a stack that is kept for reuse, where kmemleak still finds them.
 */
static void leaks(struct kunit *test)
{
	int i;

	for (i = 0; i < 16; i++)
		KUNIT_EXPECT_NOT_NULL(test, kmalloc(4242, GFP_KERNEL));
}

static void panics(struct kunit *test)
{
	panic("on purpose");
}

static void dereferences_null(struct kunit *test)
{
	int *null = NULL;

	OPTIMIZER_HIDE_VAR(null);
	WRITE_ONCE(*null, 1);
}

static const int steps[] = { 1, 2, 3 };

static void step_name(const int *step, char *name)
{
	sprintf(name, "step_%d", *step);
}

KUNIT_ARRAY_PARAM(steps, steps, step_name);

static void panics_at_step_two(struct kunit *test)
{
	const int *step = test->param_value;

	if (*step == 2)
		panic("on purpose, at step two");
}

/* A lock that is held for ever, and a wait for it. */
static void hangs_with_mmap_lock_held(struct kunit *test)
{
	struct mm_struct *mm = mm_alloc();

	KUNIT_ASSERT_NOT_NULL(test, mm);
	mmap_write_lock(mm);
	mmap_write_lock(mm);
}

/*
 * The assertion ends the thread, whose exit waits for the lock. KUnit has its
 * result before that and goes on.
 */
static void asserts_with_mmap_lock_held(struct kunit *test)
{
	struct mm_struct *mm = mm_alloc();

	KUNIT_ASSERT_NOT_NULL(test, mm);
	kthread_use_mm(mm);
	mmap_write_lock(mm);
	KUNIT_ASSERT_NULL(test, test);
}

static void loops(struct kunit *test)
{
	for (;;)
		cpu_relax();
}

static void loops_with_irqs_off(struct kunit *test)
{
	local_irq_disable();
	for (;;)
		cpu_relax();
}

static void floods(struct kunit *test)
{
	unsigned long line = 0;

	for (;;)
		kunit_info(test, "line %lu of very many\n", line++);
}

static struct kunit_case complains_cases[] = {
	KUNIT_CASE(passes),
	KUNIT_CASE(skips),
	KUNIT_CASE(fails),
	KUNIT_CASE(asserts),
	KUNIT_CASE(warns),
	KUNIT_CASE(sleeps_in_atomic),
	KUNIT_CASE(reads_freed_memory),
	KUNIT_CASE(leaks),
	{}
};

static struct kunit_case dies_cases[] = {
	KUNIT_CASE(passes),
	KUNIT_CASE(panics),
	KUNIT_CASE(dereferences_null),
	KUNIT_CASE_PARAM(panics_at_step_two, steps_gen_params),
	KUNIT_CASE(skips),
	{}
};

static struct kunit_case hangs_cases[] = {
	KUNIT_CASE(hangs_with_mmap_lock_held),
	KUNIT_CASE(loops_with_irqs_off),
	KUNIT_CASE(passes),
	{}
};

static struct kunit_case stalls_cases[] = {
	KUNIT_CASE(passes),
	KUNIT_CASE(asserts_with_mmap_lock_held),
	KUNIT_CASE(loops),
	KUNIT_CASE(floods),
	{}
};

static struct kunit_case survives_cases[] = {
	KUNIT_CASE(passes),
	{}
};

static struct kunit_suite suites[] = {
	{ .name = "selftest_complains", .test_cases = complains_cases },
	{ .name = "selftest_dies", .test_cases = dies_cases },
	{ .name = "selftest_hangs", .test_cases = hangs_cases },
	{ .name = "selftest_stalls", .test_cases = stalls_cases },
	{ .name = "selftest_survives", .test_cases = survives_cases },
};

kunit_test_suites(&suites[0], &suites[1], &suites[2], &suites[3], &suites[4]);

MODULE_DESCRIPTION("KUnit cases that go wrong on purpose");
MODULE_LICENSE("GPL");
