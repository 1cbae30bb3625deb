/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the reproducers share: verdicts and memory at chosen places.
 *
 * checkpatch: VOLATILE: user space; each access has to reach the memory
 */
#ifndef GUEST_TEST_H
#define GUEST_TEST_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PASS = 0, FAIL = 1, SKIP = 77 };

#define PAGE 4096UL
#define MB 0x100000UL
#define GB 0x40000000UL

/* The set-up did not work: nothing was tested. */
static inline void require(int condition, const char *what)
{
	if (condition)
		return;
	printf("skipped: %s: %s\n", what, strerror(errno));
	exit(SKIP);
}

static inline int verdict(int failed)
{
	printf("%s\n", failed ? "FAILED" : "passed");
	return failed ? FAIL : PASS;
}

/* Private anonymous memory of @size bytes, aligned to @align. */
static inline char *map_aligned(size_t size, size_t align)
{
	char *p = mmap(NULL, size + align, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	require(p != MAP_FAILED, "mmap of the space");
	p = (char *)(((uintptr_t)p + align - 1) & ~(align - 1));
	p = mmap(p, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	require(p != MAP_FAILED, "mmap of the memory");
	/* These tests are about base pages. */
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

static inline char read_byte(const char *p)
{
	return *(const volatile char *)p;
}

static inline void write_byte(char *p, char value)
{
	*(volatile char *)p = value;
}

#endif
