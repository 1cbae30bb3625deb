// SPDX-License-Identifier: GPL-2.0
/*
 * After a page table was replaced, nothing of the old one may stay readable.
 *
 * mremap() onto an existing mapping unmaps the target, which frees the page
 * table, and then moves the source there, which makes a new page table; no
 * return to user space lies between. The source has only its first page
 * populated, so every other page of the target must read as zero afterwards.
 *
 *	before	target OOOOOOOO   source N.......
 *	after	target N.......
 *
 * The same at each level: 2 MiB under one pte table, 1 GiB under one pmd
 * table, 512 GiB under one pud table.
 */
#define _GNU_SOURCE
#include "test.h"

/* Old pages at each of these places of the target, in units of its step. */
enum { PLACES = 512 };

static int check_level(const char *level, size_t size)
{
	size_t step = size / PLACES;
	char *target = map_aligned(size, size);
	char *source = map_aligned(size, size);
	int i, stale = 0;

	for (i = 0; i < PLACES; i++)
		write_byte(target + i * step, 'O');
	write_byte(source, 'N');

	require(mremap(source, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
		       target) == target, "mremap");

	for (i = 1; i < PLACES; i++)
		stale += read_byte(target + i * step) != 0;
	printf("%s table replaced: first page '%c', %d of %d holes show old data\n",
	       level, read_byte(target), stale, PLACES - 1);
	stale += read_byte(target) != 'N';
	munmap(target, size);
	return stale;
}

int main(void)
{
	int failed = check_level("pte", 2 * MB);

	failed |= check_level("pmd", GB);
	failed |= check_level("pud", 512 * GB);
	return verdict(failed);
}
