// SPDX-License-Identifier: GPL-2.0
/*
 * How long a collapse takes when memory is free but fragmented, light and plain, each
 * of a huge range of its own. Each side finds SPARE huge pages for its RUNS ranges:
 * the light side comes first, since compaction for the plain one makes more than
 * it needs. With the argument "free" there are huge pages for all. Then for each
 * side a line
 *
 *	NAME MEDIAN P90 P99 MAX DONE OF STALLS
 *
 * with times in microseconds, how many of how many ranges became huge, and how
 * often direct reclaim or compaction was entered for it.
 */
#include <time.h>

#include "fragment.h"

#define RUNS 100
#define SPARE 80
#define CHUNK (16 * SMALL)

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
	printf("%s %.1f %.1f %.1f %.1f %d %d %ld\n", s->name, s->us[RUNS / 2],
	       s->us[(RUNS - 1) * 90 / 100], s->us[(RUNS - 1) * 99 / 100], s->us[RUNS - 1],
	       s->done, RUNS, s->stalls);
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

/*
 * Both sides' ranges, and as many that stay as they are, a few pages of each in turn:
 * else ranges that were collapsed would leave huge pages behind. UML needs a mapping
 * of the host for every such few.
 */
static void touch_scattered(char *p)
{
	unsigned long i, offset;

	for (offset = 0; offset < HUGE; offset += CHUNK)
		for (i = 0; i < 3 * RUNS; i++)
			memset(p + (i % 3 * RUNS + i / 3) * HUGE + offset, 1, CHUNK);
}

static char *map_huge_pages(unsigned long nr)
{
	char *p = map_ranges(nr);

	if (!p || !set_thp("enabled", "always"))
		return NULL;
	touch(p, nr);
	return set_thp("enabled", "never") ? p : NULL;
}

int main(int argc, char **argv)
{
	static struct series light = { .name = "light" }, plain = { .name = "plain" };
	const int fragmented = argc < 2 || strcmp(argv[1], "free");
	struct {
		struct series *s;
		int advice;
	} sides[] = { { &light, MADV_F_COLLAPSE_LIGHT }, { &plain, MADV_COLLAPSE } };
	int self = self_pidfd(), side, i;
	char *p, *spare;

	if (self < 0 || !set_thp("enabled", "never"))
		fail("preparing");
	p = map_ranges(3 * RUNS);
	if (!p)
		fail("mmap");
	touch_scattered(p);
	spare = map_huge_pages(2 * SPARE);
	if (!spare)
		fail("mapping huge pages");
	if (fragmented && !fragment_memory())
		fail("fragmenting the memory");
	for (side = 0; side < 2; side++, spare += SPARE * HUGE) {
		if (madvise(spare, SPARE * HUGE, MADV_DONTNEED))
			fail("giving the huge pages back");
		for (i = 0; i < RUNS; i++, p += HUGE)
			collapse(sides[side].s, i, self, p, sides[side].advice);
	}
	report(&light);
	report(&plain);
	return 0;
}
