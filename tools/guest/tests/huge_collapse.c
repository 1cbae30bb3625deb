// SPDX-License-Identifier: GPL-2.0
/*
 * A collapse takes a page table away behind the host's back: the memory is the
 * same before and after, for whoever has it mapped.
 */
#define _GNU_SOURCE
#include <sys/uio.h>
#include <sys/wait.h>
#include "huge.h"

/* It may fail for the moment, while a page is on its way to a list of reclaim. */
static int collapse(char *mem)
{
	int tries = 20;

	while (madvise(mem, HUGE, MADV_COLLAPSE))
		if (!--tries || (errno != EAGAIN && errno != EBUSY))
			return -1;
	return 0;
}

static int check_anon(void)
{
	char *mem = map_aligned(HUGE, HUGE);
	int failed;

	fill(mem);
	failed = expect_huge("before the collapse", mem, 0);
	require(!madvise(mem, HUGE, MADV_HUGEPAGE), "MADV_HUGEPAGE");
	failed |= expect(!collapse(mem), "MADV_COLLAPSE succeeds");
	failed |= expect_huge("after the collapse", mem, 1);
	failed |= count_wrong("after the collapse", mem);
	write_byte(mem + 3 * PAGE, pattern(3));
	return failed | count_wrong("written after the collapse", mem);
}

/* A page that somebody holds cannot be moved: all stays as it is. */
static int check_refusal(void)
{
	char *mem = map_aligned(HUGE, HUGE);
	struct iovec held = { mem + 11 * PAGE, PAGE };
	int failed, fds[2];

	fill(mem);
	require(!pipe(fds), "pipe");
	require(!madvise(mem, HUGE, MADV_HUGEPAGE), "MADV_HUGEPAGE");
	require(vmsplice(fds[1], &held, 1, 0) == (ssize_t)PAGE, "vmsplice");
	failed = expect(madvise(mem, HUGE, MADV_COLLAPSE) < 0, "a held page is not collapsed");
	failed |= expect_huge("after the refusal", mem, 0);
	write_byte(mem + 12 * PAGE, pattern(12));
	return failed | count_wrong("after the refusal", mem);
}

/* The other process's table is dropped: what it had mapped on the host, too. */
static int check_shmem(void)
{
	int fd = memfd_create("huge", 0), go[2], ready[2], status, failed;
	char *space = map_aligned(HUGE, HUGE), *mem, byte;
	pid_t pid;

	require(fd >= 0 && !ftruncate(fd, HUGE), "memfd_create");
	require(!pipe(go) && !pipe(ready), "pipe");
	mem = mmap(space, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	require(mem == space, "mmap");
	fill(mem);
	fflush(stdout);
	pid = fork();
	require(pid >= 0, "fork");
	if (!pid) {
		failed = count_wrong("other process before", mem);
		require(write(ready[1], "x", 1) == 1, "write");
		require(read(go[0], &byte, 1) == 1, "read");
		failed |= expect(read_byte(mem + 20 * PAGE) == 'P', "it sees the new page");
		write_byte(mem + 20 * PAGE, pattern(20));
		failed |= count_wrong("other process after", mem);
		fflush(stdout);
		_exit(failed ? FAIL : PASS);
	}
	require(read(ready[0], &byte, 1) == 1, "read");
	require(!madvise(mem, HUGE, MADV_HUGEPAGE), "MADV_HUGEPAGE");
	failed = expect(!collapse(mem), "MADV_COLLAPSE succeeds");
	failed |= expect(kib_of(mem, "ShmemPmdMapped:") > 0, "it is mapped as a huge page");
	write_byte(mem + 20 * PAGE, 'P');
	require(write(go[1], "x", 1) == 1, "write");
	require(waitpid(pid, &status, 0) == pid, "waitpid");
	failed |= expect(!status, "the other process sees the same memory");
	return failed | count_wrong("after the collapse of shared memory", mem);
}

int main(void)
{
	int failed = check_anon();

	failed |= check_refusal();
	failed |= check_shmem();
	return verdict(failed);
}
