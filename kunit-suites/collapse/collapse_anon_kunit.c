// SPDX-License-Identifier: GPL-2.0-only
/*
 * The collapse of anonymous memory: what the huge page is like, what becomes
 * of the small ones, and that a collapse that fails leaves all as it was.
 */
#include <linux/ksm.h>
#include <linux/leafops.h>
#include <linux/memcontrol.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/swap.h>
#include <linux/userfaultfd_k.h>

#include "collapse.h"
#include "swap.h"

/*
 * Success
 */

struct success {
	const char *name;
	const char *pattern;
	bool swap;
};

static const struct success successes[] = {
	{ "all_written", "512w" },
	{ "first_page_only", "1w 511." },
	{ "last_page_only", "511. 1w" },
	{ "holes", "100w 1. 200w 1. 210w" },
	{ "zero_pages", "256w 256z" },
	{ "mostly_zero_pages", "1w 511z" },
	{ "one_zero_page", "1w 510. 1z" },
	{ "swapped_out", "504w 8s", true },
	{ "all_swapped_out", "512s", true },
	{ "swapped_and_holes", "8s 100. 8z 396w", true },
	{ "lazily_freed", "256w 256c" },
};

KUNIT_ARRAY_PARAM_DESC(successes, successes, name);

static void becomes_one_huge_page(struct kunit *test)
{
	const struct success *c = test->param_value;
	struct ct *ct = c->swap ? ct_create_with_swap(test) : ct_create(test);
	const unsigned long before = ct_event_count(THP_COLLAPSE_ALLOC);

	ct_map_anon(ct, 512);
	ct_fill(ct, c->pattern);
	ct_expect_madvise(ct, 0, 512, 0);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, c->pattern);
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 1);
	if (IS_ENABLED(CONFIG_VM_EVENT_COUNTERS))
		KUNIT_EXPECT_EQ(test, ct_event_count(THP_COLLAPSE_ALLOC), before + 1);
}

/* The last reference to each small page is dropped. */
static void small_pages_are_freed(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct page **pages;
	int i, left = 0;

	pages = kunit_kcalloc(test, CT_PAGES, sizeof(*pages), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	for (i = 0; i < CT_PAGES; i++)
		pages[i] = ct_page(ct, i);
	KUNIT_EXPECT_EQ(test, (int)ct_collapse(ct, 0, CT_PROCESS), (int)SCAN_SUCCEED);
	for (i = 0; i < CT_PAGES; i++)
		left += page_count(pages[i]) != 0;
	/* One or two may be in use again. */
	KUNIT_EXPECT_LE_MSG(test, left, 4, "pages still have references");
	ct_check(ct);
}

static void node_counters_follow(struct kunit *test)
{
	const long thps = ct_node_stat(NR_ANON_THPS);
	const long mapped = ct_node_stat(NR_ANON_MAPPED);
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "256w 256.");
	KUNIT_EXPECT_EQ(test, ct_node_stat(NR_ANON_MAPPED), mapped + 256);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	KUNIT_EXPECT_EQ(test, ct_node_stat(NR_ANON_THPS), thps + 512);
	KUNIT_EXPECT_EQ(test, ct_node_stat(NR_ANON_MAPPED), mapped + 512);
	KUNIT_EXPECT_EQ(test, ct_node_stat(NR_ISOLATED_ANON), 0L);
	KUNIT_EXPECT_EQ(test, ct_node_stat(NR_ISOLATED_FILE), 0L);
}

static void khugepaged_counts_what_it_collapses(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	const unsigned long before = ct_get(ct, "pages_collapsed");

	ct_map_anon(ct, 1024);
	ct_fill(ct, "1024w");
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	KUNIT_EXPECT_EQ(test, ct_get(ct, "pages_collapsed"), before);
	ct_expect_result(ct, 512, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_EQ(test, ct_get(ct, "pages_collapsed"), before + 1);
	ct_expect_huge(ct, 512);
}

/* Then it is not in the way of the reverse map, nor of a second collapse. */
static void can_be_split_and_collapsed_again(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_PMD_MAPPED);
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 10, 1, MADV_DONTNEED), 0);
	ct_expect_small(ct, 0);
	ct_check(ct);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, "10w 1. 501w");
}

static void read_only_stays_read_only(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	KUNIT_ASSERT_EQ(test, do_mprotect_pkey(ct->start, HPAGE_PMD_SIZE, PROT_READ, -1), 0);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, "512w");
}

static void locked_memory_stays_locked(struct kunit *test)
{
	const vma_flags_t locked = mk_vma_flags(VMA_LOCKED_BIT);
	struct ct *ct = ct_create(test);
	vma_flags_t flags = locked;
	struct folio *folio;

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	KUNIT_ASSERT_EQ(test, do_mlock(ct->start, HPAGE_PMD_SIZE, &flags), 0);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	KUNIT_ASSERT_TRUE(test, ct_is_huge(ct, 0));
	lru_add_drain_all();
	folio = page_folio(ct_page(ct, 0));
	KUNIT_EXPECT_TRUE(test, folio_test_mlocked(folio));
	KUNIT_EXPECT_TRUE(test, folio_test_unevictable(folio));
	KUNIT_EXPECT_EQ(test, do_munlock(ct->start, HPAGE_PMD_SIZE), 0);
}

/* Pages shared with another process are copied, and stay as they are there. */
static void shared_pages_are_copied(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct page *page;

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	ct_fork(ct);
	page = ct_page(ct, 5);
	KUNIT_ASSERT_EQ(test, folio_mapcount(page_folio(page)), 2);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, "512w");
	KUNIT_EXPECT_EQ(test, folio_mapcount(page_folio(page)), 1);
	KUNIT_EXPECT_EQ(test, folio_ref_count(page_folio(page)), 1);
}

static void larger_folios_become_one(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_write_folios(ct, 0, 512, 4);
	/* One that is mapped in part only. */
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 20, 3, MADV_DONTNEED), 0);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
	KUNIT_EXPECT_EQ(test, ct_node_stat(NR_ISOLATED_ANON), 0L);
	ct_expect_content(ct, "20w 3. 489w");
}

static void a_huge_page_mapped_by_ptes_is_remade(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_write(ct, 0, 512);
	ct_expect_huge(ct, 0);
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 500, 12, MADV_DONTNEED), 0);
	ct_expect_small(ct, 0);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, "500w 12.");
}

/* Soon after they were touched, pages wait in batches for the LRU. */
static void pages_that_wait_for_the_lru_are_no_obstacle(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "500w");
	huge_anon_orders_inherit = 0;
	ct_write(ct, 500, 12);
	ct_expect_madvise(ct, 0, 512, 0);
	ct_expect_huge(ct, 0);
}

/*
 * Locks and notifications
 */

static void expect_locked(struct ct *ct, struct page *page)
{
	struct vm_area_struct *vma = vma_lookup(ct->mm, ct->start);
	pmd_t *pmd = mm_find_pmd(ct->mm, ct->start);

	if (mmap_read_trylock(ct->mm)) {
		mmap_read_unlock(ct->mm);
		KUNIT_FAIL(ct->test, "the mmap_lock is not held for write");
	}
	if (ct->arg && !rwsem_is_locked(&vma->anon_vma->root->rwsem))
		KUNIT_FAIL(ct->test, "the page table is out, and the anon_vma is not locked");
	if (!folio_test_locked(page_folio(page)))
		KUNIT_FAIL(ct->test, "a page is copied without being locked");
	if (folio_test_lru(page_folio(page)))
		KUNIT_FAIL(ct->test, "a page is copied while it is on the LRU");
	if (pmd && !pmd_none(pmdp_get(pmd)))
		KUNIT_FAIL(ct->test, "pages are copied while they are mapped");
	ct->result = 1;
}

static void expect_anon_vma_locked(struct ct *ct)
{
	struct vm_area_struct *vma = vma_lookup(ct->mm, ct->start);

	if (!rwsem_is_locked(&vma->anon_vma->root->rwsem))
		KUNIT_FAIL(ct->test, "the anon_vma is not locked");
	if (mmap_read_trylock(ct->mm)) {
		mmap_read_unlock(ct->mm);
		KUNIT_FAIL(ct->test, "the mmap_lock is not held for write");
	}
}

static void nobody_sees_the_pages_while_they_are_copied(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	ct_notify(ct);
	ct->on_invalidate = expect_anon_vma_locked;
	ct->on_copy = expect_locked;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	KUNIT_EXPECT_EQ(test, ct->result, 1L);
}

/* Devices learn of it before the page table is taken out. */
static void devices_are_notified(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 1024);
	ct_fill(ct, "1024w");
	ct_notify(ct);
	ct_expect_result(ct, 512, CT_PROCESS, SCAN_SUCCEED);
	KUNIT_ASSERT_EQ(test, ct->nr_events, 1);
	KUNIT_EXPECT_EQ(test, ct->nr_ends, 1);
	KUNIT_EXPECT_EQ(test, ct->event[0].start, ct_addr(ct, 512));
	KUNIT_EXPECT_EQ(test, ct->event[0].end, ct_addr(ct, 1024));
	KUNIT_EXPECT_TRUE(test, ct->event[0].pmd_was_table);
}

/*
 * Failure: all must be as before, and the collapse possible later.
 */

struct failure {
	const char *name;
	const char *pattern;
	enum ct_who who;
	enum scan_result result;
	void (*prepare)(struct ct *ct);
	void (*undo)(struct ct *ct);
	bool swap;
};

static void refuse_memory(struct ct *ct)
{
	ct->alloc.min_fail_order = 2;
}

static void grant_memory(struct ct *ct)
{
	ct->alloc.min_fail_order = 0;
}

static void refuse_charge(struct ct *ct)
{
	if (!IS_ENABLED(CONFIG_MEMCG))
		kunit_skip(ct->test, "no memory cgroups (CONFIG_MEMCG)");
	ct->alloc.charge_err = -ENOMEM;
}

static void grant_charge(struct ct *ct)
{
	ct->alloc.charge_err = 0;
}

static void poison_first(struct ct *ct)
{
	ct->poison = 0;
}

static void poison_middle(struct ct *ct)
{
	ct->poison = 200;
}

static void poison_last(struct ct *ct)
{
	ct->poison = 499;
}

static void nothing(struct ct *ct)
{
}

/* While the allocation goes on, nothing is locked. */
static void pin_page(struct ct *ct)
{
	ct->held = ct_page(ct, 300);
	get_page(ct->held);
}

static void pin_later(struct ct *ct)
{
	ct->on_alloc = pin_page;
}

static void unpin(struct ct *ct)
{
	put_page(ct->held);
}

static void lock_page_300(struct ct *ct)
{
	ct->held = ct_page(ct, 300);
	lock_page(ct->held);
}

static void lock_later(struct ct *ct)
{
	ct->on_alloc = lock_page_300;
}

static void unlock(struct ct *ct)
{
	unlock_page(ct->held);
}

static void isolate(struct ct *ct)
{
	ct->held = ct_page(ct, 300);
	KUNIT_EXPECT_TRUE(ct->test, folio_isolate_lru(page_folio(ct->held)));
	/* Without the reference, so that only the LRU flag tells. */
	put_page(ct->held);
}

static void isolate_later(struct ct *ct)
{
	ct->on_alloc = isolate;
}

static void put_back(struct ct *ct)
{
	get_page(ct->held);
	folio_putback_lru(page_folio(ct->held));
}

static const struct failure failures[] = {
	{ "no_memory", "512w", CT_PROCESS, SCAN_ALLOC_HUGE_PAGE_FAIL,
	  refuse_memory, grant_memory },
	{ "no_memory_for_khugepaged", "512w", CT_KHUGEPAGED,
	  SCAN_ALLOC_HUGE_PAGE_FAIL, refuse_memory, grant_memory },
	{ "no_charge", "512w", CT_PROCESS, SCAN_CGROUP_CHARGE_FAIL,
	  refuse_charge, grant_charge },
	{ "first_page_poisoned", "500w 12z", CT_PROCESS, SCAN_COPY_MC,
	  poison_first, nothing },
	{ "page_poisoned", "500w 12.", CT_PROCESS, SCAN_COPY_MC,
	  poison_middle, nothing },
	{ "last_page_poisoned", "500w 12z", CT_KHUGEPAGED, SCAN_COPY_MC,
	  poison_last, nothing },
	{ "pinned_meanwhile", "500w 12.", CT_PROCESS, SCAN_PAGE_COUNT,
	  pin_later, unpin },
	{ "locked_meanwhile", "500w 12z", CT_PROCESS, SCAN_PAGE_LOCK,
	  lock_later, unlock },
	{ "isolated_meanwhile", "512w", CT_PROCESS, SCAN_DEL_PAGE_LRU,
	  isolate_later, put_back },
	/* Which count as pages of files. */
	{ "lazily_freed_and_poisoned", "500w 12c", CT_PROCESS, SCAN_COPY_MC,
	  poison_last, nothing },
};

KUNIT_ARRAY_PARAM_DESC(failures, failures, name);

static void fails_without_a_trace(struct kunit *test)
{
	const struct failure *c = test->param_value;
	struct ct *ct = ct_create(test);
	struct ct_state *before;
	enum scan_result result;

	ct_map_anon(ct, 512);
	ct_fill(ct, c->pattern);
	before = ct_look(ct, 0);
	c->prepare(ct);
	result = ct_collapse(ct, 0, c->who);
	c->undo(ct);
	KUNIT_EXPECT_STREQ(test, ct_result_name(result), ct_result_name(c->result));
	ct_check(ct);
	ct_expect_as_before(ct, before);
	if (ct->alloc.folio)
		KUNIT_EXPECT_EQ_MSG(test, folio_ref_count(ct->alloc.folio), 0,
				    "the new folio is not freed");
	ct->poison = -1;
	ct_expect_result(ct, 0, c->who, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, c->pattern);
}

/* With folios of several pages, each of which is isolated once. */
static void failure_releases_larger_folios(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_state *before;

	ct_map_anon(ct, 512);
	ct_write_folios(ct, 0, 512, 4);
	before = ct_look(ct, 0);
	ct->poison = 200;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_COPY_MC);
	ct_expect_as_before(ct, before);
	ct->poison = -1;
	lock_later(ct);
	KUNIT_EXPECT_EQ(test, (int)ct_collapse(ct, 0, CT_PROCESS), (int)SCAN_PAGE_LOCK);
	unlock(ct);
	ct_check(ct);
	ct_expect_as_before(ct, before);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_content(ct, "512w");
}

static void swap_that_cannot_be_read_ends_it(struct kunit *test)
{
	struct ct *ct = ct_create_with_swap(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "500w 12s");
	tmm_break_swap(true);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_FAIL);
	tmm_break_swap(false);
	ct_expect_small(ct, 0);
	KUNIT_EXPECT_EQ(test, folio_ref_count(ct->alloc.folio), 0);
}

#ifdef CONFIG_SWAP
/* Pages that are still in the swap cache, as when their writeback has just ended. */
static struct folio *swap_out_into_cache(struct ct *ct, long page)
{
	struct folio *folio;

	lru_add_drain_all();
	KUNIT_ASSERT_EQ(ct->test, ct_madvise(ct, page, 1, MADV_PAGEOUT), 0);
	folio = swap_cache_get_folio(softleaf_from_pte(ct_pte(ct, page)));
	KUNIT_ASSERT_NOT_NULL_MSG(ct->test, folio, "page %ld left the swap cache", page);
	return folio;
}

/* It waits, without the mmap_lock, and then has to be asked again. */
static void a_locked_page_in_the_swap_cache_ends_it(struct kunit *test)
{
	struct ct *ct = ct_create_with_swap(test);
	struct ct_state *before;
	enum scan_result result;
	struct folio *folio;

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	folio = swap_out_into_cache(ct, 300);
	before = ct_look(ct, 0);
	ct_lock_until_waited_for(ct, folio, NULL);
	result = ct_collapse(ct, 0, CT_PROCESS);
	KUNIT_EXPECT_TRUE(test, ct_was_waited_for(ct));
	KUNIT_EXPECT_STREQ(test, ct_result_name(result), "SCAN_PAGE_LOCK");
	folio_put(folio);
	ct_check(ct);
	ct_expect_as_before(ct, before);
	KUNIT_EXPECT_EQ_MSG(test, folio_ref_count(ct->alloc.folio), 0,
			    "the new folio is not freed");
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, "512w");
}
#else
static void a_locked_page_in_the_swap_cache_ends_it(struct kunit *test)
{
	kunit_skip(test, "no swap (CONFIG_SWAP)");
}
#endif

/*
 * What another thread may do while the lock is dropped
 */

struct change {
	const char *name;
	void (*change)(struct ct *ct);
	enum scan_result first;		/* If it comes with the allocation, */
	enum scan_result second;	/* and if after that, last. */
};

static void unmap_all(struct ct *ct)
{
	vm_munmap(ct->start, HPAGE_PMD_SIZE);
}

static void unmap_end(struct ct *ct)
{
	vm_munmap(ct_addr(ct, 511), PAGE_SIZE);
}

static void unmap_start(struct ct *ct)
{
	vm_munmap(ct->start, PAGE_SIZE);
}

static void refuse_huge_pages(struct ct *ct)
{
	ct_madvise(ct, 0, 512, MADV_NOHUGEPAGE);
}

static void map_a_file(struct ct *ct)
{
	ct_map_file(ct, tmm_file(ct->t, 0), MAP_SHARED);
}

/* And written to, so that it has an anon_vma, as anonymous memory has. */
static void map_a_private_file(struct ct *ct)
{
	ct_map_file(ct, tmm_file(ct->t, 0), MAP_PRIVATE);
	ct_write(ct, 5, 1);
}

static void map_anew(struct ct *ct)
{
	vm_munmap(ct->start, HPAGE_PMD_SIZE);
	ct_map_anon(ct, 512);
}

static void disable_for_process(struct ct *ct)
{
	mm_flags_set(MMF_DISABLE_THP_COMPLETELY, ct->mm);
}

static void collapse_first(struct ct *ct)
{
	KUNIT_EXPECT_EQ(ct->test, ct_collapse(ct, 0, CT_PROCESS), SCAN_SUCCEED);
}

static void remove_pages(struct ct *ct)
{
	ct_madvise(ct, 0, 512, MADV_DONTNEED);
}

static void move_page_table(struct ct *ct)
{
	ksys_mremap(ct->start, HPAGE_PMD_SIZE, HPAGE_PMD_SIZE,
		    MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
		    ct_addr(ct, 1024));
}

static const struct change changes[] = {
	{ "unmapped", unmap_all, SCAN_VMA_NULL, SCAN_VMA_NULL },
	{ "shortened", unmap_end, SCAN_ADDRESS_RANGE, SCAN_ADDRESS_RANGE },
	{ "begins_later", unmap_start, SCAN_ADDRESS_RANGE, SCAN_ADDRESS_RANGE },
	{ "nohugepage", refuse_huge_pages, SCAN_VMA_CHECK, SCAN_VMA_CHECK },
	{ "disabled", disable_for_process, SCAN_ANY_PROCESS, SCAN_ANY_PROCESS },
	{ "replaced_by_a_file", map_a_file, SCAN_PAGE_ANON, SCAN_PAGE_ANON },
	{ "replaced_by_a_private_file", map_a_private_file, SCAN_PAGE_ANON,
	  SCAN_PAGE_ANON },
	{ "mapped_anew", map_anew, SCAN_VMA_CHECK, SCAN_VMA_CHECK },
	{ "collapsed_by_another", collapse_first, SCAN_PMD_MAPPED, SCAN_PMD_MAPPED },
	{ "pages_moved_away", move_page_table, SCAN_VMA_CHECK, SCAN_VMA_CHECK },
};

KUNIT_ARRAY_PARAM_DESC(changes, changes, name);

static void expect_refused(struct kunit *test, bool later)
{
	const struct change *c = test->param_value;
	const enum scan_result expected = later ? c->second : c->first;
	struct ct *ct = ct_create(test);
	enum scan_result result;

	if (c->change == map_a_file || c->change == map_a_private_file)
		ct_shmem(ct);
	ct_map_anon(ct, 512);
	ct_fill(ct, "500w 12.");
	if (later)
		ct->on_unlocked = c->change;
	else
		ct->on_alloc = c->change;
	result = ct_collapse(ct, 0, CT_PROCESS);
	KUNIT_EXPECT_STREQ(test, ct_result_name(result), ct_result_name(expected));
	mm_flags_clear(MMF_DISABLE_THP_COMPLETELY, ct->mm);
	ct_check(ct);
	if (c->change != collapse_first)
		KUNIT_EXPECT_EQ_MSG(test, folio_ref_count(ct->alloc.folio), 0,
				    "the new folio is not freed");
}

static void change_during_the_allocation_is_noticed(struct kunit *test)
{
	expect_refused(test, false);
}

static void change_before_the_write_lock_is_noticed(struct kunit *test)
{
	expect_refused(test, true);
}

/* With CONFIG_PT_RECLAIM the page table goes with them. */
static void pages_removed_meanwhile_stay_removed(struct kunit *test)
{
	const bool reclaim = IS_ENABLED(CONFIG_PT_RECLAIM);
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	ct->on_unlocked = remove_pages;
	ct_expect_result(ct, 0, CT_PROCESS,
			 reclaim ? SCAN_NO_PTE_TABLE : SCAN_SUCCEED);
	ct_expect_content(ct, "512.");
}

static void write_page_511(struct ct *ct)
{
	ct_write(ct, 511, 1);
	lru_add_drain_all();
}

static void page_written_meanwhile_is_copied(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "511w 1.");
	huge_anon_orders_inherit = 0;
	ct->on_unlocked = write_page_511;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, "512w");
}

static void swap_out_page_20(struct ct *ct)
{
	lru_add_drain_all();
	ct_madvise(ct, 20, 1, MADV_PAGEOUT);
}

static void page_swapped_out_meanwhile_ends_it(struct kunit *test)
{
	struct ct *ct = ct_create_with_swap(test);
	struct ct_state *before;

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	ct->on_unlocked = swap_out_page_20;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_PTE_NON_PRESENT);
	ct_expect_small(ct, 0);
	before = ct_look(ct, 0);
	KUNIT_EXPECT_FALSE(test, pte_present(ct_pte(ct, 20)));
	ct_expect_as_before(ct, before);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_content(ct, "512w");
}

static struct kunit_case anon_cases[] = {
	KUNIT_CASE_PARAM(becomes_one_huge_page, successes_gen_params),
	KUNIT_CASE(small_pages_are_freed),
	KUNIT_CASE(node_counters_follow),
	KUNIT_CASE(khugepaged_counts_what_it_collapses),
	KUNIT_CASE(can_be_split_and_collapsed_again),
	KUNIT_CASE(read_only_stays_read_only),
	KUNIT_CASE(locked_memory_stays_locked),
	KUNIT_CASE(shared_pages_are_copied),
	KUNIT_CASE(larger_folios_become_one),
	KUNIT_CASE(a_huge_page_mapped_by_ptes_is_remade),
	KUNIT_CASE(pages_that_wait_for_the_lru_are_no_obstacle),
	KUNIT_CASE(nobody_sees_the_pages_while_they_are_copied),
	KUNIT_CASE(devices_are_notified),
	KUNIT_CASE_PARAM(fails_without_a_trace, failures_gen_params),
	KUNIT_CASE(failure_releases_larger_folios),
	KUNIT_CASE(swap_that_cannot_be_read_ends_it),
	KUNIT_CASE(a_locked_page_in_the_swap_cache_ends_it),
	KUNIT_CASE_PARAM(change_during_the_allocation_is_noticed, changes_gen_params),
	KUNIT_CASE_PARAM(change_before_the_write_lock_is_noticed, changes_gen_params),
	KUNIT_CASE(pages_removed_meanwhile_stay_removed),
	KUNIT_CASE(page_written_meanwhile_is_copied),
	KUNIT_CASE(page_swapped_out_meanwhile_ends_it),
	{}
};

static struct kunit_suite collapse_anon_suite = {
	.name = "collapse_anon",
	.suite_init = ct_suite_init,
	.suite_exit = ct_suite_exit,
	.test_cases = anon_cases,
};

kunit_test_suite(collapse_anon_suite);
