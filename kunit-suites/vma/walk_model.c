// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an operation makes of an address space, page by page. Where two VMAs
 * become one is decided in two places: merge() has what must fit, and each
 * operation says at which of its ends the kernel tries.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/personality.h>

#include "internal.h"
#include "walk.h"

const char * const walk_names[2] = { "one", "two" };

#define PROT_FLAGS	(VM_READ | VM_WRITE | VM_EXEC)
#define FIRST_CLOSED	4		/* See the fixture's driver.c. */

void walk_reset(struct walk_model *m)
{
	const int lie = m->lie;

	memset(m, 0, sizeof(*m));
	m->lie = lie;
}

/*
 * Pages
 */

static bool is_anon(const struct walk_page *p)
{
	return p->file == TMM_NO_FILE;
}

static bool is_private(const struct walk_page *p)
{
	return !(p->flags & VM_SHARED);
}

static bool is_driver(const struct walk_page *p)
{
	return p->file == 2 || p->file == 3;
}

/* Where a page of a file is kept, NULL behind the file's end. */
static u32 *backing(struct walk_model *m, const struct walk_page *p)
{
	const int nr = p->file - WALK_FIRST_SHMEM;

	if (nr >= 0)
		return p->pgoff < m->shmem_pages[nr] ? &m->shmem[nr][p->pgoff] : NULL;
	if (p->file < 0 || p->file > 1 || p->pgoff >= TMM_PAGES)
		return NULL;
	return &m->file[p->file][p->pgoff];
}

/* An access would not end, or its result is nothing that this model knows. */
static bool is_unknown(struct walk_model *m, const struct walk_page *p)
{
	return p->uffd >= 0 || (!is_anon(p) && !backing(m, p));
}

u32 walk_value(struct walk_model *m, int column)
{
	struct walk_page *p = &m->page[column];
	u32 *kept = backing(m, p);

	if (p->own)
		return p->value;
	return kept ? *kept : 0;
}

static void set_value(struct walk_model *m, struct walk_page *p, u32 value)
{
	if (is_private(p)) {
		p->own = true;
		p->value = value;
	} else {
		*backing(m, p) = value;
	}
}

/*
 * VMAs
 */

static int vma_start(const struct walk_model *m, int column)
{
	while (!m->page[column].first)
		column--;
	return column;
}

/* Exclusive. */
int walk_vma_end(const struct walk_model *m, int column)
{
	do {
		column++;
	} while (column < WALK_PAGES && m->page[column].mapped &&
		 !m->page[column].first);
	return column;
}

int walk_vmas(const struct walk_model *m)
{
	int i, nr = 0;

	for (i = 0; i < WALK_PAGES; i++)
		nr += m->page[i].mapped && m->page[i].first;
	return nr;
}

static bool starts_vma(const struct walk_model *m, int column)
{
	return column >= WALK_PAGES || !m->page[column].mapped ||
	       m->page[column].first;
}

/* Borders at both ends of a range. */
static void cut(struct walk_model *m, int start, int end)
{
	if (m->page[start].mapped)
		m->page[start].first = true;
	if (end < WALK_PAGES && m->page[end].mapped)
		m->page[end].first = true;
}

static void unmap(struct walk_model *m, int start, int end)
{
	cut(m, start, end);
	memset(&m->page[start], 0, (end - start) * sizeof(m->page[0]));
}

/* Whether neighbours could be parts of one VMA, anon_vmas aside. */
static bool fits(const struct walk_page *left, const struct walk_page *right)
{
	if (!left->mapped || !right->mapped)
		return false;
	if (((left->flags ^ right->flags) & ~WALK_STICKY) ||
	    left->file != right->file || left->uffd != right->uffd ||
	    left->name != right->name || left->pgoff + 1 != right->pgoff)
		return false;
	/* A private page of a file is found by the other offset. */
	return is_anon(left) || !is_private(left) ||
	       left->anon_pgoff + 1 == right->anon_pgoff;
}

/* Memory shared with a parent is not spread to what is not. */
static bool anon_fits(const struct walk_page *left,
		      const struct walk_page *right)
{
	if (left->anon_vma && right->anon_vma)
		return left->anon_vma == right->anon_vma;
	return left->chain <= 1 && right->chain <= 1;
}

/* One VMA from the two that meet at @column. */
static void join(struct walk_model *m, int column, bool closed)
{
	const struct walk_page left = m->page[column - 1];
	const struct walk_page right = m->page[column];
	const vm_flags_t sticky = (left.flags | right.flags) & WALK_STICKY;
	const int start = vma_start(m, column - 1);
	const int end = walk_vma_end(m, column);
	int i;

	m->page[column].first = false;
	for (i = start; i < end; i++) {
		struct walk_page *p = &m->page[i];

		p->flags |= sticky;
		p->anon_vma = left.anon_vma ?: right.anon_vma;
		p->chain = left.anon_vma ? left.chain : right.chain;
		p->closed = closed;
	}
}

/*
 * The range is as it should be: let it become one with its neighbours where
 * it is not cut out of a VMA that goes on. The left one stays where both fit;
 * what a driver wants to close cannot go.
 */
static void merge(struct walk_model *m, int start, int end, bool left,
		  bool right)
{
	left = left && start > 0 &&
	       fits(&m->page[start - 1], &m->page[start]) &&
	       anon_fits(&m->page[start - 1], &m->page[start]);
	if (left)
		join(m, start, m->page[start - 1].closed);
	right = right && end < WALK_PAGES &&
		fits(&m->page[end - 1], &m->page[end]) &&
		anon_fits(&m->page[end - 1], &m->page[end]) &&
		!(left && m->page[end].closed);
	if (right)
		join(m, end, m->page[left ? end - 1 : end].closed);
}

/* A part of one VMA becomes as @want is, in what can be changed. */
static void modify(struct walk_model *m, int start, int end,
		   const struct walk_page *want)
{
	const bool left = m->page[start].first, right = starts_vma(m, end);
	int i;

	cut(m, start, end);
	for (i = start; i < end; i++) {
		m->page[i].flags = want->flags;
		m->page[i].uffd = want->uffd;
		m->page[i].name = want->name;
	}
	if (!(left && right && m->page[start].closed))
		merge(m, start, end, left, right);
}

/*
 * Page faults
 */

/* Neighbours that differ in their protection alone share an anon_vma. */
static bool may_share(const struct walk_page *left,
		      const struct walk_page *right)
{
	return left->mapped && right->mapped && left->file == right->file &&
	       !((left->flags ^ right->flags) & ~(PROT_FLAGS | WALK_STICKY)) &&
	       left->pgoff + 1 == right->pgoff &&
	       left->anon_pgoff + 1 == right->anon_pgoff;
}

static void prepare_anon_vma(struct walk_model *m, int column)
{
	const int start = vma_start(m, column), end = walk_vma_end(m, column);
	const struct walk_page *left = start ? &m->page[start - 1] : NULL;
	const struct walk_page *right = end < WALK_PAGES ? &m->page[end] : NULL;
	int nr, i;

	if (m->page[column].anon_vma)
		return;
	if (right && right->chain == 1 && may_share(&m->page[end - 1], right))
		nr = right->anon_vma;
	else if (left && left->chain == 1 && may_share(left, &m->page[start]))
		nr = left->anon_vma;
	else
		nr = ++m->nr_anon_vmas;
	for (i = start; i < end; i++) {
		m->page[i].anon_vma = nr;
		m->page[i].chain = 1;
	}
}

static long access_pages(struct walk_model *m, int start, int end, bool write,
			 u32 stamp)
{
	const vm_flags_t needed = write ? VM_WRITE : VM_READ;
	int i;

	for (i = start; i < end; i++, stamp++) {
		struct walk_page *p = &m->page[i];

		if (!p->mapped || p->guard || !(p->flags & needed))
			return -EFAULT;
		if (is_unknown(m, p))
			return WALK_UNKNOWN;
		if (!write)
			continue;
		if (is_private(p))
			prepare_anon_vma(m, i);
		set_value(m, p, stamp);
	}
	return 0;
}

/* What is locked is faulted in, for writing where it is private. */
static long populate(struct walk_model *m, int start, int end, bool go_on)
{
	int i;

	for (i = start; i < end; i++) {
		struct walk_page *p = &m->page[i];

		if (!p->mapped)
			continue;
		if (!(p->flags & PROT_FLAGS) || p->guard) {
			if (!go_on)
				return -ENOMEM;
			i = walk_vma_end(m, i) - 1;
			continue;
		}
		if (is_unknown(m, p))
			return WALK_UNKNOWN;
		if (!is_private(p) || !(p->flags & VM_WRITE))
			continue;
		prepare_anon_vma(m, i);
		set_value(m, p, walk_value(m, i));
	}
	return 0;
}

/*
 * mmap(), munmap(), brk(), fork()
 */

static bool attr_to_page(const struct tmm_attr *attr, struct walk_page *p)
{
	*p = (struct walk_page){
		.mapped = true,
		.flags = attr->flags,
		.file = attr->file,
		.pgoff = attr->pgoff,
		.uffd = -1,
		.closed = attr->file == 2 && attr->pgoff >= FIRST_CLOSED,
	};
	return !((attr->flags & VM_LOCKED) && is_driver(p));
}

static long map(struct walk_model *m, const struct tmm_op *op)
{
	struct tmm_attr attr;
	struct walk_page p;
	int i;

	if (tmm_parse_attr(op->attr, op->page, &attr) || !attr_to_page(&attr, &p))
		return WALK_UNKNOWN;
	if (is_anon(&p) && !is_private(&p)) {
		if (m->nr_shmems == WALK_SHMEMS || op->nr > WALK_SHMEM_PAGES)
			return WALK_UNKNOWN;
		p.file = WALK_FIRST_SHMEM + m->nr_shmems;
		p.pgoff = 0;
		m->shmem_pages[m->nr_shmems++] = op->nr;
	}
	unmap(m, op->page, op->page + op->nr);
	for (i = 0; i < op->nr; i++) {
		m->page[op->page + i] = p;
		m->page[op->page + i].pgoff += i;
		m->page[op->page + i].anon_pgoff = op->page + i;
	}
	m->page[op->page].first = true;
	merge(m, op->page, op->page + op->nr, true, true);
	if (p.flags & VM_LOCKED &&
	    populate(m, op->page, op->page + op->nr, true) == WALK_UNKNOWN)
		return WALK_UNKNOWN;
	return 0;
}

/* It grows what is before it, and leaves what is behind it alone. */
static long grow_heap(struct walk_model *m, const struct tmm_op *op)
{
	const vm_flags_t flags = vma_flags_to_legacy(VMA_DATA_DEFAULT_FLAGS);
	const int end = op->page + op->nr;
	int i;

	unmap(m, op->page, end);
	for (i = op->page; i < end; i++)
		m->page[i] = (struct walk_page){
			.mapped = true, .file = TMM_NO_FILE, .uffd = -1,
			.flags = (flags & PROT_FLAGS) | VM_ACCOUNT,
			.pgoff = i, .anon_pgoff = i,
		};
	m->page[op->page].first = true;
	merge(m, op->page, end, true, false);
	return 0;
}

/* The child's, and each VMA has an anon_vma of its own from now on. */
static long do_fork(struct walk_model *m)
{
	int start, end, nr, i;

	m->forked = true;
	for (start = 0; start < WALK_PAGES; start = end) {
		const struct walk_page first = m->page[start];

		end = first.mapped ? walk_vma_end(m, start) : start + 1;
		if (!first.mapped)
			continue;
		if (first.flags & VM_DONTCOPY) {
			unmap(m, start, end);
			continue;
		}
		nr = first.anon_vma ? ++m->nr_anon_vmas : 0;
		for (i = start; i < end; i++) {
			struct walk_page *p = &m->page[i];

			p->flags &= ~(VM_LOCKED | VM_UFFD_MISSING);
			p->uffd = -1;
			p->anon_vma = nr;
			p->chain = nr ? first.chain + 1 : 0;
			if (!(first.flags & VM_WIPEONFORK))
				continue;
			p->anon_vma = 0;
			p->chain = 0;
			p->own = false;
			p->guard = false;
			p->pgoff = i;
			p->anon_pgoff = i;
		}
	}
	return 0;
}

/*
 * mprotect(), madvise(), mlock(), and what else changes a range
 */

static vm_flags_t protected_flags(const struct walk_page *p, vm_flags_t prot)
{
	vm_flags_t flags = (p->flags & ~PROT_FLAGS) | prot;

	if (flags == p->flags)
		return flags;
	/* Writable memory is charged, and never-touched memory is given back. */
	if ((prot & VM_WRITE) &&
	    !(p->flags & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE)))
		flags |= VM_ACCOUNT;
	if (!(prot & VM_WRITE) && is_anon(p) && !p->anon_vma)
		flags &= ~VM_ACCOUNT;
	return flags;
}

static long protect(struct walk_model *m, const struct tmm_op *op)
{
	const int end = op->page + op->nr;
	struct walk_page want, old;
	struct tmm_attr attr;
	int i, next;

	if (tmm_parse_attr(op->attr, op->page, &attr))
		return WALK_UNKNOWN;
	for (i = op->page; i < end; i = next) {
		if (!m->page[i].mapped)
			return -ENOMEM;
		/* Those files are of a file system without programs. */
		if ((attr.flags & VM_EXEC) && is_driver(&m->page[i]))
			return -EACCES;
		next = min(walk_vma_end(m, i), end);
		old = m->page[i];
		want = old;
		want.flags = protected_flags(&want, attr.flags & PROT_FLAGS);
		if (want.flags == old.flags)
			continue;
		modify(m, i, next, &want);
		if ((want.flags & VM_WRITE) && (old.flags & VM_LOCKED) &&
		    !(old.flags & (VM_WRITE | VM_SHARED)) &&
		    populate(m, i, next, false) == WALK_UNKNOWN)
			return WALK_UNKNOWN;
	}
	return 0;
}

static const struct {
	int advice;
	vm_flags_t set, clear;
	bool anon_only;
	bool private_only;	/* Ignored elsewhere. */
} advices[] = {
	{ MADV_NORMAL, 0, VM_SEQ_READ | VM_RAND_READ },
	{ MADV_SEQUENTIAL, VM_SEQ_READ, VM_RAND_READ },
	{ MADV_RANDOM, VM_RAND_READ, VM_SEQ_READ },
	{ MADV_DONTFORK, VM_DONTCOPY, 0 },
	{ MADV_DOFORK, 0, VM_DONTCOPY },
	{ MADV_DONTDUMP, VM_DONTDUMP, 0 },
	{ MADV_DODUMP, 0, VM_DONTDUMP },
	{ MADV_WIPEONFORK, VM_WIPEONFORK, 0, .anon_only = true },
	{ MADV_KEEPONFORK, 0, VM_WIPEONFORK },
	{ MADV_MERGEABLE, VM_MERGEABLE, 0, .private_only = true },
	{ MADV_UNMERGEABLE, 0, VM_MERGEABLE, .private_only = true },
	{ MADV_HUGEPAGE, VM_HUGEPAGE, VM_NOHUGEPAGE },
	{ MADV_NOHUGEPAGE, VM_NOHUGEPAGE, VM_HUGEPAGE },
};

static void install_guards(struct walk_model *m, int start, int end)
{
	int i;

	for (i = vma_start(m, start); i < walk_vma_end(m, start); i++)
		m->page[i].flags |= VM_MAYBE_GUARD;
	if (is_anon(&m->page[start]))
		prepare_anon_vma(m, start);
	for (i = start; i < end; i++) {
		m->page[i].guard = true;
		m->page[i].own = false;
	}
}

/* What does not change VMAs, for a part of one. */
static long advise_pages(struct walk_model *m, int start, int end, int advice)
{
	const bool locked = m->page[start].flags & VM_LOCKED;
	int i;

	if (locked && (advice == MADV_DONTNEED || advice == MADV_GUARD_INSTALL))
		return -EINVAL;
	if (m->lie && advice == m->lie)
		return 0;
	if (advice == MADV_GUARD_INSTALL)
		install_guards(m, start, end);
	for (i = start; i < end; i++) {
		if (advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED)
			m->page[i].own = false;
		else if (advice == MADV_GUARD_REMOVE)
			m->page[i].guard = false;
	}
	return 0;
}

static long advise_vma(struct walk_model *m, int start, int end, int advice)
{
	struct walk_page want = m->page[start];
	int i;

	for (i = 0; i < ARRAY_SIZE(advices); i++)
		if (advices[i].advice == advice)
			break;
	if (i == ARRAY_SIZE(advices))
		return advise_pages(m, start, end, advice);
	if (advices[i].anon_only && !is_anon(&want))
		return -EINVAL;
	if (advices[i].private_only && !is_private(&want))
		return 0;
	want.flags = (want.flags & ~advices[i].clear) | advices[i].set;
	if (want.flags != m->page[start].flags)
		modify(m, start, end, &want);
	return 0;
}

static long name_vma(struct walk_model *m, int start, int end, const char *text)
{
	struct walk_page want = m->page[start];
	int i;

	/* The fixture's files in memory have no name: that is anonymous, too. */
	if (!is_anon(&want) && (is_driver(&want) || !IS_ENABLED(CONFIG_SHMEM)))
		return -EBADF;
	want.name = NULL;
	for (i = 0; i < ARRAY_SIZE(walk_names); i++)
		if (text && !strcmp(text, walk_names[i]))
			want.name = walk_names[i];
	if (want.name != m->page[start].name)
		modify(m, start, end, &want);
	return 0;
}

/* Holes are an error, but only at the end. */
static long advise(struct walk_model *m, const struct tmm_op *op)
{
	const int end = op->page + op->nr;
	long err = 0, hole = 0;
	int i, next;

	for (i = op->page; i < end && !err; i = next) {
		if (!m->page[i].mapped) {
			hole = -ENOMEM;
			next = i + 1;
			continue;
		}
		next = min(walk_vma_end(m, i), end);
		if (op->kind == TMM_OP_NAME)
			err = name_vma(m, i, next, op->attr);
		else
			err = advise_vma(m, i, next, op->arg);
	}
	return err ?: hole;
}

static long lock(struct walk_model *m, const struct tmm_op *op)
{
	const bool on = op->kind == TMM_OP_MLOCK;
	const int end = op->page + op->nr;
	struct walk_page want;
	int i, next;

	for (i = op->page; i < end; i = next) {
		want = m->page[i];
		if (!want.mapped)
			return -ENOMEM;
		if (on && (want.uffd >= 0 || is_driver(&want)))
			return WALK_UNKNOWN;
		next = min(walk_vma_end(m, i), end);
		want.flags = (want.flags & ~VM_LOCKED) | (on ? VM_LOCKED : 0);
		if (want.flags != m->page[i].flags)
			modify(m, i, next, &want);
	}
	return on ? populate(m, op->page, end, false) : 0;
}

/* Only ranges where nothing is in the way; what is locked would wait for ever. */
static long register_uffd(struct walk_model *m, const struct tmm_op *op)
{
	const int end = op->page + op->nr;
	struct walk_page want;
	int gone = -1, i, next;

	for (i = op->page; i < end && gone < 0; i++)
		gone = m->page[i].mapped ? m->page[i].uffd : -1;
	/* The contexts stay with the parent. */
	if (m->forked)
		return WALK_UNKNOWN;
	if (op->arg < 0 && gone < 0)
		return 0;
	for (i = op->page; i < end; i++) {
		const struct walk_page *p = &m->page[i];
		const bool mine = p->uffd == (op->arg < 0 ? gone : op->arg);

		if (!p->mapped || is_driver(p) || (p->flags & VM_LOCKED) ||
		    (p->uffd >= 0 && !mine) ||
		    (!is_anon(p) && !IS_ENABLED(CONFIG_SHMEM)))
			return WALK_UNKNOWN;
	}
	for (i = op->page; i < end; i = next) {
		next = min(walk_vma_end(m, i), end);
		want = m->page[i];
		want.uffd = op->arg;
		want.flags &= ~VM_UFFD_MISSING;
		want.flags |= op->arg < 0 ? 0 : VM_UFFD_MISSING;
		if (want.uffd != m->page[i].uffd)
			modify(m, i, next, &want);
	}
	return 0;
}

/*
 * mremap()
 */

/* What was not touched yet has no past: its offset is where it is now. */
static void move_page(struct walk_model *m, const struct walk_page *from, int to,
		      int offset, bool content)
{
	struct walk_page *p = &m->page[to];

	*p = *from;
	p->first = false;
	p->pgoff += offset;
	p->anon_pgoff += offset;
	p->flags &= ~VM_UFFD_MISSING;
	p->uffd = -1;
	if (!p->anon_vma)
		p->anon_pgoff = to;
	if (is_anon(p))
		p->pgoff = p->anon_pgoff;
	if (!content) {
		p->own = false;
		p->guard = false;
	}
}

/* The source of MREMAP_DONTUNMAP: empty, and as a whole VMA as never touched. */
static void empty_source(struct walk_model *m, int start, int end)
{
	const bool whole = m->page[start].first && starts_vma(m, end);
	int i;

	for (i = start; i < end; i++) {
		struct walk_page *p = &m->page[i];

		p->flags &= ~VM_LOCKED;
		p->own = false;
		p->guard = false;
		if (!whole)
			continue;
		p->anon_vma = 0;
		p->chain = 0;
		p->anon_pgoff = i;
		if (is_anon(p))
			p->pgoff = i;
	}
}

/* A part of one VMA to a place where nothing is. */
static void move(struct walk_model *m, int from, int nr, int to, int to_nr,
		 bool keep)
{
	const bool alone = keep && !m->page[from].anon_vma && is_anon(&m->page[from]);
	const bool merges = m->page[from].uffd < 0;
	int source, source_end, i;

	if (keep && (m->page[from].flags & VM_LOCKED))
		cut(m, from, from + nr);
	source = vma_start(m, from);
	source_end = walk_vma_end(m, from);
	for (i = 0; i < to_nr; i++) {
		const int last = min(i, nr - 1);

		move_page(m, &m->page[from + last], to + i, i - last, i < nr);
	}
	m->page[to].first = true;
	cut(m, to, to + to_nr);
	/* What is kept stays apart from its copy. */
	if (merges)
		merge(m, to, to + to_nr, !(alone && source_end == to),
		      !(alone && source == to + to_nr));
	if (keep)
		empty_source(m, from, from + nr);
	else
		unmap(m, from, from + nr);
}

/* A file system without shmem chooses addresses by itself: not obeyed, maybe. */
static bool moves_alone(const struct walk_page *p)
{
	return p->uffd >= 0 || (!is_anon(p) && !is_driver(p) &&
				!IS_ENABLED(CONFIG_SHMEM));
}

/* Several VMAs at once, with the holes between them. */
static long move_all(struct walk_model *m, const struct tmm_op *op)
{
	const int end = op->page + op->nr, delta = op->to - op->page;
	bool seen = false;
	int i, next;

	if (!m->page[op->page].mapped)
		return -EFAULT;
	for (i = op->page; i < end; i = next) {
		next = i + 1;
		if (!m->page[i].mapped)
			continue;
		next = min(walk_vma_end(m, i), end);
		if (moves_alone(&m->page[i]) && (seen || walk_vma_end(m, i) < end))
			return -EFAULT;
		unmap(m, i + delta, next + delta);
		move(m, i, next - i, i + delta, next - i,
		     op->arg & MREMAP_DONTUNMAP);
		seen = true;
	}
	return 0;
}

static long resize_in_place(struct walk_model *m, const struct tmm_op *op)
{
	const int end = op->page + op->nr, to_end = op->page + op->to_nr;
	const int vma_end = walk_vma_end(m, op->page);
	const struct walk_page last = m->page[vma_end - 1];
	int i;

	if (op->to_nr <= op->nr) {
		if (op->to_nr < op->nr)
			unmap(m, to_end, end);
		return 0;
	}
	if (end > vma_end)
		return -EFAULT;
	if (end < vma_end)
		return -ENOMEM;
	for (i = end; i < to_end; i++)
		if (m->page[i].mapped)
			return -ENOMEM;
	for (i = end; i < to_end; i++) {
		m->page[i] = last;
		m->page[i].first = false;
		m->page[i].own = false;
		m->page[i].guard = false;
		m->page[i].pgoff += i - end + 1;
		m->page[i].anon_pgoff += i - end + 1;
	}
	/* It is the same VMA that goes on, so it may have a parent. */
	if (to_end < WALK_PAGES && fits(&m->page[to_end - 1], &m->page[to_end]) &&
	    (anon_fits(&last, &m->page[to_end]) || !m->page[to_end].anon_vma) &&
	    !m->page[to_end].closed)
		join(m, to_end, last.closed);
	if (last.flags & VM_LOCKED)
		return populate(m, end, to_end, true);
	return 0;
}

/* To a place that is given, and of another size there. */
static long resize_to(struct walk_model *m, const struct tmm_op *op)
{
	const int nr = min(op->nr, op->to_nr), to_end = op->to + op->to_nr;
	const vm_flags_t flags = m->page[op->page].flags;

	if (op->page + nr > walk_vma_end(m, op->page))
		return -EFAULT;
	unmap(m, op->to, to_end);
	if (op->nr > nr)
		unmap(m, op->page + nr, op->page + op->nr);
	move(m, op->page, nr, op->to, op->to_nr, false);
	if ((flags & VM_LOCKED) && op->to_nr > nr)
		return populate(m, op->to + nr, to_end, true);
	return 0;
}

static long remap(struct walk_model *m, const struct tmm_op *op)
{
	const bool fixed = op->arg & MREMAP_FIXED;

	if (fixed && op->page < op->to + op->to_nr && op->to < op->page + op->nr)
		return -EINVAL;
	if (fixed && op->nr == op->to_nr)
		return move_all(m, op);
	if (!m->page[op->page].mapped)
		return -EFAULT;
	return fixed ? resize_to(m, op) : resize_in_place(m, op);
}

long walk_predict(struct walk_model *m, const struct walk_op *walk_op)
{
	struct tmm_op op = walk_op->op;
	const int end = op.page + op.nr;

	op.attr = walk_op->attr[0] ? walk_op->attr : NULL;
	if (walk_op->fork)
		return do_fork(m);
	switch (op.kind) {
	case TMM_OP_MMAP:
		return map(m, &op);
	case TMM_OP_MUNMAP:
		unmap(m, op.page, end);
		return 0;
	case TMM_OP_BRK:
		return grow_heap(m, &op);
	case TMM_OP_MPROTECT:
		return protect(m, &op);
	case TMM_OP_MADVISE:
	case TMM_OP_NAME:
		return advise(m, &op);
	case TMM_OP_MLOCK:
	case TMM_OP_MUNLOCK:
		return lock(m, &op);
	case TMM_OP_UFFD:
		return register_uffd(m, &op);
	case TMM_OP_MREMAP:
		return remap(m, &op);
	case TMM_OP_READ:
		return access_pages(m, op.page, end, false, 0);
	case TMM_OP_WRITE:
		return access_pages(m, op.page, end, true, walk_op->stamp);
	default:
		return WALK_UNKNOWN;
	}
}
