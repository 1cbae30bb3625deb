// SPDX-License-Identifier: GPL-2.0-only
/*
 * What MADV_COLLAPSE answers for each reason not to collapse, as madvise(2)
 * documents it: whether to try again, to free memory first, or to give up.
 */
#include "collapse.h"

static const struct {
	enum scan_result result;
	int err;
} documented[] = {
	/* No huge page was to be had. */
	{ SCAN_ALLOC_HUGE_PAGE_FAIL, -ENOMEM },
	/* It would exceed what the cgroup may have. */
	{ SCAN_CGROUP_CHARGE_FAIL, -EBUSY },
	{ SCAN_EXCEED_NONE_PTE, -EBUSY },
	/* A page was in use, which may pass. */
	{ SCAN_PAGE_COUNT, -EAGAIN },
	{ SCAN_PAGE_LOCK, -EAGAIN },
	{ SCAN_PAGE_LRU, -EAGAIN },
	{ SCAN_DEL_PAGE_LRU, -EAGAIN },
	{ SCAN_PAGE_FILLED, -EAGAIN },
	{ SCAN_PAGE_HAS_PRIVATE, -EAGAIN },
	{ SCAN_PAGE_DIRTY_OR_WRITEBACK, -EAGAIN },
	/* Trying again will not help. */
	{ SCAN_FAIL, -EINVAL },
	{ SCAN_SUCCEED, -EINVAL },	/* Not an error: never asked for. */
	{ SCAN_NO_PTE_TABLE, -EINVAL },
	{ SCAN_PMD_MAPPED, -EINVAL },
	{ SCAN_EXCEED_SWAP_PTE, -EINVAL },
	{ SCAN_EXCEED_SHARED_PTE, -EINVAL },
	{ SCAN_PTE_NON_PRESENT, -EINVAL },
	{ SCAN_PTE_UFFD, -EINVAL },
	{ SCAN_PTE_MAPPED_HUGEPAGE, -EINVAL },
	{ SCAN_LACK_REFERENCED_PAGE, -EINVAL },
	{ SCAN_PAGE_NULL, -EINVAL },
	{ SCAN_SCAN_ABORT, -EINVAL },
	{ SCAN_PAGE_ANON, -EINVAL },
	{ SCAN_PAGE_LAZYFREE, -EINVAL },
	{ SCAN_PAGE_COMPOUND, -EINVAL },
	{ SCAN_ANY_PROCESS, -EINVAL },
	{ SCAN_VMA_NULL, -EINVAL },
	{ SCAN_VMA_CHECK, -EINVAL },
	{ SCAN_ADDRESS_RANGE, -EINVAL },
	{ SCAN_TRUNCATED, -EINVAL },
	{ SCAN_STORE_FAILED, -EINVAL },
	{ SCAN_COPY_MC, -EINVAL },
};

static void name_result(const typeof(documented[0]) *row, char *desc)
{
	strscpy(desc, ct_result_name(row->result), KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(documented, documented, name_result);

static void each_result_has_its_errno(struct kunit *test)
{
	const typeof(documented[0]) *row = test->param_value;

	KUNIT_EXPECT_EQ(test, madvise_collapse_errno(row->result), row->err);
}

/* A new result needs a decision, here and in the manual. */
static void the_table_is_complete(struct kunit *test)
{
	unsigned long seen[BITS_TO_LONGS(ARRAY_SIZE(documented))] = {};
	int i, nr = 0;

	while (ct_result_name(nr))
		nr++;
	KUNIT_ASSERT_EQ(test, nr, (int)ARRAY_SIZE(documented));
	for (i = 0; i < nr; i++)
		__set_bit(documented[i].result, seen);
	KUNIT_EXPECT_TRUE(test, bitmap_full(seen, nr));
}

static struct kunit_case errno_cases[] = {
	KUNIT_CASE_PARAM(each_result_has_its_errno, documented_gen_params),
	KUNIT_CASE(the_table_is_complete),
	{}
};

static struct kunit_suite collapse_errno_suite = {
	.name = "collapse_errno",
	.test_cases = errno_cases,
};

kunit_test_suite(collapse_errno_suite);
