// SPDX-License-Identifier: GPL-2.0-only
/*
 * MADV_SPLIT: what was collapsed, or came huge by a fault, is small again, with
 * the same contents, counters and layout; what is refused stays as it was.
 *
 * checkpatch: MACRO_ARG_REUSE: statements that report the line of the caller
 */
#include <linux/cred.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/userfaultfd_k.h>

#include "collapse.h"
#include "swap.h"

#ifdef MADV_SPLIT

#define expect_split(ct, page, nr, expected) do {			\
	int __err = ct_madvise(ct, page, nr, MADV_SPLIT);		\
									\
	if (__err != (expected))					\
		KUNIT_FAIL((ct)->test,					\
			   "MADV_SPLIT of pages %ld to %ld: %d, expected %d", \
			   (long)(page), (long)(page) + (nr) - 1, __err, \
			   expected);					\
	ct_check(ct);							\
} while (0)

/* The order of the folio that a page is in; -1: there is none. */
static int order_of(struct ct *ct, long page)
{
	struct page *p = ct_page(ct, page);

	return p && !is_zero_pfn(page_to_pfn(p)) ? folio_order(page_folio(p)) : -1;
}

static void expect_order(struct ct *ct, long page, long nr, int expected)
{
	int found = expected;

	for (; nr-- && found == expected; page++) {
		found = order_of(ct, page);
		if (found == -1)
			found = expected;
	}
	if (found != expected)
		KUNIT_FAIL(ct->test, "page %ld: order %d, expected %d", page - 1,
			   found, expected);
}

static long anon_pages(struct ct *ct)
{
	return percpu_counter_sum(&ct->t->mm->rss_stat[MM_ANONPAGES]);
}

/* A huge page by collapse. */
static struct ct *create_huge(struct kunit *test, const char *pattern, long nr)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, nr);
	ct_fill(ct, pattern);
	ct_expect_madvise(ct, 0, nr, 0);
	KUNIT_ASSERT_TRUE(test, ct_is_huge(ct, 0));
	return ct;
}

/*
 * What is split
 */

struct inverse {
	const char *name;
	const char *pattern;
	long first, nr;		/* The range. */
	long anon;		/* Pages afterwards: those of zeros are freed. */
};

static const struct inverse inverses[] = {
	{ "all", "512w", 0, 512, 512 },
	{ "first_page", "512w", 0, 1, 512 },
	{ "middle", "512w", 100, 200, 512 },
	{ "last_page", "512w", 511, 1, 512 },
	{ "holes_are_freed", "100w 1. 200w 1. 210w", 0, 512, 510 },
	{ "zero_pages_are_freed", "1w 511z", 7, 1, 1 },
};

KUNIT_ARRAY_PARAM_DESC(inverses, inverses, name);

static void undoes_a_collapse(struct kunit *test)
{
	const struct inverse *c = test->param_value;
	const long thps = ct_node_stat(NR_ANON_THPS);
	const long mapped = ct_node_stat(NR_ANON_MAPPED);
	struct ct *ct = create_huge(test, c->pattern, 512);
	const unsigned long splits = ct_event_count(THP_SPLIT_PAGE);

	KUNIT_EXPECT_EQ(test, anon_pages(ct), 512L);
	expect_split(ct, c->first, c->nr, 0);
	expect_order(ct, 0, 512, 0);
	lru_add_drain_all();
	KUNIT_EXPECT_EQ(test, anon_pages(ct), c->anon);
	KUNIT_EXPECT_EQ(test, ct_node_stat(NR_ANON_THPS), thps);
	KUNIT_EXPECT_EQ(test, ct_node_stat(NR_ANON_MAPPED), mapped + c->anon);
	if (IS_ENABLED(CONFIG_VM_EVENT_COUNTERS))
		KUNIT_EXPECT_EQ(test, ct_event_count(THP_SPLIT_PAGE), splits + 1);
	ct_expect_content(ct, c->pattern);

	/* And there again. */
	ct_expect_madvise(ct, 0, 512, 0);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, c->pattern);
}

static void huge_pages_of_a_fault(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 1024);
	ct_write(ct, 0, 1024);
	lru_add_drain_all();
	KUNIT_ASSERT_TRUE(test, ct_is_huge(ct, 0) && ct_is_huge(ct, 512));
	expect_split(ct, 511, 2, 0);
	expect_order(ct, 0, 1024, 0);
	ct_expect_content(ct, "1024w");
}

/* Each one that the range has a page of, and no other. */
static void huge_pages_of_any_order(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_write_folios(ct, 0, 64, 4);
	ct_write_folios(ct, 64, 64, 2);
	expect_split(ct, 17, 32, 0);
	expect_order(ct, 0, 16, 4);
	expect_order(ct, 16, 48, 0);
	expect_order(ct, 64, 64, 2);
	expect_split(ct, 60, 5, 0);
	expect_order(ct, 64, 4, 0);
	expect_order(ct, 68, 60, 2);
	ct_expect_content(ct, "128w 384.");
}

/* The mapping is small already, the folio is not, and holds what is unmapped. */
static void partially_mapped(struct kunit *test)
{
	struct ct *ct = create_huge(test, "512w", 512);
	struct page *unmapped = ct_page(ct, 10);

	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 10, 100, MADV_DONTNEED), 0);
	ct_expect_small(ct, 0);
	expect_order(ct, 0, 10, HPAGE_PMD_ORDER);
	expect_split(ct, 0, 1, 0);
	expect_order(ct, 0, 512, 0);
	KUNIT_EXPECT_NE(test, folio_order(page_folio(unmapped)), HPAGE_PMD_ORDER);
	KUNIT_EXPECT_EQ(test, anon_pages(ct), 412L);
	ct_expect_content(ct, "10w 100. 402w");
}

static void read_only_and_locked_memory(struct kunit *test)
{
	const vma_flags_t locked = mk_vma_flags(VMA_LOCKED_BIT);
	struct ct *ct = create_huge(test, "512w", 512);
	vma_flags_t flags = locked;

	KUNIT_ASSERT_EQ(test, do_mlock(ct->start, HPAGE_PMD_SIZE, &flags), 0);
	KUNIT_ASSERT_EQ(test, do_mprotect_pkey(ct->start, HPAGE_PMD_SIZE, PROT_READ, -1), 0);
	expect_split(ct, 0, 512, 0);
	expect_order(ct, 0, 512, 0);
	lru_add_drain_all();
	KUNIT_EXPECT_TRUE(test, folio_test_mlocked(page_folio(ct_page(ct, 3))));
	ct_expect_content(ct, "512w");
}

static void write_protection_by_userfaultfd_stays(struct kunit *test)
{
	struct ct *ct;
	long page;
	int lost = 0;

	ct = create_huge(test, "512w", 512);
	ct_uffd_register(ct, 0, 512, UFFDIO_REGISTER_MODE_WP);
	ct_uffd_protect(ct, 0, 512, true);
	KUNIT_ASSERT_TRUE(test, ct_is_huge(ct, 0));
	expect_split(ct, 0, 512, 0);
	expect_order(ct, 0, 512, 0);
	for (page = 0; page < 512; page++)
		lost += !pte_uffd(ct_pte(ct, page));
	KUNIT_EXPECT_EQ(test, lost, 0);
	ct_expect_content(ct, "512w");
}

#ifdef CONFIG_SWAP
static void in_the_swap_cache(struct kunit *test)
{
	struct ct *ct = ct_create_with_swap(test);
	struct swap_info_struct *si;
	struct folio *folio;
	int err;

	ct_map_anon(ct, 1024);
	ct_fill(ct, "512w 1s");
	ct_expect_madvise(ct, 0, 512, 0);
	folio = page_folio(ct_page(ct, 0));
	/* Only devices take large folios. */
	si = __swap_entry_to_info(softleaf_from_pte(ct_pte(ct, 512)));
	si->flags |= SWP_BLKDEV;
	folio_lock(folio);
	err = folio_alloc_swap(folio);
	folio_unlock(folio);
	si->flags &= ~SWP_BLKDEV;
	if (err)
		kunit_skip(test, "no swap for a huge page: error %d", err);
	expect_split(ct, 0, 512, 0);
	expect_order(ct, 0, 512, 0);
	ct_expect_content(ct, "512w");
}
#else
static void in_the_swap_cache(struct kunit *test)
{
	kunit_skip(test, "no swap (CONFIG_SWAP)");
}
#endif

/*
 * What there is nothing to do about
 */

static void small_swapped_and_missing_pages(struct kunit *test)
{
	struct ct *ct = ct_create_with_swap(test);
	struct ct_state *before;

	ct_map_anon(ct, 1536);
	ct_fill(ct, "100w 100. 8s 100z");
	before = ct_look(ct, 0);
	expect_split(ct, 0, 1536, 0);
	ct_expect_as_before(ct, before);
}

static void huge_zero_page_stays(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_read(ct, 0, 1);
	if (!is_huge_zero_pmd(ct_pmd(ct, 0)))
		kunit_skip(test, "no huge zero page");
	expect_split(ct, 0, 512, 0);
	KUNIT_EXPECT_TRUE(test, is_huge_zero_pmd(ct_pmd(ct, 0)));
}

/*
 * What is refused
 */

static struct folio *huge_folio(struct ct *ct)
{
	return page_folio(ct_page(ct, 0));
}

static void hold_lock(struct ct *ct)
{
	folio_lock(huge_folio(ct));
}

static void drop_lock(struct ct *ct)
{
	folio_unlock(huge_folio(ct));
}

static void hold_reference(struct ct *ct)
{
	folio_get(huge_folio(ct));
}

static void drop_reference(struct ct *ct)
{
	folio_put(huge_folio(ct));
}

static void hold_pin(struct ct *ct)
{
	long nr;

	mmap_read_lock(ct->mm);
	nr = pin_user_pages(ct_addr(ct, 100), 1, FOLL_WRITE, &ct->held);
	mmap_read_unlock(ct->mm);
	KUNIT_ASSERT_EQ(ct->test, nr, 1L);
}

static void drop_pin(struct ct *ct)
{
	unpin_user_page(ct->held);
}

/* As if it were being written to swap. */
static void hold_writeback(struct ct *ct)
{
	set_bit(PG_writeback, &huge_folio(ct)->flags.f);
}

static void drop_writeback(struct ct *ct)
{
	clear_bit(PG_writeback, &huge_folio(ct)->flags.f);
}

struct refusal {
	const char *name;
	void (*hold)(struct ct *ct);
	void (*drop)(struct ct *ct);
	int expected;
};

static const struct refusal refusals[] = {
	{ "locked", hold_lock, drop_lock, -EAGAIN },
	{ "writeback", hold_writeback, drop_writeback, -EAGAIN },
	{ "referenced", hold_reference, drop_reference, -EAGAIN },
	{ "pinned", hold_pin, drop_pin, -EBUSY },
};

KUNIT_ARRAY_PARAM_DESC(refusals, refusals, name);

/* And all else in the range is split. */
static void used_by_others(struct kunit *test)
{
	const struct refusal *r = test->param_value;
	struct ct *ct = create_huge(test, "1024w", 1024);
	int err;

	r->hold(ct);
	err = ct_madvise(ct, 0, 1024, MADV_SPLIT);
	r->drop(ct);
	KUNIT_EXPECT_EQ(test, err, r->expected);
	ct_check(ct);
	ct_expect_huge(ct, 0);
	expect_order(ct, 512, 512, 0);
	expect_split(ct, 0, 1024, 0);
	expect_order(ct, 0, 1024, 0);
	ct_expect_content(ct, "1024w");
}

/* Mapped by page-table entries, each of which leads to it. */
static void partially_mapped_and_used(struct kunit *test)
{
	struct ct *ct = create_huge(test, "512w", 512);

	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 10, 1, MADV_DONTNEED), 0);
	hold_pin(ct);
	expect_split(ct, 0, 512, -EBUSY);
	drop_pin(ct);
	expect_order(ct, 0, 512, HPAGE_PMD_ORDER);
	expect_split(ct, 0, 512, 0);
	expect_order(ct, 0, 512, 0);
	ct_expect_content(ct, "10w 1. 501w");
}

static void shared_after_fork(struct kunit *test)
{
	struct ct *ct = create_huge(test, "1024w", 1024);

	ct_fork(ct);
	ct_write(ct, 512, 512);
	lru_add_drain_all();
	expect_split(ct, 0, 1024, -EBUSY);
	expect_order(ct, 0, 512, HPAGE_PMD_ORDER);
	expect_order(ct, 512, 512, 0);
	ct_expect_content(ct, "1024w");
}

static void shmem_is_einval(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_file(ct, ct_shmem(ct), MAP_SHARED);
	ct_fill(ct, "512w");
	ct_expect_madvise(ct, 0, 512, 0);
	expect_split(ct, 0, 512, -EINVAL);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
}

static void unmapped_is_enomem_and_the_rest_is_done(struct kunit *test)
{
	struct ct *ct = create_huge(test, "1536w", 1536);

	KUNIT_ASSERT_EQ(test, vm_munmap(ct_addr(ct, 512), HPAGE_PMD_SIZE), 0);
	expect_split(ct, 0, 1536, -ENOMEM);
	expect_order(ct, 0, 512, 0);
	expect_order(ct, 1024, 512, 0);
}

static void a_fatal_signal_ends_it(struct kunit *test)
{
	struct ct *ct = create_huge(test, "512w", 512);
	int err;

	sigaddset(&current->pending.signal, SIGKILL);
	set_tsk_thread_flag(current, TIF_SIGPENDING);
	err = ct_madvise(ct, 0, 512, MADV_SPLIT);
	sigdelset(&current->pending.signal, SIGKILL);
	clear_tsk_thread_flag(current, TIF_SIGPENDING);
	KUNIT_EXPECT_EQ(test, err, -EINTR);
	ct_expect_huge(ct, 0);
	expect_split(ct, 0, 512, 0);
}

/*
 * The advice
 */

static void it_has_a_value_of_its_own(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, MADV_SPLIT, 27);
}

static int check_as(struct kunit *test, int cap)
{
	struct cred *cred = prepare_creds();
	const struct cred *old;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, cred);
	cap_clear(cred->cap_effective);
	cap_raise(cred->cap_effective, cap);
	old = override_creds(cred);
	err = process_madvise_check(&init_mm, MADV_SPLIT);
	put_cred(revert_creds(old));
	return err;
}

static void others_memory_needs_sys_nice(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, check_as(test, CAP_SYS_NICE), 0);
	KUNIT_EXPECT_EQ(test, check_as(test, CAP_SYS_ADMIN), -EPERM);
}

static struct kunit_case collapse_split_cases[] = {
	KUNIT_CASE_PARAM(undoes_a_collapse, inverses_gen_params),
	KUNIT_CASE(huge_pages_of_a_fault),
	KUNIT_CASE(huge_pages_of_any_order),
	KUNIT_CASE(partially_mapped),
	KUNIT_CASE(read_only_and_locked_memory),
	KUNIT_CASE(write_protection_by_userfaultfd_stays),
	KUNIT_CASE(in_the_swap_cache),
	KUNIT_CASE(small_swapped_and_missing_pages),
	KUNIT_CASE(huge_zero_page_stays),
	KUNIT_CASE_PARAM(used_by_others, refusals_gen_params),
	KUNIT_CASE(partially_mapped_and_used),
	KUNIT_CASE(shared_after_fork),
	KUNIT_CASE(shmem_is_einval),
	KUNIT_CASE(unmapped_is_enomem_and_the_rest_is_done),
	KUNIT_CASE(a_fatal_signal_ends_it),
	KUNIT_CASE(it_has_a_value_of_its_own),
	KUNIT_CASE(others_memory_needs_sys_nice),
	{}
};

#else

static void needs_the_topic(struct kunit *test)
{
	kunit_skip(test, "no MADV_SPLIT (topic mm-split-advice)");
}

static struct kunit_case collapse_split_cases[] = {
	KUNIT_CASE(needs_the_topic),
	{}
};

#endif

static struct kunit_suite collapse_split_suite = {
	.name = "collapse_split",
	.suite_init = ct_suite_init,
	.suite_exit = ct_suite_exit,
	.test_cases = collapse_split_cases,
};

kunit_test_suite(collapse_split_suite);
