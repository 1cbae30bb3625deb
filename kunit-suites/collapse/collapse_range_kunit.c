// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which part of a range MADV_COLLAPSE collapses, which VMAs are eligible, and
 * which settings have a say in that.
 *
 * A picture has one character for each huge range: what is mapped there.
 */
#include <linux/anon_inodes.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/userfaultfd_k.h>

#include "collapse.h"

#define H	CT_PAGES

/* '#': huge, 'p': a page table, '.': neither. */
static void expect_picture(struct ct *ct, const char *expected)
{
	char found[CT_RANGES + 1];
	int i, nr = strlen(expected);

	for (i = 0; i < nr; i++) {
		const pmd_t pmd = ct_pmd(ct, i * H);

		found[i] = pmd_trans_huge(pmd) ? '#' : pmd_none(pmd) ? '.' : 'p';
	}
	found[i] = 0;
	KUNIT_EXPECT_STREQ(ct->test, found, expected);
}

/* Some pages in each of @nr huge ranges, so that filling them takes no time. */
static void touch(struct ct *ct, int nr)
{
	const unsigned long inherit = huge_anon_orders_inherit;
	int i;

	huge_anon_orders_inherit = 0;
	for (i = 0; i < nr; i++)
		ct_write(ct, i * H + 3, 2);
	huge_anon_orders_inherit = inherit;
	lru_add_drain_all();
}

/*
 * Clamping: five ranges are mapped
 */

struct clamp {
	const char *name;
	long page, nr;
	int err;
	const char *picture;
};

static const struct clamp clamps[] = {
	{ "one_range", 512, 512, 0, "p#ppp" },
	{ "all", 0, 5 * 512, 0, "#####" },
	{ "rounded_up_at_the_start", 511, 1025, 0, "p##pp" },
	{ "rounded_up_from_within", 1, 1023, 0, "p#ppp" },
	{ "rounded_down_at_the_end", 512, 1023, 0, "p#ppp" },
	{ "rounded_at_both_ends", 1, 5 * 512 - 2, 0, "p###p" },
	{ "within_one_range", 513, 500, 0, "ppppp" },
	{ "across_a_boundary", 500, 100, 0, "ppppp" },
	{ "one_page_short", 512, 511, 0, "ppppp" },
	{ "nothing", 512, 0, 0, "ppppp" },
	{ "one_page_too_much", 512, 513, 0, "p#ppp" },
};

KUNIT_ARRAY_PARAM_DESC(clamps, clamps, name);

static void only_whole_huge_ranges_are_collapsed(struct kunit *test)
{
	const struct clamp *c = test->param_value;
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 5 * H);
	touch(ct, 5);
	ct_expect_madvise(ct, c->page, c->nr, c->err);
	expect_picture(ct, c->picture);
}

static void an_address_must_be_aligned_to_pages(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, H);
	touch(ct, 1);
	KUNIT_EXPECT_EQ(test, do_madvise(ct->mm, ct->start + 1, HPAGE_PMD_SIZE,
					 MADV_COLLAPSE), -EINVAL);
	KUNIT_EXPECT_EQ(test, do_madvise(ct->mm, ct->start, HPAGE_PMD_SIZE - 1,
					 MADV_COLLAPSE), 0);
	expect_picture(ct, "#");
}

/*
 * VMAs
 */

static void each_vma_is_on_its_own(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 3 * H);
	KUNIT_ASSERT_EQ(test, do_mprotect_pkey(ct_addr(ct, H), HPAGE_PMD_SIZE,
					       PROT_READ | PROT_WRITE | PROT_EXEC, -1), 0);
	touch(ct, 3);
	ct_expect_madvise(ct, 0, 3 * H, 0);
	expect_picture(ct, "###");
}

static void a_vma_that_ends_within_a_huge_range_keeps_its_pages(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 3 * H);
	KUNIT_ASSERT_EQ(test, do_mprotect_pkey(ct_addr(ct, H + 10), HPAGE_PMD_SIZE,
					       PROT_READ | PROT_WRITE | PROT_EXEC, -1), 0);
	touch(ct, 3);
	/* The VMA in the middle holds no whole huge range. */
	ct_expect_madvise(ct, 0, 3 * H, -EINVAL);
	expect_picture(ct, "#pp");
}

static void a_hole_is_reported_and_the_rest_is_collapsed(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 3 * H);
	touch(ct, 3);
	KUNIT_ASSERT_EQ(test, vm_munmap(ct_addr(ct, H), HPAGE_PMD_SIZE), 0);
	ct_expect_madvise(ct, 0, 3 * H, -ENOMEM);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 2 * H));
}

static void a_failing_range_does_not_stop_the_rest(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct page *held;

	ct_map_anon(ct, 3 * H);
	touch(ct, 3);
	held = ct_page(ct, H + 3);
	get_page(held);
	ct_expect_madvise(ct, 0, 3 * H, -EAGAIN);
	expect_picture(ct, "#p#");
	put_page(held);
	ct_expect_madvise(ct, 0, 3 * H, 0);
	expect_picture(ct, "###");
}

static void an_empty_range_does_not_stop_the_rest(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 3 * H);
	touch(ct, 1);
	huge_anon_orders_inherit = 0;
	ct_write(ct, 2 * H, 1);
	huge_anon_orders_inherit = BIT(PMD_ORDER);
	ct_expect_madvise(ct, 0, 3 * H, -EINVAL);
	expect_picture(ct, "#.#");
}

static void without_memory_it_stops_at_once(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 3 * H);
	touch(ct, 3);
	ct->alloc.min_fail_order = 2;
	ct_expect_madvise(ct, 0, 3 * H, -ENOMEM);
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 1);
	expect_picture(ct, "ppp");
}

/*
 * Changes while the lock is dropped
 */

static void shorten(struct ct *ct)
{
	vm_munmap(ct_addr(ct, 2 * H), HPAGE_PMD_SIZE);
}

static void unmap_next(struct ct *ct)
{
	vm_munmap(ct_addr(ct, H), 2 * HPAGE_PMD_SIZE);
}

static void refuse_next(struct ct *ct)
{
	ct_madvise(ct, H, 2 * H, MADV_NOHUGEPAGE);
}

static void lengthen(struct ct *ct)
{
	ct_mmap(ct, 3 * H, H, PROT_READ | PROT_WRITE, MAP_PRIVATE, NULL, 0);
	ct_write(ct, 3 * H, 1);
}

static void a_shortened_vma_is_collapsed_as_far_as_it_goes(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 3 * H);
	touch(ct, 3);
	ct->on_alloc = shorten;
	ct_expect_madvise(ct, 0, 3 * H, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, H));
}

static void an_unmapped_rest_is_noticed(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 3 * H);
	touch(ct, 3);
	ct->on_alloc = unmap_next;
	KUNIT_EXPECT_NE(test, ct_madvise(ct, 0, 3 * H, MADV_COLLAPSE), 0);
	ct_check(ct);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
}

static void nohugepage_set_meanwhile_is_respected(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 3 * H);
	touch(ct, 3);
	ct->on_alloc = refuse_next;
	ct_expect_madvise(ct, 0, 3 * H, -EINVAL);
	expect_picture(ct, "#pp");
}

/* Not what the VMA has become, but what was asked for. */
static void nothing_beyond_the_range_is_collapsed(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 3 * H);
	touch(ct, 3);
	huge_anon_orders_inherit = 0;
	ct->on_alloc = lengthen;
	ct_expect_madvise(ct, 0, 2 * H, 0);
	expect_picture(ct, "##pp");
}

/*
 * Eligibility
 */

static void never_touched_is_not_eligible(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, H);
	ct_expect_madvise(ct, 0, H, -EINVAL);
	ct_fill(ct, "512z");
	ct_expect_madvise(ct, 0, H, -EINVAL);
	expect_picture(ct, "p");
}

static void nohugepage_is_respected(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, H);
	touch(ct, 1);
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 0, H, MADV_NOHUGEPAGE), 0);
	ct_expect_madvise(ct, 0, H, -EINVAL);
	expect_picture(ct, "p");
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 0, H, MADV_HUGEPAGE), 0);
	ct_expect_madvise(ct, 0, H, 0);
	expect_picture(ct, "#");
}

static void a_vma_too_small_is_not_eligible(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, H - 1);
	touch(ct, 1);
	ct_expect_madvise(ct, 0, H - 1, -EINVAL);
	ct_mmap(ct, H + 1, 2 * H - 2, PROT_READ | PROT_WRITE, MAP_PRIVATE, NULL, 0);
	huge_anon_orders_inherit = 0;
	ct_write(ct, H + 1, 1);
	ct_expect_madvise(ct, H + 1, 2 * H - 2, -EINVAL);
	expect_picture(ct, "pp");
}

static void a_temporary_stack_is_not_eligible(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct vm_area_struct *vma;

	ct_map_anon(ct, H);
	touch(ct, 1);
	vma = vma_lookup(ct->mm, ct->start);
	mmap_write_lock(ct->mm);
	vma_start_write(vma);
	vm_flags_set(vma, VM_STACK_INCOMPLETE_SETUP | VM_STACK);
	mmap_write_unlock(ct->mm);
	KUNIT_EXPECT_EQ(test, ct_madvise(ct, 0, H, MADV_COLLAPSE), -EINVAL);
	mmap_write_lock(ct->mm);
	vm_flags_clear(vma, VM_STACK_INCOMPLETE_SETUP | VM_STACK);
	mmap_write_unlock(ct->mm);
	expect_picture(ct, "p");
}

static void a_stack_is_eligible(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_mmap(ct, 0, H, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_GROWSDOWN, NULL, 0);
	touch(ct, 1);
	ct_expect_madvise(ct, 0, H, 0);
	expect_picture(ct, "#");
}

/* VM_SPECIAL: their pages may not be touched at all. */
static void special_mappings_are_not_eligible(struct kunit *test)
{
	static const vm_flags_t special[] = {
		VM_IO, VM_PFNMAP, VM_MIXEDMAP, VM_DONTEXPAND,
	};
	struct ct *ct = ct_create(test);
	struct vm_area_struct *vma;
	int i, err;

	ct_map_anon(ct, H);
	touch(ct, 1);
	vma = vma_lookup(ct->mm, ct->start);
	for (i = 0; i < ARRAY_SIZE(special); i++) {
		mmap_write_lock(ct->mm);
		vma_start_write(vma);
		vm_flags_set(vma, special[i]);
		mmap_write_unlock(ct->mm);
		err = ct_madvise(ct, 0, H, MADV_COLLAPSE);
		mmap_write_lock(ct->mm);
		vm_flags_clear(vma, special[i]);
		mmap_write_unlock(ct->mm);
		KUNIT_EXPECT_EQ_MSG(test, err, -EINVAL, "flag %lx",
				    (unsigned long)special[i]);
	}
	expect_picture(ct, "p");
}

static void a_driver_is_not_eligible(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_mmap(ct, 0, H, PROT_READ, MAP_PRIVATE, tmm_file(ct->t, 2), 0);
	ct_expect_madvise(ct, 0, H, -EINVAL);
}

/* A huge page of the file is at multiples of its size only. */
static void a_file_mapped_at_a_wrong_place_is_not_eligible(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_mmap(ct, 0, 2 * H, PROT_READ | PROT_WRITE, MAP_SHARED, ct_shmem(ct), 1);
	ct_read(ct, 0, 2);
	ct_expect_madvise(ct, 0, 2 * H, -EINVAL);
	ct_mmap(ct, 2 * H, H, PROT_READ | PROT_WRITE, MAP_SHARED, ct_shmem(ct), 2 * H);
	ct_read(ct, 2 * H, 2);
	ct_expect_madvise(ct, 2 * H, H, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 2 * H));
}

static void a_guard_region_stays(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 3 * H);
	touch(ct, 3);
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, H + 9, 1, MADV_GUARD_INSTALL), 0);
	ct_expect_madvise(ct, 0, 3 * H, -EINVAL);
	KUNIT_EXPECT_FALSE(test, pte_none(ct_pte(ct, H + 9)));
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_small(ct, H);
}

static void memory_with_a_userfaultfd_is_collapsed_where_complete(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 2 * H);
	touch(ct, 2);
	huge_anon_orders_inherit = 0;
	ct_write(ct, 0, H);
	ct_uffd_register(ct, 0, 2 * H, UFFDIO_REGISTER_MODE_MISSING);
	ct_expect_madvise(ct, 0, 2 * H, -EBUSY);
	expect_picture(ct, "#p");
}

/*
 * Settings: an explicit request overrules all but what a process itself, or
 * VM_NOHUGEPAGE, rules out.
 */

struct setting {
	const char *name;
	unsigned long flags;		/* Of transparent_hugepage_flags. */
	unsigned long always, madvise, inherit;
	int mm_flag;			/* -1: none. */
	int process;
	bool khugepaged;		/* Whether it is eligible for that, */
	bool khugepaged_madvised;	/* and after MADV_HUGEPAGE. */
};

#define PMD_BIT		BIT(PMD_ORDER)
#define ALWAYS		BIT(TRANSPARENT_HUGEPAGE_FLAG)
#define MADVISE		BIT(TRANSPARENT_HUGEPAGE_REQ_MADV_FLAG)

static const struct setting settings[] = {
	{ "always", ALWAYS, 0, 0, PMD_BIT, -1, 0, true, true },
	{ "madvise", MADVISE, 0, 0, PMD_BIT, -1, 0, false, true },
	{ "never", 0, 0, 0, PMD_BIT, -1, 0, false, false },
	{ "this_size_always", 0, PMD_BIT, 0, 0, -1, 0, true, true },
	{ "this_size_madvise", 0, 0, PMD_BIT, 0, -1, 0, false, true },
	{ "this_size_never", ALWAYS, 0, 0, 0, -1, 0, false, false },
	{ "another_size", 0, BIT(4), 0, 0, -1, 0, false, false },
	{ "disabled_for_the_process", ALWAYS, 0, 0, PMD_BIT,
	  MMF_DISABLE_THP_COMPLETELY, -EINVAL, false, false },
	{ "disabled_except_advised", ALWAYS, 0, 0, PMD_BIT,
	  MMF_DISABLE_THP_EXCEPT_ADVISED, 0, false, true },
};

KUNIT_ARRAY_PARAM_DESC(settings, settings, name);

static void apply(struct ct *ct, const struct setting *c)
{
	transparent_hugepage_flags &= ~(ALWAYS | MADVISE);
	transparent_hugepage_flags |= c->flags;
	huge_anon_orders_always = c->always;
	huge_anon_orders_madvise = c->madvise;
	huge_anon_orders_inherit = c->inherit;
	if (c->mm_flag >= 0)
		mm_flags_set(c->mm_flag, ct->mm);
}

static bool eligible(struct ct *ct)
{
	struct vm_area_struct *vma = vma_lookup(ct->mm, ct->start);

	return thp_vma_allowable_order(vma, vma->vm_flags, TVA_KHUGEPAGED, PMD_ORDER);
}

static void settings_bind_khugepaged_and_not_a_request(struct kunit *test)
{
	const struct setting *c = test->param_value;
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, H);
	touch(ct, 1);
	apply(ct, c);
	KUNIT_EXPECT_EQ(test, eligible(ct), c->khugepaged);
	ct_expect_madvise(ct, 0, H, c->process);
	expect_picture(ct, c->process ? "p" : "#");
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 0, H, MADV_HUGEPAGE), 0);
	KUNIT_EXPECT_EQ(test, eligible(ct), c->khugepaged_madvised);
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 0, H, MADV_NOHUGEPAGE), 0);
	KUNIT_EXPECT_FALSE(test, eligible(ct));
}

static void hardware_without_huge_pages_has_the_last_word(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, H);
	touch(ct, 1);
	transparent_hugepage_flags |= BIT(TRANSPARENT_HUGEPAGE_UNSUPPORTED);
	KUNIT_EXPECT_FALSE(test, eligible(ct));
	ct_expect_madvise(ct, 0, H, -EINVAL);
	expect_picture(ct, "p");
}

static struct kunit_case range_cases[] = {
	KUNIT_CASE_PARAM(only_whole_huge_ranges_are_collapsed, clamps_gen_params),
	KUNIT_CASE(an_address_must_be_aligned_to_pages),
	KUNIT_CASE(each_vma_is_on_its_own),
	KUNIT_CASE(a_vma_that_ends_within_a_huge_range_keeps_its_pages),
	KUNIT_CASE(a_hole_is_reported_and_the_rest_is_collapsed),
	KUNIT_CASE(a_failing_range_does_not_stop_the_rest),
	KUNIT_CASE(an_empty_range_does_not_stop_the_rest),
	KUNIT_CASE(without_memory_it_stops_at_once),
	KUNIT_CASE(a_shortened_vma_is_collapsed_as_far_as_it_goes),
	KUNIT_CASE(an_unmapped_rest_is_noticed),
	KUNIT_CASE(nohugepage_set_meanwhile_is_respected),
	KUNIT_CASE(nothing_beyond_the_range_is_collapsed),
	KUNIT_CASE(never_touched_is_not_eligible),
	KUNIT_CASE(nohugepage_is_respected),
	KUNIT_CASE(a_vma_too_small_is_not_eligible),
	KUNIT_CASE(a_temporary_stack_is_not_eligible),
	KUNIT_CASE(a_stack_is_eligible),
	KUNIT_CASE(special_mappings_are_not_eligible),
	KUNIT_CASE(a_driver_is_not_eligible),
	KUNIT_CASE(a_file_mapped_at_a_wrong_place_is_not_eligible),
	KUNIT_CASE(a_guard_region_stays),
	KUNIT_CASE(memory_with_a_userfaultfd_is_collapsed_where_complete),
	KUNIT_CASE_PARAM(settings_bind_khugepaged_and_not_a_request, settings_gen_params),
	KUNIT_CASE(hardware_without_huge_pages_has_the_last_word),
	{}
};

static struct kunit_suite collapse_range_suite = {
	.name = "collapse_range",
	.suite_init = ct_suite_init,
	.suite_exit = ct_suite_exit,
	.test_cases = range_cases,
};

kunit_test_suite(collapse_range_suite);
