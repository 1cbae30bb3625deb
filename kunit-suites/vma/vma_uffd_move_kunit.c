// SPDX-License-Identifier: GPL-2.0-only
/*
 * UFFDIO_MOVE: a page leaves one place of an address space for another, with
 * what is in it and with its reverse map, or stays where and what it was.
 *
 * checkpatch: SPLIT_STRING: pictures are wide
 */
#include <linux/leafops.h>
#include <linux/mman.h>
#include <linux/pagemap.h>

#include "internal.h"
#include "ops.h"
#include "test_mm.h"

/* The source is at column 0, the target at 10, four columns each. */
#define APART(source, target)	"AAAA......BBBB " source " " target
#define TARGET			"B:rw#2u0"
#define UNTOUCHED		"B:rwu0"

static char entry(pte_t pte)
{
	if (pte_none(pte))
		return '.';
	if (!pte_present(pte))
		return softleaf_is_swap(softleaf_from_pte(pte)) ? 's' : 'g';
	if (is_zero_pfn(pte_pfn(pte)))
		return 'z';
	return pte_write(pte) ? 'w' : 'r';
}

#define expect_entries(t, page, expected) \
	tmm_expect_entries(t, page, entry, expected)

static void require_moves(struct kunit *test)
{
	const struct tmm_op move = TMM_UFFD_MOVE(0, 1, 10);
	const char *lacks = tmm_lacks_op(&move);

	if (lacks)
		kunit_skip(test, "%s", lacks);
}

static void page_goes_with_its_contents(struct kunit *test)
{
	struct test_mm *t;

	require_moves(test);
	t = tmm_create(test);
	tmm_draw(t, APART("A:rw", UNTOUCHED));
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_must(t, TMM_UFFD_MOVE(1, 2, 11));
	tmm_expect_layout(t, APART("A:rw#1", TARGET));
	expect_entries(t, 0, "w..w");
	expect_entries(t, 10, ".ww.");
	tmm_expect_contents(t, 11, 1, 2);
	/* And it is found there by those who write it out. */
	tmm_must(t, TMM_UFFD_MOVE(3, 1, 10));
	expect_entries(t, 0, "w...");
	expect_entries(t, 10, "www.");
	tmm_must(t, TMM_NO_UFFD(10, 4));
	tmm_must(t, TMM_MPROTECT(10, 2, "r"));
	tmm_must(t, TMM_MPROTECT(10, 2, "rw"));
	tmm_must(t, TMM_MREMAP(10, 4, 20, 4, MREMAP_MAYMOVE | MREMAP_FIXED));
	tmm_expect_contents(t, 20, 3, 1);
	tmm_expect_contents(t, 21, 1, 2);
}

/* Up and down within one VMA, and to a VMA that has the same anon_vma. */
static void page_moves_within_a_vma(struct kunit *test)
{
	struct test_mm *t;

	require_moves(test);
	t = tmm_create(test);
	tmm_draw(t, "AAAAAA A:rw");
	tmm_must(t, TMM_WRITE(0, 2));
	tmm_must(t, TMM_UFFD(0, 6, 0));
	tmm_must(t, TMM_UFFD_MOVE(0, 2, 3));
	expect_entries(t, 0, "...ww.");
	tmm_must(t, TMM_UFFD_MOVE(4, 1, 0));
	expect_entries(t, 0, "w..w..");
	tmm_expect_contents(t, 0, 1, 1);
	tmm_expect_contents(t, 3, 0, 1);
	tmm_must(t, TMM_MADVISE(5, 1, MADV_DONTFORK));
	tmm_must(t, TMM_UFFD_MOVE(3, 1, 5));
	tmm_expect_layout(t, "AAAAAB A:rw#1u0 B:rw#1u0+dontcopy");
	tmm_expect_contents(t, 5, 0, 1);
}

/* A page that was moved away leaves room for the next. */
static void nothing_is_overwritten(struct kunit *test)
{
	struct test_mm *t;

	require_moves(test);
	t = tmm_create(test);
	tmm_draw(t, APART("A:rw", "B:rw"));
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_must(t, TMM_WRITE(12, 1));
	tmm_must(t, TMM_UFFD(10, 4, 0));
	tmm_expect_err(t, -EEXIST, TMM_UFFD_MOVE(2, 1, 12));
	/* Two are moved, which is said by another error. */
	tmm_expect_err(t, -EAGAIN, TMM_UFFD_MOVE(0, 4, 10));
	expect_entries(t, 0, "..ww");
	expect_entries(t, 10, "www.");
	tmm_expect_contents(t, 10, 0, 2);
	tmm_expect_contents(t, 12, 12, 1);
	tmm_expect_layout(t, APART("A:rw#1", TARGET));
}

static void holes_move_where_it_is_said(struct kunit *test)
{
	struct test_mm *t;

	require_moves(test);
	t = tmm_create(test);
	tmm_draw(t, APART("A:rw", UNTOUCHED));
	tmm_expect_err(t, -ENOENT, TMM_UFFD_MOVE(0, 4, 10));
	tmm_must(t, TMM_WRITE(1, 1));
	tmm_must(t, TMM_READ(3, 1));
	tmm_expect_err(t, -ENOENT, TMM_UFFD_MOVE(0, 4, 10));
	expect_entries(t, 0, ".w.z");
	tmm_must(t, TMM_UFFD_MOVE_HOLES(0, 4, 10));
	expect_entries(t, 0, "....");
	expect_entries(t, 10, ".w.z");
	tmm_expect_contents(t, 11, 1, 1);
	/* The zero page is nobody's: a write makes a page of one's own. */
	tmm_must(t, TMM_NO_UFFD(10, 4));
	tmm_must(t, TMM_WRITE(13, 1));
	tmm_expect_layout(t, APART("A:rw#1", "B:rw#2"));
}

/* A page of others, or in use by a device, is not taken away from them. */
static void shared_page_stays(struct kunit *test)
{
	struct test_mm *t;

	require_moves(test);
	t = tmm_create(test);
	tmm_draw(t, APART("A:rw#1", "B:rw"));
	tmm_must(t, TMM_MADVISE(2, 1, MADV_DONTFORK));
	tmm_fork(t);
	swap(t->mm, t->parent);
	kthread_unuse_mm(t->parent);
	kthread_use_mm(t->mm);
	tmm_must(t, TMM_MADVISE(2, 1, MADV_DOFORK));
	tmm_must(t, TMM_UFFD(10, 4, 0));
	tmm_expect_err(t, -EBUSY, TMM_UFFD_MOVE(0, 1, 10));
	/* But a page that the child did not get, of two of which it got one. */
	tmm_expect_err(t, -EAGAIN, TMM_UFFD_MOVE(2, 2, 12));
	expect_entries(t, 0, "rr.r");
	expect_entries(t, 10, "..w.");
	kthread_unuse_mm(t->mm);
	kthread_use_mm(t->parent);
	swap(t->mm, t->parent);
}

static void pinned_page_stays(struct kunit *test)
{
	struct test_mm *t;
	struct page *page;
	int pinned;

	require_moves(test);
	t = tmm_create(test);
	tmm_draw(t, APART("A:rw", UNTOUCHED));
	tmm_must(t, TMM_WRITE(0, 4));
	pinned = pin_user_pages_fast(tmm_addr(t, 1), 1, FOLL_WRITE, &page);
	KUNIT_ASSERT_EQ(test, pinned, 1);
	tmm_expect_err(t, -EBUSY, TMM_UFFD_MOVE(1, 1, 11));
	tmm_expect_err(t, -EAGAIN, TMM_UFFD_MOVE(0, 4, 10));
	expect_entries(t, 0, ".www");
	expect_entries(t, 10, "w...");
	unpin_user_page(page);
	tmm_must(t, TMM_UFFD_MOVE(1, 1, 11));
	tmm_expect_contents(t, 10, 0, 2);
}

/* Their VMAs have to be alike, anonymous, and in each other's reach. */
static const struct {
	const char *name, *before;
	struct tmm_op op;
	int err;
} refusals[] = {
	{ "read_only", APART("A:r", "B:r#1u0+acct"), TMM_UFFD_MOVE_HOLES(0, 4, 10),
	  -EINVAL },
	{ "other_protection", APART("A:rwx#1", TARGET), TMM_UFFD_MOVE(0, 4, 10),
	  -EINVAL },
	{ "locked_source", APART("A:rw#1+lock", TARGET),
	  TMM_UFFD_MOVE(0, 4, 10), -EINVAL },
	{ "locked_target", APART("A:rw#1", "B:rw#2u0+lock"),
	  TMM_UFFD_MOVE(0, 4, 10), -EINVAL },
	{ "not_registered", "AAAA......BBBB..CC A:rw#1 B:rw#2 C:rw#3u0",
	  TMM_UFFD_MOVE(0, 4, 10), -EINVAL },
	{ "registered_with_another", "AAAA......BBBB..CC A:rw#1 B:rw#2u1 C:rw#3u0",
	  TMM_OP(UFFD_MOVE, 0, 4, .to = 10, .to_nr = 1), -EINVAL },
	{ "private_file", APART("A:rwf0#1", TARGET), TMM_UFFD_MOVE(0, 4, 10),
	  -EINVAL },
	{ "shared_source", APART("A:rwsf0", "B:rw#1u0"), TMM_UFFD_MOVE(0, 4, 10),
	  -EINVAL },
	{ "shared_target", APART("A:rw#1", "B:rwsf0u0"), TMM_UFFD_MOVE(0, 4, 10),
	  -EINVAL },
	{ "source_ends", "AAAA......BBBBBB A:rw#1 B:rw#2u0", TMM_UFFD_MOVE(0, 5, 10),
	  -EINVAL },
	{ "target_ends", "AAAAAA....BBBB A:rw#1 B:rw#2u0", TMM_UFFD_MOVE(0, 5, 10),
	  -EINVAL },
	{ "no_source", "..........BBBB B:rw#1u0", TMM_UFFD_MOVE(0, 4, 10), -ENOENT },
	{ "no_target", "AAAA......BBBB A:rw#1 B:rw#2u0", TMM_UFFD_MOVE(0, 4, 20),
	  -ENOENT },
	{ "unknown_mode", APART("A:rw#1", TARGET),
	  TMM_OP(UFFD_MOVE, 0, 4, .to = 10, .arg = 4), -EINVAL },
	{ "no_pages", APART("A:rw#1", TARGET), TMM_UFFD_MOVE(0, 0, 10),
	  -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(refusals, refusals, name);

static void refused_move_changes_nothing(struct kunit *test)
{
	const typeof(refusals[0]) *r = test->param_value;
	struct test_mm *t;

	require_moves(test);
	tmm_require(test, r->before);
	t = tmm_create(test);
	tmm_draw(t, r->before);
	tmm_expect_err(t, r->err, r->op);
	tmm_expect_layout(t, r->before);
}

/* Soft-dirty means: changed since it was looked at, as a moved page has. */
static void moved_page_is_soft_dirty(struct kunit *test)
{
	struct test_mm *t;

	require_moves(test);
	if (!pgtable_supports_soft_dirty())
		kunit_skip(test, "no soft-dirty tracking (CONFIG_MEM_SOFT_DIRTY)");
	t = tmm_create(test);
	tmm_draw(t, APART("A:rw#1+clean", "B:rwu0"));
	/* What is dirty is soft-dirty, too: so that is made clean as well. */
	tmm_must(t, TMM_MADVISE(0, 4, MADV_FREE));
	tmm_expect_entries(t, 0, tmm_soft_dirty, "cccc");
	tmm_must(t, TMM_UFFD_MOVE(0, 2, 10));
	tmm_expect_entries(t, 0, tmm_soft_dirty, "..cc");
	tmm_expect_entries(t, 10, tmm_soft_dirty, "dd..");
}

/* With its swap entry, and with its page in the swap cache, if it has one. */
static void swapped_page_moves(struct kunit *test)
{
	struct test_mm *t;

	require_moves(test);
	tmm_swapon(test);
	t = tmm_create(test);
	tmm_draw(t, APART("A:rw", UNTOUCHED));
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_must(t, TMM_MADVISE(0, 4, MADV_PAGEOUT));
	expect_entries(t, 0, "ssss");
	tmm_must(t, TMM_UFFD_MOVE(0, 2, 10));
	tmm_must(t, TMM_MADVISE(2, 2, MADV_WILLNEED));
	tmm_must(t, TMM_UFFD_MOVE(2, 2, 12));
	expect_entries(t, 0, "....");
	expect_entries(t, 10, "ssss");
	tmm_must(t, TMM_NO_UFFD(10, 4));
	tmm_expect_contents(t, 10, 0, 4);
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, APART("A:rw#1", "B:rw#2"));
}

static void guard_does_not_move(struct kunit *test)
{
	struct test_mm *t;

	require_moves(test);
	t = tmm_create(test);
	tmm_draw(t, APART("A:rw#1", UNTOUCHED));
	tmm_must(t, TMM_MADVISE(1, 1, MADV_GUARD_INSTALL));
	tmm_expect_err(t, -EFAULT, TMM_UFFD_MOVE(1, 1, 11));
	tmm_expect_err(t, -EAGAIN, TMM_UFFD_MOVE(0, 4, 10));
	expect_entries(t, 0, ".gww");
	expect_entries(t, 10, "w...");
}

/* As a whole where both ends allow it, else in pages. */
static void huge_page_moves(struct kunit *test)
{
	struct test_mm *t;
	long half;

	require_moves(test);
	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		kunit_skip(test, "no huge pages (CONFIG_TRANSPARENT_HUGEPAGE)");
	t = tmm_create(test);
	tmm_zoom_out(t);
	tmm_draw(t, "AAAAAAAA....BBBBBBBB A:rw+hugepage B:rw+hugepage");
	tmm_must(t, TMM_WRITE(0, 8));
	if (!tmm_is_huge(t, 0) || !tmm_is_huge(t, 4))
		kunit_skip(test, "no huge page to be had");
	tmm_must(t, TMM_UFFD(12, 8, 0));
	tmm_must(t, TMM_UFFD_MOVE(0, 4, 12));
	KUNIT_EXPECT_TRUE(test, tmm_is_huge(t, 12));
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 4), 0);
	tmm_must(t, TMM_UFFD_MOVE(4, 2, 16));
	KUNIT_EXPECT_FALSE(test, tmm_is_huge(t, 4));
	half = 2 * t->column / PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 4, 4), half);
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 16, 4), half);
	tmm_must(t, TMM_NO_UFFD(12, 8));
	tmm_expect_contents(t, 12, 0, 6);
	tmm_expect_contents(t, 6, 6, 2);
	tmm_must(t, TMM_WRITE(12, 8));
	tmm_expect_layout(t, "AAAAAAAA....BBBBBBBB A:rw+hugepage#1 B:rw+hugepage#2");
}

static const struct tmm_case moves[] = {
	TMM_CASE("to_where_nothing_was", APART("A:rw#1", UNTOUCHED),
		 TMM_UFFD_MOVE(0, 4, 10), APART("A:rw#1", TARGET)),
};

KUNIT_ARRAY_PARAM_DESC(moves, moves, name);

static void move_survives_lack_of_memory(struct kunit *test)
{
	tmm_run_case_out_of_memory(test, test->param_value);
}

static struct kunit_case vma_uffd_move_cases[] = {
	KUNIT_CASE(page_goes_with_its_contents),
	KUNIT_CASE(page_moves_within_a_vma),
	KUNIT_CASE(nothing_is_overwritten),
	KUNIT_CASE(holes_move_where_it_is_said),
	KUNIT_CASE(shared_page_stays),
	KUNIT_CASE(pinned_page_stays),
	KUNIT_CASE_PARAM(refused_move_changes_nothing, refusals_gen_params),
	KUNIT_CASE(moved_page_is_soft_dirty),
	KUNIT_CASE(swapped_page_moves),
	KUNIT_CASE(guard_does_not_move),
	KUNIT_CASE(huge_page_moves),
	KUNIT_CASE_PARAM(move_survives_lack_of_memory, moves_gen_params),
	{}
};

static void suite_exit(struct kunit_suite *suite)
{
	tmm_start_khugepaged(suite);
	tmm_swapoff();
}

static struct kunit_suite vma_uffd_move_suite = {
	.name = "vma_uffd_move",
	.suite_init = tmm_stop_khugepaged,
	.suite_exit = suite_exit,
	.test_cases = vma_uffd_move_cases,
};

kunit_test_suite(vma_uffd_move_suite);

MODULE_DESCRIPTION("Tests for UFFDIO_MOVE");
MODULE_LICENSE("GPL");
