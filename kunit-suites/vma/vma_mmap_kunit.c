// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap(): what may be mapped where, what drivers and files have a say in, and
 * what is left when it fails half way.
 *
 * checkpatch: SPLIT_STRING: pictures are wide
 */
#include <linux/ksm.h>
#include <linux/mman.h>
#include <linux/sched/coredump.h>

#include "internal.h"
#include "ops.h"
#include "test_mm.h"

#define DROPPABLE	"+droppable+wipe+dontdump+noreserve"
#define NOREPLACE(page, nr, what) \
	TMM_OP(MMAP, page, nr, .attr = (what), .arg = MAP_FIXED_NOREPLACE)
#define WITH(page, nr, what, flags) \
	TMM_OP(MMAP, page, nr, .attr = (what), .arg = (flags))

static const struct tmm_case mappings[] = {
	TMM_CASE("where_nothing_is", "AA..BB A:r B:r", NOREPLACE(2, 2, "rw"),
		 "AACCBB A:r B:r C:rw"),
	TMM_CASE_ERR("where_something_is", "AA..BB A:r B:r", NOREPLACE(2, 3, "rw"),
		     -EEXIST),
	TMM_CASE_ERR("on_the_last_page", "AA A:r", NOREPLACE(1, 3, "rw"), -EEXIST),
	TMM_CASE("populated", "....", WITH(0, 2, "rw", MAP_POPULATE),
		 "AA A:rw#1"),
	TMM_CASE("locked_over_another", "AABB A:r B:x", TMM_MMAP(1, 2, "rw+lock"),
		 "ACCB A:r C:rw#1+lock B:x"),
	TMM_CASE("droppable", "....", TMM_MMAP(0, 2, "rw" DROPPABLE),
		 "AA A:rw" DROPPABLE),
	TMM_CASE_ERR("droppable_and_locked", "....",
		     WITH(0, 2, "rw" DROPPABLE, MAP_LOCKED), -EINVAL),
	TMM_CASE_ERR("droppable_stack", "....",
		     WITH(0, 2, "rw" DROPPABLE, MAP_GROWSDOWN), -EINVAL),
	TMM_CASE_ERR("shared_stack", "....", WITH(0, 2, "rwsz", MAP_GROWSDOWN),
		     -EINVAL),
	TMM_CASE_ERR("stack_of_a_file", "....", WITH(0, 2, "rwf0", MAP_GROWSDOWN),
		     -EINVAL),
	TMM_CASE_ERR("no_pages", "....", TMM_MMAP(0, 0, "rw"), -EINVAL),
	/* What comes before is split by then. */
	{ "over_sealed", "AABB B:rw+sealed", TMM_MMAP(1, 2, "r"), -EPERM,
	  "ACBB B:rw+sealed" },
	TMM_CASE_ERR("within_sealed", "AAAA A:rw+sealed", TMM_MMAP(1, 2, "r"),
		     -EPERM),
	TMM_CASE_ERR("unmap_sealed", "AABB B:rw+sealed", TMM_MUNMAP(0, 4), -EPERM),
	TMM_CASE_ERR("unmap_start_of_sealed", "AAAA A:rw+sealed",
		     TMM_MUNMAP(0, 2), -EPERM),
	TMM_CASE_ERR("unmap_middle_of_sealed", "AAAA A:rw+sealed",
		     TMM_MUNMAP(1, 2), -EPERM),
	{ "unmap_from_unsealed_into_sealed", "AABB A:rw#1+lock B:r+sealed",
	  TMM_MUNMAP(1, 2), -EPERM, "ACBB A:rw#1+lock C:rw#1+lock B:r+sealed" },
	TMM_CASE_ERR("heap_over_sealed", "AA A:r+sealed", TMM_BRK(1, 2), -EPERM),
	TMM_CASE("seal_part", "AAAA A:rw#1", TMM_SEAL(1, 2),
		 "ABBC A:rw#1 B:rw#1+sealed C:rw#1"),
	TMM_CASE("seal_next_to_sealed", "AABB A:rw+sealed", TMM_SEAL(2, 2),
		 "AAAA A:rw+sealed"),
	TMM_CASE("seal_over_sealed", "AABBCC A:rw B:rw+sealed C:rw",
		 TMM_SEAL(1, 4), "ABBBBC A:rw B:rw+sealed C:rw"),
	TMM_CASE("seal_over_two_kinds", "AABB A:rw B:r", TMM_SEAL(1, 2),
		 "ABCD A:rw B:rw+sealed C:r+sealed D:r"),
	TMM_CASE("seal_guarded", "AABB A:rw+guard#1+sealed B:rw",
		 TMM_SEAL(2, 2), "AAAA A:rw+guard#1+sealed"),
	TMM_CASE_ERR("seal_over_a_hole", "AA.BB", TMM_SEAL(1, 3), -ENOMEM),
	TMM_CASE_ERR("seal_a_hole", "AA..", TMM_SEAL(2, 1), -ENOMEM),
	TMM_CASE_ERR("seal_beyond_the_end", "AA..", TMM_SEAL(1, 2), -ENOMEM),
	TMM_CASE_ERR("seal_from_a_hole", "..AA", TMM_SEAL(1, 2), -ENOMEM),
	TMM_CASE_ERR("seal_part_of_unsplittable", "AAAA A:rwsf3", TMM_SEAL(1, 2),
		     -EINVAL),
};

KUNIT_ARRAY_PARAM_DESC(mappings, mappings, name);

static void mapped_as_asked(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

/*
 * Drivers that set themselves up before anything is merged (f4), or exchange
 * the file as /dev/zero does (f5).
 */
static const struct tmm_case prepared[] = {
	TMM_CASE("alone", "....", TMM_MMAP(0, 2, "rwsf4"), "AA A:rwsf4"),
	TMM_CASE("private", "....", TMM_MMAP(0, 2, "rwf4"), "AA A:rwf4"),
	TMM_CASE("merges_left", "AA.. A:rwsf4", TMM_MMAP(2, 2, "rwsf4"),
		 "AAAA A:rwsf4"),
	TMM_CASE("merges_both", "AA..BB A:rwsf4 B:rwsf4", TMM_MMAP(2, 2, "rwsf4"),
		 "AAAAAA A:rwsf4"),
	TMM_CASE("over_another", "AABB A:rw#1 B:r", TMM_MMAP(1, 2, "rwsf4"),
		 "ACCB A:rw#1 C:rwsf4 B:r"),
	TMM_CASE("zero_private", "....", TMM_MMAP(0, 2, "rwf5"), "AA A:rwf5"),
	TMM_CASE("zero_private_merges", "AA.. A:rwf5", TMM_MMAP(2, 2, "rwf5"),
		 "AAAA A:rwf5"),
	TMM_CASE("zero_private_apart_from_anonymous", "AA..",
		 TMM_MMAP(2, 2, "rwf5"), "AABB B:rwf5"),
	TMM_CASE("hidden_until_mapped", "....", TMM_MMAP(0, 2, "rwsf6"),
		 "AA A:rwsf6+pfnmap"),
	TMM_CASE("hidden_next_to_its_like", "AA.. A:rwsf6+pfnmap",
		 TMM_MMAP(2, 2, "rwsf6"), "AABB A:rwsf6+pfnmap B:rwsf6+pfnmap"),
	TMM_CASE("hidden_private", "AABB A:rw#1 B:r", TMM_MMAP(1, 2, "rf6"),
		 "ACCB A:rw#1 C:rf6+pfnmap B:r"),
};

KUNIT_ARRAY_PARAM_DESC(prepared, prepared, name);

static void drivers_prepare_a_mapping(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

static const struct tmm_case zero_shared[] = {
	TMM_CASE("alone", "....", TMM_MMAP(0, 2, "rwsf5@0"), "AA A:rwsz@0"),
	TMM_CASE("apart", "AA.. A:rwsz@0", TMM_MMAP(2, 2, "rwsf5@0"),
		 "AABB A:rwsz@0 B:rwsz@0"),
	TMM_CASE("over_another", "AABB A:rw#1 B:r", TMM_MMAP(1, 2, "rwsf5@0"),
		 "ACCB A:rw#1 C:rwsz@0 B:r"),
};

KUNIT_ARRAY_PARAM_DESC(zero_shared, zero_shared, name);

static void driver_exchanges_the_file(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_SHMEM))
		kunit_skip(test, "no shmem (CONFIG_SHMEM)");
	tmm_run_case(test, test->param_value);
}

/* What was there is gone when the driver refuses; that is all that is. */
static const struct tmm_case failing[] = {
	TMM_CASE("mmap", "....", TMM_MMAP(0, 2, "rwsf2"), "...."),
	TMM_CASE("mmap_private", "AA..", TMM_MMAP(2, 2, "rwf2"), "AA"),
	TMM_CASE("mmap_closed", "....", TMM_MMAP(0, 2, "rwsf2@6"), "...."),
	TMM_CASE("mmap_over_some", "AABBCC A:rw#1 B:rwsf0 C:rw#2+lock",
		 TMM_MMAP(1, 4, "rwf2"), "A....C A:rw#1 C:rw#2+lock"),
	TMM_CASE("mmap_over_closed", "....AAAA A:rwsf2", TMM_MMAP(5, 2, "rwsf2@9"),
		 "....A..B A:rwsf2 B:rwsf2"),
	TMM_CASE("mmap_between_equals", "AA..BB A:rwsf2@4 B:rwsf2@8",
		 TMM_MMAP(2, 2, "rwsf2@30"), "AA..BB A:rwsf2@4 B:rwsf2@8"),
	TMM_CASE("prepare", "....", TMM_MMAP(0, 2, "rwsf4"), "...."),
	TMM_CASE("prepare_private", "AA..", TMM_MMAP(2, 2, "rwf4"), "AA"),
	TMM_CASE("prepare_over_some", "AABBCC A:rw#1 B:rwsf0 C:rw#2+lock",
		 TMM_MMAP(1, 4, "rwf4"), "A....C A:rw#1 C:rw#2+lock"),
	TMM_CASE("prepare_over_itself", "AAAA A:rwsf4", TMM_MMAP(1, 2, "rwsf4"),
		 "A..B A:rwsf4 B:rwsf4"),
	TMM_CASE("mapped", "....", TMM_MMAP(0, 2, "rwsf6"), "...."),
	TMM_CASE("mapped_over_some", "AABBCC A:rw#1 B:rwsf0 C:rw#2+lock",
		 TMM_MMAP(1, 4, "rf6"), "A....C A:rw#1 C:rw#2+lock"),
	TMM_CASE("mapped_between_its_like", "AA..BB A:rwsf6+pfnmap B:rwsf6+pfnmap",
		 TMM_MMAP(2, 2, "rwsf6"), "AA..BB A:rwsf6+pfnmap B:rwsf6+pfnmap"),
};

KUNIT_ARRAY_PARAM_DESC(failing, failing, name);

static void drivers_error_leaves_a_hole(struct kunit *test)
{
	const struct tmm_case *c = test->param_value;
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, c->before);
	tmm_driver_fails(-EIO);
	tmm_expect_err(t, -EIO, c->op);
	tmm_driver_fails(0);
	tmm_expect_layout(t, c->after);
}

/* Nor is anything left of a mapping whose pages would not fit into it. */
static void action_that_does_not_fit_leaves_a_hole(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABBCC A:rw#1 B:rwsf0 C:rw#2+lock");
	tmm_expect_err(t, -EFAULT, TMM_MMAP(1, 4, "rwf6@32"));
	tmm_expect_layout(t, "A....C A:rw#1 C:rw#2+lock");
	tmm_expect_err(t, -EFAULT, TMM_MMAP(2, 2, "rsf6@40"));
	tmm_expect_layout(t, "A....C A:rw#1 C:rw#2+lock");
}

/*
 * What a process gets whose memory KSM merges by default: all but what a
 * driver might still change.
 */
static void ksm_takes_what_no_driver_changes(struct kunit *test)
{
#ifdef CONFIG_KSM
	struct test_mm *t = tmm_create(test);
	int err;

	mmap_write_lock(t->mm);
	err = ksm_enable_merge_any(t->mm);
	mmap_write_unlock(t->mm);
	KUNIT_ASSERT_EQ(test, err, 0);
	tmm_must(t, TMM_MMAP(0, 2, "rw"));
	tmm_must(t, TMM_MMAP(2, 2, "rwf0"));
	tmm_must(t, TMM_MMAP(4, 2, "rwsf0"));
	tmm_must(t, TMM_MMAP(6, 2, "rwf4"));
	tmm_must(t, TMM_MMAP(8, 2, "rwf2"));
	tmm_must(t, TMM_MMAP(10, 2, "rwf6"));
	tmm_expect_layout(t, "AABBCCDDEEFF A:rw+mergeable B:rwf0+mergeable C:rwsf0"
			     " D:rwf4+mergeable E:rwf2+mergeable F:rwf6+pfnmap");
	/* One that is told of its end is given up to have them merge. */
	tmm_must(t, TMM_MMAP(12, 2, "rw"));
	tmm_expect_layout(t, "AABBCCDDEEFFGG A:rw+mergeable B:rwf0+mergeable C:rwsf0"
			     " D:rwf4+mergeable E:rwf2+mergeable F:rwf6+pfnmap"
			     " G:rw+mergeable");
#else
	kunit_skip(test, "no KSM (CONFIG_KSM)");
#endif
}

/*
 * What the file allows
 */

static void access_to_the_file_limits_the_mapping(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	struct file *file = tmm_file(t, 0);
	const fmode_t mode = file->f_mode;

	file->f_mode = mode & ~FMODE_WRITE;
	tmm_expect_err(t, -EACCES, TMM_MMAP(0, 2, "rwsf0"));
	tmm_must(t, TMM_MMAP(0, 2, "rsf0"));
	tmm_expect_err(t, -EACCES, TMM_MPROTECT(0, 2, "rw"));
	/* It cannot be written through, so it is not shared for writing. */
	tmm_expect_layout(t, "AA A:rf0");
	tmm_must(t, TMM_MMAP(2, 2, "rwf0"));
	tmm_expect_layout(t, "AABB A:rf0 B:rwf0");
	tmm_expect_err(t, -EACCES, TMM_MADVISE(0, 2, MADV_REMOVE));
	file->f_mode = mode & ~FMODE_READ;
	tmm_expect_err(t, -EACCES, TMM_MMAP(4, 2, "rf0"));
	tmm_expect_err(t, -EACCES, TMM_MMAP(4, 2, "wsf0"));
	file->f_mode = mode;
	/* What may only grow at its end is not written to in the middle. */
	file_inode(file)->i_flags |= S_APPEND;
	tmm_expect_err(t, -EACCES, TMM_MMAP(4, 2, "rsf0"));
	tmm_must(t, TMM_MMAP(4, 2, "rwf0@4"));
	file_inode(file)->i_flags &= ~S_APPEND;
	tmm_expect_layout(t, "AABBBB A:rf0 B:rwf0");
}

/* No page has an offset that is none, or that its file cannot have. */
static void offsets_end_somewhere(struct kunit *test)
{
	const pgoff_t last = MAX_LFS_FILESIZE >> PAGE_SHIFT;
	struct test_mm *t = tmm_create(test);
	const unsigned long at = tmm_addr(t, 0);
	struct file *file = tmm_file(t, 0);

	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			(long)vm_mmap_pgoff(file, at, 2 * PAGE_SIZE, PROT_READ,
					    MAP_SHARED | MAP_FIXED, last));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			(long)vm_mmap_pgoff(NULL, at, 2 * PAGE_SIZE, PROT_READ,
					    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
					    ULONG_MAX));
	t->doing = "mmap() of what cannot be";
	tmm_expect_layout(t, "");
}

/* A seal keeps writers away, also those that would only come later. */
static void sealed_file_is_not_mapped_for_writing(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AA A:rw+sealed");
	t = tmm_create(test);
	/* A writable mapping keeps the seal away ... */
	tmm_must(t, TMM_MMAP(0, 2, "rwsf0"));
	tmm_must(t, TMM_MPROTECT(0, 2, "r"));
	KUNIT_EXPECT_EQ(test, tmm_seal_file(t, 0), -EBUSY);
	tmm_must(t, TMM_MUNMAP(0, 2));
	/* ... and one that is gone, or was never there, does not. */
	tmm_draw(t, "AA A:rw+sealed");
	tmm_expect_err(t, -EPERM, TMM_MMAP(0, 2, "rwsf0"));
	KUNIT_EXPECT_EQ(test, tmm_seal_file(t, 0), 0);
	tmm_expect_err(t, -EPERM, TMM_MMAP(2, 2, "rwsf0"));
	tmm_must(t, TMM_MMAP(2, 2, "rsf0"));
	tmm_expect_err(t, -EACCES, TMM_MPROTECT(2, 2, "rw"));
	tmm_must(t, TMM_MMAP(4, 2, "rwf0"));
	tmm_expect_layout(t, "AABBCC A:rw+sealed B:rsf0 C:rwf0");

	/* Others than memfd may deny it, too. */
	KUNIT_ASSERT_EQ(test, 0, mapping_deny_writable(tmm_file(t, 1)->f_mapping));
	t->sealed[1] = true;
	tmm_expect_err(t, -EPERM, TMM_MMAP(10, 2, "rwsf1"));
	tmm_expect_err(t, -EPERM, TMM_MMAP(10, 2, "rsf1"));
	tmm_must(t, TMM_MMAP(10, 2, "rwf1"));
}

static void files_that_cannot_be_mapped(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	unsigned long addr;

	addr = vm_mmap(tmm_file(t, 3), tmm_addr(t, 0), PAGE_SIZE, PROT_READ,
		       MAP_FIXED | MAP_SHARED_VALIDATE | MAP_SYNC, 0);
	KUNIT_EXPECT_EQ(test, (long)addr, -EOPNOTSUPP);
	addr = vm_mmap(tmm_file(t, 3), tmm_addr(t, 0), PAGE_SIZE, PROT_READ,
		       MAP_FIXED, 0);
	KUNIT_EXPECT_EQ(test, (long)addr, -EINVAL);
	addr = vm_mmap(NULL, tmm_addr(t, 0), PAGE_SIZE, PROT_READ,
		       MAP_FIXED | MAP_ANONYMOUS, 0);
	KUNIT_EXPECT_EQ(test, (long)addr, -EINVAL);
	addr = vm_mmap(NULL, tmm_addr(t, 0) + 1, PAGE_SIZE, PROT_READ,
		       MAP_FIXED | MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_EXPECT_EQ(test, (long)addr, -EINVAL);
	addr = vm_mmap(NULL, 0, TASK_SIZE + PAGE_SIZE, PROT_READ,
		       MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_EXPECT_EQ(test, (long)addr, -ENOMEM);
	t->doing = "what was refused";
	tmm_expect_layout(t, "");
}

static void unmapping_nonsense_is_refused(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA");
	KUNIT_EXPECT_EQ(test, vm_munmap(tmm_addr(t, 0) + 1, PAGE_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, vm_munmap(tmm_addr(t, 0), 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, vm_munmap(tmm_addr(t, 0), TASK_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, vm_munmap(TASK_SIZE + PAGE_SIZE, PAGE_SIZE), -EINVAL);
	t->doing = "what was refused";
	tmm_expect_layout(t, "AA");
	/* As many pages as it touches. */
	KUNIT_EXPECT_EQ(test, vm_munmap(tmm_addr(t, 1), 1), 0);
	t->doing = "munmap(1, 0.1)";
	tmm_expect_layout(t, "A");
}

/* munmap() itself goes on without the lock for writing, and drops it. */
static void unmapping_drops_the_lock(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABBCC A:rw#1 B:rwsf0 C:rw#2+lock");
	KUNIT_EXPECT_EQ(test, __vm_munmap(tmm_addr(t, 1), tmm_len(t, 4), true), 0);
	t->doing = "munmap(1, 4) without the lock";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "A....C A:rw#1 C:rw#2+lock");
	KUNIT_EXPECT_EQ(test, __vm_munmap(tmm_addr(t, 8), tmm_len(t, 1), true), 0);
	KUNIT_EXPECT_EQ(test, __vm_munmap(tmm_addr(t, 5), 0, true), -EINVAL);
	t->doing = "munmap() of nothing without the lock";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "A....C A:rw#1 C:rw#2+lock");
}

/*
 * Limits
 */

static void number_of_vmas_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA.BB A:r B:-");
	tmm_limit_vmas(t, -1);
	tmm_expect_err(t, -ENOMEM, TMM_MMAP(6, 2, "rw"));
	tmm_limit_vmas(t, 0);
	tmm_must(t, TMM_MMAP(6, 2, "rw"));
	tmm_expect_err(t, -ENOMEM, TMM_MMAP(10, 2, "rw"));
	tmm_expect_layout(t, "AA.BB.CC A:r B:-");
	/* Only new mappings ask: over others it may come to one more. */
	tmm_limit_vmas(t, 0);
	tmm_must(t, TMM_MMAP(0, 1, "rw"));
	tmm_expect_layout(t, "DA.BB.CC D:rw A:r B:-");
}

static void charge_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAABB A:rw#1 B:r");
	tmm_file(t, 0);		/* It is charged for, too. */
	tmm_limit_commit(t, 1);
	tmm_expect_err(t, -ENOMEM, TMM_MMAP(10, 2, "rw"));
	tmm_expect_err(t, -ENOMEM, TMM_MMAP(10, 2, "rwf0"));
	tmm_expect_err(t, -ENOMEM, TMM_MMAP(2, 4, "rwx"));
	tmm_expect_layout(t, "AACCBB A:rw#1 C:rw#1 B:r");
	/* What it takes the place of is charged already. */
	tmm_must(t, TMM_MMAP(2, 3, "rwx"));
	tmm_expect_layout(t, "AACCCB A:rw#1 C:rwx B:r");
	tmm_must(t, TMM_MMAP(10, 4, "r"));
	/* Where nobody overcommits, nobody is exempt. */
	tmm_expect_err(t, -ENOMEM, TMM_MMAP(20, 4, "rw+noreserve"));
	tmm_must(t, TMM_MMAP(30, 4, "rwsf0"));
}

/* Memory that may not be written and executed, once a process asked for that. */
static void no_write_and_execute(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABBCCDD A:rwx B:rw C:rx D:r");
	mm_flags_set(MMF_HAS_MDWE, t->mm);
	tmm_expect_err(t, -EACCES, TMM_MMAP(10, 2, "rwx"));
	tmm_expect_err(t, -EACCES, TMM_MMAP(0, 2, "rwx"));
	tmm_expect_err(t, -EACCES, TMM_MPROTECT(2, 2, "rx"));
	tmm_expect_err(t, -EACCES, TMM_MPROTECT(4, 2, "rwx"));
	tmm_expect_err(t, -EACCES, TMM_MPROTECT(6, 2, "x"));
	tmm_expect_layout(t, "AABBCCDD A:rwx B:rw C:rx D:r");
	tmm_must(t, TMM_MPROTECT(4, 2, "x"));
	tmm_must(t, TMM_MPROTECT(4, 2, "r"));
	tmm_must(t, TMM_MPROTECT(0, 2, "rw"));
	tmm_must(t, TMM_MMAP(10, 2, "rx"));
	tmm_expect_layout(t, "AAAACCCC..DD A:rw C:r D:rx");
}

/*
 * Special mappings: no pages but their own, and hooks of their owner
 */

static int special_closed, special_moved;

static int note_move(const struct vm_special_mapping *sm,
		     struct vm_area_struct *vma)
{
	special_moved++;
	return 0;
}

static void note_close(const struct vm_special_mapping *sm,
		       struct vm_area_struct *vma)
{
	special_closed++;
}

static vm_fault_t no_fault(const struct vm_special_mapping *sm,
			   struct vm_area_struct *vma, struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static void owner_of_a_special_mapping_is_told(struct kunit *test)
{
	static const struct vm_special_mapping special = {
		.name = "[test]",
		.fault = no_fault,
		.mremap = note_move,
		.close = note_close,
	};
	struct test_mm *t = tmm_create(test);
	struct vm_area_struct *vma;
	bool is_ours;

	special_closed = 0;
	special_moved = 0;
	mmap_write_lock(t->mm);
	vma = _install_special_mapping(t->mm, tmm_addr(t, 0), 2 * PAGE_SIZE,
				       VM_READ | VM_MAYREAD, &special);
	is_ours = vma_is_special_mapping(vma, &special);
	mmap_write_unlock(t->mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vma);
	KUNIT_EXPECT_TRUE(test, is_ours);
	KUNIT_EXPECT_STREQ(test, vma->vm_ops->name(vma), "[test]");
	tmm_expect_err(t, -EFAULT, TMM_READ(0, 1));
	tmm_expect_err(t, -EINVAL, TMM_MUNMAP(0, 1));
	tmm_must(t, TMM_MOVE(0, 2, 5));
	KUNIT_EXPECT_EQ(test, special_moved, 1);
	KUNIT_EXPECT_EQ(test, special_closed, 1);
	tmm_must(t, TMM_MUNMAP(5, 2));
	KUNIT_EXPECT_EQ(test, special_closed, 2);
}

static void special_mapping_finds_its_place_taken(struct kunit *test)
{
	static struct page *no_pages[] = { NULL };
	static const struct vm_special_mapping special = {
		.name = "[test]",
		.pages = no_pages,
	};
	struct test_mm *t = tmm_create(test);
	struct vm_area_struct *vma;

	tmm_draw(t, ".AA");
	mmap_write_lock(t->mm);
	vma = _install_special_mapping(t->mm, tmm_addr(t, 0), 2 * PAGE_SIZE,
				       VM_READ | VM_MAYREAD, &special);
	mmap_write_unlock(t->mm);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vma), -ENOMEM);
	tmm_expect_layout(t, ".AA");
	/* One that is charged, and may not be. */
	tmm_limit_commit(t, 1);
	mmap_write_lock(t->mm);
	vma = _install_special_mapping(t->mm, tmm_addr(t, 10), 2 * PAGE_SIZE,
				       VM_READ | VM_MAYREAD | VM_ACCOUNT,
				       &special);
	mmap_write_unlock(t->mm);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vma), -ENOMEM);
	tmm_expect_layout(t, ".AA");
}

struct special_flags {
	const char *name;
	vm_flags_t flags;
	const char *after;
};

static const struct special_flags special_flags[] = {
	{ "charged_for", VM_ACCOUNT, "AABB B:r+acct+dontexpand@0~2" },
	{ "free_of_charge", 0, "AABB B:r+dontexpand@0~2" },
};

KUNIT_ARRAY_PARAM_DESC(special_flags, special_flags, name);

static void special_mapping_survives_lack_of_memory(struct kunit *test)
{
	const struct special_flags *f = test->param_value;
	static struct page *no_pages[] = { NULL };
	static const struct vm_special_mapping special = {
		.name = "[test]",
		.pages = no_pages,
	};
	struct test_mm *t = tmm_create(test);
	struct vm_area_struct *vma;
	int nth = 0;

	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	tmm_draw(t, "AA");
	do {
		tmm_arm(++nth);
		mmap_write_lock(t->mm);
		vma = _install_special_mapping(t->mm, tmm_addr(t, 2),
					       2 * PAGE_SIZE, VM_READ |
					       VM_MAYREAD | f->flags, &special);
		mmap_write_unlock(t->mm);
		tmm_disarm();
		t->doing = "_install_special_mapping() without memory";
		__tmm_report(t, tmm_check(t));
	} while (IS_ERR(vma) && nth < 20);
	KUNIT_EXPECT_GT(test, nth, 1);
	tmm_expect_layout(t, f->after);
}

TMM_GEN_PARAMS(allocating, TMM_TABLE(prepared), TMM_TABLE(zero_shared));

static void mmap_survives_lack_of_memory(struct kunit *test)
{
	const struct tmm_case *c = test->param_value;

	if (strstr(c->op.attr, "f5") && !IS_ENABLED(CONFIG_SHMEM))
		kunit_skip(test, "no shmem (CONFIG_SHMEM)");
	tmm_run_case_out_of_memory(test, c);
}

static struct kunit_case vma_mmap_cases[] = {
	KUNIT_CASE_PARAM(mapped_as_asked, mappings_gen_params),
	KUNIT_CASE_PARAM(drivers_prepare_a_mapping, prepared_gen_params),
	KUNIT_CASE_PARAM(driver_exchanges_the_file, zero_shared_gen_params),
	KUNIT_CASE_PARAM(drivers_error_leaves_a_hole, failing_gen_params),
	KUNIT_CASE(action_that_does_not_fit_leaves_a_hole),
	KUNIT_CASE(ksm_takes_what_no_driver_changes),
	KUNIT_CASE(access_to_the_file_limits_the_mapping),
	KUNIT_CASE(offsets_end_somewhere),
	KUNIT_CASE(sealed_file_is_not_mapped_for_writing),
	KUNIT_CASE(files_that_cannot_be_mapped),
	KUNIT_CASE(unmapping_nonsense_is_refused),
	KUNIT_CASE(unmapping_drops_the_lock),
	KUNIT_CASE(number_of_vmas_is_limited),
	KUNIT_CASE(charge_is_limited),
	KUNIT_CASE(no_write_and_execute),
	KUNIT_CASE(owner_of_a_special_mapping_is_told),
	KUNIT_CASE(special_mapping_finds_its_place_taken),
	KUNIT_CASE_PARAM(special_mapping_survives_lack_of_memory,
			 special_flags_gen_params),
	KUNIT_CASE_PARAM(mmap_survives_lack_of_memory, allocating_gen_params),
	{}
};

static struct kunit_suite vma_mmap_suite = {
	.name = "vma_mmap",
	.test_cases = vma_mmap_cases,
};

kunit_test_suite(vma_mmap_suite);

MODULE_DESCRIPTION("Tests for mmap()");
MODULE_LICENSE("GPL");
