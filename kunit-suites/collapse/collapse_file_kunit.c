// SPDX-License-Identifier: GPL-2.0-only
/*
 * The collapse of the page cache, of shmem and of a regular file.
 */
#include <linux/backing-dev.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/swap.h>
#include <linux/userfaultfd_k.h>

#include "collapse.h"

struct file_stats {
	long pages, shmem, shmem_thps, file_thps;
};

static struct file_stats file_stats(void)
{
	return (struct file_stats){
		.pages = ct_node_stat(NR_FILE_PAGES),
		.shmem = ct_node_stat(NR_SHMEM),
		.shmem_thps = ct_node_stat(NR_SHMEM_THPS),
		.file_thps = ct_node_stat(NR_FILE_THPS),
	};
}

static void expect_stats(struct kunit *test, struct file_stats before,
			 bool shmem)
{
	const struct file_stats now = file_stats();

	KUNIT_EXPECT_EQ(test, now.pages - before.pages, (long)CT_PAGES);
	KUNIT_EXPECT_EQ(test, now.shmem - before.shmem, shmem ? (long)CT_PAGES : 0);
	KUNIT_EXPECT_EQ(test, now.shmem_thps - before.shmem_thps,
			shmem ? (long)CT_PAGES : 0);
	KUNIT_EXPECT_EQ(test, now.file_thps - before.file_thps,
			shmem ? 0 : (long)CT_PAGES);
}

/*
 * Success
 */

struct success {
	const char *name;
	const char *pattern;
	bool swap;
};

static const struct success successes[] = {
	{ "all_written", "512w" },
	{ "first_page_only", "1w 511." },
	{ "last_page_only", "511. 1w" },
	{ "holes", "100w 1. 200w 1. 210w" },
	{ "read_only", "256w 256z" },
	{ "swapped_out", "504w 8s", true },
	{ "all_swapped_out", "512s", true },
	{ "swapped_and_holes", "8s 100. 404w", true },
};

KUNIT_ARRAY_PARAM_DESC(successes, successes, name);

static void shmem_becomes_one_huge_page(struct kunit *test)
{
	const struct success *c = test->param_value;
	struct file_stats stats;
	struct ct *ct;

	if (c->swap)
		tmm_swapon(test);	/* The area has a page of its own. */
	stats = file_stats();
	ct = ct_create_shmem(test, c->pattern, MAP_SHARED);
	ct_expect_madvise(ct, 0, 512, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_huge_folio(ct, ct->t->file[0], 1);
	expect_stats(test, stats, true);
	ct_expect_content(ct, c->pattern);
}

/* It leaves the mapping to the next fault, MADV_COLLAPSE does not. */
static void khugepaged_leaves_the_mapping_to_faults(struct kunit *test)
{
	const struct success *c = test->param_value;
	struct ct *ct = ct_create_shmem(test, c->pattern, MAP_SHARED);
	const unsigned long before = ct_get(ct, "pages_collapsed");

	ct_set(ct, "max_ptes_swap", 511);
	if (!strcmp(c->pattern, "512s"))
		kunit_skip(test, "more than khugepaged may swap in");
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	ct_expect_huge_folio(ct, ct->t->file[0], 0);
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 0)));
	KUNIT_EXPECT_EQ(test, ct_get(ct, "pages_collapsed"), before + 1);
	ct_expect_content(ct, c->pattern);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_check(ct);
}

static void collapsed_but_not_faulted_in_succeeds(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);

	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_ASSERT_TRUE(test, pmd_none(ct_pmd(ct, 0)));
	ct_expect_madvise(ct, 0, 512, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_huge_folio(ct, ct->t->file[0], 1);
	ct->alloc.nr = 0;
	ct_expect_madvise(ct, 0, 512, 0);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 0);
}

/* No fault has made a page table yet: not even for the levels above. */
static void mapped_anew_it_is_mapped_huge(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);

	ct_expect_madvise(ct, 0, 512, 0);
	KUNIT_ASSERT_EQ(test, vm_munmap(ct->start, HPAGE_PMD_SIZE), 0);
	ct_map_file(ct, ct->t->file[0], MAP_SHARED);
	ct_expect_madvise(ct, 0, 512, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_huge_folio(ct, ct->t->file[0], 1);
}

static void fallocated_pages_are_zeroed(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "256w", MAP_SHARED);

	KUNIT_ASSERT_EQ(test, vfs_fallocate(ct->t->file[0], 0, 256 * PAGE_SIZE,
					    256 * PAGE_SIZE), 0);
	ct_expect_madvise(ct, 0, 512, 0);
	ct_expect_huge_folio(ct, ct->t->file[0], 1);
	ct_expect_content(ct, "256w 256.");
}

/*
 * Limits
 */

struct limit {
	const char *name;
	const char *setting;
	unsigned long value;
	const char *pattern;
	enum scan_result khugepaged;
};

static const struct limit limits[] = {
	{ "none_below", "max_ptes_none", 10, "503w 9.", SCAN_SUCCEED },
	{ "none_at", "max_ptes_none", 10, "502w 10.", SCAN_SUCCEED },
	{ "none_above", "max_ptes_none", 10, "501w 11.", SCAN_EXCEED_NONE_PTE },
	{ "swap_below", "max_ptes_swap", 5, "508w 4s", SCAN_SUCCEED },
	{ "swap_at", "max_ptes_swap", 5, "507w 5s", SCAN_SUCCEED },
	{ "swap_above", "max_ptes_swap", 5, "506w 6s", SCAN_EXCEED_SWAP_PTE },
};

KUNIT_ARRAY_PARAM_DESC(limits, limits, name);

static void khugepaged_keeps_the_limit(struct kunit *test)
{
	const struct limit *c = test->param_value;
	struct ct *ct = ct_create_shmem(test, c->pattern, MAP_SHARED);
	struct ct_cache *before = ct_look_at_cache(ct, ct->t->file[0]);

	ct_set(ct, c->setting, c->value);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, c->khugepaged);
	if (c->khugepaged == SCAN_SUCCEED)
		ct_expect_huge_folio(ct, ct->t->file[0], 0);
	else
		ct_expect_cache_as_before(ct, before);
	ct_expect_content(ct, c->pattern);
}

static void a_process_is_not_limited(struct kunit *test)
{
	const struct limit *c = test->param_value;
	struct ct *ct = ct_create_shmem(test, c->pattern, MAP_SHARED);

	ct_set(ct, c->setting, c->value);
	ct_expect_madvise(ct, 0, 512, 0);
	ct_expect_huge_folio(ct, ct->t->file[0], 1);
	ct_expect_content(ct, c->pattern);
}

/* Put a folio of 2^order pages into the page cache. */
static void add_folio(struct ct *ct, struct file *file, pgoff_t index,
		      unsigned int order)
{
	struct folio *folio;

	folio = __filemap_get_folio(file->f_mapping, index,
				    FGP_LOCK | FGP_CREAT | fgf_set_order(PAGE_SIZE << order),
				    mapping_gfp_mask(file->f_mapping));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(ct->test, folio);
	KUNIT_ASSERT_EQ(ct->test, folio_order(folio), order);
	file->f_mapping->a_ops->read_folio(file, folio);
	folio_put(folio);
	lru_add_drain_all();
}

/* Each page of a larger folio counts as present. */
static void pages_of_larger_folios_count(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_file *f = ct_regular_file(ct, O_RDONLY);

	ct_mmap(ct, 0, 512, PROT_READ, MAP_PRIVATE, f->file, 0);
	add_folio(ct, f->file, 16, 4);
	add_folio(ct, f->file, 128, 6);
	ct_set(ct, "max_ptes_none", 512 - 80 - 1);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_EXCEED_NONE_PTE);
	ct_set(ct, "max_ptes_none", 512 - 80);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	ct_expect_huge_folio(ct, f->file, 0);
	ct_expect_content(ct, "512w");
}

/*
 * Failure
 */

struct failure {
	const char *name;
	const char *pattern;
	enum scan_result result;
	void (*prepare)(struct ct *ct);
	void (*undo)(struct ct *ct);
};

#define THE_PAGE	300

static struct folio *the_folio(struct ct *ct)
{
	return xa_load(&ct->t->file[0]->f_mapping->i_pages, THE_PAGE);
}

static void nothing(struct ct *ct)
{
}

static void refuse_memory(struct ct *ct)
{
	ct->alloc.min_fail_order = 2;
}

static void refuse_charge(struct ct *ct)
{
	if (!IS_ENABLED(CONFIG_MEMCG))
		kunit_skip(ct->test, "no memory cgroups (CONFIG_MEMCG)");
	ct->alloc.charge_err = -ENOMEM;
}

static void poison_first(struct ct *ct)
{
	ct->poison = 0;
}

static void poison_last(struct ct *ct)
{
	ct->poison = 499;
}

static void pin(struct ct *ct)
{
	folio_get(the_folio(ct));
}

static void pin_later(struct ct *ct)
{
	ct->on_alloc = pin;
}

static void unpin(struct ct *ct)
{
	folio_put(the_folio(ct));
}

static void lock_it(struct ct *ct)
{
	folio_lock(the_folio(ct));
}

static void lock_later(struct ct *ct)
{
	ct->on_alloc = lock_it;
}

static void unlock_it(struct ct *ct)
{
	folio_unlock(the_folio(ct));
}

static void isolate(struct ct *ct)
{
	KUNIT_EXPECT_TRUE(ct->test, folio_isolate_lru(the_folio(ct)));
}

static void isolate_later(struct ct *ct)
{
	ct->on_alloc = isolate;
}

static void put_back(struct ct *ct)
{
	folio_putback_lru(the_folio(ct));
}

/* Hole 505 is filled while others are copied. */
static void fill_hole(struct ct *ct, struct page *page)
{
	struct folio *folio;

	if (!IS_ENABLED(CONFIG_SHMEM))
		return;
	KUNIT_EXPECT_EQ(ct->test, shmem_get_folio(file_inode(ct->t->file[0]), 505,
						  0, &folio, SGP_CACHE), 0);
	folio_unlock(folio);
	folio_put(folio);
}

static void fill_later(struct ct *ct)
{
	ct->on_copy = fill_hole;
}

static void empty_hole(struct ct *ct)
{
	shmem_truncate_range(file_inode(ct->t->file[0]), 505 * PAGE_SIZE,
			     506 * PAGE_SIZE - 1);
}

static void wait_for_missing(struct ct *ct)
{
	ct_mmap(ct, 1024, 512, PROT_READ | PROT_WRITE, MAP_SHARED, ct->t->file[0], 0);
	ct_uffd_register(ct, 1024, 512, UFFDIO_REGISTER_MODE_MISSING);
}

static void forget_missing(struct ct *ct)
{
	vm_munmap(ct_addr(ct, 1024), HPAGE_PMD_SIZE);
}

static const struct failure failures[] = {
	{ "no_memory", "512w", SCAN_ALLOC_HUGE_PAGE_FAIL, refuse_memory, nothing },
	{ "no_charge", "512w", SCAN_CGROUP_CHARGE_FAIL, refuse_charge, nothing },
	{ "first_page_poisoned", "500w 12.", SCAN_COPY_MC, poison_first, nothing },
	{ "last_page_poisoned", "500w 12.", SCAN_COPY_MC, poison_last, nothing },
	{ "pinned", "500w 12.", SCAN_PAGE_COUNT, pin, unpin },
	{ "pinned_meanwhile", "500w 12.", SCAN_PAGE_COUNT, pin_later, unpin },
	{ "locked", "500w 12.", SCAN_PAGE_LOCK, lock_it, unlock_it },
	{ "locked_meanwhile", "500w 12.", SCAN_PAGE_LOCK, lock_later, unlock_it },
	{ "isolated", "500w 12.", SCAN_PAGE_LRU, isolate, put_back },
	{ "isolated_meanwhile", "500w 12.", SCAN_DEL_PAGE_LRU, isolate_later,
	  put_back },
	{ "hole_filled_meanwhile", "500w 12.", SCAN_PAGE_FILLED, fill_later,
	  empty_hole },
	{ "hole_waited_for", "500w 12.", SCAN_EXCEED_NONE_PTE, wait_for_missing,
	  forget_missing },
};

KUNIT_ARRAY_PARAM_DESC(failures, failures, name);

static void fails_without_a_trace(struct kunit *test)
{
	const struct failure *c = test->param_value;
	struct ct *ct = ct_create_shmem(test, c->pattern, MAP_SHARED);
	struct ct_cache *before = ct_look_at_cache(ct, ct->t->file[0]);
	enum scan_result result;

	c->prepare(ct);
	result = ct_collapse(ct, 0, CT_PROCESS);
	c->undo(ct);
	KUNIT_EXPECT_STREQ(test, ct_result_name(result), ct_result_name(c->result));
	ct_check(ct);
	ct_expect_cache_as_before(ct, before);
	if (ct->alloc.folio)
		KUNIT_EXPECT_EQ_MSG(test, folio_ref_count(ct->alloc.folio), 0,
				    "the new folio is not freed");
	ct->poison = -1;
	ct->alloc.min_fail_order = 0;
	ct->alloc.charge_err = 0;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge_folio(ct, ct->t->file[0], 1);
	ct_expect_content(ct, c->pattern);
}

/* A tmpfs of so many pages, and a file in it of a huge page's size. */
static struct file *small_tmpfs_file(struct ct *ct, unsigned long pages)
{
	struct file_system_type *type = get_fs_type("tmpfs");
	struct vfsmount *mount;
	struct file *file;
	char options[40];

	KUNIT_ASSERT_NOT_NULL(ct->test, type);
	snprintf(options, sizeof(options), "nr_blocks=%lu", pages);
	mount = vfs_kern_mount(type, 0, "tmpfs", options);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(ct->test, mount);
	file = shmem_file_setup_with_mnt(mount, "collapse", HPAGE_PMD_SIZE,
					 EMPTY_VMA_FLAGS);
	mntput(mount);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(ct->test, file);
	return file;
}

/* There is memory for a huge page, but its file system must not grow so. */
static void holes_that_do_not_fit_the_file_system_stay(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_cache *before;
	struct file *file;

	if (!IS_ENABLED(CONFIG_SHMEM))
		kunit_skip(test, "no shmem (CONFIG_SHMEM)");
	/* As the fixture's file 0, which closes it. */
	file = small_tmpfs_file(ct, 500);
	ct->t->file[0] = file;
	ct->t->committed += CT_PAGES;
	ct_map_file(ct, file, MAP_SHARED);
	ct_fill(ct, "400w 112.");
	before = ct_look_at_cache(ct, file);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_FAIL);
	ct_expect_cache_as_before(ct, before);
	KUNIT_EXPECT_EQ_MSG(test, folio_ref_count(ct->alloc.folio), 0,
			    "the new folio is not freed");
	ct_expect_content(ct, "400w");
	/* The others have their place still. */
	ct_write(ct, 400, 100);
	KUNIT_EXPECT_EQ(test, put_user(1, (char __user *)ct_addr(ct, 500)), -EFAULT);
}

/* It sees no page that was missing: those that come late are told of all. */
static void register_late(struct ct *ct, struct page *page)
{
	wait_for_missing(ct);
}

static void holes_waited_for_late_stay(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "500w 12.", MAP_SHARED);
	struct ct_cache *before = ct_look_at_cache(ct, ct->t->file[0]);

	ct_uffd_open(ct);
	ct->on_copy = register_late;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_EXCEED_NONE_PTE);
	ct_expect_cache_as_before(ct, before);
}

static void truncate_all(struct ct *ct)
{
	shmem_truncate_range(file_inode(ct->t->file[0]), 0, -1);
}

static void truncation_meanwhile_ends_it(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "500w 12.", MAP_SHARED);

	ct->on_alloc = truncate_all;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_TRUNCATED);
	ct_expect_cache(ct, ct->t->file[0], "................................");
	KUNIT_EXPECT_EQ(test, ct->t->file[0]->f_mapping->nrpages, 0UL);
	KUNIT_EXPECT_EQ(test, (long)file_inode(ct->t->file[0])->i_blocks, 0L);
}

static void punch_hole(struct ct *ct)
{
	shmem_truncate_range(file_inode(ct->t->file[0]), 100 * PAGE_SIZE,
			     200 * PAGE_SIZE - 1);
}

static void a_hole_punched_meanwhile_is_empty(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "500w 12.", MAP_SHARED);

	ct->on_alloc = punch_hole;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge_folio(ct, ct->t->file[0], 1);
	ct_expect_content(ct, "100w 100. 300w 12.");
}

static void swap_out_late(struct ct *ct)
{
	lru_add_drain_all();
	ct_madvise(ct, 20, 4, MADV_PAGEOUT);
}

static void pages_swapped_out_meanwhile_are_read_in(struct kunit *test)
{
	struct ct *ct = ct_create_with_swap(test);

	ct_map_file(ct, ct_shmem(ct), MAP_SHARED);
	ct_fill(ct, "512w");
	ct->on_alloc = swap_out_late;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge_folio(ct, ct->t->file[0], 1);
	ct_expect_content(ct, "512w");
}

static void swap_that_cannot_be_read_ends_it(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "500w 12s", MAP_SHARED);

	tmm_break_swap(true);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_FAIL);
	tmm_break_swap(false);
	KUNIT_EXPECT_EQ(test, folio_ref_count(ct->alloc.folio), 0);
	KUNIT_EXPECT_FALSE(test, ct_is_huge(ct, 0));
}

static void collapse_in_between(struct ct *ct)
{
	KUNIT_EXPECT_EQ(ct->test, (int)ct_collapse(ct, 0, CT_PROCESS), (int)SCAN_SUCCEED);
}

static void collapsed_by_another_is_mapped(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);

	ct->on_alloc = collapse_in_between;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_huge_folio(ct, ct->t->file[0], 1);
}

static void disable_for_process(struct ct *ct, struct page *page)
{
	mm_flags_set(MMF_DISABLE_THP_COMPLETELY, ct->mm);
}

static void disabled_meanwhile_is_not_mapped(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);

	ct->on_copy = disable_for_process;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_ANY_PROCESS);
	mm_flags_clear(MMF_DISABLE_THP_COMPLETELY, ct->mm);
	KUNIT_EXPECT_FALSE(test, ct_is_huge(ct, 0));
	ct_expect_huge_folio(ct, ct->t->file[0], 0);
}

/*
 * A regular file
 */

static void a_file_is_read_in(struct kunit *test)
{
	const struct file_stats stats = file_stats();
	struct ct *ct = ct_create(test);
	struct ct_file *f = ct_regular_file(ct, O_RDONLY);

	ct_mmap(ct, 0, 512, PROT_READ | PROT_EXEC, MAP_PRIVATE, f->file, 0);
	ct_read(ct, 0, 100);
	ct_expect_madvise(ct, 0, 512, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_huge_folio(ct, f->file, 1);
	expect_stats(test, stats, false);
	ct_expect_content(ct, "512w");
}

static void khugepaged_collapses_a_file(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_file *f = ct_regular_file(ct, O_RDONLY);

	ct_mmap(ct, 0, 512, PROT_READ | PROT_EXEC, MAP_PRIVATE, f->file, 0);
	ct_read(ct, 0, 512);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	ct_expect_huge_folio(ct, f->file, 0);
	ct_expect_content(ct, "512w");
}

/* It goes on where it was: no page is left out, none counted twice. */
static void a_scan_gives_way(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_file *f = ct_regular_file(ct, O_RDONLY);

	ct_mmap(ct, 0, 512, PROT_READ | PROT_EXEC, MAP_PRIVATE, f->file, 0);
	ct_set(ct, "max_ptes_none", 112);
	ct_read(ct, 0, 399);
	ct->give_way = true;
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_EXCEED_NONE_PTE);
	ct_read(ct, 399, 1);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	ct_expect_huge_folio(ct, f->file, 0);
	ct_expect_content(ct, "512w");
}

static void a_locked_page_of_a_file_ends_it(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_file *f = ct_regular_file(ct, O_RDONLY);
	enum scan_result result;
	struct ct_cache *before;
	struct folio *folio;

	ct_mmap(ct, 0, 512, PROT_READ, MAP_PRIVATE, f->file, 0);
	ct_read(ct, 0, 512);
	before = ct_look_at_cache(ct, f->file);
	folio = xa_load(&f->file->f_mapping->i_pages, THE_PAGE);
	folio_lock(folio);
	result = ct_collapse(ct, 0, CT_KHUGEPAGED);
	folio_unlock(folio);
	KUNIT_EXPECT_STREQ(test, ct_result_name(result), "SCAN_PAGE_LOCK");
	ct_check(ct);
	ct_expect_cache_as_before(ct, before);
	ct_expect_madvise(ct, 0, 512, 0);
	ct_expect_content(ct, "512w");
}

/* The page cache remembers when they went, in their place. */
static void pages_reclaimed_are_read_again(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_file *f = ct_regular_file(ct, O_RDONLY);
	struct xarray *cache = &f->file->f_mapping->i_pages;

	ct_mmap(ct, 0, 512, PROT_READ, MAP_PRIVATE, f->file, 0);
	ct_read(ct, 0, 512);
	lru_add_drain_all();
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, THE_PAGE, 8, MADV_PAGEOUT), 0);
	KUNIT_ASSERT_TRUE(test, xa_is_value(xa_load(cache, THE_PAGE)));
	ct_check(ct);
	f->nr_reads = 0;
	ct_expect_madvise(ct, 0, 512, 0);
	KUNIT_EXPECT_GE(test, f->nr_reads, 1);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_huge_folio(ct, f->file, 1);
	ct_expect_content(ct, "512w");
}

static void a_file_that_cannot_be_read_stays(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_file *f = ct_regular_file(ct, O_RDONLY);

	ct_mmap(ct, 0, 512, PROT_READ, MAP_PRIVATE, f->file, 0);
	ct_read(ct, 0, 100);
	f->reads_fail = true;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_FAIL);
	KUNIT_EXPECT_EQ(test, folio_ref_count(ct->alloc.folio), 0);
	f->reads_fail = false;
	/* Not up to date, it is for a fault to read again. */
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_FAIL);
	ct_read(ct, 100, 1);
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	ct_expect_content(ct, "512w");
}

static void private_data_that_is_not_released_keeps_it(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_file *f = ct_regular_file(ct, O_RDONLY);
	struct ct_cache *before;

	ct_mmap(ct, 0, 512, PROT_READ, MAP_PRIVATE, f->file, 0);
	ct_read(ct, 0, 512);
	before = ct_look_at_cache(ct, f->file);
	f->keep_private = true;
	ct_expect_madvise(ct, 0, 512, -EAGAIN);
	ct_expect_cache_as_before(ct, before);
	f->keep_private = false;
	ct_expect_madvise(ct, 0, 512, 0);
}

static struct ct *create_dirty(struct kunit *test, struct ct_file **f)
{
	struct ct *ct = ct_create(test);

	*f = ct_regular_file(ct, O_RDWR);
	ct_map_file(ct, (*f)->file, MAP_SHARED);
	ct_read(ct, 0, 512);
	ct_write(ct, 10, 5);
	ct_check(ct);
	return ct;
}

static void a_process_writes_dirty_pages_back(struct kunit *test)
{
	struct ct_file *f;
	struct ct *ct = create_dirty(test, &f);

	ct_expect_madvise(ct, 0, 512, 0);
	KUNIT_EXPECT_EQ(test, f->nr_writes, 5);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_huge_folio(ct, f->file, 1);
	ct_expect_content(ct, "512w");
}

static void restore_writeback(void *bdi)
{
	((struct backing_dev_info *)bdi)->capabilities |= BDI_CAP_WRITEBACK;
}

/* As of ramfs: there is nowhere to write to, so trying again is no use. */
static void what_cannot_be_written_back_is_not_tried_again(struct kunit *test)
{
	struct ct_file *f;
	struct ct *ct = create_dirty(test, &f);
	struct backing_dev_info *bdi = inode_to_bdi(f->inode);
	struct ct_cache *before;

	/* The first is dirty, so that nothing but that ends a second try. */
	ct_write(ct, 0, 1);
	before = ct_look_at_cache(ct, f->file);
	bdi->capabilities &= ~BDI_CAP_WRITEBACK;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, restore_writeback, bdi), 0);
	ct_expect_madvise(ct, 0, 512, -EAGAIN);
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 1);
	KUNIT_EXPECT_EQ(test, f->nr_writes, 0);
	ct_expect_cache_as_before(ct, before);
	kunit_release_action(test, restore_writeback, bdi);
	ct_expect_madvise(ct, 0, 512, 0);
	KUNIT_EXPECT_EQ(test, f->nr_writes, 6);
	ct_expect_content(ct, "512w");
}

static void khugepaged_leaves_dirty_pages_alone(struct kunit *test)
{
	struct ct_file *f;
	struct ct *ct = create_dirty(test, &f);
	struct ct_cache *before = ct_look_at_cache(ct, f->file);

	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_PAGE_DIRTY_OR_WRITEBACK);
	ct_expect_cache_as_before(ct, before);
	/* Others write to it, so it would go on for ever. */
	KUNIT_EXPECT_EQ(test, f->nr_writes, 0);
}

static void dirty_pages_of_a_file_nobody_writes_are_flushed(struct kunit *test)
{
	struct ct_file *f;
	struct ct *ct = create_dirty(test, &f);

	put_write_access(f->inode);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_PAGE_DIRTY_OR_WRITEBACK);
	KUNIT_EXPECT_EQ(test, f->nr_writes, 5);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_EQ(test, get_write_access(f->inode), 0);
	ct_expect_content(ct, "512w");
}

static void pages_under_writeback_are_left_alone(struct kunit *test)
{
	struct ct_file *f;
	struct ct *ct = create_dirty(test, &f);
	struct folio *folio;
	int i;

	f->keep_writeback = true;
	filemap_fdatawrite(f->file->f_mapping);
	f->keep_writeback = false;
	KUNIT_EXPECT_EQ(test, f->nr_writes, 5);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_PAGE_DIRTY_OR_WRITEBACK);
	for (i = 10; i < 15; i++) {
		folio = xa_load(&f->file->f_mapping->i_pages, i);
		KUNIT_ASSERT_TRUE(test, folio_test_writeback(folio));
		folio_end_writeback(folio);
	}
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	ct_expect_content(ct, "512w");
}

/* Only the entry knows: it would be lost with it. */
static void a_dirty_entry_is_not_forgotten(struct kunit *test)
{
	struct ct_file *f;
	struct ct *ct = create_dirty(test, &f);
	struct folio *folio;

	KUNIT_ASSERT_EQ(test, filemap_write_and_wait(f->file->f_mapping), 0);
	ct_set_pte(ct, 12, pte_mkdirty(pte_mkwrite(ct_pte(ct, 12),
						   vma_lookup(ct->mm, ct->start))));
	folio = page_folio(ct_page(ct, 12));
	KUNIT_ASSERT_FALSE(test, folio_test_dirty(folio));
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_PAGE_DIRTY_OR_WRITEBACK);
	KUNIT_EXPECT_TRUE(test, folio_test_dirty(folio));
	ct_expect_madvise(ct, 0, 512, 0);
	ct_expect_content(ct, "512w");
}

/*
 * Settings, and userfaultfd
 */

static void set_shmem_enabled(const char *mode)
{
	const unsigned long flags = transparent_hugepage_flags;
	const unsigned long inherit = huge_anon_orders_inherit;

	if (!IS_ENABLED(CONFIG_SHMEM))
		return;
	/* It would start khugepaged. */
	transparent_hugepage_flags &= ~(BIT(TRANSPARENT_HUGEPAGE_FLAG) |
					BIT(TRANSPARENT_HUGEPAGE_REQ_MADV_FLAG));
	shmem_enabled_attr.store(NULL, &shmem_enabled_attr, mode, strlen(mode));
	transparent_hugepage_flags = flags;
	huge_anon_orders_inherit = inherit;
}

static void never(void *unused)
{
	set_shmem_enabled("never");
}

static void shmem_enabled_matters_only_if_denied(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);

	transparent_hugepage_flags &= ~BIT(TRANSPARENT_HUGEPAGE_FLAG);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, never, NULL), 0);
	set_shmem_enabled("deny");
	ct_expect_madvise(ct, 0, 512, -EINVAL);
	set_shmem_enabled("never");
	ct_expect_madvise(ct, 0, 512, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
}

/* As after live migration: page after page is resolved, then all at once. */
static void resolved_minor_faults_become_a_huge_page(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);

	ct_mmap(ct, 1024, 512, PROT_READ | PROT_WRITE, MAP_SHARED, ct->t->file[0], 0);
	ct_uffd_register(ct, 1024, 512, UFFDIO_REGISTER_MODE_MINOR);
	ct_uffd_continue(ct, 1024, 256);
	ct_uffd_continue(ct, 1024 + 256, 256);
	KUNIT_ASSERT_NOT_NULL(test, ct_page(ct, 1024 + 511));
	ct_check(ct);
	ct_expect_madvise(ct, 1024, 512, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 1024));
	ct_expect_huge_folio(ct, ct->t->file[0], 1);
	ct_read(ct, 1024, 512);
	ct_expect_content(ct, "512w");
}

static struct kunit_case file_cases[] = {
	KUNIT_CASE_PARAM(shmem_becomes_one_huge_page, successes_gen_params),
	KUNIT_CASE_PARAM(khugepaged_leaves_the_mapping_to_faults, successes_gen_params),
	KUNIT_CASE(collapsed_but_not_faulted_in_succeeds),
	KUNIT_CASE(mapped_anew_it_is_mapped_huge),
	KUNIT_CASE(fallocated_pages_are_zeroed),
	KUNIT_CASE_PARAM(khugepaged_keeps_the_limit, limits_gen_params),
	KUNIT_CASE_PARAM(a_process_is_not_limited, limits_gen_params),
	KUNIT_CASE(pages_of_larger_folios_count),
	KUNIT_CASE_PARAM(fails_without_a_trace, failures_gen_params),
	KUNIT_CASE(holes_that_do_not_fit_the_file_system_stay),
	KUNIT_CASE(holes_waited_for_late_stay),
	KUNIT_CASE(truncation_meanwhile_ends_it),
	KUNIT_CASE(a_hole_punched_meanwhile_is_empty),
	KUNIT_CASE(pages_swapped_out_meanwhile_are_read_in),
	KUNIT_CASE(swap_that_cannot_be_read_ends_it),
	KUNIT_CASE(collapsed_by_another_is_mapped),
	KUNIT_CASE(disabled_meanwhile_is_not_mapped),
	KUNIT_CASE(a_file_is_read_in),
	KUNIT_CASE(khugepaged_collapses_a_file),
	KUNIT_CASE(a_scan_gives_way),
	KUNIT_CASE(a_locked_page_of_a_file_ends_it),
	KUNIT_CASE(pages_reclaimed_are_read_again),
	KUNIT_CASE(a_file_that_cannot_be_read_stays),
	KUNIT_CASE(private_data_that_is_not_released_keeps_it),
	KUNIT_CASE(a_process_writes_dirty_pages_back),
	KUNIT_CASE(what_cannot_be_written_back_is_not_tried_again),
	KUNIT_CASE(khugepaged_leaves_dirty_pages_alone),
	KUNIT_CASE(dirty_pages_of_a_file_nobody_writes_are_flushed),
	KUNIT_CASE(pages_under_writeback_are_left_alone),
	KUNIT_CASE(a_dirty_entry_is_not_forgotten),
	KUNIT_CASE(shmem_enabled_matters_only_if_denied),
	KUNIT_CASE(resolved_minor_faults_become_a_huge_page),
	{}
};

static struct kunit_suite collapse_file_suite = {
	.name = "collapse_file",
	.suite_init = ct_suite_init,
	.suite_exit = ct_suite_exit,
	.test_cases = file_cases,
};

kunit_test_suite(collapse_file_suite);
