// SPDX-License-Identifier: GPL-2.0-only
/*
 * hugetlbfs: what is done to VMAs whose pages have another size, which can be
 * split, moved and registered at every such page, and nowhere else. A column
 * is a quarter of one, and none is ever faulted in.
 *
 * checkpatch: SPLIT_STRING: pictures are wide
 */
#include <linux/err.h>
#include <linux/hugetlb.h>
#include <linux/mman.h>

#include "internal.h"
#include "test_mm.h"

#define SHARED		"rwsf0+hugetlb+dontexpand+noreserve"
#define READ_ONLY	"rsf0+hugetlb+dontexpand+noreserve"
#define PRIVATE		"rwf0+hugetlb+dontexpand+noreserve"
#define WATCHED		"rwsf0u0+hugetlb+dontexpand+noreserve"
#define THREE		"AAAAAAAAAAAA A:" SHARED
#define MAY_MOVE	MREMAP_MAYMOVE

static const struct tmm_case cases[] = {
	TMM_CASE("munmap", THREE, TMM_MUNMAP(4, 4),
		 "AAAA....BBBB A:" SHARED " B:" SHARED),
	TMM_CASE_ERR("munmap_half", THREE, TMM_MUNMAP(2, 2), -EINVAL),
	TMM_CASE("mprotect", THREE, TMM_MPROTECT(0, 4, "r"),
		 "AAAABBBBBBBB A:" READ_ONLY " B:" SHARED),
	TMM_CASE("mprotect_private", "AAAAAAAA A:" PRIVATE,
		 TMM_MPROTECT(4, 4, "r"),
		 "AAAABBBB A:" PRIVATE " B:rf0+hugetlb+dontexpand+noreserve"),
	/* Soft-dirty tracking is not for them. */
	TMM_CASE("mprotect_clean", "AAAA A:" READ_ONLY "+clean",
		 TMM_MPROTECT(0, 4, "rw"), "AAAA A:" SHARED "+clean"),
	TMM_CASE_ERR("mprotect_half", THREE, TMM_MPROTECT(2, 4, "r"), -EINVAL),
	TMM_CASE("madvise", THREE, TMM_MADVISE(8, 4, MADV_DONTFORK),
		 "AAAAAAAABBBB A:" SHARED " B:" SHARED "+dontcopy"),
	TMM_CASE_ERR("madvise_half", THREE, TMM_MADVISE(0, 1, MADV_DONTFORK),
		     -EINVAL),
	/* It is never to be expanded, and may be dumped all the same. */
	TMM_CASE("dodump", THREE, TMM_MADVISE(0, 12, MADV_DODUMP), THREE),
	TMM_CASE("dontneed", THREE, TMM_MADVISE(0, 8, MADV_DONTNEED), THREE),
	TMM_CASE("dontneed_ends_in_one", THREE, TMM_MADVISE(0, 6, MADV_DONTNEED),
		 THREE),
	TMM_CASE("dontneed_is_less_than_one", THREE,
		 TMM_MADVISE(4, 2, MADV_DONTNEED), THREE),
	TMM_CASE_ERR("dontneed_starts_in_one", THREE,
		     TMM_MADVISE(2, 6, MADV_DONTNEED), -EINVAL),
	TMM_CASE_ERR("free", THREE, TMM_MADVISE(0, 12, MADV_FREE), -EINVAL),
	TMM_CASE_ERR("cold", THREE, TMM_MADVISE(0, 12, MADV_COLD), -EINVAL),
	TMM_CASE_ERR("guard", THREE, TMM_MADVISE(0, 4, MADV_GUARD_INSTALL),
		     -EINVAL),
	/* There is no need to lock it, and so it is not. */
	TMM_CASE("mlockall", THREE, TMM_MLOCKALL(MCL_CURRENT | MCL_ONFAULT), THREE),
	TMM_CASE("shrink", THREE, TMM_MREMAP(0, 12, 0, 4, 0),
		 "AAAA A:" SHARED),
	TMM_CASE("shrink_to_a_half", THREE, TMM_MREMAP(0, 12, 0, 6, 0),
		 "AAAAAAAA A:" SHARED),
	TMM_CASE_ERR("grow", "AAAA A:" SHARED, TMM_MREMAP(0, 4, 0, 8, MAY_MOVE),
		     -EINVAL),
	TMM_CASE("move", THREE, TMM_MOVE(4, 4, 16),
		 "AAAA....BBBB....CCCC A:" SHARED " B:" SHARED
		 " C:" SHARED "@4"),
	TMM_CASE_ERR("move_half", THREE, TMM_MOVE(2, 4, 16), -EINVAL),
	TMM_CASE_ERR("move_to_a_quarter", THREE, TMM_MOVE(4, 4, 17), -EINVAL),
	TMM_CASE("userfaultfd", THREE, TMM_UFFD(4, 4, 0),
		 "AAAABBBBCCCC A:" SHARED " B:" WATCHED " C:" SHARED),
	TMM_CASE("userfaultfd_for_writes", THREE,
		 TMM_UFFD_MODE(0, 12, 0, UFFDIO_REGISTER_MODE_WP),
		 "AAAAAAAAAAAA A:rwsf0u0+wp+only+hugetlb+dontexpand+noreserve"),
	TMM_CASE("userfaultfd_over_two", "AAAABBBB A:" SHARED " B:" READ_ONLY,
		 TMM_UFFD(0, 8, 0),
		 "AAAABBBB A:" WATCHED
		 " B:rsf0u0+hugetlb+dontexpand+noreserve"),
	TMM_CASE_ERR("userfaultfd_starts_in_one", THREE, TMM_UFFD(2, 6, 0),
		     -EINVAL),
	TMM_CASE_ERR("userfaultfd_ends_in_one", THREE, TMM_UFFD(4, 6, 0),
		     -EINVAL),
	TMM_CASE("no_userfaultfd", "AAAAAAAAAAAA A:" WATCHED, TMM_NO_UFFD(0, 4),
		 "AAAABBBBBBBB A:" SHARED " B:" WATCHED),
	TMM_CASE_ERR("no_userfaultfd_starts_in_one", "AAAAAAAAAAAA A:" WATCHED,
		     TMM_NO_UFFD(2, 2), -EINVAL),
};

KUNIT_ARRAY_PARAM_DESC(cases, cases, name);

#ifdef CONFIG_HUGETLBFS
static struct file *hugetlb_file(void)
{
	if (!hugepages_supported() || huge_page_size(&default_hstate) != PMD_SIZE)
		return ERR_PTR(-EOPNOTSUPP);
	/* Nothing is reserved for it. */
	return hugetlb_file_setup("test", 16 * PMD_SIZE,
				  mk_vma_flags(VMA_NORESERVE_BIT),
				  HUGETLB_ANONHUGE_INODE, ilog2(PMD_SIZE));
}
#else
static struct file *hugetlb_file(void)
{
	return ERR_PTR(-EOPNOTSUPP);
}
#endif

/* The file takes the place of the first one of pictures. */
static struct test_mm *create(struct kunit *test)
{
	struct test_mm *t;
	struct file *file;

	if (!IS_ENABLED(CONFIG_HUGETLBFS))
		kunit_skip(test, "no hugetlbfs (CONFIG_HUGETLBFS)");
	t = tmm_create(test);
	tmm_zoom_out(t);
	file = hugetlb_file();
	if (IS_ERR(file))
		kunit_skip(test, "no hugetlbfs with pages of a PMD (%ld)",
			   PTR_ERR(file));
	t->file[0] = file;
	return t;
}

static void whole_pages_are_changed(struct kunit *test)
{
	const struct tmm_case *c = test->param_value;
	struct test_mm *t;

	tmm_require_case(test, c);
	t = create(test);
	tmm_draw(t, c->before);
	tmm_expect_err(t, c->err, c->op);
	tmm_expect_layout(t, c->after ?: c->before);
}

static void child_inherits_them(struct kunit *test)
{
	struct test_mm *t = create(test);

	tmm_draw(t, "AAAA....BBBB A:" SHARED " B:" PRIVATE);
	tmm_fork(t);
	tmm_expect_layout(t, "AAAA....BBBB A:" SHARED " B:" PRIVATE);
	tmm_must(t, TMM_MUNMAP(0, 4));
	tmm_must(t, TMM_MUNMAP(8, 4));
}

/* Their file's mapping is locked with all others, and before them. */
static void all_locks_are_taken(struct kunit *test)
{
	struct test_mm *t = create(test);
	bool held[2], kept[2];
	int err, i;

	tmm_draw(t, "AAAA....BBBBCCCC A:" SHARED " B:rsf1 C:rw#1");
	mmap_write_lock(t->mm);
	err = mm_take_all_locks(t->mm);
	for (i = 0; i < 2; i++)
		held[i] = rwsem_is_locked(&t->file[i]->f_mapping->i_mmap_rwsem);
	if (!err)
		mm_drop_all_locks(t->mm);
	for (i = 0; i < 2; i++)
		kept[i] = rwsem_is_locked(&t->file[i]->f_mapping->i_mmap_rwsem);
	mmap_write_unlock(t->mm);
	KUNIT_EXPECT_EQ(test, err, 0);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_TRUE_MSG(test, held[i], "file %d", i);
		KUNIT_EXPECT_FALSE_MSG(test, kept[i], "file %d", i);
	}
	t->doing = "mm_take_all_locks()";
	__tmm_report(t, tmm_check(t));
}

static struct kunit_case vma_hugetlb_cases[] = {
	KUNIT_CASE_PARAM(whole_pages_are_changed, cases_gen_params),
	KUNIT_CASE(child_inherits_them),
	KUNIT_CASE(all_locks_are_taken),
	{}
};

static struct kunit_suite vma_hugetlb_suite = {
	.name = "vma_hugetlb",
	.test_cases = vma_hugetlb_cases,
};

kunit_test_suite(vma_hugetlb_suite);

MODULE_DESCRIPTION("Tests for VMAs of hugetlbfs");
MODULE_LICENSE("GPL");
