// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that are not simply there, and what happens to them where their VMA is
 * changed or advice is given: swapped out, locked by others, shared with a
 * child, or on the move to another place in memory.
 *
 * checkpatch: SPLIT_STRING: pictures are wide
 */
#include <linux/leafops.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/swap.h>

#include "internal.h"
#include "ops.h"
#include "test_mm.h"

/* What columns of the page table hold, a character each; w: s, and protected. */
static char entry(pte_t pte)
{
	if (pte_present(pte))
		return 'p';
	if (pte_none(pte))
		return '.';
	if (softleaf_is_swap(softleaf_from_pte(pte)))
		return pte_swp_uffd(pte) ? 'w' : 's';
	if (softleaf_is_migration(softleaf_from_pte(pte)))
		return 'm';
	return 'g';
}

#define expect_entries(t, page, expected) \
	tmm_expect_entries(t, page, entry, expected)

/*
 * Four pages that were swapped out. Where they are read in again, if they are,
 * they have what was written.
 */
struct swapped {
	const char *name;
	struct tmm_op op;
	const char *after;
	int at;				/* Where the pages are then ... */
	const char *entries;
	int kept;			/* ... and how many have their contents. */
};

static const struct swapped swapped_out[] = {
	{ "mprotect", TMM_MPROTECT(0, 4, "r"), "AAAA A:r#1+acct", 0, "ssss", 4 },
	{ "mprotect_part", TMM_MPROTECT(2, 2, "r"), "AABB A:rw#1 B:r#1+acct", 0,
	  "ssss", 4 },
	{ "move", TMM_MOVE(0, 4, 10), "..........AAAA A:rw#1@0", 10, "ssss", 4 },
	{ "munmap", TMM_MUNMAP(2, 2), "AA A:rw#1", 0, "ss", 2 },
	{ "willneed", TMM_MADVISE(0, 4, MADV_WILLNEED), "AAAA A:rw#1", 0, "ssss",
	  4 },
	{ "cold", TMM_MADVISE(0, 4, MADV_COLD), "AAAA A:rw#1", 0, "ssss", 4 },
	{ "pageout_again", TMM_MADVISE(0, 4, MADV_PAGEOUT), "AAAA A:rw#1", 0,
	  "ssss", 4 },
	{ "free", TMM_MADVISE(2, 2, MADV_FREE), "AAAA A:rw#1", 0, "ss..", 2 },
	{ "dontneed", TMM_MADVISE(2, 2, MADV_DONTNEED), "AAAA A:rw#1", 0, "ss..",
	  2 },
	{ "guard", TMM_MADVISE(2, 2, MADV_GUARD_INSTALL), "AAAA A:rw+guard#1", 0,
	  "ssgg", 2 },
	{ "no_guard", TMM_MADVISE(0, 4, MADV_GUARD_REMOVE), "AAAA A:rw#1", 0,
	  "ssss", 4 },
	{ "populate", TMM_MADVISE(0, 2, MADV_POPULATE_READ), "AAAA A:rw#1", 0,
	  "ppss", 4 },
	{ "mlock", TMM_MLOCK(0, 2), "AABB A:rw+lock#1 B:rw#1", 0, "ppss", 4 },
	{ "mlock_onfault", TMM_MLOCK_ONFAULT(0, 2),
	  "AABB A:rw+lock+onfault#1 B:rw#1", 0, "ssss", 4 },
	{ "userfaultfd", TMM_UFFD_MODE(0, 2, 0, UFFDIO_REGISTER_MODE_WP),
	  "AABB A:rw#1u0+wp+only B:rw#1", 0, "ssss", 4 },
};

KUNIT_ARRAY_PARAM_DESC(swapped_out, swapped_out, name);

static struct test_mm *draw_swapped(struct kunit *test, const char *picture)
{
	struct test_mm *t;

	tmm_swapon(test);
	t = tmm_create(test);
	tmm_draw(t, picture);
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_must(t, TMM_MADVISE(0, 4, MADV_PAGEOUT));
	return t;
}

static void swapped_pages_are_kept(struct kunit *test)
{
	const struct swapped *s = test->param_value;
	const struct tmm_case row = TMM_CASE(s->name, "A", s->op, s->after);
	struct test_mm *t;

	tmm_require_case(test, &row);
	t = draw_swapped(test, "AAAA A:rw#1");
	expect_entries(t, 0, "ssss");
	tmm_must(t, s->op);
	tmm_expect_layout(t, s->after);
	expect_entries(t, s->at, s->entries);
	tmm_expect_contents(t, s->at, 0, s->kept);
	__tmm_report(t, tmm_check(t));
}

/* A userfaultfd's protection of what is not there, and the end of it. */
static void protection_of_swapped_pages(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AAAA A:rw#1u0+wp+only");
	t = draw_swapped(test, "AAAA A:rw#1");
	tmm_must(t, TMM_UFFD_MODE(0, 4, 0, UFFDIO_REGISTER_MODE_WP));
	tmm_must(t, TMM_UFFD_WP(0, 4));
	expect_entries(t, 0, "wwww");
	tmm_must(t, TMM_MPROTECT(0, 4, "r"));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
	expect_entries(t, 0, "wwww");
	tmm_must(t, TMM_NO_UFFD_WP(0, 2));
	expect_entries(t, 0, "ssww");
	tmm_must(t, TMM_WRITE(0, 1));
	/* Who does not ask to be told of moves loses what is moved. */
	tmm_must(t, TMM_MOVE(1, 2, 11));
	expect_entries(t, 11, "ss");
	tmm_expect_contents(t, 11, 1, 2);
	tmm_must(t, TMM_WRITE(11, 2));
	tmm_must(t, TMM_NO_UFFD(3, 1));
	tmm_expect_contents(t, 3, 3, 1);
	tmm_must(t, TMM_WRITE(3, 1));
	tmm_expect_layout(t, "A..B.......CC A:rw#1u0+wp+only B:rw#1 C:rw#1@1");
}

/* A mark for a page of a file that is not there keeps its place. */
static void marks_stay_where_nothing_is(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AAAA A:rwsf0u0+wp+only");
	t = tmm_create(test);
	tmm_draw(t, "AAAA A:rwsf0u0+wp+only");
	tmm_must(t, TMM_UFFD_WP(1, 2));
	expect_entries(t, 0, ".gg.");
	tmm_must(t, TMM_MPROTECT(0, 4, "r"));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
	expect_entries(t, 0, ".gg.");
	tmm_must(t, TMM_NO_UFFD_WP(0, 2));
	expect_entries(t, 0, "..g.");
	tmm_must(t, TMM_WRITE(0, 2));
	tmm_must(t, TMM_NO_UFFD(0, 4));
	expect_entries(t, 0, "pp..");
	tmm_expect_layout(t, "AAAA A:rwsf0");
}

/* What was read in ahead needs no reading any more: it may fail. */
static void needed_pages_are_read_ahead(struct kunit *test)
{
	struct test_mm *t = draw_swapped(test, "AAAA A:rw#1");

	tmm_must(t, TMM_MADVISE(0, 4, MADV_WILLNEED));
	tmm_break_swap(true);
	tmm_expect_contents(t, 0, 0, 4);
	__tmm_report(t, tmm_check(t));
	expect_entries(t, 0, "pppp");
}

static void needed_pages_of_a_file_are_read_ahead(struct kunit *test)
{
	struct test_mm *t;
	int i;

	if (!IS_ENABLED(CONFIG_SHMEM))
		kunit_skip(test, "no files that are swapped out (CONFIG_SHMEM)");
	t = draw_swapped(test, "AAAA A:rwsf0");
	expect_entries(t, 0, "....");
	for (i = 0; i < 4; i++) {
		const void *entry = xa_load(&tmm_file(t, 0)->f_mapping->i_pages, i);

		KUNIT_EXPECT_TRUE_MSG(test, xa_is_value(entry), "page %d", i);
	}
	tmm_must(t, TMM_MADVISE(1, 2, MADV_WILLNEED));
	tmm_break_swap(true);
	tmm_expect_contents(t, 1, 1, 2);
	tmm_break_swap(false);
	tmm_expect_contents(t, 0, 0, 4);
	__tmm_report(t, tmm_check(t));
}

/* A page that waits to be written is freed from swap, and may be given up. */
static void freed_pages_leave_the_swap_cache(struct kunit *test)
{
	struct test_mm *t = draw_swapped(test, "AAAA A:rw#1");
	const long used = total_swap_pages - get_nr_swap_pages();

	tmm_must(t, TMM_READ(0, 4));
	tmm_must(t, TMM_MADVISE(0, 4, MADV_FREE));
	expect_entries(t, 0, "pppp");
	KUNIT_EXPECT_EQ(test, total_swap_pages - get_nr_swap_pages(), used - 4);
	tmm_must(t, TMM_MADVISE(0, 4, MADV_PAGEOUT));
	/* Nothing had to be written for them to go. */
	expect_entries(t, 0, "....");
	KUNIT_EXPECT_EQ(test, total_swap_pages - get_nr_swap_pages(), used - 4);
}

/*
 * Pages that somebody else has a hold on
 */

static struct folio *lock_page_of(struct test_mm *t, int page)
{
	struct folio *folio;
	struct page *found;

	KUNIT_ASSERT_EQ(t->test, 1, get_user_pages_fast(tmm_addr(t, page), 1, 0,
							&found));
	folio = page_folio(found);
	folio_lock(folio);
	return folio;
}

static void unlock_page_of(struct folio *folio)
{
	folio_unlock(folio);
	folio_put(folio);
}

/* Advice is not worth waiting: what is locked, or shared, is left alone. */
static void held_pages_are_not_freed(struct kunit *test)
{
	const struct tmm_op op = TMM_MADVISE(0, 4, MADV_FREE);
	struct test_mm *t;
	struct folio *folio;
	long err;

	tmm_swapon(test);
	t = tmm_create(test);
	tmm_draw(t, "AAAA A:rw#1");
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_must(t, TMM_MADVISE(1, 1, MADV_DONTNEED));
	folio = lock_page_of(t, 2);
	/* The lock is wanted for those that may have to be written. */
	folio_mark_dirty(folio);
	/* Without the check, which locks pages. */
	err = __tmm_do(t, &op);
	unlock_page_of(folio);
	KUNIT_EXPECT_EQ_MSG(test, err, 0, "of %s", t->doing);
	tmm_must(t, TMM_MADVISE(0, 4, MADV_PAGEOUT));
	/* All that is not dirty goes; what was locked is, and was written. */
	expect_entries(t, 0, "..s.");
	tmm_expect_contents(t, 2, 2, 1);
	__tmm_report(t, tmm_check(t));
}

static void shared_pages_are_not_freed(struct kunit *test)
{
	struct test_mm *t;

	tmm_swapon(test);
	t = tmm_create(test);
	tmm_draw(t, "AAAA A:rw#1");
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_must(t, TMM_MADVISE(0, 4, MADV_PAGEOUT));
	tmm_must(t, TMM_READ(0, 4));
	tmm_fork(t);
	tmm_must(t, TMM_MADVISE(0, 4, MADV_FREE));
	tmm_must(t, TMM_MADVISE(0, 4, MADV_PAGEOUT));
	tmm_must(t, TMM_MADVISE(0, 4, MADV_COLD));
	expect_entries(t, 0, "pppp");
	tmm_expect_contents(t, 0, 0, 4);
}

/*
 * Page-table entries of pages that are about to have another place in memory.
 * Nothing is checked before they are there: the checker does not know of them.
 */
struct moving {
	const char *name;
	const char *picture;
	struct tmm_op op;
	const char *after;
	int at;
	const char *entries;		/* Before the page is back, and after. */
	const char *then;
};

static const struct moving migrating[] = {
	{ "mprotect", "AAAA A:rw#1", TMM_MPROTECT(0, 4, "r"), "AAAA A:r#1+acct", 0,
	  "pmpp", "pppp" },
	{ "mprotect_file", "AAAA A:rwsf0", TMM_MPROTECT(0, 4, "r"), "AAAA A:rsf0",
	  0, "pmpp", "pppp" },
	{ "mprotect_read_only", "AAAA A:r#1+acct", TMM_MPROTECT(0, 4, "rw"),
	  "AAAA A:rw#1", 0, "pmpp", "pppp" },
	{ "mprotect_away", "AAAA A:rw#1", TMM_MPROTECT(1, 1, "-"),
	  "ABCC A:rw#1 B:-#1+acct C:rw#1", 0, "pmpp", "pppp" },
	{ "move", "AAAA A:rw#1", TMM_MOVE(0, 4, 10), "..........AAAA A:rw#1@0", 10,
	  "pmpp", "pppp" },
	{ "move_file", "AAAA A:rwsf0", TMM_MOVE(0, 4, 10),
	  "..........AAAA A:rwsf0@0", 10, "pmpp", "pppp" },
	{ "munmap", "AAAA A:rw#1", TMM_MUNMAP(0, 2), "..AA A:rw#1", 0, "..pp",
	  "..pp" },
	{ "dontneed", "AAAA A:rw#1", TMM_MADVISE(0, 2, MADV_DONTNEED),
	  "AAAA A:rw#1", 0, "..pp", "..pp" },
	{ "free", "AAAA A:rw#1", TMM_MADVISE(0, 4, MADV_FREE), "AAAA A:rw#1", 0,
	  "pmpp", "pppp" },
	{ "cold", "AAAA A:rw#1", TMM_MADVISE(0, 4, MADV_COLD), "AAAA A:rw#1", 0,
	  "pmpp", "pppp" },
	{ "willneed", "AAAA A:rw#1", TMM_MADVISE(0, 4, MADV_WILLNEED),
	  "AAAA A:rw#1", 0, "pmpp", "pppp" },
	{ "mlock_onfault", "AAAA A:rw#1", TMM_MLOCK_ONFAULT(0, 4),
	  "AAAA A:rw+lock+onfault#1", 0, "pmpp", "pppp" },
	{ "no_guard", "AAAA A:rw#1", TMM_MADVISE(0, 4, MADV_GUARD_REMOVE),
	  "AAAA A:rw#1", 0, "pmpp", "pppp" },
};

KUNIT_ARRAY_PARAM_DESC(migrating, migrating, name);

static void moving_page_is_found_as_it_should_be(struct kunit *test)
{
	const struct moving *m = test->param_value;
	struct folio *folio;
	struct test_mm *t;
	long err;

	if (!IS_ENABLED(CONFIG_MIGRATION))
		kunit_skip(test, "no pages that move (CONFIG_MIGRATION)");
	if (m->op.arg == MADV_WILLNEED && !IS_ENABLED(CONFIG_SWAP))
		kunit_skip(test, "nothing to be read in (CONFIG_SWAP)");
	t = tmm_create(test);
	tmm_draw(t, m->picture);
	tmm_must(t, TMM_READ(0, 4));
	if (strstr(m->picture, "rw"))
		tmm_must(t, TMM_WRITE(0, 4));
	/* Those that wait to be put on a list of pages are not moved. */
	lru_add_drain();
	folio = lock_page_of(t, 1);
	try_to_migrate(folio, 0);
	err = __tmm_do(t, &m->op);
	expect_entries(t, m->at, m->entries);
	remove_migration_ptes(folio, folio, 0);
	unlock_page_of(folio);
	KUNIT_EXPECT_EQ_MSG(test, err, 0, "of %s", t->doing);
	__tmm_report(t, tmm_check(t));
	expect_entries(t, m->at, m->then);
	tmm_expect_layout(t, m->after);
}

static void vma_pages_exit(struct kunit_suite *suite)
{
	tmm_swapoff();
}

static struct kunit_case vma_pages_cases[] = {
	KUNIT_CASE_PARAM(swapped_pages_are_kept, swapped_out_gen_params),
	KUNIT_CASE(protection_of_swapped_pages),
	KUNIT_CASE(marks_stay_where_nothing_is),
	KUNIT_CASE(needed_pages_are_read_ahead),
	KUNIT_CASE(needed_pages_of_a_file_are_read_ahead),
	KUNIT_CASE(freed_pages_leave_the_swap_cache),
	KUNIT_CASE(held_pages_are_not_freed),
	KUNIT_CASE(shared_pages_are_not_freed),
	KUNIT_CASE_PARAM(moving_page_is_found_as_it_should_be, migrating_gen_params),
	{}
};

static struct kunit_suite vma_pages_suite = {
	.name = "vma_pages",
	.suite_exit = vma_pages_exit,
	.test_cases = vma_pages_cases,
};

kunit_test_suite(vma_pages_suite);

MODULE_DESCRIPTION("Tests for pages that are not simply there");
MODULE_LICENSE("GPL");
