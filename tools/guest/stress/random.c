// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers. Each step begins its own sequence, so that it does the same
 * when others are left out of the replay.
 */
#include "stress.h"

/* The finalizer of splitmix64. */
uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

uint64_t next_random(struct thread *t)
{
	t->rng += 0x9e3779b97f4a7c15;
	return mix(t->rng);
}

int below(struct thread *t, int limit)
{
	return (next_random(t) >> 33) % limit;
}

bool chance(struct thread *t, int percent)
{
	return below(t, 100) < percent;
}

/* What the last step was about, some pages, many pages, whole huge pages and parts of them. */
struct range random_range(struct thread *t)
{
	struct range range = { below(t, AREA_PAGES), 1 };
	int shape = below(t, 100);
	int huge = range.first / HUGE_PAGES * HUGE_PAGES;

	if (t->last.nr && chance(t, 25))
		return t->last;
	if (shape < 40) {
		range.nr = 1 + below(t, 8);
	} else if (shape < 60) {
		range.nr = 1 + below(t, 96);
	} else if (shape < 80) {
		range.first = huge;
		range.nr = HUGE_PAGES;
	} else if (shape < 85) {
		range.first = huge;
		range.nr = 2 * HUGE_PAGES;
	} else if (shape < 92) {
		range.first = huge;
		range.nr = 1 + below(t, HUGE_PAGES);
	} else {
		range.nr = 1 + below(t, HUGE_PAGES);
	}
	if (range.first + range.nr > AREA_PAGES)
		range.nr = AREA_PAGES - range.first;
	return range;
}
