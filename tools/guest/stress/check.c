// SPDX-License-Identifier: GPL-2.0
/*
 * Compare the memory with the model: by loads, which use what the host has
 * mapped, and by system calls, which use the page tables.
 *
 * checkpatch: VOLATILE: user space; each access has to reach the memory
 * checkpatch: REPEATED_WORD: struct range range, enum manner manner
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include "stress.h"

enum { RUN_PAGES = 64 };	/* in one system call */

enum expectation expect_read(const struct page *p)
{
	if (p->kind == HOLE || !(p->prot & PROT_READ) || p->guard || p->poison)
		return MUST_FAULT;
	if (p->uffd & UFFD_MINOR)
		return MAY_FAULT;
	if (p->uffd & UFFD_MISSING && (!p->own || p->lazy))
		return MAY_FAULT;
	return MUST_READ;
}

/* A write must succeed, and is ours to make: the parent knows of none in a memfd. */
bool writable(const struct page *p)
{
	if (p->kind == SHARED && this_thread->is_child)
		return false;
	return expect_read(p) == MUST_READ && p->prot & PROT_WRITE && !p->wp;
}

/* A write must not succeed. */
static bool refuses_writes(const struct page *p)
{
	return expect_read(p) == MUST_FAULT || !(p->prot & PROT_WRITE) || p->wp;
}

/* A page that was given back by MADV_FREE may have lost its content, for good. */
static bool was_dropped(struct thread *t, int page, const volatile uint64_t *words)
{
	static const uint64_t zeros[BLOCKS];

	if (!t->page[page].lazy || differs(words, zeros) != SAME)
		return false;
	forget_content(&t->page[page]);
	return true;
}

static void check_by_loads(struct thread *t, int page)
{
	enum expectation expect = expect_read(&t->page[page]);
	volatile uint64_t *words = (void *)at(t, page);
	int result = load_page(t, page, content(t, page));

	if (result == FAULTED) {
		if (expect == MUST_READ)
			fail(t, "page %d by loads: a fault, expected content",
			     page);
		return;
	}
	if (expect == MUST_FAULT)
		fail(t, "page %d by loads: %#llx, expected a fault", page,
		     (unsigned long long)*words);
	if (result != SAME && !was_dropped(t, page, words))
		fail_content(t, page, "loads", words, result);
}

static ssize_t read_by(struct thread *t, enum manner manner, int page, size_t len)
{
	struct iovec local = { t->buffer, len }, remote = { at(t, page), len };
	ssize_t done;

	if (manner == BY_VM_READV)
		return process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	done = pwrite(t->scratch, at(t, page), len, 0);
	if (done == (ssize_t)len && pread(t->scratch, t->buffer, len, 0) != done)
		fail(t, "pread of the scratch memfd: %m");
	return done;
}

static const char *const manner_name[] = { "loads", "write(2)", "process_vm_readv(2)" };

/* Pages of one expectation in one system call, MUST_FAULT page by page. */
static int check_by_syscall(struct thread *t, struct range range, enum manner manner)
{
	enum expectation expect = expect_read(&t->page[range.first]);
	int i, nr = 1, word;
	ssize_t len;

	while (expect == MUST_READ && nr < range.nr && nr < RUN_PAGES &&
	       expect_read(&t->page[range.first + nr]) == MUST_READ)
		nr++;
	len = read_by(t, manner, range.first, (size_t)nr * PAGE);
	if (expect == MAY_FAULT && len < 0)
		return nr;
	if (expect == MUST_FAULT) {
		if (len >= 0)
			fail(t, "page %d by %s: read, expected EFAULT",
			     range.first, manner_name[manner]);
		return nr;
	}
	if (len != nr * PAGE)
		fail(t, "page %d and %d more by %s: got %zd (%s)", range.first,
		     nr - 1, manner_name[manner], len, len < 0 ? strerror(errno) : "");
	for (i = 0; i < nr; i++) {
		uint64_t *words = t->buffer + (size_t)i * PAGE_WORDS;

		word = differs(words, content(t, range.first + i));
		if (word != SAME && !was_dropped(t, range.first + i, words))
			fail_content(t, range.first + i, manner_name[manner], words, word);
	}
	return nr;
}

/* What cannot be written to; if it can, nothing changes by what is written. */
static void check_refuses_writes(struct thread *t, int page)
{
	const uint64_t *gens = content(t, page);

	if (!refuses_writes(&t->page[page]))
		return;
	if (store_blocks(t, page, gens, 0, 1) != FAULTED)
		fail(t, "page %d: a store succeeded, expected a fault", page);
	fill(t->buffer, gens, 0, 1);
	if (pwrite(t->scratch, t->buffer, BLOCK, 0) != BLOCK)
		fail(t, "pwrite to the scratch memfd: %m");
	if (pread(t->scratch, at(t, page), BLOCK, 0) >= 0)
		fail(t, "page %d: read(2) into it succeeded, expected EFAULT", page);
}

void check_pages(struct thread *t, struct range range, enum manner manner)
{
	int end = range.first + range.nr;

	while (range.first < end) {
		range.nr = end - range.first;
		if (manner == BY_LOADS) {
			check_by_loads(t, range.first);
			range.first++;
		} else {
			range.first += check_by_syscall(t, range, manner);
		}
	}
}

static void check_objects(struct thread *t)
{
	int i, page, word;

	for (i = 0; i < OBJECTS; i++) {
		page = below(t, OBJECT_PAGES);
		if (pread(t->object[i].fd, t->buffer, PAGE, (off_t)page * PAGE) != PAGE)
			fail(t, "pread of memfd %d: %m", i);
		word = differs(t->buffer, t->object[i].gen[page]);
		if (word != SAME)
			fail(t, "memfd %d page %d word %d by read(2): %#llx for step %u's",
			     i, page, word, (unsigned long long)t->buffer[word],
			     (unsigned int)(t->object[i].gen[page][0] >> 24));
	}
}

/* What was not marked dirty is lost now. Of a hole the kernel says ENOMEM. */
static void page_out(struct thread *t)
{
	int i;

	for (i = 0; i < t->nr_touched; i++)
		madvise(at(t, t->touched[i].first), (size_t)t->touched[i].nr * PAGE,
			MADV_PAGEOUT);
}

/*
 * A look changes what it looks at: it brings pages in. So look at all of what
 * a step was about, mostly, and now and then at all, or some, of the area.
 */
void check_after_step(struct thread *t)
{
	int i, look = below(t, 100);
	enum manner manner = below(t, MANNERS + 1) % MANNERS;

	if (chance(t, 12))
		page_out(t);

	for (i = 0; i < t->nr_touched && look < 80; i++)
		check_pages(t, t->touched[i], manner);
	for (i = 0; i < t->nr_touched; i++)
		check_refuses_writes(t, t->touched[i].first + below(t, t->touched[i].nr));
	if (look % 8 == 0) {
		int stride = 1 << 2 * below(t, 4);

		for (i = below(t, stride); i < AREA_PAGES; i += stride)
			check_pages(t, (struct range){ i, 1 }, BY_LOADS);
	} else if (look % 16 == 1) {
		check_pages(t, (struct range){ 0, AREA_PAGES }, manner);
	} else if (look % 16 == 2) {
		check_maps(t);
		check_objects(t);
	}
	check_refuses_writes(t, below(t, AREA_PAGES));
}

/* All of it, in each manner. */
void check_all(struct thread *t)
{
	enum manner manner;
	int i;

	for (manner = BY_LOADS; manner < MANNERS; manner++)
		check_pages(t, (struct range){ 0, AREA_PAGES }, manner);
	for (i = 0; i < AREA_PAGES; i++)
		check_refuses_writes(t, i);
	check_maps(t);
}

/* In a child: what is private must be as it was when it was forked. */
void check_snapshot(struct thread *t)
{
	enum manner manner = below(t, MANNERS);
	int i;

	for (i = 0; i < AREA_PAGES; i++) {
		struct page *p = &t->page[i];

		if (p->kind == ANON || (p->kind == PRIVATE && p->own))
			check_pages(t, (struct range){ i, 1 }, manner);
	}
}

/* ---- /proc/self/smaps ---- */

struct vma_facts {
	int first, end;		/* pages of the area */
	char perms[5];
	long rss, swap, huge;	/* kB */
};

static int own_pages(struct thread *t, const struct vma_facts *vma)
{
	int i, own = 0;

	for (i = vma->first; i < vma->end; i++) {
		struct page *p = &t->page[i];

		/* KSM may take the zero page for what is all zeros */
		own += p->own && !p->lazy && p->gen[0] && p->gen[1];
	}
	return own;
}

static void check_vma(struct thread *t, const struct vma_facts *vma)
{
	long size = (long)(vma->end - vma->first) * (PAGE / 1024);
	long least = (long)own_pages(t, vma) * (PAGE / 1024);
	int i;

	for (i = vma->first; i < vma->end; i++) {
		struct page *p = &t->page[i];
		char perms[5] = { p->prot & PROT_READ ? 'r' : '-',
				  p->prot & PROT_WRITE ? 'w' : '-', '-',
				  p->kind == SHARED ? 's' : 'p', 0 };

		if (p->kind == HOLE)
			fail(t, "page %d is mapped %s, expected a hole", i, vma->perms);
		if (strcmp(perms, vma->perms))
			fail(t, "page %d is mapped %s, expected %s", i, vma->perms, perms);
	}
	if (vma->rss > size || vma->huge > vma->rss || vma->huge % (HUGE_SIZE / 1024))
		fail(t, "pages %d-%d: Rss %ld kB, huge %ld kB of %ld kB", vma->first,
		     vma->end - 1, vma->rss, vma->huge, size);
	if (vma->rss + vma->swap < least)
		fail(t, "pages %d-%d: Rss %ld kB, Swap %ld kB, expected at least %ld kB",
		     vma->first, vma->end - 1, vma->rss, vma->swap, least);
}

/* Take in one line of smaps; whether it is the last of a VMA of ours. */
static bool parse_line(struct thread *t, char *line, struct vma_facts *vma)
{
	unsigned long start, end, base = (unsigned long)t->base;
	char perms[5];
	long kb;

	if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) == 3) {
		memset(vma, 0, sizeof(*vma));
		if (start < base || end > base + AREA_SIZE)
			return false;
		vma->first = (start - base) / PAGE;
		vma->end = (end - base) / PAGE;
		memcpy(vma->perms, perms, sizeof(perms));
	} else if (sscanf(line, "Rss: %ld", &kb) == 1) {
		vma->rss = kb;
	} else if (sscanf(line, "Swap: %ld", &kb) == 1) {
		vma->swap = kb;
	} else if (sscanf(line, "AnonHugePages: %ld", &kb) == 1 ||
		   sscanf(line, "ShmemPmdMapped: %ld", &kb) == 1) {
		vma->huge += kb;
	}
	return vma->end && !strncmp(line, "VmFlags:", 8);
}

/* The VMAs are where the model has them, and their counters can be true. */
void check_maps(struct thread *t)
{
	static __thread char text[1 << 16];
	static __thread bool mapped[AREA_PAGES];
	struct vma_facts vma = { 0 };
	size_t have = 0;
	char *line, *end;
	ssize_t got;
	int i, fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	memset(mapped, 0, sizeof(mapped));
	while ((got = read(fd, text + have, sizeof(text) - 1 - have)) > 0) {
		have += got;
		text[have] = 0;
		for (line = text; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			if (!parse_line(t, line, &vma))
				continue;
			check_vma(t, &vma);
			memset(mapped + vma.first, 1, vma.end - vma.first);
		}
		have -= line - text;
		memmove(text, line, have);
	}
	close(fd);
	for (i = 0; i < AREA_PAGES; i++)
		if (!mapped[i] && t->page[i].kind != HOLE)
			fail(t, "page %d is a hole, expected a mapping", i);
}
