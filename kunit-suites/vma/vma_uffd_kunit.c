// SPDX-License-Identifier: GPL-2.0-only
/*
 * userfaultfd: which ranges it takes, how registering splits and merges, and
 * that nothing of it is left in VMAs and page tables when it is gone.
 *
 * checkpatch: SPLIT_STRING: pictures are wide
 * checkpatch: YIELD: a sleep is 10 ms at least where HZ is 100
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/poll.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/userfaultfd_k.h>

#include "internal.h"
#include "ops.h"
#include "test_mm.h"

#define MISSING		UFFDIO_REGISTER_MODE_MISSING
#define WP		UFFDIO_REGISTER_MODE_WP
#define MINOR_FAULTS	UFFDIO_REGISTER_MODE_MINOR

static const struct tmm_case registrations[] = {
	TMM_CASE("all", "AAAA", TMM_UFFD(0, 4, 0), "AAAA A:rwu0"),
	TMM_CASE("start", "AAAA A:rw#1", TMM_UFFD(0, 2, 0), "AABB A:rw#1u0 B:rw#1"),
	TMM_CASE("middle", "AAAA A:rw#1", TMM_UFFD(1, 2, 0),
		 "ABBC A:rw#1 B:rw#1u0 C:rw#1"),
	TMM_CASE("end", "AAAA", TMM_UFFD(2, 2, 0), "AABB B:rwu0"),
	TMM_CASE("over_two", "AABB B:r", TMM_UFFD(1, 2, 0),
		 "ABCD A:rw B:rwu0 C:ru0 D:r"),
	TMM_CASE("over_a_hole", "AA.BB A:rw#1 B:rw#2", TMM_UFFD(1, 3, 0),
		 "AC.DB A:rw#1 C:rw#1u0 D:rw#2u0 B:rw#2"),
	TMM_CASE("from_a_hole", "..AA", TMM_UFFD(0, 3, 0), "..BA B:rwu0"),
	TMM_CASE("merges_left", "AABB A:rwu0", TMM_UFFD(2, 2, 0), "AAAA A:rwu0"),
	TMM_CASE("merges_right", "AABB B:rwu0", TMM_UFFD(0, 2, 0), "AAAA A:rwu0"),
	TMM_CASE("merges_both", "AABBCC A:rwu0 C:rwu0", TMM_UFFD(2, 2, 0),
		 "AAAAAA A:rwu0"),
	TMM_CASE("part_merges_left", "AABB A:rwu0", TMM_UFFD(2, 1, 0),
		 "AAAB A:rwu0"),
	TMM_CASE("part_merges_right", "AABB B:rwu0", TMM_UFFD(1, 1, 0),
		 "ABBB B:rwu0"),
	TMM_CASE("over_registered", "AABBCC B:rwu0", TMM_UFFD(0, 6, 0),
		 "AAAAAA A:rwu0"),
	TMM_CASE("again", "AAAA A:rwu0", TMM_UFFD(1, 2, 0), "AAAA A:rwu0"),
	TMM_CASE("next_to_another", "AABB A:rwu1", TMM_UFFD(2, 2, 0),
		 "AABB A:rwu1 B:rwu0"),
	TMM_CASE("read_only", "AAAA A:r", TMM_UFFD(0, 4, 0), "AAAA A:ru0"),
	TMM_CASE("shared_file", "AAAA A:rwsf0", TMM_UFFD(1, 2, 0),
		 "ABBC A:rwsf0 B:rwsf0u0 C:rwsf0"),
	TMM_CASE("guarded", "AABB A:rw+guard#1u0 B:rw", TMM_UFFD(2, 2, 0),
		 "AAAA A:rw+guard#1u0"),
	TMM_CASE("for_writes", "AAAA A:rw#1", TMM_UFFD_MODE(1, 2, 0, WP),
		 "ABBC A:rw#1 B:rw#1u0+wp+only C:rw#1"),
	TMM_CASE("for_missing_and_writes", "AAAA A:rw#1",
		 TMM_UFFD_MODE(0, 4, 0, WP | MISSING), "AAAA A:rw#1u0+wp"),
	TMM_CASE("for_more", "AAAA A:rwu0", TMM_UFFD_MODE(1, 2, 0, WP | MISSING),
		 "ABBC A:rwu0 B:rwu0+wp C:rwu0"),
	TMM_CASE("for_other", "AAAA A:rwu0", TMM_UFFD_MODE(0, 2, 0, WP),
		 "AABB A:rwu0+wp+only B:rwu0"),
	TMM_CASE("for_other_merges", "AABB A:rwu0+wp+only B:rwu0",
		 TMM_UFFD_MODE(2, 2, 0, WP), "AAAA A:rwu0+wp+only"),
	TMM_CASE("shared_for_writes", "AAAA A:rwsf0", TMM_UFFD_MODE(1, 2, 0, WP),
		 "ABBC A:rwsf0 B:rwsf0u0+wp+only C:rwsf0"),
	TMM_CASE("shared_for_minor", "AAAA A:rwsf0",
		 TMM_UFFD_MODE(1, 2, 0, MINOR_FAULTS),
		 "ABBC A:rwsf0 B:rwsf0u0+minor+only C:rwsf0"),
	TMM_CASE("modes_differ", "AABB A:rwu0+wp B:rw", TMM_UFFD(2, 2, 0),
		 "AABB A:rwu0+wp B:rwu0"),

	TMM_CASE("drop", "AAAA A:rw#1u0", TMM_NO_UFFD(0, 4), "AAAA A:rw#1"),
	TMM_CASE("drop_middle", "AAAA A:rw#1u0", TMM_NO_UFFD(1, 2),
		 "ABBC A:rw#1u0 B:rw#1 C:rw#1u0"),
	TMM_CASE("drop_merges_both", "AABBCC B:rwu0", TMM_NO_UFFD(2, 2), "AAAAAA"),
	TMM_CASE("drop_merges_left", "AABB B:rwu0", TMM_NO_UFFD(2, 1),
		 "AAAB B:rwu0"),
	TMM_CASE("drop_over_several", "AABBCC A:rwu0 C:rwu0", TMM_NO_UFFD(1, 4),
		 "ABBBBC A:rwu0 B:rw C:rwu0"),
	TMM_CASE("drop_over_a_hole", "AA.BB A:rwu0 B:rwu0", TMM_NO_UFFD(0, 5),
		 "AA.BB"),
	TMM_CASE("drop_writes", "AABB A:rw#1u0+wp B:rw#1", TMM_NO_UFFD(0, 2),
		 "AAAA A:rw#1"),
	TMM_CASE("drop_shared_writes", "AABB A:rwsf0u0+wp+only B:rwsf0",
		 TMM_NO_UFFD(0, 2), "AAAA A:rwsf0"),
};

KUNIT_ARRAY_PARAM_DESC(registrations, registrations, name);

static void registered_as_asked(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

static const struct tmm_case refusals[] = {
	TMM_CASE_ERR("another_has_it", "AAAA A:rwu1", TMM_UFFD(1, 2, 0), -EBUSY),
	TMM_CASE_ERR("another_has_the_end", "AABB B:rwu1", TMM_UFFD(0, 4, 0),
		     -EBUSY),
	TMM_CASE_ERR("nothing_there", "AA..", TMM_UFFD(2, 2, 0), -EINVAL),
	TMM_CASE_ERR("no_mode", "AAAA", TMM_UFFD_MODE(0, 4, 0, 0), -EINVAL),
	TMM_CASE_ERR("unknown_mode", "AAAA", TMM_UFFD_MODE(0, 4, 0, 0x100),
		     -EINVAL),
	TMM_CASE_ERR("no_pages", "AAAA", TMM_UFFD(0, 0, 0), -EINVAL),
	TMM_CASE_ERR("driver", "AAAA A:rwsf2", TMM_UFFD(0, 4, 0), -EINVAL),
	TMM_CASE_ERR("driver_behind", "AABB B:rwsf2", TMM_UFFD(0, 4, 0), -EINVAL),
	TMM_CASE_ERR("droppable", "AA A:rw+droppable+wipe+dontdump+noreserve",
		     TMM_UFFD(0, 2, 0), -EINVAL),
	TMM_CASE_ERR("anonymous_for_minor", "AAAA",
		     TMM_UFFD_MODE(0, 4, 0, MINOR_FAULTS), -EINVAL),
	TMM_CASE_ERR("writes_no_more", "AAAA A:rwu0+wp", TMM_UFFD(0, 4, 0), -EBUSY),
	TMM_CASE_ERR("rwp_without_the_feature", "AAAA",
		     TMM_UFFD_MODE(0, 4, 0, UFFDIO_REGISTER_MODE_RWP), -EINVAL),
	TMM_CASE_ERR("drop_over_a_driver", "AABB A:rwu0 B:rwsf2",
		     TMM_NO_UFFD(0, 4), -EINVAL),
	TMM_CASE_ERR("driver_with_no_memory", "AA A:rwsf6+pfnmap",
		     TMM_UFFD(0, 2, 0), -EINVAL),
	TMM_CASE_ERR("drop_two_of_two", "AABB A:rwu0 B:rwu1", TMM_NO_UFFD(0, 4),
		     -EINVAL),
};

KUNIT_ARRAY_PARAM_DESC(refusals, refusals, name);

static void refused_range_is_as_before(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

/* A file that may not be written to is not filled by a userfaultfd either. */
static void not_what_may_not_be_written(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AA A:rwsf0u0");
	if (!IS_ENABLED(CONFIG_SHMEM))
		kunit_skip(test, "no shmem (CONFIG_SHMEM)");
	t = tmm_create(test);
	tmm_file(t, 0)->f_mode &= ~FMODE_WRITE;
	tmm_must(t, TMM_MMAP(0, 2, "rsf0"));
	tmm_expect_err(t, -EPERM, TMM_UFFD(0, 2, 0));
	tmm_expect_layout(t, "AA A:rf0");
	tmm_file(t, 0)->f_mode |= FMODE_WRITE;
}

/* Pages that it write-protects cannot be written, and can be when it is gone. */
static void protection_goes_with_the_registration(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AAAABB A:rw#1u0+wp B:rwsf0u0+wp+only");
	t = tmm_create(test);
	tmm_draw(t, "AAAABB A:rw#1u0+wp B:rw#1");
	tmm_must(t, TMM_UFFD_WP(0, 4));
	/* Neither mprotect() nor a new registration lifts it. */
	tmm_must(t, TMM_MPROTECT(1, 2, "r"));
	tmm_must(t, TMM_MPROTECT(1, 2, "rw"));
	tmm_must(t, TMM_UFFD_MODE(0, 4, 0, WP | MISSING));
	tmm_expect_layout(t, "AAAABB A:rw#1u0+wp B:rw#1");
	tmm_must(t, TMM_NO_UFFD_WP(0, 1));
	tmm_must(t, TMM_WRITE(0, 1));
	tmm_must(t, TMM_NO_UFFD(0, 2));
	tmm_expect_layout(t, "AABBCC A:rw#1 B:rw#1u0+wp C:rw#1");
	tmm_must(t, TMM_WRITE(0, 2));
	tmm_must(t, TMM_NO_UFFD(2, 2));
	tmm_expect_layout(t, "AAAAAA A:rw#1");
	tmm_must(t, TMM_WRITE(0, 6));
}

static void protection_does_not_move(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AAAA A:rwsf0u0+wp+only");
	t = tmm_create(test);
	tmm_draw(t, "AAAA A:rw#1u0+wp");
	tmm_must(t, TMM_UFFD_WP(0, 4));
	tmm_must(t, TMM_MOVE(0, 4, 40));
	tmm_expect_layout(t, "........................................AAAA A:rw#1@0");
	tmm_must(t, TMM_WRITE(40, 4));
	/* Nor does the mark of a page that is not there. */
	tmm_clear(t);
	tmm_draw(t, "AAAA A:rwsf0u0+wp+only");
	tmm_must(t, TMM_UFFD_WP(0, 4));
	tmm_must(t, TMM_MOVE(0, 4, 10));
	tmm_must(t, TMM_WRITE(10, 4));
}

static void protection_is_not_inherited(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AAAABB A:rw#1u0+wp B:rwsf0u0+wp+only");
	t = tmm_create(test);
	tmm_draw(t, "AAAABB A:rw#1u0+wp B:rwsf0u0+wp+only");
	tmm_must(t, TMM_UFFD_WP(0, 6));
	tmm_fork(t);
	tmm_expect_layout(t, "AAAABB A:rw#1*2 B:rwsf0");
	tmm_must(t, TMM_WRITE(0, 6));
}

static void protection_needs_the_mode(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AAAA A:rwu0+wp");
	t = tmm_create(test);
	tmm_draw(t, "AABB A:rw#1u0 B:rw#1u0+wp");
	tmm_expect_err(t, -ENOENT, TMM_UFFD_WP(0, 2));
	tmm_expect_err(t, -ENOENT, TMM_UFFD_WP(0, 4));
	tmm_must(t, TMM_UFFD_WP(2, 2));
	tmm_must(t, TMM_WRITE(0, 2));
}

/* What is lifted from a shared page lets it be written, if it was, at once. */
static void lifted_protection_of_shared_memory(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AAAA A:rwsf0u0+wp+only");
	t = tmm_create(test);
	tmm_draw(t, "AAAA A:rwsf0");
	tmm_must(t, TMM_WRITE(0, 2));
	tmm_must(t, TMM_READ(2, 2));
	tmm_must(t, TMM_UFFD_MODE(0, 4, 0, WP));
	tmm_must(t, TMM_UFFD_WP(0, 4));
	tmm_must(t, TMM_MPROTECT(0, 4, "r"));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
	tmm_must(t, TMM_NO_UFFD_WP(1, 3));
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 4), 4);
	tmm_must(t, TMM_WRITE(1, 3));
	tmm_must(t, TMM_NO_UFFD(0, 4));
	tmm_must(t, TMM_WRITE(0, 1));
	tmm_expect_layout(t, "AAAA A:rwsf0");
}

/* Who wants no more than to know later what was written may watch anything. */
static void asynchronous_protection_is_for_all_memory(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AA A:rwu0+wp");
	t = tmm_create(test);
	t->uffd_features = UFFD_FEATURE_WP_ASYNC;
	tmm_draw(t, "AABB..CC A:rw#1 B:rwsf2 C:rwsf6+pfnmap");
	tmm_must(t, TMM_UFFD_MODE(0, 4, 0, WP));
	tmm_expect_err(t, -EINVAL, TMM_UFFD_MODE(2, 2, 0, WP | MISSING));
	tmm_expect_err(t, -EINVAL, TMM_UFFD_MODE(6, 2, 0, WP));
	tmm_expect_layout(t, "AABB..CC A:rw#1u0+wp+only B:rwsf2u0+wp+only"
			     " C:rwsf6+pfnmap");
	/* Nobody is asked when something is written. */
	tmm_must(t, TMM_UFFD_WP(0, 2));
	tmm_must(t, TMM_WRITE(0, 2));
	tmm_must(t, TMM_NO_UFFD(0, 4));
	tmm_expect_layout(t, "AABB..CC A:rw#1 B:rwsf2 C:rwsf6+pfnmap");
}

/*
 * What is asked for is copied from and to user memory, in the last column.
 */
#define ARGUMENT	(TMM_PAGES - 1)

static long uffdio(struct test_mm *t, struct file *file, unsigned int cmd,
		   const void *arg, size_t size, const char *prot)
{
	void __user *user = (void __user *)tmm_addr(t, ARGUMENT);
	const struct tmm_op protect = TMM_MPROTECT(ARGUMENT, 1, prot);
	long ret = -ENOMEM;
	unsigned long at;

	at = vm_mmap(NULL, (unsigned long)user, PAGE_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	if (!IS_ERR_VALUE(at) && !copy_to_user(user, arg, size) &&
	    !__tmm_do(t, &protect))
		ret = file->f_op->unlocked_ioctl(file, cmd, (unsigned long)user);
	vm_munmap((unsigned long)user, PAGE_SIZE);
	return ret;
}

static long ask_for_features(struct test_mm *t, struct file *file, u64 api,
			     u64 features, const char *prot)
{
	const struct uffdio_api arg = { .api = api, .features = features };

	return uffdio(t, file, UFFDIO_API, &arg, sizeof(arg), prot);
}

static int open_userfaultfd(int flags)
{
#ifdef CONFIG_USERFAULTFD
	return new_userfaultfd(flags);
#else
	return -EOPNOTSUPP;
#endif
}

static void features_are_asked_for_once(struct kunit *test)
{
	struct uffdio_range range = {};
	struct test_mm *t;
	struct file *file;
	int fd;

	tmm_require(test, "AA A:rwu0");
	t = tmm_create(test);
	KUNIT_EXPECT_EQ(test, open_userfaultfd(0x2), -EINVAL);
	fd = open_userfaultfd(O_CLOEXEC);
	KUNIT_ASSERT_GE(test, fd, 0);
	file = fget(fd);
	close_fd(fd);
	t->uffd[0] = file;
	/* Nothing else goes before. */
	KUNIT_EXPECT_EQ(test, -EINVAL, uffdio(t, file, UFFDIO_UNREGISTER, &range,
					      sizeof(range), "rw"));
	KUNIT_EXPECT_EQ(test, -EINVAL, ask_for_features(t, file, 0xab, 0, "rw"));
	KUNIT_EXPECT_EQ(test, -EFAULT, ask_for_features(t, file, 0xab, 0, "r"));
	KUNIT_EXPECT_EQ(test, -EFAULT, ask_for_features(t, file, UFFD_API, 0, "r"));
	KUNIT_EXPECT_EQ(test, -EFAULT, ask_for_features(t, file, UFFD_API, 0, "-"));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			ask_for_features(t, file, UFFD_API, 1ULL << 63, "rw"));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			ask_for_features(t, file, UFFD_API,
					 UFFD_FEATURE_RWP_ASYNC, "rw"));
	KUNIT_EXPECT_EQ(test, 0, ask_for_features(t, file, UFFD_API,
						  UFFD_FEATURE_EVENT_REMAP, "rw"));
	KUNIT_EXPECT_EQ(test, -EINVAL, ask_for_features(t, file, UFFD_API,
							UFFD_FEATURE_EVENT_UNMAP,
							"rw"));
	t->doing = "asking for features";
	__tmm_report(t, tmm_check(t));
}

static void fork_events_need_a_capability(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AA A:rwu0");
	t = tmm_create(test);
	t->uffd_features = UFFD_FEATURE_EVENT_FORK;
	tmm_drop_capabilities(t);
	tmm_draw(t, "AA");
	tmm_expect_err(t, -EPERM, TMM_UFFD(0, 2, 0));
	tmm_expect_layout(t, "AA");
}

static void ranges_are_checked(struct kunit *test)
{
	struct test_mm *t;
	int i;

	tmm_require(test, "AA A:rwu0+wp");
	t = tmm_create(test);
	tmm_draw(t, "AABB A:rwu0+wp");
	{
		const struct uffdio_range wrong[] = {
			{ tmm_addr(t, 0) + 1, PAGE_SIZE },
			{ tmm_addr(t, 0), PAGE_SIZE + 1 },
			{ tmm_addr(t, 0), 0 },
			{ TASK_SIZE, PAGE_SIZE },
			{ tmm_addr(t, 0), TASK_SIZE },
			/* Nothing is there, or may be. */
			{ tmm_addr(t, 4), PAGE_SIZE },
			{ 0, PAGE_SIZE },
		};

		for (i = 0; i < ARRAY_SIZE(wrong); i++) {
			const struct uffdio_register reg = {
				.range = wrong[i],
				.mode = MISSING,
			};
			const struct uffdio_writeprotect wp = { .range = wrong[i] };
			struct file *file = t->uffd[0];

			KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
					    uffdio(t, file, UFFDIO_REGISTER, &reg,
						   sizeof(reg), "rw"), "range %d", i);
			KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
					    uffdio(t, file, UFFDIO_UNREGISTER,
						   &wrong[i], sizeof(wrong[i]), "rw"),
					    "range %d", i);
			KUNIT_EXPECT_EQ_MSG(test, i < 5 ? -EINVAL : -ENOENT,
					    uffdio(t, file, UFFDIO_WRITEPROTECT, &wp,
						   sizeof(wp), "rw"), "range %d", i);
		}
	}
	t->doing = "what was refused";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AABB A:rwu0+wp");
}

static void arguments_are_checked(struct kunit *test)
{
	struct uffdio_register reg = { .mode = MISSING };
	struct uffdio_writeprotect wp = {};
	struct test_mm *t;

	tmm_require(test, "AA A:rwu0+wp");
	t = tmm_create(test);
	tmm_draw(t, "AABB A:rwu0+wp");
	wp.range.start = tmm_addr(t, 0);
	wp.range.len = tmm_len(t, 2);
	reg.range.start = tmm_addr(t, 2);
	reg.range.len = tmm_len(t, 1);
	KUNIT_EXPECT_EQ(test, -EFAULT, uffdio(t, t->uffd[0], UFFDIO_REGISTER, &reg,
					      sizeof(reg), "-"));
	KUNIT_EXPECT_EQ(test, -EFAULT, uffdio(t, t->uffd[0], UFFDIO_UNREGISTER,
					      &wp.range, sizeof(wp.range), "-"));
	KUNIT_EXPECT_EQ(test, -EFAULT, uffdio(t, t->uffd[0], UFFDIO_WRITEPROTECT,
					      &wp, sizeof(wp), "-"));
	wp.mode = UFFDIO_WRITEPROTECT_MODE_WP | UFFDIO_WRITEPROTECT_MODE_DONTWAKE;
	KUNIT_EXPECT_EQ(test, -EINVAL, uffdio(t, t->uffd[0], UFFDIO_WRITEPROTECT,
					      &wp, sizeof(wp), "rw"));
	wp.mode = 0x100;
	KUNIT_EXPECT_EQ(test, -EINVAL, uffdio(t, t->uffd[0], UFFDIO_WRITEPROTECT,
					      &wp, sizeof(wp), "rw"));
	wp.mode = UFFDIO_WRITEPROTECT_MODE_DONTWAKE;
	KUNIT_EXPECT_EQ(test, 0, uffdio(t, t->uffd[0], UFFDIO_WRITEPROTECT,
					&wp, sizeof(wp), "rw"));
	t->doing = "what was refused";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AABB A:rwu0+wp");
	/* The answer to this has no place, but it is done by then. */
	KUNIT_EXPECT_EQ(test, -EFAULT, uffdio(t, t->uffd[0], UFFDIO_REGISTER, &reg,
					      sizeof(reg), "r"));
	t->doing = "registering without an answer";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AABC A:rwu0+wp B:rwu0");
}

/* What is poisoned is so until it is given up, whatever its protection. */
static void poison_stays(struct kunit *test)
{
	struct uffdio_poison poison = {};
	struct test_mm *t;

	tmm_require(test, "AAAA A:rwu0+wp");
	t = tmm_create(test);
	tmm_draw(t, "AAAA A:rwu0+wp");
	poison.range.start = tmm_addr(t, 1);
	poison.range.len = tmm_len(t, 2);
	KUNIT_ASSERT_EQ(test, 0, uffdio(t, t->uffd[0], UFFDIO_POISON, &poison,
					sizeof(poison), "rw"));
	tmm_must(t, TMM_MPROTECT(0, 4, "r"));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
	tmm_must(t, TMM_UFFD_WP(0, 4));
	tmm_must(t, TMM_NO_UFFD(0, 4));
	tmm_expect_err(t, -EFAULT, TMM_READ(1, 1));
	tmm_must(t, TMM_MOVE(0, 4, 10));
	tmm_expect_err(t, -EFAULT, TMM_READ(11, 1));
	tmm_expect_err(t, -EFAULT, TMM_WRITE(12, 1));
	tmm_must(t, TMM_MADVISE(10, 2, MADV_FREE));
	tmm_must(t, TMM_WRITE(10, 2));
	tmm_expect_err(t, -EFAULT, TMM_WRITE(12, 1));
}

/* A page that is not there is marked, for which there must be a table. */
static void marking_survives_lack_of_tables(struct kunit *test)
{
	const unsigned long far = 2 * P4D_SIZE >> PAGE_SHIFT;
	const struct tmm_op op = TMM_UFFD_WP((int)far, 2);
	struct test_mm *t;
	bool failed = true;
	int nth;

	tmm_require(test, "AA A:rwsf0u0+wp+only");
	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	t = tmm_create(test);
	if (far > INT_MAX || TASK_SIZE - t->base < 3 * P4D_SIZE)
		kunit_skip(test, "no other table in this address space");
	for (nth = 1; failed; nth++) {
		long err;

		tmm_must(t, TMM_MMAP((int)far, 2, "rwsf0@0"));
		tmm_must(t, TMM_UFFD_MODE((int)far, 2, 0, WP));
		err = tmm_do_failing(t, &op, nth, &failed);
		__tmm_report(t, tmm_check(t));
		KUNIT_EXPECT_EQ_MSG(test, err, failed ? -ENOMEM : 0,
				    "of %s", t->doing);
		tmm_must(t, TMM_MUNMAP((int)far, 2));
	}
	KUNIT_EXPECT_GT(test, nth, 3);
}

/* Its memory is gone, and the userfaultfd is somebody else's now. */
static void memory_may_be_gone(struct kunit *test)
{
	struct uffdio_register reg = { .mode = MISSING };
	struct uffdio_writeprotect wp = {};
	struct test_mm *t;
	struct file *file;

	tmm_require(test, "AA A:rwu0+wp");
	t = tmm_create(test);
	tmm_draw(t, "AA A:rwu0+wp");
	reg.range.start = tmm_addr(t, 0);
	reg.range.len = tmm_len(t, 2);
	wp.range = reg.range;
	file = get_file(t->uffd[0]);
	t->outliving = 1;
	tmm_destroy(t);
	t = tmm_create(test);
	t->uffd[0] = file;
	tmm_draw(t, "AA");
	KUNIT_EXPECT_EQ(test, -ENOMEM, uffdio(t, file, UFFDIO_REGISTER, &reg,
					      sizeof(reg), "rw"));
	KUNIT_EXPECT_EQ(test, -ENOMEM, uffdio(t, file, UFFDIO_UNREGISTER,
					      &reg.range, sizeof(reg.range), "rw"));
	KUNIT_EXPECT_EQ(test, -ESRCH, uffdio(t, file, UFFDIO_WRITEPROTECT, &wp,
					     sizeof(wp), "rw"));
	t->doing = "operations on another's memory";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AA");
}

/* Closing it is as good as dropping each range. */
static void close_drops_all(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AAAA A:rwu0");
	t = tmm_create(test);
	tmm_draw(t, "AABBCC.DD A:rw#1 B:rw#1u0 C:rw#1 D:rwu1");
	__fput_sync(t->uffd[0]);
	t->uffd[0] = NULL;
	t->doing = "close(u0)";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AAAAAA.DD A:rw#1 D:rwu1");
	tmm_must(t, TMM_UFFD(0, 1, 0));
	tmm_expect_layout(t, "AEEEEE.DD A:rw#1u0 E:rw#1 D:rwu1");
}

static void close_lifts_protection(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AAAA.BB A:rw#1u0+wp B:rwsf0u0+wp+only");
	t = tmm_create(test);
	tmm_draw(t, "AAAA.BB A:rw#1u0+wp B:rwsf0u0+wp+only");
	tmm_must(t, TMM_UFFD_WP(0, 4));
	tmm_must(t, TMM_UFFD_WP(5, 2));
	__fput_sync(t->uffd[0]);
	t->uffd[0] = NULL;
	t->doing = "close(u0)";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AAAA.BB A:rw#1 B:rwsf0");
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_must(t, TMM_WRITE(5, 2));
}

/* Where a merge fails for lack of memory, closing must do without. */
static void close_survives_lack_of_memory(struct kunit *test)
{
	struct test_mm *t;
	bool failed = true;
	int nth;

	tmm_require(test, "AAAA A:rwu0");
	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	t = tmm_create(test);
	for (nth = 1; failed; nth++) {
		tmm_draw(t, "AABBCC A:rw B:rwu0 C:rw#1");
		tmm_arm(nth);
		__fput_sync(t->uffd[0]);
		failed = tmm_disarm();
		t->uffd[0] = NULL;
		t->doing = "close(u0) without memory";
		__tmm_report(t, tmm_check(t));
		KUNIT_EXPECT_FALSE(test, userfaultfd_armed(tmm_vma(t, 2)));
		if (!failed)
			tmm_expect_layout(t, "AAAAAA A:rw#1");
		tmm_clear(t);
	}
	KUNIT_EXPECT_GT(test, nth, 2);
}

/*
 * Events: whoever moves, removes, unmaps or forks waits until the one at the
 * userfaultfd has read of it. (So an operation that is not read of hangs.)
 */

#define EVENTS	(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | \
		 UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP)

struct reader {
	struct test_mm *t;
	int uffd;
	struct task_struct *task;
	struct uffd_msg read[8];
	int nr;
};

static int read_events(void *data)
{
	struct reader *r = data;

	while (!kthread_should_stop()) {
		struct uffd_msg *msg = &r->read[r->nr % ARRAY_SIZE(r->read)];
		struct kvec vec = { .iov_base = msg, .iov_len = sizeof(*msg) };
		struct file *file = r->t->uffd[r->uffd];
		struct iov_iter iter;
		struct kiocb iocb;

		init_sync_kiocb(&iocb, file);
		iov_iter_kvec(&iter, ITER_DEST, &vec, 1, vec.iov_len);
		if (file->f_op->read_iter(&iocb, &iter) != sizeof(*msg)) {
			yield();
			continue;
		}
		if (msg->event == UFFD_EVENT_FORK)
			close_fd(msg->arg.fork.ufd);
		r->nr++;
	}
	return 0;
}

static void stop_reader(void *data)
{
	struct reader *r = data;

	kthread_stop(r->task);
	put_task_struct(r->task);
	/* The userfaultfds of children, which it closed unseen. */
	flush_delayed_fput();
}

/* The userfaultfd does not block its reader, so that it can be told to stop. */
static struct reader *start_reader_of(struct test_mm *t, int uffd)
{
	struct kunit *test = t->test;
	struct reader *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->t = t;
	r->uffd = uffd;
	t->uffd[uffd]->f_flags |= O_NONBLOCK;
	r->task = kthread_run(read_events, r, "read_events");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r->task);
	get_task_struct(r->task);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, stop_reader, r));
	return r;
}

static struct reader *start_reader(struct test_mm *t)
{
	return start_reader_of(t, 0);
}

static void expect_event(struct reader *r, int nr, int event, int page, int arg)
{
	struct kunit *test = r->t->test;
	const struct uffd_msg *msg = &r->read[nr];

	KUNIT_ASSERT_GT_MSG(test, r->nr, nr, "only %d events were read", r->nr);
	KUNIT_EXPECT_EQ_MSG(test, (int)msg->event, event, "event %d", nr);
	if (event == UFFD_EVENT_REMAP) {
		KUNIT_EXPECT_EQ(test, msg->arg.remap.from, tmm_addr(r->t, page));
		KUNIT_EXPECT_EQ(test, msg->arg.remap.to, tmm_addr(r->t, arg));
	} else {
		KUNIT_EXPECT_EQ(test, msg->arg.remove.start, tmm_addr(r->t, page));
		KUNIT_EXPECT_EQ(test, msg->arg.remove.end, tmm_addr(r->t, arg));
	}
}

static void events_are_told(struct kunit *test)
{
	struct test_mm *t;
	struct reader *r;

	tmm_require(test, "AA A:rwu0");
	t = tmm_create(test);
	t->uffd_features = EVENTS;
	tmm_draw(t, "AAAAAA A:rw#1u0");
	r = start_reader(t);
	tmm_must(t, TMM_MOVE(0, 6, 10));
	tmm_must(t, TMM_MADVISE(10, 2, MADV_DONTNEED));
	tmm_must(t, TMM_MUNMAP(11, 2));
	tmm_must(t, TMM_MREMAP(13, 3, 13, 2, 0));
	kunit_release_action(test, stop_reader, r);

	tmm_expect_layout(t, "..........A..BB A:rw#1@0u0 B:rw#1@3u0");
	expect_event(r, 0, UFFD_EVENT_REMAP, 0, 10);
	expect_event(r, 1, UFFD_EVENT_UNMAP, 0, 6);
	expect_event(r, 2, UFFD_EVENT_REMOVE, 10, 12);
	expect_event(r, 3, UFFD_EVENT_UNMAP, 11, 13);
	expect_event(r, 4, UFFD_EVENT_UNMAP, 15, 16);
	KUNIT_EXPECT_EQ(test, r->nr, 5);
}

/* One event for the range, however many VMAs were in it. */
static void one_unmap_is_one_event(struct kunit *test)
{
	struct test_mm *t;
	struct reader *r;

	tmm_require(test, "AA A:rwu0");
	t = tmm_create(test);
	t->uffd_features = EVENTS;
	tmm_draw(t, "AABB.CC A:rwu0 B:ru0 C:rwu0");
	r = start_reader(t);
	tmm_must(t, TMM_MUNMAP(1, 5));
	tmm_must(t, TMM_MMAP(0, 1, "r"));
	kunit_release_action(test, stop_reader, r);

	tmm_expect_layout(t, "A.....C A:r C:rwu0");
	expect_event(r, 0, UFFD_EVENT_UNMAP, 1, 6);
	expect_event(r, 1, UFFD_EVENT_UNMAP, 0, 1);
	KUNIT_EXPECT_EQ(test, r->nr, 2);
}

/* Who waits for it to be read, when nobody will any more, waits no longer. */
struct closing {
	struct test_mm *t;
	struct completion done;
};

static int close_when_there_is_something(void *data)
{
	struct closing *c = data;
	struct file *file = c->t->uffd[0];

	while (!(vfs_poll(file, NULL) & EPOLLIN))
		yield();
	c->t->uffd[0] = NULL;
	__fput_sync(file);
	kthread_complete_and_exit(&c->done, 0);
}

static void begin_closing(struct test_mm *t, struct closing *c)
{
	struct task_struct *task;

	c->t = t;
	init_completion(&c->done);
	t->uffd[0]->f_flags |= O_NONBLOCK;
	task = kthread_run(close_when_there_is_something, c, "close_uffd");
	KUNIT_ASSERT_FALSE(t->test, IS_ERR(task));
}

static void nobody_waits_for_a_closed_userfaultfd(struct kunit *test)
{
	const struct tmm_op move = TMM_MOVE(0, 2, 10);
	struct closing c;
	struct test_mm *t;
	long err;

	tmm_require(test, "AA A:rwu0");
	t = tmm_create(test);
	t->uffd_features = EVENTS;
	tmm_draw(t, "AABB A:rw#1u0 B:r");
	begin_closing(t, &c);
	err = __tmm_do(t, &move);
	wait_for_completion(&c.done);
	KUNIT_EXPECT_EQ(test, err, 0);
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "..BB......AA A:rw#1@0 B:r");
	/* A child that was told of by then has nothing left of it. */
	tmm_must(t, TMM_UFFD(10, 2, 0));
	begin_closing(t, &c);
	err = tmm_try_fork(t);
	wait_for_completion(&c.done);
	KUNIT_EXPECT_EQ(test, err, 0);
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "..BB......AA A:rw#1@0 B:r");
}

/* Each learns of what concerns it, once. */
static void each_of_two_is_told(struct kunit *test)
{
	struct reader *r[2];
	struct test_mm *t;
	int i;

	tmm_require(test, "AA A:rwu0");
	t = tmm_create(test);
	t->uffd_features = EVENTS;
	tmm_draw(t, "AABBCCDD A:rwu0 B:rwu1 C:ru0 D:ru1");
	for (i = 0; i < 2; i++)
		r[i] = start_reader_of(t, i);
	tmm_must(t, TMM_MUNMAP(1, 2));
	tmm_must(t, TMM_MUNMAP(4, 3));
	tmm_fork(t);
	for (i = 0; i < 2; i++)
		kunit_release_action(test, stop_reader, r[i]);

	for (i = 0; i < 2; i++) {
		expect_event(r[i], 0, UFFD_EVENT_UNMAP, 1, 3);
		expect_event(r[i], 1, UFFD_EVENT_UNMAP, 4, 7);
		KUNIT_EXPECT_EQ(test, (int)r[i]->read[2].event, UFFD_EVENT_FORK);
		KUNIT_EXPECT_EQ(test, r[i]->nr, 3);
	}
	tmm_expect_layout(t, "A..B...D A:rw B:rw D:r");
}

/* With the event a registration moves, and merges as its neighbours allow. */
static void registration_moves_with_the_event(struct kunit *test)
{
	struct test_mm *t;
	struct reader *r;

	tmm_require(test, "AA A:rwu0+wp");
	t = tmm_create(test);
	t->uffd_features = EVENTS;
	tmm_draw(t, "AA...BB.CC A:rwu0 B:rwu0 C:rw#1u0+wp");
	r = start_reader(t);
	tmm_must(t, TMM_MOVE(0, 2, 7));
	tmm_expect_layout(t, ".....BBBBC B:rwu0 C:rw#1u0+wp@9");
	tmm_must(t, TMM_MREMAP(7, 2, 20, 2, MREMAP_MAYMOVE | MREMAP_FIXED |
			       MREMAP_DONTUNMAP));
	/* Protection and all. */
	tmm_must(t, TMM_UFFD_WP(9, 1));
	tmm_must(t, TMM_MOVE(9, 1, 40));
	tmm_must(t, TMM_NO_UFFD_WP(40, 1));
	tmm_must(t, TMM_WRITE(40, 1));
	kunit_release_action(test, stop_reader, r);
	tmm_expect_layout(t, ".....BBBB...........DD..................C"
			     " B:rwu0 C:rw#1u0+wp@9 D:rwu0");
}

/* The child's VMAs have a context of its own until that is closed. */
static void fork_is_told(struct kunit *test)
{
	struct test_mm *t;
	struct reader *r;

	tmm_require(test, "AA A:rwu0");
	t = tmm_create(test);
	t->uffd_features = EVENTS;
	tmm_draw(t, "AA.BB.CC A:rw#1u0 C:rw#2u0");
	r = start_reader(t);
	tmm_fork(t);
	kunit_release_action(test, stop_reader, r);
	KUNIT_EXPECT_EQ(test, r->nr, 1);
	KUNIT_EXPECT_EQ(test, (int)r->read[0].event, UFFD_EVENT_FORK);
	t->doing = "closing the child's userfaultfd";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AA.BB.CC A:rw#1*2 B:rw C:rw#2*2");
	swap(t->mm, t->parent);
	tmm_expect_layout(t, "AA.BB.CC A:rw#1u0 C:rw#2u0");
	swap(t->mm, t->parent);
}

/* A child that is not to be is not told of, though its first VMA was. */
static void fork_that_fails_is_not_told(struct kunit *test)
{
	struct test_mm *t;
	struct reader *r;

	tmm_require(test, "AA A:rwu0");
	t = tmm_create(test);
	t->uffd_features = EVENTS;
	tmm_draw(t, "AA.BB A:rwu0 B:rwu0");
	r = start_reader(t);
	tmm_limit_commit(t, 3);
	KUNIT_EXPECT_EQ(test, tmm_try_fork(t), -ENOMEM);
	__tmm_report(t, tmm_check(t));
	kunit_release_action(test, stop_reader, r);
	KUNIT_EXPECT_EQ(test, r->nr, 0);
	tmm_expect_layout(t, "AA.BB A:rwu0 B:rwu0");
}

static void told_fork_survives_lack_of_memory(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AA A:rwu0");
	t = tmm_create(test);
	t->uffd_features = EVENTS;
	tmm_draw(t, "AA.BB.CC A:rw#1u0 C:rw#2u0");
	start_reader(t);
	tmm_fork_out_of_memory(t);
	tmm_expect_layout(t, "AA.BB.CC A:rw#1u0 C:rw#2u0");
}

/* What was taken for events is given back when there are none. */
static void told_remap_survives_lack_of_memory(struct kunit *test)
{
	const struct tmm_op op = TMM_MOVE(0, 2, 40);
	struct test_mm *t;
	bool failed = true;
	int nth;

	tmm_require(test, "AA A:rwu0");
	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	t = tmm_create(test);
	t->uffd_features = EVENTS;
	tmm_draw(t, "AA A:rw#1u0");
	start_reader(t);
	for (nth = 1; failed; nth++) {
		if (tmm_do_failing(t, &op, nth, &failed)) {
			__tmm_report(t, tmm_check(t));
			tmm_expect_layout(t, "AA A:rw#1u0");
		} else {
			tmm_clear(t);
			tmm_draw(t, "AA A:rw#1u0");
		}
	}
	KUNIT_EXPECT_GT(test, nth, 2);
}

static void registration_survives_lack_of_memory(struct kunit *test)
{
	tmm_run_case_out_of_memory(test, test->param_value);
}

static struct kunit_case vma_uffd_cases[] = {
	KUNIT_CASE_PARAM(registered_as_asked, registrations_gen_params),
	KUNIT_CASE_PARAM(refused_range_is_as_before, refusals_gen_params),
	KUNIT_CASE(not_what_may_not_be_written),
	KUNIT_CASE(protection_goes_with_the_registration),
	KUNIT_CASE(protection_does_not_move),
	KUNIT_CASE(protection_is_not_inherited),
	KUNIT_CASE(protection_needs_the_mode),
	KUNIT_CASE(lifted_protection_of_shared_memory),
	KUNIT_CASE(asynchronous_protection_is_for_all_memory),
	KUNIT_CASE(features_are_asked_for_once),
	KUNIT_CASE(fork_events_need_a_capability),
	KUNIT_CASE(ranges_are_checked),
	KUNIT_CASE(arguments_are_checked),
	KUNIT_CASE(poison_stays),
	KUNIT_CASE(marking_survives_lack_of_tables),
	KUNIT_CASE(memory_may_be_gone),
	KUNIT_CASE(close_drops_all),
	KUNIT_CASE(close_lifts_protection),
	KUNIT_CASE(close_survives_lack_of_memory),
	KUNIT_CASE(events_are_told),
	KUNIT_CASE(one_unmap_is_one_event),
	KUNIT_CASE(nobody_waits_for_a_closed_userfaultfd),
	KUNIT_CASE(each_of_two_is_told),
	KUNIT_CASE(registration_moves_with_the_event),
	KUNIT_CASE(fork_is_told),
	KUNIT_CASE(fork_that_fails_is_not_told),
	KUNIT_CASE(told_fork_survives_lack_of_memory),
	KUNIT_CASE(told_remap_survives_lack_of_memory),
	KUNIT_CASE_PARAM(registration_survives_lack_of_memory,
			 registrations_gen_params),
	{}
};

static struct kunit_suite vma_uffd_suite = {
	.name = "vma_uffd",
	.test_cases = vma_uffd_cases,
};

kunit_test_suite(vma_uffd_suite);

MODULE_DESCRIPTION("Tests for userfaultfd and VMAs");
MODULE_LICENSE("GPL");
