// SPDX-License-Identifier: GPL-2.0
/*
 * With more than one CPU: when munmap() or mmap() over it has returned, no
 * thread sees what was there before.
 *
 *	CPU 0	replaces the page, announces the next number, writes it there
 *	CPU 1	reads the announcement, and then the page
 *
 * The page holds 0 or a number not below what was announced.
 *
 *	race_remap [SECONDS]
 *
 * checkpatch: VOLATILE: user space; each access has to reach the memory
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include "test.h"

static volatile unsigned long *page;
static atomic_ulong announced;
static atomic_bool stop;
static unsigned long looks, stale;

static void stay_on_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	require(!sched_setaffinity(0, sizeof(cpus), &cpus), "sched_setaffinity");
}

static void *look(void *unused)
{
	(void)unused;
	stay_on_cpu(1);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		unsigned long number = atomic_load(&announced), found = *page;

		stale += found && found < number;
		looks++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 3);
	unsigned long number = 0;
	pthread_t thread;

	require(sysconf(_SC_NPROCESSORS_ONLN) > 1, "more than one CPU");
	page = (volatile unsigned long *)map_aligned(PAGE, PAGE);
	stay_on_cpu(0);
	require(!pthread_create(&thread, NULL, look, NULL), "pthread_create");
	while (time(NULL) < end) {
		require(mmap((void *)page, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page,
			"mmap");
		atomic_store(&announced, ++number);
		*page = number;
	}
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	printf("%lu pages, %lu looks: %lu saw an old page\n", number, looks, stale);
	return verdict(stale || !looks);
}
