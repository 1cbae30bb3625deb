// SPDX-License-Identifier: GPL-2.0-only
/*
 * That the GFP mask is what is used: when memory is in pieces, and nearly all
 * of it is in use, those who may wait compact and reclaim, others do not.
 */
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/rcupdate.h>
#include <linux/vmstat.h>

#include "collapse.h"

/*
 * What is left free, and in pieces of half as much as an order-5 block: enough
 * for all that the kernel does meanwhile, and no huge page.
 */
#define PIECES		1024
#define PIECE_ORDER	5

struct hoard {
	struct list_head blocks;	/* By page->lru, the order in private. */
};

static bool take(struct hoard *hoard, unsigned int order)
{
	struct page *page = alloc_pages(__GFP_NOWARN | __GFP_HIGHMEM, order);

	if (!page)
		return false;
	set_page_private(page, order);
	list_add(&page->lru, &hoard->blocks);
	return true;
}

static void give_back(void *data)
{
	struct hoard *hoard = data;
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &hoard->blocks, lru) {
		const unsigned int order = page_private(page);

		list_del(&page->lru);
		set_page_private(page, 0);
		__free_pages(page, order);
	}
}

/* All that is as large as a huge page, or nearly. */
static void take_large_blocks(struct hoard *hoard)
{
	int order;

	for (order = MAX_PAGE_ORDER; order > PIECE_ORDER; order--)
		while (take(hoard, order))
			;
}

/* One page of each piece stays taken, so that no larger block is free. */
static int break_into_pieces(struct hoard *hoard)
{
	LIST_HEAD(pieces);
	struct page *page, *next;
	int i, nr = 0;

	while (nr < PIECES) {
		page = alloc_pages(__GFP_NOWARN | __GFP_HIGHMEM, PIECE_ORDER);
		if (!page)
			break;
		list_add(&page->lru, &pieces);
		nr++;
	}
	take_large_blocks(hoard);
	list_for_each_entry_safe(page, next, &pieces, lru) {
		list_del(&page->lru);
		split_page(page, PIECE_ORDER);
		for (i = 1; i < BIT(PIECE_ORDER); i++)
			__free_page(page + i);
		set_page_private(page, 0);
		list_add(&page->lru, &hoard->blocks);
	}
	return nr;
}

static void hoard_memory(struct kunit *test)
{
	struct hoard *hoard = kunit_kzalloc(test, sizeof(*hoard), GFP_KERNEL);
	int nr;

	KUNIT_ASSERT_NOT_NULL(test, hoard);
	INIT_LIST_HEAD(&hoard->blocks);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, give_back, hoard), 0);
	nr = break_into_pieces(hoard);
	/* What is freed late, of the tests before, is taken, too. */
	rcu_barrier();
	take_large_blocks(hoard);
	KUNIT_ASSERT_EQ(test, nr, PIECES);
}

/* How often somebody waited for compaction or reclaim. */
static unsigned long stalls(void)
{
	unsigned long sum = 0;
#ifdef CONFIG_VM_EVENT_COUNTERS
	int zone;

	for (zone = 0; zone < MAX_NR_ZONES; zone++)
		sum += ct_event_count(ALLOCSTALL_NORMAL - ZONE_NORMAL + zone);
#ifdef CONFIG_COMPACTION
	sum += ct_event_count(COMPACTSTALL);
#endif
#endif
	return sum;
}

#define RANGES	3

static struct ct *create(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	if (!IS_ENABLED(CONFIG_VM_EVENT_COUNTERS))
		kunit_skip(test, "no counters (CONFIG_VM_EVENT_COUNTERS)");
	ct_map_anon(ct, RANGES * 512);
	ct_fill(ct, "512w 512w 512w");
	return ct;
}

/* Why khugepaged fails then is open: compaction may hold pages of the range. */
static int collapse(struct ct *ct, long page, enum ct_who who)
{
	if (who == CT_PROCESS)
		return ct_madvise(ct, page, 512, MADV_COLLAPSE);
	return ct_collapse(ct, page, who) == SCAN_SUCCEED ? 0 : -ENOMEM;
}

/*
 * Collapse one range after the other until somebody waited, or it failed. One
 * may succeed without: what runs in the background can free a huge page.
 */
static void expect_to_wait(struct ct *ct, enum ct_who who)
{
	const unsigned long before = stalls();
	long page;
	int err = 0;

	for (page = 0; page < RANGES * 512 && !err && stalls() == before;
	     page += 512)
		err = collapse(ct, page, who);
	KUNIT_EXPECT_GT_MSG(ct->test, stalls(), before, "error %d", err);
	/* Compaction may well succeed. */
	if (err)
		KUNIT_EXPECT_EQ(ct->test, err, -ENOMEM);
	ct_check(ct);
}

static void a_process_waits_for_memory(struct kunit *test)
{
	struct ct *ct = create(test);

	hoard_memory(test);
	expect_to_wait(ct, CT_PROCESS);
}

static void khugepaged_waits_if_it_may(struct kunit *test)
{
	struct ct *ct = create(test);

	ct_set(ct, "defrag", 1);
	hoard_memory(test);
	expect_to_wait(ct, CT_KHUGEPAGED);
}

static void khugepaged_does_not_wait_if_it_may_not(struct kunit *test)
{
	struct ct *ct = create(test);
	unsigned long before;

	ct_set(ct, "defrag", 0);
	hoard_memory(test);
	before = stalls();
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_ALLOC_HUGE_PAGE_FAIL);
	KUNIT_EXPECT_EQ(test, stalls(), before);
}

static void with_memory_free_nobody_waits(struct kunit *test)
{
	struct ct *ct = create(test);
	const unsigned long before = stalls();

	ct_expect_madvise(ct, 0, 512, 0);
	ct_expect_huge(ct, 0);
	KUNIT_EXPECT_EQ(test, stalls(), before);
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(a_process_waits_for_memory),
	KUNIT_CASE(khugepaged_waits_if_it_may),
	KUNIT_CASE(khugepaged_does_not_wait_if_it_may_not),
	KUNIT_CASE(with_memory_free_nobody_waits),
	{}
};

static struct kunit_suite collapse_memory_suite = {
	.name = "collapse_memory",
	.suite_init = ct_suite_init,
	.suite_exit = ct_suite_exit,
	.test_cases = memory_cases,
};

kunit_test_suite(collapse_memory_suite);
