// SPDX-License-Identifier: GPL-2.0
/*
 * With more than one CPU: no store is lost, whatever the kernel does meanwhile
 * with the pages.
 *
 *	CPU 1	a thread adds one to a counter in each page, round after round
 *	CPU 0	another thread of the process has the pages swapped out, moved
 *		by compaction, collapsed, split, write-protected, shared with a
 *		child
 *
 * In the end all counters are as many as there were rounds, which the thread
 * has counted in a register.
 *
 *	race_writes [SECONDS]
 *
 * checkpatch: VOLATILE: user space; each access has to reach the memory
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include "test.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define HUGE (2 * MB)
#define SIZE (2 * HUGE)
enum { PAGES = SIZE / PAGE };

static char *mem;
static atomic_bool stop;
static unsigned long rounds;

static volatile unsigned long *counter(int page)
{
	/* Another word of each page, so that a page at a wrong place shows */
	return (volatile unsigned long *)(mem + page * PAGE) + page % 500;
}

static void stay_on_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	require(!sched_setaffinity(0, sizeof(cpus), &cpus), "sched_setaffinity");
}

static void *add(void *unused)
{
	register unsigned long done = 0;
	int i;

	(void)unused;
	stay_on_cpu(1);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		for (i = 0; i < PAGES; i++)
			++*counter(i);
		done++;
	}
	rounds = done;
	return NULL;
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

/* The child has the pages as they were, and they do not change. */
static int fork_and_look(void)
{
	unsigned long first, i;
	int status;
	pid_t pid = fork();

	require(pid >= 0, "fork");
	if (!pid) {
		first = *counter(PAGES / 2);
		for (i = 0; i < 200000; i++)
			if (*counter(PAGES / 2) != first)
				_exit(1);
		_exit(0);
	}
	require(waitpid(pid, &status, 0) == pid, "waitpid");
	return status != 0;
}

static int disturb(unsigned int step)
{
	size_t at = step * 37 % PAGES * PAGE;

	switch (step % 8) {
	case 0:
		madvise(mem, SIZE, MADV_PAGEOUT);
		break;
	case 1:
		write_file("/proc/sys/vm/compact_memory", "1");
		break;
	case 2:
	case 6:
		madvise(mem, SIZE, MADV_COLLAPSE);
		break;
	case 3:
		write_file("/proc/self/clear_refs", "4");
		break;
	case 4:
		madvise(mem + at, PAGE, MADV_PAGEOUT);
		break;
	case 5:
		return fork_and_look();
	case 7:
		/* Splits, and the other thread meets it as it is */
		mprotect(mem + at, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
		mprotect(mem + at, PAGE, PROT_READ | PROT_WRITE);
		break;
	}
	return 0;
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
	int i, lost = 0, changed = 0;
	unsigned int step = 0;
	pthread_t thread;

	require(sysconf(_SC_NPROCESSORS_ONLN) > 1, "more than one CPU");
	mem = map_aligned(SIZE, HUGE);
	madvise(mem, SIZE, MADV_HUGEPAGE);
	stay_on_cpu(0);
	require(!pthread_create(&thread, NULL, add, NULL), "pthread_create");
	while (time(NULL) < end)
		changed += disturb(step++);
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);

	for (i = 0; i < PAGES; i++)
		lost += *counter(i) != rounds;
	printf("%lu rounds, %u steps: %d of %d counters wrong, %d children saw a change\n",
	       rounds, step, lost, PAGES, changed);
	return verdict(lost || changed || !rounds);
}
