// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mm/vma.c merges, and what it must not merge.
 *
 * Neighbours differ in protection, and mprotect() makes them alike; or there
 * is a hole between them, and mmap() fills it.
 */
#include "test_mm.h"

/*
 * The eight ways in which a range finds its neighbours: a new one in a hole
 * (left, right, both), an existing VMA as a whole (left, right, both), and a
 * part of one (left, right).
 */
static const struct tmm_case merges[] = {
	TMM_CASE("new_left", "AA....BB", TMM_MMAP(2, 2, "rw"), "AAAA..BB"),
	TMM_CASE("new_right", "AA....BB", TMM_MMAP(4, 2, "rw"), "AA..BBBB"),
	TMM_CASE("new_both", "AA....BB", TMM_MMAP(2, 4, "rw"), "AAAAAAAA"),
	TMM_CASE("whole_left", "AAABBB.. B:r", TMM_MPROTECT(3, 3, "rw"), "AAAAAA"),
	TMM_CASE("whole_right", "AAABBB A:r", TMM_MPROTECT(0, 3, "rw"), "AAAAAA"),
	TMM_CASE("whole_both", "AABBCC B:r", TMM_MPROTECT(2, 2, "rw"), "AAAAAA"),
	TMM_CASE("part_left", "AABBBB B:r", TMM_MPROTECT(2, 1, "rw"), "AAABBB B:r"),
	TMM_CASE("part_right", "AAAABB A:r", TMM_MPROTECT(3, 1, "rw"), "AAABBB A:r"),

	/* Replacing what is there is a new range, too. */
	TMM_CASE("replace_left", "AABBBB B:r", TMM_MMAP(2, 1, "rw"), "AAABBB B:r"),
	TMM_CASE("replace_right", "AAAABB A:r", TMM_MMAP(3, 1, "rw"), "AAABBB A:r"),
	TMM_CASE("replace_both", "AABCDD B:r C:-", TMM_MMAP(2, 2, "rw"), "AAAAAA"),
	TMM_CASE("replace_faulted", "AABBCC B:r#1+acct", TMM_MMAP(2, 2, "rw"),
		 "AAAAAA"),
	TMM_CASE("new_locked", "......", TMM_MMAP(0, 2, "rw+lock"),
		 "AA A:rw#1+lock"),
	TMM_CASE("new_left_locked", "AA.... A:rw#1+lock",
		 TMM_MMAP(2, 2, "rw+lock"), "AAAA A:rw#1+lock"),
	/* Over several VMAs, one after the other. */
	TMM_CASE("chain_of_three", "ABCD A:- B:r C:- D:rw",
		 TMM_MPROTECT(0, 4, "rw"), "AAAA"),
	TMM_CASE("chain_in_the_middle", "AABCDD A:rw B:r C:- D:rw",
		 TMM_MPROTECT(2, 2, "rw"), "AAAAAA"),
};

KUNIT_ARRAY_PARAM_DESC(merges, merges, name);

/* Who has an anon_vma decides where it has to be cloned to. */
static const struct tmm_case anon_vma_merges[] = {
	TMM_CASE("new_left_of_faulted", "AA.. A:rw#1", TMM_MMAP(2, 2, "rw"),
		 "AAAA A:rw#1"),
	TMM_CASE("new_right_of_faulted", "..AA A:rw#1", TMM_MMAP(0, 2, "rw"),
		 "AAAA A:rw#1"),
	TMM_CASE("new_both_left_faulted", "AA..BB A:rw#1",
		 TMM_MMAP(2, 2, "rw"), "AAAAAA A:rw#1"),
	TMM_CASE("new_both_right_faulted", "AA..BB B:rw#1",
		 TMM_MMAP(2, 2, "rw"), "AAAAAA A:rw#1"),
	TMM_CASE("new_both_apart", "AA..BB A:rw#1 B:rw#2",
		 TMM_MMAP(2, 2, "rw"), "AAAABB A:rw#1 B:rw#2"),
	TMM_CASE("left_faulted_left", "AABB A:rw#1 B:r",
		 TMM_MPROTECT(2, 2, "rw"), "AAAA A:rw#1"),
	TMM_CASE("left_faulted_middle", "AABB B:r#1+acct",
		 TMM_MPROTECT(2, 2, "rw"), "AAAA A:rw#1"),
	TMM_CASE("left_faulted_same", "AABB A:rw#1 B:r#1+acct",
		 TMM_MPROTECT(2, 2, "rw"), "AAAA A:rw#1"),
	TMM_CASE("left_faulted_apart", "AABB A:rw#1 B:r#2+acct",
		 TMM_MPROTECT(2, 2, "rw"), "AABB A:rw#1 B:rw#2"),
	TMM_CASE("right_faulted_middle", "AABB A:r#1+acct",
		 TMM_MPROTECT(0, 2, "rw"), "AAAA A:rw#1"),
	TMM_CASE("right_faulted_right", "AABB A:r B:rw#1",
		 TMM_MPROTECT(0, 2, "rw"), "AAAA A:rw#1"),
	TMM_CASE("right_faulted_same", "AABB A:r#1+acct B:rw#1",
		 TMM_MPROTECT(0, 2, "rw"), "AAAA A:rw#1"),
	TMM_CASE("right_faulted_apart", "AABB A:r#1+acct B:rw#2",
		 TMM_MPROTECT(0, 2, "rw"), "AABB A:rw#1 B:rw#2"),
	TMM_CASE("both_faulted_left", "AABBCC A:rw#1 B:r",
		 TMM_MPROTECT(2, 2, "rw"), "AAAAAA A:rw#1"),
	TMM_CASE("both_faulted_middle", "AABBCC B:r#1+acct",
		 TMM_MPROTECT(2, 2, "rw"), "AAAAAA A:rw#1"),
	TMM_CASE("both_faulted_right", "AABBCC B:r C:rw#1",
		 TMM_MPROTECT(2, 2, "rw"), "AAAAAA A:rw#1"),
	TMM_CASE("both_faulted_left_and_middle", "AABBCC A:rw#1 B:r#1+acct",
		 TMM_MPROTECT(2, 2, "rw"), "AAAAAA A:rw#1"),
	TMM_CASE("both_faulted_middle_and_right", "AABBCC B:r#1+acct C:rw#1",
		 TMM_MPROTECT(2, 2, "rw"), "AAAAAA A:rw#1"),
	TMM_CASE("both_faulted_all", "AABBCC A:rw#1 B:r#1+acct C:rw#1",
		 TMM_MPROTECT(2, 2, "rw"), "AAAAAA A:rw#1"),
	/* Each side fits, but not the two of them. */
	TMM_CASE("both_apart", "AABBCC A:rw#1 B:r C:rw#2",
		 TMM_MPROTECT(2, 2, "rw"), "AAAACC A:rw#1 C:rw#2"),
	TMM_CASE("both_left_apart", "AABBCC A:rw#1 B:r#2+acct C:rw#2",
		 TMM_MPROTECT(2, 2, "rw"), "AABBBB A:rw#1 B:rw#2"),
	TMM_CASE("both_right_apart", "AABBCC A:rw#1 B:r#1+acct C:rw#2",
		 TMM_MPROTECT(2, 2, "rw"), "AAAACC A:rw#1 C:rw#2"),
	TMM_CASE("part_left_faulted_left", "AABBBB A:rw#1 B:r",
		 TMM_MPROTECT(2, 2, "rw"), "AAAABB A:rw#1 B:r"),
	TMM_CASE("part_left_faulted_middle", "AABBBB B:r#1+acct",
		 TMM_MPROTECT(2, 2, "rw"), "AAAABB A:rw#1 B:r#1+acct"),
	TMM_CASE("part_right_faulted_middle", "AAAABB A:r#1+acct",
		 TMM_MPROTECT(2, 2, "rw"), "AABBBB A:r#1+acct B:rw#1"),
	TMM_CASE("part_right_faulted_right", "AAAABB A:r B:rw#1",
		 TMM_MPROTECT(2, 2, "rw"), "AABBBB A:r B:rw#1"),
};

KUNIT_ARRAY_PARAM_DESC(anon_vma_merges, anon_vma_merges, name);

/* Files: what is next to each other must be so in the file as well. */
static const struct tmm_case file_merges[] = {
	TMM_CASE("shared_new_both", "AA..BB A:rwsf0 B:rwsf0",
		 TMM_MMAP(2, 2, "rwsf0"), "AAAAAA A:rwsf0"),
	TMM_CASE("shared_both", "AABBCC A:rwsf0 B:rsf0 C:rwsf0",
		 TMM_MPROTECT(2, 2, "rw"), "AAAAAA A:rwsf0"),
	TMM_CASE("shared_left", "AABB A:rwsf0 B:rsf0",
		 TMM_MPROTECT(2, 2, "rw"), "AAAA A:rwsf0"),
	TMM_CASE("shared_right", "AABB A:rsf0 B:rwsf0",
		 TMM_MPROTECT(0, 2, "rw"), "AAAA A:rwsf0"),
	TMM_CASE("shared_part_left", "AABBBB A:rwsf0 B:rsf0",
		 TMM_MPROTECT(2, 1, "rw"), "AAABBB A:rwsf0 B:rsf0"),
	TMM_CASE("shared_part_right", "AAAABB A:rsf0 B:rwsf0",
		 TMM_MPROTECT(3, 1, "rw"), "AAABBB A:rsf0 B:rwsf0"),
	TMM_CASE("private_new_both", "AA..BB A:rwf0 B:rwf0",
		 TMM_MMAP(2, 2, "rwf0"), "AAAAAA A:rwf0"),
	TMM_CASE("private_both", "AABBCC A:rwf0 B:rf0 C:rwf0",
		 TMM_MPROTECT(2, 2, "rw"), "AAAAAA A:rwf0"),
	TMM_CASE("private_faulted_right", "AABBCC A:rwf0 B:rf0 C:rwf0#1",
		 TMM_MPROTECT(2, 2, "rw"), "AAAAAA A:rwf0#1"),
	TMM_CASE("private_part_left", "AABBBB A:rwf0#1 B:rf0",
		 TMM_MPROTECT(2, 1, "rw"), "AAABBB A:rwf0#1 B:rf0"),
	TMM_CASE("private_part_right", "AAAABB A:rf0 B:rwf0#1",
		 TMM_MPROTECT(3, 1, "rw"), "AAABBB A:rf0 B:rwf0#1"),
	/* Elsewhere in the file than in the address space. */
	TMM_CASE("offset_both", "AABBCC A:rwsf0@7 B:rsf0@9 C:rwsf0@11",
		 TMM_MPROTECT(2, 2, "rw"), "AAAAAA A:rwsf0@7"),
	TMM_CASE("offset_left", "AABB A:rwsf0@7 B:rsf0@9",
		 TMM_MPROTECT(2, 2, "rw"), "AAAA A:rwsf0@7"),
	TMM_CASE("offset_right", "AABB A:rsf0@7 B:rwsf0@9",
		 TMM_MPROTECT(0, 2, "rw"), "AAAA A:rwsf0@7"),
	TMM_CASE("offset_new_right", "..AA A:rwsf0@9",
		 TMM_MMAP(0, 2, "rwsf0@7"), "AAAA A:rwsf0@7"),
	/* Not next to each other in the file. */
	TMM_CASE("gap_before", "AA..BB A:rwsf0 B:rwsf0",
		 TMM_MMAP(2, 2, "rwsf0@3"), "AACCBB A:rwsf0 B:rwsf0 C:rwsf0@3"),
	TMM_CASE("gap_after", "AA..BB A:rwsf0 B:rwsf0@5",
		 TMM_MMAP(2, 2, "rwsf0@2"), "AAAABB A:rwsf0 B:rwsf0@5"),
	TMM_CASE("overlap", "AA..BB A:rwsf0@1 B:rwsf0@3",
		 TMM_MMAP(2, 2, "rwsf0@2"), "AACCBB A:rwsf0@1 B:rwsf0@3 C:rwsf0@2"),
	TMM_CASE("swapped", "AA..BB A:rwsf0@4 B:rwsf0@0",
		 TMM_MMAP(2, 2, "rwsf0@2"), "AACCBB A:rwsf0@4 B:rwsf0@0 C:rwsf0"),
	/* Of another kind. */
	TMM_CASE("other_file", "AA..BB A:rwsf0 B:rwsf0",
		 TMM_MMAP(2, 2, "rwsf1"), "AACCBB A:rwsf0 B:rwsf0 C:rwsf1"),
	TMM_CASE("anonymous_between", "AA..BB A:rwf0 B:rwf0",
		 TMM_MMAP(2, 2, "rw"), "AACCBB A:rwf0 B:rwf0"),
	TMM_CASE("file_between_anonymous", "AA..BB", TMM_MMAP(2, 2, "rwf0"),
		 "AACCBB C:rwf0"),
	/* Each shared anonymous mapping has a file of its own. */
	TMM_CASE("shared_anonymous", "AA.. A:rwsz@0", TMM_MMAP(2, 2, "rwsz"),
		 "AABB A:rwsz@0 B:rwsz@0"),
	TMM_CASE("private_between_shared", "AA..BB A:rwsf0 B:rwsf0",
		 TMM_MMAP(2, 2, "rwf0"), "AACCBB A:rwsf0 B:rwsf0 C:rwf0"),
};

KUNIT_ARRAY_PARAM_DESC(file_merges, file_merges, name);

/*
 * The first fault takes over a neighbour's anon_vma where the two could be one
 * VMA but for their protection, so that they can become one later.
 */
static const struct tmm_case sharing[] = {
	TMM_CASE("left", "AABB A:r#1+acct", TMM_WRITE(2, 2),
		 "AABB A:r#1+acct B:rw#1"),
	TMM_CASE("right", "AABB B:r#1+acct", TMM_WRITE(0, 2),
		 "AABB A:rw#1 B:r#1+acct"),
	TMM_CASE("right_rather_than_left", "AABBCC A:r#1+acct C:r#2+acct",
		 TMM_WRITE(2, 2), "AABBCC A:r#1+acct B:rw#2 C:r#2+acct"),
	TMM_CASE("not_over_a_hole", "AA.BB A:r#1+acct", TMM_WRITE(3, 2),
		 "AA.BB A:r#1+acct B:rw#2"),
	TMM_CASE("not_with_other_flags", "AABB A:rw#1+dontcopy",
		 TMM_WRITE(2, 2), "AABB A:rw#1+dontcopy B:rw#2"),
	TMM_CASE("not_with_other_offset", "AABB A:r#1+acct@20",
		 TMM_WRITE(2, 2), "AABB A:r#1+acct@20 B:rw#2"),
	TMM_CASE("private_file", "AABB A:rf0#1+acct B:rwf0", TMM_WRITE(2, 2),
		 "AABB A:rf0#1+acct B:rwf0#1"),
	TMM_CASE("not_with_other_file", "AABB A:rf0#1+acct B:rwf1",
		 TMM_WRITE(2, 2), "AABB A:rf0#1+acct B:rwf1#2"),
	TMM_CASE("not_with_file", "AABB A:rf0#1+acct", TMM_WRITE(2, 2),
		 "AABB A:rf0#1+acct B:rw#2"),
	TMM_CASE("not_with_other_file_offset", "AABB A:rf0#1+acct@9 B:rwf0",
		 TMM_WRITE(2, 2), "AABB A:rf0#1+acct@9 B:rwf0#2"),
	TMM_CASE("not_with_moved_file", "AABB A:rf0#1+acct~20 B:rwf0",
		 TMM_WRITE(2, 2), "AABB A:rf0#1+acct~20 B:rwf0#2"),
	TMM_CASE("not_with_other_policy", "AABB A:r#1m+acct", TMM_WRITE(2, 2),
		 "AABB A:r#1m+acct B:rw#2"),
};

KUNIT_ARRAY_PARAM_DESC(sharing, sharing, name);

static void fault_shares_anon_vma(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

/* Pages that were first touched elsewhere carry that place's offset. */
static const struct tmm_case moved_merges[] = {
	TMM_CASE("new_next_to_moved", "AA.. A:rw#1@9", TMM_MMAP(2, 2, "rw"),
		 "AABB A:rw#1@9"),
	TMM_CASE("new_before_moved", "..AA A:rw#1@9", TMM_MMAP(0, 2, "rw"),
		 "BBAA A:rw#1@9"),
	TMM_CASE("both_moved_apart", "AABB A:rw#1@9 B:r#2+acct@20",
		 TMM_MPROTECT(2, 2, "rw"), "AABB A:rw#1@9 B:rw#2@20"),
	TMM_CASE("move_back_left", "AA....BB A:rw#1 B:rw#2@2",
		 TMM_MOVE(6, 2, 2), "AABB A:rw#1 B:rw#2"),
	TMM_CASE("unfaulted_takes_new_offset", "AA....BB",
		 TMM_MOVE(6, 2, 2), "AAAA"),
	TMM_CASE("unfaulted_between", "AA..BB..CC", TMM_MOVE(8, 2, 2), "AAAAAA"),
	TMM_CASE("unfaulted_next_to_faulted", "AA....BB A:rw#1",
		 TMM_MOVE(6, 2, 2), "AAAA A:rw#1"),
	TMM_CASE("faulted_keeps_offset", "AA....BB B:rw#1",
		 TMM_MOVE(6, 2, 2), "AABB B:rw#1@6"),
	TMM_CASE("faulted_comes_back", "AA....BB B:rw#1@2",
		 TMM_MOVE(6, 2, 2), "AAAA A:rw#1"),
	TMM_CASE("faulted_comes_back_right", "....AA.BB A:rw B:rw#1@2",
		 TMM_MOVE(7, 2, 2), "..AAAA A:rw#1"),
	TMM_CASE("faulted_comes_back_between", "AA..BB..CC C:rw#1@2",
		 TMM_MOVE(8, 2, 2), "AAAAAA A:rw#1"),
	/* A private file's VMA has one offset more, that of its own pages. */
	TMM_CASE("file_moved_apart", "..AABB A:rwf0#1~9 B:rf0",
		 TMM_MPROTECT(4, 2, "rw"), "..AABB A:rwf0#1~9 B:rwf0"),
	TMM_CASE("file_moved_apart_right", "..AABB A:rf0 B:rwf0#1~9",
		 TMM_MPROTECT(2, 2, "rw"), "..AABB A:rwf0 B:rwf0#1~9"),
	TMM_CASE("new_next_to_moved_file", "..AA A:rwf0#1~9",
		 TMM_MMAP(4, 2, "rwf0"), "..AABB A:rwf0#1~9 B:rwf0"),
	TMM_CASE("new_before_moved_file", "..AA A:rwf0#1~9",
		 TMM_MMAP(0, 2, "rwf0"), "BBAA A:rwf0#1~9 B:rwf0"),
	TMM_CASE("file_faulted_keeps_offset", "AA....BB A:rwf0 B:rwf0#1@2",
		 TMM_MOVE(6, 2, 2), "AABB A:rwf0 B:rwf0#1~6"),
	TMM_CASE("file_unfaulted_takes_new_offset", "AA....BB A:rwf0 B:rwf0@2",
		 TMM_MOVE(6, 2, 2), "AAAA A:rwf0"),
	TMM_CASE("shared_file_moved", "AA....BB A:rwsf0 B:rwsf0@2",
		 TMM_MOVE(6, 2, 2), "AAAA A:rwsf0"),
	TMM_CASE("shared_file_moved_between", "AA..BB..CC A:rwsf0 B:rwsf0 C:rwsf0@2",
		 TMM_MOVE(8, 2, 2), "AAAAAA A:rwsf0"),
};

KUNIT_ARRAY_PARAM_DESC(moved_merges, moved_merges, name);

/*
 * Next to its own old place, which goes away. Without memory to split that
 * off, mremap() leaves it and says nothing (see unmap_source_vma()), so these
 * are not among the tests of that.
 */
static const struct tmm_case self_merges[] = {
	TMM_CASE("in_front_of_itself", "AA..BB", TMM_MOVE(4, 2, 2), "AAAA"),
	TMM_CASE("behind_itself", "AABB.. B:r", TMM_MOVE(2, 2, 4),
		 "AA..BB B:r"),
	TMM_CASE("half_behind_itself", "AAAA", TMM_MOVE(0, 2, 4), "..AAAA"),
	TMM_CASE("half_in_front_of_itself", "..AAAA", TMM_MOVE(4, 2, 0), "AAAA"),
};

KUNIT_ARRAY_PARAM_DESC(self_merges, self_merges, name);

static void moved_merges_with_itself(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

/*
 * Attributes that keep neighbours apart: @own against @other, in the notation
 * of pictures, on VMAs that are else the same.
 */
struct difference {
	const char *name;
	const char *own, *other;
};

static const struct difference differences[] = {
	{ "dontcopy", "+dontcopy", "" },
	{ "dontdump", "+dontdump", "" },
	{ "sequential", "+seq", "" },
	{ "random", "+rand", "" },
	{ "sequential_random", "+seq", "+rand" },
	{ "wipeonfork", "+wipe", "" },
	{ "noreserve", "+noreserve", "" },
	{ "ksm", "+mergeable", "" },
	{ "nohugepage", "+nohugepage", "" },
	{ "hugepage_nohugepage", "+hugepage", "+nohugepage" },
	{ "name", "'one'", "" },
	{ "names", "'one'", "'two'" },
	{ "names_of_one_prefix", "'one'", "'one_more'" },
	{ "userfaultfd", "u0", "" },
	{ "userfaultfds", "u0", "u1" },
	{ "policy", "m", "" },
};

KUNIT_ARRAY_PARAM_DESC(differences, differences, name);

/* @format has a %s for each of @a, @b and @c. */
static const char *picture(struct kunit *test, const char *format,
			   const char *a, const char *b, const char *c)
{
	char *text = kunit_kzalloc(test, 128, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	snprintf(text, 128, format, a, b, c);
	return text;
}

static void expect_step(struct kunit *test, const char *before,
			struct tmm_op op, const char *after)
{
	const struct tmm_case c = TMM_CASE("", before, op, after);

	tmm_run_case(test, &c);
}

static void differing_on_both_sides_stay_apart(struct kunit *test)
{
	const struct difference *a = test->param_value;

	expect_step(test, picture(test, "AABBCC A:rw%s B:r%s C:rw%s",
				  a->own, a->other, a->own),
		    TMM_MPROTECT(2, 2, "rw"),
		    picture(test, "AABBCC A:rw%s B:rw%s C:rw%s",
			    a->own, a->other, a->own));
}

static void differing_on_the_left_merge_right(struct kunit *test)
{
	const struct difference *a = test->param_value;

	expect_step(test, picture(test, "AABBCC A:rw%s B:r%s C:rw%s",
				  a->own, a->other, a->other),
		    TMM_MPROTECT(2, 2, "rw"),
		    picture(test, "AABBBB A:rw%s B:rw%s%s",
			    a->own, a->other, ""));
}

static void differing_on_the_right_merge_left(struct kunit *test)
{
	const struct difference *a = test->param_value;

	expect_step(test, picture(test, "AABBCC A:rw%s B:r%s C:rw%s",
				  a->other, a->other, a->own),
		    TMM_MPROTECT(2, 2, "rw"),
		    picture(test, "AAAACC A:rw%s C:rw%s%s",
			    a->other, a->own, ""));
}

static void equal_ones_merge(struct kunit *test)
{
	const struct difference *a = test->param_value;

	expect_step(test, picture(test, "AABBCC A:rw%s B:r%s C:rw%s",
				  a->own, a->own, a->own),
		    TMM_MPROTECT(2, 2, "rw"),
		    picture(test, "AAAAAA A:rw%s%s%s", a->own, "", ""));
}

static void new_range_stays_apart(struct kunit *test)
{
	const struct difference *a = test->param_value;
	const char *plain = a->other[0] ? "+dontcopy" : "";

	expect_step(test, picture(test, "AA..CC A:rw%s%s C:rw%s", a->own, plain,
				  a->own),
		    TMM_MMAP(2, 2, "rw"),
		    picture(test, "AABBCC A:rw%s%s C:rw%s", a->own, plain,
			    a->own));
}

/* A sticky flag does not keep apart, and stays on the merged VMA. */
static const struct tmm_case sticky_merges[] = {
	TMM_CASE("on_the_left", "AABB A:rw+guard#1 B:r",
		 TMM_MPROTECT(2, 2, "rw"), "AAAA A:rw+guard#1"),
	TMM_CASE("on_the_right", "AABB A:r B:rw+guard#1",
		 TMM_MPROTECT(0, 2, "rw"), "AAAA A:rw+guard#1"),
	TMM_CASE("in_the_middle", "AABBCC B:r+guard#1+acct",
		 TMM_MPROTECT(2, 2, "rw"), "AAAAAA A:rw+guard#1"),
	TMM_CASE("on_the_far_right", "AABBCC B:r C:rw+guard#1",
		 TMM_MPROTECT(2, 2, "rw"), "AAAAAA A:rw+guard#1"),
	TMM_CASE("left_of_a_new_range", "AA.. A:rw+guard#1",
		 TMM_MMAP(2, 2, "rw"), "AAAA A:rw+guard#1"),
	TMM_CASE("right_of_a_new_range", "AA..BB B:rw+guard#1",
		 TMM_MMAP(2, 2, "rw"), "AAAAAA A:rw+guard#1"),
};

KUNIT_ARRAY_PARAM_DESC(sticky_merges, sticky_merges, name);

/*
 * A driver's VMAs: from page 4 of its file on they have to be closed, so no
 * merge may remove one.
 */
static const struct tmm_case driver_merges[] = {
	TMM_CASE("without_close", "AABB A:rwsf2 B:rsf2",
		 TMM_MPROTECT(2, 2, "rw"), "AAAA A:rwsf2"),
	TMM_CASE("not_the_middle", "....AABB A:rwsf2 B:rsf2",
		 TMM_MPROTECT(6, 2, "rw"), "....AABB A:rwsf2 B:rwsf2"),
	TMM_CASE("not_the_right_of_three", "AABBCC A:rwsf2 B:rsf2 C:rwsf2",
		 TMM_MPROTECT(2, 2, "rw"), "AAAACC A:rwsf2 C:rwsf2"),
	TMM_CASE("only_a_part_left", "....AABB A:rwsf2 B:rsf2",
		 TMM_MPROTECT(6, 1, "rw"), "....AAAB A:rwsf2 B:rsf2"),
	TMM_CASE("only_a_part_right", "....AABB A:rsf2 B:rwsf2",
		 TMM_MPROTECT(5, 1, "rw"), "....ABBB A:rsf2 B:rwsf2"),
	TMM_CASE("new_left_only", "AA..BB A:rwsf2 B:rwsf2",
		 TMM_MMAP(2, 2, "rwsf2"), "AAAABB A:rwsf2 B:rwsf2"),
};

KUNIT_ARRAY_PARAM_DESC(driver_merges, driver_merges, name);

static void no_vma_to_be_closed_is_removed(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

/*
 * A forked child's VMA has its parent's anon_vma in its chain. Merging it with
 * what has none would make that chain longer than it has to be.
 */
static const struct tmm_case fork_merges[] = {
	TMM_CASE("new_next_to_inherited", "AA.. A:rw#1",
		 TMM_MMAP(2, 2, "rw"), "AABB A:rw#1*2"),
	TMM_CASE("new_before_inherited", "..AA A:rw#1",
		 TMM_MMAP(0, 2, "rw"), "BBAA A:rw#1*2"),
	TMM_CASE("inherited_into_unfaulted", "AABB B:r#1+acct",
		 TMM_MPROTECT(2, 2, "rw"), "AABB B:rw#1*2"),
	TMM_CASE("unfaulted_into_inherited", "AABB A:r B:rw#1",
		 TMM_MPROTECT(0, 2, "rw"), "AABB B:rw#1*2"),
	TMM_CASE("unfaulted_both", "AABBCC B:r", TMM_MPROTECT(2, 2, "rw"),
		 "AAAAAA"),
	TMM_CASE("fault_does_not_share_inherited", "AABB A:r#1+acct",
		 TMM_WRITE(2, 2), "AABB A:r#1*2+acct B:rw#2"),
	TMM_CASE("split_inherited", "AAAA A:rw#1", TMM_MPROTECT(2, 2, "r"),
		 "AABB A:rw#1*2 B:r#1*2+acct"),
	TMM_CASE("move_next_to_unfaulted", "AA....BB B:rw#1@2",
		 TMM_MOVE(6, 2, 2), "AABB B:rw#1*2"),
};

KUNIT_ARRAY_PARAM_DESC(fork_merges, fork_merges, name);

static void inherited_stays_apart(struct kunit *test)
{
	const struct tmm_case *c = test->param_value;
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, c->before);
	tmm_fork(t);
	tmm_expect_err(t, 0, c->op);
	tmm_expect_layout(t, c->after);
}

/* What was split in the child has the same anon_vma on both sides. */
static void inherited_merges_back(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAA A:rw#1");
	tmm_fork(t);
	tmm_must(t, TMM_MPROTECT(1, 2, "r"));
	tmm_expect_layout(t, "ABBC A:rw#1*2 B:r#1*2+acct C:rw#1*2");
	tmm_must(t, TMM_WRITE(0, 1));
	tmm_must(t, TMM_MPROTECT(1, 2, "rw"));
	tmm_expect_layout(t, "AAAA A:rw#1*2");
}

static void neighbours_merge(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

static void anon_vmas_decide(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

static void file_offsets_decide(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

static void anonymous_offsets_decide(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

static void sticky_flags_spread(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

TMM_GEN_PARAMS(all_merges, TMM_TABLE(merges), TMM_TABLE(anon_vma_merges),
	       TMM_TABLE(file_merges), TMM_TABLE(moved_merges),
	       TMM_TABLE(sticky_merges), TMM_TABLE(driver_merges));

static void merge_survives_lack_of_memory(struct kunit *test)
{
	tmm_run_case_out_of_memory(test, test->param_value);
}

static struct kunit_case vma_merge_cases[] = {
	KUNIT_CASE_PARAM(neighbours_merge, merges_gen_params),
	KUNIT_CASE_PARAM(anon_vmas_decide, anon_vma_merges_gen_params),
	KUNIT_CASE_PARAM(fault_shares_anon_vma, sharing_gen_params),
	KUNIT_CASE_PARAM(file_offsets_decide, file_merges_gen_params),
	KUNIT_CASE_PARAM(anonymous_offsets_decide, moved_merges_gen_params),
	KUNIT_CASE_PARAM(moved_merges_with_itself, self_merges_gen_params),
	KUNIT_CASE_PARAM(sticky_flags_spread, sticky_merges_gen_params),
	KUNIT_CASE_PARAM(differing_on_both_sides_stay_apart, differences_gen_params),
	KUNIT_CASE_PARAM(differing_on_the_left_merge_right, differences_gen_params),
	KUNIT_CASE_PARAM(differing_on_the_right_merge_left, differences_gen_params),
	KUNIT_CASE_PARAM(equal_ones_merge, differences_gen_params),
	KUNIT_CASE_PARAM(new_range_stays_apart, differences_gen_params),
	KUNIT_CASE_PARAM(no_vma_to_be_closed_is_removed, driver_merges_gen_params),
	KUNIT_CASE_PARAM(inherited_stays_apart, fork_merges_gen_params),
	KUNIT_CASE(inherited_merges_back),
	KUNIT_CASE_PARAM(merge_survives_lack_of_memory, all_merges_gen_params),
	{}
};

static struct kunit_suite vma_merge_suite = {
	.name = "vma_merge",
	.test_cases = vma_merge_cases,
};

kunit_test_suite(vma_merge_suite);

MODULE_DESCRIPTION("Tests for VMA merging");
MODULE_LICENSE("GPL");
