// SPDX-License-Identifier: GPL-2.0-only
/* What mm/vma.c merges, and what it must not merge. */
#include <kunit/test.h>
#include <linux/mm.h>

#include "vma.h"

static void no_new_range_without_neighbours(struct kunit *test)
{
	struct mm_struct *mm = mm_alloc();

	KUNIT_ASSERT_NOT_NULL(test, mm);
	KUNIT_EXPECT_EQ(test, mm->map_count, 0);
	mmput(mm);
}

static struct kunit_case vma_merge_cases[] = {
	KUNIT_CASE(no_new_range_without_neighbours),
	{}
};

static struct kunit_suite vma_merge_suite = {
	.name = "vma_merge",
	.test_cases = vma_merge_cases,
};
kunit_test_suite(vma_merge_suite);

MODULE_DESCRIPTION("Tests for VMA merging");
MODULE_LICENSE("GPL");
