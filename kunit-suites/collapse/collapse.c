// SPDX-License-Identifier: GPL-2.0-only
/*
 * The settings of a test about collapses, the collapse itself, and what steps
 * in between.
 *
 * khugepaged would scan the tests' memory when it likes to. It is stopped
 * while a suite runs, and its work is done by the tests' threads.
 *
 * checkpatch: MACRO_WITH_FLOW_CONTROL: rows of a switch
 */
#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <linux/delay.h>
#include <linux/fault-inject.h>
#include <linux/khugepaged.h>
#include <linux/kobject.h>
#include <linux/memcontrol.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/swap.h>
#include <linux/syscalls.h>
#include <linux/vmstat.h>

#include "collapse.h"
#include "page_alloc.h"

static const char * const settings[] = {
	"defrag", "max_ptes_none", "max_ptes_swap", "max_ptes_shared",
	"pages_to_scan", "scan_sleep_millisecs", "alloc_sleep_millisecs",
};

struct ct_saved {
	unsigned long flags, always, madvise, inherit;
	unsigned long value[ARRAY_SIZE(settings)];
};

static struct {
	unsigned long flags, always, madvise, inherit;
} booted;

/* Stop khugepaged: it runs as long as any huge page is enabled. */
int ct_suite_init(struct kunit_suite *suite)
{
	booted.flags = transparent_hugepage_flags;
	booted.always = huge_anon_orders_always;
	booted.madvise = huge_anon_orders_madvise;
	booted.inherit = huge_anon_orders_inherit;
	clear_bit(TRANSPARENT_HUGEPAGE_FLAG, &transparent_hugepage_flags);
	clear_bit(TRANSPARENT_HUGEPAGE_REQ_MADV_FLAG, &transparent_hugepage_flags);
	huge_anon_orders_always = 0;
	huge_anon_orders_madvise = 0;
	return start_stop_khugepaged();
}

void ct_suite_exit(struct kunit_suite *suite)
{
	transparent_hugepage_flags = booted.flags;
	huge_anon_orders_always = booted.always;
	huge_anon_orders_madvise = booted.madvise;
	huge_anon_orders_inherit = booted.inherit;
	start_stop_khugepaged();
	ct_unmount();
	tmm_swapoff();
}

/*
 * Settings
 */

static struct kobj_attribute *find_attr(struct ct *ct, const char *name)
{
	struct attribute **attr;

	for (attr = khugepaged_attr_group.attrs; *attr; attr++)
		if (!strcmp((*attr)->name, name))
			return container_of(*attr, struct kobj_attribute, attr);
	KUNIT_FAIL_AND_ABORT(ct->test, "no setting %s", name);
}

unsigned long ct_get(struct ct *ct, const char *name)
{
	struct kobj_attribute *attr = find_attr(ct, name);
	char *page = (char *)__get_free_page(GFP_KERNEL);
	unsigned long value = 0;
	int err = -ENOMEM;

	if (page) {
		attr->show(NULL, attr, page);
		err = kstrtoul(page, 10, &value);
		free_page((unsigned long)page);
	}
	if (err)
		KUNIT_FAIL(ct->test, "cannot read %s", name);
	return value;
}

bool ct_refuses(struct ct *ct, const char *name, const char *text)
{
	struct kobj_attribute *attr = find_attr(ct, name);

	return attr->store(NULL, attr, text, strlen(text)) == -EINVAL;
}

static bool set(struct ct *ct, const char *name, unsigned long value)
{
	struct kobj_attribute *attr = find_attr(ct, name);
	char text[24];

	snprintf(text, sizeof(text), "%lu", value);
	return attr->store(NULL, attr, text, strlen(text)) == strlen(text);
}

void ct_set(struct ct *ct, const char *name, unsigned long value)
{
	if (!set(ct, name, value))
		KUNIT_FAIL_AND_ABORT(ct->test, "cannot set %s to %lu", name, value);
}

static void save_settings(struct ct *ct)
{
	struct ct_saved *saved = ct->saved;
	int i;

	saved->flags = transparent_hugepage_flags;
	saved->always = huge_anon_orders_always;
	saved->madvise = huge_anon_orders_madvise;
	saved->inherit = huge_anon_orders_inherit;
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		saved->value[i] = ct_get(ct, settings[i]);
}

static void restore_settings(void *data)
{
	struct ct *ct = data;
	int i;

	transparent_hugepage_flags = ct->saved->flags;
	huge_anon_orders_always = ct->saved->always;
	huge_anon_orders_madvise = ct->saved->madvise;
	huge_anon_orders_inherit = ct->saved->inherit;
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		set(ct, settings[i], ct->saved->value[i]);
}

/*
 * What steps in. Each callback is called once: what it does may come here
 * again.
 */

static struct ct *current_ct(void)
{
	return kunit_get_current_test()->priv;
}

/* As __folio_alloc(), which comes here. */
static struct folio *really_alloc(gfp_t gfp, unsigned int order, int node,
				  nodemask_t *nodes)
{
	return page_rmappable_folio(__alloc_pages(gfp | __GFP_COMP, order, node,
						  nodes, ALLOC_DEFAULT));
}

static struct folio *alloc_folio(gfp_t gfp, unsigned int order, int node,
				 nodemask_t *nodes)
{
	struct ct *ct = current_ct();
	void (*callback)(struct ct *ct) = ct->on_alloc;
	struct folio *folio = NULL;

	if (order < 2)
		return really_alloc(gfp, order, node, nodes);
	ct->alloc.nr++;
	ct->alloc.gfp = gfp;
	ct->alloc.order = order;
	ct->alloc.node = node;
	if (nodes)
		ct->alloc.nodes = *nodes;
	ct->on_alloc = NULL;
	if (callback)
		callback(ct);
	if (!ct->alloc.min_fail_order || order < ct->alloc.min_fail_order)
		folio = really_alloc(gfp, order, node, nodes);
	ct->alloc.folio = folio;
	return folio;
}

#ifdef CONFIG_MEMCG
static int charge(struct folio *folio, struct mm_struct *mm, gfp_t gfp)
{
	struct ct *ct = current_ct();
	int err = ct->alloc.charge_err;

	if (folio_test_large(folio)) {
		ct->alloc.nr_charges++;
		ct->alloc.charge_gfp = gfp;
		if (err)
			return err;
	}
	kunit_deactivate_static_stub(ct->test, __mem_cgroup_charge);
	err = __mem_cgroup_charge(folio, mm, gfp);
	kunit_activate_static_stub(ct->test, __mem_cgroup_charge, charge);
	return err;
}
#endif

static void unlocked(struct mm_struct *mm)
{
	struct ct *ct = current_ct();
	void (*callback)(struct ct *ct) = ct->on_unlocked;

	ct->on_unlocked = NULL;
	if (callback)
		callback(ct);
}

static int poisoned(struct page *page)
{
	struct ct *ct = current_ct();
	void (*callback)(struct ct *ct, struct page *page) = ct->on_copy;

	ct->on_copy = NULL;
	if (callback)
		callback(ct, page);
	return ct->nr_copies++ == ct->poison;
}

static void step_in(struct ct *ct)
{
	kunit_activate_static_stub(ct->test, __folio_alloc_noprof, alloc_folio);
#ifdef CONFIG_MEMCG
	kunit_activate_static_stub(ct->test, __mem_cgroup_charge, charge);
#endif
	kunit_activate_static_stub(ct->test, collapse_unlocked, unlocked);
	kunit_activate_static_stub(ct->test, collapse_poisoned, poisoned);
}

void ct_no_charge_stub(struct ct *ct)
{
#ifdef CONFIG_MEMCG
	kunit_deactivate_static_stub(ct->test, __mem_cgroup_charge);
#endif
}

void ct_no_stubs(struct ct *ct)
{
	kunit_deactivate_static_stub(ct->test, __folio_alloc_noprof);
	ct_no_charge_stub(ct);
}

#ifdef CONFIG_FAILSLAB
/* ct->arg: not if it may reclaim. */
static void fail_slab(struct ct *ct)
{
	failslab.ignore_gfp_reclaim = ct->arg;
	failslab.attr.verbose = 0;
	failslab.attr.probability = 100;
	failslab.attr.task_filter = true;
	atomic_set(&failslab.attr.times, -1);
	current->make_it_fail = 1;
}

int ct_advise_without_slabs(struct ct *ct, int advice, bool but_by_reclaim)
{
	const struct fault_attr attr = failslab.attr;
	int err;

	ct->arg = but_by_reclaim;
	ct->on_alloc = fail_slab;
	err = madvise_mm(ct->mm, ct->start, HPAGE_PMD_SIZE, advice);
	current->make_it_fail = 0;
	failslab.attr = attr;
	failslab.ignore_gfp_reclaim = true;
	return err;
}
#endif /* CONFIG_FAILSLAB */

static struct ct *ct_of(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct ct, notifier);
}

static int invalidate_start(struct mmu_notifier *notifier,
			    const struct mmu_notifier_range *range)
{
	struct ct *ct = ct_of(notifier);
	void (*callback)(struct ct *ct) = ct->on_invalidate;
	pmd_t *pmd = mm_find_pmd(ct->mm, range->start);

	if (ct->nr_events < CT_EVENTS)
		ct->event[ct->nr_events] = (struct ct_event){
			.start = range->start, .end = range->end,
			.pmd_was_table = pmd && !pmd_leaf(pmdp_get_lockless(pmd)),
		};
	ct->nr_events++;
	ct->on_invalidate = NULL;
	if (callback)
		callback(ct);
	return 0;
}

static void invalidate_end(struct mmu_notifier *notifier,
			   const struct mmu_notifier_range *range)
{
	struct ct *ct = ct_of(notifier);
	void (*callback)(struct ct *ct) = ct->on_invalidated;

	ct->nr_ends++;
	ct->on_invalidated = NULL;
	if (callback)
		callback(ct);
}

static bool test_young(struct mmu_notifier *notifier, struct mm_struct *mm,
		       unsigned long addr)
{
	struct ct *ct = ct_of(notifier);
	void (*callback)(struct ct *ct) = ct->on_young;

	ct->on_young = NULL;
	if (callback)
		callback(ct);
	return ct->secondary_young;
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start = invalidate_start,
	.invalidate_range_end = invalidate_end,
	.test_young = test_young,
};

static void stop_notifying(void *data)
{
	struct ct *ct = data;

	mmu_notifier_unregister(&ct->notifier, ct->mm);
}

void ct_notify(struct ct *ct)
{
	int err;

	ct->notifier.ops = &notifier_ops;
	err = mmu_notifier_register(&ct->notifier, ct->mm);
	KUNIT_ASSERT_EQ(ct->test, err, 0);
	err = kunit_add_action_or_reset(ct->test, stop_notifying, ct);
	KUNIT_ASSERT_EQ(ct->test, err, 0);
}

static void hold_lock(struct work_struct *work)
{
	struct ct *ct = container_of(work, struct ct, holder.work);
	struct ct_holder *holder = &ct->holder;
	int tries = 10000;

	while (!folio_test_waiters(holder->folio) && tries--)
		usleep_range(100, 200);
	holder->waited_for = folio_test_waiters(holder->folio);
	if (holder->meanwhile)
		holder->meanwhile(ct);
	folio_unlock(holder->folio);
}

void ct_lock_until_waited_for(struct ct *ct, struct folio *folio,
			      void (*meanwhile)(struct ct *ct))
{
	folio_lock(folio);
	ct->holder.folio = folio;
	ct->holder.meanwhile = meanwhile;
	INIT_WORK(&ct->holder.work, hold_lock);
	schedule_work(&ct->holder.work);
}

bool ct_was_waited_for(struct ct *ct)
{
	flush_work(&ct->holder.work);
	return ct->holder.waited_for;
}

/*
 * Life
 */

struct ct *ct_create(struct kunit *test)
{
	struct ct *ct = kunit_kzalloc(test, sizeof(*ct), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, ct);
	ct->saved = kunit_kzalloc(test, sizeof(*ct->saved), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ct->saved);
	ct->test = test;
	ct->poison = -1;
	test->priv = ct;
	save_settings(ct);
	err = kunit_add_action_or_reset(test, restore_settings, ct);
	KUNIT_ASSERT_EQ(test, err, 0);

	transparent_hugepage_flags |= BIT(TRANSPARENT_HUGEPAGE_FLAG);
	huge_anon_orders_always = 0;
	huge_anon_orders_madvise = 0;
	huge_anon_orders_inherit = BIT(PMD_ORDER);

	ct->t = tmm_create(test);
	tmm_zoom_out(ct->t);
	ct->mm = ct->t->mm;
	ct->start = tmm_addr(ct->t, 0);
	step_in(ct);
	return ct;
}

struct ct *ct_create_with_swap(struct kunit *test)
{
	tmm_swapon(test);
	return ct_create(test);
}

struct file *ct_shmem(struct ct *ct)
{
	if (!IS_ENABLED(CONFIG_SHMEM))
		kunit_skip(ct->test, "no shmem (CONFIG_SHMEM)");
	return tmm_file(ct->t, 0);
}

void ct_fork(struct ct *ct)
{
	tmm_fork(ct->t);
	ct->mm = ct->t->mm;
}

/*
 * The collapse
 */

enum scan_result ct_collapse(struct ct *ct, long page, enum ct_who who)
{
	const unsigned long addr = ct_addr(ct, page) & HPAGE_PMD_MASK;
	enum scan_result result = SCAN_VMA_NULL;
	struct collapse_control *cc;
	struct vm_area_struct *vma;
	bool dropped = false;

	cc = kzalloc_obj(*cc);
	if (!cc)
		return SCAN_FAIL;
	cc->is_khugepaged = who == CT_KHUGEPAGED;
	lru_add_drain_all();
	mmap_read_lock(ct->t->mm);
	vma = vma_lookup(ct->t->mm, addr);
	if (ct->give_way)
		set_tsk_need_resched(current);
	if (vma)
		result = collapse_single_pmd(addr, vma, &dropped, cc);
	if (!dropped)
		mmap_read_unlock(ct->t->mm);
	kfree(cc);
	return result;
}

int ct_madvise(struct ct *ct, long page, long nr, int advice)
{
	return do_madvise(ct->t->mm, ct_addr(ct, page), nr * PAGE_SIZE, advice);
}

/* Without a default, so that the compiler names a result that is missing. */
const char *ct_result_name(enum scan_result result)
{
#define NAME(result)	case result: return #result
	switch (result) {
	NAME(SCAN_FAIL);
	NAME(SCAN_SUCCEED);
	NAME(SCAN_NO_PTE_TABLE);
	NAME(SCAN_PMD_MAPPED);
	NAME(SCAN_EXCEED_NONE_PTE);
	NAME(SCAN_EXCEED_SWAP_PTE);
	NAME(SCAN_EXCEED_SHARED_PTE);
	NAME(SCAN_PTE_NON_PRESENT);
	NAME(SCAN_PTE_UFFD);
	NAME(SCAN_PTE_MAPPED_HUGEPAGE);
	NAME(SCAN_LACK_REFERENCED_PAGE);
	NAME(SCAN_PAGE_NULL);
	NAME(SCAN_SCAN_ABORT);
	NAME(SCAN_PAGE_COUNT);
	NAME(SCAN_PAGE_LRU);
	NAME(SCAN_PAGE_LOCK);
	NAME(SCAN_PAGE_ANON);
	NAME(SCAN_PAGE_LAZYFREE);
	NAME(SCAN_PAGE_COMPOUND);
	NAME(SCAN_ANY_PROCESS);
	NAME(SCAN_VMA_NULL);
	NAME(SCAN_VMA_CHECK);
	NAME(SCAN_ADDRESS_RANGE);
	NAME(SCAN_DEL_PAGE_LRU);
	NAME(SCAN_ALLOC_HUGE_PAGE_FAIL);
	NAME(SCAN_CGROUP_CHARGE_FAIL);
	NAME(SCAN_TRUNCATED);
	NAME(SCAN_PAGE_HAS_PRIVATE);
	NAME(SCAN_STORE_FAILED);
	NAME(SCAN_COPY_MC);
	NAME(SCAN_PAGE_FILLED);
	NAME(SCAN_PAGE_DIRTY_OR_WRITEBACK);
	}
#undef NAME
	return NULL;
}

bool ct_checks(struct ct *ct)
{
	ct->t->doing = "the collapse";
	return tmm_check(ct->t);
}

/*
 * Counters
 */

long ct_node_stat(enum node_stat_item item)
{
	long sum = 0;
	int nid, cpu;

	for_each_online_node(nid) {
		struct pglist_data *node = NODE_DATA(nid);

		sum += atomic_long_read(&node->vm_stat[item]);
		if (!IS_ENABLED(CONFIG_SMP))
			continue;
		for_each_online_cpu(cpu)
			sum += per_cpu_ptr(node->per_cpu_nodestats, cpu)->vm_node_stat_diff[item];
	}
	return sum;
}

unsigned long ct_event_count(enum vm_event_item item)
{
	unsigned long sum = 0;
#ifdef CONFIG_VM_EVENT_COUNTERS
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(vm_event_states, cpu).event[item];
#endif
	return sum;
}
