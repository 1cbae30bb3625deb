// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stands for the suites of this folder in a kernel without huge pages:
 * nothing of what they call exists there.
 */
#include <kunit/test.h>

static void needs_huge_pages(struct kunit *test)
{
	kunit_skip(test, "no huge pages (CONFIG_TRANSPARENT_HUGEPAGE)");
}

/* Cases of its own for each: KUnit keeps in a case that it was skipped. */
#define STAND_IN(suite)						\
static struct kunit_case suite##_cases[] = {			\
	KUNIT_CASE(needs_huge_pages),				\
	{}							\
};								\
static struct kunit_suite suite##_suite = {			\
	.name = #suite,						\
	.test_cases = suite##_cases,				\
};								\
kunit_test_suite(suite##_suite)

STAND_IN(collapse_anon);
STAND_IN(collapse_daemon);
STAND_IN(collapse_errno);
STAND_IN(collapse_file);
STAND_IN(collapse_gfp);
STAND_IN(collapse_light);
STAND_IN(collapse_memcg);
STAND_IN(collapse_memory);
STAND_IN(collapse_mthp);
STAND_IN(collapse_node);
STAND_IN(collapse_range);
STAND_IN(collapse_scan);
STAND_IN(collapse_split);
STAND_IN(collapse_table);
STAND_IN(collapse_trace);
