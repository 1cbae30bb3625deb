// SPDX-License-Identifier: GPL-2.0
/*
 * mprotect(), mremap() and fork() work on a huge page as a whole, and the host
 * follows.
 */
#define _GNU_SOURCE
#include <sys/wait.h>
#include "huge.h"

static int check_mprotect(void)
{
	char *mem = map_huge();
	int failed;

	require(!mprotect(mem, HUGE, PROT_NONE), "mprotect");
	failed = expect(load_signal(mem + 9 * PAGE) == SIGSEGV, "PROT_NONE refuses a load");
	require(!mprotect(mem, HUGE, PROT_READ), "mprotect");
	failed |= count_wrong("read-only", mem);
	failed |= expect(store_signal(mem + 9 * PAGE, 'x') == SIGSEGV,
			 "read-only refuses a store");
	require(!mprotect(mem, HUGE, PROT_READ | PROT_WRITE), "mprotect");
	failed |= expect(!store_signal(mem, pattern(0)), "writable takes a store");
	failed |= expect_huge("after mprotect()", mem, 1);
	return failed | count_wrong("after mprotect()", mem);
}

static int check_mremap(void)
{
	char *mem = map_huge(), *target = map_aligned(HUGE, HUGE);
	int failed;

	require(mremap(mem, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) ==
		target, "mremap");
	failed = expect(load_signal(mem) == SIGSEGV && load_signal(mem + HUGE - PAGE) ==
			SIGSEGV, "nothing is left where the huge page was");
	failed |= expect_huge("after mremap()", target, 1);
	return failed | count_wrong("after mremap()", target);
}

/* Whoever writes first gets a copy; the other one must not see it. */
static int check_fork(int parent_writes)
{
	char *mem = map_huge();
	int ready[2], status, failed;
	char byte;
	pid_t pid;

	require(!pipe(ready), "pipe");
	fflush(stdout);
	pid = fork();
	require(pid >= 0, "fork");
	if (!pid) {
		if (parent_writes)
			require(read(ready[0], &byte, 1) == 1, "read");
		else
			memset(mem, 'C', HUGE);
		failed = parent_writes ? count_wrong("child", mem) : mem[HUGE - 1] != 'C';
		fflush(stdout);
		_exit(failed ? FAIL : PASS);
	}
	if (parent_writes) {
		memset(mem, 'P', HUGE);
		require(write(ready[1], "x", 1) == 1, "write");
	}
	require(waitpid(pid, &status, 0) == pid, "waitpid");
	failed = expect(!status, "the child sees its own memory");
	if (parent_writes)
		return failed | expect(mem[HUGE - 1] == 'P', "the parent sees its own");
	return failed | count_wrong("parent", mem);
}

int main(void)
{
	int failed = check_mprotect();

	failed |= check_mremap();
	failed |= check_fork(0);
	failed |= check_fork(1);
	return verdict(failed);
}
