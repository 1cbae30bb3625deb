// SPDX-License-Identifier: GPL-2.0-only
/*
 * The collapse that does not wait for memory: with which flags it allocates
 * what, what it does not wait for, how it fails, and who may ask for it.
 *
 * checkpatch: MACRO_ARG_REUSE: statements that report the line of the caller
 */
#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <linux/cred.h>
#include <linux/fault-inject.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/syscalls.h>
#include <linux/uio.h>
#include <uapi/linux/pidfd.h>

#include "collapse.h"
#include "page_alloc.h"
#include "swap.h"

#ifdef MADV_F_COLLAPSE_LIGHT

static int advise_light(struct ct *ct, long page, long nr)
{
	return madvise_mm(ct->t->mm, ct_addr(ct, page), nr * PAGE_SIZE,
			  MADV_F_COLLAPSE_LIGHT);
}

#define expect_light(ct, page, nr, expected) do {			\
	int __err = advise_light(ct, page, nr);				\
									\
	if (__err != (expected))					\
		KUNIT_FAIL((ct)->test,					\
			   "light collapse of pages %ld to %ld: %d, expected %d", \
			   (long)(page), (long)(page) + (nr) - 1, __err, \
			   expected);					\
	ct_check(ct);							\
} while (0)

/*
 * GFP flags
 */

struct mask {
	const char *name;
	bool khugepaged, light, defrag;
	bool may_stall;
};

static const struct mask masks[] = {
	{ "khugepaged", true, false, false, false },
	{ "khugepaged_defrag", true, false, true, true },
	{ "process", false, false, false, true },
	{ "process_defrag", false, false, true, true },
	{ "light", false, true, false, false },
	{ "light_defrag", false, true, true, false },
	/* Does not exist; would be light. */
	{ "light_khugepaged", true, true, false, false },
	{ "light_khugepaged_defrag", true, true, true, false },
};

KUNIT_ARRAY_PARAM_DESC(masks, masks, name);

/* Bit by bit: what differs is direct reclaim, and with it compaction. */
static void mask_is_a_function_of_who_and_defrag(struct kunit *test)
{
	const struct mask *m = test->param_value;
	const gfp_t base = __GFP_HIGHMEM | __GFP_MOVABLE | __GFP_HARDWALL |
			   __GFP_IO | __GFP_FS | __GFP_COMP | __GFP_NOMEMALLOC |
			   __GFP_NOWARN | __GFP_SKIP_KASAN;
	struct collapse_control *cc = kunit_kzalloc(test, sizeof(*cc), GFP_KERNEL);
	gfp_t gfp;

	KUNIT_ASSERT_NOT_NULL(test, cc);
	cc->is_khugepaged = m->khugepaged;
	cc->light = m->light;
	gfp = collapse_gfp_mask(cc, m->defrag);
	KUNIT_EXPECT_EQ(test, (__force u32)gfp,
			(__force u32)(m->may_stall ? base | __GFP_DIRECT_RECLAIM : base));
}

/* All folios that are allocated, by size. Tests run one at a time. */
static struct {
	gfp_t large, small;
	int nr_large, nr_small;
	bool refuse_small;
} seen;

static struct folio *see_alloc(gfp_t gfp, unsigned int order, int node,
			       nodemask_t *nodes)
{
	if (order) {
		seen.large |= gfp;
		seen.nr_large++;
	} else {
		seen.small |= gfp;
		seen.nr_small++;
		if (seen.refuse_small)
			return NULL;
	}
	return page_rmappable_folio(__alloc_pages(gfp | __GFP_COMP, order, node,
						  nodes, ALLOC_DEFAULT));
}

static void see_allocations(struct ct *ct, bool refuse_small)
{
	if (IS_ENABLED(CONFIG_NUMA))
		kunit_skip(ct->test, "memory policies allocate elsewhere (CONFIG_NUMA)");
	memset(&seen, 0, sizeof(seen));
	seen.refuse_small = refuse_small;
	kunit_activate_static_stub(ct->test, __folio_alloc_noprof, see_alloc);
}

static void see_no_more(struct ct *ct)
{
	kunit_deactivate_static_stub(ct->test, __folio_alloc_noprof);
}

enum backing { ANON, SWAP, SHMEM, SWAPPED_SHMEM, PAGE_CACHE, DISK };

static const char * const backing_names[] = {
	"anon", "swap", "shmem", "swapped_shmem", "page_cache", "disk",
};

static const void *backing_gen_params(struct kunit *test, const void *prev,
				      char *desc)
{
	const char * const *next = prev ? (const char * const *)prev + 1 :
					  backing_names;

	if (next == backing_names + ARRAY_SIZE(backing_names))
		return NULL;
	strscpy(desc, *next, KUNIT_PARAM_DESC_SIZE);
	return next;
}

static enum backing backing(struct kunit *test)
{
	return (const char * const *)test->param_value - backing_names;
}

static bool is_swapped(enum backing b)
{
	return b == SWAP || b == SWAPPED_SHMEM;
}

static bool __maybe_unused is_file(enum backing b)
{
	return b == PAGE_CACHE || b == DISK;
}

/* What is in the page cache when the rest has to be read. */
#define RESIDENT	500

static struct ct_file *map_file(struct ct *ct, int flags)
{
	const bool written = (flags & O_ACCMODE) != O_RDONLY;
	struct ct_file *f = ct_regular_file(ct, flags);

	ct_mmap(ct, 0, 512, written ? PROT_READ | PROT_WRITE : PROT_READ,
		MAP_SHARED, f->file, 0);
	return f;
}

#ifdef CONFIG_SWAP
/* Out of the swap cache as well. */
static void swap_out_shmem(struct ct *ct, struct file *file)
{
	unsigned long i;

	KUNIT_ASSERT_EQ(ct->test, ct_madvise(ct, RESIDENT, 512 - RESIDENT,
					     MADV_PAGEOUT), 0);
	lru_add_drain_all();
	for (i = RESIDENT; i < 512; i++) {
		void *value = xa_load(&file->f_mapping->i_pages, i);
		struct folio *folio;

		KUNIT_ASSERT_TRUE(ct->test, xa_is_value(value));
		folio = swap_cache_get_folio(radix_to_swp_entry(value));
		if (!folio)
			continue;
		folio_lock(folio);
		remove_mapping(folio_mapping(folio), folio);
		folio_unlock(folio);
		folio_put(folio);
	}
}
#else
static void swap_out_shmem(struct ct *ct, struct file *file)
{
}
#endif

/* A huge range of small pages. */
static struct ct *create(struct kunit *test, enum backing b)
{
	struct ct *ct = is_swapped(b) ? ct_create_with_swap(test) : ct_create(test);

	switch (b) {
	case ANON:
	case SWAP:
		ct_map_anon(ct, 512);
		ct_fill(ct, b == SWAP ? "500w 12s" : "512w");
		break;
	case SHMEM:
	case SWAPPED_SHMEM:
		ct_map_file(ct, ct_shmem(ct), MAP_SHARED);
		ct_fill(ct, "512w");
		if (b == SWAPPED_SHMEM)
			swap_out_shmem(ct, ct_shmem(ct));
		break;
	case PAGE_CACHE:
	case DISK:
		map_file(ct, O_RDONLY);
		ct_read(ct, 0, b == DISK ? RESIDENT : 512);
		break;
	}
	lru_add_drain_all();
	return ct;
}

static void folio_and_charge_do_not_stall(struct kunit *test)
{
	struct ct *ct = create(test, backing(test));

	expect_light(ct, 0, 512, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 1);
	KUNIT_EXPECT_EQ(test, (__force u32)ct->alloc.gfp,
			(__force u32)GFP_TRANSHUGE_LIGHT);
	if (IS_ENABLED(CONFIG_MEMCG)) {
		KUNIT_EXPECT_EQ(test, ct->alloc.nr_charges, 1);
		KUNIT_EXPECT_EQ(test, (__force u32)ct->alloc.charge_gfp,
				(__force u32)GFP_TRANSHUGE_LIGHT);
	}
	ct_expect_content(ct, "512w");
}

static bool must_read(enum backing b)
{
	return is_swapped(b) || b == DISK;
}

static void pages_are_read_without_reclaim(struct kunit *test)
{
	struct ct *ct = create(test, backing(test));

	if (!must_read(backing(test)))
		kunit_skip(test, "nothing is to be read");
	see_allocations(ct, false);
	KUNIT_EXPECT_EQ(test, advise_light(ct, 0, 512), 0);
	see_no_more(ct);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	KUNIT_EXPECT_EQ(test, seen.nr_large, 1);
	KUNIT_EXPECT_EQ(test, seen.nr_small, 12);
	KUNIT_EXPECT_FALSE(test, seen.small & __GFP_DIRECT_RECLAIM);
	ct_expect_content(ct, "512w");
}

/* The stub sees what it is meant to see. */
static void pages_are_read_with_reclaim_by_madv_collapse(struct kunit *test)
{
	struct ct *ct = create(test, backing(test));

	if (!must_read(backing(test)))
		kunit_skip(test, "nothing is to be read");
	see_allocations(ct, false);
	KUNIT_EXPECT_EQ(test, ct_madvise(ct, 0, 512, MADV_COLLAPSE), 0);
	see_no_more(ct);
	KUNIT_EXPECT_EQ(test, (__force u32)seen.large, (__force u32)GFP_TRANSHUGE);
	KUNIT_EXPECT_TRUE(test, seen.small & __GFP_DIRECT_RECLAIM);
}

/* ENOMEM for a light collapse alone: MADV_COLLAPSE has always said EINVAL. */
static void no_memory_to_read_is_enomem(struct kunit *test)
{
	struct ct *ct = create(test, backing(test));
	int plain, light;

	if (!must_read(backing(test)))
		kunit_skip(test, "nothing is to be read");
	see_allocations(ct, true);
	light = advise_light(ct, 0, 512);
	plain = ct_madvise(ct, 0, 512, MADV_COLLAPSE);
	see_no_more(ct);
	KUNIT_EXPECT_EQ(test, light, -ENOMEM);
	KUNIT_EXPECT_EQ(test, plain, -EINVAL);
	ct_check(ct);
	ct_expect_small(ct, 0);
	ct_expect_content(ct, "512w");
	expect_light(ct, 0, 512, 0);
}

#ifdef CONFIG_SWAP
/* A device that is read at once tries large folios, but not for this. */
static void one_page_at_a_time_from_a_synchronous_device(struct kunit *test)
{
	struct ct *ct = create(test, SWAP);
	struct swap_info_struct *si;

	si = __swap_entry_to_info(softleaf_from_pte(ct_pte(ct, RESIDENT)));
	si->flags |= SWP_SYNCHRONOUS_IO;
	huge_anon_orders_always = BIT(2);
	see_allocations(ct, false);
	KUNIT_EXPECT_EQ(test, advise_light(ct, 0, 512), 0);
	see_no_more(ct);
	KUNIT_EXPECT_EQ(test, seen.nr_large, 1);
	KUNIT_EXPECT_EQ(test, seen.nr_small, 12);

	/* A fault does, or would. */
	ct_map_anon(ct, 512);
	ct_fill(ct, "1s");
	ct_read(ct, 0, 1);
	si->flags &= ~SWP_SYNCHRONOUS_IO;
	KUNIT_EXPECT_FALSE(test, seen.small & __GFP_DIRECT_RECLAIM);
	ct_check(ct);
	ct_expect_content(ct, "1w");
}
#else
static void one_page_at_a_time_from_a_synchronous_device(struct kunit *test)
{
	kunit_skip(test, "no swap (CONFIG_SWAP)");
}
#endif

/* Not for lack of memory: as for MADV_COLLAPSE. */
static void what_cannot_be_read_is_einval(struct kunit *test)
{
	struct ct *ct = create(test, SWAP);

	tmm_break_swap(true);
	KUNIT_EXPECT_EQ(test, advise_light(ct, 0, 512), -EINVAL);
	tmm_break_swap(false);
	ct_check(ct);
	ct_expect_small(ct, 0);
}

static void behind_the_end_of_the_file_is_einval(struct kunit *test)
{
	struct ct *ct = create(test, DISK);

	i_size_write(file_inode(ct->t->file[1]), RESIDENT * PAGE_SIZE);
	expect_light(ct, 0, 512, -EINVAL);
	expect_light(ct, 0, 512, -EINVAL);
	ct_expect_small(ct, 0);
}

static void shmem_behind_the_end_is_einval(struct kunit *test)
{
	struct ct *ct = create(test, SWAPPED_SHMEM);
	struct inode *inode = file_inode(ct_shmem(ct));
	const loff_t size = i_size_read(inode);

	/* SGP_NOALLOC looks at the size first. */
	i_size_write(inode, RESIDENT * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, advise_light(ct, 0, 512), -EINVAL);
	i_size_write(inode, size);
	ct_check(ct);
	ct_expect_small(ct, 0);
}

/* Large readahead, and a file system that asks for more. */
static void readahead_of_any_kind_does_not_reclaim(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_file *f = map_file(ct, O_RDONLY);
	struct address_space *mapping = f->file->f_mapping;
	struct folio *folio;
	DEFINE_READAHEAD(ractl, f->file, &f->file->f_ra, mapping, 8);

	f->file->f_ra.ra_pages = 32;
	ractl.noreclaim = true;
	see_allocations(ct, false);
	ct_read(ct, 0, 1);
	memset(&seen, 0, sizeof(seen));
	KUNIT_EXPECT_EQ(test, advise_light(ct, 0, 512), 0);
	see_no_more(ct);
	KUNIT_EXPECT_GT(test, seen.nr_large + seen.nr_small, 1);
	KUNIT_EXPECT_FALSE(test, (seen.large | seen.small) & __GFP_DIRECT_RECLAIM);
	ct_expect_content(ct, "512w");

	truncate_inode_pages(mapping, 0);
	see_allocations(ct, false);
	filemap_invalidate_lock_shared(mapping);
	readahead_expand(&ractl, 8 * PAGE_SIZE, PAGE_SIZE);
	filemap_invalidate_unlock_shared(mapping);
	see_no_more(ct);
	KUNIT_EXPECT_EQ(test, seen.nr_small, 1);
	KUNIT_EXPECT_FALSE(test, seen.small & __GFP_DIRECT_RECLAIM);
	folio = readahead_folio(&ractl);
	KUNIT_ASSERT_NOT_NULL(test, folio);
	folio_unlock(folio);
}

/*
 * Everything else that is allocated
 */

#if defined(CONFIG_FAILSLAB) && defined(CONFIG_FAIL_PAGE_ALLOC)

#define MANY	100000

static void set_injection(bool every, int nth)
{
	failslab.ignore_gfp_reclaim = !every;
	failslab.attr.verbose = every ? 0 : 2;
	fail_page_alloc.ignore_gfp_reclaim = !every;
	fail_page_alloc.ignore_gfp_highmem = !every;
	fail_page_alloc.min_order = !every;
	fail_page_alloc.attr.verbose = every ? 0 : 2;
	current->fail_nth = nth;
}

/*
 * How many allocations a collapse makes, with direct reclaim as well or only
 * those without it. KASAN makes some of its own, now and then.
 */
static int count_allocations(struct ct *ct, int advice, bool all)
{
	int left, err;

	if (IS_ENABLED(CONFIG_KASAN))
		kunit_skip(ct->test, "KASAN allocates, too (CONFIG_KASAN)");
	set_injection(true, MANY);
	failslab.ignore_gfp_reclaim = !all;
	fail_page_alloc.ignore_gfp_reclaim = !all;
	err = madvise_mm(ct->t->mm, ct->start, HPAGE_PMD_SIZE, advice);
	left = current->fail_nth;
	set_injection(false, 0);
	KUNIT_ASSERT_EQ(ct->test, err, 0);
	return MANY - left;
}

/* A second, equal, huge range takes the first one's place. */
static void unmap_and_fill_again(struct ct *ct, enum backing b)
{
	if (b == SHMEM || is_file(b))
		truncate_inode_pages(ct->t->file[b == SHMEM ? 0 : 1]->f_mapping, 0);
	else
		KUNIT_ASSERT_EQ(ct->test, ct_madvise(ct, 0, 512, MADV_DONTNEED), 0);
	if (is_file(b))
		ct_read(ct, 0, 512);
	else
		ct_fill(ct, "512w");
	lru_add_drain_all();
}

static void nothing_at_all_reclaims(struct kunit *test)
{
	const enum backing b = backing(test);
	struct ct *ct = create(test, b);
	int plain, light, light_without;

	/* The file system, or swap, has its own memory to read with. */
	if (must_read(b))
		kunit_skip(test, "reads");
	ct_no_stubs(ct);
	plain = count_allocations(ct, MADV_COLLAPSE, false);
	unmap_and_fill_again(ct, b);
	light = count_allocations(ct, MADV_F_COLLAPSE_LIGHT, true);
	unmap_and_fill_again(ct, b);
	light_without = count_allocations(ct, MADV_F_COLLAPSE_LIGHT, false);
	KUNIT_EXPECT_GE(test, light, 2);
	KUNIT_EXPECT_EQ(test, light, light_without);
	/* All of MADV_COLLAPSE's own do. */
	KUNIT_EXPECT_LT(test, plain, light);
	ct_check(ct);
}

/* Each one fails once. */
static void every_failed_allocation_is_enomem(struct kunit *test)
{
	const enum backing b = backing(test);
	struct ct *ct = create(test, b);
	bool failed = true;
	int nth, err = 0;

	ct_no_stubs(ct);
	for (nth = 1; failed && nth < 200; nth++) {
		set_injection(true, nth);
		err = advise_light(ct, 0, 512);
		failed = !current->fail_nth;
		set_injection(false, 0);
		if (failed && err && err != -ENOMEM)
			KUNIT_FAIL(test, "allocation %d fails: %d, expected %d", nth,
				   err, -ENOMEM);
		if (failed && !err)
			break;	/* One that can be done without. */
		ct_check(ct);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GE(test, nth, 3);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_content(ct, "512w");
}

static void write_first_page(struct ct *ct)
{
	truncate_inode_pages(ct_shmem(ct)->f_mapping, 0);
	ct_fill(ct, "1w");
}

/*
 * Slots for pages that are not there, in a file with large empty parts. One of
 * the two may need a page for a slab that the other did not; not time and again.
 */
static void nodes_of_the_page_cache_do_not_reclaim(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	int light, light_without, tries = 3;

	ct_no_stubs(ct);
	ct_map_file(ct, ct_shmem(ct), MAP_SHARED);
	do {
		write_first_page(ct);
		light = count_allocations(ct, MADV_F_COLLAPSE_LIGHT, true);
		write_first_page(ct);
		light_without = count_allocations(ct, MADV_F_COLLAPSE_LIGHT, false);
	} while (light != light_without && --tries);
	KUNIT_EXPECT_GE(test, light, 9);
	KUNIT_EXPECT_EQ(test, light, light_without);
}

static void fail_once(struct ct *ct)
{
	current->fail_nth = 1;
}

/* The first try is made under a lock, the second is not. */
static void nodes_are_tried_twice(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	int err, left;

	ct_no_charge_stub(ct);
	ct_map_file(ct, ct_shmem(ct), MAP_SHARED);
	ct_fill(ct, "1w");
	ct->on_alloc = fail_once;
	err = advise_light(ct, 0, 512);
	left = current->fail_nth;
	current->fail_nth = 0;
	KUNIT_EXPECT_EQ(test, left, 0);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
}

static void no_memory_for_nodes_is_enomem(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_state *before;

	ct_no_charge_stub(ct);
	ct_map_file(ct, ct_shmem(ct), MAP_SHARED);
	ct_fill(ct, "1w");
	before = ct_look(ct, 0);
	KUNIT_EXPECT_EQ(test, ct_advise_without_slabs(ct, MADV_F_COLLAPSE_LIGHT, false),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, ct_advise_without_slabs(ct, MADV_F_COLLAPSE_LIGHT, true),
			-ENOMEM);
	ct_expect_as_before(ct, before);
	/* As it was. */
	KUNIT_EXPECT_EQ(test, ct_advise_without_slabs(ct, MADV_COLLAPSE, false), -EINVAL);
	ct_expect_as_before(ct, before);
	KUNIT_EXPECT_EQ(test, ct_advise_without_slabs(ct, MADV_COLLAPSE, true), 0);
	ct_check(ct);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
}

#else

static void nothing_at_all_reclaims(struct kunit *test)
{
	kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
}

static void every_failed_allocation_is_enomem(struct kunit *test)
{
	nothing_at_all_reclaims(test);
}

static void nodes_of_the_page_cache_do_not_reclaim(struct kunit *test)
{
	nothing_at_all_reclaims(test);
}

static void no_memory_for_nodes_is_enomem(struct kunit *test)
{
	nothing_at_all_reclaims(test);
}

static void nodes_are_tried_twice(struct kunit *test)
{
	nothing_at_all_reclaims(test);
}

#endif

/*
 * Failures
 */

static void no_huge_page_is_enomem_at_once(struct kunit *test)
{
	struct ct *ct = create(test, ANON);
	struct ct_state *before = ct_look(ct, 0);

	ct->alloc.min_fail_order = HPAGE_PMD_ORDER;
	expect_light(ct, 0, 512, -ENOMEM);
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 1);
	ct_expect_as_before(ct, before);
	ct->alloc.min_fail_order = 0;
	expect_light(ct, 0, 512, 0);
	ct_expect_huge(ct, 0);
}

/* Smaller huge pages are khugepaged's. */
static void nothing_smaller_is_tried(struct kunit *test)
{
	struct ct *ct = create(test, ANON);

	huge_anon_orders_always = BIT(PMD_ORDER) - 4;
	ct->alloc.min_fail_order = HPAGE_PMD_ORDER;
	expect_light(ct, 0, 512, -ENOMEM);
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 1);
}

static void no_room_in_the_memcg_is_ebusy(struct kunit *test)
{
	struct ct *ct = create(test, ANON);
	struct ct_state *before = ct_look(ct, 0);

	if (!IS_ENABLED(CONFIG_MEMCG))
		kunit_skip(test, "no memory cgroups (CONFIG_MEMCG)");
	ct->alloc.charge_err = -ENOMEM;
	expect_light(ct, 0, 512, -EBUSY);
	ct_expect_as_before(ct, before);
}

static void unmapped_is_enomem(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	expect_light(ct, 0, 512, -ENOMEM);
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 0);
}

static void nohugepage_is_einval(struct kunit *test)
{
	struct ct *ct = create(test, ANON);

	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 0, 512, MADV_NOHUGEPAGE), 0);
	expect_light(ct, 0, 512, -EINVAL);
	ct_expect_small(ct, 0);
}

/* A page that is in use does not stop the range behind it. */
static void used_is_eagain_and_the_rest_is_done(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct page *page;

	ct_map_anon(ct, 1024);
	ct_fill(ct, "1024w");
	page = ct_page(ct, 7);
	get_page(page);
	KUNIT_EXPECT_EQ(test, advise_light(ct, 0, 1024), -EAGAIN);
	put_page(page);
	ct_check(ct);
	ct_expect_small(ct, 0);
	ct_expect_huge(ct, 512);
	expect_light(ct, 0, 1024, 0);
	ct_expect_huge(ct, 0);
}

/*
 * What else it does without
 */

/* Pages just written are in this CPU's batch still. */
static void own_lru_batch_is_drained(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 512);
	ct_fill(ct, "511w");
	huge_anon_orders_inherit = 0;
	ct_write(ct, 511, 1);
	KUNIT_EXPECT_FALSE(test, folio_test_lru(page_folio(ct_page(ct, 511))));
	huge_anon_orders_inherit = BIT(PMD_ORDER);
	expect_light(ct, 0, 512, 0);
	ct_expect_huge(ct, 0);
	ct_expect_content(ct, "512w");
}

static void dirty_page_of_a_file_is_not_written(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_file *f = map_file(ct, O_RDWR);

	ct_read(ct, 0, 512);
	ct_write(ct, 3, 1);
	lru_add_drain_all();
	KUNIT_EXPECT_EQ(test, advise_light(ct, 0, 512), -EAGAIN);
	KUNIT_EXPECT_EQ(test, f->nr_writes, 0);
	ct_expect_result(ct, 0, CT_KHUGEPAGED, SCAN_PAGE_DIRTY_OR_WRITEBACK);
	KUNIT_EXPECT_EQ(test, f->nr_writes, 0);
	ct_expect_small(ct, 0);
	KUNIT_EXPECT_EQ(test, ct_madvise(ct, 0, 512, MADV_COLLAPSE), 0);
	KUNIT_EXPECT_EQ(test, f->nr_writes, 1);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 0));
	ct_expect_content(ct, "512w");
}

static void private_data_is_not_waited_for(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_file *f = map_file(ct, O_RDONLY);

	ct_read(ct, 0, 512);
	lru_add_drain_all();
	f->keep_private = true;
	KUNIT_EXPECT_EQ(test, advise_light(ct, 0, 512), -EAGAIN);
	f->keep_private = false;
	ct_check(ct);
	ct_expect_small(ct, 0);
	expect_light(ct, 0, 512, 0);
}

/* What uprobes call is not light, and has nothing to do with anonymous memory. */
static void uprobes_leave_anonymous_memory_alone(struct kunit *test)
{
	struct ct *ct = create(test, ANON);
	struct ct_state *before = ct_look(ct, 0);

	mmap_write_lock(ct->mm);
	collapse_pte_mapped_thp(ct->mm, ct->start, true);
	mmap_write_unlock(ct->mm);
	ct_expect_as_before(ct, before);
}

/* The first access makes them, and maps the huge page. */
static void page_tables_are_not_made(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_file *f = map_file(ct, O_RDONLY);
	unsigned long pgtables;
	struct folio *folio;

	folio = read_mapping_folio(f->file->f_mapping, 0, f->file);
	KUNIT_ASSERT_FALSE(test, IS_ERR(folio));
	folio_put(folio);
	lru_add_drain_all();
	KUNIT_ASSERT_NULL(test, mm_find_pmd(ct->mm, ct->start));
	pgtables = mm_pgtables_bytes(ct->mm);
	expect_light(ct, 0, 512, 0);
	KUNIT_EXPECT_EQ(test, mm_pgtables_bytes(ct->mm), pgtables);
	KUNIT_EXPECT_NULL(test, mm_find_pmd(ct->mm, ct->start));
	ct_read(ct, 5, 1);
	ct_check(ct);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 5));
	ct_expect_content(ct, "512w");
}

/*
 * The advice
 */

static void madvise_refuses_it(struct kunit *test)
{
	struct ct *ct = create(test, ANON);
	struct ct_state *before = ct_look(ct, 0);

	KUNIT_EXPECT_EQ(test, ct_madvise(ct, 0, 512, MADV_F_COLLAPSE_LIGHT), -EINVAL);
	KUNIT_EXPECT_EQ(test, ct_madvise(ct, 0, 0, MADV_F_COLLAPSE_LIGHT), -EINVAL);
	ct_expect_as_before(ct, before);
}

static void it_has_a_value_of_its_own(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, MADV_F_COLLAPSE_LIGHT, 26);
	KUNIT_EXPECT_EQ(test, MADV_COLLAPSE, 25);
}

struct permission {
	const char *name;
	bool own;
	int advice;
	int caps[2];
	int expected;
};

#define NO_CAP	(-1)

static const struct permission permissions[] = {
	{ "own", true, MADV_F_COLLAPSE_LIGHT, { NO_CAP, NO_CAP }, 0 },
	{ "own_as_root", true, MADV_F_COLLAPSE_LIGHT, { CAP_SYS_NICE, CAP_SYS_ADMIN }, 0 },
	{ "others", false, MADV_F_COLLAPSE_LIGHT, { NO_CAP, NO_CAP }, -EPERM },
	{ "others_nice", false, MADV_F_COLLAPSE_LIGHT, { CAP_SYS_NICE, NO_CAP }, -EPERM },
	{ "others_admin", false, MADV_F_COLLAPSE_LIGHT, { CAP_SYS_ADMIN, NO_CAP }, -EPERM },
	{ "others_both", false, MADV_F_COLLAPSE_LIGHT, { CAP_SYS_NICE, CAP_SYS_ADMIN }, 0 },
	/* As it was. */
	{ "plain_own", true, MADV_COLLAPSE, { NO_CAP, NO_CAP }, 0 },
	{ "plain_others", false, MADV_COLLAPSE, { NO_CAP, NO_CAP }, -EPERM },
	{ "plain_others_nice", false, MADV_COLLAPSE, { CAP_SYS_NICE, NO_CAP }, 0 },
	{ "dontneed_own", true, MADV_DONTNEED, { NO_CAP, NO_CAP }, 0 },
	{ "dontneed_others", false, MADV_DONTNEED, { CAP_SYS_NICE, CAP_SYS_ADMIN }, -EINVAL },
	{ "unknown", true, 99, { CAP_SYS_NICE, CAP_SYS_ADMIN }, -EINVAL },
	{ "unknown_others", false, 99, { NO_CAP, NO_CAP }, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(permissions, permissions, name);

static void needs_capabilities_for_others(struct kunit *test)
{
	const struct permission *p = test->param_value;
	struct ct *ct = ct_create(test);
	struct cred *cred = prepare_creds();
	const struct cred *old;
	int i, err;

	KUNIT_ASSERT_NOT_NULL(test, cred);
	cap_clear(cred->cap_effective);
	for (i = 0; i < ARRAY_SIZE(p->caps); i++)
		if (p->caps[i] != NO_CAP)
			cap_raise(cred->cap_effective, p->caps[i]);
	old = override_creds(cred);
	err = process_madvise_check(p->own ? ct->mm : &init_mm, p->advice);
	put_cred(revert_creds(old));
	KUNIT_EXPECT_EQ(test, err, p->expected);
}

struct call {
	const char *name;
	int pidfd, nr, advice;
	unsigned int flags;
	bool no_room, kthread, lost;
	long expected;
};

static const struct call calls[] = {
	{ .name = "light", PIDFD_SELF, 2, MADV_F_COLLAPSE_LIGHT,
	  .expected = 2 * HPAGE_PMD_SIZE },
	{ .name = "plain", PIDFD_SELF, 2, MADV_COLLAPSE,
	  .expected = 2 * HPAGE_PMD_SIZE },
	{ .name = "no_range", PIDFD_SELF, 0, MADV_F_COLLAPSE_LIGHT, .expected = 0 },
	{ .name = "no_room", PIDFD_SELF, 2, MADV_F_COLLAPSE_LIGHT, .no_room = true,
	  .expected = -ENOMEM },
	{ .name = "unknown_advice", PIDFD_SELF, 2, 99, .expected = -EINVAL },
	{ .name = "flags", PIDFD_SELF, 2, MADV_F_COLLAPSE_LIGHT, .flags = 1,
	  .expected = -EINVAL },
	{ .name = "no_such_pidfd", -1, 2, MADV_F_COLLAPSE_LIGHT, .expected = -EBADF },
	{ .name = "no_memory_of_its_own", PIDFD_SELF, 2, MADV_F_COLLAPSE_LIGHT,
	  .kthread = true, .expected = -ESRCH },
	{ .name = "too_many_ranges", PIDFD_SELF, UIO_MAXIOV + 1, MADV_F_COLLAPSE_LIGHT,
	  .expected = -EINVAL },
	{ .name = "ranges_not_mapped", PIDFD_SELF, 2, MADV_F_COLLAPSE_LIGHT, .lost = true,
	  .expected = -EFAULT },
};

KUNIT_ARRAY_PARAM_DESC(calls, calls, name);

#ifndef CONFIG_ARCH_HAS_SYSCALL_WRAPPER
static long process_madvise(const struct call *c, const struct iovec __user *vec)
{
	long ret;

	/* A kernel thread that lives in an mm passes for a process. */
	if (!c->kthread)
		current->flags &= ~PF_KTHREAD;
	ret = sys_process_madvise(c->pidfd, vec, c->nr, c->advice, c->flags);
	current->flags |= PF_KTHREAD;
	return ret;
}
#else
static long process_madvise(const struct call *c, const struct iovec __user *vec)
{
	kunit_skip(kunit_get_current_test(),
		   "system calls have wrappers (CONFIG_ARCH_HAS_SYSCALL_WRAPPER)");
}
#endif

static void the_system_call_checks_then_advises(struct kunit *test)
{
	const struct call *c = test->param_value;
	struct ct *ct = ct_create(test);
	struct iovec __user *vec;
	int i;

	ct_map_anon(ct, 1024);
	ct_fill(ct, "1024w");
	ct_mmap(ct, 2048, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, NULL, 0);
	vec = (struct iovec __user *)ct_addr(ct, 2048 + c->lost);
	for (i = 0; i < 2 && !c->lost; i++) {
		const struct iovec range = {
			.iov_base = (void __user *)ct_addr(ct, 512 * i),
			.iov_len = HPAGE_PMD_SIZE,
		};

		KUNIT_ASSERT_EQ(test, copy_to_user(vec + i, &range, sizeof(range)), 0);
	}
	lru_add_drain_all();
	ct->alloc.min_fail_order = c->no_room;
	KUNIT_EXPECT_EQ(test, process_madvise(c, vec), c->expected);
	ct_check(ct);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, ct_is_huge(ct, 512 * i), c->expected > 0);
	ct_expect_content(ct, "1024w");
}

static struct kunit_case collapse_light_cases[] = {
	KUNIT_CASE_PARAM(mask_is_a_function_of_who_and_defrag, masks_gen_params),
	KUNIT_CASE_PARAM(folio_and_charge_do_not_stall, backing_gen_params),
	KUNIT_CASE_PARAM(pages_are_read_without_reclaim, backing_gen_params),
	KUNIT_CASE_PARAM(pages_are_read_with_reclaim_by_madv_collapse, backing_gen_params),
	KUNIT_CASE_PARAM(no_memory_to_read_is_enomem, backing_gen_params),
	KUNIT_CASE(one_page_at_a_time_from_a_synchronous_device),
	KUNIT_CASE(what_cannot_be_read_is_einval),
	KUNIT_CASE(behind_the_end_of_the_file_is_einval),
	KUNIT_CASE(shmem_behind_the_end_is_einval),
	KUNIT_CASE(readahead_of_any_kind_does_not_reclaim),
	KUNIT_CASE_PARAM(nothing_at_all_reclaims, backing_gen_params),
	KUNIT_CASE_PARAM(every_failed_allocation_is_enomem, backing_gen_params),
	KUNIT_CASE(nodes_of_the_page_cache_do_not_reclaim),
	KUNIT_CASE(nodes_are_tried_twice),
	KUNIT_CASE(no_memory_for_nodes_is_enomem),
	KUNIT_CASE(no_huge_page_is_enomem_at_once),
	KUNIT_CASE(nothing_smaller_is_tried),
	KUNIT_CASE(no_room_in_the_memcg_is_ebusy),
	KUNIT_CASE(unmapped_is_enomem),
	KUNIT_CASE(nohugepage_is_einval),
	KUNIT_CASE(used_is_eagain_and_the_rest_is_done),
	KUNIT_CASE(own_lru_batch_is_drained),
	KUNIT_CASE(dirty_page_of_a_file_is_not_written),
	KUNIT_CASE(private_data_is_not_waited_for),
	KUNIT_CASE(uprobes_leave_anonymous_memory_alone),
	KUNIT_CASE(page_tables_are_not_made),
	KUNIT_CASE(madvise_refuses_it),
	KUNIT_CASE(it_has_a_value_of_its_own),
	KUNIT_CASE_PARAM(needs_capabilities_for_others, permissions_gen_params),
	KUNIT_CASE_PARAM(the_system_call_checks_then_advises, calls_gen_params),
	{}
};

#else

static void needs_the_topic(struct kunit *test)
{
	kunit_skip(test, "no MADV_F_COLLAPSE_LIGHT (topic mm-collapse-light)");
}

static struct kunit_case collapse_light_cases[] = {
	KUNIT_CASE(needs_the_topic),
	{}
};

#endif

static struct kunit_suite collapse_light_suite = {
	.name = "collapse_light",
	.suite_init = ct_suite_init,
	.suite_exit = ct_suite_exit,
	.test_cases = collapse_light_cases,
};

kunit_test_suite(collapse_light_suite);
