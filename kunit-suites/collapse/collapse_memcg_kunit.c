// SPDX-License-Identifier: GPL-2.0-only
/*
 * Collapses in a memory cgroup: who is charged for the huge page, what happens
 * at the limit, and when there is no memory for the cgroup's list of huge pages
 * to be split.
 */
#include <linux/memcontrol.h>
#include <linux/mman.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/uaccess.h>

#include "collapse.h"
#include "ops.h"
#include "swap.h"

static unsigned long charged(struct mem_cgroup *memcg)
{
#ifdef CONFIG_MEMCG
	return page_counter_read(&memcg->memory);
#else
	return 0;
#endif
}

/* A CPU has some pages in stock, and there is memory of the kernel's. */
static void expect_charged(struct kunit *test, struct mem_cgroup *memcg,
			   unsigned long pages)
{
	KUNIT_EXPECT_GE(test, charged(memcg), pages);
	KUNIT_EXPECT_LT(test, charged(memcg), pages + 256);
}

static struct folio *folio_at(struct ct *ct, long page)
{
	return ct_is_huge(ct, page) ? page_folio(pmd_page(ct_pmd(ct, page))) :
				      page_folio(ct_page(ct, page));
}

static struct mem_cgroup *memcg_of(struct folio *folio)
{
	struct mem_cgroup *memcg;

	rcu_read_lock();
	memcg = folio_memcg(folio);
	rcu_read_unlock();
	return memcg;
}

struct side {
	const char *name;
	int advice;
	bool shmem;
};

static const struct side sides[] = {
	{ "plain", MADV_COLLAPSE, false },
	{ "plain_shmem", MADV_COLLAPSE, true },
#ifdef MADV_F_COLLAPSE_LIGHT
	{ "light", MADV_F_COLLAPSE_LIGHT, false },
	{ "light_shmem", MADV_F_COLLAPSE_LIGHT, true },
#endif
};

KUNIT_ARRAY_PARAM_DESC(sides, sides, name);

static struct ct *create(struct kunit *test, struct mem_cgroup **memcg)
{
	const struct side *c = test->param_value;
	struct ct *ct = ct_create(test);

	*memcg = ct_enter_memcg(ct);
	if (c->shmem)
		ct_map_file(ct, ct_shmem(ct), MAP_SHARED);
	else
		ct_map_anon(ct, 512);
	ct_fill(ct, "512w");
	lru_add_drain_all();
	KUNIT_ASSERT_PTR_EQ(test, memcg_of(folio_at(ct, 0)), *memcg);
	return ct;
}

static int advise(struct ct *ct)
{
	const struct side *c = ct->test->param_value;

	return madvise_mm(ct->mm, ct->start, HPAGE_PMD_SIZE, c->advice);
}

static void the_huge_page_is_charged_to_it(struct kunit *test)
{
	struct mem_cgroup *memcg;
	struct ct *ct = create(test, &memcg);

	KUNIT_EXPECT_EQ(test, advise(ct), 0);
	ct_check(ct);
	KUNIT_ASSERT_TRUE(test, ct_is_huge(ct, 0));
	KUNIT_EXPECT_PTR_EQ(test, memcg_of(folio_at(ct, 0)), memcg);
	expect_charged(test, memcg, 512);
	ct_expect_content(ct, "512w");
}

/* Its pages are charged until they are copied, so both must fit. */
static void at_the_limit_it_fails(struct kunit *test)
{
	struct mem_cgroup *memcg;
	struct ct_state *before;
	unsigned long usage;
	struct ct *ct;

	/* Of another case: with swap there would be room. */
	tmm_swapoff();
	ct = create(test, &memcg);
	/* What it has in stock is given back. */
	ct_limit_memcg(ct, 1200);
	before = ct_look(ct, 0);
	usage = charged(memcg);
	ct_limit_memcg(ct, usage + 500);
	KUNIT_EXPECT_EQ(test, advise(ct), -EBUSY);
	ct_check(ct);
	ct_expect_as_before(ct, before);
	KUNIT_EXPECT_EQ(test, folio_ref_count(ct->alloc.folio), 0);
	KUNIT_EXPECT_LE(test, charged(memcg), usage + 500);
	ct_limit_memcg(ct, usage + 1200);
	KUNIT_EXPECT_EQ(test, advise(ct), 0);
	ct_check(ct);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_content(ct, "512w");
}

#if defined(CONFIG_FAILSLAB) && defined(CONFIG_FAIL_PAGE_ALLOC)

/* In a new cgroup, nothing is there yet: each allocation fails once. */
static void every_allocation_may_fail(struct kunit *test)
{
	const struct side *c = test->param_value;
	struct mem_cgroup *memcg;
	struct ct *ct = create(test, &memcg);
	struct ct_state *before = ct_look(ct, 0);
	int nth, err = -ENOMEM;
	bool failed = true;

	if (IS_ENABLED(CONFIG_KASAN))
		kunit_skip(test, "KASAN allocates, too (CONFIG_KASAN)");
	ct_no_stubs(ct);
	for (nth = 1; failed && err && nth < 100; nth++) {
		tmm_arm(nth);
		err = advise(ct);
		failed = tmm_disarm();
		if (!err)
			break;
		ct_check(ct);
		if (!c->shmem)
			ct_expect_as_before(ct, before);
		ct_expect_small(ct, 0);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GE(test, nth, 2);
	expect_charged(test, memcg, 512);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_content(ct, "512w");
}

/* Or the huge page could not be put on it when it is to be split. */
static void without_a_list_there_is_no_huge_page(struct kunit *test)
{
	const struct side *c = test->param_value;
	struct ct_state *before;
	struct mem_cgroup *memcg;
	struct ct *ct;

	if (c->shmem)
		kunit_skip(test, "only anonymous folios are on it");
	ct = create(test, &memcg);
	ct_no_charge_stub(ct);
	before = ct_look(ct, 0);
	KUNIT_EXPECT_EQ(test, ct_advise_without_slabs(ct, c->advice, false), -ENOMEM);
	ct_check(ct);
	ct_expect_as_before(ct, before);
	KUNIT_EXPECT_EQ(test, folio_ref_count(ct->alloc.folio), 0);
	expect_charged(test, memcg, 512);
	/* The list is there from now on. */
	KUNIT_EXPECT_EQ(test, advise(ct), 0);
	ct_check(ct);
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 0, 512, MADV_DONTNEED), 0);
	huge_anon_orders_inherit = 0;
	ct_fill(ct, "512w");
	huge_anon_orders_inherit = BIT(PMD_ORDER);
	lru_add_drain_all();
	KUNIT_EXPECT_EQ(test, ct_advise_without_slabs(ct, c->advice, false), 0);
	ct_check(ct);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_content(ct, "512w");
}

static const unsigned int orders[] = { 2, HPAGE_PMD_ORDER };

static const void *orders_gen_params(struct kunit *test, const void *prev,
				     char *desc)
{
	const unsigned int *next = prev ? (const unsigned int *)prev + 1 : orders;

	if (next == orders + ARRAY_SIZE(orders))
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "order_%u", *next);
	return next;
}

/* Whatever is missing, be it the folio or the cgroup's list: a small page will do. */
static void a_fault_makes_do_with_a_small_page(struct kunit *test)
{
	const unsigned int order = *(const unsigned int *)test->param_value;
	struct ct *ct = ct_create(test);
	int nth, err, nr_small = 0;
	struct mem_cgroup *memcg;
	unsigned long pages = 1;
	bool failed = true;

	if (IS_ENABLED(CONFIG_KASAN))
		kunit_skip(test, "KASAN allocates, too (CONFIG_KASAN)");
	memcg = ct_enter_memcg(ct);
	ct_no_stubs(ct);
	ct_map_anon(ct, CT_RANGES * 512);
	/* Tables, the anon_vma and khugepaged's slot are there before. */
	huge_anon_orders_inherit = 0;
	ct_write(ct, 0, 1);
	huge_anon_orders_always = BIT(order);
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 0, CT_RANGES * 512, MADV_HUGEPAGE), 0);
	for (nth = 1; failed && nth < CT_RANGES; nth++) {
		const long page = order == HPAGE_PMD_ORDER ? 512 * nth : 16 * nth;
		unsigned int found;

		tmm_arm(nth);
		err = put_user(1UL, (unsigned long __user *)ct_addr(ct, page));
		failed = tmm_disarm();
		KUNIT_EXPECT_EQ_MSG(test, err, 0, "allocation %d fails", nth);
		ct_check(ct);
		found = folio_order(folio_at(ct, page));
		pages += 1UL << found;
		if (found == 0)
			nr_small++;
		else
			KUNIT_EXPECT_EQ_MSG(test, found, order, "allocation %d fails", nth);
	}
	KUNIT_EXPECT_FALSE(test, failed);
	/* The folio, and the list; the node that holds it has a second chance. */
	KUNIT_EXPECT_EQ(test, nr_small, 2);
	expect_charged(test, memcg, pages);
}

#ifdef CONFIG_SWAP

static swp_entry_t entry_at(struct ct *ct, long page)
{
	return softleaf_from_pte(ct_pte(ct, page));
}

/* Slots are given one after the other: let the next be a multiple of 16. */
static void align_slots(struct ct *ct, long page)
{
	do {
		ct_write(ct, page, 1);
		ct_swap_out(ct, page, 1);
	} while (swp_offset(entry_at(ct, page++)) % 16 != 15);
}

/* From a device that is read at once, a fault reads 16 pages into one folio. */
static void a_swap_in_makes_do_with_a_small_page(struct kunit *test)
{
	struct ct *ct = ct_create_with_swap(test);
	struct swap_info_struct *si;
	bool failed;
	long page;
	int err;

	if (IS_ENABLED(CONFIG_KASAN))
		kunit_skip(test, "KASAN allocates, too (CONFIG_KASAN)");
	ct_enter_memcg(ct);
	ct_map_anon(ct, 512);
	huge_anon_orders_inherit = 0;
	align_slots(ct, 64);
	for (page = 0; page < 32; page++) {
		ct_write(ct, page, 1);
		ct_swap_out(ct, page, 1);
		KUNIT_ASSERT_EQ(test, swp_offset(entry_at(ct, page)) % 16, page % 16);
	}
	ct_no_stubs(ct);
	huge_anon_orders_always = BIT(4);
	si = __swap_entry_to_info(entry_at(ct, 0));
	si->flags |= SWP_SYNCHRONOUS_IO;
	tmm_arm(2);	/* The folio is the first. */
	err = put_user(ct_stamp(0), (unsigned long __user *)ct_addr(ct, 0));
	failed = tmm_disarm();
	ct_read(ct, 16, 1);
	si->flags &= ~SWP_SYNCHRONOUS_IO;
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_TRUE(test, failed);
	KUNIT_EXPECT_EQ(test, folio_order(folio_at(ct, 0)), 0U);
	KUNIT_EXPECT_TRUE(test, softleaf_is_swap(entry_at(ct, 1)));
	KUNIT_EXPECT_EQ(test, folio_order(folio_at(ct, 16)), 4U);
	ct_check(ct);
	ct_expect_content(ct, "32w");
}

#else

static void a_swap_in_makes_do_with_a_small_page(struct kunit *test)
{
	kunit_skip(test, "no swap (CONFIG_SWAP)");
}

#endif /* CONFIG_SWAP */
#endif /* CONFIG_FAILSLAB && CONFIG_FAIL_PAGE_ALLOC */

static struct kunit_case memcg_cases[] = {
	KUNIT_CASE_PARAM(the_huge_page_is_charged_to_it, sides_gen_params),
	KUNIT_CASE_PARAM(at_the_limit_it_fails, sides_gen_params),
#if defined(CONFIG_FAILSLAB) && defined(CONFIG_FAIL_PAGE_ALLOC)
	KUNIT_CASE_PARAM(every_allocation_may_fail, sides_gen_params),
	KUNIT_CASE_PARAM(without_a_list_there_is_no_huge_page, sides_gen_params),
	KUNIT_CASE_PARAM(a_fault_makes_do_with_a_small_page, orders_gen_params),
	KUNIT_CASE(a_swap_in_makes_do_with_a_small_page),
#endif
	{}
};

static struct kunit_suite collapse_memcg_suite = {
	.name = "collapse_memcg",
	.suite_init = ct_suite_init,
	.suite_exit = ct_suite_exit,
	.test_cases = memcg_cases,
};

kunit_test_suite(collapse_memcg_suite);
