// SPDX-License-Identifier: GPL-2.0-only
/*
 * fork(): what a child gets of each kind of VMA, what the parent keeps, and
 * that both stay apart from then on. And without memory: nothing.
 *
 * checkpatch: SPLIT_STRING: pictures are wide
 */
#include <linux/mman.h>

#include "internal.h"
#include "test_mm.h"

struct inheritance {
	const char *name;
	const char *parent, *child;
};

static const struct inheritance inheritances[] = {
	{ "unfaulted", "AAAA", "AAAA" },
	{ "faulted", "AAAA A:rw#1", "AAAA A:rw#1*2" },
	{ "faulted_read_only", "AAAA A:r#1+acct", "AAAA A:r#1*2+acct" },
	{ "moved", "AAAA A:rw#1@20", "AAAA A:rw#1*2@20" },
	{ "private_file", "AAAA A:rwf0#1", "AAAA A:rwf0#1*2" },
	{ "shared_file", "AAAA A:rwsf0@3", "AAAA A:rwsf0@3" },
	{ "shared_anonymous", "AAAA A:rwsz@0", "AAAA A:rwsz@0" },
	{ "driver", "....AAAA A:rwsf2", "....AAAA A:rwsf2" },
	{ "several", "AABBCC.D A:rw#1 B:r C:rwsf0 D:rwf1#2",
	  "AABBCC.D A:rw#1*2 B:r C:rwsf0 D:rwf1#2*2" },
	{ "dontfork", "AABBCC A:rw B:rw#1+dontcopy C:rw", "AA..CC" },
	{ "dontfork_first", "AABB A:rw#1+dontcopy", "..BB" },
	{ "dontfork_last", "AABB B:rwsf0+dontcopy", "AA" },
	{ "all_dontfork", "AAAA A:rw+dontcopy", "" },
	{ "wipeonfork", "AAAA A:rw#1+wipe", "AAAA A:rw+wipe" },
	{ "wipeonfork_moved", "AAAA A:rw#1+wipe@20", "AAAA A:rw+wipe" },
	{ "droppable", "AAAA A:rw#1+droppable+wipe+dontdump+noreserve",
	  "AAAA A:rw+droppable+wipe+dontdump+noreserve" },
	{ "locked", "AAAA A:rw#1+lock", "AAAA A:rw#1*2" },
	{ "locked_on_fault", "AAAA A:rw+lock+onfault", "AAAA" },
	{ "locked_file", "AAAA A:rwsf0+lock", "AAAA A:rwsf0" },
	{ "name", "AABB A:rw'one' B:rw#1'two'", "AABB A:rw'one' B:rw#1*2'two'" },
	{ "policy", "AAAA A:rwm", "AAAA A:rwm" },
	{ "guarded", "AAAA A:rw+guard#1", "AAAA A:rw+guard#1*2" },
	{ "guarded_file", "AAAA A:rwsf0+guard", "AAAA A:rwsf0+guard" },
	{ "userfaultfd", "AAAA A:rw#1u0", "AAAA A:rw#1*2" },
	{ "userfaultfd_for_writes", "AAAA A:rw#1u0+wp", "AAAA A:rw#1*2" },
	{ "sealed", "AAAA A:rw+sealed", "AAAA A:rw+sealed" },
	{ "stack", "........................................AAAA A:rw#1+growsdown",
	  "........................................AAAA A:rw#1*2+growsdown" },
	{ "noreserve", "AAAA A:rw#1+noreserve", "AAAA A:rw#1*2+noreserve" },
	{ "soft_dirty", "AABB A:rw+clean B:r", "AABB A:rw+clean B:r" },
};

KUNIT_ARRAY_PARAM_DESC(inheritances, inheritances, name);

static void child_inherits(struct kunit *test)
{
	const struct inheritance *i = test->param_value;
	struct test_mm *t;

	tmm_require(test, i->parent);
	t = tmm_create(test);
	tmm_draw(t, i->parent);
	tmm_fork(t);
	tmm_expect_layout(t, i->child);
	swap(t->mm, t->parent);
	t->doing = "fork in the parent";
	tmm_expect_layout(t, i->parent);
	swap(t->mm, t->parent);
}

static void fork_survives_lack_of_memory(struct kunit *test)
{
	const struct inheritance *i = test->param_value;
	struct test_mm *t;

	tmm_require(test, i->parent);
	t = tmm_create(test);
	tmm_draw(t, i->parent);
	tmm_fork_out_of_memory(t);
	tmm_expect_layout(t, i->parent);
}

/* What is written after fork() is one's own, and what is not, is shared. */
static void pages_are_copied_on_write(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAA A:rw#1");
	tmm_fork(t);
	tmm_must(t, TMM_WRITE(0, 2));
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 4), 4);
	/* No access right brings back what is shared for writing. */
	tmm_must(t, TMM_MPROTECT(0, 4, "r"));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
	tmm_expect_layout(t, "AAAA A:rw#1*2");
	tmm_must(t, TMM_MLOCK(0, 4));
	tmm_must(t, TMM_MUNMAP(1, 2));
	tmm_expect_layout(t, "A..B A:rw#1*2+lock B:rw#1*2+lock");
	tmm_must(t, TMM_MOVE(0, 1, 40));
	tmm_expect_layout(t, "...B....................................A"
			     " A:rw#1*2@0+lock B:rw#1*2+lock");
}

/* The child's guards and holes are its own. */
static void guards_are_inherited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAA A:rw#1");
	tmm_must(t, TMM_MADVISE(1, 1, MADV_GUARD_INSTALL));
	tmm_fork(t);
	tmm_expect_err(t, -EFAULT, TMM_READ(1, 1));
	tmm_must(t, TMM_MADVISE(0, 4, MADV_GUARD_REMOVE));
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_expect_layout(t, "AAAA A:rw+guard#1*2");
}

/* What can be written to is the child's own, and charged for once more. */
static void child_is_charged_for(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABB.CC A:rw#1 B:r C:rw");
	tmm_limit_commit(t, 3);
	KUNIT_EXPECT_EQ(test, tmm_try_fork(t), -ENOMEM);
	__tmm_report(t, tmm_check(t));
	tmm_must(t, TMM_MUNMAP(5, 1));
	KUNIT_EXPECT_EQ(test, tmm_try_fork(t), 0);
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AABB..C A:rw#1 B:r");
}

/* What the child touches first is not tied to its parent by a neighbour. */
static void neighbour_of_inherited_memory_is_ones_own(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABB A:rw#1 B:r");
	tmm_fork(t);
	tmm_must(t, TMM_MPROTECT(2, 2, "rw"));
	tmm_expect_layout(t, "AABB A:rw#1*2 B:rw");
	tmm_must(t, TMM_WRITE(2, 1));
	tmm_expect_layout(t, "AABB A:rw#1*2 B:rw#2");
}

/* All that descends from one anon_vma has the lock of it. */
static void grandchild_is_of_the_same_root(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAABB A:rw#1 B:rwf0#2");
	tmm_fork(t);
	tmm_must(t, TMM_WRITE(0, 1));
	tmm_fork(t);
	tmm_expect_layout(t, "AAAABB A:rw#1*3 B:rwf0#2*3");
	tmm_must(t, TMM_WRITE(1, 1));
	tmm_must(t, TMM_MPROTECT(2, 2, "r"));
	tmm_orphan(t);
	tmm_must(t, TMM_MPROTECT(2, 2, "rw"));
	tmm_must(t, TMM_WRITE(0, 6));
	tmm_expect_layout(t, "AAAABB A:rw#1*3 B:rwf0#2*3");
}

/* An anon_vma that nobody writes to is the next one's: they do not pile up. */
static void anon_vmas_are_used_again(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	int i;

	tmm_draw(t, "AAAA A:rw#1");
	tmm_fork(t);
	tmm_expect_layout(t, "AAAA A:rw#1*2");
	for (i = 0; i < 4; i++) {
		tmm_orphan(t);
		tmm_fork(t);
		tmm_expect_layout(t, "AAAA A:rw#1*3");
		tmm_must(t, TMM_WRITE(i, 1));
	}
}

static struct kunit_case vma_fork_cases[] = {
	KUNIT_CASE_PARAM(child_inherits, inheritances_gen_params),
	KUNIT_CASE_PARAM(fork_survives_lack_of_memory, inheritances_gen_params),
	KUNIT_CASE(pages_are_copied_on_write),
	KUNIT_CASE(guards_are_inherited),
	KUNIT_CASE(child_is_charged_for),
	KUNIT_CASE(neighbour_of_inherited_memory_is_ones_own),
	KUNIT_CASE(grandchild_is_of_the_same_root),
	KUNIT_CASE(anon_vmas_are_used_again),
	{}
};

static struct kunit_suite vma_fork_suite = {
	.name = "vma_fork",
	.test_cases = vma_fork_cases,
};

kunit_test_suite(vma_fork_suite);

MODULE_DESCRIPTION("Tests for VMAs and fork()");
MODULE_LICENSE("GPL");
