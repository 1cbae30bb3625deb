// SPDX-License-Identifier: GPL-2.0
/*
 * With more than one CPU: FUTEX_WAKE_OP changes a word as atomically as user
 * space does. One process adds to a shared word, and another has the kernel add
 * to it; the sum must be right.
 *
 * checkpatch: CAMELCASE: _Atomic is C11
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "test.h"

enum { KERNEL_ADDS = 200000 };

struct shared {
	_Atomic uint32_t word, other, user_adds, stop;
};

static void add(struct shared *shared)
{
	uint32_t adds = 0;

	while (!atomic_load_explicit(&shared->stop, memory_order_relaxed)) {
		atomic_fetch_add(&shared->word, 1);
		adds++;
	}
	shared->user_adds = adds;
	_exit(0);
}

int main(void)
{
	int add_one = FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_LT, 0);
	struct shared *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t expected;
	pid_t pid;
	int i;

	require(sysconf(_SC_NPROCESSORS_ONLN) > 1, "more than one CPU");
	require(shared != MAP_FAILED, "mmap");
	pid = fork();
	require(pid >= 0, "fork");
	if (!pid)
		add(shared);

	for (i = 0; i < KERNEL_ADDS; i++)
		require(syscall(SYS_futex, &shared->other, FUTEX_WAKE_OP, 1, 0,
				&shared->word, add_one) >= 0, "FUTEX_WAKE_OP");
	shared->stop = 1;
	require(waitpid(pid, NULL, 0) == pid, "waitpid");

	expected = shared->user_adds + KERNEL_ADDS;
	printf("%u additions in user space, %d by the kernel: %d lost\n",
	       shared->user_adds, KERNEL_ADDS, (int)(expected - shared->word));
	return verdict(shared->word != expected);
}
