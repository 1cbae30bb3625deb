/* SPDX-License-Identifier: GPL-2.0 */
/* What the reproducers about huge pages share: one huge page, and what is in it. */
#ifndef GUEST_HUGE_H
#define GUEST_HUGE_H

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include "test.h"

#define HUGE (2 * MB)
enum { PAGES = HUGE / PAGE };

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* Not the same in two neighbouring pages, and never 0. */
static inline char pattern(int page)
{
	return page % 251 + 1;
}

static inline void fill(char *mem)
{
	int i;

	for (i = 0; i < PAGES; i++)
		write_byte(mem + i * PAGE, pattern(i));
}

/* What the kernel reads there; -1 if it may not. */
static inline int read_by_syscall(const char *p)
{
	static int fds[2];
	char byte;

	if (!fds[1])
		require(!pipe(fds), "pipe");
	if (write(fds[1], p, 1) != 1)
		return -1;
	require(read(fds[0], &byte, 1) == 1, "read");
	return byte;
}

/* How many pages do not hold what fill() wrote, for user code or the kernel. */
static inline int count_wrong(const char *what, const char *mem)
{
	int i, by_user = 0, by_kernel = 0;

	for (i = 0; i < PAGES; i++) {
		by_user += read_byte(mem + i * PAGE) != pattern(i);
		by_kernel += read_by_syscall(mem + i * PAGE) != pattern(i);
	}
	if (by_user || by_kernel)
		printf("%s: user code sees %d wrong pages, the kernel %d\n", what,
		       by_user, by_kernel);
	return by_user + by_kernel;
}

/* A field of the memory's mapping in /proc/self/smaps, in KiB. */
static inline long kib_of(const char *mem, const char *field)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	int inside = 0, length = strlen(field);
	char line[256];
	long kib = -1;

	require(!!file, "/proc/self/smaps");
	while (kib < 0 && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (uintptr_t)mem && (uintptr_t)mem < end;
		else if (inside && !strncmp(line, field, length))
			kib = atol(line + length + 1);
	}
	fclose(file);
	return kib;
}

/* Print and count a statement that does not hold. */
static inline int expect(int holds, const char *statement)
{
	if (!holds)
		printf("does not hold: %s\n", statement);
	return !holds;
}

static inline int expect_huge(const char *when, const char *mem, int huge)
{
	long kib = kib_of(mem, "AnonHugePages:");

	if (!!kib != huge)
		printf("%s: AnonHugePages %ld kB\n", when, kib);
	return !!kib != huge;
}

/* A huge page of anonymous memory that fill() has written. */
static inline char *map_huge(void)
{
	char *mem = map_aligned(HUGE, HUGE);

	require(!madvise(mem, HUGE, MADV_HUGEPAGE), "MADV_HUGEPAGE");
	fill(mem);
	require(kib_of(mem, "AnonHugePages:") == (long)(HUGE / 1024), "a huge page");
	return mem;
}

static sigjmp_buf after_fault;

static inline void on_fault(int sig)
{
	siglongjmp(after_fault, sig);
}

/* The signal that a store of @value ends with, 0 if it is done. */
static inline int store_signal(char *p, char value)
{
	int sig;

	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	sig = sigsetjmp(after_fault, 1);
	if (!sig)
		write_byte(p, value);
	return sig;
}

static inline int load_signal(const char *p)
{
	int sig;

	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	sig = sigsetjmp(after_fault, 1);
	if (!sig)
		read_byte(p);
	return sig;
}

#endif
