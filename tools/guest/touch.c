// SPDX-License-Identifier: GPL-2.0
/*
 * How long it takes to touch 256 MiB of anonymous memory for the first time, and
 * to unmap it, with pages of 4 KiB and with huge pages; the best of three.
 *
 *	tools/guest/boot --kernel=build/guest/linux --mem=1G touch
 *
 * checkpatch: VOLATILE: user space; each access has to reach the memory
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define SIZE (256UL << 20)
#define HUGE (2UL << 20)

static double milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void measure(int advice, double *touch, double *unmap)
{
	char *space = mmap(NULL, SIZE + HUGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *mem = (char *)(((uintptr_t)space + HUGE - 1) & ~(HUGE - 1));
	double began;
	size_t at;

	if (space == MAP_FAILED || madvise(mem, SIZE, advice)) {
		perror("256 MiB of memory");
		exit(2);
	}
	began = milliseconds();
	for (at = 0; at < SIZE; at += 4096)
		*(volatile char *)(mem + at) = 1;
	*touch = milliseconds() - began;

	began = milliseconds();
	munmap(space, SIZE + HUGE);
	*unmap = milliseconds() - began;
}

static void report(const char *name, int advice)
{
	double touch = 1e9, unmap = 1e9, t, u;
	int i;

	for (i = 0; i < 3; i++) {
		measure(advice, &t, &u);
		touch = t < touch ? t : touch;
		unmap = u < unmap ? u : unmap;
	}
	printf("%-12s touch %8.1f ms  munmap %6.1f ms\n", name, touch, unmap);
}

int main(void)
{
	report("4 KiB pages", MADV_NOHUGEPAGE);
	report("huge pages", MADV_HUGEPAGE);
	return 0;
}
