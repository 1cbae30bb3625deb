// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge pages across the places where a VMA is split, merged, or moved to. A
 * column is a quarter of a huge page here, and three of them are mapped.
 *
 * checkpatch: SPLIT_STRING: pictures are wide
 */
#include <linux/mman.h>
#include <linux/pagewalk.h>

#include "internal.h"
#include "test_mm.h"

#define HUGE		"+hugepage#1"
#define FIXED		(MREMAP_MAYMOVE | MREMAP_FIXED)

/* From three huge pages at columns 0, 4 and 8 in one VMA. */
struct huge_case {
	const char *name;
	struct tmm_op op;
	const char *after;
	/* For each: 'h' huge, 'p' mapped by pages, '.' not mapped; in steps. */
	const char *entries;
};

static const struct huge_case cases[] = {
	{ "mprotect_one", TMM_MPROTECT(4, 4, "r"),
	  "AAAABBBBCCCC A:rw" HUGE " B:r+acct" HUGE " C:rw" HUGE, "hhh" },
	{ "mprotect_first_quarter", TMM_MPROTECT(0, 1, "r"),
	  "ABBBBBBBBBBB A:r+acct" HUGE " B:rw" HUGE, "phh" },
	{ "mprotect_across", TMM_MPROTECT(3, 3, "r"),
	  "AAABBBCCCCCC A:rw" HUGE " B:r+acct" HUGE " C:rw" HUGE, "pph" },
	{ "mprotect_last_quarter", TMM_MPROTECT(11, 1, "r"),
	  "AAAAAAAAAAAB A:rw" HUGE " B:r+acct" HUGE, "hhp" },
	{ "mprotect_all", TMM_MPROTECT(0, 12, "r"),
	  "AAAAAAAAAAAA A:r+acct" HUGE, "hhh" },
	{ "munmap_one", TMM_MUNMAP(4, 4), "AAAA....BBBB A:rw" HUGE " B:rw" HUGE,
	  "h.h" },
	{ "munmap_across", TMM_MUNMAP(3, 2),
	  "AAA..BBBBBBB A:rw" HUGE " B:rw" HUGE, "pph" },
	{ "munmap_within", TMM_MUNMAP(5, 1),
	  "AAAAA.BBBBBB A:rw" HUGE " B:rw" HUGE, "hph" },
	{ "mmap_over_a_half", TMM_MMAP(6, 2, "r"),
	  "AAAAAABBCCCC A:rw" HUGE " B:r C:rw" HUGE, "hph" },
	{ "madvise_across", TMM_MADVISE(2, 4, MADV_DONTDUMP),
	  "AABBBBCCCCCC A:rw" HUGE " B:rw+dontdump" HUGE " C:rw" HUGE, "pph" },
	{ "madvise_one", TMM_MADVISE(4, 4, MADV_DONTDUMP),
	  "AAAABBBBCCCC A:rw" HUGE " B:rw+dontdump" HUGE " C:rw" HUGE, "hhh" },
	{ "nohugepage_keeps_them", TMM_MADVISE(0, 12, MADV_NOHUGEPAGE),
	  "AAAAAAAAAAAA A:rw+nohugepage#1", "hhh" },
	{ "dontneed_one", TMM_MADVISE(4, 4, MADV_DONTNEED),
	  "AAAAAAAAAAAA A:rw" HUGE, "h.h" },
	{ "dontneed_quarter", TMM_MADVISE(4, 1, MADV_DONTNEED),
	  "AAAAAAAAAAAA A:rw" HUGE, "hph" },
	{ "guard_quarter", TMM_MADVISE(5, 1, MADV_GUARD_INSTALL),
	  "AAAAAAAAAAAA A:rw+guard" HUGE, "hph" },
	{ "no_guards_there", TMM_MADVISE(0, 12, MADV_GUARD_REMOVE),
	  "AAAAAAAAAAAA A:rw" HUGE, "hhh" },
	{ "mlock_half", TMM_MLOCK(0, 2),
	  "AABBBBBBBBBB A:rw+lock" HUGE " B:rw" HUGE, "phh" },
	{ "mlock_one", TMM_MLOCK(0, 4),
	  "AAAABBBBBBBB A:rw+lock" HUGE " B:rw" HUGE, "hhh" },
	{ "cold_one", TMM_MADVISE(4, 4, MADV_COLD), "AAAAAAAAAAAA A:rw" HUGE, "hhh" },
	{ "cold_half", TMM_MADVISE(4, 2, MADV_COLD), "AAAAAAAAAAAA A:rw" HUGE,
	  "hph" },
	{ "free_one", TMM_MADVISE(4, 4, MADV_FREE), "AAAAAAAAAAAA A:rw" HUGE, "hhh" },
	{ "free_half", TMM_MADVISE(6, 2, MADV_FREE), "AAAAAAAAAAAA A:rw" HUGE,
	  "hph" },
	{ "name_across", TMM_NAME(3, 2, "one"),
	  "AAABBCCCCCCC A:rw" HUGE " B:rw'one'" HUGE " C:rw" HUGE, "pph" },
	{ "userfaultfd_half", TMM_UFFD(8, 2, 0),
	  "AAAAAAAABBCC A:rw" HUGE " B:rwu0" HUGE " C:rw" HUGE, "hhp" },
	{ "shrink_to_a_half", TMM_MREMAP(0, 12, 0, 6, 0), "AAAAAA A:rw" HUGE,
	  "hp." },
	{ "shrink_to_one", TMM_MREMAP(0, 12, 0, 4, 0), "AAAA A:rw" HUGE, "h.." },
	{ "grow", TMM_MREMAP(0, 12, 0, 14, 0), "AAAAAAAAAAAAAA A:rw" HUGE, "hhh" },
	{ "move_all", TMM_MOVE(0, 12, 16),
	  "................AAAAAAAAAAAA A:rw@0" HUGE, "....hhh" },
	{ "move_one", TMM_MOVE(4, 4, 16),
	  "AAAA....BBBB....CCCC A:rw" HUGE " B:rw" HUGE " C:rw@4" HUGE, "h.h.h" },
	{ "move_to_a_quarter", TMM_MOVE(0, 12, 17),
	  ".................AAAAAAAAAAAA A:rw@0" HUGE, "....pppp" },
	{ "move_half", TMM_MOVE(2, 4, 18),
	  "AA....BBBBBB......CCCC A:rw" HUGE " B:rw" HUGE " C:rw@2" HUGE,
	  "pph.pp" },
	{ "keep_source", TMM_MREMAP(0, 12, 16, 12, FIXED | MREMAP_DONTUNMAP),
	  "AAAAAAAAAAAA....BBBBBBBBBBBB A:rw+hugepage B:rw@0" HUGE, "....hhh" },
};

KUNIT_ARRAY_PARAM_DESC(cases, cases, name);

static struct test_mm *map_three(struct kunit *test)
{
	struct test_mm *t;

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		kunit_skip(test, "no huge pages (CONFIG_TRANSPARENT_HUGEPAGE)");
	t = tmm_create(test);
	tmm_zoom_out(t);
	tmm_draw(t, "AAAAAAAAAAAA A:rw+hugepage");
	/* One write each, or where there is no memory for one, of each page. */
	tmm_must(t, TMM_WRITE(0, 12));
	if (!tmm_is_huge(t, 0) || !tmm_is_huge(t, 4) || !tmm_is_huge(t, 8))
		kunit_skip(test, "no huge page to be had");
	return t;
}

static void expect_entries(struct test_mm *t, const char *entries)
{
	const size_t nr = strlen(entries);
	char found[TMM_PAGES / TMM_HUGE + 1] = {};
	int i;

	for (i = 0; i < nr; i++) {
		if (tmm_is_huge(t, i * TMM_HUGE))
			found[i] = 'h';
		else
			found[i] = tmm_resident(t, i * TMM_HUGE, TMM_HUGE) ? 'p' : '.';
	}
	KUNIT_EXPECT_STREQ_MSG(t->test, found, entries,
			       "page-table entries after %s", t->doing);
}

static void huge_page_is_split_where_it_must(struct kunit *test)
{
	const struct huge_case *c = test->param_value;
	const struct tmm_case row = TMM_CASE(c->name, "A", c->op, c->after);
	struct test_mm *t;

	tmm_require_case(test, &row);
	t = map_three(test);
	tmm_must(t, c->op);
	tmm_expect_layout(t, c->after);
	expect_entries(t, c->entries);
}

/* There and back: one VMA, and what was not split is huge still. */
static void vma_merges_around_huge_pages(struct kunit *test)
{
	struct test_mm *t = map_three(test);

	tmm_must(t, TMM_MPROTECT(4, 4, "r"));
	tmm_must(t, TMM_MPROTECT(4, 4, "rw"));
	tmm_expect_layout(t, "AAAAAAAAAAAA A:rw" HUGE);
	expect_entries(t, "hhh");
	tmm_must(t, TMM_MPROTECT(2, 4, "r"));
	/* The bound between two moves into a huge page of the right one. */
	tmm_must(t, TMM_MPROTECT(6, 4, "r"));
	tmm_expect_layout(t, "AABBBBBBBBCC A:rw" HUGE " B:r+acct" HUGE " C:rw" HUGE);
	expect_entries(t, "ppp");
	tmm_must(t, TMM_MPROTECT(2, 8, "rw"));
	tmm_expect_layout(t, "AAAAAAAAAAAA A:rw" HUGE);
	tmm_must(t, TMM_WRITE(0, 12));
}

/*
 * The merge moves the bound into a huge page of the one that shrinks. Advice
 * leaves page tables alone, so that only the merge can have split it.
 */
static void advice_moves_a_bound_into_a_huge_page(struct kunit *test)
{
	struct test_mm *t = map_three(test);

	tmm_must(t, TMM_MADVISE(4, 4, MADV_DONTDUMP));
	expect_entries(t, "hhh");
	tmm_must(t, TMM_MADVISE(4, 1, MADV_DODUMP));
	tmm_expect_layout(t, "AAAAABBBCCCC A:rw" HUGE " B:rw+dontdump" HUGE
			     " C:rw" HUGE);
	expect_entries(t, "hph");
	tmm_must(t, TMM_MADVISE(5, 3, MADV_DODUMP));
	tmm_must(t, TMM_MADVISE(0, 4, MADV_DONTDUMP));
	tmm_must(t, TMM_MADVISE(3, 1, MADV_DODUMP));
	tmm_expect_layout(t, "AAABBBBBBBBB A:rw+dontdump" HUGE " B:rw" HUGE);
	expect_entries(t, "pph");
}

static void protection_moves_a_bound_into_a_huge_page(struct kunit *test)
{
	struct test_mm *t = map_three(test);

	tmm_must(t, TMM_MPROTECT(4, 8, "r"));
	expect_entries(t, "hhh");
	tmm_must(t, TMM_MPROTECT(4, 1, "rw"));
	tmm_expect_layout(t, "AAAAABBBBBBB A:rw" HUGE " B:r+acct" HUGE);
	expect_entries(t, "hph");
	tmm_must(t, TMM_MPROTECT(0, 5, "r"));
	tmm_must(t, TMM_MPROTECT(0, 8, "rw"));
	tmm_must(t, TMM_MPROTECT(0, 4, "r"));
	tmm_must(t, TMM_MPROTECT(3, 1, "rw"));
	tmm_expect_layout(t, "AAABBBBBCCCC A:r+acct" HUGE " B:rw" HUGE
			     " C:r+acct" HUGE);
	expect_entries(t, "pph");
}

/* The way back leads into a VMA that may be searched for it meanwhile. */
static void huge_page_moves_away_and_back(struct kunit *test)
{
	struct test_mm *t = map_three(test);

	tmm_must(t, TMM_MOVE(4, 4, 16));
	expect_entries(t, "h.h.h");
	tmm_must(t, TMM_MOVE(16, 4, 4));
	tmm_expect_layout(t, "AAAAAAAAAAAA A:rw" HUGE);
	expect_entries(t, "hhh");
	tmm_must(t, TMM_WRITE(0, 12));
}

/* As one, in pieces, and not there but for the zero page. */
static void huge_pages_are_locked_and_unlocked(struct kunit *test)
{
	struct test_mm *t = map_three(test);

	tmm_must(t, TMM_MLOCK(0, 4));
	tmm_must(t, TMM_MUNLOCK(0, 4));
	tmm_expect_layout(t, "AAAAAAAAAAAA A:rw" HUGE);
	expect_entries(t, "hhh");
	/* Of pieces of one page, all are in the range, or some. */
	tmm_must(t, TMM_MPROTECT(5, 1, "r"));
	tmm_must(t, TMM_MPROTECT(5, 1, "rw"));
	expect_entries(t, "hph");
	tmm_must(t, TMM_MLOCK(4, 4));
	tmm_must(t, TMM_MUNLOCK(4, 1));
	tmm_expect_layout(t, "AAAAABBBCCCC A:rw" HUGE " B:rw+lock" HUGE
			     " C:rw" HUGE);
	tmm_must(t, TMM_MUNLOCK(4, 4));
	tmm_expect_layout(t, "AAAAAAAAAAAA A:rw" HUGE);
	expect_entries(t, "hph");
	KUNIT_EXPECT_EQ(test, t->mm->locked_vm, 0);
	/* Or not all of them are there. */
	tmm_must(t, TMM_MADVISE(9, 1, MADV_DONTNEED));
	tmm_must(t, TMM_MLOCK_ONFAULT(8, 4));
	tmm_must(t, TMM_MUNLOCK(8, 4));
	tmm_expect_layout(t, "AAAAAAAAAAAA A:rw" HUGE);
	expect_entries(t, "hpp");
}

static void huge_pages_are_shared_with_a_child(struct kunit *test)
{
	struct test_mm *t = map_three(test);

	tmm_fork(t);
	tmm_expect_layout(t, "AAAAAAAAAAAA A:rw" HUGE "*2");
	expect_entries(t, "hhh");
	tmm_must(t, TMM_MPROTECT(0, 4, "r"));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
	tmm_must(t, TMM_MPROTECT(6, 1, "r"));
	tmm_must(t, TMM_MPROTECT(6, 1, "rw"));
	expect_entries(t, "hph");
	tmm_must(t, TMM_MUNMAP(0, 2));
	tmm_must(t, TMM_WRITE(4, 1));
	tmm_must(t, TMM_MOVE(8, 4, 16));
	tmm_expect_layout(t, "..AAAAAA........BBBB A:rw" HUGE "*2 B:rw@8" HUGE "*2");
	expect_entries(t, "pp..h");
}

static int count_writable(pte_t *ptep, unsigned long addr, unsigned long next,
			  struct mm_walk *walk)
{
	*(unsigned long *)walk->private += !!pte_write(ptep_get(ptep));
	return 0;
}

/* For each column, whether all of its pages can be written to without a fault. */
static void expect_writable(struct test_mm *t, const char *columns)
{
	static const struct mm_walk_ops ops = {
		.pte_entry = count_writable,
		.walk_lock = PGWALK_RDLOCK,
	};
	char found[TMM_PAGES + 1] = {};
	unsigned long pages;
	int i;

	for (i = 0; columns[i]; i++) {
		pages = 0;
		mmap_read_lock(t->mm);
		walk_page_range(t->mm, tmm_addr(t, i), tmm_addr(t, i + 1), &ops,
				&pages);
		mmap_read_unlock(t->mm);
		found[i] = !pages ? '-' : pages == t->column / PAGE_SIZE ? 'w' : '?';
	}
	KUNIT_EXPECT_STREQ_MSG(t->test, found, columns, "writable after %s",
			       t->doing);
}

/* Of a huge page that was shared in part, only the other part is one's own. */
static void huge_page_was_shared_in_part(struct kunit *test)
{
	struct test_mm *t = map_three(test);

	tmm_must(t, TMM_MADVISE(1, 2, MADV_DONTFORK));
	tmm_must(t, TMM_MADVISE(4, 1, MADV_DONTFORK));
	expect_entries(t, "pph");
	KUNIT_ASSERT_EQ(test, tmm_try_fork(t), 0);
	__tmm_report(t, tmm_check(t));
	tmm_must(t, TMM_MADVISE(1, 4, MADV_DOFORK));
	tmm_expect_layout(t, "AAAAAAAAAAAA A:rw" HUGE);
	/* Neither the first page of a batch nor its last speaks for the others. */
	tmm_must(t, TMM_MPROTECT(0, 8, "r"));
	tmm_must(t, TMM_MPROTECT(0, 8, "rw"));
	expect_writable(t, "-ww-w---");
	tmm_must(t, TMM_WRITE(0, 12));
	tmm_expect_layout(t, "AAAAAAAAAAAA A:rw" HUGE);
}

static void userfaultfd_protects_huge_pages(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "A A:rwu0+wp");
	t = map_three(test);
	tmm_must(t, TMM_UFFD_MODE(0, 12, 0, UFFDIO_REGISTER_MODE_WP));
	tmm_must(t, TMM_UFFD_WP(0, 6));
	expect_entries(t, "hph");
	tmm_must(t, TMM_MPROTECT(0, 4, "r"));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
	expect_entries(t, "hph");
	tmm_must(t, TMM_MPROTECT(4, 4, "r"));
	tmm_must(t, TMM_MPROTECT(4, 4, "rw"));
	expect_entries(t, "hph");
	tmm_must(t, TMM_WRITE(6, 2));
	/* Neither goes with a move, nor is it left behind. */
	tmm_must(t, TMM_MOVE(0, 4, 16));
	tmm_must(t, TMM_WRITE(16, 4));
	tmm_must(t, TMM_NO_UFFD(4, 8));
	tmm_must(t, TMM_WRITE(4, 8));
	tmm_expect_layout(t, "....AAAAAAAA....BBBB A:rw" HUGE " B:rw@0" HUGE);
}

static void userfaultfd_protects_huge_pages_from_access(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "A A:rwu0+rwp+only");
	t = map_three(test);
	t->uffd_features = UFFD_FEATURE_RWP;
	tmm_must(t, TMM_UFFD_MODE(0, 12, 0, UFFDIO_REGISTER_MODE_RWP));
	tmm_must(t, TMM_UFFD_WP(0, 6));
	tmm_must(t, TMM_UFFD_WP(0, 4));
	tmm_must(t, TMM_MPROTECT(0, 8, "r"));
	tmm_must(t, TMM_MPROTECT(0, 8, "rw"));
	expect_entries(t, "hph");
	tmm_must(t, TMM_WRITE(6, 6));
	/* What moves is accessible again, and so is what is dropped. */
	tmm_must(t, TMM_MOVE(0, 4, 16));
	tmm_must(t, TMM_WRITE(16, 4));
	tmm_must(t, TMM_NO_UFFD(4, 8));
	tmm_must(t, TMM_WRITE(4, 8));
	tmm_expect_layout(t, "....AAAAAAAA....BBBB A:rw" HUGE " B:rw@0" HUGE);
}

/* A read fault maps the huge zero page, which is in no VMA's rmap. */
static void huge_zero_page_is_split(struct kunit *test)
{
	struct test_mm *t;

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		kunit_skip(test, "no huge pages (CONFIG_TRANSPARENT_HUGEPAGE)");
	t = tmm_create(test);
	tmm_zoom_out(t);
	tmm_draw(t, "AAAAAAAA A:rw+hugepage");
	tmm_must(t, TMM_READ(0, 8));
	if (!tmm_is_huge(t, 0))
		kunit_skip(test, "no huge zero page to be had");
	tmm_must(t, TMM_MLOCK_ONFAULT(0, 8));
	tmm_must(t, TMM_MUNLOCK(0, 8));
	expect_entries(t, "hh");
	tmm_must(t, TMM_MPROTECT(2, 4, "r"));
	expect_entries(t, "pp");
	tmm_must(t, TMM_MPROTECT(2, 4, "rw"));
	tmm_must(t, TMM_MUNMAP(0, 1));
	tmm_must(t, TMM_WRITE(1, 1));
	tmm_must(t, TMM_MOVE(4, 4, 12));
}

static struct kunit_case vma_huge_cases[] = {
	KUNIT_CASE_PARAM(huge_page_is_split_where_it_must, cases_gen_params),
	KUNIT_CASE(vma_merges_around_huge_pages),
	KUNIT_CASE(advice_moves_a_bound_into_a_huge_page),
	KUNIT_CASE(protection_moves_a_bound_into_a_huge_page),
	KUNIT_CASE(huge_page_moves_away_and_back),
	KUNIT_CASE(huge_pages_are_locked_and_unlocked),
	KUNIT_CASE(huge_pages_are_shared_with_a_child),
	KUNIT_CASE(huge_page_was_shared_in_part),
	KUNIT_CASE(userfaultfd_protects_huge_pages),
	KUNIT_CASE(userfaultfd_protects_huge_pages_from_access),
	KUNIT_CASE(huge_zero_page_is_split),
	{}
};

static struct kunit_suite vma_huge_suite = {
	.name = "vma_huge",
	.suite_init = tmm_stop_khugepaged,
	.suite_exit = tmm_start_khugepaged,
	.test_cases = vma_huge_cases,
};

kunit_test_suite(vma_huge_suite);

MODULE_DESCRIPTION("Tests for VMAs with huge pages");
MODULE_LICENSE("GPL");
