// SPDX-License-Identifier: GPL-2.0
/*
 * The table that a huge page is split into is what the host maps afterwards,
 * in all of the 2 MiB, whatever part of them the split was for.
 */
#define _GNU_SOURCE
#include "huge.h"

/* One page is given up: it reads as zero, the others are as before. */
static int split_by_hole(void)
{
	char *mem = map_huge();
	int failed;

	require(!madvise(mem + 7 * PAGE, PAGE, MADV_DONTNEED), "MADV_DONTNEED");
	failed = expect(read_byte(mem + 7 * PAGE) == 0, "the hole reads as zero");
	failed |= expect_huge("after MADV_DONTNEED", mem, 0);
	write_byte(mem + 7 * PAGE, pattern(7));
	return failed | count_wrong("after MADV_DONTNEED", mem);
}

/* One page is made read-only: it alone refuses a store. */
static int split_by_protection(void)
{
	char *mem = map_huge();
	char *page = mem + 300 * PAGE;
	int failed;

	require(!mprotect(page, PAGE, PROT_READ), "mprotect");
	failed = expect_huge("after mprotect() of a page", page, 0);
	failed |= expect(store_signal(page, 'x') == SIGSEGV, "the page is read-only");
	failed |= expect(!store_signal(page - PAGE, pattern(299)), "the page before is not");
	failed |= expect(!store_signal(page + PAGE, pattern(301)), "the page behind is not");
	return failed | count_wrong("after mprotect() of a page", mem);
}

/* Half of it moves away: nothing stays readable where it was. */
static int split_by_move(void)
{
	char *mem = map_huge(), *target = map_aligned(HUGE, HUGE);
	char *half = mem + HUGE / 2;
	int failed = 0, i;

	require(mremap(half, HUGE / 2, HUGE / 2, MREMAP_MAYMOVE | MREMAP_FIXED,
		       target + HUGE / 2) == target + HUGE / 2, "mremap");
	memcpy(target, mem, HUGE / 2);
	for (i = 0; i < PAGES / 2; i++)
		failed |= load_signal(half + i * PAGE) != SIGSEGV;
	failed = expect(!failed, "nothing is left where the half was");
	return failed | count_wrong("after mremap() of a half", target);
}

int main(void)
{
	int failed = split_by_hole();

	failed |= split_by_protection();
	failed |= split_by_move();
	return verdict(failed);
}
