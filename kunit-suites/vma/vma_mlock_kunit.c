// SPDX-License-Identifier: GPL-2.0-only
/*
 * mlock(), munlock() and mlockall(): what is locked, what is counted, and
 * what the limit allows.
 *
 * checkpatch: SPLIT_STRING: pictures are wide
 */
#include <linux/mman.h>
#include <linux/swap.h>

#include "internal.h"
#include "ops.h"
#include "test_mm.h"

static const struct tmm_case locks[] = {
	TMM_CASE("all", "AAAA", TMM_MLOCK(0, 4), "AAAA A:rw#1+lock"),
	TMM_CASE("start", "AAAA A:rw#1", TMM_MLOCK(0, 2),
		 "AABB A:rw#1+lock B:rw#1"),
	TMM_CASE("end", "AAAA A:rw#1", TMM_MLOCK(2, 2),
		 "AABB A:rw#1 B:rw#1+lock"),
	TMM_CASE("grow_left", "AABB A:rw#1+lock B:rw#1", TMM_MLOCK(2, 2),
		 "AAAA A:rw#1+lock"),
	TMM_CASE("grow_right", "AABB A:rw#1 B:rw#1+lock", TMM_MLOCK(0, 2),
		 "AAAA A:rw#1+lock"),
	TMM_CASE("both", "AABBCC A:rw#1+lock B:rw#1 C:rw#1+lock",
		 TMM_MLOCK(2, 2), "AAAAAA A:rw#1+lock"),
	TMM_CASE("over_locked", "AABBCC A:rw#1 B:rw#1+lock C:rw#1",
		 TMM_MLOCK(0, 6), "AAAAAA A:rw#1+lock"),
	TMM_CASE("over_two_kinds", "AABB A:rw#1 B:rwsf0", TMM_MLOCK(1, 2),
		 "ABCD A:rw#1 B:rw#1+lock C:rwsf0+lock D:rwsf0"),
	TMM_CASE("again", "AAAA A:rw#1+lock", TMM_MLOCK(1, 2),
		 "AAAA A:rw#1+lock"),
	TMM_CASE("read_only", "AAAA A:r", TMM_MLOCK(0, 4), "AAAA A:r+lock"),
	TMM_CASE("private_file", "AAAA A:rwf0", TMM_MLOCK(0, 4),
		 "AAAA A:rwf0#1+lock"),
	TMM_CASE("shared_file", "AAAA A:rwsf0", TMM_MLOCK(1, 2),
		 "ABBC A:rwsf0 B:rwsf0+lock C:rwsf0"),
	TMM_CASE("on_fault", "AAAA A:rw", TMM_MLOCK_ONFAULT(1, 2),
		 "ABBC A:rw B:rw+lock+onfault C:rw"),
	TMM_CASE("on_fault_faulted", "AAAA A:rw#1", TMM_MLOCK_ONFAULT(0, 4),
		 "AAAA A:rw#1+lock+onfault"),
	TMM_CASE("on_fault_to_all", "AAAA A:rw+lock+onfault", TMM_MLOCK(0, 4),
		 "AAAA A:rw#1+lock"),
	TMM_CASE("all_to_on_fault", "AAAA A:rw#1+lock", TMM_MLOCK_ONFAULT(0, 2),
		 "AABB A:rw#1+lock+onfault B:rw#1+lock"),
	TMM_CASE("droppable_is_not_locked",
		 "AA A:rw+droppable+wipe+dontdump+noreserve", TMM_MLOCK(0, 2),
		 "AA A:rw#1+droppable+wipe+dontdump+noreserve"),
	TMM_CASE("unlock_middle", "AAAA A:rw#1+lock", TMM_MUNLOCK(1, 2),
		 "ABBC A:rw#1+lock B:rw#1 C:rw#1+lock"),
	TMM_CASE("unlock_end", "AAAA A:rwsf0+lock", TMM_MUNLOCK(2, 2),
		 "AABB A:rwsf0+lock B:rwsf0"),
	TMM_CASE("unlock_all", "AAAA A:rw#1+lock", TMM_MUNLOCK(0, 4),
		 "AAAA A:rw#1"),
	TMM_CASE("unlock_on_fault", "AAAA A:rw+lock+onfault", TMM_MUNLOCK(0, 4),
		 "AAAA"),
	TMM_CASE("unlock_over_unlocked", "AABBCC A:rw#1+lock B:rw#1 C:rw#1+lock",
		 TMM_MUNLOCK(1, 4), "ABBBBC A:rw#1+lock B:rw#1 C:rw#1+lock"),
	TMM_CASE("unlock_unlocked", "AAAA", TMM_MUNLOCK(0, 4), "AAAA"),
	TMM_CASE("unlock_over_two_kinds", "AABB A:rw#1+lock B:rwsf0+lock",
		 TMM_MUNLOCK(1, 2),
		 "ABCD A:rw#1+lock B:rw#1 C:rwsf0 D:rwsf0+lock"),
	TMM_CASE("no_pages", "AAAA", TMM_MLOCK(1, 0), "AAAA"),
};

KUNIT_ARRAY_PARAM_DESC(locks, locks, name);

static void locked_as_asked(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

/* Without memory for the copies they are left to the fault, in silence. */
static const struct tmm_case copies[] = {
	TMM_CASE("mprotect_copies_at_once", "AAAA A:r+lock",
		 TMM_MPROTECT(1, 2, "rw"), "ABBC A:r+lock B:rw#1+lock C:r+lock"),
	TMM_CASE("mprotect_copies_file_at_once", "AAAA A:rf0+lock",
		 TMM_MPROTECT(0, 4, "rw"), "AAAA A:rwf0#1+lock"),
	TMM_CASE("mprotect_of_shared_file_does_not", "AAAA A:rsf0+lock",
		 TMM_MPROTECT(0, 4, "rw"), "AAAA A:rwsf0+lock"),
};

KUNIT_ARRAY_PARAM_DESC(copies, copies, name);

static void locked_page_that_becomes_writable_is_copied(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

/* What is before the hole stays locked. */
static const struct tmm_case holes[] = {
	{ "hole_in_the_middle", "AA.BB A:rw#1 B:rw#2", TMM_MLOCK(0, 5), -ENOMEM,
	  "AA.BB A:rw#1+lock B:rw#2" },
	{ "hole_at_the_end", "AA A:rw#1", TMM_MLOCK(1, 3), -ENOMEM,
	  "AB A:rw#1 B:rw#1+lock" },
	{ "hole_at_the_start", ".AA A:rw#1", TMM_MLOCK(0, 2), -ENOMEM, NULL },
	{ "unlock_hole", "AA.BB A:rw#1+lock B:rw#2+lock", TMM_MUNLOCK(1, 3),
	  -ENOMEM, "AC.BB A:rw#1+lock C:rw#1 B:rw#2+lock" },
	{ "nothing_there", "....", TMM_MLOCK(0, 2), -ENOMEM, NULL },
	/* It cannot be faulted in. It is locked for when it can. */
	{ "no_access", "AA A:-", TMM_MLOCK(0, 2), -ENOMEM, "AA A:-+lock" },
	{ "unsplittable", "AAAA A:rwsf3", TMM_MLOCK_ONFAULT(0, 2), -EINVAL, NULL },
	{ "unsplittable_second", "AABBB A:rw#1 B:rwsf3", TMM_MLOCK_ONFAULT(0, 4),
	  -EINVAL, "AABBB A:rw#1+lock+onfault B:rwsf3" },
};

KUNIT_ARRAY_PARAM_DESC(holes, holes, name);

static void locked_up_to_the_error(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

static void lock_makes_resident(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAABBBB B:rwsf0");
	tmm_must(t, TMM_MLOCK(1, 6));
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 8), 6);
	tmm_must(t, TMM_MUNLOCK(0, 8));
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 8), 6);
	tmm_must(t, TMM_MUNMAP(0, 8));

	tmm_draw(t, "AAAA");
	tmm_must(t, TMM_MLOCK_ONFAULT(0, 4));
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 4), 0);
	tmm_must(t, TMM_WRITE(1, 2));
	tmm_expect_layout(t, "AAAA A:rw#1+lock+onfault");
	tmm_must(t, TMM_MLOCK(0, 4));
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 4), 4);
}

/* Unaligned ranges are all the pages that they touch. */
static void unaligned_ranges_are_rounded(struct kunit *test)
{
	vma_flags_t flags = mk_vma_flags(VMA_LOCKED_BIT);
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAA A:rw#1");
	t->doing = "mlock(1.9, 0.2)";
	KUNIT_EXPECT_EQ(test, do_mlock(tmm_addr(t, 2) - 1, 2, &flags), 0);
	tmm_expect_layout(t, "ABBC A:rw#1 B:rw#1+lock C:rw#1");
	t->doing = "munlock(2.9, 0.2)";
	KUNIT_EXPECT_EQ(test, do_munlock(tmm_addr(t, 3) - 1, 2), 0);
	tmm_expect_layout(t, "ABCC A:rw#1 B:rw#1+lock C:rw#1");
	KUNIT_EXPECT_EQ(test, do_mlock(-PAGE_SIZE, 2 * PAGE_SIZE, &flags), -EINVAL);
}

/*
 * mlockall()
 */

static const struct tmm_case all_locks[] = {
	TMM_CASE("current", "AA.BB A:rw#1 B:rwsf0", TMM_MLOCKALL(MCL_CURRENT),
		 "AA.BB A:rw#1+lock B:rwsf0+lock"),
	TMM_CASE("current_merges", "AABB A:rw#1 B:rw#1+lock",
		 TMM_MLOCKALL(MCL_CURRENT), "AAAA A:rw#1+lock"),
	TMM_CASE("current_on_fault", "AA.BB A:rw#1 B:rw",
		 TMM_MLOCKALL(MCL_CURRENT | MCL_ONFAULT),
		 "AA.BB A:rw#1+lock+onfault B:rw+lock+onfault"),
	TMM_CASE("on_fault_no_more", "AA A:rw+lock+onfault",
		 TMM_MLOCKALL(MCL_CURRENT), "AA A:rw#1+lock"),
	TMM_CASE("future_leaves_the_present", "AA A:rw#1",
		 TMM_MLOCKALL(MCL_FUTURE), "AA A:rw#1"),
	TMM_CASE("current_and_future", "AA A:rw#1",
		 TMM_MLOCKALL(MCL_CURRENT | MCL_FUTURE), "AA A:rw#1+lock"),
	TMM_CASE("none", "AA.BB A:rw#1+lock B:rwsf0+lock", TMM_MUNLOCKALL(),
		 "AA.BB A:rw#1 B:rwsf0"),
	TMM_CASE("none_merges", "AABBCC A:rw#1+lock B:rw#1 C:rw#1+lock",
		 TMM_MUNLOCKALL(), "AAAAAA A:rw#1"),
	TMM_CASE("no_access_is_no_error", "AA A:-", TMM_MLOCKALL(MCL_CURRENT),
		 "AA A:-+lock"),
};

KUNIT_ARRAY_PARAM_DESC(all_locks, all_locks, name);

static void all_is_locked(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

static void flags_of_mlockall_are_checked(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA");
	tmm_expect_err(t, -EINVAL, TMM_MLOCKALL(MCL_ONFAULT));
	tmm_expect_err(t, -EINVAL, TMM_MLOCKALL(MCL_CURRENT | 0x100));
	KUNIT_EXPECT_EQ(test, do_mlockall(0), -EINVAL);
	tmm_expect_layout(t, "AA");
}

static void what_comes_is_locked(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AA A:rw+droppable");
	t = tmm_create(test);
	tmm_must(t, TMM_MLOCKALL(MCL_FUTURE));
	tmm_must(t, TMM_MMAP(0, 2, "rw"));
	tmm_expect_layout(t, "AA A:rw#1+lock");
	tmm_must(t, TMM_MLOCKALL(MCL_FUTURE | MCL_ONFAULT));
	tmm_must(t, TMM_MMAP(2, 2, "rw"));
	tmm_expect_layout(t, "AABB A:rw#1+lock B:rw+lock+onfault");
	/* The last call counts, for both. */
	tmm_must(t, TMM_MLOCKALL(MCL_CURRENT));
	tmm_must(t, TMM_MMAP(8, 2, "rw"));
	tmm_expect_layout(t, "AAAA....BB A:rw#1+lock B:rw");
	tmm_must(t, TMM_MLOCKALL(MCL_FUTURE));
	/* Not what may be dropped at any time. */
	tmm_must(t, TMM_MMAP(20, 2, "rw+droppable+wipe+dontdump+noreserve"));
	tmm_expect_layout(t, "AAAA....BB..........CC A:rw#1+lock B:rw"
			     " C:rw#2+droppable+wipe+dontdump+noreserve");
	tmm_must(t, TMM_MUNMAP(20, 2));
	tmm_must(t, TMM_MUNLOCKALL());
	tmm_must(t, TMM_MMAP(4, 2, "rw"));
	tmm_expect_layout(t, "AAAAAA..BB A:rw#1 B:rw");
}

/* VM_LOCKED cannot be set for what has no pages of its own. */
static void special_mapping_is_not_locked(struct kunit *test)
{
	static struct page *no_pages[] = { NULL };
	static const struct vm_special_mapping special = {
		.name = "[test]",
		.pages = no_pages,
	};
	struct test_mm *t = tmm_create(test);
	struct vm_area_struct *vma;

	tmm_must(t, TMM_MLOCKALL(MCL_FUTURE));
	mmap_write_lock(t->mm);
	vma = _install_special_mapping(t->mm, tmm_addr(t, 0), 2 * PAGE_SIZE,
				       VM_READ | VM_MAYREAD, &special);
	mmap_write_unlock(t->mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vma);
	tmm_expect_layout(t, "AA A:r+dontexpand@0~0");
	tmm_must(t, TMM_MLOCKALL(MCL_CURRENT));
	/* There is no page to be faulted in. */
	tmm_expect_err(t, -ENOMEM, TMM_MLOCK(0, 2));
	tmm_expect_layout(t, "AA A:r+dontexpand@0~0");
}

/*
 * The limit
 */

static void locking_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAAAAAA A:rw#1");
	tmm_drop_capabilities(t);
	tmm_limit(t, RLIMIT_MEMLOCK, 4);
	tmm_expect_err(t, -ENOMEM, TMM_MLOCK(0, 5));
	tmm_expect_err(t, -ENOMEM, TMM_MLOCKALL(MCL_CURRENT));
	tmm_expect_layout(t, "AAAAAAAA A:rw#1");
	tmm_must(t, TMM_MLOCK(2, 4));
	tmm_expect_layout(t, "AABBBBCC A:rw#1 B:rw#1+lock C:rw#1");
	tmm_expect_err(t, -ENOMEM, TMM_MLOCK(0, 1));
	tmm_expect_err(t, -EAGAIN, TMM_MMAP(10, 1, "rw+lock"));
	tmm_must(t, TMM_MLOCKALL(MCL_FUTURE));
	tmm_expect_err(t, -EAGAIN, TMM_MMAP(10, 1, "rw"));
	tmm_expect_layout(t, "AABBBBCC A:rw#1 B:rw#1+lock C:rw#1");
}

/* What is locked already does not count twice, however the ranges lie. */
/*
 * Pages wait for others to be locked or unlocked with them, but not where that
 * is in the way of those who move pages.
 */
static bool waits_after(struct test_mm *t, const struct tmm_op *op)
{
	bool waits;

	mlock_drain_local();
	__tmm_do(t, op);
	preempt_disable();
	waits = need_mlock_drain(smp_processor_id());
	preempt_enable();
	return waits;
}

static void locking_waits_for_more_pages(struct kunit *test)
{
	static const struct tmm_op ops[] = {
		TMM_MLOCK_ONFAULT(0, 4), TMM_WRITE(2, 2), TMM_MUNMAP(3, 1),
		TMM_MUNLOCK(0, 3),
	};
	struct test_mm *t = tmm_create(test);
	bool waits[2][ARRAY_SIZE(ops)];
	int may_wait, i;

	for (may_wait = 0; may_wait < 2; may_wait++) {
		tmm_draw(t, "AAAA");
		tmm_must(t, TMM_WRITE(0, 2));
		lru_add_drain();
		if (!may_wait)
			lru_cache_disable();
		for (i = 0; i < ARRAY_SIZE(ops); i++)
			waits[may_wait][i] = waits_after(t, &ops[i]);
		if (!may_wait)
			lru_cache_enable();
		tmm_expect_layout(t, "AAA A:rw#1");
		tmm_clear(t);
	}
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		KUNIT_EXPECT_FALSE_MSG(test, waits[0][i], "operation %d", i);
		/* mlock() and munlock() leave none waiting, as a fault and munmap() do. */
		if (!IS_ENABLED(CONFIG_SMP))
			KUNIT_EXPECT_EQ_MSG(test, waits[1][i], i == 1 || i == 2,
					    "operation %d", i);
	}
}

/* What is locked already is not counted beyond the end of all addresses. */
static void limit_of_an_endless_range(struct kunit *test)
{
	vma_flags_t flags = mk_vma_flags(VMA_LOCKED_BIT);
	struct test_mm *t = tmm_create(test);
	const unsigned long len = -2 * PAGE_SIZE;

	tmm_draw(t, "AABB A:rw+lock#1");
	tmm_drop_capabilities(t);
	tmm_limit(t, RLIMIT_MEMLOCK, 2);
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			do_mlock(tmm_addr(t, 0), len, &flags));
	t->doing = "mlock() of an endless range";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AABB A:rw+lock#1");
	/* Not over the limit, as two of its pages are locked: it is no range. */
	tmm_limit(t, RLIMIT_MEMLOCK, len / PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			do_mlock(tmm_addr(t, 0), len, &flags));
	tmm_expect_layout(t, "AABB A:rw+lock#1");
}

static void locked_already_is_not_counted(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABBBBCC A:rw#1 B:rw#1+lock C:rw#1");
	tmm_drop_capabilities(t);
	tmm_limit(t, RLIMIT_MEMLOCK, 4);
	tmm_must(t, TMM_MLOCK(2, 4));
	tmm_must(t, TMM_MLOCK(3, 2));
	tmm_expect_layout(t, "AABBBBCC A:rw#1 B:rw#1+lock C:rw#1");
	tmm_expect_err(t, -ENOMEM, TMM_MLOCK(1, 3));
	tmm_expect_err(t, -ENOMEM, TMM_MLOCK(4, 3));
	tmm_limit(t, RLIMIT_MEMLOCK, 5);
	tmm_must(t, TMM_MLOCK(1, 3));
	tmm_expect_layout(t, "ABBBBBCC A:rw#1 B:rw#1+lock C:rw#1");
	tmm_limit(t, RLIMIT_MEMLOCK, 6);
	tmm_expect_err(t, -ENOMEM, TMM_MLOCK(4, 4));
	tmm_must(t, TMM_MLOCK(4, 3));
	tmm_expect_layout(t, "ABBBBBBC A:rw#1 B:rw#1+lock C:rw#1");
}

static void without_a_limit_nothing_is_locked(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA A:rw#1");
	tmm_drop_capabilities(t);
	tmm_limit(t, RLIMIT_MEMLOCK, 0);
	tmm_expect_err(t, -EPERM, TMM_MLOCK(0, 1));
	tmm_expect_err(t, -EPERM, TMM_MLOCKALL(MCL_FUTURE));
	tmm_expect_err(t, -EPERM, TMM_MMAP(4, 1, "rw+lock"));
	tmm_expect_layout(t, "AA A:rw#1");
}

/* Whoever holds CAP_IPC_LOCK is not limited. */
static void capability_lifts_the_limit(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA A:rw#1");
	tmm_limit(t, RLIMIT_MEMLOCK, 0);
	tmm_must(t, TMM_MLOCK(0, 1));
	tmm_must(t, TMM_MLOCKALL(MCL_CURRENT));
	tmm_must(t, TMM_MREMAP(0, 2, 0, 4, 0));
	tmm_expect_layout(t, "AAAA A:rw#1+lock");
}

static void lock_survives_lack_of_memory(struct kunit *test)
{
	tmm_run_case_out_of_memory(test, test->param_value);
}

/*
 * Who asks for all is told of no error, and has locked what there was memory
 * for. What is not locked is at least faulted in.
 */
static void all_that_can_be_is_locked(struct kunit *test)
{
	const struct tmm_op op = TMM_MLOCKALL(MCL_CURRENT | MCL_ONFAULT);
	struct test_mm *t = tmm_create(test);
	bool failed = true;
	int nth;

	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	if (IS_ENABLED(CONFIG_KASAN))
		kunit_skip(test, "KASAN allocates, too (CONFIG_KASAN)");
	for (nth = 1; failed; nth++) {
		tmm_draw(t, "AABBCC A:rw+lock+onfault C:r");
		KUNIT_EXPECT_EQ(test, 0, tmm_do_failing(t, &op, nth, &failed));
		__tmm_report(t, tmm_check(t));
		if (failed)
			tmm_expect_layout(t, "AABBCC A:rw+lock+onfault B:rw#1"
					     " C:r+lock+onfault");
		else
			tmm_expect_layout(t, "AAAACC A:rw+lock+onfault"
					     " C:r+lock+onfault");
		tmm_clear(t);
	}
	KUNIT_EXPECT_GT(test, nth, 2);
}

static struct kunit_case vma_mlock_cases[] = {
	KUNIT_CASE_PARAM(locked_as_asked, locks_gen_params),
	KUNIT_CASE_PARAM(locked_page_that_becomes_writable_is_copied, copies_gen_params),
	KUNIT_CASE_PARAM(locked_up_to_the_error, holes_gen_params),
	KUNIT_CASE(lock_makes_resident),
	KUNIT_CASE(unaligned_ranges_are_rounded),
	KUNIT_CASE_PARAM(all_is_locked, all_locks_gen_params),
	KUNIT_CASE(flags_of_mlockall_are_checked),
	KUNIT_CASE(what_comes_is_locked),
	KUNIT_CASE(special_mapping_is_not_locked),
	KUNIT_CASE(locking_is_limited),
	KUNIT_CASE(locking_waits_for_more_pages),
	KUNIT_CASE(limit_of_an_endless_range),
	KUNIT_CASE(locked_already_is_not_counted),
	KUNIT_CASE(without_a_limit_nothing_is_locked),
	KUNIT_CASE(capability_lifts_the_limit),
	KUNIT_CASE(all_that_can_be_is_locked),
	KUNIT_CASE_PARAM(lock_survives_lack_of_memory, locks_gen_params),
	{}
};

static struct kunit_suite vma_mlock_suite = {
	.name = "vma_mlock",
	.test_cases = vma_mlock_cases,
};

kunit_test_suite(vma_mlock_suite);

MODULE_DESCRIPTION("Tests for locked VMAs");
MODULE_LICENSE("GPL");
