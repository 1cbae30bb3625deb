/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites about collapses share: a huge range to fill page by page,
 * the collapse of it by khugepaged or for a process, and what is known of its
 * pages before and after.
 *
 * checkpatch: MACRO_ARG_REUSE: statements that report the line of the caller
 */
#ifndef _COLLAPSE_H
#define _COLLAPSE_H

#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/workqueue.h>

#include "internal.h"
#include "khugepaged.h"
#include "test_mm.h"

#define CT_PAGES	HPAGE_PMD_NR
#define CT_RANGES	8	/* The most huge ranges that a test uses. */
#define CT_EVENTS	16

/* Why a scan was made: it decides about limits, masks and settings. */
enum ct_who { CT_PROCESS, CT_KHUGEPAGED };

struct ct;

/* What was asked of the page allocator and memcg, and is to be answered. */
struct ct_alloc {
	int nr;				/* Calls for a large folio. */
	gfp_t gfp;			/* Of the last of them. */
	unsigned int order;
	int node;
	nodemask_t nodes;
	struct folio *folio;
	int nr_charges;
	gfp_t charge_gfp;
	unsigned int min_fail_order;	/* Refuse from this order on; 0: none. */
	int charge_err;
};

struct ct_event {
	unsigned long start, end;
	bool pmd_was_table;		/* When it began: not yet taken out. */
};

/* Another thread, which has the lock of a folio when the collapse wants it. */
struct ct_holder {
	struct work_struct work;
	struct folio *folio;
	void (*meanwhile)(struct ct *ct);
	bool waited_for;
};

struct ct {
	struct kunit *test;
	struct test_mm *t;
	struct mm_struct *mm;
	unsigned long start;		/* Of the first huge range. */
	struct ct_alloc alloc;

	/* Called once where the collapse holds no lock, or copies a page. */
	void (*on_alloc)(struct ct *ct);
	void (*on_unlocked)(struct ct *ct);
	void (*on_copy)(struct ct *ct, struct page *page);
	int poison;			/* Number of the copy to fail, or -1. */
	int nr_copies;

	struct mmu_notifier notifier;
	void (*on_invalidate)(struct ct *ct);
	void (*on_invalidated)(struct ct *ct);
	void (*on_young)(struct ct *ct);
	bool notified;
	int nr_events, nr_ends;
	struct ct_event event[CT_EVENTS];
	bool secondary_young;		/* What a device says of each page. */
	bool give_way;			/* Somebody else's turn when it begins. */

	struct ct_holder holder;
	struct page *held;		/* Pinned or locked by a test. */
	unsigned long arg;		/* For a test's own callbacks. */
	long result;
	struct ct_saved *saved;
};

/* collapse.c: the suites' init and exit. khugepaged itself stays out of it. */
int ct_suite_init(struct kunit_suite *suite);
void ct_suite_exit(struct kunit_suite *suite);

/*
 * A test_mm zoomed out, and settings with which any collapse is allowed;
 * those that were are restored in the end. The second can swap.
 */
struct ct *ct_create(struct kunit *test);
struct ct *ct_create_with_swap(struct kunit *test);

/* /sys/kernel/mm/transparent_hugepage/khugepaged/NAME */
void ct_set(struct ct *ct, const char *name, unsigned long value);
unsigned long ct_get(struct ct *ct, const char *name);
bool ct_refuses(struct ct *ct, const char *name, const char *text);

static inline unsigned long ct_addr(const struct ct *ct, long page)
{
	return ct->start + page * (long)PAGE_SIZE;
}

/* Map @nr pages from page @page on, of @file or anonymous. */
void ct_mmap(struct ct *ct, long page, long nr, unsigned long prot,
	     unsigned long flags, struct file *file, unsigned long pgoff);
#define ct_map_anon(ct, nr) \
	ct_mmap(ct, 0, nr, PROT_READ | PROT_WRITE, MAP_PRIVATE, NULL, 0)
#define ct_map_file(ct, file, flags) \
	ct_mmap(ct, 0, CT_PAGES, PROT_READ | PROT_WRITE, flags, file, 0)

/*
 * ct_fill() - make pages, from page 0 on: "511w 1."
 *
 * A number of pages and what they are:
 * . nothing	w written	z read only, so the zero page
 * c written, then MADV_FREE	s written and swapped out
 * The contents of a written page tells its number.
 */
void ct_fill(struct ct *ct, const char *pattern);

unsigned long ct_stamp(long page);
void ct_write(struct ct *ct, long page, long nr);
/* The same, by folios of 2^order pages. */
void ct_write_folios(struct ct *ct, long page, long nr, unsigned int order);
void ct_read(struct ct *ct, long page, long nr);
/* To slots one after the other, and out of the swap cache as well. */
void ct_swap_out(struct ct *ct, long page, long nr);
/* Whether pages hold what ct_fill() wrote; reads them, so it comes last. */
#define ct_expect_content(ct, pattern) \
	ct_report(ct, ct_content_differs(ct, 0, pattern))
#define ct_expect_content_at(ct, page, pattern) \
	ct_report(ct, ct_content_differs(ct, page, pattern))
const char *ct_content_differs(struct ct *ct, long page, const char *pattern);

/* The page that a page table maps, or NULL. With a reference if @get. */
struct page *ct_page(struct ct *ct, long page);
pte_t ct_pte(struct ct *ct, long page);
pmd_t ct_pmd(struct ct *ct, long page);
/* Change an entry in place, under its lock. */
void ct_set_pte(struct ct *ct, long page, pte_t pte);

/*
 * One collapse of the huge range that @page is in, not followed by a check.
 * Return: why not, or SCAN_SUCCEED.
 */
enum scan_result ct_collapse(struct ct *ct, long page, enum ct_who who);
int ct_madvise(struct ct *ct, long page, long nr, int advice);
const char *ct_result_name(enum scan_result result);	/* NULL: no such result. */

#define ct_expect_result(ct, page, who, expected) do {			\
	enum scan_result __found = ct_collapse(ct, page, who);		\
									\
	if (__found != (expected))					\
		KUNIT_FAIL((ct)->test, "collapse by %s: %s, expected %s", \
			   (who) == CT_PROCESS ? "a process" : "khugepaged", \
			   ct_result_name(__found),			\
			   ct_result_name(expected));			\
	ct_check(ct);							\
} while (0)

#define ct_expect_madvise(ct, page, nr, expected) do {			\
	int __err = ct_madvise(ct, page, nr, MADV_COLLAPSE);		\
									\
	if (__err != (expected))					\
		KUNIT_FAIL((ct)->test,					\
			   "MADV_COLLAPSE of pages %ld to %ld: %d, expected %d", \
			   (long)(page), (long)(page) + (nr) - 1, __err,	\
			   expected);					\
	ct_check(ct);							\
} while (0)

#define ct_check(ct)	__tmm_report((ct)->t, ct_checks(ct))
bool ct_checks(struct ct *ct);

#define ct_report(ct, text) do {					\
	const char *__text = (text);					\
									\
	if (__text)							\
		KUNIT_FAIL((ct)->test, "%s", __text);			\
} while (0)

/*
 * An anonymous huge page is all that a page fault would have made: mapped by a
 * PMD, exclusive, dirty, on the LRU, charged, with a page table in reserve.
 */
#define ct_expect_huge(ct, page)	ct_report(ct, ct_not_huge(ct, page))
const char *ct_not_huge(struct ct *ct, long page);
#define ct_expect_small(ct, page) \
	KUNIT_EXPECT_FALSE_MSG((ct)->test, ct_is_huge(ct, page), "page %ld is huge", \
			       (long)(page))
bool ct_is_huge(struct ct *ct, long page);

/*
 * All about the pages of a range, to be compared after a collapse that failed:
 * page table, flags, references and mappings of pages, counters.
 */
struct ct_state *ct_look(struct ct *ct, long page);
#define ct_expect_as_before(ct, state) \
	ct_report(ct, ct_state_differs(ct, state))
const char *ct_state_differs(struct ct *ct, struct ct_state *before);

/* Global counters, exact. */
long ct_node_stat(enum node_stat_item item);
unsigned long ct_event_count(enum vm_event_item item);

/*
 * The stubs by which ct->alloc learns of allocations allocate themselves: that
 * counts, or is made to fail, where a test injects failures.
 */
void ct_no_charge_stub(struct ct *ct);
void ct_no_stubs(struct ct *ct);

/*
 * Advice for the first range, for which no slab has memory from when the large
 * folio is allocated; or, @but_by_reclaim, none without it. Without the stub for
 * charges. CONFIG_FAILSLAB.
 */
int ct_advise_without_slabs(struct ct *ct, int advice, bool but_by_reclaim);

/* Tell the test of MMU notifications, and let it step in. */
void ct_notify(struct ct *ct);

/*
 * Lock @folio until somebody waits for it: then another thread does what
 * @meanwhile says, if that is not NULL, and unlocks it. After the collapse
 * ct_was_waited_for() joins that thread, and tells whether it came to this.
 */
void ct_lock_until_waited_for(struct ct *ct, struct folio *folio,
			      void (*meanwhile)(struct ct *ct));
bool ct_was_waited_for(struct ct *ct);

/* file.c: a regular file whose contents ct_expect_content() knows, too. */
struct ct_file {
	struct file *file;
	struct inode *inode;
	int nr_reads, nr_writes;	/* Folios read, and written back. */
	bool keep_writeback;		/* Writeback begins and does not end. */
	bool keep_private;		/* Folios' private data is not released. */
	bool reads_fail;
};

struct ct_file *ct_regular_file(struct ct *ct, int flags);
void ct_unmount(void);

/* The fixture's file in memory, of shmem. Skips the test without CONFIG_SHMEM. */
struct file *ct_shmem(struct ct *ct);

/* cache.c: the page cache of a file's first huge range. */
#define CT_CACHE_PARTS	32

/* A character for each part of 16 pages: the order of the folio at its start,
 * '.' for none, 's' for a swap entry, '!' for what must not be there.
 */
const char *ct_cache_picture(struct file *file, char *picture);

#define ct_expect_cache(ct, file, expected) do {			\
	char __picture[CT_CACHE_PARTS + 1];				\
									\
	KUNIT_EXPECT_STREQ((ct)->test, ct_cache_picture(file, __picture), \
			   expected);					\
} while (0)

/* One huge folio, whole, at its place, mapped @maps times, used by nobody else. */
void ct_expect_huge_folio(struct ct *ct, struct file *file, int maps);

/* What is there, to be compared after a collapse that failed. */
struct ct_cache *ct_look_at_cache(struct ct *ct, struct file *file);
void ct_expect_cache_as_before(struct ct *ct, struct ct_cache *before);

/* ct_create(), with shmem mapped and filled. With swap, if the pattern asks. */
struct ct *ct_create_shmem(struct kunit *test, const char *pattern,
			   unsigned long flags);

/* Go on as the child of a fork(). */
void ct_fork(struct ct *ct);

/* uffd.c: skip the test without CONFIG_USERFAULTFD; modes are the ioctl's. */
void ct_uffd_open(struct ct *ct);
void ct_uffd_register(struct ct *ct, long page, long nr, unsigned long mode);
void ct_uffd_protect(struct ct *ct, long page, long nr, bool protect);
void ct_uffd_continue(struct ct *ct, long page, long nr);
void ct_uffd_poison(struct ct *ct, long page, long nr);

/*
 * memcg.c: go on in a memory cgroup, without limit, that ends with the test.
 * Skips the test without memory cgroups.
 */
struct mem_cgroup *ct_enter_memcg(struct ct *ct);
/* memory.max; what is charged above it is reclaimed. */
void ct_limit_memcg(struct ct *ct, unsigned long pages);

#endif /* _COLLAPSE_H */
