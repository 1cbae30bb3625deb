// SPDX-License-Identifier: GPL-2.0-only
/* What mm/vma.c merges, and what it must not merge. */
#include "test_mm.h"

static const struct tmm_case merges[] = {
	{
		.name = "new_range_alone",
		.before = "A......B",
		.op = TMM_MMAP(3, 2, "rw"),
		.after = "A..CC..B",
	}, {
		.name = "new_range_left",
		.before = "AA.....B",
		.op = TMM_MMAP(2, 2, "rw"),
		.after = "AAAA...B",
	}, {
		.name = "new_range_both",
		.before = "AA..BB",
		.op = TMM_MMAP(2, 2, "rw"),
		.after = "AAAAAA",
	}, {
		.name = "mprotect_merges_both_faulted",
		.before = "AABBCC A:rw#1 B:r+acct#1 C:rw#1",
		.op = TMM_MPROTECT(2, 2, "rw"),
		.after = "AAAAAA A:rw#1",
	},
};
KUNIT_ARRAY_PARAM_DESC(merges, merges, name);

static void merges_what_fits(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

static void survives_failing_allocations(struct kunit *test)
{
	tmm_run_case_out_of_memory(test, test->param_value);
}

static struct kunit_case vma_merge_cases[] = {
	KUNIT_CASE_PARAM(merges_what_fits, merges_gen_params),
	KUNIT_CASE_PARAM(survives_failing_allocations, merges_gen_params),
	{}
};

static struct kunit_suite vma_merge_suite = {
	.name = "vma_merge",
	.test_cases = vma_merge_cases,
};
kunit_test_suite(vma_merge_suite);

MODULE_DESCRIPTION("Tests for VMA merging");
MODULE_LICENSE("GPL");
