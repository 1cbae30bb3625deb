// SPDX-License-Identifier: GPL-2.0
/*
 * MADV_F_COLLAPSE_LIGHT as a program sees it: who may, what it answers, and that
 * it neither reclaims nor compacts where MADV_COLLAPSE does.
 */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../fragment.h"
#include "test.h"

#define RANGES 8

static int failed;

static void expect(const char *what, long found, long expected, int error)
{
	const int bad = found != expected || (found < 0 && errno != error);

	failed |= bad;
	printf("%s: %ld %s%s\n", what, found, found < 0 ? strerror(errno) : "",
	       bad ? ", not as expected" : "");
}

static int is_huge(const char *p)
{
	unsigned long start;
	char line[256];
	long kb = 0;
	FILE *f = fopen("/proc/self/smaps", "r");
	int here = 0;

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = (unsigned long)p >= start && (unsigned long)p < end;
		else if (here && sscanf(line, "AnonHugePages: %ld", &kb) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kb > 0;
}

static void keep_capabilities(unsigned int mask)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { mask, mask, 0 }, { 0, 0, 0 } };

	require(!syscall(SYS_capset, &header, data), "capset");
}

/* What a child, with these capabilities, is told about its parent's memory. */
static int errno_of_child(char *p, int advice, unsigned int capabilities)
{
	const pid_t parent = getpid();
	int status;
	pid_t pid = fork();

	require(pid >= 0, "fork");
	if (!pid) {
		int pidfd = syscall(SYS_pidfd_open, parent, 0);

		keep_capabilities(capabilities);
		errno = 0;
		process_madvise_at(pidfd, p, HUGE, advice);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

#define CAP(name) (1U << CAP_##name)

static void who_may(char *p, int self)
{
	const unsigned int ptrace = CAP(SYS_PTRACE);

	errno = 0;
	expect("madvise", madvise(p, HUGE, MADV_F_COLLAPSE_LIGHT), -1, EINVAL);
	expect("another process, CAP_SYS_NICE",
	       errno_of_child(p, MADV_F_COLLAPSE_LIGHT, ptrace | CAP(SYS_NICE)), EPERM, 0);
	expect("another process, CAP_SYS_ADMIN",
	       errno_of_child(p, MADV_F_COLLAPSE_LIGHT, ptrace | CAP(SYS_ADMIN)), EPERM, 0);
	expect("MADV_COLLAPSE of another process, CAP_SYS_NICE",
	       errno_of_child(p, MADV_COLLAPSE, ptrace | CAP(SYS_NICE)), 0, 0);
	expect("another process, both",
	       errno_of_child(p + HUGE, MADV_F_COLLAPSE_LIGHT,
			      ptrace | CAP(SYS_NICE) | CAP(SYS_ADMIN)), 0, 0);
	expect("one's own", process_madvise_at(self, p + 2 * HUGE, HUGE, MADV_F_COLLAPSE_LIGHT),
	       HUGE, 0);
	expect("it is huge", is_huge(p + 2 * HUGE), 1, 0);
	expect("MADV_NOHUGEPAGE", madvise(p + 3 * HUGE, HUGE, MADV_NOHUGEPAGE), 0, 0);
	expect("then", process_madvise_at(self, p + 3 * HUGE, HUGE, MADV_F_COLLAPSE_LIGHT),
	       -1, EINVAL);
}

/* The work that is done for an allocation: by the caller, not kswapd's. */
static long stalls(void)
{
	return count_events("allocstall_") + count_events("compact_stall");
}

static void does_not_stall(char *p, int self)
{
	long before = stalls();
	int i;

	for (i = 0; i < RANGES - 1; i++)
		expect("fragmented", process_madvise_at(self, p + i * HUGE, HUGE,
							MADV_F_COLLAPSE_LIGHT), -1, ENOMEM);
	expect("allocstall and compact_stall", stalls() - before, 0, 0);

	/* Or there was nothing to see. */
	before = stalls();
	printf("MADV_COLLAPSE: %d\n", madvise(p + i * HUGE, HUGE, MADV_COLLAPSE));
	expect("allocstall and compact_stall moved", stalls() > before, 1, 0);
}

int main(void)
{
	int self = self_pidfd();
	char *p;

	require(self >= 0, "pidfd_open");
	require(set_thp("enabled", "never"), "transparent huge pages");
	p = map_ranges(RANGES);
	require(!!p, "mmap");
	touch(p, 4);
	who_may(p, self);

	p = map_ranges(RANGES);
	require(!!p, "mmap");
	touch(p, RANGES);
	require(fragment_memory(), "fragmenting the memory");
	does_not_stall(p, self);
	return verdict(failed);
}
