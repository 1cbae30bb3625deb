// SPDX-License-Identifier: GPL-2.0
/*
 * What a system call writes to user memory makes the page dirty, as a store by
 * the process does. Else reclaim takes the page for a clean one and drops it:
 *
 *  - a page given up by MADV_FREE, then written by read(2);
 *  - a page of shared memory whose first touch was a load.
 */
#define _GNU_SOURCE
#include "test.h"

enum { PAGES = 64 };

static int fds[2];

/* Have the kernel write one byte into each page. */
static void write_by_syscall(char *mem)
{
	char data[PAGES];
	int i;

	memset(data, 'D', sizeof(data));
	require(write(fds[1], data, sizeof(data)) == sizeof(data), "write");
	for (i = 0; i < PAGES; i++)
		require(read(fds[0], mem + i * PAGE, 1) == 1, "read");
}

static int count_lost(const char *what, char *mem)
{
	int i, lost = 0;

	require(!madvise(mem, PAGES * PAGE, MADV_PAGEOUT), "MADV_PAGEOUT");
	for (i = 0; i < PAGES; i++)
		lost += read_byte(mem + i * PAGE) != 'D';
	printf("%s: %d of %d pages lost what read() had written\n", what, lost, PAGES);
	return lost;
}

static int check_lazyfree(void)
{
	char *mem = map_aligned(PAGES * PAGE, PAGE);

	memset(mem, 'O', PAGES * PAGE);
	require(!madvise(mem, PAGES * PAGE, MADV_FREE), "MADV_FREE");
	write_by_syscall(mem);
	return count_lost("MADV_FREE", mem);
}

static int check_shmem(void)
{
	char *mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i;

	require(mem != MAP_FAILED, "mmap");
	for (i = 0; i < PAGES; i++)
		read_byte(mem + i * PAGE);
	write_by_syscall(mem);
	return count_lost("shared memory", mem);
}

int main(void)
{
	int failed;

	require(!pipe(fds), "pipe");
	failed = check_lazyfree();
	failed |= check_shmem();
	return verdict(failed);
}
