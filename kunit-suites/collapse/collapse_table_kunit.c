// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page tables that map a file whose pages were collapsed: those that hold
 * nothing else are removed, or replaced by a huge entry, all others stay.
 */
#include <linux/khugepaged.h>
#include <linux/leafops.h>
#include <linux/lockdep.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/swap.h>
#include <linux/userfaultfd_k.h>

#include "collapse.h"
#include "ops.h"

/*
 * Page tables of others that map the file
 */

static void map_again(struct ct *ct, long page, unsigned long flags)
{
	ct_mmap(ct, page, 512, PROT_READ | PROT_WRITE, flags, ct->t->file[0], 0);
	ct_read(ct, page, 512);
}

static void all_page_tables_are_removed(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);

	map_again(ct, 1024, MAP_SHARED);
	map_again(ct, 2048, MAP_PRIVATE);
	ct_notify(ct);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 0)));
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 1024)));
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 2048)));
	KUNIT_EXPECT_EQ(test, ct->nr_events, ct->nr_ends);
	KUNIT_EXPECT_GE(test, ct->nr_events, 3);
	ct_expect_huge_folio(ct, ct->t->file[0], 0);
}

/* Their page table holds what is nowhere else. */
static void page_table_with_private_copies_stays(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);
	struct page *copy;

	map_again(ct, 1024, MAP_PRIVATE);
	ct_write(ct, 1024 + 7, 1);
	copy = ct_page(ct, 1024 + 7);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 0)));
	KUNIT_EXPECT_FALSE(test, pmd_none(ct_pmd(ct, 1024)));
	KUNIT_EXPECT_PTR_EQ(test, ct_page(ct, 1024 + 7), copy);
	ct_expect_content_at(ct, 1024 + 7, "1w");
	ct_check(ct);
}

static void page_table_with_protection_stays(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);

	map_again(ct, 1024, MAP_SHARED);
	ct_uffd_register(ct, 1024, 512, UFFDIO_REGISTER_MODE_WP);
	ct_uffd_protect(ct, 1024 + 7, 1, true);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 0)));
	KUNIT_EXPECT_TRUE(test, pte_is_uffd_wp_marker(ct_pte(ct, 1024 + 7)));
	ct_expect_result(ct, 1024, CT_PROCESS, SCAN_PTE_UFFD);
	KUNIT_EXPECT_TRUE(test, pte_is_uffd_wp_marker(ct_pte(ct, 1024 + 7)));
}

static void page_table_with_guards_stays(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);

	map_again(ct, 1024, MAP_SHARED);
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 1024 + 7, 1, MADV_GUARD_INSTALL), 0);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 0)));
	KUNIT_EXPECT_FALSE(test, pte_none(ct_pte(ct, 1024 + 7)));
	ct_expect_result(ct, 1024, CT_PROCESS, SCAN_PTE_NON_PRESENT);
	KUNIT_EXPECT_FALSE(test, pte_none(ct_pte(ct, 1024 + 7)));
}

/* The look without a lock, and the one with it. */
static void install_guard_late(struct ct *ct)
{
	if (!mmap_read_trylock(ct->mm))
		return;
	vma_set_atomic_flag(vma_lookup(ct->mm, ct->start), VMA_MAYBE_GUARD_BIT);
	mmap_read_unlock(ct->mm);
	ct->result = 1;
}

static void a_guard_installed_meanwhile_keeps_the_page_table(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512z", MAP_SHARED);

	/* Not mapped, so that the first to invalidate is the retraction. */
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 0, 511, MADV_DONTNEED), 0);
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 511, 1, MADV_DONTNEED), 0);
	if (pmd_none(ct_pmd(ct, 0)))
		kunit_skip(test, "the page table went with its last page (CONFIG_PT_RECLAIM)");
	ct_notify(ct);
	ct->on_invalidate = install_guard_late;
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_EQ(test, ct->result, 1L);
	KUNIT_EXPECT_FALSE(test, pmd_none(ct_pmd(ct, 0)));
}

static void page_table_that_is_not_aligned_stays(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);

	map_again(ct, 1025, MAP_SHARED);
	ct_mmap(ct, 2048, 100, PROT_READ, MAP_SHARED, ct->t->file[0], 0);
	ct_read(ct, 2048, 100);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 0)));
	KUNIT_EXPECT_FALSE(test, pmd_none(ct_pmd(ct, 1026)));
	KUNIT_EXPECT_FALSE(test, pmd_none(ct_pmd(ct, 2048)));
	ct_check(ct);
}

static void mappings_of_a_child_are_removed(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);

	ct_fork(ct);
	ct_read(ct, 0, 512);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	ct_expect_huge_folio(ct, ct->t->file[0], 0);
	ct_expect_content(ct, "512w");
}

/*
 * A huge page in the page cache, mapped by PTEs
 */

/* Mapping 1024 of a file that is one huge page, mapped page by page. */
static struct ct *create_pte_mapped(struct kunit *test, unsigned long flags)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);
	unsigned long always = transparent_hugepage_flags;

	ct_expect_madvise(ct, 0, 512, 0);
	ct_mmap(ct, 1024, 512, PROT_READ | PROT_WRITE, flags, ct->t->file[0], 0);
	/* A fault of a page that must not be huge. */
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 1024, 512, MADV_NOHUGEPAGE), 0);
	ct_read(ct, 1024, 512);
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 1024, 512, MADV_HUGEPAGE), 0);
	transparent_hugepage_flags = always;
	KUNIT_ASSERT_FALSE(test, ct_is_huge(ct, 1024));
	KUNIT_ASSERT_NOT_NULL(test, ct_page(ct, 1024 + 511));
	ct_check(ct);
	return ct;
}

static void ptes_of_a_private_mapping_become_a_pmd(struct kunit *test)
{
	struct ct *ct = create_pte_mapped(test, MAP_PRIVATE);

	ct_notify(ct);
	ct_expect_result(ct, 1024, CT_PROCESS, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 1024));
	ct_expect_huge_folio(ct, ct->t->file[0], 2);
	KUNIT_EXPECT_EQ(test, ct->nr_events, 1);
	KUNIT_EXPECT_EQ(test, ct->nr_ends, 1);
	KUNIT_EXPECT_EQ(test, ct->event[0].start, ct_addr(ct, 1024));
	KUNIT_EXPECT_EQ(test, ct->event[0].end, ct_addr(ct, 1536));
	KUNIT_EXPECT_TRUE(test, ct->event[0].pmd_was_table);
}

/* What was given up, or never read, is mapped with the rest. */
static void a_table_with_holes_becomes_a_pmd(struct kunit *test)
{
	struct ct *ct = create_pte_mapped(test, MAP_PRIVATE);
	const unsigned long rss = get_mm_counter(ct->mm, MM_SHMEMPAGES);

	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 1024 + 5, 300, MADV_DONTNEED), 0);
	ct_check(ct);
	KUNIT_ASSERT_EQ(test, get_mm_counter(ct->mm, MM_SHMEMPAGES), rss - 300);
	ct_expect_result(ct, 1024, CT_PROCESS, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 1024));
	KUNIT_EXPECT_EQ(test, get_mm_counter(ct->mm, MM_SHMEMPAGES), rss);
	ct_expect_huge_folio(ct, ct->t->file[0], 2);
	ct_read(ct, 1024, 512);
	ct_expect_content(ct, "512w");
}

static void an_empty_table_becomes_a_pmd(struct kunit *test)
{
	struct ct *ct = create_pte_mapped(test, MAP_PRIVATE);

	/* In two parts, or the table goes, too. */
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 1024, 511, MADV_DONTNEED), 0);
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 1024 + 511, 1, MADV_DONTNEED), 0);
	ct_expect_result(ct, 1024, CT_PROCESS, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 1024));
	ct_expect_huge_folio(ct, ct->t->file[0], 2);
	ct_read(ct, 1024, 512);
	ct_expect_content(ct, "512w");
}

/* The huge page is there, the tables for it are not, and cannot be made. */
static void without_tables_it_is_not_mapped(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);
	bool failed = true;
	int nth, err = 0;

	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	if (IS_ENABLED(CONFIG_KASAN))
		kunit_skip(test, "KASAN allocates, too (CONFIG_KASAN)");
	ct_expect_madvise(ct, 0, 512, 0);
	for (nth = 1; failed && nth < 20; nth++) {
		KUNIT_ASSERT_EQ(test, vm_munmap(ct->start, HPAGE_PMD_SIZE), 0);
		ct_map_file(ct, ct->t->file[0], MAP_SHARED);
		tmm_arm(nth);
		err = ct_madvise(ct, 0, 512, MADV_COLLAPSE);
		failed = tmm_disarm();
		if (failed)
			KUNIT_EXPECT_LT_MSG(test, err, 0, "allocation %d fails", nth);
		ct_check(ct);
		ct_expect_huge_folio(ct, ct->t->file[0], !failed);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GE(test, nth, 3);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_content(ct, "512w");
}

static void khugepaged_removes_the_ptes(struct kunit *test)
{
	struct ct *ct = create_pte_mapped(test, MAP_SHARED);

	ct_expect_result(ct, 1024, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 1024)));
	ct_expect_huge_folio(ct, ct->t->file[0], 1);
}

/* mfill_atomic_pte() may add entries that no page lock holds up. */
static void with_a_userfaultfd_it_becomes_a_pmd(struct kunit *test, unsigned long flags)
{
	struct ct *ct = create_pte_mapped(test, flags);

	ct_uffd_register(ct, 1024, 512, UFFDIO_REGISTER_MODE_MISSING);
	ct_expect_result(ct, 1024, CT_PROCESS, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 1024));
	ct_expect_huge_folio(ct, ct->t->file[0], 2);
}

static void a_private_mapping_with_a_userfaultfd_becomes_a_pmd(struct kunit *test)
{
	with_a_userfaultfd_it_becomes_a_pmd(test, MAP_PRIVATE);
}

static void a_shared_mapping_with_a_userfaultfd_becomes_a_pmd(struct kunit *test)
{
	with_a_userfaultfd_it_becomes_a_pmd(test, MAP_SHARED);
}

static void a_private_copy_stays(struct kunit *test)
{
	struct ct *ct = create_pte_mapped(test, MAP_PRIVATE);
	struct ct_state *before;

	ct_write(ct, 1024 + 300, 1);
	before = ct_look(ct, 1024);
	ct_expect_result(ct, 1024, CT_PROCESS, SCAN_FAIL);
	ct_expect_as_before(ct, before);
	ct_expect_content_at(ct, 1024 + 300, "1w");
}

static void a_private_copy_in_swap_stays(struct kunit *test)
{
	struct ct *ct = ct_create_with_swap(test);
	struct ct_state *before;

	ct_map_file(ct, ct_shmem(ct), MAP_SHARED);
	ct_fill(ct, "512w");
	ct_expect_madvise(ct, 0, 512, 0);
	ct_mmap(ct, 1024, 512, PROT_READ | PROT_WRITE, MAP_PRIVATE, ct->t->file[0], 0);
	ct_write(ct, 1024 + 300, 1);
	lru_add_drain_all();
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 1024 + 300, 1, MADV_PAGEOUT), 0);
	KUNIT_ASSERT_FALSE(test, pte_present(ct_pte(ct, 1024 + 300)));
	before = ct_look(ct, 1024);
	ct_expect_result(ct, 1024, CT_PROCESS, SCAN_PTE_NON_PRESENT);
	ct_expect_as_before(ct, before);
	ct_expect_content_at(ct, 1024 + 300, "1w");
}

/*
 * The locks that are held here are those of a fault. It stands for another
 * thread's, so it is no recursion that the collapse is notifying, too.
 */
static void copy_late(struct ct *ct)
{
	struct vm_area_struct *vma = vma_lookup(ct->mm, ct_addr(ct, 1024));

	lockdep_off();
	handle_mm_fault(vma, ct_addr(ct, 1024 + 300), FAULT_FLAG_WRITE, NULL);
	ct->result = PageAnon(ct_page(ct, 1024 + 300));
	lockdep_on();
}

/* By then 300 entries are gone already, and their pages have to know. */
static void a_private_copy_made_meanwhile_stays(struct kunit *test)
{
	struct ct *ct = create_pte_mapped(test, MAP_PRIVATE);
	enum scan_result result;
	struct folio *folio;

	/* A first copy, so that the anon_vma needs no lock any more. */
	ct_write(ct, 1024 + 511, 1);
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 1024 + 511, 1, MADV_DONTNEED), 0);
	ct_notify(ct);
	ct->on_invalidate = copy_late;
	result = ct_collapse(ct, 1024, CT_PROCESS);
	if (!ct->result)
		kunit_skip(test, "ct_page() saw no copy");
	KUNIT_EXPECT_STREQ(test, ct_result_name(result), "SCAN_FAIL");
	KUNIT_EXPECT_EQ(test, ct->nr_events, ct->nr_ends);
	ct_check(ct);
	KUNIT_EXPECT_TRUE(test, PageAnon(ct_page(ct, 1024 + 300)));
	KUNIT_EXPECT_PTR_EQ(test, ct_page(ct, 1024), NULL);
	folio = xa_load(&ct->t->file[0]->f_mapping->i_pages, 0);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio),
			(int)CT_PAGES + folio_mapcount(folio));
	ct_expect_content(ct, "512w");
}

/* As copy_late(): the folio's lock keeps pages out of the table, but not guards. */
static void guard_late(struct ct *ct)
{
	lockdep_off();
	ct->result = ct_madvise(ct, 1024 + 300, 1, MADV_GUARD_INSTALL);
	lockdep_on();
}

static void a_guard_installed_meanwhile_stays(struct kunit *test)
{
	struct ct *ct = create_pte_mapped(test, MAP_SHARED);
	struct folio *folio;

	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 1024 + 300, 1, MADV_DONTNEED), 0);
	ct_notify(ct);
	ct->on_invalidate = guard_late;
	ct_expect_result(ct, 1024, CT_PROCESS, SCAN_PTE_NON_PRESENT);
	KUNIT_EXPECT_EQ(test, ct->result, 0L);
	KUNIT_EXPECT_EQ(test, ct->nr_events, ct->nr_ends);
	KUNIT_EXPECT_PTR_EQ(test, ct_page(ct, 1024), NULL);
	KUNIT_EXPECT_NOT_NULL(test, ct_page(ct, 1024 + 301));
	KUNIT_EXPECT_TRUE(test, pte_is_marker(ct_pte(ct, 1024 + 300)));
	folio = xa_load(&ct->t->file[0]->f_mapping->i_pages, 0);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio),
			(int)CT_PAGES + folio_mapcount(folio));
	ct_expect_content(ct, "512w");
}

/* As copy_late(), but without the folio's lock, since there is nothing in it. */
static void make_table(struct ct *ct)
{
	lockdep_off();
	ct->result = pte_alloc(ct->mm, mm_find_pmd(ct->mm, ct_addr(ct, 1024)));
	lockdep_on();
}

static void a_table_made_meanwhile_stays(struct kunit *test)
{
	struct ct *ct = create_pte_mapped(test, MAP_PRIVATE);

	ct_notify(ct);
	ct->on_invalidated = make_table;
	ct_expect_result(ct, 1024, CT_PROCESS, SCAN_FAIL);
	KUNIT_EXPECT_EQ(test, ct->result, 0L);
	KUNIT_EXPECT_FALSE(test, ct_is_huge(ct, 1024));
	KUNIT_EXPECT_FALSE(test, pmd_none(ct_pmd(ct, 1024)));
	ct_expect_huge_folio(ct, ct->t->file[0], 1);
	ct_expect_result(ct, 1024, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge_folio(ct, ct->t->file[0], 2);
	ct_expect_content(ct, "512w");
}

/* As a fault does, under the lock of the folio that the collapse waits for. */
static void map_huge(struct ct *ct)
{
	struct folio *folio = ct->holder.folio;
	struct vm_fault vmf = {
		.vma = (struct vm_area_struct *)ct->arg,
		.address = ct->start,
		.pmd = mm_find_pmd(ct->mm, ct->start),
	};

	ct->result = (__force int)do_set_pmd(&vmf, folio, &folio->page);
	if (!ct->result)
		folio_get(folio);
}

static void mapped_huge_by_another_is_no_failure(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);
	struct folio *folio;

	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	ct_expect_huge_folio(ct, ct->t->file[0], 0);
	folio = xa_load(&ct->t->file[0]->f_mapping->i_pages, 0);
	ct->arg = (unsigned long)vma_lookup(ct->mm, ct->start);
	ct_lock_until_waited_for(ct, folio, map_huge);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, ct_was_waited_for(ct));
	KUNIT_EXPECT_EQ(test, ct->result, 0L);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_huge_folio(ct, ct->t->file[0], 1);
	ct_expect_content(ct, "512w");
}

/* uprobes ask for it without knowing what is there. */
static void asked_for_anything_it_changes_only_what_it_should(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);
	struct ct_state *before = ct_look(ct, 0);

	mmap_write_lock(ct->mm);
	collapse_pte_mapped_thp(ct->mm, ct_addr(ct, 0), false);
	collapse_pte_mapped_thp(ct->mm, ct_addr(ct, 2048), false);
	mmap_write_unlock(ct->mm);
	ct_expect_as_before(ct, before);
	ct_mmap(ct, 1024, 512, PROT_READ, MAP_PRIVATE, NULL, 0);
	ct_mmap(ct, 2048, 100, PROT_READ, MAP_SHARED, ct->t->file[0], 0);
	ct_mmap(ct, 2560, 512, PROT_READ, MAP_SHARED, ct->t->file[0], 1024);
	mmap_write_lock(ct->mm);
	collapse_pte_mapped_thp(ct->mm, ct_addr(ct, 1024), true);
	collapse_pte_mapped_thp(ct->mm, ct_addr(ct, 2048), true);
	collapse_pte_mapped_thp(ct->mm, ct_addr(ct, 2560), true);
	mmap_write_unlock(ct->mm);
	ct_expect_as_before(ct, before);
	ct_check(ct);
}

static void nohugepage_is_not_mapped_huge(struct kunit *test)
{
	struct ct *ct = create_pte_mapped(test, MAP_SHARED);
	struct ct_state *before;

	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 1024, 512, MADV_NOHUGEPAGE), 0);
	before = ct_look(ct, 1024);
	ct_expect_result(ct, 1024, CT_PROCESS, SCAN_VMA_CHECK);
	ct_expect_as_before(ct, before);
}

static struct kunit_case table_cases[] = {
	KUNIT_CASE(all_page_tables_are_removed),
	KUNIT_CASE(page_table_with_private_copies_stays),
	KUNIT_CASE(page_table_with_protection_stays),
	KUNIT_CASE(page_table_with_guards_stays),
	KUNIT_CASE(a_guard_installed_meanwhile_keeps_the_page_table),
	KUNIT_CASE(page_table_that_is_not_aligned_stays),
	KUNIT_CASE(mappings_of_a_child_are_removed),
	KUNIT_CASE(ptes_of_a_private_mapping_become_a_pmd),
	KUNIT_CASE(a_table_with_holes_becomes_a_pmd),
	KUNIT_CASE(an_empty_table_becomes_a_pmd),
	KUNIT_CASE(without_tables_it_is_not_mapped),
	KUNIT_CASE(khugepaged_removes_the_ptes),
	KUNIT_CASE(a_private_mapping_with_a_userfaultfd_becomes_a_pmd),
	KUNIT_CASE(a_shared_mapping_with_a_userfaultfd_becomes_a_pmd),
	KUNIT_CASE(a_private_copy_stays),
	KUNIT_CASE(a_private_copy_in_swap_stays),
	KUNIT_CASE(a_private_copy_made_meanwhile_stays),
	KUNIT_CASE(a_guard_installed_meanwhile_stays),
	KUNIT_CASE(a_table_made_meanwhile_stays),
	KUNIT_CASE(mapped_huge_by_another_is_no_failure),
	KUNIT_CASE(asked_for_anything_it_changes_only_what_it_should),
	KUNIT_CASE(nohugepage_is_not_mapped_huge),
	{}
};

static struct kunit_suite collapse_table_suite = {
	.name = "collapse_table",
	.suite_init = ct_suite_init,
	.suite_exit = ct_suite_exit,
	.test_cases = table_cases,
};

kunit_test_suite(collapse_table_suite);
