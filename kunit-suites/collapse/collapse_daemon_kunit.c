// SPDX-License-Identifier: GPL-2.0-only
/*
 * khugepaged's rounds through address spaces: where it goes on, what it skips,
 * and whom it forgets. The test's thread does its work.
 */
#include <linux/delay.h>
#include <linux/khugepaged.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>

#include "collapse.h"
#include "ops.h"
#include "page_alloc.h"

#define H	CT_PAGES

static void expect_picture(struct ct *ct, const char *expected)
{
	char found[CT_RANGES + 1];
	int i, nr = strlen(expected);

	for (i = 0; i < nr; i++)
		found[i] = ct_is_huge(ct, i * H) ? '#' : 'p';
	found[i] = 0;
	KUNIT_EXPECT_STREQ(ct->test, found, expected);
}

static void touch(struct ct *ct, int first, int nr)
{
	const unsigned long inherit = huge_anon_orders_inherit;
	int i;

	huge_anon_orders_inherit = 0;
	for (i = first; i < first + nr; i++)
		ct_write(ct, i * H + 3, 2);
	huge_anon_orders_inherit = inherit;
	lru_add_drain_all();
}

/* As a fault of a huge page would. */
static void enter(struct ct *ct)
{
	struct vm_area_struct *vma = vma_lookup(ct->mm, ct->start);

	khugepaged_enter_vma(vma, vma->vm_flags);
	KUNIT_ASSERT_TRUE(ct->test, mm_flags_test(MMF_VM_HUGEPAGE, ct->mm));
}

static struct ct *create(struct kunit *test, int ranges)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, ranges * H);
	touch(ct, 0, ranges);
	enter(ct);
	return ct;
}

static void scan(struct ct *ct, unsigned long pages)
{
	struct collapse_control *cc = kunit_kzalloc(ct->test, sizeof(*cc), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(ct->test, cc);
	ct_set(ct, "pages_to_scan", pages);
	cc->is_khugepaged = true;
	khugepaged_do_scan(cc);
	ct->arg = cc->progress;
	ct_check(ct);
}

/* It remembers where it stopped; it must not when the test's memory goes. */
static void finish(struct ct *ct)
{
	const unsigned long before = ct_get(ct, "full_scans");
	int i;

	for (i = 0; i < 10 && ct_get(ct, "full_scans") == before; i++)
		scan(ct, 1000 * H);
	KUNIT_EXPECT_GT(ct->test, ct_get(ct, "full_scans"), before);
}

static void one_round_collapses_all(struct kunit *test)
{
	struct ct *ct = create(test, 4);
	const unsigned long collapsed = ct_get(ct, "pages_collapsed");
	const unsigned long full = ct_get(ct, "full_scans");

	scan(ct, 100 * H);
	expect_picture(ct, "####");
	KUNIT_EXPECT_EQ(test, ct_get(ct, "pages_collapsed"), collapsed + 4);
	KUNIT_EXPECT_GT(test, ct_get(ct, "full_scans"), full);
}

/* A round is over after so many pages, and goes on where the last ended. */
static void the_next_round_goes_on(struct kunit *test)
{
	struct ct *ct = create(test, 4);

	scan(ct, H);
	expect_picture(ct, "#ppp");
	KUNIT_EXPECT_GE(test, ct->arg, (unsigned long)H);
	KUNIT_EXPECT_LT(test, ct->arg, 2UL * H);
	scan(ct, H);
	expect_picture(ct, "##pp");
	scan(ct, 2 * H);
	expect_picture(ct, "####");
	finish(ct);
}

/* Ranges that need no look are cheap, but not for nothing. */
static void huge_ranges_and_holes_count_little(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 6 * H);
	touch(ct, 0, 1);
	touch(ct, 5, 1);
	enter(ct);
	scan(ct, 100 * H);
	expect_picture(ct, "#pppp#");
	scan(ct, 100 * H);
	finish(ct);
	ct_set(ct, "pages_to_scan", 1);
	scan(ct, 3);
	KUNIT_EXPECT_GE(test, ct->arg, 3UL);
	KUNIT_EXPECT_LT(test, ct->arg, 6UL);
	finish(ct);
}

static void only_whole_ranges_of_eligible_vmas_are_scanned(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	/* From within range 0 to within range 2; 3 is refused; 4 to 5. */
	ct_mmap(ct, 100, 2 * H, PROT_READ | PROT_WRITE, MAP_PRIVATE, NULL, 0);
	ct_mmap(ct, 3 * H, H, PROT_READ | PROT_WRITE, MAP_PRIVATE, NULL, 0);
	ct_mmap(ct, 4 * H, H, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, NULL, 0);
	ct_mmap(ct, 5 * H, 300, PROT_READ, MAP_PRIVATE, NULL, 0);
	huge_anon_orders_inherit = 0;
	ct_write(ct, 200, 1);
	ct_write(ct, H + 5, 1);
	ct_write(ct, 2 * H + 20, 1);
	ct_write(ct, 3 * H, 1);
	ct_write(ct, 4 * H, 1);
	huge_anon_orders_inherit = BIT(PMD_ORDER);
	lru_add_drain_all();
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 3 * H, H, MADV_NOHUGEPAGE), 0);
	__khugepaged_enter(ct->mm);
	scan(ct, 100 * H);
	expect_picture(ct, "p#pp#p");
	finish(ct);
}

/* Its cursor is behind the end of a VMA that has shrunk. */
static void memory_unmapped_between_rounds_is_skipped(struct kunit *test)
{
	struct ct *ct = create(test, 4);

	scan(ct, H);
	scan(ct, H);
	expect_picture(ct, "##pp");
	KUNIT_ASSERT_EQ(test, vm_munmap(ct_addr(ct, H), HPAGE_PMD_SIZE + PAGE_SIZE), 0);
	scan(ct, 100 * H);
	KUNIT_EXPECT_TRUE(test, ct_is_huge(ct, 3 * H));
	finish(ct);
}

static void files_are_scanned_too(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	struct ct_file *f = ct_regular_file(ct, O_RDONLY);

	ct_mmap(ct, 0, 2 * H, PROT_READ | PROT_EXEC, MAP_PRIVATE, f->file, 0);
	ct_read(ct, 0, 2 * H);
	lru_add_drain_all();
	enter(ct);
	scan(ct, 100 * H);
	ct_read(ct, 0, 1);
	ct_read(ct, H, 1);
	expect_picture(ct, "##");
	finish(ct);
}

/* What was found in one range says nothing of the next. */
static void each_range_is_looked_at_anew(struct kunit *test)
{
	struct ct *ct = ct_create(test);

	ct_map_anon(ct, 2 * H);
	ct_fill(ct, "512w 16w 496.");
	huge_anon_orders_inherit = 0;
	huge_anon_orders_always = BIT(4);
	ct_set(ct, "max_ptes_none", 0);
	enter(ct);
	scan(ct, 100 * H);
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 32 + 1);
	finish(ct);
}

/* It waits for nobody. */
static void a_locked_address_space_is_skipped(struct kunit *test)
{
	struct ct *ct = create(test, 1);
	struct collapse_control *cc = kunit_kzalloc(test, sizeof(*cc), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cc);
	cc->is_khugepaged = true;
	mmap_write_lock(ct->mm);
	khugepaged_do_scan(cc);
	mmap_write_unlock(ct->mm);
	expect_picture(ct, "p");
	scan(ct, 100 * H);
	expect_picture(ct, "#");
}

static void a_process_that_disabled_it_is_skipped(struct kunit *test)
{
	struct ct *ct = create(test, 2);

	mm_flags_set(MMF_DISABLE_THP_COMPLETELY, ct->mm);
	scan(ct, 100 * H);
	expect_picture(ct, "pp");
	mm_flags_clear(MMF_DISABLE_THP_COMPLETELY, ct->mm);
	scan(ct, 100 * H);
	expect_picture(ct, "##");
}

/* A copy of the test's memory, which the test can end; page @used is in use. */
static struct mm_struct *copy_mm(struct ct *ct, long used)
{
	struct mm_struct *mm = mm_alloc();
	int err;

	KUNIT_ASSERT_NOT_NULL(ct->test, mm);
	/* A child's entries are old, so let the pages say that they are used. */
	folio_set_referenced(page_folio(ct_page(ct, used)));
	mm->task_size = ct->mm->task_size;
	err = dup_mmap(mm, ct->mm);
	if (err) {
		mmput(mm);
		KUNIT_FAIL_AND_ABORT(ct->test, "dup_mmap: error %d", err);
	}
	mmgrab(mm);
	return mm;
}

static bool mm_is_huge(struct ct *ct, struct mm_struct *mm, long page)
{
	pmd_t *pmd = mm_find_pmd(mm, ct_addr(ct, page));

	return pmd && pmd_trans_huge(pmdp_get(pmd));
}

static void make_old(struct ct *ct, long page, long nr)
{
	for (; nr--; page++) {
		ct_set_pte(ct, page, pte_mkold(ct_pte(ct, page)));
		folio_clear_referenced(page_folio(ct_page(ct, page)));
		folio_test_clear_young(page_folio(ct_page(ct, page)));
	}
}

static void disable(struct ct *ct)
{
	mm_flags_set(MMF_DISABLE_THP_COMPLETELY, ct->mm);
}

static void disabled_during_a_round_ends_it(struct kunit *test)
{
	struct ct *ct = create(test, 3);

	ct->on_unlocked = disable;
	scan(ct, 100 * H);
	expect_picture(ct, "ppp");
	mm_flags_clear(MMF_DISABLE_THP_COMPLETELY, ct->mm);
	finish(ct);
	expect_picture(ct, "###");
}

/*
 * What is left of it costs nothing of the round: 1 for itself, 512 for a range, 1
 * for the VMA where it is noticed. The next one has its turn, in which the first
 * range, with no page, costs 1 as well.
 */
static void expect_the_next_has_its_turn(struct kunit *test, bool one_vma)
{
	struct collapse_control *cc = kunit_kzalloc(test, sizeof(*cc), GFP_KERNEL);
	struct ct *ct = ct_create(test);
	struct mm_struct *child;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, cc);
	cc->is_khugepaged = true;
	for (i = 0; i < 6; i++)
		ct_mmap(ct, i * H, H,
			PROT_READ | PROT_WRITE | (i & 1 && !one_vma ? PROT_EXEC : 0),
			MAP_PRIVATE, NULL, 0);
	KUNIT_EXPECT_EQ(test, ct->mm->map_count, one_vma ? 1 : 6);
	touch(ct, 1, 5);
	__khugepaged_enter(ct->mm);
	child = copy_mm(ct, H + 3);
	touch(ct, 0, 1);
	make_old(ct, 3, 2);
	ct_notify(ct);
	ct->on_young = disable;
	ct_set(ct, "pages_to_scan", 1 + H + 1 + 3);
	khugepaged_do_scan(cc);
	expect_picture(ct, "pppppp");
	KUNIT_EXPECT_TRUE(test, mm_is_huge(ct, child, H));
	mm_flags_clear(MMF_DISABLE_THP_COMPLETELY, ct->mm);
	mmput(child);
	finish(ct);
	KUNIT_EXPECT_EQ(test, atomic_read(&child->mm_count), 1);
	mmdrop(child);
}

static void disabled_between_vmas_ends_it_at_once(struct kunit *test)
{
	expect_the_next_has_its_turn(test, false);
}

static void disabled_between_ranges_ends_it_at_once(struct kunit *test)
{
	expect_the_next_has_its_turn(test, true);
}

static void nothing_is_scanned_when_disabled(struct kunit *test)
{
	struct ct *ct = create(test, 1);

	huge_anon_orders_inherit = 0;
	transparent_hugepage_flags &= ~BIT(TRANSPARENT_HUGEPAGE_FLAG);
	scan(ct, 100 * H);
	expect_picture(ct, "p");
	huge_anon_orders_madvise = BIT(PMD_ORDER);
	scan(ct, 100 * H);
	expect_picture(ct, "p");
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 0, H, MADV_HUGEPAGE), 0);
	scan(ct, 100 * H);
	expect_picture(ct, "#");
}

/* Once it waits for memory, then the round is over. */
static void without_memory_it_gives_up(struct kunit *test)
{
	struct ct *ct = create(test, 4);

	ct_set(ct, "alloc_sleep_millisecs", 1);
	ct->alloc.min_fail_order = 2;
	scan(ct, 100 * H);
	KUNIT_EXPECT_EQ(test, ct->alloc.nr, 2);
	expect_picture(ct, "pppp");
	ct->alloc.min_fail_order = 0;
	finish(ct);
	finish(ct);
	expect_picture(ct, "####");
}

static void address_spaces_are_scanned_in_turn(struct kunit *test)
{
	struct ct *ct = create(test, 2);
	struct mm_struct *parent = ct->mm;

	ct_fork(ct);
	KUNIT_EXPECT_TRUE(test, mm_flags_test(MMF_VM_HUGEPAGE, ct->mm));
	touch(ct, 0, 2);	/* A child's entries are old. */
	scan(ct, 100 * H);
	expect_picture(ct, "##");
	KUNIT_EXPECT_TRUE(test, pmd_trans_huge(pmdp_get(mm_find_pmd(parent, ct->start))));
	finish(ct);
}

static void registered_twice_is_registered_once(struct kunit *test)
{
	struct ct *ct = create(test, 1);
	const int count = atomic_read(&ct->mm->mm_count);

	enter(ct);
	__khugepaged_enter(ct->mm);
	KUNIT_EXPECT_EQ(test, atomic_read(&ct->mm->mm_count), count);
}

static void an_exited_process_is_forgotten(struct kunit *test)
{
	struct ct *ct = create(test, 1);
	struct mm_struct *mm = copy_mm(ct, 3);

	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_count), 3);
	mmput(mm);
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_count), 1);
	mmdrop(mm);
	scan(ct, 100 * H);
	expect_picture(ct, "#");
}

/* Exit leaves the slot to khugepaged, if it is there at the time. */
static void exit_during_a_round_leaves_it_to_khugepaged(struct kunit *test)
{
	struct ct *ct = create(test, 2);
	struct mm_struct *mm = copy_mm(ct, 3);
	struct collapse_control *cc = kunit_kzalloc(test, sizeof(*cc), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, cc);
	cc->is_khugepaged = true;
	ct_set(ct, "pages_to_scan", 1);
	for (i = 0; i < 20 && !mm_is_huge(ct, mm, 0); i++)
		khugepaged_do_scan(cc);
	KUNIT_EXPECT_TRUE(test, mm_is_huge(ct, mm, 0));
	mmput(mm);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&mm->mm_count), 2,
			    "the cursor is elsewhere");
	scan(ct, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_count), 1);
	mmdrop(mm);
	finish(ct);
}

/*
 * The thread itself
 */

static void stop_thread(void *unused)
{
	transparent_hugepage_flags &= ~(BIT(TRANSPARENT_HUGEPAGE_FLAG) |
					BIT(TRANSPARENT_HUGEPAGE_REQ_MADV_FLAG));
	huge_anon_orders_always = 0;
	huge_anon_orders_madvise = 0;
	start_stop_khugepaged();
}

static void wait_for_huge(struct ct *ct, long page)
{
	int i;

	for (i = 0; i < 500 && !ct_is_huge(ct, page); i++)
		usleep_range(2000, 4000);
	KUNIT_EXPECT_TRUE(ct->test, ct_is_huge(ct, page));
}

/* How many there are in a state, those that are about to end left out. */
static int count_threads(unsigned int state)
{
	struct task_struct *task;
	int nr = 0;

	rcu_read_lock();
	for_each_process(task)
		nr += !strcmp(task->comm, "khugepaged") && !(task->flags & PF_EXITING) &&
		      (!state || READ_ONCE(task->__state) & state);
	rcu_read_unlock();
	return nr;
}

static ssize_t set_shmem_enabled(const char *mode)
{
#ifdef CONFIG_SHMEM
	return shmem_enabled_attr.store(NULL, &shmem_enabled_attr, mode, strlen(mode));
#else
	return -EINVAL;
#endif
}

static void no_huge_shmem(void *unused)
{
	set_shmem_enabled("never");
}

static void the_thread_works_until_it_is_stopped(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	int i;

	ct_map_anon(ct, 2 * H);
	touch(ct, 0, 1);
	ct_set(ct, "scan_sleep_millisecs", 1);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stop_thread, NULL), 0);
	KUNIT_ASSERT_EQ(test, start_stop_khugepaged(), 0);
	for (i = 0; i < 500 && !count_threads(TASK_INTERRUPTIBLE); i++)
		usleep_range(2000, 4000);
	KUNIT_EXPECT_EQ(test, count_threads(TASK_INTERRUPTIBLE), 1);
	/* The first to register wakes it. */
	enter(ct);
	wait_for_huge(ct, 0);
	touch(ct, 1, 1);
	ct_set(ct, "scan_sleep_millisecs", 0);
	wait_for_huge(ct, H);
	KUNIT_EXPECT_FALSE(test, current_is_khugepaged());
	stop_thread(NULL);
	ct_check(ct);
	touch(ct, 0, 2);
}

static void started_again_it_is_the_same_thread(struct kunit *test)
{
	struct ct *ct = create(test, 1);

	ct_set(ct, "scan_sleep_millisecs", 1);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stop_thread, NULL), 0);
	KUNIT_EXPECT_EQ(test, count_threads(0), 0);
	KUNIT_ASSERT_EQ(test, start_stop_khugepaged(), 0);
	KUNIT_EXPECT_EQ(test, count_threads(0), 1);
	KUNIT_ASSERT_EQ(test, start_stop_khugepaged(), 0);
	KUNIT_EXPECT_EQ(test, count_threads(0), 1);
	wait_for_huge(ct, 0);
	stop_thread(NULL);
	KUNIT_EXPECT_EQ(test, count_threads(0), 0);
	ct_check(ct);
}

/* Where it stopped means nothing to the next thread, and may be gone by then. */
static void stopped_within_a_round_it_begins_anew(struct kunit *test)
{
	struct ct *ct = create(test, 3);

	ct_set(ct, "pages_to_scan", 1);
	ct_set(ct, "scan_sleep_millisecs", 100000);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stop_thread, NULL), 0);
	KUNIT_ASSERT_EQ(test, start_stop_khugepaged(), 0);
	wait_for_huge(ct, 0);
	stop_thread(NULL);
	expect_picture(ct, "#pp");
	transparent_hugepage_flags |= BIT(TRANSPARENT_HUGEPAGE_FLAG);
	KUNIT_ASSERT_EQ(test, ct_madvise(ct, 0, H, MADV_DONTNEED), 0);
	touch(ct, 0, 1);
	scan(ct, H);
	expect_picture(ct, "#pp");
	finish(ct);
	expect_picture(ct, "###");
}

static void shmem_alone_keeps_it_at_work(struct kunit *test)
{
	struct ct *ct = ct_create_shmem(test, "512w", MAP_SHARED);
	char picture[CT_CACHE_PARTS + 1];
	int i;

	transparent_hugepage_flags &= ~BIT(TRANSPARENT_HUGEPAGE_FLAG);
	huge_anon_orders_inherit = 0;
	__khugepaged_enter(ct->mm);
	KUNIT_ASSERT_EQ(test, start_stop_khugepaged(), 0);
	KUNIT_EXPECT_EQ(test, count_threads(0), 0);
	ct_set(ct, "scan_sleep_millisecs", 1);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, no_huge_shmem, NULL), 0);
	KUNIT_ASSERT_EQ(test, set_shmem_enabled("always"), 6);
	KUNIT_EXPECT_EQ(test, count_threads(0), 1);
	for (i = 0; i < 500 && *ct_cache_picture(ct->t->file[0], picture) != '9'; i++)
		usleep_range(2000, 4000);
	no_huge_shmem(NULL);
	KUNIT_EXPECT_EQ(test, count_threads(0), 0);
	ct_check(ct);
	ct_expect_huge_folio(ct, ct->t->file[0], 0);
	ct_expect_content(ct, "512w");
}

static void without_memory_it_is_not_started(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	int err;

	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stop_thread, NULL), 0);
	tmm_arm(1);
	err = start_stop_khugepaged();
	KUNIT_EXPECT_TRUE(test, tmm_disarm());
	KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	KUNIT_EXPECT_EQ(test, count_threads(0), 0);
	KUNIT_EXPECT_EQ(test, start_stop_khugepaged(), 0);
	KUNIT_EXPECT_EQ(test, count_threads(0), 1);
	ct_check(ct);
}

/* Another time it may work: it is no error. */
static void without_memory_nothing_is_registered(struct kunit *test)
{
	struct ct *ct = ct_create(test);
	int count;
	bool failed;

	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	ct_map_anon(ct, H);
	KUNIT_ASSERT_FALSE(test, mm_flags_test(MMF_VM_HUGEPAGE, ct->mm));
	count = atomic_read(&ct->mm->mm_count);
	tmm_arm(1);
	__khugepaged_enter(ct->mm);
	failed = tmm_disarm();
	KUNIT_EXPECT_TRUE(test, failed);
	KUNIT_EXPECT_FALSE(test, mm_flags_test(MMF_VM_HUGEPAGE, ct->mm));
	KUNIT_EXPECT_EQ(test, atomic_read(&ct->mm->mm_count), count);
	touch(ct, 0, 1);
	enter(ct);
	KUNIT_EXPECT_EQ(test, atomic_read(&ct->mm->mm_count), count + 1);
}

/*
 * min_free_kbytes, so that pages of one kind stay together
 */

struct free_kbytes {
	int min, user;
};

static void restore_free_kbytes(void *data)
{
	struct free_kbytes *saved = data;

	stop_thread(NULL);
	user_min_free_kbytes = saved->user;
	min_free_kbytes = saved->min;
	setup_per_zone_wmarks();
}

/*
 * It is computed of what the watermarks leave, which it sets: so twice, and it
 * may swing between two neighbours even so.
 */
static int stopped_min_free_kbytes(void)
{
	stop_thread(NULL);
	stop_thread(NULL);
	return min_free_kbytes;
}

/* Stopped, the rule of the page allocator holds; started, that of huge pages. */
static void more_is_kept_free_while_it_runs(struct kunit *test)
{
	struct free_kbytes *saved = kunit_kzalloc(test, sizeof(*saved), GFP_KERNEL);
	int low, high;

	KUNIT_ASSERT_NOT_NULL(test, saved);
	ct_create(test);
	*saved = (struct free_kbytes){ min_free_kbytes, user_min_free_kbytes };
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, restore_free_kbytes, saved), 0);
	low = stopped_min_free_kbytes();
	transparent_hugepage_flags |= BIT(TRANSPARENT_HUGEPAGE_FLAG);
	KUNIT_ASSERT_EQ(test, start_stop_khugepaged(), 0);
	high = min_free_kbytes;
	KUNIT_EXPECT_GT(test, high, low);

	/* It never takes away what the user has set. */
	min_free_kbytes = high + 100;
	KUNIT_ASSERT_EQ(test, start_stop_khugepaged(), 0);
	KUNIT_EXPECT_EQ(test, min_free_kbytes, high + 100);
	/* But it adds to that. */
	user_min_free_kbytes = low;
	min_free_kbytes = low;
	KUNIT_ASSERT_EQ(test, start_stop_khugepaged(), 0);
	KUNIT_EXPECT_EQ(test, min_free_kbytes, high);
	user_min_free_kbytes = saved->user;
	KUNIT_EXPECT_LE(test, abs(stopped_min_free_kbytes() - low), 1);
}

/* More memory: what was computed of the old size is computed again. */
static void with_more_memory_it_is_computed_again(struct kunit *test)
{
	struct free_kbytes *saved = kunit_kzalloc(test, sizeof(*saved), GFP_KERNEL);
	const unsigned long flags = transparent_hugepage_flags;
	int low, high;

	KUNIT_ASSERT_NOT_NULL(test, saved);
	ct_create(test);
	*saved = (struct free_kbytes){ min_free_kbytes, user_min_free_kbytes };
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, restore_free_kbytes, saved), 0);
	low = min_free_kbytes;
	/* Huge pages, but no thread yet; neither; both. */
	khugepaged_min_free_kbytes_update();
	KUNIT_EXPECT_EQ(test, min_free_kbytes, low);
	transparent_hugepage_flags = flags;
	khugepaged_min_free_kbytes_update();
	KUNIT_EXPECT_EQ(test, min_free_kbytes, low);
	transparent_hugepage_flags |= BIT(TRANSPARENT_HUGEPAGE_FLAG);
	KUNIT_ASSERT_EQ(test, start_stop_khugepaged(), 0);
	high = min_free_kbytes;
	min_free_kbytes = low;
	khugepaged_min_free_kbytes_update();
	KUNIT_EXPECT_EQ(test, min_free_kbytes, high);
}

static struct kunit_case daemon_cases[] = {
	KUNIT_CASE(one_round_collapses_all),
	KUNIT_CASE(the_next_round_goes_on),
	KUNIT_CASE(huge_ranges_and_holes_count_little),
	KUNIT_CASE(only_whole_ranges_of_eligible_vmas_are_scanned),
	KUNIT_CASE(memory_unmapped_between_rounds_is_skipped),
	KUNIT_CASE(files_are_scanned_too),
	KUNIT_CASE(each_range_is_looked_at_anew),
	KUNIT_CASE(a_locked_address_space_is_skipped),
	KUNIT_CASE(a_process_that_disabled_it_is_skipped),
	KUNIT_CASE(disabled_during_a_round_ends_it),
	KUNIT_CASE(disabled_between_vmas_ends_it_at_once),
	KUNIT_CASE(disabled_between_ranges_ends_it_at_once),
	KUNIT_CASE(nothing_is_scanned_when_disabled),
	KUNIT_CASE(without_memory_it_gives_up),
	KUNIT_CASE(address_spaces_are_scanned_in_turn),
	KUNIT_CASE(registered_twice_is_registered_once),
	KUNIT_CASE(an_exited_process_is_forgotten),
	KUNIT_CASE(exit_during_a_round_leaves_it_to_khugepaged),
	KUNIT_CASE(the_thread_works_until_it_is_stopped),
	KUNIT_CASE(started_again_it_is_the_same_thread),
	KUNIT_CASE(stopped_within_a_round_it_begins_anew),
	KUNIT_CASE(shmem_alone_keeps_it_at_work),
	KUNIT_CASE(without_memory_it_is_not_started),
	KUNIT_CASE(without_memory_nothing_is_registered),
	KUNIT_CASE(more_is_kept_free_while_it_runs),
	KUNIT_CASE(with_more_memory_it_is_computed_again),
	{}
};

static struct kunit_suite collapse_daemon_suite = {
	.name = "collapse_daemon",
	.suite_init = ct_suite_init,
	.suite_exit = ct_suite_exit,
	.test_cases = daemon_cases,
};

kunit_test_suite(collapse_daemon_suite);
