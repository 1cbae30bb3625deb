// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the trace events tell about a scan and a collapse. They are all that
 * a person sees of khugepaged's reasons.
 *
 * checkpatch: MACRO_ARG_REUSE: statements that report the line of the caller
 */
#include <linux/mman.h>
#include <linux/tracepoint.h>
#include <trace/events/huge_memory.h>

#include "collapse.h"

/* One event: what it said the last time, and how often there was one. */
struct scan_said {
	int nr;
	struct mm_struct *mm;
	unsigned long pfn;
	struct file *file;
	int present, swap, none_or_zero, result;
};

static void hear_scan_file(void *data, struct mm_struct *mm, unsigned long pfn,
			   struct file *file, int present, int swap, int result)
{
	struct scan_said *said = data;

	said->nr++;
	said->mm = mm;
	said->pfn = pfn;
	said->file = file;
	said->present = present;
	said->swap = swap;
	said->result = result;
}

static void hear_scan_pmd(void *data, struct mm_struct *mm, unsigned long pfn,
			  int referenced, int none_or_zero, int status,
			  int unmapped)
{
	struct scan_said *said = data;

	said->nr++;
	said->mm = mm;
	said->pfn = pfn;
	said->none_or_zero = none_or_zero;
	said->swap = unmapped;
	said->result = status;
}

static void needs_tracepoints(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "no tracepoints (CONFIG_TRACEPOINTS)");
}

/* Let @probe hear an event, with @said, until the test is over. */
#define HEAR(test, event, probe, said) do {				\
	KUNIT_ASSERT_NOT_NULL(test, said);				\
	KUNIT_ASSERT_EQ(test, register_trace_##event(probe, said), 0);	\
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stop_##event, said), 0); \
} while (0)
#define STOP(event, probe)						\
static void stop_##event(void *said)					\
{									\
	unregister_trace_##event(probe, said);				\
	tracepoint_synchronize_unregister();				\
}

STOP(mm_khugepaged_scan_file, hear_scan_file)
STOP(mm_khugepaged_scan_pmd, hear_scan_pmd)

struct scan {
	const char *name, *pattern;
	enum ct_who who;
	enum scan_result result;
	int present, swap, none;
};

static const struct scan scans[] = {
	{ "all_there", "512w", CT_PROCESS, SCAN_SUCCEED, 512, 0, 0 },
	{ "a_hole", "500w 12.", CT_PROCESS, SCAN_SUCCEED, 500, 0, 12 },
	{ "some_swapped", "504w 8s", CT_PROCESS, SCAN_SUCCEED, 504, 8, 0 },
	/* Where it gives up depends on what is scanned. */
	{ "too_many_swapped", "8s 504w", CT_KHUGEPAGED, SCAN_EXCEED_SWAP_PTE, 0, 8, 0 },
	{ "too_many_holes", "500w 12.", CT_KHUGEPAGED, SCAN_EXCEED_NONE_PTE, 500, 0, 12 },
};

KUNIT_ARRAY_PARAM_DESC(scans, scans, name);

static struct ct *create(struct kunit *test, const struct scan *c, bool shmem)
{
	struct ct *ct;

	if (shmem)
		return ct_create_shmem(test, c->pattern, MAP_SHARED);
	ct = strchr(c->pattern, 's') ? ct_create_with_swap(test) : ct_create(test);
	ct_map_anon(ct, 512);
	ct_fill(ct, c->pattern);
	return ct;
}

/* For a process, the huge page of a file is then mapped, in a step of its own. */
static int told_of_file(enum ct_who who, enum scan_result result)
{
	return who == CT_PROCESS && result == SCAN_SUCCEED ?
	       SCAN_PTE_MAPPED_HUGEPAGE : result;
}

static void limits(struct ct *ct, const struct scan *c)
{
	ct_set(ct, "max_ptes_none", c->none ? c->none - 1 : 0);
	ct_set(ct, "max_ptes_swap", c->swap ? c->swap - 1 : 0);
}

static void scan_of_a_file_is_told(struct kunit *test)
{
	const struct scan *c = test->param_value;
	struct scan_said *said;
	struct ct *ct;

	needs_tracepoints(test);
	ct = create(test, c, true);
	limits(ct, c);
	said = kunit_kzalloc(test, sizeof(*said), GFP_KERNEL);
	HEAR(test, mm_khugepaged_scan_file, hear_scan_file, said);
	ct_expect_result(ct, 0, c->who, c->result);
	KUNIT_EXPECT_EQ(test, said->nr, 1);
	KUNIT_EXPECT_PTR_EQ(test, said->mm, ct->t->mm);
	KUNIT_EXPECT_PTR_EQ(test, said->file, ct->t->file[0]);
	KUNIT_EXPECT_EQ(test, said->present, c->present);
	KUNIT_EXPECT_EQ(test, said->swap, c->swap);
	KUNIT_EXPECT_EQ(test, said->result, told_of_file(c->who, c->result));
	KUNIT_EXPECT_EQ(test, said->pfn, -1UL);
}

/* With the page that was in the way. */
static void page_in_the_way_is_told(struct kunit *test)
{
	struct scan_said *said;
	struct page *page;
	struct ct *ct;

	needs_tracepoints(test);
	ct = ct_create_shmem(test, "512w", MAP_SHARED);
	said = kunit_kzalloc(test, sizeof(*said), GFP_KERNEL);
	HEAR(test, mm_khugepaged_scan_file, hear_scan_file, said);
	page = ct_page(ct, 10);
	get_page(page);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_PAGE_COUNT);
	put_page(page);
	KUNIT_EXPECT_EQ(test, said->nr, 1);
	KUNIT_EXPECT_EQ(test, said->present, 10);
	KUNIT_EXPECT_EQ(test, said->result, (int)SCAN_PAGE_COUNT);
	KUNIT_EXPECT_EQ(test, said->pfn, page_to_pfn(page));
}

static void scan_of_a_table_is_told(struct kunit *test)
{
	const struct scan *c = test->param_value;
	struct scan_said *said;
	struct ct *ct;

	needs_tracepoints(test);
	ct = create(test, c, false);
	limits(ct, c);
	said = kunit_kzalloc(test, sizeof(*said), GFP_KERNEL);
	HEAR(test, mm_khugepaged_scan_pmd, hear_scan_pmd, said);
	ct_expect_result(ct, 0, c->who, c->result);
	KUNIT_EXPECT_EQ(test, said->nr, 1);
	KUNIT_EXPECT_PTR_EQ(test, said->mm, ct->t->mm);
	KUNIT_EXPECT_EQ(test, said->none_or_zero, c->none);
	KUNIT_EXPECT_EQ(test, said->swap, c->swap);
	KUNIT_EXPECT_EQ(test, said->result, (int)c->result);
}

#ifdef MADV_F_COLLAPSE_LIGHT

struct collapse_said {
	int nr;
	struct mm_struct *mm;
	unsigned long pfn, addr, index;
	struct file *file;
	unsigned int order;
	bool shmem, light;
	int isolated, result;
};

static void hear_collapse(void *data, struct mm_struct *mm, int isolated,
			  int status, unsigned int order, bool light)
{
	struct collapse_said *said = data;

	said->nr++;
	said->mm = mm;
	said->isolated = isolated;
	said->result = status;
	said->order = order;
	said->light = light;
}

static void hear_collapse_file(void *data, struct mm_struct *mm,
			       unsigned long pfn, pgoff_t index,
			       unsigned long addr, bool is_shmem,
			       struct file *file, int nr, int result, bool light)
{
	struct collapse_said *said = data;

	said->nr++;
	said->mm = mm;
	said->pfn = pfn;
	said->index = index;
	said->addr = addr;
	said->shmem = is_shmem;
	said->file = file;
	said->order = ilog2(nr);
	said->result = result;
	said->light = light;
}

STOP(mm_collapse_huge_page, hear_collapse)
STOP(mm_khugepaged_collapse_file, hear_collapse_file)

struct attempt {
	const char *name;
	int advice;
	bool shmem, refused;
};

static const struct attempt attempts[] = {
	{ "anon", MADV_COLLAPSE, false, false },
	{ "anon_light", MADV_F_COLLAPSE_LIGHT, false, false },
	{ "anon_light_fails", MADV_F_COLLAPSE_LIGHT, false, true },
	{ "shmem", MADV_COLLAPSE, true, false },
	{ "shmem_light", MADV_F_COLLAPSE_LIGHT, true, false },
	{ "shmem_light_fails", MADV_F_COLLAPSE_LIGHT, true, true },
};

KUNIT_ARRAY_PARAM_DESC(attempts, attempts, name);

static void collapse_is_told(struct kunit *test)
{
	const struct attempt *c = test->param_value;
	const struct scan all = { .pattern = "512w" };
	struct collapse_said *said;
	struct ct *ct;

	needs_tracepoints(test);
	ct = create(test, &all, c->shmem);
	ct->alloc.min_fail_order = c->refused ? 1 : 0;
	said = kunit_kzalloc(test, sizeof(*said), GFP_KERNEL);
	HEAR(test, mm_collapse_huge_page, hear_collapse, said);
	HEAR(test, mm_khugepaged_collapse_file, hear_collapse_file, said);
	KUNIT_EXPECT_EQ(test, madvise_mm(ct->mm, ct->start, HPAGE_PMD_SIZE, c->advice),
			c->refused ? -ENOMEM : 0);
	ct_check(ct);
	KUNIT_EXPECT_EQ(test, said->nr, 1);
	KUNIT_EXPECT_PTR_EQ(test, said->mm, ct->mm);
	KUNIT_EXPECT_EQ(test, said->order, (unsigned int)HPAGE_PMD_ORDER);
	KUNIT_EXPECT_EQ(test, said->light, c->advice == MADV_F_COLLAPSE_LIGHT);
	if (c->refused)
		KUNIT_EXPECT_EQ(test, said->result, (int)SCAN_ALLOC_HUGE_PAGE_FAIL);
	else
		KUNIT_EXPECT_EQ(test, said->result,
				c->shmem ? told_of_file(CT_PROCESS, SCAN_SUCCEED) :
					   (int)SCAN_SUCCEED);
	if (c->shmem) {
		KUNIT_EXPECT_PTR_EQ(test, said->file, ct->t->file[0]);
		KUNIT_EXPECT_TRUE(test, said->shmem);
		KUNIT_EXPECT_EQ(test, said->addr, ct->start);
		/* How far it came. */
		KUNIT_EXPECT_EQ(test, said->index, c->refused ? 0UL : 512UL);
		KUNIT_EXPECT_EQ(test, said->pfn,
				c->refused ? -1UL : pmd_pfn(ct_pmd(ct, 0)));
	} else {
		KUNIT_EXPECT_EQ(test, said->isolated, !c->refused);
	}
}

#endif /* MADV_F_COLLAPSE_LIGHT */

static struct kunit_case trace_cases[] = {
	KUNIT_CASE_PARAM(scan_of_a_file_is_told, scans_gen_params),
	KUNIT_CASE(page_in_the_way_is_told),
	KUNIT_CASE_PARAM(scan_of_a_table_is_told, scans_gen_params),
#ifdef MADV_F_COLLAPSE_LIGHT
	KUNIT_CASE_PARAM(collapse_is_told, attempts_gen_params),
#endif
	{}
};

static struct kunit_suite collapse_trace_suite = {
	.name = "collapse_trace",
	.suite_init = ct_suite_init,
	.suite_exit = ct_suite_exit,
	.test_cases = trace_cases,
};

kunit_test_suite(collapse_trace_suite);
