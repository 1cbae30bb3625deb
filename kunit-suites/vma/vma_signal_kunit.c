// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is killed while waiting for a lock gives up, and has changed nothing.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>
#include <linux/uio.h>

#include "internal.h"
#include "ops.h"
#include "test_mm.h"

/*
 * From here on the mmap_lock cannot be had for writing, and whoever tries is
 * killed. Nothing may be asserted until the end of it. The lock is held by
 * nobody, as lockdep would take it for recursion.
 */
static void begin_killed_wait(struct test_mm *t)
{
	down_read_non_owner(&t->mm->mmap_lock);
	sigaddset(&current->pending.signal, SIGKILL);
	set_thread_flag(TIF_SIGPENDING);
}

static void end_killed_wait(struct test_mm *t)
{
	clear_thread_flag(TIF_SIGPENDING);
	sigdelset(&current->pending.signal, SIGKILL);
	up_read_non_owner(&t->mm->mmap_lock);
}

static const struct tmm_case waiting[] = {
	TMM_CASE_ERR("mmap", "AA..", TMM_MMAP(1, 2, "r"), -EINTR),
	TMM_CASE_ERR("mprotect", "AAAA A:rw#1", TMM_MPROTECT(1, 2, "r"), -EINTR),
	TMM_CASE_ERR("madvise", "AAAA A:rw#1",
		     TMM_MADVISE(1, 2, MADV_DONTDUMP), -EINTR),
	TMM_CASE_ERR("name", "AAAA", TMM_NAME(1, 2, "one"), -EINTR),
	TMM_CASE_ERR("mremap_shrink", "AAAA A:rw#1",
		     TMM_MREMAP(0, 4, 0, 2, 0), -EINTR),
	TMM_CASE_ERR("mremap_move", "AAAA A:rw#1", TMM_MOVE(0, 4, 10), -EINTR),
	TMM_CASE_ERR("mlock", "AAAA A:rw#1", TMM_MLOCK(1, 2), -EINTR),
	TMM_CASE_ERR("munlock", "AAAA A:rw#1+lock", TMM_MUNLOCK(1, 2), -EINTR),
	TMM_CASE_ERR("mlockall", "AAAA A:rw#1", TMM_MLOCKALL(MCL_CURRENT), -EINTR),
	TMM_CASE_ERR("munlockall", "AAAA A:rw#1+lock", TMM_MUNLOCKALL(), -EINTR),
	TMM_CASE_ERR("seal", "AAAA A:rw#1", TMM_SEAL(1, 2), -EINTR),
	TMM_CASE_ERR("heap_of_exec", "AA..", TMM_BRK(2, 2), -EINTR),
};

KUNIT_ARRAY_PARAM_DESC(waiting, waiting, name);

static void killed_while_waiting(struct kunit *test)
{
	const struct tmm_case *c = test->param_value;
	struct test_mm *t;
	long err;

	tmm_require_case(test, c);
	t = tmm_create(test);
	tmm_draw(t, c->before);
	err = tmm_op_begin(t, &c->op);
	KUNIT_ASSERT_EQ(test, err, 0);
	begin_killed_wait(t);
	err = tmm_op_execute(t, &c->op);
	end_killed_wait(t);
	tmm_op_end(t, &c->op);
	KUNIT_EXPECT_EQ_MSG(test, err, c->err, "of %s", t->doing);
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, c->before);
}

/* munmap() itself, and brk(), which says so as it says all errors. */
static void killed_while_waiting_to_unmap(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	unsigned long end;
	int err;

	tmm_draw(t, "AA..BB A:rw#1 B:rwsf0");
	begin_killed_wait(t);
	err = vm_munmap(tmm_addr(t, 0), tmm_len(t, 5));
	end_killed_wait(t);
	KUNIT_EXPECT_EQ(test, err, -EINTR);
	tmm_start_brk(t, 8);
	begin_killed_wait(t);
	end = ksys_brk(tmm_addr(t, 10));
	end_killed_wait(t);
	KUNIT_EXPECT_EQ(test, (long)end, -EINTR);
	KUNIT_EXPECT_EQ(test, t->mm->brk, tmm_addr(t, 8));
	t->doing = "munmap() and brk() of one who is killed";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AA..BB A:rw#1 B:rwsf0");
}

static void killed_while_forking(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	int err;

	tmm_draw(t, "AA..BB A:rw#1 B:rwsf0");
	begin_killed_wait(t);
	err = tmm_try_fork(t);
	end_killed_wait(t);
	KUNIT_EXPECT_EQ(test, err, -EINTR);
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AA..BB A:rw#1 B:rwsf0");
}

/* A fault below a stack drops the lock to take it for writing. */
static void killed_while_a_stack_grows(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	struct vm_area_struct *vma;

	tmm_must(t, TMM_MMAP(40, 4, "rw+growsdown"));
	begin_killed_wait(t);
	mmap_read_lock(t->mm);
	vma = expand_stack(t->mm, tmm_addr(t, 38));
	if (vma)
		mmap_read_unlock(t->mm);
	end_killed_wait(t);
	KUNIT_EXPECT_PTR_EQ(test, vma, NULL);
	t->doing = "expand_stack() of one who is killed";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "........................................AAAA A:rw+growsdown");
}

/* The lock was to be had, and the VMA is locked, but nothing comes in. */
static void killed_before_pages_come_in(struct kunit *test)
{
	const struct tmm_op op = TMM_MLOCK(0, 2);
	struct test_mm *t = tmm_create(test);
	long err;

	tmm_draw(t, "AAAA");
	sigaddset(&current->pending.signal, SIGKILL);
	set_thread_flag(TIF_SIGPENDING);
	err = __tmm_do(t, &op);
	clear_thread_flag(TIF_SIGPENDING);
	sigdelset(&current->pending.signal, SIGKILL);
	KUNIT_EXPECT_EQ(test, err, -EINTR);
	__tmm_report(t, tmm_check(t));
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 4), 0);
	KUNIT_EXPECT_EQ(test, t->mm->locked_vm, 2);
}

static void killed_before_the_first_range_is_advised(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	struct iov_iter iter;
	struct iovec iov;
	ssize_t done;

	tmm_draw(t, "AAAA A:rw#1");
	iov.iov_base = (void __user *)tmm_addr(t, 1);
	iov.iov_len = tmm_len(t, 2);
	iov_iter_init(&iter, ITER_DEST, &iov, 1, iov.iov_len);
	begin_killed_wait(t);
	done = vector_madvise(t->mm, &iter, MADV_DONTDUMP);
	end_killed_wait(t);
	KUNIT_EXPECT_EQ(test, done, -EINTR);
	t->doing = "process_madvise() of one who is killed";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AAAA A:rw#1");
}

/*
 * Any signal ends mm_take_all_locks(), also one that comes in the middle: from
 * the holder of the lock that it waits for.
 */

struct holder {
	struct rw_semaphore *sem;
	struct task_struct *waiter;
	struct completion held, released;
	bool waited_for;
};

static int hold_until_waited_for(void *data)
{
	struct holder *h = data;
	int i;

	down_write(h->sem);
	complete(&h->held);
	for (i = 0; i < 500 && !rwsem_is_contended(h->sem); i++)
		schedule_timeout_uninterruptible(1);
	h->waited_for = rwsem_is_contended(h->sem);
	set_tsk_thread_flag(h->waiter, TIF_SIGPENDING);
	up_write(h->sem);
	kthread_complete_and_exit(&h->released, 0);
}

struct kept_lock {
	const char *name;
	const char *picture;
};

static const struct kept_lock held_locks[] = {
	{ "before_another_file", "AABB A:rwsf0 B:rwsf1" },
	{ "before_anonymous_memory", "AABB A:rw#1 B:rwsf0" },
};

KUNIT_ARRAY_PARAM_DESC(held_locks, held_locks, name);

static void signal_comes_between_two_locks(struct kunit *test)
{
	const struct kept_lock *l = test->param_value;
	struct holder h = { .waiter = current };
	struct test_mm *t = tmm_create(test);
	struct task_struct *thread;
	int err;

	tmm_draw(t, l->picture);
	h.sem = &tmm_file(t, 0)->f_mapping->i_mmap_rwsem;
	init_completion(&h.held);
	init_completion(&h.released);
	thread = kthread_run(hold_until_waited_for, &h, "test_holder");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	wait_for_completion(&h.held);
	mmap_write_lock(t->mm);
	err = mm_take_all_locks(t->mm);
	if (!err)
		mm_drop_all_locks(t->mm);
	mmap_write_unlock(t->mm);
	wait_for_completion(&h.released);
	clear_thread_flag(TIF_SIGPENDING);
	KUNIT_EXPECT_TRUE(test, h.waited_for);
	KUNIT_EXPECT_EQ(test, err, -EINTR);
	KUNIT_EXPECT_FALSE_MSG(test, rwsem_is_locked(h.sem), "a lock was kept");
	t->doing = "mm_take_all_locks() with a signal on the way";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, l->picture);
}

static struct kunit_case vma_signal_cases[] = {
	KUNIT_CASE_PARAM(killed_while_waiting, waiting_gen_params),
	KUNIT_CASE(killed_while_waiting_to_unmap),
	KUNIT_CASE(killed_while_forking),
	KUNIT_CASE(killed_while_a_stack_grows),
	KUNIT_CASE(killed_before_pages_come_in),
	KUNIT_CASE(killed_before_the_first_range_is_advised),
	KUNIT_CASE_PARAM(signal_comes_between_two_locks, held_locks_gen_params),
	{}
};

static struct kunit_suite vma_signal_suite = {
	.name = "vma_signal",
	.test_cases = vma_signal_cases,
};

kunit_test_suite(vma_signal_suite);

MODULE_DESCRIPTION("Tests for those who are killed while they wait");
MODULE_LICENSE("GPL");
