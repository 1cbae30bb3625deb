// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a scan of a page table accepts: the limits for khugepaged, which do
 * not bind MADV_COLLAPSE, and the pages that nobody may collapse.
 */
#include <linux/delay.h>
#include <linux/kernfs.h>
#include <linux/kobject.h>
#include <linux/ksm.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/swap.h>
#include <linux/userfaultfd_k.h>

#include "collapse.h"

/*
 * Limits: one below, at, and one above
 */

struct limit {
	const char *name;
	const char *setting;
	unsigned long value;
	const char *pattern;
	enum scan_result khugepaged;	/* A process succeeds. */
	enum vm_event_item event;	/* Counts what is too much. */
	bool swap;
};

#define NONE(name_, value_, pattern_, result_)				\
	{ .name = name_, .setting = "max_ptes_none", .value = value_,	\
	  .pattern = pattern_, .khugepaged = result_,			\
	  .event = THP_SCAN_EXCEED_NONE_PTE }
#define SWAP(name_, value_, pattern_, result_)				\
	{ .name = name_, .setting = "max_ptes_swap", .value = value_,	\
	  .pattern = pattern_, .khugepaged = result_, .swap = true,	\
	  .event = THP_SCAN_EXCEED_SWAP_PTE }

static const struct limit limits[] = {
	NONE("none_below", 10, "503w 9.", SCAN_SUCCEED),
	NONE("none_at", 10, "502w 10.", SCAN_SUCCEED),
	NONE("none_above", 10, "501w 11.", SCAN_EXCEED_NONE_PTE),
	NONE("none_above_at_the_start", 10, "11. 501w", SCAN_EXCEED_NONE_PTE),
	NONE("zero_pages_below", 10, "503w 9z", SCAN_SUCCEED),
	NONE("zero_pages_at", 10, "502w 10z", SCAN_SUCCEED),
	NONE("zero_pages_above", 10, "501w 11z", SCAN_EXCEED_NONE_PTE),
	NONE("none_and_zero_at", 10, "5. 502w 5z", SCAN_SUCCEED),
	NONE("none_and_zero_above", 10, "5. 501w 6z", SCAN_EXCEED_NONE_PTE),
	NONE("none_allowed_none", 0, "512w", SCAN_SUCCEED),
	NONE("none_allowed_one", 0, "511w 1.", SCAN_EXCEED_NONE_PTE),
	NONE("all_but_one_allowed", 511, "1w 511.", SCAN_SUCCEED),
	SWAP("swap_below", 5, "508w 4s", SCAN_SUCCEED),
	SWAP("swap_at", 5, "507w 5s", SCAN_SUCCEED),
	SWAP("swap_above", 5, "506w 6s", SCAN_EXCEED_SWAP_PTE),
	SWAP("swap_none_allowed", 0, "511w 1s", SCAN_EXCEED_SWAP_PTE),
};

KUNIT_ARRAY_PARAM_DESC(limits, limits, name);

static struct ct *create_for(struct kunit *test, const struct limit *c)
{
	struct ct *ct = c->swap ? ct_create_with_swap(test) : ct_create(test);

	ct_set(ct, c->setting, c->value);
	ct_map_anon(ct, 512);
	ct_fill(ct, c->pattern);
	return ct;
}

static void khugepaged_keeps_the_limit(struct kunit *test)
{
	const struct limit *c = test->param_value;
	const unsigned long exceeded = ct_event_count(c->event);
	struct ct *ct = create_for(test, c);
	struct ct_state *before = ct_look(ct, 0);

	ct_expect_result(ct, 0, CT_KHUGEPAGED, c->khugepaged);
	if (c->khugepaged == SCAN_SUCCEED) {
		ct_expect_huge(ct, 0);
	} else {
		ct_expect_as_before(ct, before);
		KUNIT_EXPECT_EQ(test, ct->alloc.nr, 0);
		if (IS_ENABLED(CONFIG_VM_EVENT_COUNTERS))
			KUNIT_EXPECT_EQ(test, ct_event_count(c->event), exceeded + 1);
	}
	ct_expect_content(ct, c->pattern);
}

static void a_process_is_not_limited(struct kunit *test)
{
	const struct limit *c = test->param_value;
	struct ct *ct = create_for(test, c);

	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, c->pattern);
}

/* Of 512 pages, @shared are mapped by the parent, too. */
static struct ct *create_shared(struct kunit *test, long shared)
{
	struct ct *ct = ct_create(test);

	ct_set(ct, "max_ptes_shared", 10);
	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	ct_fork(ct);
	huge_anon_orders_inherit = 0;
	ct_write(ct, shared, 512 - shared);
	huge_anon_orders_inherit = BIT(PMD_ORDER);
	lru_add_drain_all();
	return ct;
}

static const struct {
	const char *name;
	int shared;
	enum scan_result khugepaged;
} shares[] = {
	{ "below", 9, SCAN_SUCCEED },
	{ "at", 10, SCAN_SUCCEED },
	{ "above", 11, SCAN_EXCEED_SHARED_PTE },
	{ "all", 512, SCAN_EXCEED_SHARED_PTE },
};

KUNIT_ARRAY_PARAM_DESC(shares, shares, name);

static void khugepaged_keeps_the_limit_of_shared_pages(struct kunit *test)
{
	const typeof(shares[0]) *c = test->param_value;
	struct ct *ct = create_shared(test, c->shared);
	struct ct_state *before = ct_look(ct, 0);

	ct_expect_result(ct, 0, CT_KHUGEPAGED, c->khugepaged);
	if (c->khugepaged != SCAN_SUCCEED)
		ct_expect_as_before(ct, before);
	ct_expect_content(ct, "512w");
}

static void a_process_may_collapse_shared_pages(struct kunit *test)
{
	const typeof(shares[0]) *c = test->param_value;
	struct ct *ct = create_shared(test, c->shared);

	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, "512w");
}

/* As many as 511, and nothing else than numbers. */
static void settings_have_bounds(struct kunit *test)
{
	static const char * const limits[] = {
		"max_ptes_none", "max_ptes_swap", "max_ptes_shared",
	};
	static const char * const numbers[] = {
		"pages_to_scan", "scan_sleep_millisecs", "alloc_sleep_millisecs",
	};
	struct ct *ct = ct_create(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		ct_set(ct, limits[i], CT_PAGES - 1);
		KUNIT_EXPECT_EQ(test, ct_get(ct, limits[i]), CT_PAGES - 1UL);
		KUNIT_EXPECT_TRUE(test, ct_refuses(ct, limits[i], "512"));
		KUNIT_EXPECT_TRUE(test, ct_refuses(ct, limits[i], "-1"));
		KUNIT_EXPECT_TRUE(test, ct_refuses(ct, limits[i], "many"));
		KUNIT_EXPECT_EQ(test, ct_get(ct, limits[i]), CT_PAGES - 1UL);
	}
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		ct_set(ct, numbers[i], 4711);
		KUNIT_EXPECT_EQ(test, ct_get(ct, numbers[i]), 4711UL);
		KUNIT_EXPECT_TRUE(test, ct_refuses(ct, numbers[i], "many"));
		KUNIT_EXPECT_TRUE(test, ct_refuses(ct, numbers[i], "4294967296"));
	}
	KUNIT_EXPECT_TRUE(test, ct_refuses(ct, "pages_to_scan", "0"));
	ct_set(ct, "defrag", 0);
	KUNIT_EXPECT_EQ(test, ct_get(ct, "defrag"), 0UL);
	ct_set(ct, "defrag", 1);
	KUNIT_EXPECT_EQ(test, ct_get(ct, "defrag"), 1UL);
	KUNIT_EXPECT_TRUE(test, ct_refuses(ct, "defrag", "2"));
}

/*
 * Referenced pages: khugepaged works for memory that is used.
 */

static void make_old(struct ct *ct, long page, long nr)
{
	for (; nr--; page++) {
		struct page *p = ct_page(ct, page);

		if (!p)
			continue;
		ct_set_pte(ct, page, pte_mkold(ct_pte(ct, page)));
		folio_clear_referenced(page_folio(p));
		folio_test_clear_young(page_folio(p));
	}
}

static void unused_memory_is_left_alone(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_state *before;

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	make_old(ct, 0, 512);
	before = ct_look(ct, 0);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_LACK_REFERENCED_PAGE);
	ct_expect_as_before(ct, before);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
}

static void one_young_entry_is_enough(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	make_old(ct, 0, 511);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
}

static void one_referenced_page_is_enough(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	make_old(ct, 0, 512);
	folio_set_referenced(page_folio(ct_page(ct, 40)));
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
}

static void use_by_a_device_is_enough(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	make_old(ct, 0, 512);
	ct_notify(ct);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_LACK_REFERENCED_PAGE);
	ct->secondary_young = true;
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
}

static void old_later(struct ct *ct)
{
	make_old(ct, 0, 512);
}

static void memory_no_longer_used_is_left_alone(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	ct->on_alloc = old_later;
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_LACK_REFERENCED_PAGE);
	ct_expect_small(ct, 0);
}

/* To swap in takes more: half of the pages must be in use. */
static void swap_in_needs_half_of_the_pages_in_use(struct kunit *test)
{
	struct ct *ct = ct_create_with_swap(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "511w 1s");
	make_old(ct, 255, 256);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_LACK_REFERENCED_PAGE);
	KUNIT_EXPECT_FALSE(test, pte_present(ct_pte(ct, 511)));
	ct_read(ct, 255, 1);
	ct_set_pte(ct, 255, pte_mkyoung(ct_pte(ct, 255)));
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	ct_expect_content(ct, "512w");
}

/*
 * Pages that are in the way
 */

struct obstacle {
	const char *name;
	enum scan_result khugepaged, process;
	void (*make)(struct ct *ct);
	void (*remove)(struct ct *ct);
};

#define THE_PAGE	300

static void pin(struct ct *ct)
{
	ct->held = ct_page(ct, THE_PAGE);
	get_page(ct->held);
}

static void unpin(struct ct *ct)
{
	put_page(ct->held);
}

static void lock(struct ct *ct)
{
	ct->held = ct_page(ct, THE_PAGE);
	lock_page(ct->held);
}

static void unlock(struct ct *ct)
{
	unlock_page(ct->held);
}

static void isolate(struct ct *ct)
{
	ct->held = ct_page(ct, THE_PAGE);
	KUNIT_EXPECT_TRUE(ct->test, folio_isolate_lru(page_folio(ct->held)));
}

static void put_back(struct ct *ct)
{
	folio_putback_lru(page_folio(ct->held));
	lru_add_drain_all();
}

static void free_lazily(struct ct *ct)
{
	KUNIT_EXPECT_EQ(ct->test, ct_madvise(ct, THE_PAGE, 1, MADV_FREE), 0);
	lru_add_drain_all();
}

static void use_again(struct ct *ct)
{
	ct_write(ct, THE_PAGE, 1);
}

static void protect(struct ct *ct)
{
	ct_uffd_register(ct, 0, 512, UFFDIO_REGISTER_MODE_WP);
	ct_uffd_protect(ct, THE_PAGE, 1, true);
}

static void unprotect(struct ct *ct)
{
	ct_uffd_protect(ct, THE_PAGE, 1, false);
}

static void guard_it(struct ct *ct)
{
	KUNIT_EXPECT_EQ(ct->test, ct_madvise(ct, THE_PAGE, 1, MADV_GUARD_INSTALL), 0);
}

static void unguard(struct ct *ct)
{
	KUNIT_EXPECT_EQ(ct->test, ct_madvise(ct, THE_PAGE, 1, MADV_GUARD_REMOVE), 0);
	huge_anon_orders_inherit = 0;
	ct_write(ct, THE_PAGE, 1);
	huge_anon_orders_inherit = BIT(PMD_ORDER);
}

static const struct obstacle obstacles[] = {
	{ "pinned", SCAN_PAGE_COUNT, SCAN_PAGE_COUNT, pin, unpin },
	{ "locked", SCAN_PAGE_LOCK, SCAN_PAGE_LOCK, lock, unlock },
	{ "not_on_the_lru", SCAN_PAGE_LRU, SCAN_PAGE_LRU, isolate, put_back },
	{ "lazily_freed", SCAN_PAGE_LAZYFREE, SCAN_SUCCEED, free_lazily, use_again },
	{ "uffd_wp", SCAN_PTE_UFFD, SCAN_PTE_UFFD, protect, unprotect },
	{ "guard", SCAN_FAIL, SCAN_FAIL, guard_it, unguard },
};

KUNIT_ARRAY_PARAM_DESC(obstacles, obstacles, name);

static void expect_obstacle(struct kunit *test, enum ct_who who)
{
	const struct obstacle *c = test->param_value;
	const enum scan_result expected = who == CT_PROCESS ? c->process :
							      c->khugepaged;
	struct ct *ct = ct_create(test);
	struct ct_state *before;
	enum scan_result result;

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	c->make(ct);
	before = ct_look(ct, 0);
	result = ct_collapse(ct, 0, who);
	KUNIT_EXPECT_STREQ(test, ct_result_name(result), ct_result_name(expected));
	if (expected != SCAN_SUCCEED)
		ct_expect_as_before(ct, before);
	c->remove(ct);
	ct_check(ct);
	if (expected == SCAN_SUCCEED)
		return;
	ct_expect_result(ct, 0, who, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, "512w");
}

static void khugepaged_stops_at(struct kunit *test)
{
	expect_obstacle(test, CT_KHUGEPAGED);
}

static void a_process_stops_at(struct kunit *test)
{
	expect_obstacle(test, CT_PROCESS);
}

/* A page may become one between the scan and the collapse, too. */
static void the_second_look_stops_at(struct kunit *test)
{
	const struct obstacle *c = test->param_value;
	struct ct *ct = ct_create(test);
	enum scan_result expected = c->khugepaged, result;

	if (c->make == isolate)
		expected = SCAN_PAGE_COUNT;
	if (c->make == guard_it)
		expected = SCAN_PTE_NON_PRESENT;
	if (c->make == protect)
		ct_uffd_open(ct);
	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	ct->on_unlocked = c->make;
	result = ct_collapse(ct, 0, CT_KHUGEPAGED);
	c->remove(ct);
	KUNIT_EXPECT_STREQ(test, ct_result_name(result), ct_result_name(expected));
	ct_expect_small(ct, 0);
	ct_check(ct);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	ct_expect_content(ct, "512w");
}

static void protection_survives_in_swap(struct kunit *test)
{
	struct ct *ct = ct_create_with_swap(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	protect(ct);
	lru_add_drain_all();
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, THE_PAGE, 1, MADV_PAGEOUT), 0);
	KUNIT_ASSERT_TRUE(test, pte_swp_uffd(ct_pte(ct, THE_PAGE)));
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_PTE_UFFD);
	KUNIT_EXPECT_TRUE(test, pte_swp_uffd(ct_pte(ct, THE_PAGE)));
}

/* A protected page that is not there: the marker must not get lost. */
static void protected_holes_survive(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "300w 1. 211w");
	protect(ct);
	KUNIT_ASSERT_TRUE(test, pte_is_uffd_wp_marker(ct_pte(ct, THE_PAGE)));
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_PTE_UFFD);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_PTE_UFFD);
	KUNIT_EXPECT_TRUE(test, pte_is_uffd_wp_marker(ct_pte(ct, THE_PAGE)));
}

static void poisoned_entry_survives(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_state *before;

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	KUNIT_EXPECT_EQ(test, ct_madvise(ct, THE_PAGE, 1, MADV_DONTNEED), 0);
	ct_uffd_register(ct, 0, 512, UFFDIO_REGISTER_MODE_MISSING);
	ct_uffd_poison(ct, THE_PAGE, 1);
	before = ct_look(ct, 0);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_FAIL);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_FAIL);
	ct_expect_as_before(ct, before);
	KUNIT_EXPECT_FALSE(test, pte_none(ct_pte(ct, THE_PAGE)));
}

/* Whoever waits for a missing page would never learn of it. */
static void holes_that_a_userfaultfd_waits_for_stay(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_state *before;

	ct_map_anon(ct, 512);
	ct_fill(ct, "511w 1.");
	ct_uffd_register(ct, 0, 512, UFFDIO_REGISTER_MODE_MISSING);
	before = ct_look(ct, 0);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_EXCEED_NONE_PTE);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_EXCEED_NONE_PTE);
	ct_expect_as_before(ct, before);
}

static void without_holes_a_userfaultfd_is_no_obstacle(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	ct_uffd_register(ct, 0, 512, UFFDIO_REGISTER_MODE_MISSING);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	ct_expect_huge(ct, 0);
}

static void register_late(struct ct *ct)
{
	ct_uffd_register(ct, 0, 512, UFFDIO_REGISTER_MODE_MISSING);
}

static void holes_stay_if_registered_meanwhile(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_uffd_open(ct);
	ct_map_anon(ct, 512);
	ct_fill(ct, "511w 1.");
	ct->on_unlocked = register_late;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_EXCEED_NONE_PTE);
	KUNIT_EXPECT_TRUE(test, pte_none(ct_pte(ct, 511)));
}

/* Droppable memory may go at any time, huge or not. */
static void droppable_memory_is_collapsed(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_mmap(ct, 0, 512, PROT_READ | PROT_WRITE, MAP_DROPPABLE, NULL, 0);
	ct_fill(ct, "512w");
	KUNIT_ASSERT_FALSE(test, folio_test_swapbacked(page_folio(ct_page(ct, 1))));
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_ASSERT_TRUE(test, ct_is_huge(ct, 0));
	KUNIT_EXPECT_FALSE(test, folio_test_swapbacked(page_folio(ct_page(ct, 1))));
	ct_expect_content(ct, "512w");
}

/*
 * Page tables
 */

static void nothing_there_is_nothing_to_do(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 1024);
	ct_fill(ct, "1w");
	ct_expect_result(ct, 512, CT_PROCESS, SCAN_NO_PTE_TABLE);
	ct_expect_result(ct, 512, CT_KHUGEPAGED, SCAN_NO_PTE_TABLE);
}

static void huge_already_is_said(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_write(ct, 0, 512);
	ct_expect_huge(ct, 0);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_PMD_MAPPED);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_PMD_MAPPED);
	ct_expect_huge(ct, 0);
}

/*
 * KSM: pages of equal contents are one, shared by its places.
 */

#ifdef CONFIG_KSM
static int ksm_set(const char *name, const char *value)
{
	struct kernfs_node *dir = kernfs_find_and_get(mm_kobj->sd, "ksm");
	struct kernfs_node *node = dir ? kernfs_find_and_get(dir, name) : NULL;
	struct kobj_attribute *attr;
	int err = -ENOENT;

	if (node) {
		attr = container_of((struct attribute *)node->priv,
				    struct kobj_attribute, attr);
		err = attr->store(mm_kobj, attr, value, strlen(value));
	}
	kernfs_put(node);
	kernfs_put(dir);
	return err < 0 ? err : 0;
}

static void stop_ksm(void *unused)
{
	ksm_set("use_zero_pages", "0");
	ksm_set("run", "2");
	ksm_set("run", "0");
	ksm_set("pages_to_scan", "100");
	ksm_set("sleep_millisecs", "20");
}

static void write_same(struct ct *ct, long page)
{
	unsigned long __user *p = (unsigned long __user *)ct_addr(ct, page);

	KUNIT_ASSERT_EQ(ct->test, clear_user(p, PAGE_SIZE), 0UL);
	KUNIT_ASSERT_EQ(ct->test, put_user(4711UL, p), 0);
}

/* Let KSM work until pages 5 and @other are one. */
static void run_ksm(struct ct *ct, long other)
{
	int i;

	lru_add_drain_all();
	KUNIT_ASSERT_EQ(ct->test, ct_madvise(ct, 0, 1024, MADV_MERGEABLE), 0);
	KUNIT_ASSERT_EQ(ct->test, kunit_add_action_or_reset(ct->test, stop_ksm, NULL), 0);
	ksm_set("pages_to_scan", "4000");
	ksm_set("sleep_millisecs", "1");
	KUNIT_ASSERT_EQ(ct->test, ksm_set("run", "1"), 0);
	for (i = 0; i < 200 && ct_page(ct, 5) != ct_page(ct, other); i++)
		usleep_range(2000, 4000);
	KUNIT_ASSERT_EQ(ct->test, ksm_set("run", "0"), 0);
	KUNIT_ASSERT_PTR_EQ(ct->test, ct_page(ct, 5), ct_page(ct, other));
}

static void merge_pages(struct ct *ct, long other)
{
	write_same(ct, 5);
	write_same(ct, other);
	run_ksm(ct, other);
	KUNIT_ASSERT_TRUE(ct->test, folio_test_ksm(page_folio(ct_page(ct, 5))));
}

static void expect_merged(struct kunit *test, long other,
			  enum scan_result expected)
{
	struct ct *ct = ct_create(test);
	enum scan_result result;
	unsigned long value;

	ct_map_anon(ct, 1024);
	ct_fill(ct, "1024w");
	merge_pages(ct, other);
	result = ct_collapse(ct, 0, CT_PROCESS);
	KUNIT_EXPECT_STREQ(test, ct_result_name(result), ct_result_name(expected));
	ksm_set("run", "2");	/* It drops its references to the anon_vma. */
	ct_check(ct);
	KUNIT_EXPECT_EQ(test, ct_is_huge(ct, 0), result == SCAN_SUCCEED);
	KUNIT_EXPECT_EQ(test, get_user(value, (unsigned long __user *)ct_addr(ct, 5)), 0);
	KUNIT_EXPECT_EQ(test, value, 4711UL);
	KUNIT_EXPECT_EQ(test, get_user(value, (unsigned long __user *)ct_addr(ct, other)), 0);
	KUNIT_EXPECT_EQ(test, value, 4711UL);
}

static void a_merged_page_is_copied(struct kunit *test)
{
	expect_merged(test, 600, SCAN_SUCCEED);
}

/* Locked at its first place, it cannot be locked at its second. */
static void a_page_merged_within_the_range_is_an_obstacle(struct kunit *test)
{
	expect_merged(test, 400, SCAN_PAGE_LOCK);
}

/* KSM counts the zero pages that it has put in place of others. */
static void a_zero_page_of_ksm_is_counted_out(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	const long before = atomic_long_read(&ksm_zero_pages);

	ct_map_anon(ct, 1024);
	ct_fill(ct, "1024w");
	KUNIT_ASSERT_EQ(test, clear_user((void __user *)ct_addr(ct, 5), PAGE_SIZE), 0UL);
	KUNIT_ASSERT_EQ(test, clear_user((void __user *)ct_addr(ct, 600), PAGE_SIZE), 0UL);
	ksm_set("use_zero_pages", "1");
	run_ksm(ct, 600);
	KUNIT_ASSERT_TRUE(test, is_ksm_zero_pte(ct_pte(ct, 5)));
	KUNIT_ASSERT_EQ(test, mm_ksm_zero_pages(ct->mm), 2L);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	KUNIT_EXPECT_EQ(test, mm_ksm_zero_pages(ct->mm), 1L);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&ksm_zero_pages), before + 1);
	ksm_set("run", "2");
	ct_check(ct);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, "5w 1. 506w");
}
#else
static void a_zero_page_of_ksm_is_counted_out(struct kunit *test)
{
	kunit_skip(test, "no KSM (CONFIG_KSM)");
}

static void a_merged_page_is_copied(struct kunit *test)
{
	kunit_skip(test, "no KSM (CONFIG_KSM)");
}

static void a_page_merged_within_the_range_is_an_obstacle(struct kunit *test)
{
	kunit_skip(test, "no KSM (CONFIG_KSM)");
}
#endif

static struct kunit_case scan_cases[] = {
	KUNIT_CASE_PARAM(khugepaged_keeps_the_limit, limits_gen_params),
	KUNIT_CASE_PARAM(a_process_is_not_limited, limits_gen_params),
	KUNIT_CASE_PARAM(khugepaged_keeps_the_limit_of_shared_pages, shares_gen_params),
	KUNIT_CASE_PARAM(a_process_may_collapse_shared_pages, shares_gen_params),
	KUNIT_CASE(settings_have_bounds),
	KUNIT_CASE(unused_memory_is_left_alone),
	KUNIT_CASE(one_young_entry_is_enough),
	KUNIT_CASE(one_referenced_page_is_enough),
	KUNIT_CASE(use_by_a_device_is_enough),
	KUNIT_CASE(memory_no_longer_used_is_left_alone),
	KUNIT_CASE(swap_in_needs_half_of_the_pages_in_use),
	KUNIT_CASE_PARAM(khugepaged_stops_at, obstacles_gen_params),
	KUNIT_CASE_PARAM(a_process_stops_at, obstacles_gen_params),
	KUNIT_CASE_PARAM(the_second_look_stops_at, obstacles_gen_params),
	KUNIT_CASE(protection_survives_in_swap),
	KUNIT_CASE(protected_holes_survive),
	KUNIT_CASE(poisoned_entry_survives),
	KUNIT_CASE(holes_that_a_userfaultfd_waits_for_stay),
	KUNIT_CASE(without_holes_a_userfaultfd_is_no_obstacle),
	KUNIT_CASE(holes_stay_if_registered_meanwhile),
	KUNIT_CASE(droppable_memory_is_collapsed),
	KUNIT_CASE(nothing_there_is_nothing_to_do),
	KUNIT_CASE(huge_already_is_said),
	KUNIT_CASE(a_merged_page_is_copied),
	KUNIT_CASE(a_page_merged_within_the_range_is_an_obstacle),
	KUNIT_CASE(a_zero_page_of_ksm_is_counted_out),
	{}
};

static struct kunit_suite collapse_scan_suite = {
	.name = "collapse_scan",
	.suite_init = ct_suite_init,
	.suite_exit = ct_suite_exit,
	.test_cases = scan_cases,
};

kunit_test_suite(collapse_scan_suite);
