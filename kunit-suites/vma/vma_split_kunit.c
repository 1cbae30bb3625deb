// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a VMA comes apart: at its start, in its middle and at its end, by each
 * operation that may do it, for each kind of mapping.
 */
#include <linux/mman.h>

#include "internal.h"
#include "ops.h"
#include "test_mm.h"

/* A kind of mapping: what pictures say of a VMA, writable and read-only. */
struct kind {
	const char *name;
	const char *rw, *ro;
	const char *offset;	/* '@' or '~', where column 0 has another ... */
	int first;		/* ... offset than 0: this one. */
};

static const struct kind kinds[] = {
	{ "anonymous", "rw", "r" },
	{ "anonymous_faulted", "rw#1", "r#1+acct" },
	{ "anonymous_moved", "rw#1", "r#1+acct", "@", 30 },
	{ "private_file", "rwf0", "rf0+acct" },
	{ "private_file_faulted", "rwf0#1", "rf0#1+acct" },
	{ "private_file_moved", "rwf0#1", "rf0#1+acct", "~", 30 },
	{ "shared_file", "rwsf0", "rsf0" },
	{ "shared_file_offset", "rwsf0", "rsf0", "@", 30 },
	{ "driver_file", "rwsf2", "rsf2", "@", 30 },
};

/* Columns, and for each VMA its role: w, r, or - for a new, blank one. */
struct split {
	const char *name;
	const char *before, *before_roles;
	struct tmm_op op;
	const char *after, *roles;
};

static const struct split splits[] = {
	{ "mprotect_start", "AAAAAA", "w", TMM_MPROTECT(0, 2, "r"),
	  "AABBBB", "rw" },
	{ "mprotect_middle", "AAAAAA", "w", TMM_MPROTECT(2, 2, "r"),
	  "AABBCC", "wrw" },
	{ "mprotect_end", "AAAAAA", "w", TMM_MPROTECT(4, 2, "r"),
	  "AAAABB", "wr" },
	{ "mprotect_first_page", "AAAAAA", "w", TMM_MPROTECT(0, 1, "r"),
	  "ABBBBB", "rw" },
	{ "mprotect_last_page", "AAAAAA", "w", TMM_MPROTECT(5, 1, "r"),
	  "AAAAAB", "wr" },
	{ "mprotect_all", "AAAAAA", "w", TMM_MPROTECT(0, 6, "r"),
	  "AAAAAA", "r" },
	{ "mprotect_two_of_three", "AABBCC", "wrw", TMM_MPROTECT(1, 3, "r"),
	  "ABBBCC", "wrw" },
	{ "munmap_start", "AAAAAA", "w", TMM_MUNMAP(0, 2), "..AAAA", "w" },
	{ "munmap_middle", "AAAAAA", "w", TMM_MUNMAP(2, 2), "AA..BB", "ww" },
	{ "munmap_end", "AAAAAA", "w", TMM_MUNMAP(4, 2), "AAAA..", "w" },
	{ "munmap_all", "AAAAAA", "w", TMM_MUNMAP(0, 6), "......", "" },
	{ "munmap_over_two", "AAABBB", "wr", TMM_MUNMAP(2, 2), "AA..BB", "wr" },
	{ "munmap_over_three", "AABBCC", "wrw", TMM_MUNMAP(1, 4),
	  "A....B", "ww" },
	{ "munmap_whole_of_three", "AABBCC", "wrw", TMM_MUNMAP(2, 2),
	  "AA..BB", "ww" },
	{ "mmap_over_start", "AAAAAA", "w", TMM_MMAP(0, 2, "-"),
	  "AABBBB", "-w" },
	{ "mmap_over_middle", "AAAAAA", "w", TMM_MMAP(2, 2, "-"),
	  "AABBCC", "w-w" },
	{ "mmap_over_end", "AAAAAA", "w", TMM_MMAP(4, 2, "-"), "AAAABB", "w-" },
	{ "mmap_over_two", "AAABBB", "wr", TMM_MMAP(2, 2, "-"),
	  "AABBCC", "w-r" },
	{ "mmap_over_all", "AABBCC", "wrw", TMM_MMAP(0, 6, "-"), "AAAAAA", "-" },
	{ "mremap_shrink", "AAAAAA", "w", TMM_MREMAP(0, 6, 0, 4, 0),
	  "AAAA", "w" },
	{ "mremap_shrink_middle", "AAAAAA", "w", TMM_MREMAP(1, 4, 1, 2, 0),
	  "AAA..B", "ww" },
};

#define NR_SPLITS	ARRAY_SIZE(splits)

/* One for each kind and split; the address tells which. */
static const char all_splits[ARRAY_SIZE(kinds) * NR_SPLITS];

static const struct kind *kind_of(const void *param)
{
	return &kinds[((const char *)param - all_splits) / NR_SPLITS];
}

static const struct split *split_of(const void *param)
{
	return &splits[((const char *)param - all_splits) % NR_SPLITS];
}

static const void *all_splits_gen_params(struct kunit *test, const void *prev,
					 char *desc)
{
	const char *next = prev ? (const char *)prev + 1 : all_splits;

	if (next == all_splits + sizeof(all_splits))
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s_%s", split_of(next)->name,
		 kind_of(next)->name);
	return next;
}

/* The picture of @columns, each VMA as its role says for this kind. */
static const char *picture(struct kunit *test, const struct kind *kind,
			   const char *columns, const char *roles)
{
	const size_t size = 256;
	char *text = kunit_kzalloc(test, size, GFP_KERNEL);
	size_t used;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, text);
	used = scnprintf(text, size, "%s", columns);
	for (i = 0; columns[i]; i++) {
		if (columns[i] == '.' || (i && columns[i] == columns[i - 1]))
			continue;
		if (*roles == '-')
			used += scnprintf(text + used, size - used, " %c:-",
					  columns[i]);
		else
			used += scnprintf(text + used, size - used, " %c:%s",
					  columns[i],
					  *roles == 'w' ? kind->rw : kind->ro);
		if (kind->offset && *roles != '-')
			used += scnprintf(text + used, size - used, "%s%d",
					  kind->offset, kind->first + i);
		roles++;
	}
	return text;
}

static struct tmm_case case_of(struct kunit *test)
{
	const struct kind *kind = kind_of(test->param_value);
	const struct split *split = split_of(test->param_value);

	return (struct tmm_case){
		.name = split->name,
		.before = picture(test, kind, split->before,
				  split->before_roles),
		.op = split->op,
		.after = picture(test, kind, split->after, split->roles),
	};
}

static void comes_apart(struct kunit *test)
{
	const struct tmm_case c = case_of(test);

	tmm_run_case(test, &c);
}

static void split_survives_lack_of_memory(struct kunit *test)
{
	const struct tmm_case c = case_of(test);

	tmm_run_case_out_of_memory(test, &c);
}

/* Attributes go with both halves. */
static const struct tmm_case inheritance[] = {
	TMM_CASE("name", "AAAA A:rw'one'", TMM_MPROTECT(2, 2, "r"),
		 "AABB A:rw'one' B:r'one'"),
	TMM_CASE("userfaultfd", "AAAA A:rwu0", TMM_MPROTECT(2, 2, "r"),
		 "AABB A:rwu0 B:ru0"),
	TMM_CASE("userfaultfd_hole", "AAAA A:rwu0", TMM_MUNMAP(1, 2),
		 "A..B A:rwu0 B:rwu0"),
	TMM_CASE("policy", "AAAA A:rwm", TMM_MPROTECT(2, 2, "r"),
		 "AABB A:rwm B:rm"),
	TMM_CASE("noreserve", "AAAA A:rw+noreserve", TMM_MPROTECT(2, 2, "r"),
		 "AABB A:rw+noreserve B:r+noreserve"),
	TMM_CASE("locked", "AAAA A:rw#1+lock", TMM_MPROTECT(1, 2, "r"),
		 "ABBC A:rw#1+lock B:r#1+lock+acct C:rw#1+lock"),
	TMM_CASE("locked_hole", "AAAA A:rw#1+lock", TMM_MUNMAP(1, 2),
		 "A..B A:rw#1+lock B:rw#1+lock"),
	TMM_CASE("locked_replaced", "AAAA A:rw#1+lock", TMM_MMAP(1, 2, "r"),
		 "ABBC A:rw#1+lock B:r C:rw#1+lock"),
	TMM_CASE("executable_hole", "AAAA A:rx", TMM_MUNMAP(1, 2),
		 "A..B A:rx B:rx"),
	TMM_CASE("dontcopy", "AAAA A:rw+dontcopy", TMM_MPROTECT(1, 1, "r"),
		 "ABCC A:rw+dontcopy B:r+dontcopy C:rw+dontcopy"),
	TMM_CASE("shared_anonymous", "AAAA A:rwsz@0", TMM_MPROTECT(1, 2, "r"),
		 "ABBC A:rwsz@0 B:rsz@1 C:rwsz@3"),
	TMM_CASE("shared_anonymous_hole", "AAAA A:rwsz@0", TMM_MUNMAP(1, 2),
		 "A..B A:rwsz@0 B:rwsz@3"),
	/* More of one file than are unlinked in one go. */
	TMM_CASE("many_of_one_file",
		 "ABCDEFGHIJ A:rsf0 B:rwsf0 C:rsf0 D:rwsf0 E:rsf0 F:rwsf0 G:rsf0 H:rwsf0 I:rsf0 J:rwsf0",
		 TMM_MUNMAP(0, 10), ".........."),
	TMM_CASE("many_of_two_files",
		 "ABCDEF A:rsf0 B:rwsf1 C:rsf0 D:rwsf0 E:rsf1 F:rwsf0",
		 TMM_MUNMAP(1, 5), "A A:rsf0"),
	TMM_CASE("nothing_there", "A....B", TMM_MUNMAP(1, 4), "A....B"),
	TMM_CASE_ERR("mprotect_over_a_hole", "AA..BB A:r B:r",
		     TMM_MPROTECT(2, 4, "r"), -ENOMEM),
};

KUNIT_ARRAY_PARAM_DESC(inheritance, inheritance, name);

static void both_halves_inherit(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

static void inheriting_survives_lack_of_memory(struct kunit *test)
{
	tmm_run_case_out_of_memory(test, test->param_value);
}

/*
 * The limit on the number of VMAs
 */

static const struct tmm_case limited[] = {
	TMM_CASE_ERR("mprotect_middle", "AAAA", TMM_MPROTECT(1, 2, "r"), -ENOMEM),
	TMM_CASE_ERR("mprotect_start", "AAAA", TMM_MPROTECT(0, 2, "r"), -ENOMEM),
	TMM_CASE_ERR("mprotect_end", "AAAA", TMM_MPROTECT(2, 2, "r"), -ENOMEM),
	TMM_CASE_ERR("munmap_middle", "AAAA", TMM_MUNMAP(1, 2), -ENOMEM),
	TMM_CASE_ERR("madvise_middle", "AAAA", TMM_MADVISE(1, 2, MADV_DONTDUMP),
		     -EAGAIN),
	TMM_CASE_ERR("name_end", "AAAA", TMM_NAME(2, 2, "one"), -EAGAIN),
	TMM_CASE_ERR("mlock_start", "AAAA A:rw#1", TMM_MLOCK(0, 2), -ENOMEM),
	TMM_CASE_ERR("seal_middle", "AAAA", TMM_SEAL(1, 2), -ENOMEM),
	TMM_CASE_ERR("userfaultfd_start", "AAAA", TMM_UFFD(0, 2, 0), -ENOMEM),
	TMM_CASE_ERR("no_userfaultfd_end", "AAAA A:rwu0", TMM_NO_UFFD(2, 2),
		     -ENOMEM),
	/* One more for a moment, to be rid of a part. */
	TMM_CASE("munmap_start", "AAAA", TMM_MUNMAP(0, 2), "..AA"),
	TMM_CASE("munmap_end", "AAAA", TMM_MUNMAP(2, 2), "AA"),
	TMM_CASE("munmap_over_two", "AABB A:r", TMM_MUNMAP(1, 2), "A..B A:r"),
	/* A part of one goes to its neighbour: no more VMAs than before. */
	TMM_CASE("mprotect_to_the_left", "AABB B:r", TMM_MPROTECT(2, 1, "rw"),
		 "AAAB B:r"),
	TMM_CASE("mprotect_whole", "AAAA", TMM_MPROTECT(0, 4, "r"), "AAAA A:r"),
};

KUNIT_ARRAY_PARAM_DESC(limited, limited, name);

static void number_of_vmas_is_limited(struct kunit *test)
{
	const struct tmm_case *c = test->param_value;
	struct test_mm *t;

	tmm_require_case(test, c);
	t = tmm_create(test);
	tmm_draw(t, c->before);
	/* What user memory an operation needs is a VMA, too. */
	tmm_limit_vmas(t, tmm_needs_scratch(&c->op));
	tmm_expect_err(t, c->err, c->op);
	tmm_expect_layout(t, c->after ?: c->before);
}

/* A driver that keeps its VMAs in one piece. */
static const struct tmm_case unsplittable[] = {
	TMM_CASE_ERR("munmap_start", "AAAA A:rwsf3", TMM_MUNMAP(0, 2), -EINVAL),
	TMM_CASE_ERR("munmap_middle", "AAAA A:rwsf3", TMM_MUNMAP(1, 2), -EINVAL),
	TMM_CASE_ERR("munmap_end", "AAAA A:rwsf3", TMM_MUNMAP(2, 2), -EINVAL),
	TMM_CASE_ERR("mprotect_middle", "AAAA A:rwsf3",
		     TMM_MPROTECT(1, 2, "r"), -EINVAL),
	TMM_CASE_ERR("mmap_over_end", "AAAA A:rwsf3", TMM_MMAP(2, 4, "rw"),
		     -EINVAL),
	/* After others were already on their way out. */
	TMM_CASE_ERR("munmap_others_and_start", "AABBCC A:rw#1+lock B:r C:rwsf3",
		     TMM_MUNMAP(0, 5), -EINVAL),
	TMM_CASE_ERR("mmap_over_others_and_start", "AABBCC A:rw#1 B:r C:rwsf3",
		     TMM_MMAP(0, 5, "rw"), -EINVAL),
	TMM_CASE("munmap_all", "AAAA A:rwsf3", TMM_MUNMAP(0, 4), "...."),
	TMM_CASE("mprotect_all", "AAAA A:rwsf3", TMM_MPROTECT(0, 4, "r"),
		 "AAAA A:rsf3"),
	/* It may agree, too, and is asked for each end. */
	TMM_CASE("mprotect_where_it_may", "AAAA A:rwsf3@32",
		 TMM_MPROTECT(1, 2, "r"), "ABBC A:rwsf3@32 B:rsf3@33 C:rwsf3@35"),
	TMM_CASE("munmap_at_the_bound", "AAAA A:rwsf3@30", TMM_MUNMAP(2, 2),
		 "AA A:rwsf3@30"),
	TMM_CASE_ERR("munmap_before_the_bound", "AAAA A:rwsf3@30",
		     TMM_MUNMAP(1, 3), -EINVAL),
};

KUNIT_ARRAY_PARAM_DESC(unsplittable, unsplittable, name);

static void driver_may_refuse_a_split(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

/* What a child shares with its parent stays reachable in both. */
/* Those that go are kept in a tree of their own meanwhile. */
static const struct tmm_case unmappings[] = {
	TMM_CASE("one", "AABBCC A:r C:r", TMM_MUNMAP(2, 2), "AA..CC A:r C:r"),
	TMM_CASE("two", "AABB A:r#1+acct B:rw#2", TMM_MUNMAP(0, 4), "...."),
	TMM_CASE("parts_of_two", "AABB A:r#1+acct B:rw#2", TMM_MUNMAP(1, 2),
		 "A..B A:r#1+acct B:rw#2"),
	TMM_CASE("many", "ABCDEFGHIJKLMN B:r D:r F:r H:r J:r L:r N:r",
		 TMM_MUNMAP(1, 12), "A............N N:r"),
	TMM_CASE("replaced", "AABBCC A:r C:r", TMM_MMAP(1, 4, "x"),
		 "ADDDDC A:r C:r D:x"),
};

KUNIT_ARRAY_PARAM_DESC(unmappings, unmappings, name);

static void unmapping_survives_lack_of_all_memory(struct kunit *test)
{
	tmm_run_case_out_of_all_memory(test, test->param_value);
}

static void split_after_fork(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAAAA A:rw#1");
	tmm_fork(t);
	tmm_expect_layout(t, "AAAAAA A:rw#1*2");
	tmm_must(t, TMM_MUNMAP(2, 2));
	tmm_expect_layout(t, "AA..BB A:rw#1*2 B:rw#1*2");
	tmm_must(t, TMM_WRITE(4, 2));
	tmm_must(t, TMM_MPROTECT(5, 1, "r"));
	tmm_expect_layout(t, "AA..BC A:rw#1*2 B:rw#1*2 C:r#1*2+acct");
	tmm_must(t, TMM_MUNMAP(0, 2));
	tmm_must(t, TMM_MUNMAP(4, 1));
	tmm_expect_layout(t, ".....C C:r#1*2+acct");
}

static struct kunit_case vma_split_cases[] = {
	KUNIT_CASE_PARAM(comes_apart, all_splits_gen_params),
	KUNIT_CASE_PARAM(both_halves_inherit, inheritance_gen_params),
	KUNIT_CASE_PARAM(number_of_vmas_is_limited, limited_gen_params),
	KUNIT_CASE_PARAM(driver_may_refuse_a_split, unsplittable_gen_params),
	KUNIT_CASE(split_after_fork),
	KUNIT_CASE_PARAM(split_survives_lack_of_memory, all_splits_gen_params),
	KUNIT_CASE_PARAM(unmapping_survives_lack_of_all_memory,
			 unmappings_gen_params),
	KUNIT_CASE_PARAM(inheriting_survives_lack_of_memory,
			 inheritance_gen_params),
	{}
};

static struct kunit_suite vma_split_suite = {
	.name = "vma_split",
	.test_cases = vma_split_cases,
};

kunit_test_suite(vma_split_suite);

MODULE_DESCRIPTION("Tests for VMA splitting");
MODULE_LICENSE("GPL");
