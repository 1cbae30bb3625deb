// SPDX-License-Identifier: GPL-2.0-only
/*
 * The collapse of the page cache, of shmem and of a regular file, and of the
 * page tables that map it.
 */
#include <linux/backing-dev.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/khugepaged.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/swap.h>
#include <linux/userfaultfd_k.h>

#include "collapse.h"

/*
 * The page cache
 */

static struct address_space *mapping_of(struct file *file)
{
	return file->f_mapping;
}

/* One character for each of 32 parts: what is at its start. */
static const char *cache_picture(struct file *file, char *picture)
{
	struct xarray *xa = &mapping_of(file)->i_pages;
	int i;

	for (i = 0; i < 32; i++) {
		void *entry = xa_load(xa, i * 16);

		if (!entry)
			picture[i] = '.';
		else if (xa_is_value(entry))
			picture[i] = 's';
		else if (xa_is_internal(entry))
			picture[i] = '!';
		else
			picture[i] = '0' + folio_order((struct folio *)entry);
	}
	picture[i] = 0;
	return picture;
}

#define expect_cache(ct, file, expected) do {				\
	char __picture[33];						\
									\
	KUNIT_EXPECT_STREQ((ct)->test, cache_picture(file, __picture), expected); \
} while (0)

#define HUGE	"99999999999999999999999999999999"

/* What there is of a file's first huge range, to be compared after failure. */
struct cache {
	struct file *file;
	struct {
		void *entry;
		int refs;		/* Without those of page tables. */
		unsigned long flags;
	} slot[512];
	unsigned long nrpages;
	blkcnt_t blocks;
	long stat[6];
};

static const enum node_stat_item stats[] = {
	NR_FILE_PAGES, NR_SHMEM, NR_SHMEM_THPS, NR_FILE_THPS,
	NR_ISOLATED_FILE, NR_ISOLATED_ANON,
};

#define FLAGS	(BIT(PG_dirty) | BIT(PG_uptodate) | BIT(PG_lru) |	\
		 BIT(PG_swapbacked) | BIT(PG_locked))

static struct cache *look_at_cache(struct ct *ct, struct file *file)
{
	struct cache *c = kunit_kzalloc(ct->test, sizeof(*c), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(ct->test, c);
	lru_add_drain_all();
	c->file = file;
	c->nrpages = mapping_of(file)->nrpages;
	c->blocks = file_inode(file)->i_blocks;
	for (i = 0; i < ARRAY_SIZE(stats); i++)
		c->stat[i] = ct_node_stat(stats[i]);
	for (i = 0; i < 512; i++) {
		struct folio *folio = xa_load(&mapping_of(file)->i_pages, i);

		c->slot[i].entry = folio;
		if (!folio || xa_is_value(folio) || xa_is_internal(folio))
			continue;
		c->slot[i].refs = folio_ref_count(folio) - folio_mapcount(folio);
		c->slot[i].flags = folio->flags.f & FLAGS;
	}
	return c;
}

/*
 * Dirty entries make the page dirty when they are unmapped, so that may have
 * changed, in one direction.
 */
static void expect_cache_as_before(struct ct *ct, struct cache *before)
{
	struct cache *now = look_at_cache(ct, before->file);
	int i;

	for (i = 0; i < 512; i++) {
		if (now->slot[i].entry != before->slot[i].entry ||
		    now->slot[i].refs != before->slot[i].refs ||
		    (now->slot[i].flags & ~BIT(PG_dirty)) !=
		    (before->slot[i].flags & ~BIT(PG_dirty)) ||
		    (before->slot[i].flags & ~now->slot[i].flags)) {
			KUNIT_FAIL(ct->test, "page %d of the file: entry %px, %d references, flags %lx; before %px, %d, %lx",
				   i, now->slot[i].entry, now->slot[i].refs,
				   now->slot[i].flags, before->slot[i].entry,
				   before->slot[i].refs, before->slot[i].flags);
			break;
		}
	}
	for (i = 0; i < ARRAY_SIZE(stats); i++)
		if (now->stat[i] != before->stat[i])
			KUNIT_FAIL(ct->test, "%s is %ld, before %ld",
				   node_stat_name(stats[i]), now->stat[i],
				   before->stat[i]);
	KUNIT_EXPECT_EQ(ct->test, now->nrpages, before->nrpages);
	KUNIT_EXPECT_EQ(ct->test, now->blocks, before->blocks);
}

/* The folio at the start, whole, and referred to by nobody else. */
static void expect_huge_folio(struct ct *ct, struct file *file, int maps)
{
	struct kunit *test = ct->test;
	struct xarray *xa = &mapping_of(file)->i_pages;
	struct folio *folio = xa_load(xa, 0);

	lru_add_drain_all();
	expect_cache(ct, file, HUGE);
	if (!folio || xa_is_value(folio) || folio_order(folio) != HPAGE_PMD_ORDER)
		return;
	KUNIT_EXPECT_EQ(test, xa_get_order(xa, 0), (int)HPAGE_PMD_ORDER);
	KUNIT_EXPECT_PTR_EQ(test, folio->mapping, mapping_of(file));
	KUNIT_EXPECT_EQ(test, folio->index, 0UL);
	KUNIT_EXPECT_EQ(test, folio_mapcount(folio), maps);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), (int)CT_PAGES + maps);
	KUNIT_EXPECT_TRUE(test, folio_test_uptodate(folio));
	KUNIT_EXPECT_TRUE(test, folio_test_lru(folio));
	KUNIT_EXPECT_FALSE(test, folio_test_locked(folio));
	KUNIT_EXPECT_EQ(test, folio_test_swapbacked(folio), shmem_file(file));
	/* Nothing else has what shmem holds: clean it would be thrown away. */
	if (shmem_file(file))
		KUNIT_EXPECT_TRUE(test, folio_test_dirty(folio));
	if (!mem_cgroup_disabled())
		KUNIT_EXPECT_TRUE(test, folio_memcg_charged(folio));
	KUNIT_EXPECT_EQ(test, mapping_of(file)->nrpages, (unsigned long)CT_PAGES);
	if (shmem_file(file))
		KUNIT_EXPECT_EQ(test, (long)file_inode(file)->i_blocks,
				(long)CT_PAGES * (long)PAGE_SIZE / 512);
}

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

static struct ct *create_shmem(struct kunit *test, const char *pattern,
			       unsigned long flags)
{
	struct ct *ct = strchr(pattern, 's') ? ct_create_with_swap(test) :
					       ct_create(test);

	ct_map_file(ct, ct_shmem(ct), flags);
	ct_fill(ct, pattern);
	return ct;
}

static void shmem_becomes_one_huge_page(struct kunit *test)
{
	const struct success *c = test->param_value;
	struct file_stats stats;
	struct ct *ct;

	if (c->swap)
		tmm_swapon(test);	/* The area has a page of its own. */
	stats = file_stats();
	ct = create_shmem(test, c->pattern, MAP_SHARED);
	ct_expect_madvise(ct, 0, 512, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	expect_huge_folio(ct, ct->t->file[0], 1);
	expect_stats(test, stats, true);
	ct_expect_content(ct, c->pattern);
}

/* It leaves the mapping to the next fault, MADV_COLLAPSE does not. */
static void khugepaged_leaves_the_mapping_to_faults(struct kunit *test)
{
	const struct success *c = test->param_value;
	struct ct *ct = create_shmem(test, c->pattern, MAP_SHARED);
	const unsigned long before = ct_get(ct, "pages_collapsed");

	ct_set(ct, "max_ptes_swap", 511);
	if (!strcmp(c->pattern, "512s"))
		kunit_skip(test, "more than khugepaged may swap in");
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	expect_huge_folio(ct, ct->t->file[0], 0);
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 0)));
	KUNIT_EXPECT_EQ(test, ct_get(ct, "pages_collapsed"), before + 1);
	ct_expect_content(ct, c->pattern);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_check(ct);
}

static void collapsed_but_not_faulted_in_succeeds(struct kunit *test)
{
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);

	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_ASSERT_TRUE(test, pmd_none(ct_pmd(ct, 0)));
	ct_expect_madvise(ct, 0, 512, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	expect_huge_folio(ct, ct->t->file[0], 1);
	ct->alloc.nr = 0;
	ct_expect_madvise(ct, 0, 512, 0);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 0);
}

/* No fault has made a page table yet: not even for the levels above. */
static void mapped_anew_it_is_mapped_huge(struct kunit *test)
{
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);

	ct_expect_madvise(ct, 0, 512, 0);
	KUNIT_ASSERT_EQ(test, vm_munmap(ct->start, HPAGE_PMD_SIZE), 0);
	ct_map_file(ct, ct->t->file[0], MAP_SHARED);
	ct_expect_madvise(ct, 0, 512, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	expect_huge_folio(ct, ct->t->file[0], 1);
}

static void fallocated_pages_are_zeroed(struct kunit *test)
{
	struct ct *ct = create_shmem(test, "256w", MAP_SHARED);

	KUNIT_ASSERT_EQ(test, vfs_fallocate(ct->t->file[0], 0, 256 * PAGE_SIZE,
					    256 * PAGE_SIZE), 0);
	ct_expect_madvise(ct, 0, 512, 0);
	expect_huge_folio(ct, ct->t->file[0], 1);
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
	struct ct *ct = create_shmem(test, c->pattern, MAP_SHARED);
	struct cache *before = look_at_cache(ct, ct->t->file[0]);

	ct_set(ct, c->setting, c->value);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, c->khugepaged);
	if (c->khugepaged == SCAN_SUCCEED)
		expect_huge_folio(ct, ct->t->file[0], 0);
	else
		expect_cache_as_before(ct, before);
	ct_expect_content(ct, c->pattern);
}

static void a_process_is_not_limited(struct kunit *test)
{
	const struct limit *c = test->param_value;
	struct ct *ct = create_shmem(test, c->pattern, MAP_SHARED);

	ct_set(ct, c->setting, c->value);
	ct_expect_madvise(ct, 0, 512, 0);
	expect_huge_folio(ct, ct->t->file[0], 1);
	ct_expect_content(ct, c->pattern);
}

/* Put a folio of 2^order pages into the page cache. */
static void add_folio(struct ct *ct, struct file *file, pgoff_t index,
		      unsigned int order)
{
	struct folio *folio;

	folio = __filemap_get_folio(mapping_of(file), index,
				    FGP_LOCK | FGP_CREAT | fgf_set_order(PAGE_SIZE << order),
				    mapping_gfp_mask(mapping_of(file)));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(ct->test, folio);
	KUNIT_ASSERT_EQ(ct->test, folio_order(folio), order);
	mapping_of(file)->a_ops->read_folio(file, folio);
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
	expect_huge_folio(ct, f->file, 0);
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
	return xa_load(&mapping_of(ct->t->file[0])->i_pages, THE_PAGE);
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
	struct ct *ct = create_shmem(test, c->pattern, MAP_SHARED);
	struct cache *before = look_at_cache(ct, ct->t->file[0]);
	enum scan_result result;

	c->prepare(ct);
	result = ct_collapse(ct, 0, CT_PROCESS);
	c->undo(ct);
	KUNIT_EXPECT_STREQ(test, ct_result_name(result), ct_result_name(c->result));
	ct_check(ct);
	expect_cache_as_before(ct, before);
	if (ct->alloc.folio)
		KUNIT_EXPECT_EQ_MSG(test, folio_ref_count(ct->alloc.folio), 0,
				    "the new folio is not freed");
	ct->poison = -1;
	ct->alloc.min_fail_order = 0;
	ct->alloc.charge_err = 0;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	expect_huge_folio(ct, ct->t->file[0], 1);
	ct_expect_content(ct, c->pattern);
}

/* It sees no page that was missing: those that come late are told of all. */
static void register_late(struct ct *ct, struct page *page)
{
	wait_for_missing(ct);
}

static void holes_waited_for_late_stay(struct kunit *test)
{
	struct ct *ct = create_shmem(test, "500w 12.", MAP_SHARED);
	struct cache *before = look_at_cache(ct, ct->t->file[0]);

	ct_uffd_open(ct);
	ct->on_copy = register_late;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_EXCEED_NONE_PTE);
	expect_cache_as_before(ct, before);
}

static void truncate_all(struct ct *ct)
{
	shmem_truncate_range(file_inode(ct->t->file[0]), 0, -1);
}

static void truncation_meanwhile_ends_it(struct kunit *test)
{
	struct ct *ct = create_shmem(test, "500w 12.", MAP_SHARED);

	ct->on_alloc = truncate_all;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_TRUNCATED);
	expect_cache(ct, ct->t->file[0], "................................");
	KUNIT_EXPECT_EQ(test, mapping_of(ct->t->file[0])->nrpages, 0UL);
	KUNIT_EXPECT_EQ(test, (long)file_inode(ct->t->file[0])->i_blocks, 0L);
}

static void punch_hole(struct ct *ct)
{
	shmem_truncate_range(file_inode(ct->t->file[0]), 100 * PAGE_SIZE,
			     200 * PAGE_SIZE - 1);
}

static void a_hole_punched_meanwhile_is_empty(struct kunit *test)
{
	struct ct *ct = create_shmem(test, "500w 12.", MAP_SHARED);

	ct->on_alloc = punch_hole;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	expect_huge_folio(ct, ct->t->file[0], 1);
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
	expect_huge_folio(ct, ct->t->file[0], 1);
	ct_expect_content(ct, "512w");
}

static void swap_that_cannot_be_read_ends_it(struct kunit *test)
{
	struct ct *ct = create_shmem(test, "500w 12s", MAP_SHARED);

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
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);

	ct->on_alloc = collapse_in_between;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_SUCCEED);
	expect_huge_folio(ct, ct->t->file[0], 1);
}

static void disable_for_process(struct ct *ct, struct page *page)
{
	mm_flags_set(MMF_DISABLE_THP_COMPLETELY, ct->mm);
}

static void disabled_meanwhile_is_not_mapped(struct kunit *test)
{
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);

	ct->on_copy = disable_for_process;
	ct_expect_result(ct, 0, CT_PROCESS, SCAN_ANY_PROCESS);
	mm_flags_clear(MMF_DISABLE_THP_COMPLETELY, ct->mm);
	KUNIT_EXPECT_FALSE(test, ct_is_huge(ct, 0));
	expect_huge_folio(ct, ct->t->file[0], 0);
}

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
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);

	map_again(ct, 1024, MAP_SHARED);
	map_again(ct, 2048, MAP_PRIVATE);
	ct_notify(ct);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 0)));
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 1024)));
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 2048)));
	KUNIT_EXPECT_EQ(test, ct->nr_events, ct->nr_ends);
	KUNIT_EXPECT_GE(test, ct->nr_events, 3);
	expect_huge_folio(ct, ct->t->file[0], 0);
}

/* Their page table holds what is nowhere else. */
static void page_table_with_private_copies_stays(struct kunit *test)
{
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);
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
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);

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
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);

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
	struct ct *ct = create_shmem(test, "512z", MAP_SHARED);

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
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);

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
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);

	ct_fork(ct);
	ct_read(ct, 0, 512);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_SUCCEED);
	expect_huge_folio(ct, ct->t->file[0], 0);
	ct_expect_content(ct, "512w");
}

/*
 * A huge page in the page cache, mapped by PTEs
 */

/* Mapping 1024 of a file that is one huge page, mapped page by page. */
static struct ct *create_pte_mapped(struct kunit *test, unsigned long flags)
{
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);
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
	expect_huge_folio(ct, ct->t->file[0], 2);
	KUNIT_EXPECT_EQ(test, ct->nr_events, 1);
	KUNIT_EXPECT_EQ(test, ct->nr_ends, 1);
	KUNIT_EXPECT_EQ(test, ct->event[0].start, ct_addr(ct, 1024));
	KUNIT_EXPECT_EQ(test, ct->event[0].end, ct_addr(ct, 1536));
	KUNIT_EXPECT_TRUE(test, ct->event[0].pmd_was_table);
}

static void khugepaged_removes_the_ptes(struct kunit *test)
{
	struct ct *ct = create_pte_mapped(test, MAP_SHARED);

	ct_expect_result(ct, 1024, CT_KHUGEPAGED, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, pmd_none(ct_pmd(ct, 1024)));
	expect_huge_folio(ct, ct->t->file[0], 1);
}

/* mfill_atomic_pte() may add entries that no page lock holds up. */
static void a_private_mapping_with_a_userfaultfd_becomes_a_pmd(struct kunit *test)
{
	struct ct *ct = create_pte_mapped(test, MAP_PRIVATE);

	ct_uffd_register(ct, 1024, 512, UFFDIO_REGISTER_MODE_MISSING);
	ct_expect_result(ct, 1024, CT_PROCESS, SCAN_SUCCEED);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 1024));
	expect_huge_folio(ct, ct->t->file[0], 2);
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

/* The locks that are held here are those of a fault. */
static void copy_late(struct ct *ct)
{
	struct vm_area_struct *vma = vma_lookup(ct->mm, ct_addr(ct, 1024));

	handle_mm_fault(vma, ct_addr(ct, 1024 + 300), FAULT_FLAG_WRITE, NULL);
	ct->result = PageAnon(ct_page(ct, 1024 + 300));
}

/* By then 300 entries are gone already, and their pages have to know. */
static void a_private_copy_made_meanwhile_stays(struct kunit *test)
{
	struct ct *ct = create_pte_mapped(test, MAP_PRIVATE);
	enum scan_result result;

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
	ct_expect_content(ct, "512w");
}

/* uprobes ask for it without knowing what is there. */
static void asked_for_anything_it_changes_only_what_it_should(struct kunit *test)
{
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);
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
	expect_huge_folio(ct, f->file, 1);
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
	expect_huge_folio(ct, f->file, 0);
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
	struct cache *before;

	ct_mmap(ct, 0, 512, PROT_READ, MAP_PRIVATE, f->file, 0);
	ct_read(ct, 0, 512);
	before = look_at_cache(ct, f->file);
	f->keep_private = true;
	ct_expect_madvise(ct, 0, 512, -EAGAIN);
	expect_cache_as_before(ct, before);
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
	expect_huge_folio(ct, f->file, 1);
	ct_expect_content(ct, "512w");
}

static void khugepaged_leaves_dirty_pages_alone(struct kunit *test)
{
	struct ct_file *f;
	struct ct *ct = create_dirty(test, &f);
	struct cache *before = look_at_cache(ct, f->file);

	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_PAGE_DIRTY_OR_WRITEBACK);
	expect_cache_as_before(ct, before);
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
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);

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
	struct ct *ct = create_shmem(test, "512w", MAP_SHARED);

	ct_mmap(ct, 1024, 512, PROT_READ | PROT_WRITE, MAP_SHARED, ct->t->file[0], 0);
	ct_uffd_register(ct, 1024, 512, UFFDIO_REGISTER_MODE_MINOR);
	ct_uffd_continue(ct, 1024, 256);
	ct_uffd_continue(ct, 1024 + 256, 256);
	KUNIT_ASSERT_NOT_NULL(test, ct_page(ct, 1024 + 511));
	ct_check(ct);
	ct_expect_madvise(ct, 1024, 512, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 1024));
	expect_huge_folio(ct, ct->t->file[0], 1);
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
	KUNIT_CASE(holes_waited_for_late_stay),
	KUNIT_CASE(truncation_meanwhile_ends_it),
	KUNIT_CASE(a_hole_punched_meanwhile_is_empty),
	KUNIT_CASE(pages_swapped_out_meanwhile_are_read_in),
	KUNIT_CASE(swap_that_cannot_be_read_ends_it),
	KUNIT_CASE(collapsed_by_another_is_mapped),
	KUNIT_CASE(disabled_meanwhile_is_not_mapped),
	KUNIT_CASE(all_page_tables_are_removed),
	KUNIT_CASE(page_table_with_private_copies_stays),
	KUNIT_CASE(page_table_with_protection_stays),
	KUNIT_CASE(page_table_with_guards_stays),
	KUNIT_CASE(a_guard_installed_meanwhile_keeps_the_page_table),
	KUNIT_CASE(page_table_that_is_not_aligned_stays),
	KUNIT_CASE(mappings_of_a_child_are_removed),
	KUNIT_CASE(ptes_of_a_private_mapping_become_a_pmd),
	KUNIT_CASE(khugepaged_removes_the_ptes),
	KUNIT_CASE(a_private_mapping_with_a_userfaultfd_becomes_a_pmd),
	KUNIT_CASE(a_private_copy_stays),
	KUNIT_CASE(a_private_copy_in_swap_stays),
	KUNIT_CASE(a_private_copy_made_meanwhile_stays),
	KUNIT_CASE(asked_for_anything_it_changes_only_what_it_should),
	KUNIT_CASE(nohugepage_is_not_mapped_huge),
	KUNIT_CASE(a_file_is_read_in),
	KUNIT_CASE(khugepaged_collapses_a_file),
	KUNIT_CASE(a_file_that_cannot_be_read_stays),
	KUNIT_CASE(private_data_that_is_not_released_keeps_it),
	KUNIT_CASE(a_process_writes_dirty_pages_back),
	KUNIT_CASE(khugepaged_leaves_dirty_pages_alone),
	KUNIT_CASE(dirty_pages_of_a_file_nobody_writes_are_flushed),
	KUNIT_CASE(pages_under_writeback_are_left_alone),
	KUNIT_CASE(a_dirty_entry_is_not_forgotten),
	KUNIT_CASE(shmem_enabled_matters_only_if_denied),
	KUNIT_CASE(resolved_minor_faults_become_a_huge_page),
	{}
};

CT_SUITE(collapse_file, file_cases);
