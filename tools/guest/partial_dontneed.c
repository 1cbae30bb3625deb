// SPDX-License-Identifier: GPL-2.0
/*
 * What MADV_DONTNEED for a part of a huge page gives back, and when: all but one
 * page of each of many huge pages is given up, and free memory is looked at.
 * Then the same with MADV_SPLIT of the page that stays, which does at once what
 * the kernel puts off until memory is short.
 */
#include <time.h>

#include "fragment.h"

#define MADV_SPLIT 27
#define RANGES 100UL

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static long free_kb(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.freeram / 1024;
}

static char *huge_pages(void)
{
	char *p = map_ranges(RANGES);

	if (!p || !set_thp("enabled", "madvise") || madvise(p, RANGES * HUGE, MADV_HUGEPAGE))
		exit(1);
	touch(p, RANGES);
	set_thp("enabled", "never");
	return p;
}

static double give_up_most(char *p, int split)
{
	const double began = now_us();
	unsigned long i;

	for (i = 0; i < RANGES; i++) {
		if (madvise(p + i * HUGE + SMALL, HUGE - SMALL, MADV_DONTNEED))
			exit(1);
		if (split && madvise(p + i * HUGE, SMALL, MADV_SPLIT))
			exit(1);
	}
	return (now_us() - began) / RANGES;
}

/* Memory that is asked for until the rest of it comes from split huge pages. */
static double squeeze(long wanted_kb)
{
	const unsigned long nr = wanted_kb * 1024 / HUGE;
	const double began = now_us();

	touch(map_ranges(nr), nr);
	return now_us() - began;
}

static void report(int split)
{
	const long given_up = RANGES * (HUGE - SMALL) / 1024;
	char *p = huge_pages();
	long before = free_kb();
	double us = give_up_most(p, split);

	printf("%s: %.1f us each, %ld of %ld kB held back", split ? "with MADV_SPLIT" :
	       "MADV_DONTNEED", us, given_up - (free_kb() - before), given_up);
	sleep(10);
	printf(", %ld after 10 s\n", given_up - (free_kb() - before));
	if (!split) {
		us = squeeze(free_kb() - 8192 + given_up / 2);
		printf("half of it taken under pressure: %.0f ms, %ld huge pages split\n",
		       us / 1000, count_events("thp_split_page "));
	}
	munmap(p, RANGES * HUGE);
}

int main(void)
{
	report(1);
	report(0);
	return 0;
}
