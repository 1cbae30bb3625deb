// SPDX-License-Identifier: GPL-2.0
/*
 * System calls find the memory behind a huge page, respect its protection, and
 * leave the traces in it that user code leaves.
 */
#include "huge.h"

static int fds[2];

/* 'D' into each page, by the kernel. */
static void write_by_syscall(char *mem)
{
	char byte = 'D';
	int i;

	for (i = 0; i < PAGES; i++) {
		require(write(fds[1], &byte, 1) == 1, "write");
		require(read(fds[0], mem + i * PAGE, 1) == 1, "read");
	}
}

static int check_content(void)
{
	char *mem = map_huge();
	int i, wrong = count_wrong("written by user code", mem);
	int lost = 0;

	write_by_syscall(mem);
	for (i = 0; i < PAGES; i++)
		lost += read_byte(mem + i * PAGE) != 'D';
	wrong += expect(!lost, "user code sees what the kernel wrote");
	return wrong | expect_huge("after system calls", mem, 1);
}

static int check_protection(void)
{
	char *mem = map_huge();
	int failed;

	require(!mprotect(mem, HUGE, PROT_READ), "mprotect");
	failed = expect_huge("read-only", mem, 1);
	failed |= count_wrong("read-only", mem);
	failed |= expect(write(fds[1], "x", 1) == 1 && read(fds[0], mem, 1) < 0 &&
			 errno == EFAULT, "read(2) into read-only memory is EFAULT");
	require(read(fds[0], &(char){ 0 }, 1) == 1, "read");
	require(!mprotect(mem, HUGE, PROT_NONE), "mprotect");
	failed |= expect_huge("PROT_NONE", mem, 1);
	return failed | expect(read_by_syscall(mem) < 0, "PROT_NONE is EFAULT");
}

/* Written by read(2) after MADV_FREE, the huge page is not free any more. */
static int check_dirty(void)
{
	char *mem = map_huge();
	int i, lost = 0;

	require(!madvise(mem, HUGE, MADV_FREE), "MADV_FREE");
	write_by_syscall(mem);
	require(!madvise(mem, HUGE, MADV_PAGEOUT), "MADV_PAGEOUT");
	for (i = 0; i < PAGES; i++)
		lost += read_byte(mem + i * PAGE) != 'D';
	return expect(!lost, "reclaim keeps what read(2) wrote after MADV_FREE");
}

int main(void)
{
	int failed;

	require(!pipe(fds), "pipe");
	failed = check_content();
	failed |= check_protection();
	failed |= check_dirty();
	return verdict(failed);
}
