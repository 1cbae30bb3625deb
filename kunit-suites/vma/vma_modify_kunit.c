// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing what a range is: each way to do it splits, merges back, and is
 * accounted for. mremap(), brk() and stack growth, which make VMAs longer or
 * take them elsewhere, are here as well.
 *
 * checkpatch: LINE_SPACING: VMA_ITERATOR() is a declaration
 * checkpatch: SPLIT_STRING: pictures are wide
 */
#include <linux/mman.h>
#include <linux/sched/signal.h>
#include <linux/userfaultfd_k.h>

#include "internal.h"
#include "test_mm.h"

/*
 * In two steps: a change of the middle, and the change back, after which all
 * is one VMA again.
 */
struct round_trip {
	const char *name;
	const char *whole;
	struct tmm_op there;
	const char *split;
	struct tmm_op back;
	const char *again;	/* Where it is not @whole. */
};

static const struct round_trip round_trips[] = {
	{ "mprotect_anonymous", "AAAAAA",
	  TMM_MPROTECT(2, 2, "r"), "AABBCC B:r", TMM_MPROTECT(2, 2, "rw") },
	{ "mprotect_faulted", "AAAAAA A:rw#1",
	  TMM_MPROTECT(2, 2, "r"), "AABBCC A:rw#1 B:r#1+acct C:rw#1",
	  TMM_MPROTECT(2, 2, "rw") },
	{ "mprotect_private_file", "AAAAAA A:rwf0",
	  TMM_MPROTECT(2, 2, "r"), "AABBCC A:rwf0 B:rf0+acct C:rwf0",
	  TMM_MPROTECT(2, 2, "rw") },
	{ "mprotect_shared_file", "AAAAAA A:rwsf0@5",
	  TMM_MPROTECT(2, 2, "r"), "AABBCC A:rwsf0@5 B:rsf0@7 C:rwsf0@9",
	  TMM_MPROTECT(2, 2, "rw") },
	{ "mprotect_executable", "AAAAAA A:rx",
	  TMM_MPROTECT(2, 2, "r"), "AABBCC A:rx B:r C:rx",
	  TMM_MPROTECT(2, 2, "rx") },
	/* Writable for a moment is charged for good only when faulted. */
	{ "mprotect_charge", "AAAAAA A:r",
	  TMM_MPROTECT(2, 2, "rw"), "AABBCC A:r B:rw C:r",
	  TMM_MPROTECT(2, 2, "r") },
	{ "mprotect_charge_of_file", "AAAAAA A:rf0",
	  TMM_MPROTECT(2, 2, "rw"), "AABBCC A:rf0 B:rwf0 C:rf0",
	  TMM_MPROTECT(2, 2, "r"), "AABBCC A:rf0 B:rf0+acct C:rf0" },
	{ "madvise_dontfork", "AAAAAA",
	  TMM_MADVISE(2, 2, MADV_DONTFORK), "AABBCC B:rw+dontcopy",
	  TMM_MADVISE(2, 2, MADV_DOFORK) },
	{ "madvise_dontdump_start", "AAAAAA A:rw#1",
	  TMM_MADVISE(0, 2, MADV_DONTDUMP), "AABBBB A:rw#1+dontdump B:rw#1",
	  TMM_MADVISE(0, 2, MADV_DODUMP) },
	{ "madvise_random_end", "AAAAAA A:rwf0",
	  TMM_MADVISE(4, 2, MADV_RANDOM), "AAAABB A:rwf0 B:rwf0+rand",
	  TMM_MADVISE(4, 2, MADV_NORMAL) },
	{ "madvise_sequential", "AAAAAA A:rwsf0",
	  TMM_MADVISE(2, 2, MADV_SEQUENTIAL),
	  "AABBCC A:rwsf0 B:rwsf0+seq C:rwsf0",
	  TMM_MADVISE(2, 2, MADV_NORMAL) },
	{ "madvise_wipeonfork", "AAAAAA A:rw#1",
	  TMM_MADVISE(2, 2, MADV_WIPEONFORK), "AABBCC A:rw#1 B:rw#1+wipe C:rw#1",
	  TMM_MADVISE(2, 2, MADV_KEEPONFORK) },
	{ "madvise_mergeable", "AAAAAA A:rw#1",
	  TMM_MADVISE(2, 2, MADV_MERGEABLE), "AABBCC A:rw#1 B:rw#1+mergeable C:rw#1",
	  TMM_MADVISE(2, 2, MADV_UNMERGEABLE) },
	{ "mlock_faulted", "AAAAAA A:rw#1",
	  TMM_MLOCK(2, 2), "AABBCC A:rw#1 B:rw#1+lock C:rw#1",
	  TMM_MUNLOCK(2, 2) },
	/* Locking faults the range in, so that it has an anon_vma for all. */
	{ "mlock_unfaulted", "AAAAAA",
	  TMM_MLOCK(2, 2), "AABBCC A:rw B:rw#1+lock C:rw",
	  TMM_MUNLOCK(2, 2), "AAAAAA A:rw#1" },
	{ "mlock_shared_file_end", "AAAAAA A:rwsf0",
	  TMM_MLOCK(4, 2), "AAAABB A:rwsf0 B:rwsf0+lock",
	  TMM_MUNLOCK(4, 2) },
	{ "name", "AAAAAA A:rw#1",
	  TMM_NAME(2, 2, "one"), "AABBCC A:rw#1 B:rw#1'one' C:rw#1",
	  TMM_NAME(2, 2, NULL) },
	{ "name_changed", "AAAAAA A:rw'one'",
	  TMM_NAME(0, 2, "two"), "AABBBB A:rw'two' B:rw'one'",
	  TMM_NAME(0, 2, "one") },
	{ "userfaultfd", "AAAAAA A:rw#1",
	  TMM_UFFD(2, 2, 0), "AABBCC A:rw#1 B:rw#1u0 C:rw#1",
	  TMM_NO_UFFD(2, 2) },
	{ "userfaultfd_unfaulted_end", "AAAAAA",
	  TMM_UFFD(4, 2, 0), "AAAABB B:rwu0", TMM_NO_UFFD(4, 2) },
	{ "policy", "AAAAAA A:rw#1",
	  TMM_POLICY(2, 2), "AABBCC A:rw#1 B:rw#1m C:rw#1",
	  TMM_NO_POLICY(2, 2) },
};

KUNIT_ARRAY_PARAM_DESC(round_trips, round_trips, name);

static struct tmm_case there(const struct round_trip *r)
{
	return (struct tmm_case)TMM_CASE(r->name, r->whole, r->there, r->split);
}

/* From the split state as the way there leaves it, it cannot be drawn always. */
static void merges_back(struct kunit *test)
{
	const struct round_trip *r = test->param_value;
	const struct tmm_case c = there(r);
	struct test_mm *t;

	tmm_require_case(test, &c);
	t = tmm_create(test);
	tmm_draw(t, r->whole);
	tmm_must(t, r->there);
	tmm_expect_layout(t, r->split);
	tmm_must(t, r->back);
	tmm_expect_layout(t, r->again ?: r->whole);
	/* Twice is as good as once. */
	tmm_must(t, r->back);
	tmm_expect_layout(t, r->again ?: r->whole);
}

static void change_survives_lack_of_memory(struct kunit *test)
{
	const struct tmm_case c = there(test->param_value);

	tmm_run_case_out_of_memory(test, &c);
}

/*
 * Special mappings, and all locks at once
 */

static void special_mappings_stay_apart(struct kunit *test)
{
	static struct page *no_pages[] = { NULL };
	static const struct vm_special_mapping special = {
		.name = "[test]",
		.pages = no_pages,
	};
	struct test_mm *t = tmm_create(test);
	struct vm_area_struct *vma[2];
	int i;

	for (i = 0; i < 2; i++) {
		mmap_write_lock(t->mm);
		vma[i] = _install_special_mapping(t->mm, tmm_addr(t, 2 * i),
						  2 * PAGE_SIZE,
						  VM_READ | VM_MAYREAD, &special);
		mmap_write_unlock(t->mm);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vma[i]);
	}
	t->doing = "_install_special_mapping()";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AABB A:r+dontexpand@0~0 B:r+dontexpand@0~2");
	tmm_must(t, TMM_MUNMAP(0, 2));
	tmm_expect_layout(t, "..BB B:r+dontexpand@0~2");
}

static void all_locks_are_taken_and_dropped(struct kunit *test)
{
	bool anon_vma_locked, mapping_locked;
	struct test_mm *t = tmm_create(test);
	struct address_space *mapping;
	struct anon_vma *anon_vma;
	int err;

	/* Some share their locks: each may be taken but once. */
	tmm_draw(t, "AABBCCDDEE A:rw#1 B:rwsf0 C:rw#2 D:r#2+acct E:rsf0");
	mapping = tmm_file(t, 0)->f_mapping;
	anon_vma = tmm_vma(t, 4)->anon_vma;

	mmap_write_lock(t->mm);
	err = mm_take_all_locks(t->mm);
	anon_vma_locked = rwsem_is_locked(&anon_vma->root->rwsem);
	mapping_locked = rwsem_is_locked(&mapping->i_mmap_rwsem);
	if (!err)
		mm_drop_all_locks(t->mm);
	mmap_write_unlock(t->mm);

	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_TRUE(test, anon_vma_locked);
	KUNIT_EXPECT_TRUE(test, mapping_locked);
	t->doing = "mm_drop_all_locks()";
	__tmm_report(t, tmm_check(t));
}

static void signal_stops_the_taking_of_locks(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	int err;

	tmm_draw(t, "AABB A:rw#1 B:rwsf0");
	mmap_write_lock(t->mm);
	set_thread_flag(TIF_SIGPENDING);
	err = mm_take_all_locks(t->mm);
	clear_thread_flag(TIF_SIGPENDING);
	if (!err)
		mm_drop_all_locks(t->mm);
	mmap_write_unlock(t->mm);
	KUNIT_EXPECT_EQ(test, err, -EINTR);
	t->doing = "mm_take_all_locks() with a signal";
	__tmm_report(t, tmm_check(t));
}

/*
 * vma_modify_flags() itself: it splits and merges, the caller sets the flags
 */

struct modified {
	bool error;
	unsigned long start, end;
	vm_flags_t flags;
};

/* Nothing is asserted here: the mmap_lock is held. */
static struct modified modify_flags(struct test_mm *t, int page, int nr,
				    vm_flags_t set, vm_flags_t clear)
{
	const unsigned long start = tmm_addr(t, page);
	const unsigned long end = tmm_addr(t, page + nr);
	struct vm_area_struct *vma, *prev;
	VMA_ITERATOR(vmi, t->mm, start);
	struct modified m = {};
	vma_flags_t flags;

	mmap_write_lock(t->mm);
	prev = vma_prev(&vmi);
	vma = vma_find(&vmi, end);
	if (start > vma->vm_start)
		prev = vma;
	flags = legacy_to_vma_flags((vma->vm_flags | set) & ~clear);
	vma = vma_modify_flags(&vmi, prev, vma, start, end, &flags);
	m.error = IS_ERR(vma);
	if (!m.error) {
		vma_start_write(vma);
		vm_flags_reset(vma, vma_flags_to_legacy(flags));
		m.start = vma->vm_start;
		m.end = vma->vm_end;
		m.flags = vma->vm_flags;
	}
	mmap_write_unlock(t->mm);
	t->doing = "vma_modify_flags()";
	__tmm_report(t, tmm_check(t));
	return m;
}

static void modify_flags_returns_the_range(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	struct modified m;

	tmm_draw(t, "AAAAAA A:rw#1");
	m = modify_flags(t, 2, 2, VM_DONTCOPY, 0);
	KUNIT_ASSERT_FALSE(test, m.error);
	KUNIT_EXPECT_EQ(test, m.start, tmm_addr(t, 2));
	KUNIT_EXPECT_EQ(test, m.end, tmm_addr(t, 4));
	tmm_expect_layout(t, "AABBCC A:rw#1 B:rw#1+dontcopy C:rw#1");

	/* The next one grows to the left, the middle one shrinks. */
	m = modify_flags(t, 3, 1, 0, VM_DONTCOPY);
	KUNIT_EXPECT_EQ(test, m.start, tmm_addr(t, 3));
	KUNIT_EXPECT_EQ(test, m.end, tmm_addr(t, 6));
	tmm_expect_layout(t, "AABCCC A:rw#1 B:rw#1+dontcopy C:rw#1");

	m = modify_flags(t, 2, 1, 0, VM_DONTCOPY);
	KUNIT_EXPECT_EQ(test, m.start, tmm_addr(t, 0));
	KUNIT_EXPECT_EQ(test, m.end, tmm_addr(t, 6));
	tmm_expect_layout(t, "AAAAAA A:rw#1");
}

/* The caller overwrites the flags, so it must be told the sticky ones. */
static void modify_flags_returns_sticky_flags(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	struct modified m;

	tmm_draw(t, "AABB A:rw+guard#1 B:r");
	/* The accounting that mprotect() does. */
	vm_acct_memory(2);
	t->mm->data_vm += 2;
	m = modify_flags(t, 2, 2, VM_WRITE | VM_ACCOUNT, 0);
	KUNIT_ASSERT_FALSE(test, m.error);
	KUNIT_EXPECT_TRUE(test, m.flags & VM_MAYBE_GUARD);
	tmm_expect_layout(t, "AAAA A:rw+guard#1");
}

static struct kunit_case vma_modify_cases[] = {
	KUNIT_CASE_PARAM(merges_back, round_trips_gen_params),
	KUNIT_CASE(special_mappings_stay_apart),
	KUNIT_CASE(all_locks_are_taken_and_dropped),
	KUNIT_CASE(signal_stops_the_taking_of_locks),
	KUNIT_CASE(modify_flags_returns_the_range),
	KUNIT_CASE(modify_flags_returns_sticky_flags),
	KUNIT_CASE_PARAM(change_survives_lack_of_memory, round_trips_gen_params),
	{}
};

static struct kunit_suite vma_modify_suite = {
	.name = "vma_modify",
	.test_cases = vma_modify_cases,
};

kunit_test_suite(vma_modify_suite);

MODULE_DESCRIPTION("Tests for changing VMAs");
MODULE_LICENSE("GPL");
