// SPDX-License-Identifier: GPL-2.0-only
/*
 * Races: the test's thread changes the address space over and over, in a
 * cycle that ends where it began, while racers in threads of their own use it.
 * Each racer knows what it wrote, and what it may find. Nothing is asserted
 * before all are back; then the fixture's checker has a look, and the picture
 * must be what it was.
 *
 * With one CPU the threads take turns, which finds little.
 *
 * checkpatch: YIELD: to let the others run is what it is for
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_context.h>
#include <linux/moduleparam.h>
#include <linux/pagemap.h>
#include <linux/prandom.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "internal.h"
#include "ops.h"
#include "test_mm.h"

static uint ms = 15;
module_param(ms, uint, 0444);
MODULE_PARM_DESC(ms, "how long each race takes, with one CPU a fifth of it (default 15)");

static ulong seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the racers' choices (default 1)");

#define PAGES		16		/* The racers', columns 0 to 15. */
#define RACERS		2
#define MIN_TURNS	8		/* However slow they are, and */
#define MAX_TURNS	5000		/* however fast. */
#define SLOT		64		/* Of a page, for each racer to write into. */
#define SEQ_BITS	24		/* Of a value; the rest is the page. */

struct racer;

struct race_case {
	const char *name;
	const char *before;		/* And after each cycle. */
	struct tmm_op cycle[5];
	/* Instead of the cycle, what cannot be said by operations. */
	void (*turn)(struct racer *self);
	void (*racers[RACERS])(struct racer *r);
	int moves;			/* To where else the pages may be. */
	bool faults;			/* An access may fail. */
	bool clears;			/* A page may be new, and all zero. */
	bool wanders;			/* Merges depend on who was first. */
};

struct race {
	struct kunit *test;
	const struct race_case *c;
	struct test_mm *t;
	struct mm_struct *mm;
	bool over;
};

/* The test's thread is one, too, with the number RACERS. */
struct racer {
	struct race *race;
	int nr;
	struct rnd_state rnd;
	struct completion ready, done;
	unsigned long turns;
	u32 seq;
	u32 begun[PAGES], last[PAGES];	/* Written. */
	char wrong[160];
};

/* The first finding counts; what follows may be due to it. */
static __printf(2, 3) void wrong(struct racer *r, const char *fmt, ...)
{
	va_list args;

	if (r->wrong[0])
		return;
	va_start(args, fmt);
	vsnprintf(r->wrong, sizeof(r->wrong), fmt, args);
	va_end(args);
}

static int below(struct racer *r, int limit)
{
	return prandom_u32_state(&r->rnd) % limit;
}

/* Where a page may be at the moment. */
static unsigned long pick_addr(struct racer *r, int page)
{
	if (r->race->c->moves && below(r, 2))
		page += r->race->c->moves;
	return tmm_addr(r->race->t, page);
}

static unsigned long slot(const struct racer *r)
{
	return (r->nr + 1) * SLOT;	/* The picture was drawn into the first. */
}

static u32 next_value(struct racer *r, int page)
{
	return (u32)(page + 1) << SEQ_BITS | (++r->seq & (BIT(SEQ_BITS) - 1));
}

/* What this racer wrote last, or nothing where the page may be a new one. */
static void check_value(struct racer *r, const char *how, int page, u32 value)
{
	if (value == r->last[page] || (r->race->c->clears && !value))
		return;
	wrong(r, "page %d %s: %08x, expected %08x", page, how, value,
	      r->last[page]);
}

/* One CPU is handed on, where several only have to be given up at times. */
static void next_turn(struct racer *r)
{
	r->turns++;
	if (num_online_cpus() == 1)
		yield();
	else
		cond_resched();
}

/*
 * Racers
 */

static bool write_page(struct racer *r, int page)
{
	u32 __user *to = (u32 __user *)(pick_addr(r, page) + slot(r));
	const u32 value = next_value(r, page);

	WRITE_ONCE(r->begun[page], value);
	if (copy_to_user(to, &value, sizeof(value)))
		return false;
	WRITE_ONCE(r->last[page], value);
	return true;
}

static bool read_page(struct racer *r, int page)
{
	u32 __user *from = (u32 __user *)(pick_addr(r, page) + slot(r));
	u32 value;

	if (copy_from_user(&value, from, sizeof(value)))
		return false;
	check_value(r, "read", page, value);
	return true;
}

/* No write gets lost, and no page is another. */
static void write_and_read(struct racer *r)
{
	const int page = below(r, PAGES);

	if (!write_page(r, page) && !r->race->c->faults)
		wrong(r, "page %d cannot be written", page);
	if (!read_page(r, below(r, PAGES)) && !r->race->c->faults)
		wrong(r, "a page cannot be read");
}

/* A pinned page stays what it is, whatever becomes of the mapping. */
static void pin_and_write(struct racer *r)
{
	const int page = below(r, PAGES);
	const u32 value = next_value(r, page);
	struct page *pinned;
	u32 *kept, found;

	if (pin_user_pages_fast(pick_addr(r, page), 1, FOLL_WRITE, &pinned) != 1) {
		if (!r->race->c->faults)
			wrong(r, "page %d cannot be pinned", page);
		return;
	}
	kept = kmap_local_page(pinned) + slot(r);
	check_value(r, "pinned", page, READ_ONCE(*kept));
	WRITE_ONCE(*kept, value);
	WRITE_ONCE(r->last[page], value);
	ndelay(500);
	found = READ_ONCE(*kept);
	kunmap_local(kept);
	if (found != value)
		wrong(r, "page %d is pinned and became %08x, was %08x", page,
		      found, value);
	if (!r->race->c->clears && !read_page(r, page) && !r->race->c->faults)
		wrong(r, "page %d is pinned and cannot be read", page);
	unpin_user_page(pinned);
}

/* Where it was found; a split has two VMAs cover one address for a moment. */
struct places {
	int nr;
	unsigned long addr[4];
};

static bool note_place(struct folio *folio, struct vm_area_struct *vma,
		       unsigned long addr, void *arg)
{
	/* Under the lock: an entry that is changed is empty for a moment. */
	DEFINE_FOLIO_VMA_WALK(pvmw, folio, vma, addr, PVMW_SYNC);
	struct places *places = arg;
	int i;

	while (page_vma_mapped_walk(&pvmw)) {
		for (i = 0; i < places->nr; i++)
			if (places->addr[i] == pvmw.address)
				break;
		if (i == places->nr && i < ARRAY_SIZE(places->addr))
			places->addr[places->nr++] = pvmw.address;
	}
	return true;
}

/* A page that is mapped all the time is found by the reverse map. */
static void walk_rmap(struct racer *r)
{
	const int page = below(r, PAGES);
	struct places places = {};
	struct rmap_walk_control rwc = { .rmap_one = note_place, .arg = &places };
	struct folio *folio;
	struct page *got;

	write_page(r, page);
	if (get_user_pages_fast(pick_addr(r, page), 1, 0, &got) != 1)
		return;
	folio = page_folio(got);
	folio_lock(folio);
	rmap_walk(folio, &rwc);
	folio_unlock(folio);
	/* As the walk goes on it may be moved to where the walk was not yet. */
	if (places.nr < 1 || places.nr > (r->race->c->moves ? 2 : 1))
		wrong(r, "page %d is found by the reverse map at %d places",
		      page, places.nr);
	folio_put(folio);
}

struct snapshot {
	unsigned long start, end;
	pgoff_t pgoff;
	vm_flags_t flags;
};

static struct snapshot look_at(const struct vm_area_struct *vma)
{
	return (struct snapshot){
		.start = READ_ONCE(vma->vm_start), .end = READ_ONCE(vma->vm_end),
		.pgoff = READ_ONCE(vma->vm_pgoff), .flags = vma->vm_flags,
	};
}

/* It covers the address, and does not change as long as it is locked. */
static void check_locked_vma(struct racer *r, struct vm_area_struct *vma,
			     unsigned long addr)
{
	const struct snapshot before = look_at(vma);
	struct snapshot after;

	if (vma->vm_mm != r->race->mm || addr < before.start || addr >= before.end)
		wrong(r, "VMA %lx-%lx found at %lx", before.start, before.end, addr);
	ndelay(500);
	after = look_at(vma);
	if (after.start != before.start || after.end != before.end ||
	    after.pgoff != before.pgoff || after.flags != before.flags)
		wrong(r, "VMA %lx-%lx, flags %llx, became %lx-%lx, flags %llx, while it was locked",
		      before.start, before.end, (u64)before.flags, after.start,
		      after.end, (u64)after.flags);
}

static void look_up(struct racer *r)
{
	const unsigned long addr = pick_addr(r, below(r, PAGES));
	struct vm_area_struct *vma;

	mmap_read_lock(r->race->mm);
	vma = vma_lookup(r->race->mm, addr);
	if (vma)
		check_locked_vma(r, vma, addr);
	else if (!r->race->c->faults)
		wrong(r, "no VMA at %lx", addr);
	mmap_read_unlock(r->race->mm);
}

/* Without a VMA, because it is about to change, the mmap_lock would be taken. */
static void look_up_under_rcu(struct racer *r)
{
	const unsigned long addr = pick_addr(r, below(r, PAGES));
	struct vm_area_struct *vma = lock_vma_under_rcu(r->race->mm, addr);

	if (!vma)
		return;
	check_locked_vma(r, vma, addr);
	vma_end_read(vma);
}

/*
 * What the test's thread does beside operations
 */

static void must(struct racer *self, struct tmm_op op)
{
	const long err = __tmm_do(self->race->t, &op);

	if (err)
		wrong(self, "%s: error %ld", self->race->t->doing, err);
}

/* What the first racer wrote. */
static u32 peek(struct racer *self, struct mm_struct *mm, int page)
{
	u32 value = 0;

	if (access_remote_vm(mm, tmm_addr(self->race->t, page) + SLOT, &value,
			     sizeof(value), 0) != sizeof(value))
		wrong(self, "page %d cannot be read from outside", page);
	return value;
}

/* What is read-only does not change, from the moment that mprotect() is back. */
static void protect(struct racer *self)
{
	u32 before[PAGES], after;
	int i;

	must(self, TMM_MPROTECT(4, 8, "r"));
	for (i = 4; i < 12; i++)
		before[i] = peek(self, self->race->mm, i);
	ndelay(2000);
	for (i = 4; i < 12; i++) {
		after = peek(self, self->race->mm, i);
		if (after != before[i])
			wrong(self, "page %d is read-only and became %08x, was %08x",
			      i, after, before[i]);
	}
	must(self, TMM_MPROTECT(4, 8, "rw"));
}

static struct mm_struct *fork_mm(struct race *race)
{
	struct mm_struct *child = mm_alloc();

	if (!child)
		return NULL;
	child->task_size = TASK_SIZE;
	arch_pick_mmap_layout(child, &current->signal->rlim[RLIMIT_STACK]);
	if (dup_mmap(child, race->mm)) {
		mmput(child);
		return NULL;
	}
	return child;
}

/*
 * A child has of each page what was in it at one moment of the fork, and that
 * for ever; the parent, whose racer looks after that, loses nothing.
 */
static void fork_once(struct racer *self)
{
	struct racer *writer = self - RACERS;
	u32 oldest[PAGES], newest[PAGES], value;
	struct mm_struct *child;
	int i;

	for (i = 0; i < PAGES; i++)
		oldest[i] = READ_ONCE(writer->last[i]);
	child = fork_mm(self->race);
	if (!child) {
		wrong(self, "fork failed");
		return;
	}
	for (i = 0; i < PAGES; i++)
		newest[i] = READ_ONCE(writer->begun[i]);
	ndelay(2000);
	for (i = 0; i < PAGES; i++) {
		value = peek(self, child, i);
		if (value < oldest[i] || value > newest[i])
			wrong(self, "page %d of the child: %08x, expected %08x to %08x",
			      i, value, oldest[i], newest[i]);
	}
	mmput(child);
}

/*
 * The race
 */

static int run_racer(void *data)
{
	struct racer *r = data;
	struct race *race = r->race;

	kthread_use_mm(race->mm);
	while (!READ_ONCE(race->over) && !r->wrong[0]) {
		race->c->racers[r->nr](r);
		complete(&r->ready);
		next_turn(r);
	}
	kthread_unuse_mm(race->mm);
	mmput(race->mm);
	kthread_complete_and_exit(&r->done, 0);
}

/* Each on the next CPU, beginning with one that the test's thread is not on. */
static bool start_racer(struct racer *r)
{
	int cpu = raw_smp_processor_id(), i;
	struct task_struct *task;

	for (i = 0; i <= r->nr; i++)
		cpu = cpumask_next_wrap(cpu, cpu_online_mask);
	mmget(r->race->mm);
	task = kthread_create(run_racer, r, "racer/%d", r->nr);
	if (IS_ERR(task)) {
		mmput(r->race->mm);
		complete(&r->ready);
		complete(&r->done);
		return false;
	}
	kthread_bind(task, cpu);
	wake_up_process(task);
	return true;
}

static void run_cycles(struct racer *self, unsigned int limit)
{
	const struct race_case *c = self->race->c;
	const ktime_t end = ktime_add_ms(ktime_get(), limit);
	int i;

	do {
		if (c->turn)
			c->turn(self);
		for (i = 0; i < ARRAY_SIZE(c->cycle) && c->cycle[i].kind; i++) {
			must(self, c->cycle[i]);
			next_turn(self);
		}
		if (c->turn)
			next_turn(self);
	} while (!self->wrong[0] && self->turns < MAX_TURNS &&
		 (self->turns < MIN_TURNS || ktime_before(ktime_get(), end)));
}

/* All pages are written once before, so that they have a past. */
static struct racer *set_up(struct race *race)
{
	struct racer *racers;
	int i, page;

	racers = kunit_kcalloc(race->test, RACERS + 1, sizeof(*racers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(race->test, racers);
	for (i = 0; i <= RACERS; i++) {
		struct racer *r = &racers[i];

		r->race = race;
		r->nr = i;
		init_completion(&r->ready);
		init_completion(&r->done);
		prandom_seed_state(&r->rnd, seed * 8 + i);
		for (page = 0; i < RACERS && page < PAGES && !race->c->clears; page++) {
			u32 __user *to = (u32 __user *)(tmm_addr(race->t, page) + slot(r));
			const u32 value = next_value(r, page);

			KUNIT_ASSERT_EQ(race->test, 0,
					copy_to_user(to, &value, sizeof(value)));
			r->begun[page] = value;
			r->last[page] = value;
		}
	}
	return racers;
}

static void run_race(struct kunit *test)
{
	struct race race = { .test = test, .c = test->param_value };
	const bool alone = num_online_cpus() == 1;
	struct racer *racers, *self;
	bool started = true;
	int i;

	race.t = tmm_create(test);
	race.mm = race.t->mm;
	tmm_draw(race.t, race.c->before);
	racers = set_up(&race);
	self = &racers[RACERS];

	for (i = 0; i < RACERS && race.c->racers[i]; i++)
		started &= start_racer(&racers[i]);
	for (i = 0; i < RACERS && race.c->racers[i]; i++)
		wait_for_completion(&racers[i].ready);
	if (started)
		run_cycles(self, alone ? ms / 5 : ms);
	WRITE_ONCE(race.over, true);
	for (i = 0; i < RACERS && race.c->racers[i]; i++)
		wait_for_completion(&racers[i].done);

	KUNIT_EXPECT_TRUE(test, started);
	for (i = 0; i <= RACERS; i++)
		if (racers[i].wrong[0])
			KUNIT_FAIL(test, "%s %d, turn %lu: %s",
				   i < RACERS ? "racer" : "test's thread", i,
				   racers[i].turns, racers[i].wrong);
	kunit_info(test, "%s: seed %lu, %lu turns against %lu and %lu%s",
		   race.c->name, seed, self->turns, racers[0].turns,
		   racers[1].turns, alone ? ", on one CPU" : "");
	race.t->doing = "the race";
	if (tmm_check(race.t))
		KUNIT_FAIL(test, "%s", tmm_message(race.t));
	if (!race.c->wanders)
		tmm_expect_layout(race.t, race.c->before);
}

#define SPLIT_AND_MERGE { TMM_MADVISE(4, 4, MADV_DONTFORK),		\
			  TMM_MPROTECT(6, 8, "rwx"),			\
			  TMM_MADVISE(4, 4, MADV_DOFORK),		\
			  TMM_MPROTECT(6, 8, "rw") }

static const struct race_case races[] = {
	{ "faults_and_split", "AAAAAAAAAAAAAAAA A:rw#1", SPLIT_AND_MERGE,
	  .racers = { write_and_read, look_up } },
	{ "faults_and_split_of_file", "AAAAAAAAAAAAAAAA A:rwsf0",
	  { TMM_MADVISE(4, 4, MADV_DONTFORK), TMM_MADVISE(6, 8, MADV_RANDOM),
	    TMM_MADVISE(6, 8, MADV_NORMAL), TMM_MADVISE(4, 4, MADV_DOFORK) },
	  .racers = { write_and_read, look_up } },
	{ "first_faults_and_split", "AAAAAAAAAAAAAAAA",
	  { TMM_MMAP(0, 16, "rw"), TMM_MADVISE(4, 4, MADV_DONTFORK),
	    TMM_MPROTECT(6, 8, "rwx"), TMM_MADVISE(4, 4, MADV_DOFORK),
	    TMM_MPROTECT(6, 8, "rw") },
	  .racers = { write_and_read, write_and_read },
	  .faults = true, .clears = true, .wanders = true },
	{ "rmap_and_split", "AAAAAAAAAAAAAAAA A:rw#1", SPLIT_AND_MERGE,
	  .racers = { walk_rmap } },
	{ "rmap_and_split_of_file", "AAAAAAAAAAAAAAAA A:rwsf0",
	  { TMM_MADVISE(4, 4, MADV_DONTFORK), TMM_MADVISE(4, 4, MADV_DOFORK) },
	  .racers = { walk_rmap } },
	{ "faults_and_protection", "AAAAAAAAAAAAAAAA A:rw#1", .turn = protect,
	  .racers = { write_and_read, look_up }, .faults = true },
	{ "faults_and_unmapping", "AAAAAAAAAAAAAAAA A:rw#1",
	  { TMM_MUNMAP(4, 4), TMM_MMAP(4, 4, "rw"), TMM_MMAP(6, 4, "rw") },
	  .racers = { write_and_read, look_up }, .faults = true, .clears = true },
	{ "faults_and_moving", "AAAAAAAAAAAAAAAA A:rw#1",
	  { TMM_MOVE(0, 16, 32), TMM_MOVE(32, 16, 0) },
	  .racers = { write_and_read, look_up }, .moves = 32, .faults = true },
	{ "rmap_and_moving", "AAAAAAAAAAAAAAAA A:rw#1",
	  { TMM_MOVE(0, 16, 32), TMM_MOVE(32, 16, 0) },
	  .racers = { walk_rmap }, .moves = 32, .faults = true },
	{ "faults_and_discarding", "AAAAAAAAAAAAAAAA A:rw#1",
	  { TMM_MADVISE(4, 8, MADV_DONTNEED) },
	  .racers = { write_and_read, write_and_read }, .clears = true },
	{ "faults_and_locking", "AAAAAAAAAAAAAAAA A:rw#1",
	  { TMM_MLOCK(4, 8), TMM_MUNLOCK(4, 4), TMM_MUNLOCK(8, 4) },
	  .racers = { write_and_read, look_up } },
	{ "pins_and_unmapping", "AAAAAAAAAAAAAAAA A:rw#1",
	  { TMM_MMAP(2, 12, "rw"), TMM_MADVISE(0, 16, MADV_DONTNEED) },
	  .racers = { pin_and_write }, .faults = true, .clears = true },
	{ "pins_and_moving", "AAAAAAAAAAAAAAAA A:rw#1",
	  { TMM_MOVE(0, 16, 32), TMM_MOVE(32, 16, 0) },
	  .racers = { pin_and_write }, .moves = 32, .faults = true },
	{ "faults_and_fork", "AAAAAAAAAAAAAAAA A:rw#1", .turn = fork_once,
	  .racers = { write_and_read } },
	{ "pins_and_fork", "AAAAAAAAAAAAAAAA A:rw#1", .turn = fork_once,
	  .racers = { write_and_read, pin_and_write } },
};

static const struct race_case vma_lock_races[] = {
	{ "split", "AAAAAAAAAAAAAAAA A:rw#1", SPLIT_AND_MERGE,
	  .racers = { look_up_under_rcu, write_and_read } },
	{ "split_of_file", "AAAAAAAAAAAAAAAA A:rwsf0",
	  { TMM_MADVISE(4, 4, MADV_DONTFORK), TMM_MADVISE(4, 4, MADV_DOFORK) },
	  .racers = { look_up_under_rcu, write_and_read } },
	{ "unmapping", "AAAAAAAAAAAAAAAA A:rw#1",
	  { TMM_MUNMAP(4, 4), TMM_MMAP(4, 4, "rw"), TMM_MMAP(6, 4, "rw") },
	  .racers = { look_up_under_rcu, write_and_read },
	  .faults = true, .clears = true },
	{ "moving", "AAAAAAAAAAAAAAAA A:rw#1",
	  { TMM_MOVE(0, 16, 32), TMM_MOVE(32, 16, 0) },
	  .racers = { look_up_under_rcu, write_and_read },
	  .moves = 32, .faults = true },
	{ "locking", "AAAAAAAAAAAAAAAA A:rw#1",
	  { TMM_MLOCK(4, 4), TMM_MUNLOCK(4, 4) },
	  .racers = { look_up_under_rcu, write_and_read } },
};

static void nothing_is_lost(struct kunit *test)
{
	run_race(test);
}

static void a_locked_vma_stays_as_it_is(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_PER_VMA_LOCK))
		kunit_skip(test, "no VMA locks (CONFIG_PER_VMA_LOCK)");
	run_race(test);
}

KUNIT_ARRAY_PARAM_DESC(races, races, name);
KUNIT_ARRAY_PARAM_DESC(vma_lock_races, vma_lock_races, name);

static struct kunit_case vma_race_cases[] = {
	KUNIT_CASE_PARAM(nothing_is_lost, races_gen_params),
	KUNIT_CASE_PARAM(a_locked_vma_stays_as_it_is, vma_lock_races_gen_params),
	{}
};

static struct kunit_suite vma_race_suite = {
	.name = "vma_race",
	.test_cases = vma_race_cases,
};

kunit_test_suite(vma_race_suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of races for VMAs");
