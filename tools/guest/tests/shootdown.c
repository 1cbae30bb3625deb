// SPDX-License-Identifier: GPL-2.0
/*
 * With more than one CPU: when the kernel takes the right to write to a page
 * away from an address space, no thread may go on writing to it.
 *
 *	CPU 0	a thread forks all the time
 *	CPU 1	another thread stores to a page, and does nothing else
 *	CPU 2	the children look at their copy of the page
 *
 * fork() shares the page with the child until one of them writes to it. If the
 * thread on CPU 1 still stores through its old mapping, the child sees its copy
 * change.
 *
 * checkpatch: VOLATILE: user space; each access has to reach the memory
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include "test.h"

enum { ROUNDS = 200, WATCH_MS = 15 };

static volatile unsigned long *counter;
static atomic_bool stop;

static void stay_on_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	require(!sched_setaffinity(0, sizeof(cpus), &cpus), "sched_setaffinity");
}

static void *store(void *unused)
{
	(void)unused;
	stay_on_cpu(1);
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		++*counter;
	return NULL;
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Look for longer than a timer tick, which stops the other thread anyway. */
static int copy_changes(void)
{
	unsigned long first = *counter;
	long end = milliseconds() + WATCH_MS;

	while (milliseconds() < end)
		if (*counter != first)
			return 1;
	return 0;
}

static int fork_and_look(void)
{
	int status;
	pid_t pid = fork();

	require(pid >= 0, "fork");
	if (!pid)
		_exit(copy_changes());
	require(waitpid(pid, &status, 0) == pid, "waitpid");
	return status != 0;
}

/* CPU 1 is left to the other thread: whoever comes there stops it. */
static void stay_off_cpu_1(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	CPU_SET(2, &cpus);
	require(!sched_setaffinity(0, sizeof(cpus), &cpus), "sched_setaffinity");
}

int main(void)
{
	int i, changed = 0;
	pthread_t thread;

	require(sysconf(_SC_NPROCESSORS_ONLN) > 2, "more than two CPUs");
	counter = (volatile unsigned long *)map_aligned(PAGE, PAGE);
	stay_off_cpu_1();
	require(!pthread_create(&thread, NULL, store, NULL), "pthread_create");

	for (i = 0; i < ROUNDS; i++)
		changed += fork_and_look();

	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	printf("%d of %d children saw their copy change\n", changed, ROUNDS);
	return verdict(changed);
}
