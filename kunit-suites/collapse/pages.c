// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages of huge ranges: how tests make them, and what they find.
 *
 * checkpatch: UNCOMMENTED_DEFINITION: a pointer to the page table's lock
 */
#include <linux/hugetlb.h>
#include <linux/ksm.h>
#include <linux/leafops.h>
#include <linux/memcontrol.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/swap.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>

#include "collapse.h"
#include "swap.h"

/* Both ends of a page, so that one that is copied in part shows. */
#define LAST_WORD	(PAGE_SIZE - sizeof(unsigned long))

unsigned long ct_stamp(long page)
{
	return 0x5a0000 + page;
}

static unsigned long __user *word(struct ct *ct, long page, unsigned long offset)
{
	return (unsigned long __user *)(ct_addr(ct, page) + offset);
}

void ct_mmap(struct ct *ct, long page, long nr, unsigned long prot,
	     unsigned long flags, struct file *file, unsigned long pgoff)
{
	unsigned long addr;

	if (!file)
		flags |= MAP_ANONYMOUS;
	addr = vm_mmap(file, ct_addr(ct, page), nr * PAGE_SIZE, prot,
		       flags | MAP_FIXED, pgoff << PAGE_SHIFT);
	if (IS_ERR_VALUE(addr))
		KUNIT_FAIL_AND_ABORT(ct->test, "mmap(%ld, %ld): error %ld", page,
				     nr, (long)addr);
}

void ct_write(struct ct *ct, long page, long nr)
{
	int err = 0;

	for (; nr-- && !err; page++)
		err = put_user(ct_stamp(page), word(ct, page, 0)) ?:
		      put_user(ct_stamp(page), word(ct, page, LAST_WORD));
	if (err)
		KUNIT_FAIL_AND_ABORT(ct->test, "writing page %ld: error %d",
				     page - 1, err);
}

void ct_write_folios(struct ct *ct, long page, long nr, unsigned int order)
{
	const unsigned long always = huge_anon_orders_always;
	const unsigned long inherit = huge_anon_orders_inherit;

	huge_anon_orders_always = BIT(order);
	huge_anon_orders_inherit = 0;
	ct_write(ct, page, nr);
	huge_anon_orders_always = always;
	huge_anon_orders_inherit = inherit;
	KUNIT_ASSERT_EQ(ct->test, folio_order(page_folio(ct_page(ct, page))), order);
	lru_add_drain_all();
}

void ct_read(struct ct *ct, long page, long nr)
{
	unsigned long value __maybe_unused;
	int err = 0;

	for (; nr-- && !err; page++)
		err = get_user(value, word(ct, page, 0));
	if (err)
		KUNIT_FAIL_AND_ABORT(ct->test, "reading page %ld: error %d",
				     page - 1, err);
}

static void advise(struct ct *ct, long page, long nr, int advice)
{
	int err;

	lru_add_drain_all();
	err = ct_madvise(ct, page, nr, advice);
	if (err)
		KUNIT_FAIL_AND_ABORT(ct->test, "madvise(%ld, %ld, %d): error %d",
				     page, nr, advice, err);
	lru_add_drain_all();
}

#ifdef CONFIG_SWAP
/* It was under writeback when reclaim had it, so it is still in the cache. */
static void drop_swap_cache(swp_entry_t entry)
{
	struct folio *folio = swap_cache_get_folio(entry);

	if (!folio)
		return;
	folio_lock(folio);
	remove_mapping(folio_mapping(folio), folio);
	folio_unlock(folio);
	folio_put(folio);
}
#else
static void drop_swap_cache(swp_entry_t entry)
{
}
#endif

/* Where the page went: shmem has it in its page cache. */
static swp_entry_t swap_entry_of(struct ct *ct, long page)
{
	struct vm_area_struct *vma = vma_lookup(ct->t->mm, ct_addr(ct, page));
	softleaf_t entry = softleaf_from_pte(ct_pte(ct, page));
	void *cached;

	if (vma && vma->vm_file) {
		cached = xa_load(&vma->vm_file->f_mapping->i_pages,
				 linear_page_index(vma, ct_addr(ct, page)));
		if (xa_is_value(cached))
			entry = radix_to_swp_entry(cached);
	}
	if (!softleaf_is_swap(entry))
		KUNIT_FAIL_AND_ABORT(ct->test, "page %ld is not swapped out", page);
	return entry;
}

void ct_swap_out(struct ct *ct, long page, long nr)
{
	long last = page + nr;

	advise(ct, page, nr, MADV_PAGEOUT);
	for (; page < last; page++)
		drop_swap_cache(swap_entry_of(ct, page));
}

/* The next item of a pattern. Return: what comes after it, NULL at the end. */
static const char *next_item(const char *pattern, long *nr, char *kind)
{
	unsigned long n = 0;

	while (*pattern == ' ')
		pattern++;
	if (!*pattern)
		return NULL;
	for (; isdigit(*pattern); pattern++)
		n = 10 * n + *pattern - '0';
	*nr = n;
	*kind = *pattern;
	return *pattern ? pattern + 1 : pattern;
}

static void make_pages(struct ct *ct, long page, long nr, char kind)
{
	switch (kind) {
	case '.':
		return;
	case 'w':
		return ct_write(ct, page, nr);
	case 'z':
		return ct_read(ct, page, nr);
	case 'c':
		ct_write(ct, page, nr);
		return advise(ct, page, nr, MADV_FREE);
	case 's':
		ct_write(ct, page, nr);
		return ct_swap_out(ct, page, nr);
	}
	KUNIT_FAIL_AND_ABORT(ct->test, "unknown kind of page '%c'", kind);
}

/* Huge pages are what the test makes of small ones later. */
void ct_fill(struct ct *ct, const char *pattern)
{
	const unsigned long inherit = huge_anon_orders_inherit;
	long page = 0, nr;
	char kind;

	huge_anon_orders_inherit = 0;
	while ((pattern = next_item(pattern, &nr, &kind))) {
		make_pages(ct, page, nr, kind);
		page += nr;
	}
	huge_anon_orders_inherit = inherit;
	ct_check(ct);
	lru_add_drain_all();
}

static __printf(2, 3) const char *say(struct ct *ct, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	seq_buf_clear(&ct->t->msg);
	seq_buf_vprintf(&ct->t->msg, fmt, args);
	va_end(args);
	return seq_buf_str(&ct->t->msg);
}

static const char *word_differs(struct ct *ct, long page, unsigned long offset,
				unsigned long expected)
{
	unsigned long found;
	int err = get_user(found, word(ct, page, offset));

	if (err)
		return say(ct, "page %ld: error %d when read", page, err);
	if (found != expected)
		return say(ct, "page %ld: holds %lx at offset %ld, expected %lx",
			   page, found, offset, expected);
	return NULL;
}

const char *ct_content_differs(struct ct *ct, long page, const char *pattern)
{
	const char *text;
	long nr;
	char kind;

	while ((pattern = next_item(pattern, &nr, &kind))) {
		const bool empty = kind == '.' || kind == 'z';

		for (; nr--; page++) {
			const unsigned long value = empty ? 0 : ct_stamp(page);

			text = word_differs(ct, page, 0, value);
			if (!text)
				text = word_differs(ct, page, LAST_WORD, value);
			if (text)
				return text;
		}
	}
	return NULL;
}

/*
 * Page tables
 */

pmd_t ct_pmd(struct ct *ct, long page)
{
	pmd_t pmd = __pmd(0);
	pmd_t *pmdp;

	mmap_read_lock(ct->t->mm);
	pmdp = mm_find_pmd(ct->t->mm, ct_addr(ct, page));
	if (pmdp)
		pmd = pmdp_get_lockless(pmdp);
	mmap_read_unlock(ct->t->mm);
	return pmd;
}

bool ct_is_huge(struct ct *ct, long page)
{
	return pmd_trans_huge(ct_pmd(ct, page));
}

/* For those who hold the mmap_lock, or know that nobody else is there. */
static pte_t *map_pte(struct ct *ct, long page, spinlock_t **ptl)
{
	pmd_t *pmd = mm_find_pmd(ct->t->mm, ct_addr(ct, page));

	return pmd ? pte_offset_map_lock(ct->t->mm, pmd, ct_addr(ct, page), ptl) :
		     NULL;
}

pte_t ct_pte(struct ct *ct, long page)
{
	pte_t *ptep, pte = __pte(0);
	spinlock_t *ptl;

	ptep = map_pte(ct, page, &ptl);
	if (ptep) {
		pte = ptep_get(ptep);
		pte_unmap_unlock(ptep, ptl);
	}
	return pte;
}

void ct_set_pte(struct ct *ct, long page, pte_t pte)
{
	spinlock_t *ptl;
	pte_t *ptep = map_pte(ct, page, &ptl);

	if (!ptep)
		KUNIT_FAIL_AND_ABORT(ct->test, "page %ld has no page table", page);
	set_pte_at(ct->t->mm, ct_addr(ct, page), ptep, pte);
	pte_unmap_unlock(ptep, ptl);
}

struct page *ct_page(struct ct *ct, long page)
{
	const pmd_t pmd = ct_pmd(ct, page);
	pte_t pte;

	if (pmd_trans_huge(pmd))
		return pmd_page(pmd) + page % CT_PAGES;
	pte = ct_pte(ct, page);
	return pte_present(pte) ? pte_page(pte) : NULL;
}

/*
 * A huge page
 */

static int count_deposited(struct ct *ct, long page)
{
	pgtable_t first, table;
	spinlock_t *ptl;
	pmd_t *pmd;
	int nr = 0;

	mmap_read_lock(ct->t->mm);
	pmd = mm_find_pmd(ct->t->mm, ct_addr(ct, page));
	if (pmd) {
		ptl = pmd_lock(ct->t->mm, pmd);
		first = pmd_huge_pte(ct->t->mm, pmd);
		nr = !!first;
		if (first)
			list_for_each_entry(table, &first->lru, lru)
				nr++;
		spin_unlock(ptl);
	}
	mmap_read_unlock(ct->t->mm);
	return nr;
}

static const char *folio_not_whole(struct ct *ct, long page, struct folio *folio)
{
	if (!folio_test_anon(folio))
		return say(ct, "page %ld: not anonymous", page);
	if (folio_order(folio) != HPAGE_PMD_ORDER)
		return say(ct, "page %ld: a folio of order %u", page,
			   folio_order(folio));
	if (folio_entire_mapcount(folio) != 1 || folio_mapcount(folio) != 1)
		return say(ct, "page %ld: mapped %d times, expected 1", page,
			   folio_mapcount(folio));
	if (folio_ref_count(folio) != 1)
		return say(ct, "page %ld: %d references, expected 1", page,
			   folio_ref_count(folio));
	if (!folio_test_lru(folio) || folio_test_locked(folio) ||
	    !folio_test_uptodate(folio) || !folio_test_swapbacked(folio))
		return say(ct, "page %ld: flags %lx, not those of a page in use",
			   page, folio->flags.f);
	if (!folio_test_large_rmappable(folio))
		return say(ct, "page %ld: not rmappable", page);
	if (!PageAnonExclusive(&folio->page))
		return say(ct, "page %ld: not exclusive", page);
	if (!mem_cgroup_disabled() && !folio_memcg_charged(folio))
		return say(ct, "page %ld: not charged to a memcg", page);
	return NULL;
}

const char *ct_not_huge(struct ct *ct, long page)
{
	const pmd_t pmd = ct_pmd(ct, page);
	struct vm_area_struct *vma = vma_lookup(ct->t->mm, ct_addr(ct, page));
	const long first = page - page % CT_PAGES;
	const char *text;

	lru_add_drain_all();
	if (!pmd_trans_huge(pmd) || !vma)
		return say(ct, "page %ld is not huge", page);
	text = folio_not_whole(ct, page, page_folio(pmd_page(pmd)));
	if (text)
		return text;
	if (!pmd_dirty(pmd))
		return say(ct, "page %ld: the entry is not dirty", page);
	if (!!pmd_write(pmd) != !!(vma->vm_flags & VM_WRITE))
		return say(ct, "page %ld: writable is %d, its VMA says otherwise",
			   page, !!pmd_write(pmd));
	if (IS_ENABLED(CONFIG_MEM_SOFT_DIRTY) && !pmd_soft_dirty(pmd))
		return say(ct, "page %ld: not soft-dirty", page);
	if (page_folio(pmd_page(pmd))->index != __linear_anon_page_index(vma, ct_addr(ct, first)))
		return say(ct, "page %ld: index %lx, expected %lx", page,
			   page_folio(pmd_page(pmd))->index,
			   __linear_anon_page_index(vma, ct_addr(ct, first)));
	if (!count_deposited(ct, page))
		return say(ct, "page %ld: no page table is deposited", page);
	return NULL;
}

/*
 * State
 */

#define LOOKED_AT	(BIT(PG_dirty) | BIT(PG_uptodate) | BIT(PG_lru) | \
			 BIT(PG_active) | BIT(PG_referenced) |		  \
			 BIT(PG_swapbacked) | BIT(PG_locked) |		  \
			 BIT(PG_unevictable) | BIT(PG_mlocked))

static const enum node_stat_item stats[] = {
	NR_ISOLATED_ANON, NR_ISOLATED_FILE, NR_ANON_MAPPED, NR_FILE_MAPPED,
	NR_FILE_PAGES, NR_SHMEM, NR_ANON_THPS, NR_SHMEM_THPS, NR_FILE_THPS,
};

struct ct_page_state {
	pte_t pte;
	struct page *page;
	unsigned long flags;
	int refs, maps;
	bool exclusive;
};

struct ct_state {
	long first;
	pgtable_t table;
	long rss[NR_MM_COUNTERS];
	long pgtables;
	long stat[ARRAY_SIZE(stats)];
	unsigned long nrpages, blocks;	/* Of the file. */
	struct ct_page_state page[];
};

static void look_at_page(struct ct *ct, long page, struct ct_page_state *s)
{
	struct folio *folio;

	s->pte = ct_pte(ct, page);
	s->page = pte_present(s->pte) ? pte_page(s->pte) : NULL;
	if (!s->page || is_zero_pfn(page_to_pfn(s->page)))
		return;
	folio = page_folio(s->page);
	s->flags = folio->flags.f & LOOKED_AT;
	s->refs = folio_ref_count(folio);
	s->maps = folio_mapcount(folio);
	s->exclusive = folio_test_anon(folio) && PageAnonExclusive(s->page);
}

struct ct_state *ct_look(struct ct *ct, long page)
{
	struct vm_area_struct *vma = vma_lookup(ct->t->mm, ct_addr(ct, page));
	const pmd_t pmd = ct_pmd(ct, page);
	struct ct_state *s;
	int i;

	s = kunit_kzalloc(ct->test, struct_size(s, page, CT_PAGES), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(ct->test, s);
	lru_add_drain_all();
	s->first = page;
	if (pmd_present(pmd) && !pmd_leaf(pmd))
		s->table = pmd_pgtable(pmd);
	for (i = 0; i < NR_MM_COUNTERS; i++)
		s->rss[i] = percpu_counter_sum(&ct->t->mm->rss_stat[i]);
	s->pgtables = mm_pgtables_bytes(ct->t->mm);
	for (i = 0; i < ARRAY_SIZE(stats); i++)
		s->stat[i] = ct_node_stat(stats[i]);
	if (vma && vma->vm_file) {
		s->nrpages = vma->vm_file->f_mapping->nrpages;
		s->blocks = file_inode(vma->vm_file)->i_blocks;
	}
	for (i = 0; s->table && i < CT_PAGES; i++)
		look_at_page(ct, page + i, &s->page[i]);
	return s;
}

static const char *page_state_differs(struct ct *ct, long page,
				      const struct ct_page_state *before,
				      const struct ct_page_state *now)
{
	if (!pte_same(before->pte, now->pte))
		return say(ct, "page %ld: entry %llx, before %llx", page,
			   (u64)pte_val(now->pte), (u64)pte_val(before->pte));
	if (before->flags != now->flags)
		return say(ct, "page %ld: flags %lx, before %lx", page,
			   now->flags, before->flags);
	if (before->refs != now->refs || before->maps != now->maps)
		return say(ct, "page %ld: %d references and %d mappings, before %d and %d",
			   page, now->refs, now->maps, before->refs,
			   before->maps);
	if (before->exclusive != now->exclusive)
		return say(ct, "page %ld: exclusive is %d, was not before", page,
			   now->exclusive);
	return NULL;
}

const char *ct_state_differs(struct ct *ct, struct ct_state *before)
{
	struct ct_state *now = ct_look(ct, before->first);
	const char *text;
	int i;

	if (before->table != now->table)
		return say(ct, "page %ld: another page table", before->first);
	for (i = 0; i < CT_PAGES; i++) {
		text = page_state_differs(ct, before->first + i,
					  &before->page[i], &now->page[i]);
		if (text)
			return text;
	}
	for (i = 0; i < NR_MM_COUNTERS; i++)
		if (before->rss[i] != now->rss[i])
			return say(ct, "rss counter %d is %ld, before %ld", i,
				   now->rss[i], before->rss[i]);
	for (i = 0; i < ARRAY_SIZE(stats); i++)
		if (before->stat[i] != now->stat[i])
			return say(ct, "%s is %ld, before %ld",
				   node_stat_name(stats[i]), now->stat[i],
				   before->stat[i]);
	if (before->pgtables != now->pgtables)
		return say(ct, "pgtables_bytes is %ld, before %ld",
			   now->pgtables, before->pgtables);
	if (before->nrpages != now->nrpages || before->blocks != now->blocks)
		return say(ct, "the file has %lu pages and %lu blocks, before %lu and %lu",
			   now->nrpages, now->blocks, before->nrpages,
			   before->blocks);
	return NULL;
}
