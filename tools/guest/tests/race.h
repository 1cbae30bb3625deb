/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the races share: two processes on two CPUs and memory that both see.
 *
 * Two processes, not two threads: UML runs user code of one address space on
 * one CPU at a time, so a thread that comes back from the kernel waits until a
 * timer tick stops the other one, and after that there is no race left.
 */
#ifndef GUEST_RACE_H
#define GUEST_RACE_H

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include "test.h"

struct shared {
	atomic_ulong number;
	atomic_ulong rounds;
	atomic_bool ready, stop;
	atomic_ulong wrong;
};

static inline void stay_on_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	require(!sched_setaffinity(0, sizeof(cpus), &cpus), "sched_setaffinity");
}

static inline struct shared *map_shared(void)
{
	struct shared *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	require(shared != MAP_FAILED, "mmap");
	return shared;
}

/* Run @work in a process on CPU 1, and go on here on CPU 0 when it is ready. */
static inline pid_t start_on_cpu_1(void (*work)(struct shared *), struct shared *shared)
{
	pid_t pid;

	require(sysconf(_SC_NPROCESSORS_ONLN) > 1, "more than one CPU");
	fflush(stdout);
	pid = fork();
	require(pid >= 0, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		stay_on_cpu(1);
		work(shared);
		_exit(0);
	}
	stay_on_cpu(0);
	while (!atomic_load(&shared->ready))
		usleep(1000);
	return pid;
}

static inline void finish(struct shared *shared, pid_t pid)
{
	int status;

	atomic_store(&shared->stop, 1);
	require(waitpid(pid, &status, 0) == pid && !status, "the other process");
}

static inline time_t end_time(int argc, char **argv)
{
	return time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
}

#endif
