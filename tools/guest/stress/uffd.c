// SPDX-License-Identifier: GPL-2.0
/*
 * Userfaultfd, without a thread that serves faults: UFFD_FEATURE_SIGBUS makes
 * an access to a missing or write-protected page fail instead of waiting, and
 * what fills the pages is a step like any other.
 *
 * checkpatch: SPACING: an array literal as an argument
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "stress.h"
#include "uapi.h"

static const int wanted_features = UFFD_FEATURE_SIGBUS | UFFD_FEATURE_MOVE |
				   UFFD_FEATURE_PAGEFAULT_FLAG_WP |
				   UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_POISON;

/* Open one with the features that this kernel has; -1 if there is none. */
int uffd_open(int *features)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -1;
	if (ioctl(fd, UFFDIO_API, &api))
		cannot("UFFDIO_API");
	*features = api.features & wanted_features;
	close(fd);	/* the API can be chosen only once */
	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	api = (struct uffdio_api){ .api = UFFD_API, .features = *features };
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		cannot("UFFDIO_API with features");
	return fd;
}

static struct uffdio_range bytes(struct thread *t, struct range range)
{
	return (struct uffdio_range){
		.start = (unsigned long)at(t, range.first),
		.len = (unsigned long)range.nr * PAGE,
	};
}

static bool can_register(const struct page *p)
{
	return (p->kind == ANON || p->kind == SHARED) && !p->uffd && !p->guard && !p->lazy;
}

static int random_modes(struct thread *t, enum kind kind)
{
	if (kind == SHARED)
		return t->uffd_features & UFFD_FEATURE_MINOR_SHMEM ? UFFD_MINOR : 0;
	if (t->uffd_features & UFFD_FEATURE_PAGEFAULT_FLAG_WP && chance(t, 60))
		return chance(t, 50) ? UFFD_WP : UFFD_MISSING | UFFD_WP;
	return UFFD_MISSING;
}

enum outcome uffd_register(struct thread *t)
{
	struct range range = alike(t, seek(t, can_register));
	struct uffdio_register arg = { .range = bytes(t, range) };
	int i, modes = range.nr ? random_modes(t, t->page[range.first].kind) : 0;

	if (t->uffd < 0 || !modes)
		return SKIPPED;
	arg.mode = (modes & UFFD_MISSING ? UFFDIO_REGISTER_MODE_MISSING : 0) |
		   (modes & UFFD_WP ? UFFDIO_REGISTER_MODE_WP : 0) |
		   (modes & UFFD_MINOR ? UFFDIO_REGISTER_MODE_MINOR : 0);
	note(t, "%d+%d modes %d", range.first, range.nr, modes);
	if (ioctl(t->uffd, UFFDIO_REGISTER, &arg))
		fail(t, "UFFDIO_REGISTER: %m");
	for (i = range.first; i < range.first + range.nr; i++)
		t->page[i].uffd = modes;
	touch(t, range.first, range.nr);
	return DONE;
}

static bool is_registered(const struct page *p)
{
	return p->uffd;
}

enum outcome uffd_unregister(struct thread *t)
{
	struct range range = seek(t, is_registered);
	struct uffdio_range arg = bytes(t, range);
	int i;

	if (t->uffd < 0 || !range.nr)
		return SKIPPED;
	note(t, "%d+%d", range.first, range.nr);
	if (ioctl(t->uffd, UFFDIO_UNREGISTER, &arg))
		fail(t, "UFFDIO_UNREGISTER: %m");
	for (i = range.first; i < range.first + range.nr; i++) {
		t->page[i].uffd = 0;
		t->page[i].wp = false;
	}
	touch(t, range.first, range.nr);
	return DONE;
}

static bool is_missing(const struct page *p)
{
	return p->uffd & UFFD_MISSING && !p->own && !p->guard && !p->poison && p->kind == ANON;
}

/* A page that shows zeros may be there already: EEXIST is for the kernel to say. */
enum outcome uffd_copy(struct thread *t)
{
	struct range range = seek(t, is_missing);
	bool wp = chance(t, 30);
	struct uffdio_copy arg = { .src = (unsigned long)t->buffer };
	int i, error;

	if (t->uffd < 0 || !range.nr)
		return SKIPPED;
	if (range.nr > HUGE_PAGES)
		range.nr = HUGE_PAGES;
	range = alike(t, range);
	wp &= !!(t->page[range.first].uffd & UFFD_WP);
	for (i = 0; i < range.nr; i++) {
		uint64_t gen = new_gen(t, range.first + i);

		fill(t->buffer + (size_t)i * PAGE_WORDS,
		     (uint64_t[BLOCKS]){ gen, gen, gen, gen }, 0, BLOCKS);
	}
	arg.dst = (unsigned long)at(t, range.first);
	arg.len = (unsigned long)range.nr * PAGE;
	arg.mode = wp ? UFFDIO_COPY_MODE_WP : 0;
	error = ioctl(t->uffd, UFFDIO_COPY, &arg) ? errno : 0;
	note(t, "%d+%d%s: %lld (%s)", range.first, range.nr, wp ? " wp" : "",
	     (long long)arg.copy, strerror(error));
	for (i = 0; i < (long long)arg.copy / PAGE; i++) {
		set_content(t, range.first + i, 0, BLOCKS, new_gen(t, range.first + i));
		t->page[range.first + i].wp = wp;
	}
	if (error && error != EAGAIN && error != EEXIST && error != ENOENT)
		fail(t, "UFFDIO_COPY: %s", strerror(error));
	touch(t, range.first, range.nr);
	return arg.copy > 0 ? DONE : REFUSED;
}

static bool is_movable(const struct page *p)
{
	return p->kind == ANON && p->prot == (PROT_READ | PROT_WRITE) && p->own &&
	       !p->guard && !p->lazy && !p->wp;
}

static bool is_target(const struct page *p)
{
	return p->kind == ANON && p->prot == (PROT_READ | PROT_WRITE) &&
	       p->uffd & UFFD_MISSING && !p->guard;
}

static struct range shorter(struct range range, struct range other)
{
	if (range.nr > other.nr)
		range.nr = other.nr;
	return range;
}

static void empty(struct thread *t, struct range range)
{
	int i;

	if (madvise(at(t, range.first), (size_t)range.nr * PAGE, MADV_DONTNEED))
		fail(t, "MADV_DONTNEED of the target: %m");
	for (i = 0; i < range.nr; i++)
		forget_content(&t->page[range.first + i]);
}

static void pages_moved(struct thread *t, struct range from, int to, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		struct page *source = &t->page[from.first + i];
		struct page *target = &t->page[to + i];

		target->own = source->own;
		memcpy(target->gen, source->gen, sizeof(target->gen));
		target->wp = false;
		forget_content(source);
	}
}

enum outcome uffd_move(struct thread *t)
{
	struct range to = alike(t, seek(t, is_target));
	struct range from = alike(t, seek(t, is_movable));
	struct uffdio_move arg = { .mode = 0 };
	int error;

	if (t->uffd < 0 || !(t->uffd_features & UFFD_FEATURE_MOVE))
		return SKIPPED;
	to = shorter(to, from);
	from = shorter(from, to);
	if (to.nr <= 0 || (from.first < to.first + to.nr && to.first < from.first + from.nr))
		return SKIPPED;
	empty(t, to);
	arg.dst = (unsigned long)at(t, to.first);
	arg.src = (unsigned long)at(t, from.first);
	arg.len = (unsigned long)to.nr * PAGE;
	error = ioctl(t->uffd, UFFDIO_MOVE, &arg) ? errno : 0;
	note(t, "%d+%d to %d: %lld (%s)", from.first, from.nr, to.first, (long long)arg.move,
	     strerror(error));
	if (arg.move > 0)
		pages_moved(t, from, to.first, arg.move / PAGE);
	touch(t, from.first, from.nr);
	touch(t, to.first, to.nr);
	return arg.move > 0 ? DONE : REFUSED;
}

static bool is_minor(const struct page *p)
{
	return p->uffd & UFFD_MINOR && !p->guard;
}

/* Take pages out of the page table and have them mapped again. */
enum outcome uffd_continue(struct thread *t)
{
	struct range range = alike(t, seek(t, is_minor));
	struct uffdio_continue arg = { .range = bytes(t, range) };
	int error;

	if (t->uffd < 0 || !range.nr)
		return SKIPPED;
	if (chance(t, 70) &&
	    madvise(at(t, range.first), (size_t)range.nr * PAGE, MADV_DONTNEED))
		fail(t, "MADV_DONTNEED: %m");
	error = ioctl(t->uffd, UFFDIO_CONTINUE, &arg) ? errno : 0;
	note(t, "%d+%d: %lld (%s)", range.first, range.nr, (long long)arg.mapped,
	     strerror(error));
	touch(t, range.first, range.nr);
	return arg.mapped > 0 ? DONE : REFUSED;
}

static bool is_watched(const struct page *p)
{
	return p->uffd & UFFD_WP && p->own && !p->lazy && !p->guard;
}

enum outcome uffd_writeprotect(struct thread *t)
{
	struct range range = seek(t, is_watched);
	bool protect = chance(t, 60);
	struct uffdio_writeprotect arg = {
		.range = bytes(t, range),
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};
	int i;

	if (t->uffd < 0 || !range.nr)
		return SKIPPED;
	note(t, "%d+%d %s", range.first, range.nr, protect ? "protect" : "release");
	if (ioctl(t->uffd, UFFDIO_WRITEPROTECT, &arg))
		fail(t, "UFFDIO_WRITEPROTECT: %m");
	for (i = range.first; i < range.first + range.nr; i++)
		t->page[i].wp = protect;
	touch(t, range.first, range.nr);
	return DONE;
}

/* As if the memory had failed: whoever touches it gets a SIGBUS. */
enum outcome uffd_poison(struct thread *t)
{
	struct range range = alike(t, seek(t, is_missing));
	struct uffdio_poison arg = { .range = bytes(t, range) };
	int i, error;

	if (t->uffd < 0 || !range.nr || !(t->uffd_features & UFFD_FEATURE_POISON))
		return SKIPPED;
	error = ioctl(t->uffd, UFFDIO_POISON, &arg) ? errno : 0;
	note(t, "%d+%d: %lld (%s)", range.first, range.nr, (long long)arg.updated,
	     strerror(error));
	for (i = 0; i < (long long)arg.updated / PAGE; i++)
		t->page[range.first + i].poison = true;
	touch(t, range.first, range.nr);
	return arg.updated > 0 ? DONE : REFUSED;
}
