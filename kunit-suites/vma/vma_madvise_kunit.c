// SPDX-License-Identifier: GPL-2.0-only
/*
 * madvise() and names: which advice changes a VMA, which its pages, what it
 * refuses, and how far it gets over holes. And what sealing keeps it from.
 *
 * checkpatch: SPLIT_STRING: pictures are wide
 */
#include <linux/leafops.h>
#include <linux/mman.h>
#include <linux/uio.h>

#include "internal.h"
#include "test_mm.h"

#define DROPPABLE	"+droppable+wipe+dontdump+noreserve"

/* Advice that is kept in the VMA. */
static const struct tmm_case kept[] = {
	TMM_CASE("random_ends_sequential", "AAAA A:rwf0+seq",
		 TMM_MADVISE(0, 4, MADV_RANDOM), "AAAA A:rwf0+rand"),
	TMM_CASE("sequential_ends_random", "AAAA A:rwf0+rand",
		 TMM_MADVISE(2, 2, MADV_SEQUENTIAL),
		 "AABB A:rwf0+rand B:rwf0+seq"),
	TMM_CASE("normal_ends_both", "AABB A:rwf0+rand B:rwf0+seq",
		 TMM_MADVISE(0, 4, MADV_NORMAL), "AAAA A:rwf0"),
	TMM_CASE("over_several", "AABBCC B:r C:rw#1",
		 TMM_MADVISE(1, 4, MADV_DONTFORK),
		 "ABCCDE A:rw B:rw+dontcopy C:r+dontcopy D:rw#1+dontcopy E:rw#1"),
	TMM_CASE("merges_with_both", "AABBCC A:rw+dontdump C:rw+dontdump",
		 TMM_MADVISE(2, 2, MADV_DONTDUMP), "AAAAAA A:rw+dontdump"),
	TMM_CASE("merges_over_several", "ABCDEF B:rw+seq D:rw+rand F:rw+seq",
		 TMM_MADVISE(0, 6, MADV_NORMAL), "AAAAAA"),
	TMM_CASE("merges_left", "AABB A:rw#1+wipe B:rw#1",
		 TMM_MADVISE(2, 2, MADV_WIPEONFORK), "AAAA A:rw#1+wipe"),
	TMM_CASE("part_merges_left", "AABB A:rw#1+wipe B:rw#1",
		 TMM_MADVISE(2, 1, MADV_WIPEONFORK), "AAAB A:rw#1+wipe B:rw#1"),
	TMM_CASE("part_merges_right", "AABB A:rw#1 B:rw#1+wipe",
		 TMM_MADVISE(1, 1, MADV_WIPEONFORK), "ABBB A:rw#1 B:rw#1+wipe"),
	TMM_CASE("already_so", "AAAA A:rw+dontdump",
		 TMM_MADVISE(1, 2, MADV_DONTDUMP), "AAAA A:rw+dontdump"),
	TMM_CASE("nohugepage_ends_hugepage", "AAAA A:rw+hugepage",
		 TMM_MADVISE(0, 4, MADV_NOHUGEPAGE), "AAAA A:rw+nohugepage"),
	TMM_CASE("hugepage_merges", "AABB A:rw+hugepage B:rw+nohugepage",
		 TMM_MADVISE(2, 2, MADV_HUGEPAGE), "AAAA A:rw+hugepage"),
	TMM_CASE("hugepage_of_shared_file", "AAAA A:rwsf0",
		 TMM_MADVISE(1, 2, MADV_HUGEPAGE),
		 "ABBC A:rwsf0 B:rwsf0+hugepage C:rwsf0"),
	TMM_CASE("mergeable", "AAAA A:rw#1", TMM_MADVISE(1, 2, MADV_MERGEABLE),
		 "ABBC A:rw#1 B:rw#1+mergeable C:rw#1"),
	TMM_CASE("mergeable_of_shared_is_ignored", "AAAA A:rwsf0",
		 TMM_MADVISE(1, 2, MADV_MERGEABLE), "AAAA A:rwsf0"),
	TMM_CASE("no_pages", "AAAA", TMM_MADVISE(1, 0, MADV_DONTDUMP), "AAAA"),

	/* Names. */
	TMM_CASE("name_over_several", "AABB B:r", TMM_NAME(1, 2, "one"),
		 "ABCD A:rw B:rw'one' C:r'one' D:r"),
	TMM_CASE("name_of_shared_memory", "AAAA A:rwsz@0", TMM_NAME(1, 2, "one"),
		 "ABBC A:rwsz@0 B:rwsz@1'one' C:rwsz@3"),
	TMM_CASE("name_merges_both", "AABBCC A:rw'one' C:rw'one'",
		 TMM_NAME(2, 2, "one"), "AAAAAA A:rw'one'"),
	TMM_CASE("name_merges_part", "AABBBB A:rw'one'", TMM_NAME(2, 1, "one"),
		 "AAABBB A:rw'one'"),
	TMM_CASE("name_is_the_same", "AAAA A:rw'one'", TMM_NAME(1, 2, "one"),
		 "AAAA A:rw'one'"),
	TMM_CASE("no_name_merges", "AABBCC B:rw'one'", TMM_NAME(2, 2, NULL),
		 "AAAAAA"),
	TMM_CASE("empty_name_is_none", "AAAA", TMM_NAME(0, 4, ""), "AAAA"),
	TMM_CASE("name_merges_with_guarded_left", "AABB A:rw+guard#1'one' B:rw",
		 TMM_NAME(2, 2, "one"), "AAAA A:rw+guard#1'one'"),
	TMM_CASE("name_merges_with_guarded_right", "AABB A:rw B:rw+guard#1'one'",
		 TMM_NAME(0, 2, "one"), "AAAA A:rw+guard#1'one'"),
	TMM_CASE("name_merges_with_dirty", "AABB A:rw'one' B:rw+clean",
		 TMM_NAME(2, 2, "one"), "AAAA A:rw'one'"),
};

KUNIT_ARRAY_PARAM_DESC(kept, kept, name);

static void advice_is_kept(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

/* Nothing changes, or only what is before the error. */
static const struct tmm_case refused[] = {
	TMM_CASE_ERR("unknown", "AA", TMM_MADVISE(0, 2, 1000), -EINVAL),
	TMM_CASE_ERR("wipeonfork_of_file", "AA A:rwf0",
		     TMM_MADVISE(0, 2, MADV_WIPEONFORK), -EINVAL),
	TMM_CASE_ERR("wipeonfork_of_shared", "AA A:rwsz",
		     TMM_MADVISE(0, 2, MADV_WIPEONFORK), -EINVAL),
	TMM_CASE_ERR("keeponfork_of_droppable", "AA A:rw" DROPPABLE,
		     TMM_MADVISE(0, 2, MADV_KEEPONFORK), -EINVAL),
	TMM_CASE_ERR("dodump_of_droppable", "AA A:rw" DROPPABLE,
		     TMM_MADVISE(0, 2, MADV_DODUMP), -EINVAL),
	TMM_CASE_ERR("dontneed_of_locked", "AA A:rw#1+lock",
		     TMM_MADVISE(0, 2, MADV_DONTNEED), -EINVAL),
	TMM_CASE_ERR("free_of_locked", "AA A:rw#1+lock",
		     TMM_MADVISE(0, 2, MADV_FREE), -EINVAL),
	TMM_CASE_ERR("free_of_file", "AA A:rwf0",
		     TMM_MADVISE(0, 2, MADV_FREE), -EINVAL),
	TMM_CASE_ERR("remove_of_locked", "AA A:rwsf0+lock",
		     TMM_MADVISE(0, 2, MADV_REMOVE), -EINVAL),
	TMM_CASE_ERR("remove_of_anonymous", "AA",
		     TMM_MADVISE(0, 2, MADV_REMOVE), -EINVAL),
	TMM_CASE_ERR("remove_of_private", "AA A:rwf0",
		     TMM_MADVISE(0, 2, MADV_REMOVE), -EACCES),
	TMM_CASE_ERR("guard_of_locked", "AA A:rw#1+lock",
		     TMM_MADVISE(0, 2, MADV_GUARD_INSTALL), -EINVAL),
	TMM_CASE_ERR("cold_of_locked", "AA A:rw#1+lock",
		     TMM_MADVISE(0, 2, MADV_COLD), -EINVAL),
	TMM_CASE_ERR("pageout_of_locked", "AA A:rw#1+lock",
		     TMM_MADVISE(0, 2, MADV_PAGEOUT), -EINVAL),
	TMM_CASE_ERR("populate_write_of_read_only", "AA A:r",
		     TMM_MADVISE(0, 2, MADV_POPULATE_WRITE), -EINVAL),
	TMM_CASE_ERR("populate_read_of_nothing", "AA A:-",
		     TMM_MADVISE(0, 2, MADV_POPULATE_READ), -EINVAL),
	TMM_CASE_ERR("populate_of_a_hole", "AA..",
		     TMM_MADVISE(2, 2, MADV_POPULATE_READ), -ENOMEM),
	TMM_CASE_ERR("populate_of_what_cannot_fault", "AA A:rwsf4",
		     TMM_MADVISE(0, 2, MADV_POPULATE_READ), -EFAULT),
	TMM_CASE_ERR("name_of_file", "AA A:rwf2", TMM_NAME(0, 2, "one"), -EBADF),
	TMM_CASE_ERR("name_of_shared_file", "AA A:rwsf2", TMM_NAME(0, 2, "one"),
		     -EBADF),
	TMM_CASE_ERR("name_with_brackets", "AA", TMM_NAME(0, 2, "a[b]"), -EINVAL),
	TMM_CASE_ERR("name_with_newline", "AA", TMM_NAME(0, 2, "a\n"), -EINVAL),
	TMM_CASE_ERR("name_beyond_ascii", "AA", TMM_NAME(0, 2, "a\xe4"), -EINVAL),
	TMM_CASE_ERR("name_too_long", "AA",
		     TMM_NAME(0, 2,
			      "1234567890 1234567890 1234567890 1234567890 "
			      "1234567890 1234567890 1234567890 1234567890"),
		     -EINVAL),
	TMM_CASE_ERR("name_of_a_hole", "AA....B", TMM_NAME(3, 2, "one"), -ENOMEM),
	TMM_CASE_ERR("name_beyond_all", "AA", TMM_NAME(3, 2, "one"), -ENOMEM),
	TMM_CASE_ERR("unsplittable", "AAAA A:rwsf3",
		     TMM_MADVISE(1, 2, MADV_DONTDUMP), -EINVAL),

	/* Sealed, and not writable: nothing may be thrown away. */
	TMM_CASE_ERR("sealed_dontneed", "AA A:r#1+acct+sealed",
		     TMM_MADVISE(0, 2, MADV_DONTNEED), -EPERM),
	TMM_CASE_ERR("sealed_dontneed_locked", "AA A:r#1+acct+sealed+lock",
		     TMM_MADVISE(0, 2, MADV_DONTNEED_LOCKED), -EPERM),
	TMM_CASE_ERR("sealed_free", "AA A:r#1+acct+sealed",
		     TMM_MADVISE(0, 2, MADV_FREE), -EPERM),
	TMM_CASE_ERR("sealed_dontfork", "AA A:r#1+acct+sealed",
		     TMM_MADVISE(0, 2, MADV_DONTFORK), -EPERM),
	TMM_CASE_ERR("sealed_wipeonfork", "AA A:r#1+acct+sealed",
		     TMM_MADVISE(0, 2, MADV_WIPEONFORK), -EPERM),
	TMM_CASE_ERR("sealed_guard", "AA A:r#1+acct+sealed",
		     TMM_MADVISE(0, 2, MADV_GUARD_INSTALL), -EPERM),
	TMM_CASE_ERR("sealed_remove", "AA A:r+sealed",
		     TMM_MADVISE(0, 2, MADV_REMOVE), -EPERM),
	TMM_CASE("sealed_writable_dontneed", "AA A:rw#1+sealed",
		 TMM_MADVISE(0, 2, MADV_DONTNEED), "AA A:rw#1+sealed"),
	TMM_CASE("sealed_file_dontneed", "AA A:rf0#1+acct+sealed",
		 TMM_MADVISE(0, 2, MADV_DONTNEED), "AA A:rf0#1+acct+sealed"),
	TMM_CASE("sealed_may_be_advised", "AAAA A:rw+sealed",
		 TMM_MADVISE(1, 2, MADV_DONTDUMP),
		 "ABBC A:rw+sealed B:rw+dontdump+sealed C:rw+sealed"),
};

KUNIT_ARRAY_PARAM_DESC(refused, refused, name);

static void refused_advice_changes_nothing(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

/* A hole is an error that does not stop it. Other errors do. */
static const struct tmm_case holes[] = {
	{ "in_the_middle", "AA..BB", TMM_MADVISE(0, 6, MADV_DONTDUMP), -ENOMEM,
	  "AA..BB A:rw+dontdump B:rw+dontdump" },
	{ "at_the_start", "..AA", TMM_MADVISE(0, 3, MADV_DONTDUMP), -ENOMEM,
	  "..AB A:rw+dontdump" },
	{ "at_the_end", "AA", TMM_MADVISE(1, 3, MADV_DONTDUMP), -ENOMEM,
	  "AB B:rw+dontdump" },
	{ "before_another", "AA..BB", TMM_MADVISE(1, 3, MADV_DONTDUMP), -ENOMEM,
	  "AC..BB C:rw+dontdump" },
	{ "only_a_hole", "AA..BB", TMM_MADVISE(2, 2, MADV_DONTDUMP), -ENOMEM,
	  NULL },
	{ "nothing_behind", "AA", TMM_MADVISE(4, 2, MADV_DONTDUMP), -ENOMEM, NULL },
	{ "two_holes", "A.B.C", TMM_MADVISE(0, 5, MADV_DONTFORK), -ENOMEM,
	  "A.B.C A:rw+dontcopy B:rw+dontcopy C:rw+dontcopy" },
	{ "name", "AA..BB", TMM_NAME(0, 6, "one"), -ENOMEM,
	  "AA..BB A:rw'one' B:rw'one'" },
	{ "stopped_by_an_error", "AABBCC A:rw B:rwf0 C:rw",
	  TMM_MADVISE(0, 6, MADV_WIPEONFORK), -EINVAL,
	  "AABBCC A:rw+wipe B:rwf0 C:rw" },
	{ "name_stopped_by_a_file", "AABBCC A:rw B:rwf2 C:rw",
	  TMM_NAME(0, 6, "one"), -EBADF, "AABBCC A:rw'one' B:rwf2 C:rw" },
	{ "stopped_by_a_seal", "AABBCC A:rw B:r#1+acct+sealed C:rw",
	  TMM_MADVISE(0, 6, MADV_DONTFORK), -EPERM,
	  "AABBCC A:rw+dontcopy B:r#1+acct+sealed C:rw" },
	{ "guard_over_a_hole", "A.B A:rw#1 B:rw#2",
	  TMM_MADVISE(0, 3, MADV_GUARD_INSTALL), -ENOMEM,
	  "A.B A:rw+guard#1 B:rw+guard#2" },
};

KUNIT_ARRAY_PARAM_DESC(holes, holes, name);

static void hole_does_not_stop_advice(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

static void unaligned_and_endless_is_refused(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	const unsigned long at = tmm_addr(t, 0);

	tmm_draw(t, "AAAA");
	KUNIT_EXPECT_EQ(test, do_madvise(t->mm, at + 1, 1, MADV_DONTDUMP), -EINVAL);
	KUNIT_EXPECT_EQ(test, do_madvise(t->mm, at, -1, MADV_DONTDUMP), -EINVAL);
	KUNIT_EXPECT_EQ(test, do_madvise(t->mm, -PAGE_SIZE, 2 * PAGE_SIZE,
					 MADV_DONTDUMP), -EINVAL);
	if (IS_ENABLED(CONFIG_ANON_VMA_NAME)) {
		KUNIT_EXPECT_EQ(test, set_anon_vma_name(at + 1, 1, NULL), -EINVAL);
		KUNIT_EXPECT_EQ(test, set_anon_vma_name(at, -1, NULL), -EINVAL);
		KUNIT_EXPECT_EQ(test, set_anon_vma_name(-PAGE_SIZE, 2 * PAGE_SIZE,
							NULL), -EINVAL);
		KUNIT_EXPECT_EQ(test, set_anon_vma_name(at, 0, NULL), 0);
		KUNIT_EXPECT_EQ(test, set_anon_vma_name(at, 1, (void __user *)8),
				-EFAULT);
	}
	if (IS_ENABLED(CONFIG_64BIT)) {
		KUNIT_EXPECT_EQ(test, do_mseal(at, PAGE_SIZE, 1), -EINVAL);
		KUNIT_EXPECT_EQ(test, do_mseal(at + 1, PAGE_SIZE, 0), -EINVAL);
		KUNIT_EXPECT_EQ(test, do_mseal(at, -1, 0), -EINVAL);
		KUNIT_EXPECT_EQ(test, do_mseal(-PAGE_SIZE, 2 * PAGE_SIZE, 0), -EINVAL);
		KUNIT_EXPECT_EQ(test, do_mseal(at, 0, 0), 0);
	}
	t->doing = "what was refused";
	tmm_expect_layout(t, "AAAA");
	/* Lengths are rounded up. */
	KUNIT_EXPECT_EQ(test, do_madvise(t->mm, at, PAGE_SIZE + 1, MADV_DONTDUMP), 0);
	t->doing = "madvise(0, 1.1)";
	tmm_expect_layout(t, "AABB A:rw+dontdump");
}

/* What is special may not be told to be ordinary. */
static void special_mapping_stays_special(struct kunit *test)
{
	static struct page *no_pages[] = { NULL };
	static const struct vm_special_mapping special = {
		.name = "[test]",
		.pages = no_pages,
	};
	struct test_mm *t = tmm_create(test);
	struct vm_area_struct *vma;

	mmap_write_lock(t->mm);
	vma = _install_special_mapping(t->mm, tmm_addr(t, 0), 2 * PAGE_SIZE,
				       VM_READ | VM_MAYREAD | VM_DONTDUMP |
				       VM_DONTCOPY, &special);
	mmap_write_unlock(t->mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vma);
	tmm_expect_err(t, -EINVAL, TMM_MADVISE(0, 2, MADV_DOFORK));
	tmm_expect_err(t, -EINVAL, TMM_MADVISE(0, 2, MADV_DODUMP));
	tmm_expect_err(t, -EINVAL, TMM_MADVISE(0, 2, MADV_GUARD_INSTALL));
	tmm_expect_err(t, -EINVAL, TMM_MADVISE(0, 2, MADV_GUARD_REMOVE));
	tmm_expect_layout(t, "AA A:r+dontcopy+dontdump+dontexpand@0~0");
}

/*
 * Advice that is about pages: how many are there before and after it
 */
struct discard {
	const char *name;
	const char *picture;
	struct tmm_op op;
	int before, after;	/* Pages in the page table. */
	const char *then;	/* Where it is another picture. */
};

static const struct discard discards[] = {
	{ "dontneed", "AAAA A:rw#1", TMM_MADVISE(1, 2, MADV_DONTNEED), 4, 2 },
	{ "dontneed_over_several", "AABB A:rw#1 B:rw#2+dontcopy",
	  TMM_MADVISE(1, 2, MADV_DONTNEED), 4, 2 },
	{ "dontneed_private_file", "AAAA A:rwf0#1",
	  TMM_MADVISE(0, 3, MADV_DONTNEED), 4, 1 },
	{ "dontneed_locked", "AAAA A:rw#1+lock",
	  TMM_MADVISE(1, 2, MADV_DONTNEED_LOCKED), 4, 2 },
	{ "dontneed_guarded_keeps_guards", "AAAA A:rw+guard#1",
	  TMM_MADVISE(0, 4, MADV_DONTNEED), 0, 0 },
	{ "free", "AAAA A:rw#1", TMM_MADVISE(1, 2, MADV_FREE), 4, 4 },
	{ "cold", "AAAA A:rw#1", TMM_MADVISE(0, 4, MADV_COLD), 4, 4 },
	{ "pageout_without_swap", "AAAA A:rw#1",
	  TMM_MADVISE(0, 4, MADV_PAGEOUT), 4, 4 },
	{ "populate_write", "AAAA", TMM_MADVISE(1, 2, MADV_POPULATE_WRITE), 0, 2,
	  "AAAA A:rw#1" },
	{ "populate_read", "AAAA", TMM_MADVISE(0, 4, MADV_POPULATE_READ), 0, 4 },
	{ "populate_read_file", "AAAA A:rsf0",
	  TMM_MADVISE(1, 2, MADV_POPULATE_READ), 0, 2 },
	{ "populate_over_two", "AABB A:rw B:rwsf0",
	  TMM_MADVISE(1, 2, MADV_POPULATE_WRITE), 0, 2, "AABB A:rw#1 B:rwsf0" },
	{ "guard", "AAAA A:rw#1", TMM_MADVISE(1, 2, MADV_GUARD_INSTALL), 4, 2,
	  "AAAA A:rw+guard#1" },
	{ "guard_unfaulted", "AAAA", TMM_MADVISE(1, 2, MADV_GUARD_INSTALL), 0, 0,
	  "AAAA A:rw+guard#1" },
	{ "guard_file", "AAAA A:rwsf0", TMM_MADVISE(1, 2, MADV_GUARD_INSTALL),
	  0, 0, "AAAA A:rwsf0+guard" },
	{ "guard_again", "AAAA A:rw+guard#1",
	  TMM_MADVISE(0, 4, MADV_GUARD_INSTALL), 0, 0 },
	{ "guard_over_several", "AABB A:rw#1 B:r#2+acct",
	  TMM_MADVISE(1, 2, MADV_GUARD_INSTALL), 4, 2,
	  "AABB A:rw+guard#1 B:r+guard#2+acct" },
	{ "no_guard", "AAAA A:rw+guard#1", TMM_MADVISE(0, 4, MADV_GUARD_REMOVE),
	  0, 0 },
	{ "no_guard_of_pages", "AAAA A:rw#1", TMM_MADVISE(0, 4, MADV_GUARD_REMOVE),
	  4, 4 },
	{ "willneed_anonymous", "AAAA A:rw#1", TMM_MADVISE(0, 4, MADV_WILLNEED),
	  4, 4 },
	{ "willneed_over_several", "AABBCC A:rwsf0 B:rsf0 C:rwsf1",
	  TMM_MADVISE(0, 6, MADV_WILLNEED), 0, 0 },
	{ "willneed_driver", "AAAA A:rsf3", TMM_MADVISE(0, 4, MADV_WILLNEED),
	  0, 0 },
	{ "remove", "AAAA A:rwsf0", TMM_MADVISE(1, 2, MADV_REMOVE), 0, 0 },
	{ "remove_over_several", "AABBCC A:rwsf0 B:rsf0 C:rwsf1",
	  TMM_MADVISE(1, 4, MADV_REMOVE), 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(discards, discards, name);

static void require_discard(struct kunit *test, const struct discard *d)
{
	tmm_require(test, d->picture);
	if (strstr(d->picture, "sf0") && !IS_ENABLED(CONFIG_SHMEM))
		kunit_skip(test, "no files with holes (CONFIG_SHMEM)");
	if (d->op.arg == MADV_REMOVE && !IS_ENABLED(CONFIG_TMPFS))
		kunit_skip(test, "no holes punched into files (CONFIG_TMPFS)");
	if (d->op.arg == MADV_WILLNEED && !IS_ENABLED(CONFIG_SWAP))
		kunit_skip(test, "nothing to be read in (CONFIG_SWAP)");
}

static void advice_about_pages(struct kunit *test)
{
	const struct discard *d = test->param_value;
	struct test_mm *t;

	require_discard(test, d);
	t = tmm_create(test);
	tmm_draw(t, d->picture);
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 6), d->before);
	tmm_must(t, d->op);
	KUNIT_EXPECT_EQ_MSG(test, tmm_resident(t, 0, 6), d->after,
			    "pages after %s", t->doing);
	tmm_expect_layout(t, d->then ?: d->picture);
}

/* The hole is punched where the file is mapped, not where the VMA starts. */
static void pages_are_removed_from_the_file(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	if (!IS_ENABLED(CONFIG_TMPFS))
		kunit_skip(test, "no holes punched into files (CONFIG_TMPFS)");
	tmm_draw(t, "..AAAABB A:rwsf0@5 B:rsf0@20");
	tmm_must(t, TMM_WRITE(2, 4));
	tmm_must(t, TMM_MADVISE(3, 2, MADV_REMOVE));
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 2, 1), 1);
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 3, 2), 0);
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 5, 1), 1);
	tmm_expect_layout(t, "..AAAABB A:rwsf0@5 B:rsf0@20");
}

/* Guards keep all out until they are removed, wherever they go. */
static void guards_keep_out(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAAAA A:rw#1");
	tmm_must(t, TMM_MADVISE(2, 2, MADV_GUARD_INSTALL));
	tmm_expect_err(t, -EFAULT, TMM_READ(2, 1));
	tmm_expect_err(t, -EFAULT, TMM_WRITE(3, 1));
	tmm_must(t, TMM_WRITE(1, 1));
	tmm_expect_err(t, -EFAULT, TMM_MADVISE(0, 6, MADV_POPULATE_READ));
	tmm_must(t, TMM_MADVISE(0, 6, MADV_DONTNEED));
	tmm_expect_err(t, -EFAULT, TMM_READ(2, 1));
	tmm_must(t, TMM_MPROTECT(3, 3, "r"));
	tmm_expect_layout(t, "AAABBB A:rw+guard#1 B:r+guard#1+acct");
	tmm_expect_err(t, -EFAULT, TMM_READ(3, 1));
	tmm_must(t, TMM_MPROTECT(3, 3, "rw"));
	tmm_must(t, TMM_MOVE(0, 6, 10));
	tmm_expect_layout(t, "..........AAAAAA A:rw+guard#1@0");
	tmm_expect_err(t, -EFAULT, TMM_READ(12, 1));
	tmm_expect_err(t, -EFAULT, TMM_READ(13, 1));
	tmm_must(t, TMM_READ(14, 2));
	tmm_must(t, TMM_MADVISE(10, 6, MADV_GUARD_REMOVE));
	tmm_must(t, TMM_WRITE(10, 6));
	/* There may have been some: that is not taken back. */
	tmm_expect_layout(t, "..........AAAAAA A:rw+guard#1@0");
}

/*
 * process_madvise(): several ranges, one after the other
 */
static ssize_t advise_all(struct test_mm *t, const int (*ranges)[2], int nr,
			  int advice)
{
	struct iovec iov[8];
	struct iov_iter iter;
	size_t len = 0;
	ssize_t done;
	int i;

	for (i = 0; i < nr; i++) {
		iov[i].iov_base = (void __user *)tmm_addr(t, ranges[i][0]);
		iov[i].iov_len = tmm_len(t, ranges[i][1]);
		len += iov[i].iov_len;
	}
	iov_iter_init(&iter, ITER_DEST, iov, nr, len);
	done = vector_madvise(t->mm, &iter, advice);
	t->doing = "process_madvise()";
	__tmm_report(t, tmm_check(t));
	return done < 0 ? done : done / (ssize_t)t->column;
}

static void ranges_are_advised_in_turn(struct kunit *test)
{
	static const int three[][2] = { { 4, 2 }, { 0, 1 }, { 2, 1 } };
	static const int second_is_wrong[][2] = { { 0, 2 }, { 7, 2 }, { 4, 2 } };
	static const int first_is_wrong[][2] = { { 7, 2 }, { 4, 2 } };
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAAAA A:rw#1");
	KUNIT_EXPECT_EQ(test, advise_all(t, three, 3, MADV_DONTNEED), 4);
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 6), 2);
	KUNIT_EXPECT_EQ(test, advise_all(t, three, 3, MADV_GUARD_INSTALL), 4);
	tmm_expect_layout(t, "AAAAAA A:rw+guard#1");
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 6), 2);
	KUNIT_EXPECT_EQ(test, advise_all(t, three, 3, MADV_DONTDUMP), 4);
	tmm_expect_layout(t, "ABCDEE A:rw+guard#1+dontdump B:rw+guard#1"
			     " C:rw+guard#1+dontdump D:rw+guard#1 E:rw+guard#1+dontdump");
	/* Up to the one that fails; an error only if that is the first. */
	KUNIT_EXPECT_EQ(test, advise_all(t, second_is_wrong, 3, MADV_DODUMP), 2);
	tmm_expect_layout(t, "AACDEE A:rw+guard#1"
			     " C:rw+guard#1+dontdump D:rw+guard#1 E:rw+guard#1+dontdump");
	KUNIT_EXPECT_EQ(test, advise_all(t, first_is_wrong, 2, MADV_DODUMP), -ENOMEM);
}

static void ranges_are_checked_in_turn(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	struct iov_iter iter;
	struct iovec iov[3];

	tmm_draw(t, "AAAA");
	iov[0].iov_base = (void __user *)tmm_addr(t, 0);
	iov[0].iov_len = PAGE_SIZE;
	/* Nothing is no error. */
	iov[1].iov_base = (void __user *)tmm_addr(t, 1);
	iov[1].iov_len = 0;
	iov[2].iov_base = (void __user *)tmm_addr(t, 2) + 1;
	iov[2].iov_len = PAGE_SIZE;
	iov_iter_init(&iter, ITER_DEST, iov, 3, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, vector_madvise(t->mm, &iter, MADV_DONTDUMP),
			(ssize_t)PAGE_SIZE);
	t->doing = "process_madvise()";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "ABBB A:rw+dontdump");
	iov_iter_init(&iter, ITER_DEST, iov + 2, 1, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, vector_madvise(t->mm, &iter, MADV_DONTDUMP),
			(ssize_t)-EINVAL);
	tmm_expect_layout(t, "ABBB A:rw+dontdump");
	/* One range may come without a vector. */
	KUNIT_ASSERT_EQ(test, 0, import_ubuf(ITER_DEST,
					     (void __user *)tmm_addr(t, 1),
					     PAGE_SIZE, &iter));
	KUNIT_EXPECT_EQ(test, vector_madvise(t->mm, &iter, MADV_DONTDUMP),
			(ssize_t)PAGE_SIZE);
	tmm_expect_layout(t, "AABB A:rw+dontdump");
}

static void others_are_advised(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	int err;

	tmm_draw(t, "AAAA A:rw#1");
	tmm_fork(t);
	err = do_madvise(t->parent, tmm_addr(t, 1), 2 * PAGE_SIZE, MADV_DONTDUMP);
	KUNIT_EXPECT_EQ(test, err, 0);
	t->doing = "advice for the parent";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AAAA A:rw#1*2");
	swap(t->mm, t->parent);
	tmm_expect_layout(t, "ABBC A:rw#1 B:rw#1+dontdump C:rw#1");
	swap(t->mm, t->parent);
}

static void advice_survives_lack_of_memory(struct kunit *test)
{
	tmm_run_case_out_of_memory(test, test->param_value);
}

static void discard_survives_lack_of_memory(struct kunit *test)
{
	const struct discard *d = test->param_value;
	const struct tmm_case c = TMM_CASE(d->name, d->picture, d->op,
					   d->then ?: d->picture);

	require_discard(test, d);
	tmm_run_case_out_of_memory(test, &c);
}

static char entry(pte_t pte)
{
	if (pte_none(pte))
		return '.';
	if (pte_present(pte))
		return 'p';
	return softleaf_is_guard_marker(softleaf_from_pte(pte)) ? 'g' : 'm';
}

/* With pages and without: what a userfaultfd protects is marked for it. */
static void replace_write_protection(struct kunit *test, const char *picture)
{
	struct test_mm *t;

	tmm_require(test, "A A:rwsf0u0+wp+only");
	t = tmm_create(test);
	tmm_draw(t, picture);
	tmm_must(t, TMM_WRITE(0, 2));
	tmm_must(t, TMM_UFFD_MODE(0, 4, 0, UFFDIO_REGISTER_MODE_WP));
	tmm_must(t, TMM_UFFD_WP(0, 4));
	tmm_expect_entries(t, 0, entry, "ppmm");
	tmm_must(t, TMM_MADVISE(1, 2, MADV_GUARD_INSTALL));
	tmm_expect_entries(t, 0, entry, "pggm");
	tmm_expect_err(t, -EFAULT, TMM_READ(1, 1));
	tmm_expect_err(t, -EFAULT, TMM_WRITE(2, 1));
	tmm_must(t, TMM_MADVISE(0, 4, MADV_GUARD_REMOVE));
	tmm_expect_entries(t, 0, entry, "p..m");
	tmm_must(t, TMM_WRITE(1, 2));
}

static void guards_replace_write_protection(struct kunit *test)
{
	replace_write_protection(test, "AAAA A:rwsf0");
}

static void guards_replace_write_protection_of_a_private_file(struct kunit *test)
{
	replace_write_protection(test, "AAAA A:rwf0");
}

static struct kunit_case vma_madvise_cases[] = {
	KUNIT_CASE_PARAM(advice_is_kept, kept_gen_params),
	KUNIT_CASE_PARAM(refused_advice_changes_nothing, refused_gen_params),
	KUNIT_CASE_PARAM(hole_does_not_stop_advice, holes_gen_params),
	KUNIT_CASE(guards_replace_write_protection),
	KUNIT_CASE(guards_replace_write_protection_of_a_private_file),
	KUNIT_CASE(unaligned_and_endless_is_refused),
	KUNIT_CASE(special_mapping_stays_special),
	KUNIT_CASE_PARAM(advice_about_pages, discards_gen_params),
	KUNIT_CASE(pages_are_removed_from_the_file),
	KUNIT_CASE(guards_keep_out),
	KUNIT_CASE(ranges_are_advised_in_turn),
	KUNIT_CASE(ranges_are_checked_in_turn),
	KUNIT_CASE(others_are_advised),
	KUNIT_CASE_PARAM(advice_survives_lack_of_memory, kept_gen_params),
	KUNIT_CASE_PARAM(discard_survives_lack_of_memory, discards_gen_params),
	{}
};

static struct kunit_suite vma_madvise_suite = {
	.name = "vma_madvise",
	.test_cases = vma_madvise_cases,
};

kunit_test_suite(vma_madvise_suite);

MODULE_DESCRIPTION("Tests for madvise()");
MODULE_LICENSE("GPL");
