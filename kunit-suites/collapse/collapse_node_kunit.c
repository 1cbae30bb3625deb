// SPDX-License-Identifier: GPL-2.0-only
/*
 * On which node a huge page is allocated: where most of its pages are.
 */
#include <linux/nodemask.h>
#include <linux/topology.h>

#include "collapse.h"

#ifdef CONFIG_NUMA

/* Pages on each of three nodes, online or not; the choice; what is as good. */
struct choice {
	const char *name;
	u32 load[3];
	int node;
	unsigned long nodes;
};

static const struct choice choices[] = {
	{ "all_on_the_first", { 512, 0, 0 }, 0, BIT(0) },
	{ "all_on_the_second", { 0, 512, 0 }, 1, BIT(1) },
	{ "most_on_the_second", { 100, 400, 12 }, 1, BIT(1) },
	{ "one_more", { 256, 255, 1 }, 0, BIT(0) },
	{ "a_tie_of_two", { 256, 256, 0 }, 0, BIT(0) | BIT(1) },
	{ "a_tie_of_the_last_two", { 0, 256, 256 }, 1, BIT(1) | BIT(2) },
	{ "a_tie_of_three", { 170, 170, 170 }, 0, BIT(0) | BIT(1) | BIT(2) },
	{ "nothing_present", { 0, 0, 0 }, 0, BIT(0) | BIT(1) | BIT(2) },
};

KUNIT_ARRAY_PARAM_DESC(choices, choices, name);

static struct collapse_control *new_control(struct kunit *test)
{
	struct collapse_control *cc = kunit_kzalloc(test, sizeof(*cc), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cc);
	return cc;
}

static void most_pages_decide(struct kunit *test)
{
	const struct choice *c = test->param_value;
	struct collapse_control *cc = new_control(test);
	int nid;

	for (nid = 0; nid < ARRAY_SIZE(c->load) && nid < MAX_NUMNODES; nid++)
		cc->node_load[nid] = c->load[nid];
	KUNIT_EXPECT_EQ(test, collapse_find_target_node(cc), c->node);
	/* If it has none, any that is as good, but none that is offline. */
	for (nid = 0; nid < ARRAY_SIZE(c->load); nid++)
		KUNIT_EXPECT_EQ_MSG(test, !!node_isset(nid, cc->alloc_nmask),
				    !!(node_online(nid) && (c->nodes & BIT(nid))),
				    "node %d", nid);
}

static void pages_far_apart_are_not_collapsed(struct kunit *test)
{
	struct collapse_control *cc = new_control(test);
	const int mode = node_reclaim_mode;
	int nid, other = -1;

	for_each_online_node(nid)
		if (node_distance(first_online_node, nid) > node_reclaim_distance)
			other = nid;
	cc->node_load[first_online_node] = 1;
	node_reclaim_mode = 0;
	KUNIT_EXPECT_FALSE(test, collapse_scan_abort(first_online_node, cc));
	if (other >= 0)
		KUNIT_EXPECT_FALSE(test, collapse_scan_abort(other, cc));
	node_reclaim_mode = 1;
	KUNIT_EXPECT_FALSE(test, collapse_scan_abort(first_online_node, cc));
	if (other >= 0)
		KUNIT_EXPECT_TRUE(test, collapse_scan_abort(other, cc));
	node_reclaim_mode = mode;
	if (other < 0)
		kunit_mark_skipped(test, "no nodes beyond node_reclaim_distance");
}

static struct kunit_case node_cases[] = {
	KUNIT_CASE_PARAM(most_pages_decide, choices_gen_params),
	KUNIT_CASE(pages_far_apart_are_not_collapsed),
	{}
};

#else

static void most_pages_decide(struct kunit *test)
{
	kunit_skip(test, "one node only (CONFIG_NUMA)");
}

static struct kunit_case node_cases[] = {
	KUNIT_CASE(most_pages_decide),
	{}
};

#endif

static struct kunit_suite collapse_node_suite = {
	.name = "collapse_node",
	.test_cases = node_cases,
};

kunit_test_suite(collapse_node_suite);
