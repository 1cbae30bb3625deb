// SPDX-License-Identifier: GPL-2.0
/*
 * With more than one CPU, and lockdep to judge: the flush of a whole address
 * space needs no mmap_lock.
 *
 *	CPU 0	has two files mapped, and maps and unmaps other memory
 *	CPU 1	two processes punch holes into a file each, for which the kernel
 *		takes the lock of the file alone
 *
 * Who unmaps from an address space, and sees somebody else do the same, flushes
 * all of it.
 *
 *	flush_locks [SECONDS]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include "race.h"

static int punched;

static void punch(struct shared *shared)
{
	atomic_store(&shared->ready, 1);
	while (!atomic_load(&shared->stop)) {
		if (fallocate(punched, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, MB))
			_exit(1);
		atomic_fetch_add(&shared->rounds, 1);
	}
}

int main(int argc, char **argv)
{
	time_t end = end_time(argc, argv);
	struct shared *shared[2];
	pid_t pid[2];

	for (int i = 0; i < 2; i++) {
		shared[i] = map_shared();
		punched = memfd_create("file", 0);
		require(punched >= 0 && !ftruncate(punched, MB), "memfd_create");
		require(mmap(NULL, MB, PROT_READ, MAP_SHARED, punched, 0) != MAP_FAILED,
			"mmap of the file");
		pid[i] = start_on_cpu_1(punch, shared[i]);
	}
	while (time(NULL) < end) {
		char *p = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		require(p != MAP_FAILED, "mmap");
		require(!mprotect(p + PAGE, PAGE, PROT_NONE), "mprotect");
		require(!munmap(p, 3 * PAGE), "munmap");
	}
	for (int i = 0; i < 2; i++)
		finish(shared[i], pid[i]);

	printf("%lu and %lu holes\n", shared[0]->rounds, shared[1]->rounds);
	return verdict(!shared[0]->rounds || !shared[1]->rounds);
}
