// SPDX-License-Identifier: GPL-2.0-only
/*
 * A random walk: thousands of operations in an order that nobody would think
 * of, and after each of them all of the address space is as the model in
 * walk_model.c says, and fits together by the fixture's checker. When it does
 * not, the operations are made fewer until each of them is needed, and printed
 * as a test.
 *
 * The walk is the same each time, unless it is told otherwise on the kernel's
 * command line: vma_walk_kunit.seed=N (0: another one each time) and
 * vma_walk_kunit.steps=N.
 */
#include <linux/mman.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"
#include "walk.h"

static ulong seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "where the random walk begins, 0 for anywhere (default 1)");

static uint steps = 1800;
module_param(steps, uint, 0444);
MODULE_PARM_DESC(steps, "how many operations each walk takes (default 1800)");

#define LIFE		250		/* Operations in one address space. */
#define FULL		18		/* VMAs: time to make room. */
#define REPLAYS		400		/* To make a list shorter. */
#define PATIENCE	(2 * HZ)

/* What is mapped: it takes much alike for neighbours to become one. */
struct walk_profile {
	const char *name;
	const char *maps[7];
	bool forks, files, uffd, locks, injects;
};

static const struct walk_profile profiles[] = {
	{ "anonymous", { "rw", "rw", "rw", "rwx", "r", "-", "rw+noreserve" },
	  .uffd = true, .locks = true },
	{ "anonymous_forked", { "rw", "rw", "rw", "rw", "r", "rx" },
	  .forks = true },
	{ "private_files", { "rwf0", "rwf0", "rwf0", "rf0", "rwf1", "rw" },
	  .files = true, .locks = true },
	{ "shared", { "rwsf0", "rwsf0", "rsf0", "rws", "rws", "rwf0" },
	  .files = true, .forks = true },
	{ "everything", { "rw", "rwf0", "rwsf0", "rws", "rf2", "rwf2", "rw+lock" },
	  .files = true, .forks = true, .uffd = true, .locks = true },
};

static const struct walk_profile failing[] = {
	{ "anonymous", { "rw", "rw", "rw", "r", "rw+noreserve" },
	  .uffd = true, .locks = true, .injects = true },
	{ "files", { "rwf0", "rf0", "rwsf0", "rws", "rw", "rwf2" },
	  .files = true, .locks = true, .injects = true },
};

#define WIPE_PAIR	0

static const int advice_pairs[][2] = {
	[WIPE_PAIR] = { MADV_WIPEONFORK, MADV_KEEPONFORK },
	{ MADV_DONTFORK, MADV_DOFORK },
	{ MADV_DONTDUMP, MADV_DODUMP },
	{ MADV_RANDOM, MADV_NORMAL },
	{ MADV_SEQUENTIAL, MADV_NORMAL },
	{ MADV_MERGEABLE, MADV_UNMERGEABLE },
	{ MADV_HUGEPAGE, MADV_NOHUGEPAGE },
};

struct walk {
	struct kunit *test;
	const struct walk_profile *profile;
	struct test_mm *t;
	struct rnd_state rnd;
	struct walk_model model, next, parent;
	struct tmm_layout expected, found;
	int pair;			/* Of advices, in this address space. */
	bool forked;
	u32 stamp;
	int nr, taken;			/* Operations. */
	struct walk_op ops[LIFE], trial[LIFE];
	char wrong_buf[TMM_MSG];
	struct seq_buf wrong;		/* What is: empty as long as nothing is. */
};

/*
 * One operation
 */

static long access_column(struct walk *w, int column, bool write, u32 stamp)
{
	void __user *addr = (void __user *)tmm_addr(w->t, column);
	u32 value;

	if (write)
		return copy_to_user(addr, &stamp, sizeof(stamp)) ? -EFAULT : 0;
	if (copy_from_user(&value, addr, sizeof(value)))
		return -EFAULT;
	if (value != walk_value(&w->next, column))
		seq_buf_printf(&w->wrong, "column %d: read %u, expected %u\n",
			       column, value, walk_value(&w->next, column));
	return 0;
}

static long access_columns(struct walk *w, const struct walk_op *op)
{
	long err = 0;
	int i;

	for (i = 0; i < op->op.nr && !err; i++)
		err = access_column(w, op->op.page + i,
				    op->op.kind == TMM_OP_WRITE, op->stamp + i);
	return err;
}

static long execute(struct walk *w, const struct walk_op *op, bool *failed)
{
	struct tmm_op tmm_op = op->op;

	tmm_op.attr = op->attr[0] ? op->attr : NULL;
	if (op->fork) {
		tmm_fork(w->t);
		w->parent = w->model;
		w->forked = true;
		return 0;
	}
	if (tmm_op.kind != TMM_OP_READ && tmm_op.kind != TMM_OP_WRITE)
		return op->nth ? tmm_do_failing(w->t, &tmm_op, op->nth, failed) :
				 __tmm_do(w->t, &tmm_op);
	tmm_print_op(&tmm_op, w->t->doing_buf, sizeof(w->t->doing_buf));
	w->t->doing = w->t->doing_buf;
	return access_columns(w, op);
}

/*
 * A page that was written must be there; others are looked at where they are
 * mapped, so that the walk sees pages that nobody has touched yet.
 */
static void check_column(struct walk *w, int column)
{
	const struct walk_page *p = &w->model.page[column];
	void __user *addr = (void __user *)tmm_addr(w->t, column);
	const u32 expected = walk_value(&w->model, column);
	u32 value = expected;

	if (!p->mapped || p->guard || !(p->flags & VM_READ))
		return;
	if (!p->own || p->uffd >= 0) {
		if (copy_from_user_nofault(&value, addr, sizeof(value)))
			return;
	} else if (copy_from_user(&value, addr, sizeof(value))) {
		seq_buf_printf(&w->wrong, "column %d: cannot be read\n", column);
	}
	if (value != expected)
		seq_buf_printf(&w->wrong, "column %d: %u is written there, expected %u\n",
			       column, value, expected);
}

static void check_content(struct walk *w)
{
	int i;

	for (i = 0; i < WALK_PAGES && !seq_buf_used(&w->wrong); i++)
		check_column(w, i);
}

/* Pages that may have been emptied or not, are now. */
static void settle(struct walk *w, u64 unsure)
{
	int i;

	for (i = 0; i < WALK_PAGES; i++) {
		if (!(unsure & BIT_ULL(i)))
			continue;
		do_madvise(w->t->mm, tmm_addr(w->t, i), PAGE_SIZE, MADV_GUARD_REMOVE);
		do_madvise(w->t->mm, tmm_addr(w->t, i), PAGE_SIZE,
			   MADV_DONTNEED_LOCKED);
	}
}

static bool is_oom(long err)
{
	return err == -ENOMEM || err == -EAGAIN || err == -ENOSPC;
}

static void go_on_from_failure(struct walk *w, const struct walk_op *op,
			       long err, long expected)
{
	u64 unsure = 0;
	int column;

	if (err && err != expected && !is_oom(err))
		seq_buf_printf(&w->wrong, "error %ld\n", err);
	column = walk_resync(&w->model, &w->next, &op->op, err, &w->found, &unsure);
	if (column >= 0) {
		walk_layout(&w->model, &w->expected);
		seq_buf_printf(&w->wrong, "column %d is neither as before nor as after\n",
			       column);
		tmm_compare(&w->expected, &w->found, &w->wrong);
	}
	settle(w, unsure);
}

/* Return: whether all is as expected; w->wrong says what is not. */
static bool step(struct walk *w, const struct walk_op *op)
{
	bool failed = false;
	long expected, err;

	w->next = w->model;
	expected = walk_predict(&w->next, op);
	if (expected == WALK_UNKNOWN || !walk_layout(&w->next, &w->expected))
		return true;
	w->taken++;
	err = execute(w, op, &failed);
	tmm_check_mm(w->t, &w->wrong);
	tmm_read_layout(w->t, &w->found, &w->wrong);
	if (failed) {
		go_on_from_failure(w, op, err, expected);
	} else {
		if (err != expected)
			seq_buf_printf(&w->wrong, "error %ld, expected %ld\n",
				       err, expected);
		tmm_compare(&w->expected, &w->found, &w->wrong);
		w->model = w->next;
	}
	check_content(w);
	return !seq_buf_used(&w->wrong);
}

/*
 * The life of an address space
 */

static void begin(struct walk *w)
{
	seq_buf_init(&w->wrong, w->wrong_buf, sizeof(w->wrong_buf));
	walk_reset(&w->model);
	w->forked = false;
	w->t = tmm_create(w->test);
	w->t->complaints = &w->wrong;
}

/* The child has written into what it shares with nobody. */
static void check_parent(struct walk *w)
{
	u32 value;
	int i;

	memcpy(w->parent.file, w->model.file, sizeof(w->model.file));
	memcpy(w->parent.shmem, w->model.shmem, sizeof(w->model.shmem));
	for (i = 0; i < WALK_PAGES; i++) {
		const struct walk_page *p = &w->parent.page[i];

		if (!p->mapped || !p->own || !(p->flags & VM_READ) || p->uffd >= 0)
			continue;
		if (access_remote_vm(w->t->parent, tmm_addr(w->t, i), &value,
				     sizeof(value), 0) == sizeof(value) &&
		    value != walk_value(&w->parent, i))
			seq_buf_printf(&w->wrong, "parent's column %d: %u, expected %u\n",
				       i, value, walk_value(&w->parent, i));
	}
}

/* All that can be read is; then it is unmapped, and nothing may be left. */
static void end(struct walk *w)
{
	int i;

	w->next = w->model;
	for (i = 0; i < WALK_PAGES && !seq_buf_used(&w->wrong); i++) {
		struct walk_op op = { .op = TMM_READ(i, 1) };

		if (walk_predict(&w->next, &op) == 0 && access_columns(w, &op))
			seq_buf_printf(&w->wrong, "column %d cannot be read\n", i);
	}
	if (!seq_buf_used(&w->wrong) && w->forked)
		check_parent(w);
	tmm_destroy(w->t);
	w->t = NULL;
}

/* Return: how many operations it took until something was wrong, or 0. */
static int replay(struct walk *w, const struct walk_op *ops, int nr)
{
	bool fine = true;
	int i;

	begin(w);
	for (i = 0; i < nr && fine; i++)
		fine = step(w, &ops[i]);
	end(w);
	return seq_buf_used(&w->wrong) ? i : 0;
}

/*
 * Fewer operations
 */

/* Leave out @chunk operations here and there. Return: how many are left. */
static int thin_out(struct walk *w, int nr, int chunk, int *replays,
		    unsigned long deadline)
{
	int at = 0, wrong;

	while (at < nr && *replays && time_before(jiffies, deadline)) {
		const int gap = min(chunk, nr - at);

		memcpy(w->trial, w->ops, at * sizeof(*w->ops));
		memcpy(w->trial + at, w->ops + at + gap,
		       (nr - at - gap) * sizeof(*w->ops));
		--*replays;
		wrong = replay(w, w->trial, nr - gap);
		if (wrong) {
			nr = wrong;
			memcpy(w->ops, w->trial, nr * sizeof(*w->ops));
		} else {
			at += gap;
		}
	}
	return nr;
}

/* Return: how many replays it took. */
static int shrink(struct walk *w)
{
	const unsigned long deadline = jiffies + PATIENCE;
	int replays = REPLAYS, chunk, before;

	for (chunk = w->nr / 2; chunk > 1; chunk /= 2)
		w->nr = thin_out(w, w->nr, chunk, &replays, deadline);
	do {
		before = w->nr;
		w->nr = thin_out(w, w->nr, 1, &replays, deadline);
	} while (w->nr < before);
	replay(w, w->ops, w->nr);
	return REPLAYS - replays;
}

static const struct {
	int advice;
	const char *name;
} advice_names[] = {
#define NAME(x) { x, #x }
	NAME(MADV_NORMAL), NAME(MADV_RANDOM), NAME(MADV_SEQUENTIAL),
	NAME(MADV_DONTNEED), NAME(MADV_DONTNEED_LOCKED), NAME(MADV_DONTFORK),
	NAME(MADV_DOFORK), NAME(MADV_DONTDUMP), NAME(MADV_DODUMP),
	NAME(MADV_WIPEONFORK), NAME(MADV_KEEPONFORK), NAME(MADV_MERGEABLE),
	NAME(MADV_UNMERGEABLE), NAME(MADV_HUGEPAGE), NAME(MADV_NOHUGEPAGE),
	NAME(MADV_GUARD_INSTALL), NAME(MADV_GUARD_REMOVE),
#undef NAME
};

static const char *advice_name(int advice)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(advice_names); i++)
		if (advice_names[i].advice == advice)
			return advice_names[i].name;
	return "?";
}

static void print_macro(struct seq_buf *out, const struct walk_op *w)
{
	static const char * const names[] = {
		[TMM_OP_MMAP] = "MMAP", [TMM_OP_MUNMAP] = "MUNMAP",
		[TMM_OP_MPROTECT] = "MPROTECT", [TMM_OP_MADVISE] = "MADVISE",
		[TMM_OP_MREMAP] = "MREMAP", [TMM_OP_MLOCK] = "MLOCK",
		[TMM_OP_MUNLOCK] = "MUNLOCK", [TMM_OP_BRK] = "BRK",
		[TMM_OP_NAME] = "NAME", [TMM_OP_UFFD] = "UFFD",
		[TMM_OP_READ] = "READ", [TMM_OP_WRITE] = "WRITE",
	};
	const struct tmm_op *op = &w->op;

	seq_buf_printf(out, "TMM_%s(%d, %d", names[op->kind], op->page, op->nr);
	if (op->kind == TMM_OP_MREMAP)
		seq_buf_printf(out, ", %d, %d, %s%s%s", op->to, op->to_nr,
			       op->arg & MREMAP_MAYMOVE ? "MREMAP_MAYMOVE" : "0",
			       op->arg & MREMAP_FIXED ? " | MREMAP_FIXED" : "",
			       op->arg & MREMAP_DONTUNMAP ? " | MREMAP_DONTUNMAP" : "");
	else if (op->kind == TMM_OP_MADVISE)
		seq_buf_printf(out, ", %s", advice_name(op->arg));
	else if (op->kind == TMM_OP_UFFD)
		seq_buf_printf(out, ", %d", op->arg);
	else if (w->attr[0])
		seq_buf_printf(out, ", \"%s\"", w->attr);
	else if (op->kind == TMM_OP_NAME)
		seq_buf_puts(out, ", NULL");
	seq_buf_putc(out, ')');
}

/* As in a test, with the errors that are expected. */
static void print_op(struct seq_buf *out, const struct walk_op *op, long err)
{
	if (op->fork) {
		seq_buf_puts(out, "\ttmm_fork(t);\n");
		return;
	}
	if (err)
		seq_buf_printf(out, "\ttmm_expect_err(t, %ld, ", err);
	else
		seq_buf_puts(out, "\ttmm_must(t, ");
	print_macro(out, op);
	seq_buf_puts(out, ");");
	if (op->nth)
		seq_buf_printf(out, "\t/* allocation %d fails */", op->nth);
	seq_buf_putc(out, '\n');
}

static void report(struct walk *w, unsigned long from, int taken, int at,
		   s64 took, int replays)
{
	struct seq_buf out;
	char *buf = kunit_kzalloc(w->test, TMM_MSG, GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(w->test, buf);
	seq_buf_init(&out, buf, TMM_MSG);
	seq_buf_printf(&out, "%s, seed %lu: wrong after %d operations (%lld ms); ",
		       w->profile->name, from, taken, took);
	seq_buf_printf(&out, "these %d will do (of %d, by %d replays):\n",
		       w->nr, at, replays);
	walk_reset(&w->model);
	for (i = 0; i < w->nr; i++) {
		const long err = walk_predict(&w->model, &w->ops[i]);

		if (err != WALK_UNKNOWN)
			print_op(&out, &w->ops[i], err);
	}
	KUNIT_FAIL(w->test, "%s%s", seq_buf_str(&out), seq_buf_str(&w->wrong));
}

/*
 * What to do next
 */

static int below(struct walk *w, int limit)
{
	return prandom_u32_state(&w->rnd) % limit;
}

static bool once_in(struct walk *w, int n)
{
	return !below(w, n);
}

/*
 * Most ranges begin where something is, half where a VMA begins, and half end
 * where one does.
 */
static int pick_start(struct walk *w)
{
	int column, tries = 4;

	do {
		column = below(w, WALK_PAGES);
	} while (!w->model.page[column].mapped && --tries);
	if (once_in(w, 2))
		while (column && !w->model.page[column].first)
			column--;
	return column;
}

static void pick_range(struct walk *w, struct tmm_op *op)
{
	int end;

	op->page = pick_start(w);
	end = op->page + 1 + below(w, once_in(w, 4) ? 12 : 4);
	if (once_in(w, 2) && w->model.page[op->page].mapped)
		end = walk_vma_end(&w->model, op->page);
	op->nr = min(end, WALK_PAGES) - op->page;
}

/* A hole as a whole, so that what was apart may become one. */
static void pick_hole(struct walk *w, struct tmm_op *op)
{
	const struct walk_page *page = w->model.page;
	int start = below(w, WALK_PAGES), end;

	while (start < WALK_PAGES - 1 && page[start].mapped)
		start++;
	while (start && !page[start - 1].mapped)
		start--;
	for (end = start + 1; end < WALK_PAGES && !page[end].mapped;)
		end++;
	op->page = start;
	op->nr = end - start;
}

static void make_mmap(struct walk *w, struct walk_op *op)
{
	const char *what;
	int nr = 0;

	while (nr < ARRAY_SIZE(w->profile->maps) && w->profile->maps[nr])
		nr++;
	what = w->profile->maps[below(w, nr)];
	op->op.kind = TMM_OP_MMAP;
	op->op.page = below(w, WALK_PAGES);
	op->op.nr = 1 + below(w, min(WALK_PAGES - op->op.page, 8));
	if (once_in(w, 2))
		pick_hole(w, &op->op);
	if (strchr(what, 'f') && once_in(w, 3))
		snprintf(op->attr, sizeof(op->attr), "%s@%d", what, below(w, 24));
	else
		strscpy(op->attr, what);
}

static void make_munmap(struct walk *w, struct walk_op *op)
{
	op->op.kind = TMM_OP_MUNMAP;
}

static void make_mprotect(struct walk *w, struct walk_op *op)
{
	static const char * const prots[] = { "rw", "rw", "rw", "rwx", "r", "r", "-" };

	op->op.kind = TMM_OP_MPROTECT;
	strscpy(op->attr, prots[below(w, ARRAY_SIZE(prots))]);
}

static void make_madvise(struct walk *w, struct walk_op *op)
{
	op->op.kind = TMM_OP_MADVISE;
	op->op.arg = advice_pairs[w->pair][below(w, 2)];
}

static void make_discard(struct walk *w, struct walk_op *op)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_DONTNEED, MADV_DONTNEED_LOCKED,
		MADV_GUARD_INSTALL, MADV_GUARD_INSTALL, MADV_GUARD_REMOVE,
		MADV_GUARD_REMOVE, MADV_GUARD_REMOVE,
	};

	op->op.kind = TMM_OP_MADVISE;
	op->op.arg = advices[below(w, ARRAY_SIZE(advices))];
}

/* Where its pages belong, beside another VMA, or anywhere. */
static int pick_target(struct walk *w, const struct tmm_op *op, int nr)
{
	const struct walk_page *p = &w->model.page[op->page];
	int to = below(w, WALK_PAGES);

	if (p->mapped && once_in(w, 2))
		to = once_in(w, 2) ? p->anon_pgoff : p->pgoff;
	else if (once_in(w, 2) && w->model.page[to].mapped)
		to = walk_vma_end(&w->model, to);
	return clamp(to, 0, WALK_PAGES - nr);
}

static void make_move(struct walk *w, struct walk_op *op)
{
	op->op.kind = TMM_OP_MREMAP;
	op->op.arg = MREMAP_MAYMOVE | MREMAP_FIXED;
	op->op.to_nr = op->op.nr;
	if (once_in(w, 4))
		op->op.arg |= MREMAP_DONTUNMAP;
	else if (once_in(w, 4))
		op->op.to_nr = 1 + below(w, 8);
	op->op.to = pick_target(w, &op->op, op->op.to_nr);
}

static void make_resize(struct walk *w, struct walk_op *op)
{
	op->op.kind = TMM_OP_MREMAP;
	op->op.to = op->op.page;
	op->op.to_nr = 1 + below(w, min(WALK_PAGES - op->op.page, op->op.nr + 4));
}

static void make_brk(struct walk *w, struct walk_op *op)
{
	op->op.kind = TMM_OP_BRK;
}

static void make_name(struct walk *w, struct walk_op *op)
{
	op->op.kind = TMM_OP_NAME;
	if (!once_in(w, 3))
		strscpy(op->attr, walk_names[once_in(w, 3)]);
}

static void make_lock(struct walk *w, struct walk_op *op)
{
	op->op.kind = once_in(w, 3) ? TMM_OP_MLOCK : TMM_OP_MUNLOCK;
}

static void make_uffd(struct walk *w, struct walk_op *op)
{
	op->op.kind = TMM_OP_UFFD;
	op->op.arg = once_in(w, 2) ? -1 : below(w, TMM_UFFDS);
	op->op.mode = UFFDIO_REGISTER_MODE_MISSING;
}

static void make_write(struct walk *w, struct walk_op *op)
{
	op->op.kind = TMM_OP_WRITE;
	op->stamp = w->stamp;
	w->stamp += 100;
}

static void make_read(struct walk *w, struct walk_op *op)
{
	op->op.kind = TMM_OP_READ;
}

static const struct {
	int weight;
	void (*make)(struct walk *w, struct walk_op *op);
} choices[] = {
	{ 14, make_mmap }, { 9, make_munmap }, { 17, make_mprotect },
	{ 14, make_madvise }, { 9, make_discard }, { 12, make_move },
	{ 6, make_resize }, { 3, make_brk }, { 8, make_name }, { 6, make_lock },
	{ 6, make_uffd }, { 12, make_write }, { 5, make_read },
};

static bool is_wanted(struct walk *w, const struct walk_op *op)
{
	const enum tmm_op_kind kind = op->op.kind;

	if (kind == TMM_OP_UFFD && !w->profile->uffd)
		return false;
	if ((kind == TMM_OP_MLOCK || kind == TMM_OP_MUNLOCK) && !w->profile->locks)
		return false;
	if (!IS_ENABLED(CONFIG_SHMEM) && !strcmp(op->attr, "rws"))
		return false;
	return !tmm_lacks_op(&op->op);
}

/* One that the model can predict. */
static void choose(struct walk *w, struct walk_op *op)
{
	int nr, i;

	do {
		*op = (struct walk_op){};
		pick_range(w, &op->op);
		if (walk_vmas(&w->model) >= FULL) {
			op->op.page = below(w, WALK_PAGES - 12);
			op->op.nr = 12;
			op->op.kind = TMM_OP_MUNMAP;
			return;
		}
		if (w->profile->forks && !w->forked && once_in(w, 40)) {
			op->fork = true;
			return;
		}
		for (i = 0, nr = 0; i < ARRAY_SIZE(choices); i++)
			nr += choices[i].weight;
		nr = below(w, nr);
		for (i = 0; nr >= choices[i].weight; i++)
			nr -= choices[i].weight;
		choices[i].make(w, op);
		w->next = w->model;
	} while (!is_wanted(w, op) || walk_predict(&w->next, op) == WALK_UNKNOWN);
	if (w->profile->injects && op->op.kind != TMM_OP_READ &&
	    op->op.kind != TMM_OP_WRITE && !once_in(w, 3))
		op->nth = 1 + below(w, 12);
}

/* Return: whether nothing was wrong in one address space. */
static bool live(struct walk *w, int most)
{
	bool fine = true;

	w->pair = below(w, ARRAY_SIZE(advice_pairs));
	if (w->profile->forks && once_in(w, 3))
		w->pair = WIPE_PAIR;
	begin(w);
	for (w->nr = 0; fine && w->nr < most &&
	     w->model.nr_anon_vmas < WALK_ANON_VMAS; w->nr++) {
		choose(w, &w->ops[w->nr]);
		fine = step(w, &w->ops[w->nr]);
	}
	end(w);
	return !seq_buf_used(&w->wrong);
}

static struct walk *new_walk(struct kunit *test, unsigned long from)
{
	struct walk *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->test = test;
	w->profile = test->param_value;
	w->stamp = 1;
	prandom_seed_state(&w->rnd, from);
	return w;
}

/* Return: whether nothing was wrong for that many steps; how many it took. */
static bool walk(struct walk *w, int most, int *taken)
{
	bool fine = true;

	for (*taken = 0; fine && *taken < most; *taken += w->nr)
		fine = live(w, min(LIFE, most - *taken));
	return fine;
}

static void goes_as_the_model_says(struct kunit *test)
{
	const unsigned long from = seed ?: get_random_u32();
	struct walk *w = new_walk(test, from);
	const ktime_t begun = ktime_get();
	int taken, at;
	s64 ms;

	kunit_info(test, "vma_walk_kunit.seed=%lu vma_walk_kunit.steps=%u",
		   from, steps);
	if (walk(w, steps, &taken))
		return;
	ms = ktime_ms_delta(ktime_get(), begun);
	at = w->nr;
	report(w, from, taken, at, ms, shrink(w));
}

static void failures_leave_what_was_there(struct kunit *test)
{
	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	goes_as_the_model_says(test);
}

KUNIT_ARRAY_PARAM_DESC(profiles, profiles, name);
KUNIT_ARRAY_PARAM_DESC(failing, failing, name);

/*
 * The walk itself, by a model that is wrong on purpose: it says that this
 * advice does nothing. A walk that finds nothing proves nothing.
 */
static void a_difference_is_found_and_made_small(struct kunit *test)
{
	struct walk *w = new_walk(test, 1);
	int taken, i;

	w->profile = &profiles[0];
	w->model.lie = MADV_DONTNEED;
	KUNIT_ASSERT_FALSE(test, walk(w, 3000, &taken));
	KUNIT_EXPECT_LT(test, shrink(w), REPLAYS);
	/* At least: map, write, discard. */
	KUNIT_EXPECT_GE(test, w->nr, 3);
	KUNIT_EXPECT_LE(test, w->nr, 6);
	KUNIT_EXPECT_EQ(test, w->ops[0].op.kind, TMM_OP_MMAP);
	KUNIT_EXPECT_EQ(test, w->ops[w->nr - 1].op.arg, MADV_DONTNEED);
	KUNIT_EXPECT_EQ(test, replay(w, w->ops, w->nr), w->nr);
	for (i = 0; i < w->nr; i++) {
		memcpy(w->trial, w->ops, i * sizeof(*w->ops));
		memcpy(w->trial + i, w->ops + i + 1,
		       (w->nr - i - 1) * sizeof(*w->ops));
		KUNIT_EXPECT_EQ_MSG(test, replay(w, w->trial, w->nr - 1), 0,
				    "operation %d is not needed", i);
	}
}

static void the_same_seed_goes_the_same_way(struct kunit *test)
{
	struct walk *w = new_walk(test, 7), *again = new_walk(test, 7);
	int i, taken;

	w->profile = &profiles[0];
	again->profile = w->profile;
	KUNIT_EXPECT_TRUE(test, walk(w, 100, &taken));
	KUNIT_EXPECT_TRUE(test, walk(again, 100, &taken));
	KUNIT_EXPECT_EQ(test, w->nr, again->nr);
	for (i = 0; i < w->nr; i++)
		KUNIT_EXPECT_MEMEQ(test, &w->ops[i], &again->ops[i],
				   sizeof(w->ops[i]));
}

/*
 * What it has found, as it was printed
 */

static void naming_keeps_guard_regions(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AA A:rw'one'");
	t = tmm_create(test);
	tmm_must(t, TMM_MMAP(0, 4, "rw"));
	tmm_must(t, TMM_NAME(0, 2, "one"));
	tmm_must(t, TMM_MADVISE(0, 1, MADV_GUARD_INSTALL));
	tmm_must(t, TMM_NAME(2, 2, "one"));
	tmm_expect_layout(t, "AAAA A:rw#1'one'+guard");
}

/* The same in memory that a fork copies only for the flag's sake. */
static void a_child_inherits_guard_regions(struct kunit *test)
{
	struct test_mm *t;

	if (!IS_ENABLED(CONFIG_SHMEM))
		kunit_skip(test, "no shared anonymous memory (CONFIG_SHMEM)");
	tmm_require(test, "AA A:rw'one'");
	t = tmm_create(test);
	tmm_must(t, TMM_MMAP(0, 4, "rws"));
	tmm_must(t, TMM_NAME(0, 2, "one"));
	tmm_must(t, TMM_MADVISE(0, 1, MADV_GUARD_INSTALL));
	tmm_must(t, TMM_NAME(2, 2, "one"));
	tmm_fork(t);
	tmm_expect_err(t, -EFAULT, TMM_READ(0, 1));
	tmm_must(t, TMM_READ(1, 3));
}

static void wiped_memory_starts_over(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_must(t, TMM_MMAP(0, 2, "rw"));
	tmm_must(t, TMM_WRITE(0, 2));
	tmm_must(t, TMM_MOVE(0, 2, 10));
	tmm_must(t, TMM_MADVISE(10, 2, MADV_WIPEONFORK));
	tmm_fork(t);
	tmm_expect_layout(t, "..........AA A:rw+wipe");
}

/* The source stays, by an allocation that fails when it is to be split. */
static void what_cannot_be_unmapped_is_charged_once(struct kunit *test)
{
	static const char * const maps[] = { "rw", "r" };
	const struct tmm_op op = TMM_MOVE(1, 1, 10);
	bool failed = true;
	struct test_mm *t;
	int nth, i;

	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	t = tmm_create(test);
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		for (nth = 1, failed = true; failed; nth++) {
			tmm_must(t, TMM_MMAP(0, 3, maps[i]));
			tmm_do_failing(t, &op, nth, &failed);
			if (tmm_check(t))
				KUNIT_FAIL(test, "%s", tmm_message(t));
			tmm_clear(t);
		}
	}
}

static struct kunit_case vma_walk_cases[] = {
	KUNIT_CASE(a_difference_is_found_and_made_small),
	KUNIT_CASE(the_same_seed_goes_the_same_way),
	KUNIT_CASE(naming_keeps_guard_regions),
	KUNIT_CASE(a_child_inherits_guard_regions),
	KUNIT_CASE(wiped_memory_starts_over),
	KUNIT_CASE(what_cannot_be_unmapped_is_charged_once),
	KUNIT_CASE_PARAM(goes_as_the_model_says, profiles_gen_params),
	KUNIT_CASE_PARAM(failures_leave_what_was_there, failing_gen_params),
	{}
};

static struct kunit_suite vma_walk_suite = {
	.name = "vma_walk",
	.test_cases = vma_walk_cases,
};

kunit_test_suite(vma_walk_suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of VMAs by a random walk");
