/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that is free, but in no huge page: fill it, free all but one of every
 * few pages, and take the huge pages that are left. All of it is movable, so compaction
 * can make huge pages again.
 */
#ifndef GUEST_FRAGMENT_H
#define GUEST_FRAGMENT_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define MADV_F_COLLAPSE_LIGHT 26
#define HUGE (2UL << 20)
#define SMALL 4096UL
/* UML has a mapping of the host for each page that stays, and not too many. */
#define ONE_IN 8
#define THP "/sys/kernel/mm/transparent_hugepage/"

static inline int set_knob(const char *path, const char *value)
{
	int fd, ok;

	fd = open(path, O_WRONLY);
	if (fd < 0)
		return 0;
	ok = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	close(fd);
	return ok;
}

static inline int set_thp(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), THP "%s", name);
	return set_knob(path, value);
}

/* The sum of all counters of /proc/vmstat whose names begin so. */
static inline long count_events(const char *prefix)
{
	char line[128];
	long sum = 0;
	FILE *f = fopen("/proc/vmstat", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, prefix, strlen(prefix)))
			sum += strtol(strchr(line, ' '), NULL, 10);
	if (f)
		fclose(f);
	return sum;
}

/* @nr huge ranges of memory, aligned, nothing in them. */
static inline char *map_ranges(unsigned long nr)
{
	char *p = mmap(NULL, (nr + 1) * HUGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	return (char *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));
}

static inline void touch(char *p, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr * HUGE; i += SMALL)
		p[i] = 1;
}

/*
 * Huge pages by faults that do not try hard, until there is none. Only where it
 * was advised, or khugepaged makes huge pages of all the rest.
 */
static inline int take_huge_pages(void)
{
	struct sysinfo info;
	unsigned long i, nr;
	char *p;

	sysinfo(&info);
	nr = info.totalram / HUGE;
	p = map_ranges(nr);
	if (!p || !set_thp("defrag", "never") || !set_thp("enabled", "madvise") ||
	    madvise(p, nr * HUGE, MADV_HUGEPAGE))
		return 0;
	for (i = 0; i < nr; i++) {
		const long failed = count_events("thp_fault_fallback ");

		p[i * HUGE] = 1;
		if (count_events("thp_fault_fallback ") > failed)
			break;
	}
	return set_thp("enabled", "never");
}

/* Fragment all memory, and keep it so. Return: whether that was possible. */
static inline int fragment_memory(void)
{
	struct sysinfo info;
	unsigned long i, nr;
	char *p;

	if (!set_thp("enabled", "never") ||
	    !set_knob("/proc/sys/vm/compaction_proactiveness", "0"))
		return 0;
	sysinfo(&info);
	nr = info.freeram / HUGE * 9 / 10;
	p = map_ranges(nr);
	if (!p)
		return 0;
	touch(p, nr);
	for (i = 0; i < nr * HUGE; i += ONE_IN * SMALL)
		if (madvise(p + i, (ONE_IN - 1) * SMALL, MADV_DONTNEED))
			return 0;
	return take_huge_pages();
}

static inline long process_madvise_at(int pidfd, void *p, size_t len, int advice)
{
	struct iovec vec = { .iov_base = p, .iov_len = len };

	return syscall(SYS_process_madvise, pidfd, &vec, 1UL, advice, 0U);
}

static inline int self_pidfd(void)
{
	return syscall(SYS_pidfd_open, getpid(), 0);
}

#endif /* GUEST_FRAGMENT_H */
