// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page cache of a file's first huge range: what is there, and whether it
 * is after a collapse what it should be.
 */
#include <linux/memcontrol.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include "collapse.h"

/* One character for each of 32 parts: what is at its start. */
const char *ct_cache_picture(struct file *file, char *picture)
{
	struct xarray *xa = &file->f_mapping->i_pages;
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

#define HUGE	"99999999999999999999999999999999"

/* What there is of a file's first huge range, to be compared after failure. */
struct ct_cache {
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

struct ct_cache *ct_look_at_cache(struct ct *ct, struct file *file)
{
	struct ct_cache *c = kunit_kzalloc(ct->test, sizeof(*c), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(ct->test, c);
	lru_add_drain_all();
	c->file = file;
	c->nrpages = file->f_mapping->nrpages;
	c->blocks = file_inode(file)->i_blocks;
	for (i = 0; i < ARRAY_SIZE(stats); i++)
		c->stat[i] = ct_node_stat(stats[i]);
	for (i = 0; i < 512; i++) {
		struct folio *folio = xa_load(&file->f_mapping->i_pages, i);

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
void ct_expect_cache_as_before(struct ct *ct, struct ct_cache *before)
{
	struct ct_cache *now = ct_look_at_cache(ct, before->file);
	int i;

	for (i = 0; i < 512; i++) {
		if (now->slot[i].entry != before->slot[i].entry ||
		    now->slot[i].refs != before->slot[i].refs ||
		    (now->slot[i].flags & ~BIT(PG_dirty)) !=
		    (before->slot[i].flags & ~BIT(PG_dirty)) ||
		    (before->slot[i].flags & ~now->slot[i].flags)) {
			KUNIT_FAIL(ct->test,
				   "page %d of the file: %s entry, %d references, flags %lx; before %d, %lx",
				   i, now->slot[i].entry == before->slot[i].entry ?
				   "the same" : "another", now->slot[i].refs,
				   now->slot[i].flags, before->slot[i].refs,
				   before->slot[i].flags);
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
void ct_expect_huge_folio(struct ct *ct, struct file *file, int maps)
{
	struct kunit *test = ct->test;
	struct xarray *xa = &file->f_mapping->i_pages;
	struct folio *folio = xa_load(xa, 0);

	lru_add_drain_all();
	ct_expect_cache(ct, file, HUGE);
	if (!folio || xa_is_value(folio) || folio_order(folio) != HPAGE_PMD_ORDER)
		return;
	KUNIT_EXPECT_EQ(test, xa_get_order(xa, 0), (int)HPAGE_PMD_ORDER);
	KUNIT_EXPECT_PTR_EQ(test, folio->mapping, file->f_mapping);
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
	KUNIT_EXPECT_EQ(test, file->f_mapping->nrpages, (unsigned long)CT_PAGES);
	if (shmem_file(file))
		KUNIT_EXPECT_EQ(test, (long)file_inode(file)->i_blocks,
				(long)CT_PAGES * (long)PAGE_SIZE / 512);
}

struct ct *ct_create_shmem(struct kunit *test, const char *pattern,
			   unsigned long flags)
{
	struct ct *ct = strchr(pattern, 's') ? ct_create_with_swap(test) :
					       ct_create(test);

	ct_map_file(ct, ct_shmem(ct), flags);
	ct_fill(ct, pattern);
	return ct;
}
