// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that a userfaultfd protects from any access: where that stays, where
 * it ends, and that what is no longer protected is as accessible as its VMA.
 *
 * Whoever touches a protected page waits for ever here. Nobody does.
 *
 * checkpatch: SPLIT_STRING: pictures are wide
 */
#include <linux/mman.h>
#include <linux/userfaultfd_k.h>

#include "internal.h"
#include "test_mm.h"

#define RWP		UFFDIO_REGISTER_MODE_RWP

/* A character for each column: protected, plainly inaccessible, mapped, none. */
static char entry(pte_t pte)
{
	if (!pte_present(pte))
		return pte_none(pte) ? '.' : 'o';
	if (!pte_protnone(pte))
		return pte_uffd(pte) ? '!' : 'p';
	return pte_uffd(pte) ? '#' : '-';
}

#define expect_entries(t, page, expected) \
	tmm_expect_entries(t, page, entry, expected)

static struct test_mm *create(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "A A:rwu0+rwp+only");
	t = tmm_create(test);
	t->uffd_features = UFFD_FEATURE_RWP;
	return t;
}

/*
 * What is registered and, in its second and third column, protected
 */
struct change {
	const char *name;
	const char *picture;
	struct tmm_op op;
	const char *after;
	int at;			/* Where the four pages are then ... */
	const char *entries;	/* ... and what is in their entries. */
};

#define ANON	"AAAA A:rw#1u0+rwp+only"

static const struct change changes[] = {
	{ "again", ANON, TMM_UFFD_WP(1, 2), ANON, 0, "p##p" },
	{ "all", ANON, TMM_UFFD_WP(0, 4), ANON, 0, "####" },
	{ "lifted", ANON, TMM_NO_UFFD_WP(0, 2), ANON, 0, "pp#p" },
	{ "registered_again", ANON, TMM_UFFD_MODE(0, 4, 0, RWP), ANON, 0, "p##p" },
	{ "dropped", ANON, TMM_NO_UFFD(0, 4), "AAAA A:rw#1", 0, "pppp" },
	{ "dropped_in_part", ANON, TMM_NO_UFFD(0, 2),
	  "AABB A:rw#1 B:rw#1u0+rwp+only", 0, "pp#p" },
	{ "mprotect", ANON, TMM_MPROTECT(0, 4, "r"),
	  "AAAA A:r#1u0+rwp+only+acct", 0, "p##p" },
	{ "mprotect_part", ANON, TMM_MPROTECT(2, 2, "r"),
	  "AABB A:rw#1u0+rwp+only B:r#1u0+rwp+only+acct", 0, "p##p" },
	/* What was protected is so no less, and can be told from the others. */
	{ "mprotect_none", ANON, TMM_MPROTECT(0, 4, "-"),
	  "AAAA A:-#1u0+rwp+only+acct", 0, "-##-" },
	{ "move", ANON, TMM_MOVE(0, 4, 10), "..........AAAA A:rw#1@0", 10, "pppp" },
	{ "move_to_another_table", ANON, TMM_MOVE(0, 4, 36),
	  "....................................AAAA A:rw#1@0", 36, "pppp" },
	{ "munmap", ANON, TMM_MUNMAP(0, 2), "..AA A:rw#1u0+rwp+only", 0, "..#p" },
	{ "dontneed", ANON, TMM_MADVISE(2, 2, MADV_DONTNEED), ANON, 0, "p#.." },
	{ "lock", ANON, TMM_MLOCK_ONFAULT(0, 4),
	  "AAAA A:rw#1u0+rwp+only+lock+onfault", 0, "p##p" },
	{ "file", "AAAA A:rwsf0u0+rwp+only", TMM_UFFD_WP(0, 1),
	  "AAAA A:rwsf0u0+rwp+only", 0, "###p" },
	{ "file_lifted", "AAAA A:rwsf0u0+rwp+only", TMM_NO_UFFD_WP(0, 4),
	  "AAAA A:rwsf0u0+rwp+only", 0, "pppp" },
	{ "file_mprotect", "AAAA A:rwsf0u0+rwp+only", TMM_MPROTECT(0, 4, "r"),
	  "AAAA A:rsf0u0+rwp+only", 0, "p##p" },
	{ "file_dropped", "AAAA A:rwsf0u0+rwp+only", TMM_NO_UFFD(0, 4),
	  "AAAA A:rwsf0", 0, "pppp" },
	{ "file_moved", "AAAA A:rwsf0u0+rwp+only", TMM_MOVE(0, 4, 10),
	  "..........AAAA A:rwsf0@0", 10, "pppp" },
};

KUNIT_ARRAY_PARAM_DESC(changes, changes, name);

/* Written before it is registered: then a write would find it protected. */
static struct test_mm *draw_protected(struct kunit *test, const char *picture)
{
	struct test_mm *t = create(test);

	if (strstr(picture, "sf0"))
		tmm_draw(t, "AAAA A:rwsf0");
	else
		tmm_draw(t, "AAAA A:rw#1");
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_must(t, TMM_UFFD_MODE(0, 4, 0, RWP));
	tmm_expect_layout(t, picture);
	expect_entries(t, 0, "pppp");
	tmm_must(t, TMM_UFFD_WP(1, 2));
	expect_entries(t, 0, "p##p");
	return t;
}

static void protection_from_access_stays_or_ends(struct kunit *test)
{
	const struct change *c = test->param_value;
	struct test_mm *t;

	tmm_require(test, c->after);
	if (strstr(c->picture, "sf0") && !IS_ENABLED(CONFIG_SHMEM))
		kunit_skip(test, "no userfaultfd for files (CONFIG_SHMEM)");
	t = draw_protected(test, c->picture);
	tmm_must(t, c->op);
	tmm_expect_layout(t, c->after);
	expect_entries(t, c->at, c->entries);
}

/*
 * Who wants no more than to know later what was accessed makes nobody wait. A
 * page is writable again by that, too, unless its first write is to be seen.
 */
static void access_lifts_asynchronous_protection(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "B B:rwsf0u0");
	t = create(test);
	tmm_draw(t, "AAAABBBB A:rw#1 B:rwsf0");
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_must(t, TMM_WRITE(4, 2));
	tmm_must(t, TMM_READ(6, 2));
	t->uffd_features |= UFFD_FEATURE_RWP_ASYNC;
	tmm_must(t, TMM_UFFD_MODE(0, 8, 0, RWP));
	tmm_must(t, TMM_UFFD_WP(0, 8));
	expect_entries(t, 0, "########");
	tmm_must(t, TMM_READ(1, 1));
	tmm_must(t, TMM_WRITE(3, 1));
	tmm_must(t, TMM_READ(5, 2));
	expect_entries(t, 0, "#p#p#pp#");
	tmm_must(t, TMM_WRITE(0, 8));
	expect_entries(t, 0, "pppppppp");
	tmm_must(t, TMM_NO_UFFD(0, 8));
	tmm_expect_layout(t, "AAAABBBB A:rw#1 B:rwsf0");
}

/* What its first write must be told of, or is copied by it, stays read-only. */
static void lifted_page_is_no_more_writable(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AB A:rw#2+clean B:rwf0u0");
	t = create(test);
	tmm_draw(t, "AABB.CC A:rw#1 B:rwf0 C:rw#2+clean");
	tmm_fork(t);
	tmm_must(t, TMM_MMAP(8, 2, "rw"));
	tmm_must(t, TMM_READ(0, 4));
	tmm_must(t, TMM_READ(5, 2));
	tmm_must(t, TMM_READ(8, 2));
	t->uffd_features |= UFFD_FEATURE_RWP_ASYNC;
	tmm_must(t, TMM_UFFD_MODE(0, 10, 0, RWP));
	tmm_must(t, TMM_UFFD_WP(0, 10));
	expect_entries(t, 0, "####.##.##");
	/* The checker looks for what is writable and should not be. */
	tmm_must(t, TMM_READ(0, 4));
	tmm_must(t, TMM_READ(5, 2));
	tmm_must(t, TMM_READ(8, 2));
	expect_entries(t, 0, "pppp.pp.pp");
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_must(t, TMM_WRITE(5, 2));
	tmm_must(t, TMM_WRITE(8, 2));
	tmm_must(t, TMM_NO_UFFD(0, 10));
}

/* It is protected for good, even if that could not be told at the time. */
static void inaccessible_page_is_protected_as_well(struct kunit *test)
{
	struct test_mm *t = draw_protected(test, ANON);

	tmm_must(t, TMM_MPROTECT(0, 4, "-"));
	expect_entries(t, 0, "-##-");
	tmm_must(t, TMM_UFFD_WP(0, 2));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
	expect_entries(t, 0, "###p");
	tmm_expect_layout(t, ANON);
}

/* There and back again: what was lifted may be written as all the rest. */
static void lifted_protection_leaves_nothing(struct kunit *test)
{
	struct test_mm *t = draw_protected(test, ANON);

	tmm_must(t, TMM_MPROTECT(0, 4, "r"));
	tmm_must(t, TMM_NO_UFFD_WP(2, 1));
	expect_entries(t, 0, "p#pp");
	tmm_must(t, TMM_READ(2, 2));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
	expect_entries(t, 0, "p#pp");
	tmm_must(t, TMM_WRITE(2, 2));
	tmm_must(t, TMM_NO_UFFD(0, 4));
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_expect_layout(t, "AAAA A:rw#1");
}

/* Where nothing may be accessed, nothing can be lifted. */
static void inaccessible_memory_is_not_registered(struct kunit *test)
{
	struct test_mm *t = create(test);

	tmm_draw(t, "AABB A:rw B:-");
	tmm_expect_err(t, -EINVAL, TMM_UFFD_MODE(2, 2, 0, RWP));
	tmm_expect_err(t, -EINVAL, TMM_UFFD_MODE(0, 4, 0, RWP));
	tmm_expect_err(t, -EINVAL,
		       TMM_UFFD_MODE(0, 2, 0, RWP | UFFDIO_REGISTER_MODE_WP));
	tmm_expect_layout(t, "AABB A:rw B:-");
	tmm_must(t, TMM_UFFD_MODE(0, 2, 0, RWP));
	/* It may be made so later, and is given back all the same. */
	tmm_must(t, TMM_MPROTECT(0, 2, "-"));
	tmm_must(t, TMM_NO_UFFD(0, 2));
	tmm_expect_layout(t, "AAAA A:-");
}

/* All of a range is for it, or nothing of it is protected. */
static void range_is_protected_as_a_whole(struct kunit *test)
{
	struct test_mm *t = create(test);

	tmm_draw(t, "AABBCC.. A:rw#1u0+rwp+only B:rw#1u0 C:rw#1u0+rwp+only");
	tmm_expect_err(t, -ENOENT, TMM_UFFD_WP(0, 4));
	tmm_expect_err(t, -ENOENT, TMM_UFFD_WP(0, 6));
	expect_entries(t, 0, "pppppp..");
	/* Neither mode follows upon the other. */
	tmm_expect_err(t, -EBUSY,
		       TMM_UFFD_MODE(0, 2, 0, UFFDIO_REGISTER_MODE_WP));
	tmm_must(t, TMM_UFFD_WP(4, 4));
	expect_entries(t, 0, "pppp##..");
	tmm_expect_layout(t, "AABBCC A:rw#1u0+rwp+only B:rw#1u0 C:rw#1u0+rwp+only");
}

/* The child knows of no userfaultfd, so it must find its pages accessible. */
static void protection_from_access_is_not_inherited(struct kunit *test)
{
	struct test_mm *t = draw_protected(test, ANON);

	tmm_fork(t);
	tmm_expect_layout(t, "AAAA A:rw#1*2");
	expect_entries(t, 0, "pppp");
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_expect_layout(t, "AAAA A:rw#1*2");
}

static struct kunit_case vma_rwp_cases[] = {
	KUNIT_CASE_PARAM(protection_from_access_stays_or_ends, changes_gen_params),
	KUNIT_CASE(access_lifts_asynchronous_protection),
	KUNIT_CASE(lifted_page_is_no_more_writable),
	KUNIT_CASE(inaccessible_page_is_protected_as_well),
	KUNIT_CASE(lifted_protection_leaves_nothing),
	KUNIT_CASE(inaccessible_memory_is_not_registered),
	KUNIT_CASE(range_is_protected_as_a_whole),
	KUNIT_CASE(protection_from_access_is_not_inherited),
	{}
};

static struct kunit_suite vma_rwp_suite = {
	.name = "vma_rwp",
	.test_cases = vma_rwp_cases,
};

kunit_test_suite(vma_rwp_suite);

MODULE_DESCRIPTION("Tests for userfaultfd's protection from access");
MODULE_LICENSE("GPL");
