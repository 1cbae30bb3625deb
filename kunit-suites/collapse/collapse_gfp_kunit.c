// SPDX-License-Identifier: GPL-2.0-only
/*
 * With which GFP flags huge pages are allocated and charged: by khugepaged,
 * for MADV_COLLAPSE, and in page faults. They say how long anybody may wait.
 *
 * checkpatch: COMPLEX_MACRO: rows of a table
 */
#include <linux/gfp.h>
#include <linux/mman.h>

#include "collapse.h"

/*
 * As documented: what is common to all, then who may reclaim and compact
 * (direct), who wakes kswapd, and who gives up early.
 */
#define COMMON	(__GFP_IO | __GFP_FS | __GFP_HARDWALL | __GFP_HIGHMEM |	\
		 __GFP_MOVABLE | __GFP_SKIP_KASAN | __GFP_COMP |		\
		 __GFP_NOMEMALLOC | __GFP_NOWARN)
#define DIRECT	__GFP_DIRECT_RECLAIM
#define KSWAPD	__GFP_KSWAPD_RECLAIM
#define EARLY	__GFP_NORETRY

static void expect_bits(struct kunit *test, gfp_t found, gfp_t expected)
{
	static const struct {
		gfp_t bit;
		const char *name;
	} bits[] = {
#define BIT_NAME(bit)	{ bit, #bit }
		BIT_NAME(__GFP_DMA), BIT_NAME(__GFP_DMA32), BIT_NAME(__GFP_HIGHMEM),
		BIT_NAME(__GFP_MOVABLE), BIT_NAME(__GFP_RECLAIMABLE),
		BIT_NAME(__GFP_HIGH), BIT_NAME(__GFP_IO), BIT_NAME(__GFP_FS),
		BIT_NAME(__GFP_ZERO), BIT_NAME(__GFP_DIRECT_RECLAIM),
		BIT_NAME(__GFP_KSWAPD_RECLAIM), BIT_NAME(__GFP_WRITE),
		BIT_NAME(__GFP_NOWARN), BIT_NAME(__GFP_RETRY_MAYFAIL),
		BIT_NAME(__GFP_NOFAIL), BIT_NAME(__GFP_NORETRY),
		BIT_NAME(__GFP_MEMALLOC), BIT_NAME(__GFP_COMP),
		BIT_NAME(__GFP_NOMEMALLOC), BIT_NAME(__GFP_HARDWALL),
		BIT_NAME(__GFP_THISNODE), BIT_NAME(__GFP_ACCOUNT),
		BIT_NAME(__GFP_SKIP_KASAN),
#undef BIT_NAME
	};
	gfp_t known = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		known |= bits[i].bit;
		if ((found ^ expected) & bits[i].bit)
			KUNIT_FAIL(test, "%s is %s, expected the opposite",
				   bits[i].name,
				   found & bits[i].bit ? "set" : "clear");
	}
	if ((found ^ expected) & ~known)
		KUNIT_FAIL(test, "flags %x, expected %x", (__force unsigned int)found,
			   (__force unsigned int)expected);
}

/*
 * Collapses. The setting defrag of page faults has no say.
 */

struct collapse {
	const char *name;
	enum ct_who who;
	bool khugepaged_defrag;
	gfp_t extra;
};

static const struct collapse collapses[] = {
	{ "process_defrag", CT_PROCESS, true, DIRECT },
	{ "process_no_defrag", CT_PROCESS, false, DIRECT },
	{ "khugepaged_defrag", CT_KHUGEPAGED, true, DIRECT },
	{ "khugepaged_no_defrag", CT_KHUGEPAGED, false, 0 },
};

KUNIT_ARRAY_PARAM_DESC(collapses, collapses, name);

static const unsigned long fault_modes[] = {
	BIT(TRANSPARENT_HUGEPAGE_DEFRAG_DIRECT_FLAG),
	BIT(TRANSPARENT_HUGEPAGE_DEFRAG_KSWAPD_FLAG),
	BIT(TRANSPARENT_HUGEPAGE_DEFRAG_KSWAPD_OR_MADV_FLAG),
	BIT(TRANSPARENT_HUGEPAGE_DEFRAG_REQ_MADV_FLAG),
	0,
};

#define FAULT_MODES	(BIT(TRANSPARENT_HUGEPAGE_DEFRAG_DIRECT_FLAG) |	\
			 BIT(TRANSPARENT_HUGEPAGE_DEFRAG_KSWAPD_FLAG) |	\
			 BIT(TRANSPARENT_HUGEPAGE_DEFRAG_KSWAPD_OR_MADV_FLAG) | \
			 BIT(TRANSPARENT_HUGEPAGE_DEFRAG_REQ_MADV_FLAG))

static void set_fault_mode(unsigned long mode)
{
	transparent_hugepage_flags = (transparent_hugepage_flags & ~FAULT_MODES) | mode;
}

static void expect_mask(struct ct *ct, gfp_t expected)
{
	KUNIT_EXPECT_EQ(ct->test, ct->alloc.nr, 1);
	KUNIT_EXPECT_EQ(ct->test, ct->alloc.order, (unsigned int)HPAGE_PMD_ORDER);
	expect_bits(ct->test, ct->alloc.gfp, expected);
	if (IS_ENABLED(CONFIG_MEMCG) && !mem_cgroup_disabled()) {
		KUNIT_EXPECT_EQ(ct->test, ct->alloc.nr_charges, 1);
		expect_bits(ct->test, ct->alloc.charge_gfp, expected);
	}
	ct->alloc.nr = 0;
	ct->alloc.nr_charges = 0;
}

static void anonymous_memory_is_collapsed_with(struct kunit *test)
{
	const struct collapse *c = test->param_value;
	struct ct *ct = ct_create(test);
	int i;

	ct_map_anon(ct, 512);
	ct_set(ct, "defrag", c->khugepaged_defrag);
	for (i = 0; i < ARRAY_SIZE(fault_modes); i++) {
		set_fault_mode(fault_modes[i]);
		ct_fill(ct, "512w");
		ct_expect_result(ct, 0, c->who, SCAN_SUCCEED);
		expect_mask(ct, COMMON | c->extra);
		KUNIT_ASSERT_EQ(test, ct_madvise(ct, 0, 512, MADV_DONTNEED), 0);
	}
}

static void files_are_collapsed_with(struct kunit *test)
{
	const struct collapse *c = test->param_value;
	struct ct *ct = ct_create(test);

	ct_map_file(ct, ct_shmem(ct), MAP_SHARED);
	ct_set(ct, "defrag", c->khugepaged_defrag);
	ct_fill(ct, "512w");
	ct_expect_result(ct, 0, c->who, SCAN_SUCCEED);
	expect_mask(ct, COMMON | c->extra);
}

static void smaller_folios_are_collapsed_with(struct kunit *test)
{
	const struct collapse *c = test->param_value;
	struct ct *ct = ct_create(test);

	if (c->who == CT_PROCESS)
		kunit_skip(test, "MADV_COLLAPSE makes no smaller folios");
	ct_map_anon(ct, 512);
	ct_set(ct, "defrag", c->khugepaged_defrag);
	ct_set(ct, "max_ptes_none", 0);
	ct_fill(ct, "16w");
	huge_anon_orders_inherit = 0;
	huge_anon_orders_always = BIT(4);
	ct_expect_result(ct, 0, c->who, SCAN_SUCCEED);
	KUNIT_EXPECT_EQ(test, ct->alloc.order, 4U);
	expect_bits(test, ct->alloc.gfp, COMMON | c->extra);
}

/*
 * Page faults: five modes, with and without MADV_HUGEPAGE
 */

struct fault {
	const char *name;
	int mode;			/* Index into fault_modes[]. */
	bool madvised;
	gfp_t extra;
};

static const struct fault faults[] = {
	{ "always", 0, false, DIRECT | EARLY },
	{ "always_madvised", 0, true, DIRECT },
	{ "defer", 1, false, KSWAPD },
	{ "defer_madvised", 1, true, KSWAPD },
	{ "defer_or_madvise", 2, false, KSWAPD },
	{ "defer_or_madvise_madvised", 2, true, DIRECT },
	{ "madvise", 3, false, 0 },
	{ "madvise_madvised", 3, true, DIRECT },
	{ "never", 4, false, 0 },
	{ "never_madvised", 4, true, 0 },
};

KUNIT_ARRAY_PARAM_DESC(faults, faults, name);

static void the_mask_of_a_fault_is(struct kunit *test)
{
	const struct fault *c = test->param_value;
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	if (c->madvised)
		KUNIT_ASSERT_EQ(test, ct_madvise(ct, 0, 512, MADV_HUGEPAGE), 0);
	set_fault_mode(fault_modes[c->mode]);
	expect_bits(test, vma_thp_gfp_mask(vma_lookup(ct->mm, ct->start)),
		    COMMON | c->extra);
	if (!c->madvised)
		expect_bits(test, vma_thp_gfp_mask(NULL), COMMON | c->extra);
}

static void a_fault_allocates_and_charges_with(struct kunit *test)
{
	const struct fault *c = test->param_value;
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	if (c->madvised)
		KUNIT_ASSERT_EQ(test, ct_madvise(ct, 0, 512, MADV_HUGEPAGE), 0);
	set_fault_mode(fault_modes[c->mode]);
	ct_write(ct, 0, 1);
	ct_expect_huge(ct, 0);
	expect_mask(ct, COMMON | c->extra);
}

/* Which mode a line in sysfs chooses. */
static void the_first_mode_set_wins(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(fault_modes) - 1; i++) {
		unsigned long all = 0;
		int j;

		for (j = i; j < ARRAY_SIZE(fault_modes); j++)
			all |= fault_modes[j];
		set_fault_mode(all);
		expect_bits(test, vma_thp_gfp_mask(NULL), COMMON | faults[2 * i].extra);
	}
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 0);
}

static struct kunit_case gfp_cases[] = {
	KUNIT_CASE_PARAM(anonymous_memory_is_collapsed_with, collapses_gen_params),
	KUNIT_CASE_PARAM(files_are_collapsed_with, collapses_gen_params),
	KUNIT_CASE_PARAM(smaller_folios_are_collapsed_with, collapses_gen_params),
	KUNIT_CASE_PARAM(the_mask_of_a_fault_is, faults_gen_params),
	KUNIT_CASE_PARAM(a_fault_allocates_and_charges_with, faults_gen_params),
	KUNIT_CASE(the_first_mode_set_wins),
	{}
};

static struct kunit_suite collapse_gfp_suite = {
	.name = "collapse_gfp",
	.suite_init = ct_suite_init,
	.suite_exit = ct_suite_exit,
	.test_cases = gfp_cases,
};

kunit_test_suite(collapse_gfp_suite);
