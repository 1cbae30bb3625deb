// SPDX-License-Identifier: GPL-2.0
/*
 * How long a collapse takes when memory is free but fragmented (with the argument
 * "free": is free): light and plain in turn, each of a huge range of its own. For
 * each of them a line
 *
 *	NAME MEDIAN P99 MAX DONE OF STALLS
 *
 * with times in microseconds, how many of how many ranges became huge, and how
 * often direct reclaim or compaction was entered for it.
 */
#include <time.h>

#include "fragment.h"

#define RUNS 100

struct series {
	const char *name;
	double us[RUNS];
	int done;
	long stalls;
};

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(struct series *s)
{
	qsort(s->us, RUNS, sizeof(*s->us), ascending);
	printf("%s %.1f %.1f %.1f %d %d %ld\n", s->name, s->us[RUNS / 2],
	       s->us[(RUNS - 1) * 99 / 100], s->us[RUNS - 1], s->done, RUNS, s->stalls);
}

static long stalls(void)
{
	return count_events("allocstall_") + count_events("compact_stall");
}

static void collapse(struct series *s, int run, int self, char *p, int advice)
{
	const long before = stalls();
	const double began = now_us();
	const long ret = process_madvise_at(self, p, HUGE, advice);

	s->us[run] = now_us() - began;
	s->done += ret == (long)HUGE;
	s->stalls += stalls() - before;
}

static void fail(const char *what)
{
	printf("failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

int main(int argc, char **argv)
{
	static struct series light = { .name = "light" }, plain = { .name = "plain" };
	const int fragmented = argc < 2 || strcmp(argv[1], "free");
	int self = self_pidfd(), i;
	char *p;

	if (self < 0 || !set_thp("enabled", "never"))
		fail("preparing");
	p = map_ranges(2 * RUNS);
	if (!p)
		fail("mmap");
	touch(p, 2 * RUNS);
	if (fragmented && !fragment_memory())
		fail("fragmenting the memory");
	for (i = 0; i < RUNS; i++) {
		collapse(&light, i, self, p + 2 * i * HUGE, MADV_F_COLLAPSE_LIGHT);
		collapse(&plain, i, self, p + (2 * i + 1) * HUGE, MADV_COLLAPSE);
	}
	report(&light);
	report(&plain);
	return 0;
}
