// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing what a range is: each way to do it splits, merges back, and is
 * accounted for. mremap(), brk() and stack growth, which make VMAs longer or
 * take them elsewhere, are here as well.
 *
 * checkpatch: LINE_SPACING: VMA_ITERATOR() is a declaration
 * checkpatch: SPLIT_STRING: pictures are wide
 */
#include <linux/mman.h>
#include <linux/sched/signal.h>
#include <linux/userfaultfd_k.h>

#include "internal.h"
#include "test_mm.h"

/*
 * In two steps: a change of the middle, and the change back, after which all
 * is one VMA again.
 */
struct round_trip {
	const char *name;
	const char *whole;
	struct tmm_op there;
	const char *split;
	struct tmm_op back;
	const char *again;	/* Where it is not @whole. */
};

static const struct round_trip round_trips[] = {
	{ "mprotect_anonymous", "AAAAAA",
	  TMM_MPROTECT(2, 2, "r"), "AABBCC B:r", TMM_MPROTECT(2, 2, "rw") },
	{ "mprotect_faulted", "AAAAAA A:rw#1",
	  TMM_MPROTECT(2, 2, "r"), "AABBCC A:rw#1 B:r#1+acct C:rw#1",
	  TMM_MPROTECT(2, 2, "rw") },
	{ "mprotect_private_file", "AAAAAA A:rwf0",
	  TMM_MPROTECT(2, 2, "r"), "AABBCC A:rwf0 B:rf0+acct C:rwf0",
	  TMM_MPROTECT(2, 2, "rw") },
	{ "mprotect_shared_file", "AAAAAA A:rwsf0@5",
	  TMM_MPROTECT(2, 2, "r"), "AABBCC A:rwsf0@5 B:rsf0@7 C:rwsf0@9",
	  TMM_MPROTECT(2, 2, "rw") },
	{ "mprotect_executable", "AAAAAA A:rx",
	  TMM_MPROTECT(2, 2, "r"), "AABBCC A:rx B:r C:rx",
	  TMM_MPROTECT(2, 2, "rx") },
	/* Writable for a moment is charged for good only when faulted. */
	{ "mprotect_charge", "AAAAAA A:r",
	  TMM_MPROTECT(2, 2, "rw"), "AABBCC A:r B:rw C:r",
	  TMM_MPROTECT(2, 2, "r") },
	{ "mprotect_charge_of_file", "AAAAAA A:rf0",
	  TMM_MPROTECT(2, 2, "rw"), "AABBCC A:rf0 B:rwf0 C:rf0",
	  TMM_MPROTECT(2, 2, "r"), "AABBCC A:rf0 B:rf0+acct C:rf0" },
	{ "madvise_dontfork", "AAAAAA",
	  TMM_MADVISE(2, 2, MADV_DONTFORK), "AABBCC B:rw+dontcopy",
	  TMM_MADVISE(2, 2, MADV_DOFORK) },
	{ "madvise_dontdump_start", "AAAAAA A:rw#1",
	  TMM_MADVISE(0, 2, MADV_DONTDUMP), "AABBBB A:rw#1+dontdump B:rw#1",
	  TMM_MADVISE(0, 2, MADV_DODUMP) },
	{ "madvise_random_end", "AAAAAA A:rwf0",
	  TMM_MADVISE(4, 2, MADV_RANDOM), "AAAABB A:rwf0 B:rwf0+rand",
	  TMM_MADVISE(4, 2, MADV_NORMAL) },
	{ "madvise_sequential", "AAAAAA A:rwsf0",
	  TMM_MADVISE(2, 2, MADV_SEQUENTIAL),
	  "AABBCC A:rwsf0 B:rwsf0+seq C:rwsf0",
	  TMM_MADVISE(2, 2, MADV_NORMAL) },
	{ "madvise_wipeonfork", "AAAAAA A:rw#1",
	  TMM_MADVISE(2, 2, MADV_WIPEONFORK), "AABBCC A:rw#1 B:rw#1+wipe C:rw#1",
	  TMM_MADVISE(2, 2, MADV_KEEPONFORK) },
	{ "madvise_mergeable", "AAAAAA A:rw#1",
	  TMM_MADVISE(2, 2, MADV_MERGEABLE), "AABBCC A:rw#1 B:rw#1+mergeable C:rw#1",
	  TMM_MADVISE(2, 2, MADV_UNMERGEABLE) },
	{ "mlock_faulted", "AAAAAA A:rw#1",
	  TMM_MLOCK(2, 2), "AABBCC A:rw#1 B:rw#1+lock C:rw#1",
	  TMM_MUNLOCK(2, 2) },
	/* Locking faults the range in, so that it has an anon_vma for all. */
	{ "mlock_unfaulted", "AAAAAA",
	  TMM_MLOCK(2, 2), "AABBCC A:rw B:rw#1+lock C:rw",
	  TMM_MUNLOCK(2, 2), "AAAAAA A:rw#1" },
	{ "mlock_shared_file_end", "AAAAAA A:rwsf0",
	  TMM_MLOCK(4, 2), "AAAABB A:rwsf0 B:rwsf0+lock",
	  TMM_MUNLOCK(4, 2) },
	{ "name", "AAAAAA A:rw#1",
	  TMM_NAME(2, 2, "one"), "AABBCC A:rw#1 B:rw#1'one' C:rw#1",
	  TMM_NAME(2, 2, NULL) },
	{ "name_changed", "AAAAAA A:rw'one'",
	  TMM_NAME(0, 2, "two"), "AABBBB A:rw'two' B:rw'one'",
	  TMM_NAME(0, 2, "one") },
	{ "userfaultfd", "AAAAAA A:rw#1",
	  TMM_UFFD(2, 2, 0), "AABBCC A:rw#1 B:rw#1u0 C:rw#1",
	  TMM_NO_UFFD(2, 2) },
	{ "userfaultfd_unfaulted_end", "AAAAAA",
	  TMM_UFFD(4, 2, 0), "AAAABB B:rwu0", TMM_NO_UFFD(4, 2) },
	{ "policy", "AAAAAA A:rw#1",
	  TMM_POLICY(2, 2), "AABBCC A:rw#1 B:rw#1m C:rw#1",
	  TMM_NO_POLICY(2, 2) },
};

KUNIT_ARRAY_PARAM_DESC(round_trips, round_trips, name);

static struct tmm_case there(const struct round_trip *r)
{
	return (struct tmm_case)TMM_CASE(r->name, r->whole, r->there, r->split);
}

/* From the split state as the way there leaves it, it cannot be drawn always. */
static void merges_back(struct kunit *test)
{
	const struct round_trip *r = test->param_value;
	const struct tmm_case c = there(r);
	struct test_mm *t;

	tmm_require_case(test, &c);
	t = tmm_create(test);
	tmm_draw(t, r->whole);
	tmm_must(t, r->there);
	tmm_expect_layout(t, r->split);
	tmm_must(t, r->back);
	tmm_expect_layout(t, r->again ?: r->whole);
	/* Twice is as good as once. */
	tmm_must(t, r->back);
	tmm_expect_layout(t, r->again ?: r->whole);
}

static void change_survives_lack_of_memory(struct kunit *test)
{
	const struct tmm_case c = there(test->param_value);

	tmm_run_case_out_of_memory(test, &c);
}

/*
 * mremap()
 */

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
};

KUNIT_ARRAY_PARAM_DESC(remaps, remaps, name);

/*
 * Without memory these end half done: the source stays, its charge lost, where
 * it cannot be split off (see unmap_source_vma()); it is cut to the new size
 * before it is moved; and of several VMAs the first are moved already. So they
 * are not among the tests of that.
 */
static const struct tmm_case remaps_in_steps[] = {
	TMM_CASE("move_part", "AAAA A:rw#1", TMM_MOVE(1, 2, 6),
		 "A..B..CC A:rw#1 B:rw#1 C:rw#1@1"),
	TMM_CASE("move_part_unfaulted", "AAAA", TMM_MOVE(1, 2, 6), "A..B..CC"),
	TMM_CASE("move_and_shrink", "AAAA A:rw#1", TMM_MREMAP(0, 4, 6, 2, FIXED),
		 "......AA A:rw#1@0"),
	TMM_CASE("move_several", "AABB.... B:r", TMM_MOVE(0, 4, 8),
		 "........AABB B:r"),
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

/*
 * brk() and stacks
 */

static const char *brk_picture(const char *writable, const char *executable)
{
	const vma_flags_t flags = VMA_DATA_DEFAULT_FLAGS;

	return vma_flags_test(&flags, VMA_EXEC_BIT) ? executable : writable;
}

static void brk_grows_one_vma(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_must(t, TMM_BRK(2, 2));
	tmm_expect_layout(t, brk_picture("..AA", "..AA A:rwx"));
	tmm_must(t, TMM_BRK(4, 3));
	tmm_expect_layout(t, brk_picture("..AAAAA", "..AAAAA A:rwx"));
	tmm_must(t, TMM_WRITE(2, 5));
	tmm_must(t, TMM_BRK(7, 1));
	tmm_expect_layout(t, brk_picture("..AAAAAA A:rw#1", "..AAAAAA A:rwx#1"));
	/* Not what only happens to be there. */
	tmm_must(t, TMM_MMAP(10, 2, "r"));
	tmm_must(t, TMM_BRK(12, 1));
	tmm_expect_layout(t, brk_picture("..AAAAAA..BBC A:rw#1 B:r",
					 "..AAAAAA..BBC A:rwx#1 B:r C:rwx"));
	/* Over something, which goes. */
	tmm_must(t, TMM_BRK(8, 3));
	tmm_expect_layout(t, brk_picture("..AAAAAAAAABC A:rw#1 B:r",
					 "..AAAAAAAAABC A:rwx#1 B:r C:rwx"));
}

static void brk_survives_lack_of_memory(struct kunit *test)
{
	struct tmm_case c = TMM_CASE("next_to_another", "AA.... A:r",
				     TMM_BRK(2, 2), NULL);

	c.after = brk_picture("AABB A:r", "AABB A:r B:rwx");
	tmm_run_case_out_of_memory(test, &c);
}

static void brk_grows_survives_lack_of_memory(struct kunit *test)
{
	struct tmm_case c = TMM_CASE("grow", NULL, TMM_BRK(2, 2), NULL);

	c.before = brk_picture("AA....", "AA.... A:rwx");
	c.after = brk_picture("AAAA", "AAAA A:rwx");
	tmm_run_case_out_of_memory(test, &c);
}

static int grow_down_to(struct test_mm *t, int from, int to)
{
	int err;

	mmap_write_lock(t->mm);
	err = expand_downwards(vma_lookup(t->mm, tmm_addr(t, from)),
			       tmm_addr(t, to));
	mmap_write_unlock(t->mm);
	t->doing = "expand_downwards()";
	__tmm_report(t, tmm_check(t));
	return err;
}

static void stack_grows_down(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_must(t, TMM_MMAP(40, 4, "rw+growsdown"));
	tmm_must(t, TMM_WRITE(43, 1));
	tmm_expect_layout(t, "........................................AAAA"
			     " A:rw#1+growsdown");
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 40, 36), 0);
	tmm_expect_layout(t, "....................................AAAAAAAA"
			     " A:rw#1+growsdown");
	tmm_must(t, TMM_WRITE(36, 8));
	/* It is there already. */
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 36, 38), 0);
	tmm_must(t, TMM_MMAP(2, 1, "r"));
	KUNIT_EXPECT_EQ_MSG(test, grow_down_to(t, 36, 34), -ENOMEM,
			    "the guard gap to the VMA below was not kept");
	KUNIT_EXPECT_EQ_MSG(test, grow_down_to(t, 2, 1), -EFAULT,
			    "not a VMA that grows");
	tmm_expect_layout(t, "..A.................................BBBBBBBB"
			     " A:r B:rw#1+growsdown");
}

static void locked_stack_is_counted(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_must(t, TMM_MMAP(40, 4, "rw+growsdown"));
	tmm_must(t, TMM_MLOCK(40, 4));
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 40, 36), 0);
	tmm_expect_layout(t, "....................................AAAAAAAA"
			     " A:rw#1+lock+growsdown");
}

/* What exec() does with the stack that it has put together. */
static int relocate_down(struct test_mm *t, int from, int pages)
{
	int err;

	mmap_write_lock(t->mm);
	err = relocate_vma_down(vma_lookup(t->mm, tmm_addr(t, from)),
				pages * PAGE_SIZE);
	mmap_write_unlock(t->mm);
	t->doing = "relocate_vma_down()";
	__tmm_report(t, tmm_check(t));
	return err;
}

static void stack_is_relocated(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "............AAAA A:rw#1");
	KUNIT_EXPECT_EQ(test, relocate_down(t, 12, 2), 0);
	tmm_expect_layout(t, "..........AAAA A:rw#1@12");
	KUNIT_EXPECT_EQ(test, relocate_down(t, 10, 4), 0);
	tmm_expect_layout(t, "......AAAA A:rw#1@12");
	KUNIT_EXPECT_EQ(test, relocate_down(t, 6, 5), 0);
	tmm_expect_layout(t, ".AAAA A:rw#1@12");
	/* Not over another. */
	tmm_must(t, TMM_MMAP(0, 1, "r"));
	KUNIT_EXPECT_EQ(test, relocate_down(t, 1, 1), -EFAULT);
	tmm_expect_layout(t, "ABBBB A:r B:rw#1@12");
}

/*
 * Limits. A kthread has its own, so they need not be restored.
 */

static void set_limit(int which, unsigned long pages)
{
	current->signal->rlim[which].rlim_cur = pages * PAGE_SIZE;
}

static void address_space_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAA A:r");
	set_limit(RLIMIT_AS, 6);
	tmm_expect_err(t, -ENOMEM, TMM_MMAP(4, 3, "r"));
	tmm_expect_err(t, -ENOMEM, TMM_MREMAP(0, 4, 0, 7, 0));
	tmm_expect_err(t, -ENOMEM, TMM_BRK(4, 3));
	tmm_expect_layout(t, "AAAA A:r");
	/* What is replaced does not count twice. */
	tmm_must(t, TMM_MMAP(2, 4, "-"));
	tmm_expect_layout(t, "AABBBB A:r B:-");
}

static void data_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABB B:r");
	set_limit(RLIMIT_DATA, 3);
	tmm_expect_err(t, -ENOMEM, TMM_MMAP(4, 2, "rw"));
	tmm_expect_err(t, -ENOMEM, TMM_MPROTECT(2, 2, "rw"));
	tmm_expect_err(t, -ENOMEM, TMM_BRK(4, 2));
	tmm_expect_layout(t, "AABB B:r");
	tmm_must(t, TMM_MPROTECT(2, 1, "rw"));
	tmm_expect_layout(t, "AAAB B:r");
}

static void stack_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_must(t, TMM_MMAP(40, 4, "rw+growsdown"));
	set_limit(RLIMIT_STACK, 6);
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 40, 37), -ENOMEM);
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 40, 38), 0);
	tmm_expect_layout(t, "......................................AAAAAA"
			     " A:rw#1+growsdown");
}

/*
 * Where there is room
 */

static int find_room(struct test_mm *t, int from, int to, int pages,
		     unsigned long flags, int align)
{
	struct vm_unmapped_area_info info = {
		.flags = flags,
		.length = pages * PAGE_SIZE,
		.low_limit = tmm_addr(t, from),
		.high_limit = tmm_addr(t, to),
		.align_mask = align ? align * PAGE_SIZE - 1 : 0,
		.align_offset = t->base,
	};
	unsigned long addr;

	mmap_read_lock(t->mm);
	addr = vm_unmapped_area(&info);
	mmap_read_unlock(t->mm);
	if (IS_ERR_VALUE(addr))
		return (int)addr;
	return (addr - t->base) >> PAGE_SHIFT;
}

static void room_is_found(struct kunit *test)
{
	const unsigned long down = VM_UNMAPPED_AREA_TOPDOWN;
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA..BB...CC");
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 11, 1, 0, 0), 2);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 11, 2, 0, 0), 2);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 11, 3, 0, 0), 6);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 11, 4, 0, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, find_room(t, 3, 11, 2, 0, 0), 6);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 12, 1, down, 0), 11);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 11, 1, down, 0), 8);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 11, 2, down, 0), 7);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 11, 3, down, 0), 6);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 11, 4, down, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 8, 2, down, 0), 6);
	/* With alignment the search is for the worst case of it. */
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 11, 1, 0, 2), 6);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 11, 1, down, 2), 8);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 11, 2, 0, 2), -ENOMEM);
}

/* None in the guard gap below a stack. */
static void no_room_below_a_stack(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA");
	tmm_must(t, TMM_MMAP(40, 4, "rw+growsdown"));
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 44, 1, 0, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 44, 1, VM_UNMAPPED_AREA_TOPDOWN, 0),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 46, 2, 0, 0), 44);
}

/*
 * Special mappings, and all locks at once
 */

static void special_mappings_stay_apart(struct kunit *test)
{
	static struct page *no_pages[] = { NULL };
	static const struct vm_special_mapping special = {
		.name = "[test]",
		.pages = no_pages,
	};
	struct test_mm *t = tmm_create(test);
	struct vm_area_struct *vma[2];
	int i;

	for (i = 0; i < 2; i++) {
		mmap_write_lock(t->mm);
		vma[i] = _install_special_mapping(t->mm, tmm_addr(t, 2 * i),
						  2 * PAGE_SIZE,
						  VM_READ | VM_MAYREAD, &special);
		mmap_write_unlock(t->mm);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vma[i]);
	}
	t->doing = "_install_special_mapping()";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AABB A:r+dontexpand@0~0 B:r+dontexpand@0~2");
	tmm_must(t, TMM_MUNMAP(0, 2));
	tmm_expect_layout(t, "..BB B:r+dontexpand@0~2");
}

static void all_locks_are_taken_and_dropped(struct kunit *test)
{
	bool anon_vma_locked, mapping_locked;
	struct test_mm *t = tmm_create(test);
	struct address_space *mapping;
	struct anon_vma *anon_vma;
	int err;

	tmm_draw(t, "AABBCC A:rw#1 B:rwsf0 C:rw#2");
	mapping = tmm_file(t, 0)->f_mapping;
	anon_vma = tmm_vma(t, 4)->anon_vma;

	mmap_write_lock(t->mm);
	err = mm_take_all_locks(t->mm);
	anon_vma_locked = rwsem_is_locked(&anon_vma->root->rwsem);
	mapping_locked = rwsem_is_locked(&mapping->i_mmap_rwsem);
	if (!err)
		mm_drop_all_locks(t->mm);
	mmap_write_unlock(t->mm);

	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_TRUE(test, anon_vma_locked);
	KUNIT_EXPECT_TRUE(test, mapping_locked);
	t->doing = "mm_drop_all_locks()";
	__tmm_report(t, tmm_check(t));
}

/*
 * vma_modify_flags() itself: it splits and merges, the caller sets the flags
 */

struct modified {
	bool error;
	unsigned long start, end;
	vm_flags_t flags;
};

/* Nothing is asserted here: the mmap_lock is held. */
static struct modified modify_flags(struct test_mm *t, int page, int nr,
				    vm_flags_t set, vm_flags_t clear)
{
	const unsigned long start = tmm_addr(t, page);
	const unsigned long end = tmm_addr(t, page + nr);
	struct vm_area_struct *vma, *prev;
	VMA_ITERATOR(vmi, t->mm, start);
	struct modified m = {};
	vma_flags_t flags;

	mmap_write_lock(t->mm);
	prev = vma_prev(&vmi);
	vma = vma_find(&vmi, end);
	if (start > vma->vm_start)
		prev = vma;
	flags = legacy_to_vma_flags((vma->vm_flags | set) & ~clear);
	vma = vma_modify_flags(&vmi, prev, vma, start, end, &flags);
	m.error = IS_ERR(vma);
	if (!m.error) {
		vma_start_write(vma);
		vm_flags_reset(vma, vma_flags_to_legacy(flags));
		m.start = vma->vm_start;
		m.end = vma->vm_end;
		m.flags = vma->vm_flags;
	}
	mmap_write_unlock(t->mm);
	t->doing = "vma_modify_flags()";
	__tmm_report(t, tmm_check(t));
	return m;
}

static void modify_flags_returns_the_range(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	struct modified m;

	tmm_draw(t, "AAAAAA A:rw#1");
	m = modify_flags(t, 2, 2, VM_DONTCOPY, 0);
	KUNIT_ASSERT_FALSE(test, m.error);
	KUNIT_EXPECT_EQ(test, m.start, tmm_addr(t, 2));
	KUNIT_EXPECT_EQ(test, m.end, tmm_addr(t, 4));
	tmm_expect_layout(t, "AABBCC A:rw#1 B:rw#1+dontcopy C:rw#1");

	/* The next one grows to the left, the middle one shrinks. */
	m = modify_flags(t, 3, 1, 0, VM_DONTCOPY);
	KUNIT_EXPECT_EQ(test, m.start, tmm_addr(t, 3));
	KUNIT_EXPECT_EQ(test, m.end, tmm_addr(t, 6));
	tmm_expect_layout(t, "AABCCC A:rw#1 B:rw#1+dontcopy C:rw#1");

	m = modify_flags(t, 2, 1, 0, VM_DONTCOPY);
	KUNIT_EXPECT_EQ(test, m.start, tmm_addr(t, 0));
	KUNIT_EXPECT_EQ(test, m.end, tmm_addr(t, 6));
	tmm_expect_layout(t, "AAAAAA A:rw#1");
}

/* The caller overwrites the flags, so it must be told the sticky ones. */
static void modify_flags_returns_sticky_flags(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	struct modified m;

	tmm_draw(t, "AABB A:rw+guard#1 B:r");
	/* The accounting that mprotect() does. */
	vm_acct_memory(2);
	t->mm->data_vm += 2;
	m = modify_flags(t, 2, 2, VM_WRITE | VM_ACCOUNT, 0);
	KUNIT_ASSERT_FALSE(test, m.error);
	KUNIT_EXPECT_TRUE(test, m.flags & VM_MAYBE_GUARD);
	tmm_expect_layout(t, "AAAA A:rw+guard#1");
}

static void remap_survives_lack_of_memory(struct kunit *test)
{
	tmm_run_case_out_of_memory(test, test->param_value);
}

static struct kunit_case vma_modify_cases[] = {
	KUNIT_CASE_PARAM(merges_back, round_trips_gen_params),
	KUNIT_CASE_PARAM(remaps_as_asked, remaps_gen_params),
	KUNIT_CASE_PARAM(remaps_as_asked_in_steps, remaps_in_steps_gen_params),
	KUNIT_CASE(brk_grows_one_vma),
	KUNIT_CASE(stack_grows_down),
	KUNIT_CASE(locked_stack_is_counted),
	KUNIT_CASE(stack_is_relocated),
	KUNIT_CASE(address_space_is_limited),
	KUNIT_CASE(data_is_limited),
	KUNIT_CASE(stack_is_limited),
	KUNIT_CASE(room_is_found),
	KUNIT_CASE(no_room_below_a_stack),
	KUNIT_CASE(special_mappings_stay_apart),
	KUNIT_CASE(all_locks_are_taken_and_dropped),
	KUNIT_CASE(modify_flags_returns_the_range),
	KUNIT_CASE(modify_flags_returns_sticky_flags),
	KUNIT_CASE_PARAM(change_survives_lack_of_memory, round_trips_gen_params),
	KUNIT_CASE(brk_survives_lack_of_memory),
	KUNIT_CASE(brk_grows_survives_lack_of_memory),
	KUNIT_CASE_PARAM(remap_survives_lack_of_memory, remaps_gen_params),
	{}
};

static struct kunit_suite vma_modify_suite = {
	.name = "vma_modify",
	.test_cases = vma_modify_cases,
};

kunit_test_suite(vma_modify_suite);

MODULE_DESCRIPTION("Tests for changing VMAs");
MODULE_LICENSE("GPL");
