// SPDX-License-Identifier: GPL-2.0-only
/*
 * khugepaged's collapse into folios that are smaller than a huge page: which
 * parts of a range it takes, and that it leaves all others alone.
 *
 * Order 4 is enabled unless a test says otherwise, so parts have 16 pages.
 */
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/swap.h>
#include <linux/userfaultfd_k.h>

#include "collapse.h"

#define ORDER	4
#define PART	BIT(ORDER)
#define PARTS	(CT_PAGES / PART)

static struct ct *create_with_orders(struct kunit *test, unsigned long orders,
				     const char *pattern)
{
	struct ct *ct = strchr(pattern, 's') ? ct_create_with_swap(test) :
					       ct_create(test);

	huge_anon_orders_inherit = 0;
	ct_map_anon(ct, 512);
	ct_fill(ct, pattern);
	huge_anon_orders_always = orders;
	return ct;
}

/* How large the folios are, one character a part; '.': nothing is there. */
static void draw_orders(struct ct *ct, char *picture)
{
	int i;

	for (i = 0; i < PARTS; i++) {
		struct page *page = ct_page(ct, i * PART);

		if (!page || is_zero_pfn(page_to_pfn(page)))
			picture[i] = '.';
		else
			picture[i] = '0' + folio_order(page_folio(page));
	}
	picture[i] = 0;
}

/* Of each part all pages are one folio, whole and at its place. */
static const char *part_is_broken(struct ct *ct, int part)
{
	struct page *first = ct_page(ct, part * PART);
	const unsigned int order = folio_order(page_folio(first));
	long i;

	for (i = part * PART; i < (part + 1) * (long)PART; i++) {
		struct page *page = ct_page(ct, i);
		struct folio *folio = page ? page_folio(page) : NULL;

		if (!page || folio_page(folio, i % BIT(order)) != page)
			return "a part of it is elsewhere";
		if (folio_mapcount(folio) != BIT(order) || folio_ref_count(folio) != BIT(order))
			return "mapcount or references are not one for each page";
		if (!folio_test_lru(folio) || folio_test_locked(folio))
			return "not on the LRU, or locked";
		if (!PageAnonExclusive(page))
			return "not exclusive";
		if (!pte_dirty(ct_pte(ct, i)) || !pte_write(ct_pte(ct, i)))
			return "an entry is not dirty or not writable";
	}
	return NULL;
}

static void expect_orders(struct ct *ct, const char *expected)
{
	char found[PARTS + 1];
	const char *text;
	int i;

	lru_add_drain_all();
	draw_orders(ct, found);
	KUNIT_EXPECT_STREQ(ct->test, found, expected);
	for (i = 0; i < PARTS; i++) {
		if (found[i] < '4' || found[i] > '8')
			continue;
		text = part_is_broken(ct, i);
		if (text)
			KUNIT_FAIL(ct->test, "part %d: %s", i, text);
	}
	KUNIT_EXPECT_EQ(ct->test, ct_node_stat(NR_ISOLATED_ANON), 0L);
}

#define ALL_4	"44444444444444444444444444444444"
#define ALL_0	"00000000000000000000000000000000"

struct choice {
	const char *name;
	unsigned long orders;
	int max_none;
	const char *pattern;
	enum scan_result result;
	const char *picture;
	int allocations;
};

static const struct choice choices[] = {
	{ "all", BIT(4), 0, "512w", SCAN_SUCCEED, ALL_4, 32 },
	{ "first_part", BIT(4), 0, "16w", SCAN_SUCCEED,
	  "4...............................", 1 },
	{ "last_part", BIT(4), 0, "496. 16w", SCAN_SUCCEED,
	  "...............................4", 1 },
	{ "a_hole_is_too_much", BIT(4), 0, "15w 1. 16w", SCAN_SUCCEED,
	  "04..............................", 1 },
	{ "a_zero_page_is_too_much", BIT(4), 0, "16w 1z 15w", SCAN_SUCCEED,
	  "4...............................", 1 },
	{ "holes_are_filled", BIT(4), 511, "1w 15. 15z 1w", SCAN_SUCCEED,
	  "44..............................", 2 },
	{ "an_empty_part_stays_empty", BIT(4), 511, "1w 31. 16z 16w", SCAN_SUCCEED,
	  "4..4............................", 2 },
	{ "other_limits_mean_none", BIT(4), 100, "15w 1. 16w", SCAN_SUCCEED,
	  "04..............................", 1 },
	{ "nothing_is_whole", BIT(4), 0, "8w 16. 8w", SCAN_FAIL,
	  "0...............................", 0 },
	{ "huge_if_possible", BIT(4) | BIT(9), 0, "512w", SCAN_SUCCEED,
	  "99999999999999999999999999999999", 1 },
	{ "huge_with_holes", BIT(4) | BIT(9), 511, "1w 511.", SCAN_SUCCEED,
	  "99999999999999999999999999999999", 1 },
	{ "the_largest_that_fits", BIT(4) | BIT(6) | BIT(9), 0, "80w", SCAN_SUCCEED,
	  "66664...........................", 2 },
	{ "aligned", BIT(4) | BIT(6), 0, "16. 112w", SCAN_SUCCEED,
	  ".4446666........................", 4 },
	{ "smallest", BIT(2), 0, "8w 504.", SCAN_SUCCEED,
	  "2...............................", 2 },
};

static void name_choice(const struct choice *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(choices, choices, name_choice);

static void takes_what_is_whole(struct kunit *test)
{
	const struct choice *c = test->param_value;
	struct ct *ct = create_with_orders(test, c->orders, c->pattern);

	ct_set(ct, "max_ptes_none", c->max_none);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, c->result);
	expect_orders(ct, c->picture);
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, c->allocations);
	ct_expect_content(ct, c->pattern);
}

static void a_process_gets_huge_pages_only(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, BIT(4), "512w");

	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
	KUNIT_EXPECT_EQ(test, ct->alloc.order, (unsigned int)HPAGE_PMD_ORDER);
}

/*
 * One part has something in the way
 */

struct obstacle {
	const char *name;
	void (*make)(struct ct *ct);
	void (*remove)(struct ct *ct);
};

static void nothing(struct ct *ct)
{
}

static void pin(struct ct *ct)
{
	ct->held = ct_page(ct, 20);
	get_page(ct->held);
}

static void pin_later(struct ct *ct)
{
	ct->on_alloc = pin;
}

static void unpin(struct ct *ct)
{
	put_page(ct->held);
}

static void lock(struct ct *ct)
{
	ct->held = ct_page(ct, 20);
	lock_page(ct->held);
}

static void lock_later(struct ct *ct)
{
	ct->on_alloc = lock;
}

static void unlock(struct ct *ct)
{
	unlock_page(ct->held);
}

static void free_lazily(struct ct *ct)
{
	ct_madvise(ct, 20, 1, MADV_FREE);
	lru_add_drain_all();
}

static void free_later(struct ct *ct)
{
	ct->on_alloc = free_lazily;
}

static void remove_page(struct ct *ct)
{
	ct_madvise(ct, 20, 1, MADV_DONTNEED);
}

static void remove_later(struct ct *ct)
{
	ct->on_alloc = remove_page;
}

static const struct obstacle obstacles[] = {
	{ "pinned_meanwhile", pin_later, unpin },
	{ "locked_meanwhile", lock_later, unlock },
	{ "lazily_freed_meanwhile", free_later, nothing },
	{ "removed_meanwhile", remove_later, nothing },
};

KUNIT_ARRAY_PARAM_DESC(obstacles, obstacles, name);

static void other_parts_are_collapsed(struct kunit *test)
{
	const struct obstacle *c = test->param_value;
	struct ct *ct = create_with_orders(test, BIT(ORDER), "512w");
	enum scan_result result;

	ct_set(ct, "max_ptes_none", 0);
	c->make(ct);
	result = ct_collapse(ct, 0, CT_KHUGEPAGED);
	c->remove(ct);
	KUNIT_EXPECT_STREQ(test, ct_result_name(result), "SCAN_SUCCEED");
	ct_check(ct);
	expect_orders(ct, "40444444444444444444444444444444");
	if (c->make != remove_later)
		ct_expect_content(ct, "512w");
}

/* Swap entries keep any part from being chosen, as none may be read in. */
static void a_part_that_is_swapped_out_stays(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, BIT(ORDER), "300w 4s 208w");

	ct_set(ct, "max_ptes_none", 0);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	expect_orders(ct, "44444444444444444404444444444444");
	KUNIT_EXPECT_FALSE(test, pte_present(ct_pte(ct, 301)));
	ct_expect_content(ct, "512w");
}

/* A limit for swap that is scaled would let it be read in. */
static void nothing_is_swapped_in_for_a_part(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, BIT(ORDER), "296w 8s 208w");

	ct_set(ct, "max_ptes_none", 511);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_FALSE(test, pte_present(ct_pte(ct, 300)));
	ct_expect_content(ct, "512w");
}

/* For the huge page it may be: what is swapped out counts as there. */
static void swapped_pages_count_for_the_huge_page(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, BIT(ORDER) | BIT(9), "504w 8s");

	ct_set(ct, "max_ptes_none", 0);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, "512w");
}

static void shared_pages_keep_their_part(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, 0, "512w");

	ct_fork(ct);
	/* A child's entries are old, which must not be the reason. */
	ct_set_pte(ct, 3, pte_mkyoung(ct_pte(ct, 3)));
	ct_write(ct, 16, 496);
	lru_add_drain_all();
	huge_anon_orders_always = BIT(ORDER);
	ct_set(ct, "max_ptes_none", 0);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	expect_orders(ct, "04444444444444444444444444444444");
	ct_expect_content(ct, "512w");
}

static void folios_as_large_stay(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, 0, "");
	struct page *page;

	ct_write_folios(ct, 0, 32, 5);
	ct_write_folios(ct, 32, 16, 4);
	ct_write(ct, 48, 464);
	lru_add_drain_all();
	huge_anon_orders_always = BIT(ORDER);
	page = ct_page(ct, 0);
	ct->alloc.nr = 0;
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	expect_orders(ct, "55444444444444444444444444444444");
	KUNIT_EXPECT_PTR_EQ(test, ct_page(ct, 0), page);
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 32);
	ct_expect_content(ct, "512w");
}

static void smaller_folios_become_larger(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, 0, "");

	ct_write_folios(ct, 0, 512, 3);
	huge_anon_orders_always = BIT(ORDER);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	expect_orders(ct, ALL_4);
	ct_expect_content(ct, "512w");
}

/*
 * Memory
 */

static void without_memory_a_smaller_order_will_do(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, BIT(4) | BIT(9), "512w");

	ct->alloc.min_fail_order = 5;
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	expect_orders(ct, ALL_4);
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 1 + 32);
}

static void without_any_memory_it_says_so(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, BIT(4) | BIT(9), "512w");
	struct ct_state *before = ct_look(ct, 0);

	ct->alloc.min_fail_order = 2;
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_ALLOC_HUGE_PAGE_FAIL);
	ct_expect_as_before(ct, before);
}

static void a_refused_charge_ends_it(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, BIT(4) | BIT(9), "512w");
	struct ct_state *before = ct_look(ct, 0);

	if (!IS_ENABLED(CONFIG_MEMCG))
		kunit_skip(test, "no memory cgroups (CONFIG_MEMCG)");
	ct->alloc.charge_err = -ENOMEM;
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_CGROUP_CHARGE_FAIL);
	ct_expect_as_before(ct, before);
	KUNIT_EXPECT_EQ(test, folio_ref_count(ct->alloc.folio), 0);
}

static void poison_in_a_part_leaves_it_as_it_was(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, BIT(4), "16w");
	struct ct_state *before = ct_look(ct, 0);

	ct_set(ct, "max_ptes_none", 0);
	ct->poison = 5;
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_COPY_MC);
	ct_expect_as_before(ct, before);
	ct->poison = -1;
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	ct_expect_content(ct, "16w");
}

/*
 * Locks and notifications
 */

static void expect_locked(struct ct *ct, struct page *page)
{
	struct vm_area_struct *vma = vma_lookup(ct->mm, ct->start);

	if (!pmd_none(pmdp_get(pmd_off(ct->mm, ct->start))))
		KUNIT_FAIL(ct->test, "the page table is in place");
	if (!rwsem_is_locked(&vma->anon_vma->root->rwsem))
		KUNIT_FAIL(ct->test, "the page table is out, and the anon_vma is not locked");
	ct->result = 1;
}

/* Pages of other parts are neither locked nor isolated: rmap must wait. */
static void nobody_looks_while_the_page_table_is_out(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, BIT(4), "512w");

	ct->on_copy = expect_locked;
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_EQ(test, ct->result, 1L);
	expect_orders(ct, ALL_4);
}

static void devices_are_notified_of_the_part(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, BIT(4), "48. 16w");

	ct_set(ct, "max_ptes_none", 0);
	ct_notify(ct);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_ASSERT_EQ(test, ct->nr_events, 1);
	KUNIT_EXPECT_EQ(test, ct->nr_ends, 1);
	KUNIT_EXPECT_EQ(test, ct->event[0].start, ct_addr(ct, 48));
	KUNIT_EXPECT_EQ(test, ct->event[0].end, ct_addr(ct, 64));
}

static void pages_of_other_parts_stay(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, BIT(4), "8w 8. 16w 8w 8z");
	struct page *first, *last;

	ct_set(ct, "max_ptes_none", 0);
	first = ct_page(ct, 7);
	last = ct_page(ct, 39);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	expect_orders(ct, "040.............................");
	KUNIT_EXPECT_PTR_EQ(test, ct_page(ct, 7), first);
	KUNIT_EXPECT_PTR_EQ(test, ct_page(ct, 39), last);
	KUNIT_EXPECT_EQ(test, folio_ref_count(page_folio(first)), 1);
	KUNIT_EXPECT_TRUE(test, pte_none(ct_pte(ct, 8)));
	ct_expect_content(ct, "8w 8. 16w 8w 8z");
}

/* The VMA has to span the huge range: no other may use the page table. */
static void the_vma_must_span_the_huge_range(struct kunit *test)
{
	struct ct *ct = create_with_orders(test, BIT(4), "512w");

	KUNIT_ASSERT_EQ(test, vm_munmap(ct_addr(ct, 496), 16 * PAGE_SIZE), 0);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_ADDRESS_RANGE);
	expect_orders(ct, "0000000000000000000000000000000.");
}

static struct kunit_case mthp_cases[] = {
	KUNIT_CASE_PARAM(takes_what_is_whole, choices_gen_params),
	KUNIT_CASE(a_process_gets_huge_pages_only),
	KUNIT_CASE_PARAM(other_parts_are_collapsed, obstacles_gen_params),
	KUNIT_CASE(a_part_that_is_swapped_out_stays),
	KUNIT_CASE(nothing_is_swapped_in_for_a_part),
	KUNIT_CASE(swapped_pages_count_for_the_huge_page),
	KUNIT_CASE(shared_pages_keep_their_part),
	KUNIT_CASE(folios_as_large_stay),
	KUNIT_CASE(smaller_folios_become_larger),
	KUNIT_CASE(without_memory_a_smaller_order_will_do),
	KUNIT_CASE(without_any_memory_it_says_so),
	KUNIT_CASE(a_refused_charge_ends_it),
	KUNIT_CASE(poison_in_a_part_leaves_it_as_it_was),
	KUNIT_CASE(nobody_looks_while_the_page_table_is_out),
	KUNIT_CASE(devices_are_notified_of_the_part),
	KUNIT_CASE(pages_of_other_parts_stay),
	KUNIT_CASE(the_vma_must_span_the_huge_range),
	{}
};

static struct kunit_suite collapse_mthp_suite = {
	.name = "collapse_mthp",
	.suite_init = ct_suite_init,
	.suite_exit = ct_suite_exit,
	.test_cases = mthp_cases,
};

kunit_test_suite(collapse_mthp_suite);
