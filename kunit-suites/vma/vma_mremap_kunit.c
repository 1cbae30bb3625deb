// SPDX-License-Identifier: GPL-2.0-only
/*
 * mremap(): what becomes of VMAs, pages and charges that are made longer or
 * shorter, taken elsewhere, or left behind.
 *
 * checkpatch: SPLIT_STRING: pictures are wide
 * checkpatch: CONST_STRUCT: a copy that is filled in when the original is known
 */
#include <linux/mman.h>

#include "internal.h"
#include "ops.h"
#include "test_mm.h"

#define MAY_MOVE	MREMAP_MAYMOVE
#define KEEP		(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)
#define FIXED		(MREMAP_MAYMOVE | MREMAP_FIXED)

static const struct tmm_case remaps[] = {
	TMM_CASE("grow", "AA....BB B:r", TMM_MREMAP(0, 2, 0, 4, 0),
		 "AAAA..BB B:r"),
	TMM_CASE("grow_faulted", "AA.... A:rw#1", TMM_MREMAP(0, 2, 0, 4, 0),
		 "AAAA A:rw#1"),
	TMM_CASE("grow_moved", "AA.... A:rw#1@20", TMM_MREMAP(0, 2, 0, 4, 0),
		 "AAAA A:rw#1@20"),
	TMM_CASE("grow_file", "AA.... A:rwsf0@5", TMM_MREMAP(0, 2, 0, 4, 0),
		 "AAAA A:rwsf0@5"),
	TMM_CASE("grow_locked", "AA.... A:rw#1+lock", TMM_MREMAP(0, 2, 0, 4, 0),
		 "AAAA A:rw#1+lock"),
	TMM_CASE("grow_up_to_another", "AA..BB A:rw B:r",
		 TMM_MREMAP(0, 2, 0, 4, 0), "AAAABB B:r"),
	TMM_CASE("grow_and_merge", "AA..BB", TMM_MREMAP(0, 2, 0, 4, 0),
		 "AAAAAA"),
	TMM_CASE("grow_and_merge_faulted", "AA..BB B:rw#1",
		 TMM_MREMAP(0, 2, 0, 4, 0), "AAAAAA A:rw#1"),
	TMM_CASE("grow_and_stay_apart", "AA..BB A:rw#1 B:rw#2",
		 TMM_MREMAP(0, 2, 0, 4, 0), "AAAABB A:rw#1 B:rw#2"),
	TMM_CASE("grow_and_merge_file", "AA..BB A:rwf0 B:rwf0",
		 TMM_MREMAP(0, 2, 0, 4, 0), "AAAAAA A:rwf0"),
	TMM_CASE_ERR("grow_without_room", "AABB B:r",
		     TMM_MREMAP(0, 2, 0, 4, 0), -ENOMEM),
	TMM_CASE_ERR("grow_over_the_end", "AA..", TMM_MREMAP(0, 3, 0, 4, 0),
		     -EFAULT),
	TMM_CASE("shrink", "AAAA", TMM_MREMAP(0, 4, 0, 1, 0), "A"),
	TMM_CASE("same", "AAAA", TMM_MREMAP(0, 4, 0, 4, 0), "AAAA"),
	TMM_CASE("move", "AA......", TMM_MOVE(0, 2, 5), ".....AA"),
	TMM_CASE("move_faulted", "AA A:rw#1", TMM_MOVE(0, 2, 5),
		 ".....AA A:rw#1@0"),
	TMM_CASE("move_file", "AA A:rwsf0@3", TMM_MOVE(0, 2, 5),
		 ".....AA A:rwsf0@3"),
	TMM_CASE("move_private_file", "AA A:rwf0#1", TMM_MOVE(0, 2, 5),
		 ".....AA A:rwf0#1@0~0"),
	TMM_CASE("move_over_another", "AA...BBBB A:rw#1 B:r",
		 TMM_MOVE(0, 2, 6), ".....BAAC A:rw#1@0 B:r C:r"),
	TMM_CASE("move_and_grow", "AA A:rw#1", TMM_MREMAP(0, 2, 5, 4, FIXED),
		 ".....AAAA A:rw#1@0"),
	TMM_CASE("move_locked", "AA A:rw#1+lock", TMM_MOVE(0, 2, 5),
		 ".....AA A:rw#1@0+lock"),
	TMM_CASE("keep_source", "AA A:rw#1",
		 TMM_MREMAP(0, 2, 5, 2, KEEP), "AA...BB A:rw B:rw#1@0"),
	TMM_CASE("keep_source_unfaulted", "AA",
		 TMM_MREMAP(0, 2, 5, 2, KEEP), "AA...BB"),
	TMM_CASE("keep_source_next_to_it", "AA",
		 TMM_MREMAP(0, 2, 2, 2, KEEP), "AABB"),
	TMM_CASE("keep_source_before_it", "..AA",
		 TMM_MREMAP(2, 2, 0, 2, KEEP), "AABB"),
	TMM_CASE("userfaultfd_is_left_behind", "AA....BB A:rwu0 B:rwu0",
		 TMM_MOVE(6, 2, 2), "AABB A:rwu0"),
	TMM_CASE("userfaultfd_is_left_behind_alone", "AA A:rw#1u0",
		 TMM_MOVE(0, 2, 5), ".....AA A:rw#1@0"),
	TMM_CASE("duplicate_shared", "AA A:rwsf0",
		 TMM_MREMAP(0, 0, 5, 2, FIXED), "AA...BB A:rwsf0 B:rwsf0@0"),
	TMM_CASE("duplicate_a_part", "AAAA A:rwsf0@3",
		 TMM_MREMAP(2, 0, 8, 2, FIXED), "AAAA....BB A:rwsf0@3 B:rwsf0@5"),
	TMM_CASE("move_named", "AA A:rw'one'", TMM_MOVE(0, 2, 5),
		 ".....AA A:rw'one'"),
	TMM_CASE("move_next_to_another_name", "AA...BB A:rw'one' B:rw'two'",
		 TMM_MOVE(0, 2, 7), ".....BBAA B:rw'two' A:rw'one'"),
	TMM_CASE("move_with_policy", "AA A:rwm", TMM_MOVE(0, 2, 5),
		 ".....AA A:rwm"),
	TMM_CASE("move_guarded", "AA A:rw+guard#1", TMM_MOVE(0, 2, 5),
		 ".....AA A:rw+guard#1@0"),
	TMM_CASE("move_guarded_next_to_unfaulted", "AA...BB A:rw+guard#1@7",
		 TMM_MOVE(0, 2, 7), ".....AAAA A:rw+guard#1"),
	TMM_CASE("move_clean", "AA A:rw#1+clean", TMM_MOVE(0, 2, 5),
		 ".....AA A:rw#1@0+clean"),
	TMM_CASE("move_clean_next_to_dirty", "AA...BB A:rw+clean",
		 TMM_MOVE(0, 2, 7), ".....AAAA"),
	TMM_CASE("move_driver", "....AA A:rwsf2", TMM_MOVE(4, 2, 8),
		 "........AA A:rwsf2@4"),
	TMM_CASE("move_asked", "AA A:rwsf4", TMM_MOVE(0, 2, 5),
		 ".....AA A:rwsf4@0"),
	TMM_CASE("move_and_grow_locked", "AA A:rw#1+lock",
		 TMM_MREMAP(0, 2, 5, 4, FIXED), ".....AAAA A:rw#1@0+lock"),
	TMM_CASE("move_and_grow_charges", "AA A:r#1+acct",
		 TMM_MREMAP(0, 2, 5, 4, FIXED), ".....AAAA A:r#1@0+acct"),
	TMM_CASE("move_and_grow_private_file", "AA A:rwf0#1",
		 TMM_MREMAP(0, 2, 5, 4, FIXED), ".....AAAA A:rwf0#1@0~0"),
	/* Column 32 starts another page table. */
	TMM_CASE("move_to_another_table", "AAAA A:rw#1", TMM_MOVE(0, 4, 40),
		 "........................................AAAA A:rw#1@0"),
	TMM_CASE("move_over_the_end_of_a_table", "AAAA A:rw#1",
		 TMM_MOVE(0, 4, 30), "..............................AAAA A:rw#1@0"),
	TMM_CASE("move_from_two_tables",
		 "..............................AAAA A:rw#1",
		 TMM_MOVE(30, 4, 10), "..........AAAA A:rw#1@30"),
	TMM_CASE("move_file_to_another_table", "AAAA A:rwf0#1",
		 TMM_MOVE(0, 4, 30), "..............................AAAA A:rwf0#1@0~0"),
	TMM_CASE("grow_executable", "AA.... A:rx", TMM_MREMAP(0, 2, 0, 4, 0),
		 "AAAA A:rx"),
	TMM_CASE("grow_driver", "AA.... A:rwsf2", TMM_MREMAP(0, 2, 0, 4, 0),
		 "AAAA A:rwsf2"),
	TMM_CASE("grow_up_to_closed", "AA..BB A:rwsf2 B:rwsf2",
		 TMM_MREMAP(0, 2, 0, 4, 0), "AAAABB A:rwsf2 B:rwsf2"),
	TMM_CASE("grow_up_to_userfaultfd", "AA..BB B:rwu0",
		 TMM_MREMAP(0, 2, 0, 4, 0), "AAAABB B:rwu0"),
	TMM_CASE("grow_with_userfaultfd", "AA..BB A:rwu0 B:rwu0",
		 TMM_MREMAP(0, 2, 0, 4, 0), "AAAAAA A:rwu0"),
	TMM_CASE("grow_named", "AA..BB A:rw'one' B:rw'one'",
		 TMM_MREMAP(0, 2, 0, 4, 0), "AAAAAA A:rw'one'"),
	TMM_CASE("grow_guarded", "AA..BB B:rw+guard#1",
		 TMM_MREMAP(0, 2, 0, 4, 0), "AAAAAA A:rw+guard#1"),
	TMM_CASE("grow_the_end_of_one", "AAAA", TMM_MREMAP(2, 2, 2, 5, 0),
		 "AAAAAAA"),
	TMM_CASE("keep_shared_file", "AA A:rwsf0@3",
		 TMM_MREMAP(0, 2, 5, 2, KEEP), "AA...BB A:rwsf0@3 B:rwsf0@3"),
	TMM_CASE("keep_private_file", "AA A:rwf0#1",
		 TMM_MREMAP(0, 2, 5, 2, KEEP), "AA...BB A:rwf0 B:rwf0#1@0~0"),
	TMM_CASE("keep_moved", "AA A:rw#1@20",
		 TMM_MREMAP(0, 2, 5, 2, KEEP), "AA...BB B:rw#1@20"),
	TMM_CASE("keep_locked", "AA A:rw#1+lock",
		 TMM_MREMAP(0, 2, 5, 2, KEEP), "AA...BB A:rw B:rw#1@0+lock"),
	TMM_CASE("keep_locked_on_fault", "AA A:rw+lock+onfault",
		 TMM_MREMAP(0, 2, 5, 2, KEEP), "AA...BB A:rw B:rw+lock+onfault"),
	TMM_CASE("keep_part", "AAAA A:rw#1",
		 TMM_MREMAP(1, 2, 6, 2, KEEP), "AAAA..BB A:rw#1 B:rw#1@1"),
	TMM_CASE("keep_without_charge", "AA A:r", TMM_MREMAP(0, 2, 5, 2, KEEP),
		 "AA...BB A:r B:r"),
	TMM_CASE("keep_and_merge", "AA...BB A:rw#1@7 B:rw",
		 TMM_MREMAP(0, 2, 7, 2, KEEP), "AA...BBBB A:rw B:rw#1"),
};

KUNIT_ARRAY_PARAM_DESC(remaps, remaps, name);

/*
 * Without memory these end half done, see moves_in_steps_are_charged_for(): so
 * they are not among the tests of that.
 */
static const struct tmm_case kept_zero =
	TMM_CASE("kept_zero", "AAAA A:rwf5#1", TMM_MREMAP(0, 4, 10, 4, KEEP),
		 "AAAA......BBBB A:rwf5 B:rwf5#1@0~0");

static void dev_zero_is_kept(struct kunit *test)
{
	tmm_run_case(test, &kept_zero);
}

static const struct tmm_case remaps_in_steps[] = {
	TMM_CASE("move_part", "AAAA A:rw#1", TMM_MOVE(1, 2, 6),
		 "A..B..CC A:rw#1 B:rw#1 C:rw#1@1"),
	TMM_CASE("move_part_unfaulted", "AAAA", TMM_MOVE(1, 2, 6), "A..B..CC"),
	TMM_CASE("move_part_without_charge", "AAAA A:r", TMM_MOVE(1, 2, 6),
		 "A..B..CC A:r B:r C:r"),
	TMM_CASE("move_and_shrink", "AAAA A:rw#1", TMM_MREMAP(0, 4, 6, 2, FIXED),
		 "......AA A:rw#1@0"),
	TMM_CASE("move_several", "AABB.... B:r", TMM_MOVE(0, 4, 8),
		 "........AABB B:r"),
	TMM_CASE("move_several_and_holes", "AA..BB.C B:r C:rw#1",
		 TMM_MOVE(0, 8, 10), "..........AA..BB.C B:r C:rw#1@7"),
	TMM_CASE("move_parts_of_several", "AAABBBCC A:rw#1 B:rwsf2 C:r",
		 TMM_MOVE(1, 6, 10),
		 "A......B..CCDDDE A:rw#1 B:r C:rw#1@1 D:rwsf2@3 E:r"),
	TMM_CASE("move_several_over_others", "AABB..CCDD A:rw#1 B:r C:rwsf0 D:r",
		 TMM_MOVE(0, 4, 5), ".....AABBB A:rw#1@0 B:r"),
	TMM_CASE("keep_several", "AABB A:rw#1 B:r",
		 TMM_MREMAP(0, 4, 8, 4, KEEP),
		 "AABB....CCDD A:rw B:r C:rw#1@0 D:r"),
	TMM_CASE("move_many", "ABCDEF B:r D:r F:r", TMM_MOVE(0, 6, 8),
		 "........ABCDEF B:r D:r F:r"),
	TMM_CASE("move_and_shrink_locked", "AAAA A:rw#1+lock",
		 TMM_MREMAP(0, 4, 6, 2, FIXED), "......AA A:rw#1@0+lock"),
	TMM_CASE("move_a_part_onto_itself", "AAAAAA A:rw#1", TMM_MOVE(0, 2, 4),
		 "..AABB A:rw#1 B:rw#1@0"),
	TMM_CASE("move_start", "AAAA A:r#1+acct", TMM_MOVE(0, 2, 8),
		 "..AA....BB A:r#1+acct B:r#1@0+acct"),
	TMM_CASE("move_end", "AAAA A:r#1+acct", TMM_MOVE(2, 2, 8),
		 "AA......BB A:r#1+acct B:r#1@2+acct"),
	TMM_CASE("keep_locked_part", "AAAA A:rw#1+lock",
		 TMM_MREMAP(1, 2, 6, 2, KEEP),
		 "ABBC..DD A:rw#1+lock B:rw C:rw#1+lock D:rw#1@1+lock"),
	TMM_CASE("keep_locked_start", "AAAA A:rw#1+lock",
		 TMM_MREMAP(0, 2, 6, 2, KEEP),
		 "AABB..DD A:rw B:rw#1+lock D:rw#1@0+lock"),
	TMM_CASE("keep_over_another", "AA...BBBB A:rw#1 B:r",
		 TMM_MREMAP(0, 2, 6, 2, KEEP), "AA...BCCD A:rw B:r C:rw#1@0 D:r"),
};

KUNIT_ARRAY_PARAM_DESC(remaps_in_steps, remaps_in_steps, name);

static void remaps_as_asked(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

static void remaps_as_asked_in_steps(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

/* Each of these changes nothing. */
static const struct tmm_case refusals[] = {
	TMM_CASE_ERR("unknown_flag", "AA", TMM_MREMAP(0, 2, 5, 2, 8), -EINVAL),
	TMM_CASE_ERR("to_no_pages", "AA", TMM_MREMAP(0, 2, 0, 0, 0), -EINVAL),
	TMM_CASE_ERR("fixed_without_may_move", "AA",
		     TMM_MREMAP(0, 2, 5, 2, MREMAP_FIXED), -EINVAL),
	TMM_CASE_ERR("keep_without_may_move", "AA",
		     TMM_MREMAP(0, 2, 5, 2, MREMAP_DONTUNMAP), -EINVAL),
	TMM_CASE_ERR("keep_and_grow", "AA", TMM_MREMAP(0, 2, 5, 3, KEEP), -EINVAL),
	TMM_CASE_ERR("keep_and_shrink", "AA", TMM_MREMAP(0, 2, 5, 1, KEEP),
		     -EINVAL),
	TMM_CASE_ERR("onto_its_end", "AAAA", TMM_MOVE(0, 4, 3), -EINVAL),
	TMM_CASE_ERR("onto_its_start", "...AAAA", TMM_MOVE(3, 4, 0), -EINVAL),
	TMM_CASE_ERR("onto_itself", "AAAA", TMM_MOVE(0, 4, 0), -EINVAL),
	TMM_CASE_ERR("nothing_there", "AA", TMM_MOVE(4, 2, 8), -EFAULT),
	TMM_CASE_ERR("nothing_to_grow", "AA", TMM_MREMAP(4, 2, 4, 3, 0), -EFAULT),
	TMM_CASE_ERR("nothing_at_the_start", "..AA", TMM_MOVE(1, 2, 8), -EFAULT),
	TMM_CASE_ERR("two_keep_to_a_hint", "AABB A:rw B:r",
		     TMM_MREMAP(0, 4, 8, 4, MAY_MOVE | MREMAP_DONTUNMAP), -EFAULT),
	TMM_CASE_ERR("two_and_grow", "AABB A:rw B:r",
		     TMM_MREMAP(0, 4, 8, 6, FIXED), -EFAULT),
	TMM_CASE_ERR("duplicate_private_file", "AA A:rwf0",
		     TMM_MREMAP(0, 0, 5, 2, FIXED), -EINVAL),
	TMM_CASE_ERR("duplicate_private", "AA", TMM_MREMAP(0, 0, 5, 2, FIXED),
		     -EINVAL),
	TMM_CASE_ERR("grow_from_within", "AAAA", TMM_MREMAP(0, 2, 0, 3, 0),
		     -ENOMEM),
	TMM_CASE_ERR("sealed", "AA A:rw+sealed", TMM_MOVE(0, 2, 5), -EPERM),
	TMM_CASE_ERR("sealed_shrink", "AA A:rw+sealed",
		     TMM_MREMAP(0, 2, 0, 1, 0), -EPERM),
	TMM_CASE_ERR("sealed_grow", "AA A:rw+sealed",
		     TMM_MREMAP(0, 2, 0, 3, 0), -EPERM),
	TMM_CASE_ERR("over_sealed", "AA...BB B:rw+sealed", TMM_MOVE(0, 2, 4),
		     -EPERM),
	TMM_CASE_ERR("over_the_start_of_sealed", "AA...BB B:rw+sealed",
		     TMM_MREMAP(0, 2, 6, 2, FIXED), -EPERM),
	TMM_CASE_ERR("over_unsplittable", "AA...BBBB B:rwsf3", TMM_MOVE(0, 2, 6),
		     -EINVAL),
	TMM_CASE_ERR("part_of_unsplittable", "AAAA A:rwsf3", TMM_MOVE(1, 2, 6),
		     -EINVAL),
	TMM_CASE_ERR("start_of_unsplittable", "AAAA A:rwsf3", TMM_MOVE(0, 2, 6),
		     -EINVAL),
	TMM_CASE_ERR("shrink_unsplittable", "AAAA A:rwsf3",
		     TMM_MREMAP(0, 4, 0, 2, 0), -EINVAL),
	TMM_CASE_ERR("move_and_shrink_unsplittable", "AAAA A:rwsf3",
		     TMM_MREMAP(0, 4, 8, 2, FIXED), -EINVAL),
	TMM_CASE_ERR("userfaultfd_and_another", "AABB A:rwu0 B:r",
		     TMM_MOVE(0, 4, 8), -EFAULT),
};

KUNIT_ARRAY_PARAM_DESC(refusals, refusals, name);

static void refused_remap_changes_nothing(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

static void unaligned_and_endless_is_refused(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	const unsigned long at = tmm_addr(t, 0), to = tmm_addr(t, 5);

	tmm_draw(t, "AA");
	KUNIT_EXPECT_EQ(test, (long)ksys_mremap(at + 1, PAGE_SIZE, PAGE_SIZE, 0, 0),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, (long)ksys_mremap(at, PAGE_SIZE, PAGE_SIZE, FIXED,
						to + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, (long)ksys_mremap(at, PAGE_SIZE, TASK_SIZE + PAGE_SIZE,
						MAY_MOVE, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, (long)ksys_mremap(at, PAGE_SIZE, PAGE_SIZE, FIXED,
						TASK_SIZE), -EINVAL);
	/* Lengths are rounded up to pages. */
	KUNIT_EXPECT_EQ(test, ksys_mremap(at, PAGE_SIZE + 1, 2 * PAGE_SIZE - 1,
					  FIXED, to), to);
	t->doing = "mremap(0, 1.1 to 5, 1.9)";
	tmm_expect_layout(t, ".....AA");
}

/* What was moved before the one that is refused stays moved. */
static void several_are_moved_up_to_the_refused(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AABB A:rw#1 B:r+sealed");
	t = tmm_create(test);
	tmm_draw(t, "AABB A:rw#1 B:r+sealed");
	tmm_expect_err(t, -EPERM, TMM_MOVE(0, 4, 8));
	tmm_expect_layout(t, "..BB....AA B:r+sealed A:rw#1@0");
}

static void userfaultfd_among_several_stays(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AA A:rwu0");
	t = tmm_create(test);
	tmm_draw(t, "AABB A:rw#1 B:ru0");
	tmm_expect_err(t, -EFAULT, TMM_MOVE(0, 4, 8));
	tmm_expect_layout(t, "..BB....AA B:ru0 A:rw#1@0");
}

/* Where it cannot grow it is moved to where there is room. */
static void grows_elsewhere(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	unsigned long addr;

	tmm_draw(t, "AABB A:rw#1 B:r");
	addr = ksys_mremap(tmm_addr(t, 0), tmm_len(t, 2), tmm_len(t, 4),
			   MAY_MOVE, 0);
	t->doing = "mremap(0, 2 to anywhere, 4)";
	__tmm_report(t, tmm_check(t));
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_NE(test, addr, tmm_addr(t, 0));
	addr = ksys_mremap(addr, tmm_len(t, 4), tmm_len(t, 4), FIXED,
			   tmm_addr(t, 10));
	KUNIT_ASSERT_EQ(test, addr, tmm_addr(t, 10));
	t->doing = "mremap(back)";
	tmm_expect_layout(t, "..BB......AAAA B:r A:rw#1@0");
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 10, 4), 2);
}

/* The address is a hint only without MREMAP_FIXED. */
static void kept_source_and_a_hint(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA A:rw#1");
	tmm_must(t, TMM_MREMAP(0, 2, 5, 2, MAY_MOVE | MREMAP_DONTUNMAP));
	tmm_expect_layout(t, "AA...BB A:rw B:rw#1@0");
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 2), 0);
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 5, 2), 2);
	/* It is new memory, and that of column 0 is not mixed up with it. */
	tmm_must(t, TMM_WRITE(0, 2));
	tmm_expect_layout(t, "AA...BB A:rw#2 B:rw#1@0");
}

/* The driver is told when all is moved, and its error brings it all back. */
static const struct tmm_case failing[] = {
	TMM_CASE_ERR("move", "AA A:rwsf4", TMM_MOVE(0, 2, 5), -EIO),
	TMM_CASE_ERR("move_charged", "AA A:rwf4", TMM_MOVE(0, 2, 5), -EIO),
	TMM_CASE_ERR("move_and_grow", "AA A:rwf4", TMM_MREMAP(0, 2, 5, 4, FIXED),
		     -EIO),
	TMM_CASE_ERR("move_part", "AAAA A:rwf4", TMM_MOVE(1, 2, 6), -EIO),
	TMM_CASE_ERR("keep", "AA A:rwf4", TMM_MREMAP(0, 2, 5, 2, KEEP), -EIO),
	TMM_CASE_ERR("move_locked", "AA A:rwsf4+lock+onfault", TMM_MOVE(0, 2, 5),
		     -EIO),
};

KUNIT_ARRAY_PARAM_DESC(failing, failing, name);

static void drivers_error_undoes_the_move(struct kunit *test)
{
	const struct tmm_case *c = test->param_value;
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, c->before);
	tmm_driver_fails(c->err);
	tmm_expect_err(t, c->err, c->op);
	tmm_driver_fails(0);
	tmm_expect_layout(t, c->before);
}

/*
 * Limits
 */

/*
 * A move may need four VMAs for a moment: two at the place it clears, two at
 * the place it leaves; keeping a source that has to be split, five.
 */
struct vma_limit {
	const char *name;
	const char *before;
	struct tmm_op op;
	int needs;
	const char *after;
};

static const struct vma_limit vma_limits[] = {
	{ "move", "AA", TMM_MOVE(0, 2, 5), 4, ".....AA" },
	{ "move_part", "AAAA A:rw#1", TMM_MOVE(1, 2, 8), 4,
	  "A..B....CC A:rw#1 B:rw#1 C:rw#1@1" },
	{ "grow", "AA", TMM_MREMAP(0, 2, 0, 4, 0), 4, "AAAA" },
	{ "shrink", "AAAA", TMM_MREMAP(0, 4, 0, 2, 0), 4, "AA" },
	{ "keep", "AA", TMM_MREMAP(0, 2, 5, 2, KEEP), 5, "AA...BB" },
	{ "keep_locked_part", "AAAA A:rw#1+lock", TMM_MREMAP(1, 2, 6, 2, KEEP), 5,
	  "ABBC..DD A:rw#1+lock B:rw C:rw#1+lock D:rw#1@1+lock" },
};

KUNIT_ARRAY_PARAM_DESC(vma_limits, vma_limits, name);

static void number_of_vmas_is_limited(struct kunit *test)
{
	const struct vma_limit *l = test->param_value;
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, l->before);
	tmm_limit_vmas(t, l->needs - 1);
	tmm_expect_err(t, -ENOMEM, l->op);
	tmm_expect_layout(t, l->before);
	tmm_limit_vmas(t, l->needs);
	tmm_must(t, l->op);
	tmm_expect_layout(t, l->after);
}

/* Of several, the first have used up what there was. */
static void number_of_vmas_is_limited_for_each(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA.BB....CCCCCCCC A:rw#1 B:rw#2 C:r");
	tmm_limit_vmas(t, 4);
	/* Its place is cleared by then. */
	tmm_expect_err(t, -ENOMEM, TMM_MOVE(1, 3, 10));
	tmm_expect_layout(t, "A..BB....CDE.FFFF A:rw#1 B:rw#2 C:r D:rw#1@1 E:r F:r");
}

static void address_space_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAA A:r");
	tmm_limit(t, RLIMIT_AS, 6);
	tmm_expect_err(t, -ENOMEM, TMM_MREMAP(0, 4, 0, 7, 0));
	tmm_expect_err(t, -ENOMEM, TMM_MREMAP(0, 4, 10, 4, KEEP));
	tmm_expect_err(t, -ENOMEM, TMM_MREMAP(0, 4, 10, 7, FIXED));
	tmm_expect_layout(t, "AAAA A:r");
	tmm_must(t, TMM_MREMAP(0, 2, 10, 2, KEEP));
	tmm_must(t, TMM_MOVE(0, 4, 20));
	tmm_expect_layout(t, "..........AA........BBBB A:r B:r");
}

static void locked_memory_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA A:rw#1+lock");
	tmm_drop_capabilities(t);
	tmm_limit(t, RLIMIT_MEMLOCK, 3);
	tmm_expect_err(t, -EAGAIN, TMM_MREMAP(0, 2, 0, 4, 0));
	tmm_expect_layout(t, "AA A:rw#1+lock");
	tmm_must(t, TMM_MREMAP(0, 2, 0, 3, 0));
	tmm_expect_layout(t, "AAA A:rw#1+lock");
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 3), 3);
	tmm_must(t, TMM_MOVE(0, 3, 5));
	tmm_expect_layout(t, ".....AAA A:rw#1@0+lock");
}

static void charge_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA..BB A:rw#1 B:r");
	tmm_limit_commit(t, 1);
	tmm_expect_err(t, -ENOMEM, TMM_MREMAP(0, 2, 0, 4, 0));
	tmm_expect_err(t, -ENOMEM, TMM_MREMAP(0, 2, 10, 4, FIXED));
	tmm_expect_err(t, -ENOMEM, TMM_MREMAP(0, 2, 10, 2, KEEP));
	tmm_expect_layout(t, "AA..BB A:rw#1 B:r");
	/* Only what is new is charged, and only what is charged at all. */
	tmm_must(t, TMM_MOVE(0, 2, 10));
	tmm_must(t, TMM_MREMAP(4, 2, 4, 4, 0));
	tmm_expect_layout(t, "....BBBB..AA A:rw#1@0 B:r");
}

/* A VMA that is not to be expanded may be moved, and may not be left behind. */
static void special_mapping_is_not_expanded(struct kunit *test)
{
	static struct page *no_pages[] = { NULL };
	static const struct vm_special_mapping special = {
		.name = "[test]",
		.pages = no_pages,
	};
	struct test_mm *t = tmm_create(test);
	struct vm_area_struct *vma;

	mmap_write_lock(t->mm);
	vma = _install_special_mapping(t->mm, tmm_addr(t, 0), 2 * PAGE_SIZE,
				       VM_READ | VM_MAYREAD, &special);
	mmap_write_unlock(t->mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vma);
	tmm_expect_err(t, -EFAULT, TMM_MREMAP(0, 2, 0, 4, 0));
	tmm_expect_err(t, -EINVAL, TMM_MREMAP(0, 2, 5, 2, KEEP));
	tmm_expect_layout(t, "AA A:r+dontexpand@0~0");
	tmm_must(t, TMM_MOVE(0, 2, 5));
	tmm_expect_layout(t, ".....AA A:r+dontexpand@0~5");
	/* It may not be split. */
	tmm_expect_err(t, -EINVAL, TMM_MOVE(5, 1, 0));
}

/*
 * Files that say themselves where they are mapped: where that cannot be relied
 * upon, several VMAs are not moved at once; and it may be nowhere.
 */

static bool no_place;

static unsigned long choose_place(struct file *file, unsigned long addr,
				  unsigned long len, unsigned long pgoff,
				  unsigned long flags)
{
	return no_place ? -ENOMEM : addr;
}

static struct file_operations placed_fops;

static struct test_mm *draw_placed(struct kunit *test, const char *picture,
				   typeof(placed_fops.get_unmapped_area) where)
{
	struct test_mm *t = tmm_create(test);
	struct file *file = tmm_file(t, 3);

	placed_fops = *file->f_op;
	placed_fops.get_unmapped_area = where;
	file->f_op = &placed_fops;
	no_place = false;
	tmm_draw(t, picture);
	return t;
}

static void file_may_not_choose_for_several(struct kunit *test)
{
	struct test_mm *t = draw_placed(test, "AABB A:rsf3 B:rwsf3", choose_place);

	tmm_expect_err(t, -EFAULT, TMM_MOVE(0, 4, 10));
	tmm_expect_layout(t, "AABB A:rsf3 B:rwsf3");
	tmm_must(t, TMM_MOVE(0, 2, 10));
	tmm_expect_layout(t, "..BB......AA A:rsf3@0 B:rwsf3");
}

static void aligning_for_huge_pages_is_no_choice(struct kunit *test)
{
	struct test_mm *t;

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		kunit_skip(test, "no huge pages (CONFIG_TRANSPARENT_HUGEPAGE)");
	t = draw_placed(test, "AABB A:rsf3 B:rwsf3", thp_get_unmapped_area);
	tmm_must(t, TMM_MOVE(0, 4, 10));
	tmm_expect_layout(t, "..........AABB A:rsf3@0 B:rwsf3@2");
}

static void file_that_has_no_place_stays(struct kunit *test)
{
	struct test_mm *t = draw_placed(test, "AABB A:rsf3 B:r", choose_place);

	no_place = true;
	tmm_expect_err(t, -ENOMEM, TMM_MOVE(0, 2, 10));
	tmm_expect_err(t, -ENOMEM, TMM_MREMAP(0, 2, 0, 4, MREMAP_MAYMOVE));
	tmm_expect_layout(t, "AABB A:rsf3 B:r");
}

/* There is nothing behind the last page, to grow into or to move to. */
static void last_page_does_not_grow(struct kunit *test)
{
	const unsigned long last = ALIGN_DOWN(TASK_SIZE, PAGE_SIZE) - PAGE_SIZE;
	struct test_mm *t = tmm_create(test);
	unsigned long at;

	tmm_draw(t, "AA");
	at = vm_mmap(NULL, last, PAGE_SIZE, PROT_READ,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	if (IS_ERR_VALUE(at))
		kunit_skip(test, "the last page is not to be had");
	at = ksys_mremap(last, PAGE_SIZE, 2 * PAGE_SIZE, 0, 0);
	KUNIT_EXPECT_EQ(test, (long)at, -ENOMEM);
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(last, PAGE_SIZE));
	t->doing = "growing the last page";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AA");
}

/*
 * A table of pages is moved as a whole where both ends are as far into one,
 * and nothing is before them. With columns of a quarter of what one covers.
 */
struct aligned_move {
	const char *name;
	const char *before;
	struct tmm_op op;
	const char *after;
	bool whole;		/* The first table, by CONFIG_HAVE_MOVE_PMD. */
};

static const struct aligned_move aligned_moves[] = {
	{ "nothing_before", ".AAAAAA A:rw#1", TMM_MOVE(1, 6, 17),
	  ".................AAAAAA A:rw@1#1", true },
	{ "begin_of_a_table", "AAAAAAAA A:rw#1", TMM_MOVE(4, 4, 16),
	  "AAAA............BBBB A:rw#1 B:rw@4#1", true },
	{ "something_before_the_source", "BAAAAAA A:rw#1 B:rw+dontdump#2",
	  TMM_MOVE(1, 6, 17),
	  "B................AAAAAA A:rw@1#1 B:rw+dontdump#2", false },
	{ "something_before_the_target", ".AAAAAA.........B A:rw#1 B:rw+dontdump#2",
	  TMM_MOVE(1, 6, 17),
	  "................BAAAAAA A:rw@1#1 B:rw+dontdump#2", false },
	{ "the_source_itself_before", ".AAAAAA A:rw#1", TMM_MOVE(2, 5, 18),
	  ".A................BBBBB A:rw#1 B:rw@2#1", false },
	{ "to_another_place_in_the_table", ".AAAAAA A:rw#1", TMM_MOVE(1, 6, 18),
	  "..................AAAAAA A:rw@1#1", false },
};

KUNIT_ARRAY_PARAM_DESC(aligned_moves, aligned_moves, name);

/* The page table that maps a column, or NULL. */
static pgtable_t table_of(struct test_mm *t, int column)
{
	pgtable_t table = NULL;
	pmd_t *pmd;

	mmap_read_lock(t->mm);
	pmd = mm_find_pmd(t->mm, tmm_addr(t, column));
	if (pmd && pmd_present(pmdp_get(pmd)))
		table = pmd_pgtable(pmdp_get(pmd));
	mmap_read_unlock(t->mm);
	return table;
}

/* Move what was written to, and tell whether its table went as a whole. */
static void expect_to_move(struct test_mm *t, const struct tmm_op *op, bool whole)
{
	const pgtable_t table = table_of(t, op->page);

	KUNIT_ASSERT_NOT_NULL(t->test, table);
	tmm_must(t, *op);
	KUNIT_EXPECT_EQ_MSG(t->test, table_of(t, op->to) == table,
			    whole && IS_ENABLED(CONFIG_HAVE_MOVE_PMD),
			    "the page table was moved by %s", t->doing);
}

/* There and back, with a column that nobody has written to. */
static void move_starts_at_the_table(struct kunit *test)
{
	const struct aligned_move *m = test->param_value;
	const int from = m->op.page, to = m->op.to, nr = m->op.nr;
	struct test_mm *t = tmm_create(test);
	long pages;

	tmm_zoom_out(t);
	tmm_draw(t, m->before);
	tmm_must(t, TMM_MADVISE(from, nr, MADV_DONTNEED));
	tmm_must(t, TMM_WRITE(from, nr - 1));
	pages = tmm_resident(t, 0, TMM_PAGES);
	expect_to_move(t, &m->op, m->whole);
	tmm_expect_layout(t, m->after);
	tmm_expect_contents(t, to, from, nr - 1);
	expect_to_move(t, &TMM_MOVE(to, nr, from), m->whole);
	tmm_expect_layout(t, m->before);
	tmm_expect_contents(t, from, from, nr - 1);
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, TMM_PAGES), pages);
	tmm_must(t, TMM_WRITE(from, nr));
}

/* Its pages are shared with a child, and found by either's reverse map. */
static void table_moves_after_fork(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_zoom_out(t);
	tmm_draw(t, "AAAA A:rw#1");
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_fork(t);
	expect_to_move(t, &TMM_MOVE(0, 4, 8), true);
	tmm_must(t, TMM_WRITE(8, 2));
	tmm_expect_layout(t, "........AAAA A:rw@0#1*2");
}

/* A mark of userfaultfd is not to be moved, so the pages go one by one. */
static void protected_pages_do_not_move_as_a_whole(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "A A:rwu0+wp");
	t = tmm_create(test);
	tmm_zoom_out(t);
	tmm_draw(t, "AAAA A:rw#1");
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_must(t, TMM_UFFD_MODE(0, 4, 0, UFFDIO_REGISTER_MODE_WP));
	tmm_must(t, TMM_UFFD_WP(0, 2));
	expect_to_move(t, &TMM_MOVE(0, 4, 8), false);
	tmm_must(t, TMM_WRITE(8, 4));
	tmm_expect_layout(t, "........AAAA A:rw@0#1");
}

/* One of the two tables for the target is not had: what has moved moves back. */
static void protected_pages_move_back_for_lack_of_tables(struct kunit *test)
{
	static const char before[] = "AAAAAAAA A:rw#1u0+wp";
	struct test_mm *t;
	bool failed = true;
	int nth;

	tmm_require(test, before);
	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	t = tmm_create(test);
	tmm_zoom_out(t);
	for (nth = 1; failed; nth++) {
		tmm_draw(t, before);
		tmm_must(t, TMM_WRITE(0, 8));
		tmm_must(t, TMM_UFFD_WP(0, 8));
		if (tmm_do_failing(t, &TMM_MOVE(0, 8, 16), nth, &failed))
			tmm_expect_layout(t, before);
		__tmm_report(t, tmm_check(t));
		tmm_clear(t);
	}
	KUNIT_EXPECT_GT(test, nth, 5);
}

/* Whatever was moved until it failed is moved back, from the start of it. */
static void aligned_move_survives_lack_of_tables(struct kunit *test)
{
	static const struct tmm_op op = TMM_MOVE(1, 6, 17);
	struct test_mm *t = tmm_create(test);
	bool failed = true;
	int nth;

	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	tmm_zoom_out(t);
	for (nth = 1; failed; nth++) {
		long err, pages;

		tmm_draw(t, ".AAAAAA A:rw#1");
		pages = tmm_resident(t, 0, TMM_PAGES);
		err = tmm_do_failing(t, &op, nth, &failed);
		__tmm_report(t, tmm_check(t));
		KUNIT_EXPECT_EQ_MSG(test, tmm_resident(t, 0, TMM_PAGES), pages,
				    "pages were lost by %s", t->doing);
		if (err)
			tmm_expect_layout(t, ".AAAAAA A:rw#1");
		else
			tmm_expect_layout(t, ".................AAAAAA A:rw@1#1");
		tmm_clear(t);
	}
	KUNIT_EXPECT_GT(test, nth, 4);
}

/* So far away that all tables on the way there are new, or cannot be had. */
static void move_fails_for_lack_of_tables(struct kunit *test)
{
	const unsigned long far = 2 * P4D_SIZE >> PAGE_SHIFT;
	const struct tmm_op op = TMM_MOVE(0, 2, (int)far);
	struct test_mm *t = tmm_create(test);
	bool failed = true;
	int nth;

	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	if (far > INT_MAX || TASK_SIZE - t->base < 3 * P4D_SIZE)
		kunit_skip(test, "no other table in this address space");
	tmm_draw(t, "AA A:rw#1");
	for (nth = 1; failed; nth++) {
		if (tmm_do_failing(t, &op, nth, &failed)) {
			__tmm_report(t, tmm_check(t));
			tmm_expect_layout(t, "AA A:rw#1");
		} else {
			KUNIT_EXPECT_EQ(test, 0, vm_munmap(tmm_addr(t, far),
							   tmm_len(t, 2)));
			tmm_clear(t);
			tmm_draw(t, "AA A:rw#1");
		}
	}
	KUNIT_EXPECT_GT(test, nth, 4);
}

static void remap_survives_lack_of_memory(struct kunit *test)
{
	tmm_run_case_out_of_memory(test, test->param_value);
}

/*
 * A source that cannot be split off for lack of memory stays, and mremap()
 * says nothing; it is cut to the new size before it is moved; and of several
 * VMAs the first are moved already. Whatever is left must be charged for.
 */
static void moves_in_steps_are_charged_for(struct kunit *test)
{
	const struct tmm_case *c = test->param_value;
	struct test_mm *t;
	bool failed;
	int nth;

	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	t = tmm_create(test);
	for (nth = 1, failed = true; failed; nth++) {
		tmm_draw(t, c->before);
		tmm_do_failing(t, &c->op, nth, &failed);
		__tmm_report(t, tmm_check(t));
		tmm_clear(t);
	}
	KUNIT_EXPECT_GT(test, nth, 2);
}

/* A page that moved is reported as written to: what is there is another. */
static void moved_page_is_soft_dirty(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AA A:rw#1+clean");
	t = tmm_create(test);
	tmm_draw(t, "AAAABB A:rw#1+clean B:rwsf0+clean");
	tmm_must(t, TMM_READ(0, 6));
	tmm_expect_entries(t, 0, tmm_soft_dirty, "cccccc");
	tmm_must(t, TMM_MOVE(1, 2, 11));
	tmm_must(t, TMM_MOVE(4, 2, 14));
	tmm_expect_entries(t, 0, tmm_soft_dirty, "c..c..");
	tmm_expect_entries(t, 10, tmm_soft_dirty, ".dd.dd");
}

static struct kunit_case vma_mremap_cases[] = {
	KUNIT_CASE_PARAM(remaps_as_asked, remaps_gen_params),
	KUNIT_CASE_PARAM(remaps_as_asked_in_steps, remaps_in_steps_gen_params),
	KUNIT_CASE_PARAM(refused_remap_changes_nothing, refusals_gen_params),
	KUNIT_CASE(unaligned_and_endless_is_refused),
	KUNIT_CASE(several_are_moved_up_to_the_refused),
	KUNIT_CASE(userfaultfd_among_several_stays),
	KUNIT_CASE(grows_elsewhere),
	KUNIT_CASE(kept_source_and_a_hint),
	KUNIT_CASE_PARAM(drivers_error_undoes_the_move, failing_gen_params),
	KUNIT_CASE_PARAM(number_of_vmas_is_limited, vma_limits_gen_params),
	KUNIT_CASE(number_of_vmas_is_limited_for_each),
	KUNIT_CASE(address_space_is_limited),
	KUNIT_CASE(locked_memory_is_limited),
	KUNIT_CASE(charge_is_limited),
	KUNIT_CASE(special_mapping_is_not_expanded),
	KUNIT_CASE(dev_zero_is_kept),
	KUNIT_CASE(file_may_not_choose_for_several),
	KUNIT_CASE(aligning_for_huge_pages_is_no_choice),
	KUNIT_CASE(file_that_has_no_place_stays),
	KUNIT_CASE(last_page_does_not_grow),
	KUNIT_CASE(moved_page_is_soft_dirty),
	KUNIT_CASE_PARAM(move_starts_at_the_table, aligned_moves_gen_params),
	KUNIT_CASE(table_moves_after_fork),
	KUNIT_CASE(protected_pages_do_not_move_as_a_whole),
	KUNIT_CASE(aligned_move_survives_lack_of_tables),
	KUNIT_CASE(protected_pages_move_back_for_lack_of_tables),
	KUNIT_CASE(move_fails_for_lack_of_tables),
	KUNIT_CASE_PARAM(remap_survives_lack_of_memory, remaps_gen_params),
	KUNIT_CASE_PARAM(moves_in_steps_are_charged_for, remaps_in_steps_gen_params),
	{}
};

static struct kunit_suite vma_mremap_suite = {
	.name = "vma_mremap",
	.test_cases = vma_mremap_cases,
};

kunit_test_suite(vma_mremap_suite);

MODULE_DESCRIPTION("Tests for mremap()");
MODULE_LICENSE("GPL");
