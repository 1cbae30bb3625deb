// SPDX-License-Identifier: GPL-2.0
/*
 * mremap() that moves a page table as a whole: the pages are at the new place
 * and no longer at the old one, and what was at the new place is gone.
 *
 *	before	target OOOOOOOO   source 12.45678
 *	after	target 12.45678   source (mapped anew)
 */
#define _GNU_SOURCE
#include "huge.h"

enum { HOLE = 3 };

static int count_old(const char *what, const char *mem, char expected)
{
	int i, wrong = 0;

	for (i = 0; i < PAGES; i++)
		wrong += read_byte(mem + i * PAGE) != expected;
	if (wrong)
		printf("%s: %d pages of something else\n", what, wrong);
	return wrong;
}

/* Move, with the target in use before or not. */
static int check_move(const char *what, char *source, char *target, int used)
{
	int i, failed;

	for (i = 0; used && i < PAGES; i++)
		write_byte(target + i * PAGE, 'O');
	fill(source);
	require(!madvise(source + HOLE * PAGE, PAGE, MADV_DONTNEED), "MADV_DONTNEED");
	require(mremap(source, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) ==
		target, "mremap");
	require(mmap(source, HUGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == source, "mmap");

	failed = read_byte(target + HOLE * PAGE) != 0;
	if (failed)
		printf("%s: something is in the hole\n", what);
	write_byte(target + HOLE * PAGE, pattern(HOLE));
	failed |= count_wrong(what, target);
	failed |= count_old("what is mapped at the old place", source, 0);
	return failed;
}

int main(void)
{
	char *one = map_aligned(HUGE, HUGE), *other = map_aligned(HUGE, HUGE);
	int failed = check_move("to a place never used", one, other, 0);

	failed |= check_move("back to one that was read", other, one, 0);
	failed |= check_move("to one in use", one, other, 1);
	return verdict(failed);
}
