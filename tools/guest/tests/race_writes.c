// SPDX-License-Identifier: GPL-2.0
/*
 * With more than one CPU: no store is lost, whatever the kernel does meanwhile
 * with the pages.
 *
 *	CPU 1	adds one to a counter in each page, round after round
 *	CPU 0	has the other process's pages collapsed, split, swapped out, moved
 *		by compaction and write-protected
 *
 * In the end all counters are as many as there were rounds, which are counted
 * in shared memory that nobody disturbs. And after the pages were declared
 * clean, each of them becomes dirty again by the next round.
 *
 *	race_writes [SECONDS]
 *
 * checkpatch: VOLATILE: user space; each access has to reach the memory
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "race.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define HUGE (2 * MB)
#define SIZE (2 * HUGE)
enum { PAGES = SIZE / PAGE, SOFT_DIRTY = 55 };

static char *mem;
static int pidfd;
static unsigned long collapses;

static volatile unsigned long *counter(int page)
{
	/* Another word of each page, so that a page at a wrong place shows */
	return (volatile unsigned long *)(mem + page * PAGE) + page % 500;
}

static void add(struct shared *shared)
{
	unsigned long rounds = 0;
	int i;

	while (!atomic_load_explicit(&shared->stop, memory_order_relaxed)) {
		for (i = 0; i < PAGES; i++)
			++*counter(i);
		atomic_store_explicit(&shared->rounds, ++rounds, memory_order_relaxed);
		atomic_store_explicit(&shared->ready, 1, memory_order_relaxed);
	}
	for (i = 0; i < PAGES; i++)
		shared->wrong += *counter(i) != rounds;
}

static int advise(size_t offset, size_t size, int advice)
{
	struct iovec range = { mem + offset, size };

	return syscall(SYS_process_madvise, pidfd, &range, 1, advice, 0);
}

static void write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(name);
	close(fd);
}

/* The other process has written to each page again, from now on. */
static void await_rounds(struct shared *shared)
{
	unsigned long rounds = atomic_load(&shared->rounds);

	while (atomic_load(&shared->rounds) < rounds + 2)
		sched_yield();
}

/*
 * Pages that were written to since clear_refs said that none is dirty, and do
 * not say so: the other process went on with its old right to write.
 */
static int count_unnoticed(pid_t pid, struct shared *shared)
{
	uint64_t entries[PAGES];
	int i, unnoticed = 0;
	char name[64];

	snprintf(name, sizeof(name), "/proc/%d/clear_refs", pid);
	write_file(name, "4");
	await_rounds(shared);

	snprintf(name, sizeof(name), "/proc/%d/pagemap", pid);
	i = open(name, O_RDONLY);
	require(pread(i, entries, sizeof(entries), (uintptr_t)mem / PAGE * 8) ==
		sizeof(entries), name);
	close(i);
	for (i = 0; i < PAGES; i++)
		unnoticed += !(entries[i] >> SOFT_DIRTY & 1);
	return unnoticed;
}

static int disturb(unsigned int step, pid_t pid, struct shared *shared)
{
	switch (step % 8) {
	case 1:
		advise(0, SIZE, MADV_PAGEOUT);
		break;
	case 3:
		return count_unnoticed(pid, shared);
	case 5:
		write_file("/proc/sys/vm/compact_memory", "1");
		break;
	case 7:
		/* A page of a huge page: splits it */
		advise(step * 37 % PAGES * PAGE, PAGE, MADV_PAGEOUT);
		break;
	default:
		/* Succeeds at once when there is nothing to collapse */
		collapses += advise(0, SIZE, MADV_COLLAPSE) > 0;
	}
	return 0;
}

int main(int argc, char **argv)
{
	time_t end = end_time(argc, argv);
	struct shared *shared = map_shared();
	unsigned int step = 0;
	int unnoticed = 0;
	pid_t pid;

	mem = map_aligned(SIZE, HUGE);
	madvise(mem, SIZE, MADV_HUGEPAGE);
	pid = start_on_cpu_1(add, shared);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	require(pidfd >= 0, "pidfd_open");

	while (time(NULL) < end) {
		unnoticed += disturb(step++, pid, shared);
		await_rounds(shared);
	}
	finish(shared, pid);
	printf("%lu rounds, %u steps, %lu collapses\n", shared->rounds, step, collapses);
	printf("%lu of %d counters wrong, %d stores unnoticed\n", shared->wrong, PAGES,
	       unnoticed);
	return verdict(shared->wrong || unnoticed || !step);
}
