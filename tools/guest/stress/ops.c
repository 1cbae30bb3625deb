// SPDX-License-Identifier: GPL-2.0
/*
 * The operations, less those of userfaultfd and fork. Each picks its place and
 * its parameters at random, does one system call or some stores, and tells the
 * model what is different now. What the model does not predict is not done.
 *
 * checkpatch: REPEATED_WORD: struct range range
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "stress.h"
#include "uapi.h"

char *at(struct thread *t, int page)
{
	return t->base + (size_t)page * PAGE;
}

void touch(struct thread *t, int first, int nr)
{
	t->touched[t->nr_touched++] = (struct range){ first, nr };
}

/* What this step does, for the trace and for a failure. */
void note(struct thread *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(t->what, sizeof(t->what), format, args);
	va_end(args);
}

/* A random range, moved on to the first page that fits and cut where none does. */
struct range seek(struct thread *t, bool (*fits)(const struct page *p))
{
	struct range range = random_range(t);
	int i, nr = range.nr;

	for (i = 0; i < AREA_PAGES; i++)
		if (fits(&t->page[(range.first + i) % AREA_PAGES]))
			break;
	range.first = (range.first + i) % AREA_PAGES;
	for (range.nr = 0; range.nr < nr && range.first + range.nr < AREA_PAGES; range.nr++)
		if (!fits(&t->page[range.first + range.nr]))
			break;
	return range;
}

static bool same_vma(const struct page *p, const struct page *next)
{
	if (p->kind != next->kind || p->prot != next->prot ||
	    p->advice != next->advice || p->uffd != next->uffd)
		return false;
	return p->kind == HOLE || p->kind == ANON ||
	       (p->object == next->object && p->pgoff + 1 == next->pgoff);
}

/* The range, cut where another VMA begins by what the model knows. */
struct range alike(struct thread *t, struct range range)
{
	int i;

	for (i = 1; i < range.nr; i++)
		if (!same_vma(&t->page[range.first + i - 1], &t->page[range.first + i]))
			range.nr = i;
	return range;
}

static bool is_any(const struct page *p)
{
	(void)p;
	return true;
}

static bool is_mapped(const struct page *p)
{
	return p->kind != HOLE;
}

static bool is_plain(const struct page *p)
{
	return p->kind != HOLE && !p->uffd;
}

static bool is_anon(const struct page *p)
{
	return p->kind == ANON;
}

static bool is_freeable(const struct page *p)
{
	return p->kind == ANON && !p->wp && !p->uffd;
}

static bool is_guardable(const struct page *p)
{
	return p->kind != HOLE && !p->uffd;
}

static bool is_readable(const struct page *p)
{
	return expect_read(p) == MUST_READ;
}

/* ---- mappings ---- */

static const int prots[] = {
	PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
	PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE,
};

static int random_prot(struct thread *t)
{
	return prots[below(t, sizeof(prots) / sizeof(*prots))];
}

static const char *prot_name(int prot)
{
	return prot & PROT_WRITE ? "rw" : prot ? "r" : "none";
}

/* The offset in the memfd keeps huge pages possible where it can. */
static int random_pgoff(struct thread *t, struct range range)
{
	int pgoff = range.first % HUGE_PAGES;

	if (pgoff + range.nr > OBJECT_PAGES || chance(t, 20))
		return below(t, OBJECT_PAGES - range.nr + 1);
	if (pgoff + HUGE_PAGES + range.nr <= OBJECT_PAGES && chance(t, 50))
		pgoff += HUGE_PAGES;
	return pgoff;
}

/* What is whole is what can become huge; all else breaks it up. */
static struct range whole_huge_pages(struct thread *t)
{
	int first = below(t, AREA_PAGES / HUGE_PAGES), nr = 1 + below(t, 2);

	if (first + nr > AREA_PAGES / HUGE_PAGES)
		nr = 1;
	return (struct range){ first * HUGE_PAGES, nr * HUGE_PAGES };
}

static enum outcome op_map(struct thread *t)
{
	static const char *const names[] = { "", "anon", "shared", "private" };
	struct range range = chance(t, 50) ? seek(t, is_any) : whole_huge_pages(t);
	int dice = below(t, 100), i;
	struct page new = {
		.kind = dice < 60 ? ANON : dice < 80 ? SHARED : PRIVATE,
		.prot = random_prot(t),
		.object = below(t, OBJECTS),
	};
	int flags = new.kind == SHARED ? MAP_SHARED : MAP_PRIVATE;

	if (new.kind == ANON)
		flags |= MAP_ANONYMOUS;
	else
		new.pgoff = random_pgoff(t, range);
	if (chance(t, 10))
		flags |= MAP_NORESERVE;
	note(t, "%d+%d %s %s memfd %d page %d", range.first, range.nr, names[new.kind],
	     prot_name(new.prot), new.kind == ANON ? -1 : new.object, new.pgoff);
	if (mmap(at(t, range.first), (size_t)range.nr * PAGE, new.prot, flags | MAP_FIXED,
		 new.kind == ANON ? -1 : t->object[new.object].fd,
		 (off_t)new.pgoff * PAGE) == MAP_FAILED)
		fail(t, "mmap: %m");
	for (i = range.first; i < range.first + range.nr; i++) {
		t->page[i] = new;
		new.pgoff += new.kind != ANON;
	}
	touch(t, range.first, range.nr);
	return DONE;
}

static void make_hole(struct thread *t, int page)
{
	memset(&t->page[page], 0, sizeof(t->page[page]));
}

static enum outcome op_unmap(struct thread *t)
{
	struct range range = seek(t, is_any);
	int i;

	note(t, "%d+%d", range.first, range.nr);
	if (munmap(at(t, range.first), (size_t)range.nr * PAGE))
		fail(t, "munmap: %m");
	for (i = 0; i < range.nr; i++)
		make_hole(t, range.first + i);
	touch(t, range.first, range.nr);
	return DONE;
}

static enum outcome op_mprotect(struct thread *t)
{
	struct range range = seek(t, is_mapped);
	int prot = random_prot(t), i;

	if (!range.nr)
		return SKIPPED;
	note(t, "%d+%d %s", range.first, range.nr, prot_name(prot));
	if (mprotect(at(t, range.first), (size_t)range.nr * PAGE, prot))
		fail(t, "mprotect: %m");
	for (i = 0; i < range.nr; i++)
		t->page[range.first + i].prot = prot;
	touch(t, range.first, range.nr);
	return DONE;
}

static bool overlap(struct range range, int first)
{
	return first < range.first + range.nr && range.first < first + range.nr;
}

/* Pages have moved from @range to @to; the old mapping may stay, empty. */
static void moved(struct thread *t, struct range range, int to, bool stays)
{
	int i;

	for (i = 0; i < range.nr; i++) {
		struct page *from = &t->page[range.first + i];

		t->page[to + i] = *from;
		t->page[to + i].uffd = 0;
		t->page[to + i].wp = false;
		if (!stays) {
			make_hole(t, range.first + i);
			continue;
		}
		forget_content(from);
		from->guard = false;
	}
}

static enum outcome op_mremap(struct thread *t)
{
	bool stays = chance(t, 25);
	struct range range = alike(t, seek(t, stays ? is_plain : is_mapped));
	size_t len;
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED | (stays ? MREMAP_DONTUNMAP : 0);
	int to = below(t, AREA_PAGES);

	/* Registered memory has to be one VMA; the model does not know where they end */
	if (range.nr && t->page[range.first].uffd)
		range.nr = 1;
	len = (size_t)range.nr * PAGE;
	/* Whole tables and huge pages move only between aligned places */
	if (chance(t, 60))
		to = to / HUGE_PAGES * HUGE_PAGES + range.first % HUGE_PAGES;
	if (!range.nr || to + range.nr > AREA_PAGES || overlap(range, to))
		return SKIPPED;
	note(t, "%d+%d to %d%s", range.first, range.nr, to, stays ? ", stays" : "");
	if (mremap(at(t, range.first), len, len, flags, at(t, to)) != at(t, to))
		fail(t, "mremap: %m");
	moved(t, range, to, stays);
	touch(t, range.first, range.nr);
	touch(t, to, range.nr);
	return DONE;
}

static enum outcome op_shrink(struct thread *t)
{
	struct range range = alike(t, seek(t, is_mapped));
	int kept, i;

	if (range.nr < 2)
		return SKIPPED;
	kept = 1 + below(t, range.nr - 1);
	note(t, "%d+%d to %d", range.first, range.nr, kept);
	if (mremap(at(t, range.first), (size_t)range.nr * PAGE, (size_t)kept * PAGE, 0) !=
	    at(t, range.first))
		fail(t, "mremap: %m");
	for (i = kept; i < range.nr; i++)
		make_hole(t, range.first + i);
	touch(t, range.first, range.nr);
	return DONE;
}

/* ---- content ---- */

static enum outcome op_store(struct thread *t)
{
	struct range range = seek(t, writable);
	bool whole = chance(t, 50), equal = chance(t, 20);
	int i, stride = chance(t, 20) ? 1 + below(t, 64) : 1;
	int block = whole ? 0 : below(t, BLOCKS);
	int nr = whole ? BLOCKS : 1 + below(t, BLOCKS - block);

	if (!range.nr)
		return SKIPPED;
	note(t, "%d+%d each %d, blocks %d+%d%s", range.first, range.nr, stride, block, nr,
	     equal ? ", equal" : "");
	for (i = 0; i < range.nr; i += stride) {
		int page = range.first + i;

		if (t->page[page].lazy) {	/* which content a part is added to? */
			block = 0;
			nr = BLOCKS;
		}
		set_content(t, page, block, nr, new_gen(t, equal ? range.first : page));
		if (store_blocks(t, page, content(t, page), block, nr) == FAULTED)
			fail(t, "page %d: a store faulted", page);
	}
	touch(t, range.first, range.nr);
	return DONE;
}

static ssize_t write_by_syscall(struct thread *t, char *to, size_t len, int how)
{
	struct iovec local = { t->buffer, len }, remote = { to, len };

	switch (how) {
	case 0:
		return process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
	case 1:
		return pwrite(t->self_mem, t->buffer, len, (off_t)(uintptr_t)to);
	default:
		if (pwrite(t->scratch, t->buffer, len, 0) != (ssize_t)len)
			fail(t, "pwrite to the scratch memfd: %m");
		return pread(t->scratch, to, len, 0);
	}
}

/* Some blocks of some pages at one go, which need not begin with a page. */
static enum outcome op_syscall_write(struct thread *t)
{
	static const char *const names[] = {
		"process_vm_writev", "/proc/self/mem", "read", "read"
	};
	struct range range = seek(t, writable);
	int how = below(t, 4), i, skip = below(t, BLOCKS);
	int end = range.nr * BLOCKS - below(t, BLOCKS);
	ssize_t len, done;

	if (!range.nr || range.nr > HUGE_PAGES)
		return SKIPPED;
	if (t->page[range.first].lazy)		/* which content is a part added to? */
		skip = 0;
	if (t->page[range.first + range.nr - 1].lazy)
		end = range.nr * BLOCKS;
	len = (ssize_t)(end - skip) * BLOCK;
	if (len <= 0)
		return SKIPPED;
	for (i = 0; i < range.nr; i++) {
		int page = range.first + i, first = i ? 0 : skip;
		int nr = (end < (i + 1) * BLOCKS ? end - i * BLOCKS : BLOCKS) - first;

		set_content(t, page, first, nr, new_gen(t, page));
		fill(t->buffer + (size_t)i * PAGE_WORDS, content(t, page), 0, BLOCKS);
	}
	memmove(t->buffer, (char *)t->buffer + skip * BLOCK, len);
	note(t, "%d+%d blocks %d-%d by %s", range.first, range.nr, skip, end - 1, names[how]);
	done = write_by_syscall(t, at(t, range.first) + skip * BLOCK, len, how);
	if (done != len)
		fail(t, "%zd of %zd: %m", done, len);
	touch(t, range.first, range.nr);
	return DONE;
}

/* Write to the memfd: all that map it see it. */
static enum outcome op_file_write(struct thread *t)
{
	int object = below(t, OBJECTS), first = below(t, OBJECT_PAGES);
	int nr = 1 + below(t, chance(t, 20) ? HUGE_PAGES : 16), i, block;

	if (first + nr > OBJECT_PAGES)
		nr = OBJECT_PAGES - first;
	note(t, "memfd %d pages %d+%d", object, first, nr);
	for (i = 0; i < nr; i++) {
		uint64_t *gens = t->object[object].gen[first + i];

		for (block = 0; block < BLOCKS; block++)
			gens[block] = new_gen(t, 0x8000 | (first + i));
		fill(t->buffer + (size_t)i * PAGE_WORDS, gens, 0, BLOCKS);
	}
	if (pwrite(t->object[object].fd, t->buffer, (size_t)nr * PAGE, (off_t)first * PAGE) !=
	    nr * PAGE)
		fail(t, "pwrite to the memfd: %m");
	return DONE;
}

static enum outcome op_punch(struct thread *t)
{
	int object = below(t, OBJECTS), first = below(t, OBJECT_PAGES);
	int nr = 1 + below(t, HUGE_PAGES);

	if (first + nr > OBJECT_PAGES)
		nr = OBJECT_PAGES - first;
	note(t, "memfd %d pages %d+%d", object, first, nr);
	if (fallocate(t->object[object].fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)first * PAGE, (off_t)nr * PAGE))
		fail(t, "fallocate: %m");
	memset(t->object[object].gen[first], 0, nr * sizeof(t->object[object].gen[0]));
	return DONE;
}

/* ---- madvise ---- */

static int advise(struct thread *t, struct range range, int advice, const char *name)
{
	note(t, "%d+%d %s", range.first, range.nr, name);
	touch(t, range.first, range.nr);
	return madvise(at(t, range.first), (size_t)range.nr * PAGE, advice) ? -errno : 0;
}

static enum outcome op_dontneed(struct thread *t)
{
	struct range range = seek(t, is_mapped);
	int i, error;

	if (!range.nr)
		return SKIPPED;
	error = advise(t, range, MADV_DONTNEED, "DONTNEED");
	if (error)
		fail(t, "error %d", error);
	for (i = range.first; i < range.first + range.nr; i++)
		if (t->page[i].kind != SHARED && !t->page[i].guard)
			forget_content(&t->page[i]);
	return DONE;
}

static enum outcome op_free(struct thread *t)
{
	struct range range = seek(t, is_freeable);
	int i, error;

	if (!range.nr)
		return SKIPPED;
	error = advise(t, range, MADV_FREE, "FREE");
	if (error)
		fail(t, "error %d", error);
	for (i = range.first; i < range.first + range.nr; i++) {
		t->page[i].lazy = t->page[i].own;
		t->page[i].poison = false;
	}
	return DONE;
}

/* The content stays as it is; what the kernel makes of it is its own affair. */
static const struct hint {
	const char *name;
	int advice;
	int set, clear;		/* VMA flags */
	int weight;
} hints[] = {
	{ "PAGEOUT", MADV_PAGEOUT, 0, 0, 30 },
	{ "COLD", MADV_COLD, 0, 0, 8 },
	{ "WILLNEED", MADV_WILLNEED, 0, 0, 4 },
	{ "HUGEPAGE", MADV_HUGEPAGE, ADV_HUGE, ADV_NOHUGE, 20 },
	{ "NOHUGEPAGE", MADV_NOHUGEPAGE, ADV_NOHUGE, ADV_HUGE, 4 },
	{ "MERGEABLE", MADV_MERGEABLE, ADV_MERGE, 0, 10 },
	{ "UNMERGEABLE", MADV_UNMERGEABLE, 0, ADV_MERGE, 5 },
	{ "SEQUENTIAL", MADV_SEQUENTIAL, 0, 0, 0 },
};

static const struct hint *random_hint(struct thread *t)
{
	int i, dice = 0;

	for (i = 0; hints[i].weight; i++)
		dice += hints[i].weight;
	dice = below(t, dice);
	for (i = 0; dice >= hints[i].weight; i++)
		dice -= hints[i].weight;
	return &hints[i];
}

static enum outcome op_hint(struct thread *t)
{
	const struct hint *hint = random_hint(t);
	struct range range = seek(t, is_mapped);
	int i, error;

	if (!range.nr)
		return SKIPPED;
	error = advise(t, range, hint->advice, hint->name);
	if (error && error != -EAGAIN && error != -ENOMEM && error != -EIO)
		fail(t, "error %d", error);
	for (i = range.first; i < range.first + range.nr; i++) {
		t->page[i].advice |= hint->set;
		t->page[i].advice &= ~hint->clear;
	}
	return error ? REFUSED : DONE;
}

static enum outcome op_populate_read(struct thread *t)
{
	struct range range = seek(t, is_readable);
	int error;

	if (!range.nr)
		return SKIPPED;
	error = advise(t, range, MADV_POPULATE_READ, "POPULATE_READ");
	if (error)
		fail(t, "error %d", error);
	return DONE;
}

static enum outcome op_populate_write(struct thread *t)
{
	struct range range = seek(t, writable);
	int i, error;

	if (!range.nr)
		return SKIPPED;
	error = advise(t, range, MADV_POPULATE_WRITE, "POPULATE_WRITE");
	if (error)
		fail(t, "error %d", error);
	for (i = range.first; i < range.first + range.nr; i++)
		if (t->page[i].kind != SHARED)
			set_content(t, i, 0, 0, 0);	/* what was shown is its own now */
	return DONE;
}

static enum outcome op_collapse(struct thread *t)
{
	struct range range = { below(t, AREA_PAGES / HUGE_PAGES) * HUGE_PAGES, HUGE_PAGES };
	int i;

	for (i = 0; i < AREA_PAGES / HUGE_PAGES; i++) {
		struct range whole = alike(t, range);

		if (whole.nr == HUGE_PAGES && is_mapped(&t->page[whole.first]))
			break;
		range.first = (range.first + HUGE_PAGES) % AREA_PAGES;
	}
	return advise(t, range, MADV_COLLAPSE, "COLLAPSE") ? REFUSED : DONE;
}

static enum outcome op_guard(struct thread *t)
{
	struct range range = seek(t, is_guardable);
	bool install = chance(t, 50);
	int i, error;

	if (!range.nr)
		return SKIPPED;
	error = advise(t, range, install ? MADV_GUARD_INSTALL : MADV_GUARD_REMOVE,
		       install ? "GUARD_INSTALL" : "GUARD_REMOVE");
	if (error == -EINVAL)
		return REFUSED;
	if (error)
		fail(t, "error %d", error);
	for (i = range.first; i < range.first + range.nr; i++) {
		if (install)
			forget_content(&t->page[i]);
		t->page[i].guard = install;
	}
	return DONE;
}

/* ---- behind the memory's back ---- */

static enum outcome op_split(struct thread *t)
{
	struct range range = random_range(t);
	int order = chance(t, 50) ? 0 : 2 + below(t, 7);
	char command[100];
	int fd = open("/sys/kernel/debug/split_huge_pages", O_WRONLY | O_CLOEXEC);
	ssize_t len, done;

	if (fd < 0)
		return SKIPPED;
	note(t, "%d+%d order %d", range.first, range.nr, order);
	len = snprintf(command, sizeof(command), "%d,0x%lx,0x%lx,%d", getpid(),
		       (unsigned long)at(t, range.first),
		       (unsigned long)at(t, range.first + range.nr), order);
	done = write(fd, command, len);
	close(fd);
	touch(t, range.first, range.nr);
	return done == len ? DONE : REFUSED;
}

static enum outcome write_word(struct thread *t, const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t done;

	note(t, "%s > %s", word, path);
	if (fd < 0)
		return SKIPPED;
	done = write(fd, word, strlen(word));
	close(fd);
	return done > 0 ? DONE : REFUSED;
}

/* Pages move to other places. */
static enum outcome op_compact(struct thread *t)
{
	return write_word(t, "/proc/sys/vm/compact_memory", "1");
}

/* Accessed bits, or soft-dirty bits, of the whole process. */
static enum outcome op_clear_refs(struct thread *t)
{
	return write_word(t, "/proc/self/clear_refs", chance(t, 50) ? "1" : "4");
}

static enum outcome op_merge(struct thread *t)
{
	struct range range = seek(t, is_anon);
	int i, error;

	if (!range.nr)
		return SKIPPED;
	error = advise(t, range, MADV_MERGEABLE, "MERGEABLE");
	for (i = range.first; i < range.first + range.nr; i++)
		t->page[i].advice |= ADV_MERGE;
	return error ? REFUSED : DONE;
}

const struct op ops[] = {
	{ "mmap", 80, op_map },
	{ "munmap", 12, op_unmap },
	{ "mprotect", 50, op_mprotect },
	{ "mremap", 60, op_mremap },
	{ "shrink", 8, op_shrink },
	{ "store", 130, op_store },
	{ "syscall_write", 60, op_syscall_write },
	{ "file_write", 15, op_file_write },
	{ "punch_hole", 10, op_punch },
	{ "dontneed", 25, op_dontneed },
	{ "free", 25, op_free },
	{ "hint", 80, op_hint },
	{ "populate_read", 10, op_populate_read },
	{ "populate_write", 20, op_populate_write },
	{ "collapse", 60, op_collapse },
	{ "guard", 12, op_guard },
	{ "split", 40, op_split },
	{ "compact", 6, op_compact },
	{ "clear_refs", 10, op_clear_refs },
	{ "merge", 10, op_merge },
	{ "uffd_register", 25, uffd_register },
	{ "uffd_unregister", 8, uffd_unregister },
	{ "uffd_copy", 15, uffd_copy },
	{ "uffd_move", 50, uffd_move },
	{ "uffd_continue", 10, uffd_continue },
	{ "uffd_wp", 25, uffd_writeprotect },
	{ "uffd_poison", 6, uffd_poison },
	{ "fork", 10, fork_and_check },
	{ "snapshot", 8, take_snapshot },
	{ "ask_snapshot", 8, ask_snapshot },
	{ NULL, 0, NULL },
};
