// SPDX-License-Identifier: GPL-2.0
/*
 * With more than one CPU: once the kernel has unmapped a page from an address
 * space, no user code there sees what was in it.
 *
 *	CPU 0	punches the page out of the file, announces the next number, and
 *		writes it to the file, which gets a new page
 *	CPU 1	reads the announcement, and then the page, which it has mapped
 *
 * The page holds 0 or a number not below what was announced.
 *
 *	race_unmap [SECONDS]
 *
 * checkpatch: VOLATILE: user space; each access has to reach the memory
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include "race.h"

static volatile unsigned long *page;

static void look(struct shared *shared)
{
	unsigned long wrong = 0, looks = 0;

	while (!atomic_load_explicit(&shared->stop, memory_order_relaxed)) {
		unsigned long number = atomic_load(&shared->number), found = *page;

		wrong += found && found < number;
		looks++;
		atomic_store_explicit(&shared->ready, 1, memory_order_relaxed);
	}
	shared->wrong = wrong;
	shared->rounds = looks;
}

int main(int argc, char **argv)
{
	time_t end = end_time(argc, argv);
	struct shared *shared = map_shared();
	int fd = memfd_create("page", 0);
	unsigned long number = 0;
	pid_t pid;

	require(fd >= 0 && !ftruncate(fd, PAGE), "memfd_create");
	page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	require(page != MAP_FAILED, "mmap");
	pid = start_on_cpu_1(look, shared);

	while (time(NULL) < end) {
		require(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				   PAGE), "fallocate");
		atomic_store(&shared->number, ++number);
		require(pwrite(fd, &number, sizeof(number), 0) == sizeof(number),
			"pwrite");
		sched_yield();
	}
	finish(shared, pid);
	printf("%lu pages, %lu looks: %lu saw an old page\n", number, shared->rounds,
	       shared->wrong);
	return verdict(shared->wrong || !shared->rounds);
}
