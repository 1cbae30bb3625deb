// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMAs that grow by themselves: the heap and stacks. And where there is room
 * for others.
 *
 * checkpatch: SPLIT_STRING: pictures are wide
 */
#include <linux/mman.h>
#include <linux/personality.h>
#include <linux/security.h>

#include "internal.h"
#include "ops.h"
#include "test_mm.h"

/*
 * The heap
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

static void brk_survives_lack_of_all_memory(struct kunit *test)
{
	struct tmm_case c = TMM_CASE("next_to_another", "AA.... A:r",
				     TMM_BRK(2, 2), NULL);

	c.after = brk_picture("AABB A:r", "AABB A:r B:rwx");
	tmm_run_case_out_of_all_memory(test, &c);
}

static void brk_grows_survives_lack_of_memory(struct kunit *test)
{
	struct tmm_case c = TMM_CASE("grow", NULL, TMM_BRK(2, 2), NULL);

	c.before = brk_picture("AA....", "AA.... A:rwx");
	c.after = brk_picture("AAAA", "AAAA A:rwx");
	tmm_run_case_out_of_memory(test, &c);
}

/* brk() as user space calls it: the heap is what start_brk and brk say. */
static void expect_heap_end(struct test_mm *t, int page)
{
	KUNIT_EXPECT_EQ_MSG(t->test, t->mm->brk, tmm_addr(t, page),
			    "mm->brk after %s", t->doing);
}

static void heap_grows_and_shrinks(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_start_brk(t, 2);
	tmm_must(t, TMM_SBRK(4));
	tmm_expect_layout(t, brk_picture("..AA", "..AA A:rwx"));
	tmm_must(t, TMM_SBRK(7));
	tmm_must(t, TMM_WRITE(2, 5));
	tmm_expect_layout(t, brk_picture("..AAAAA A:rw#1", "..AAAAA A:rwx#1"));
	expect_heap_end(t, 7);
	tmm_must(t, TMM_SBRK(3));
	tmm_expect_layout(t, brk_picture("..A A:rw#1", "..A A:rwx#1"));
	expect_heap_end(t, 3);
	/* Within a page nothing is mapped, and the end is told all the same. */
	KUNIT_EXPECT_EQ(test, ksys_brk(tmm_addr(t, 3) - 5), tmm_addr(t, 3) - 5);
	KUNIT_EXPECT_EQ(test, t->mm->brk, tmm_addr(t, 3) - 5);
	tmm_must(t, TMM_SBRK(2));
	tmm_expect_layout(t, "");
	tmm_must(t, TMM_SBRK(4));
	tmm_expect_layout(t, brk_picture("..AA", "..AA A:rwx"));
}

/* An error is told by the end of the heap that is returned: the old one. */
static void expect_no_sbrk(struct test_mm *t, int page, int end)
{
	tmm_expect_err(t, -ENOMEM, TMM_SBRK(page));
	expect_heap_end(t, end);
}

static void heap_that_fails_is_as_before(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "..AA A:rw+sealed");
	t = tmm_create(test);
	tmm_start_brk(t, 2);
	tmm_must(t, TMM_SBRK(4));
	expect_no_sbrk(t, 1, 4);	/* Below its start. */
	tmm_must(t, TMM_SEAL(2, 2));
	expect_no_sbrk(t, 3, 4);
	tmm_expect_layout(t, brk_picture("..AA A:rw+sealed", "..AA A:rwx+sealed"));
	/* What grows is another VMA, for it is not sealed. */
	tmm_must(t, TMM_SBRK(6));
	tmm_expect_layout(t, brk_picture("..AABB A:rw+sealed",
					 "..AABB A:rwx+sealed B:rwx"));
	KUNIT_EXPECT_EQ(test, ksys_brk(TASK_SIZE), tmm_addr(t, 6));
	KUNIT_EXPECT_EQ(test, t->mm->brk, tmm_addr(t, 6));
}

/* exec() asks for what is no range, or not of this address space. */
static void heap_of_exec_has_bounds(struct kunit *test)
{
	const unsigned long last = ALIGN_DOWN(TASK_SIZE, PAGE_SIZE) - PAGE_SIZE;
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA A:r");
	KUNIT_EXPECT_EQ(test, -ENOMEM, vm_brk_flags(last, 2 * PAGE_SIZE, false));
	KUNIT_EXPECT_EQ(test, -ENOMEM, vm_brk_flags(tmm_addr(t, 4), -1, false));
	KUNIT_EXPECT_EQ(test, 0, vm_brk_flags(tmm_addr(t, 4), 0, false));
	t->doing = "vm_brk_flags()";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AA A:r");
	KUNIT_EXPECT_EQ(test, 0, vm_brk_flags(tmm_addr(t, 4), PAGE_SIZE, true));
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "AA..B A:r B:rwx");
}

/* It starts behind the data, or at random further up. */
static void heap_starts_where_it_was_put(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	const bool was_randomized = current->brk_randomized;
	const unsigned long start = tmm_addr(t, 4), below = start - 8;
	unsigned long randomized, fixed;

	tmm_start_brk(t, 4);
	t->mm->end_data = tmm_addr(t, 2);
	t->mm->start_data = t->mm->end_data;
	current->brk_randomized = true;
	randomized = ksys_brk(below);
	current->brk_randomized = false;
	fixed = ksys_brk(below);
	current->brk_randomized = was_randomized;
	KUNIT_EXPECT_EQ(test, randomized, start);
	KUNIT_EXPECT_EQ(test, fixed,
			IS_ENABLED(CONFIG_COMPAT_BRK) ? below : start);
	t->doing = "brk()";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "");
}

static void heap_meets_others(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_start_brk(t, 2);
	tmm_must(t, TMM_SBRK(4));
	tmm_must(t, TMM_MMAP(8, 2, "r"));
	/* One page stays between. */
	expect_no_sbrk(t, 8, 4);
	tmm_must(t, TMM_SBRK(7));
	tmm_expect_layout(t, brk_picture("..AAAAA.BB B:r", "..AAAAA.BB A:rwx B:r"));
	/* What is below is of no concern, even if it is the same. */
	tmm_must(t, TMM_SBRK(2));
	tmm_must(t, TMM_MMAP(0, 2, brk_picture("rw", "rwx")));
	tmm_must(t, TMM_SBRK(4));
	tmm_expect_layout(t, brk_picture("AABB....CC C:r",
					 "AABB....CC A:rwx B:rwx C:r"));
	/* And a stack keeps its distance. */
	tmm_must(t, TMM_MUNMAP(8, 2));
	tmm_must(t, TMM_MMAP(60, 2, "rw+growsdown"));
	expect_no_sbrk(t, 5, 4);
	tmm_must(t, TMM_MUNMAP(60, 2));
	tmm_must(t, TMM_SBRK(5));
	tmm_must(t, TMM_SBRK(4));
	/* The heap itself is gone, and shrinks to where nothing is. */
	tmm_must(t, TMM_MUNMAP(2, 2));
	expect_no_sbrk(t, 3, 4);
	tmm_must(t, TMM_MMAP(4, 2, "r"));
	expect_no_sbrk(t, 3, 4);
	tmm_expect_layout(t, brk_picture("AA..BB B:r", "AA..BB A:rwx B:r"));
}

static void heap_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_start_brk(t, 2);
	tmm_must(t, TMM_SBRK(4));
	tmm_limit(t, RLIMIT_DATA, 3);
	expect_no_sbrk(t, 6, 4);
	tmm_must(t, TMM_SBRK(5));
	/* What the program brought along counts, too, though it is not there. */
	tmm_limit(t, RLIMIT_DATA, 6);
	t->mm->start_data -= 3 * PAGE_SIZE;
	expect_no_sbrk(t, 6, 5);
	t->mm->start_data += 3 * PAGE_SIZE;
	tmm_limit(t, RLIMIT_DATA, 100);
	tmm_limit(t, RLIMIT_AS, 4);
	expect_no_sbrk(t, 7, 5);
	tmm_must(t, TMM_SBRK(6));
	tmm_limit(t, RLIMIT_AS, 100);
	tmm_limit_commit(t, 1);
	expect_no_sbrk(t, 8, 6);
	tmm_must(t, TMM_SBRK(7));
	tmm_expect_layout(t, brk_picture("..AAAAA", "..AAAAA A:rwx"));
}

static void heap_is_locked_as_all_that_comes(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_must(t, TMM_MLOCKALL(MCL_FUTURE));
	tmm_start_brk(t, 2);
	tmm_must(t, TMM_SBRK(4));
	tmm_expect_layout(t, brk_picture("..AA A:rw#1+lock", "..AA A:rwx#1+lock"));
	tmm_must(t, TMM_BRK(4, 2));
	tmm_expect_layout(t, brk_picture("..AAAA A:rw#1+lock",
					 "..AAAA A:rwx#1+lock"));
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 2, 4), 4);
	tmm_drop_capabilities(t);
	tmm_limit(t, RLIMIT_MEMLOCK, 5);
	expect_no_sbrk(t, 8, 4);
	tmm_expect_err(t, -EAGAIN, TMM_BRK(6, 2));
	tmm_must(t, TMM_BRK(6, 1));
	tmm_expect_layout(t, brk_picture("..AAAAA A:rw#1+lock",
					 "..AAAAA A:rwx#1+lock"));
	/* With nothing in the way but the limit. */
	tmm_must(t, TMM_MUNMAP(4, 3));
	expect_no_sbrk(t, 8, 4);
	tmm_must(t, TMM_SBRK(7));
	tmm_expect_layout(t, brk_picture("..AAAAA A:rw#1+lock",
					 "..AAAAA A:rwx#1+lock"));
}

static void number_of_vmas_limits_the_heap(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA..BB A:r B:-");
	tmm_limit_vmas(t, -1);
	tmm_expect_err(t, -ENOMEM, TMM_BRK(10, 2));
	tmm_expect_layout(t, "AA..BB A:r B:-");
	tmm_limit_vmas(t, 0);
	tmm_must(t, TMM_BRK(10, 2));
	tmm_expect_layout(t, brk_picture("AA..BB....CC A:r B:-",
					 "AA..BB....CC A:r B:- C:rwx"));
}

/*
 * Stacks
 */

static int grow_down_unchecked(struct test_mm *t, int from, int to)
{
	int err;

	mmap_write_lock(t->mm);
	err = expand_downwards(vma_lookup(t->mm, tmm_addr(t, from)),
			       tmm_addr(t, to));
	mmap_write_unlock(t->mm);
	return err;
}

static int grow_down_to(struct test_mm *t, int from, int to)
{
	int err = grow_down_unchecked(t, from, to);

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

static void stack_has_a_lowest_address(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	int err;

	tmm_must(t, TMM_MMAP(40, 4, "rw+growsdown"));
	mmap_write_lock(t->mm);
	err = expand_downwards(vma_lookup(t->mm, tmm_addr(t, 40)), 0);
	mmap_write_unlock(t->mm);
	KUNIT_EXPECT_EQ(test, err, -EPERM);
	/* Stacks need no gap between each other. */
	tmm_must(t, TMM_MMAP(36, 2, "rw+growsdown"));
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 40, 38), 0);
	tmm_expect_layout(t, "....................................AABBBBBB"
			     " A:rw+growsdown B:rw#1+growsdown");
}

/* Page offsets begin at none: a stack that came from far below has few. */
static void stack_has_a_lowest_page_offset(struct kunit *test)
{
	const unsigned long low = PAGE_ALIGN(mmap_min_addr) + PAGE_SIZE;
	struct test_mm *t = tmm_create(test);
	unsigned long addr;
	int pages = low >> PAGE_SHIFT;

	addr = vm_mmap(NULL, low, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_FIXED |
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, 0);
	KUNIT_ASSERT_EQ(test, addr, low);
	KUNIT_ASSERT_EQ(test, put_user(1, (char __user *)low), 0);
	addr = ksys_mremap(low, PAGE_SIZE, PAGE_SIZE,
			   MREMAP_MAYMOVE | MREMAP_FIXED, tmm_addr(t, 60));
	KUNIT_ASSERT_EQ(test, addr, tmm_addr(t, 60));
	KUNIT_ASSERT_LT(test, pages, 50);
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 60, 60 - pages - 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 60, 60 - pages), 0);
	KUNIT_EXPECT_EQ(test, vma_start_pgoff(tmm_vma(t, 60)), 0);
	KUNIT_EXPECT_EQ(test, tmm_vma(t, 60)->vm_start, tmm_addr(t, 60 - pages));
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

/*
 * What exec() does with the stack that it has put together. When it fails on
 * the way there is no way back, and exec() throws all of it away.
 */
static int relocate_down(struct test_mm *t, int from, int pages)
{
	int err;

	mmap_write_lock(t->mm);
	err = relocate_vma_down(vma_lookup(t->mm, tmm_addr(t, from)),
				tmm_len(t, pages));
	mmap_write_unlock(t->mm);
	t->doing = "relocate_vma_down()";
	__tmm_report(t, tmm_check(t));
	return err;
}

/*
 * Neither charged nor counted are the pages that the VMA has in addition until
 * it is shrunk again: do it here, to have the rest compared.
 */
static void clear_half_relocated(struct test_mm *t)
{
	struct vm_area_struct *vma = tmm_vma(t, 12);
	const long more = vma_pages(vma) - 4;

	if (more) {
		vm_acct_memory(more);
		mmap_write_lock(t->mm);
		vm_stat_account(t->mm, vma->vm_flags, more);
		mmap_write_unlock(t->mm);
	}
	tmm_clear(t);
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
 * By whole tables, where it is as far into one before and after, even if a part
 * of it was to be in front. Columns are a quarter of what one covers.
 */
static void stack_is_relocated_with_its_tables(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_zoom_out(t);
	tmm_draw(t, ".............AAAAAA A:rw#1");
	tmm_must(t, TMM_WRITE(13, 6));
	KUNIT_EXPECT_EQ(test, relocate_down(t, 13, 4), 0);
	tmm_expect_layout(t, ".........AAAAAA A:rw#1@13");
	tmm_must(t, TMM_MMAP(4, 1, "r"));
	KUNIT_EXPECT_EQ(test, relocate_down(t, 9, 4), 0);
	tmm_expect_layout(t, "....BAAAAAA A:rw#1@13 B:r");
	tmm_expect_contents(t, 5, 13, 6);
}

/* Half way there it covers both places, and each page is in one of them. */
static void relocation_survives_lack_of_memory(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	struct vm_area_struct *vma;
	bool failed = true;
	int nth, err;

	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	for (nth = 1; nth < 20; nth++) {
		tmm_draw(t, "............AAAA A:rw#1");
		vma = tmm_vma(t, 12);
		mmap_write_lock(t->mm);
		tmm_arm(nth);
		err = relocate_vma_down(vma, 2 * PAGE_SIZE);
		failed = tmm_disarm();
		mmap_write_unlock(t->mm);
		if (!failed)
			break;
		KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 20), 4);
		if (err && err != -ENOMEM)
			KUNIT_FAIL(test, "error %d with allocation %d failing", err, nth);
		clear_half_relocated(t);
	}
	t->doing = "relocate_vma_down()";
	__tmm_report(t, tmm_check(t));
	KUNIT_EXPECT_FALSE(test, failed);
	KUNIT_EXPECT_GT(test, nth, 1);
	KUNIT_EXPECT_EQ(test, err, 0);
	tmm_expect_layout(t, "..........AAAA A:rw#1@12");
}

/*
 * Limits
 */

static void address_space_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAA A:r");
	tmm_limit(t, RLIMIT_AS, 6);
	tmm_expect_err(t, -ENOMEM, TMM_MMAP(4, 3, "r"));
	tmm_expect_err(t, -ENOMEM, TMM_BRK(4, 3));
	tmm_expect_layout(t, "AAAA A:r");
	/* What is replaced does not count twice. */
	tmm_must(t, TMM_MMAP(2, 4, "-"));
	tmm_expect_layout(t, "AABBBB A:r B:-");
}

/* No limit at all is that of the hard limit, for Valgrind. */
static void hard_limit_of_data_counts(struct kunit *test)
{
	struct rlimit *limit = &current->signal->rlim[RLIMIT_DATA];
	const unsigned long max = limit->rlim_max;
	struct test_mm *t = tmm_create(test);
	long err;

	tmm_draw(t, "AA");
	tmm_limit(t, RLIMIT_DATA, 0);
	limit->rlim_max = 3 * PAGE_SIZE;
	err = tmm_do(t, TMM_MMAP(2, 2, "rw"));
	limit->rlim_max = max;
	KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	tmm_must(t, TMM_MMAP(2, 2, "rw"));
	tmm_expect_layout(t, "AAAA");
}

static void data_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABB B:r");
	tmm_limit(t, RLIMIT_DATA, 3);
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
	tmm_limit(t, RLIMIT_STACK, 6);
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

/* The stack that exec() starts with, before it is one that grows. */
static void first_stack_is_inserted(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	struct vm_area_struct *vma[2];
	int err[2], i;

	mmap_write_lock(t->mm);
	for (i = 0; i < 2; i++) {
		vma[i] = vm_area_alloc(t->mm);
		if (!vma[i])
			break;
		vma_set_anonymous(vma[i]);
		vma[i]->vm_start = tmm_addr(t, 40);
		vma[i]->vm_end = tmm_addr(t, 41);
		vm_flags_init(vma[i], VM_READ | VM_WRITE | VM_MAYREAD |
			      VM_MAYWRITE | VM_ACCOUNT | VM_SOFTDIRTY);
		vma[i]->vm_page_prot = vm_get_page_prot(vma[i]->vm_flags);
		err[i] = insert_vm_struct(t->mm, vma[i]);
	}
	if (i == 2 && err[1])
		vm_area_free(vma[1]);
	vm_stat_account(t->mm, VM_READ | VM_WRITE, 1);
	mmap_write_unlock(t->mm);
	KUNIT_ASSERT_EQ(test, i, 2);
	KUNIT_EXPECT_EQ(test, err[0], 0);
	KUNIT_EXPECT_EQ_MSG(test, err[1], -ENOMEM, "there is one already");
	t->doing = "insert_vm_struct()";
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, "........................................A");
}

static void room_has_bounds(struct kunit *test)
{
	struct vm_unmapped_area_info info = {
		.length = PAGE_SIZE,
		.high_limit = TASK_SIZE,
	};
	struct test_mm *t = tmm_create(test);
	unsigned long up, down, none[2];

	mmap_read_lock(t->mm);
	up = vm_unmapped_area(&info);
	info.flags = VM_UNMAPPED_AREA_TOPDOWN;
	info.high_limit = mmap_min_addr + PAGE_SIZE;
	down = vm_unmapped_area(&info);
	info.length = ULONG_MAX & PAGE_MASK;
	info.align_mask = PMD_SIZE - 1;
	none[0] = vm_unmapped_area(&info);
	info.flags = 0;
	none[1] = vm_unmapped_area(&info);
	mmap_read_unlock(t->mm);
	KUNIT_EXPECT_EQ_MSG(test, up, mmap_min_addr, "the lowest there is");
	KUNIT_EXPECT_EQ_MSG(test, down, mmap_min_addr, "from above, too");
	KUNIT_EXPECT_EQ(test, (long)none[0], -ENOMEM);
	KUNIT_EXPECT_EQ(test, (long)none[1], -ENOMEM);
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

/* But between what is mapped and the gap there is. */
/* Its gap ends where the address space begins, and does not wrap around. */
static void no_room_below_the_lowest_stack(struct kunit *test)
{
	const unsigned long stack = stack_guard_gap / 2;
	struct vm_unmapped_area_info info = {
		.length = PAGE_SIZE,
		.low_limit = PAGE_SIZE,
		.high_limit = stack,
	};
	struct test_mm *t = tmm_create(test);
	unsigned long at, up, down;

	at = vm_mmap(NULL, stack, PAGE_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, 0);
	KUNIT_ASSERT_EQ(test, at, stack);
	mmap_read_lock(t->mm);
	up = vm_unmapped_area(&info);
	info.flags = VM_UNMAPPED_AREA_TOPDOWN;
	down = vm_unmapped_area(&info);
	mmap_read_unlock(t->mm);
	vm_munmap(stack, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, (long)up, -ENOMEM);
	KUNIT_EXPECT_EQ(test, (long)down, -ENOMEM);
}

static void room_ends_at_the_gap_of_a_stack(struct kunit *test)
{
	const unsigned long down = VM_UNMAPPED_AREA_TOPDOWN;
	struct test_mm *t = tmm_create(test);

	stack_guard_gap = 4 * PAGE_SIZE;
	tmm_draw(t, "AA");
	tmm_must(t, TMM_MMAP(40, 4, "rw+growsdown"));
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 44, 30, 0, 0), 2);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 44, 34, 0, 0), 2);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 44, 36, 0, 0), -ENOMEM);
	/* Where the highest hole would reach into the gap, one below is taken. */
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 34, 2, down, 0), 32);
	KUNIT_EXPECT_EQ(test, find_room(t, 0, 40, 2, down, 0), 34);
	KUNIT_EXPECT_EQ(test, find_room(t, 35, 44, 2, down, 0), -ENOMEM);
	stack_guard_gap = 256UL << PAGE_SHIFT;
	t->doing = "vm_unmapped_area()";
	tmm_expect_layout(t, "AA......................................BBBB"
			     " B:rw+growsdown");
}

/*
 * Growth as a fault asks for it, under the mmap_lock for read, and as
 * get_user_pages() does.
 */
static bool fault_below(struct test_mm *t, int page)
{
	struct vm_area_struct *vma;

	mmap_read_lock(t->mm);
	vma = expand_stack(t->mm, tmm_addr(t, page));
	if (vma)
		mmap_read_unlock(t->mm);
	t->doing = "expand_stack()";
	__tmm_report(t, tmm_check(t));
	return vma;
}

static const char *stack_picture(int from)
{
	static const char * const pictures[] = {
		[36] = "....................................AAAAAAAA A:rw#1+growsdown",
		[37] = ".....................................AAAAAAA A:rw#1+growsdown",
		[38] = "......................................AAAAAA A:rw#1+growsdown",
	};

	return pictures[from];
}

static void stack_grows_by_a_fault(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_must(t, TMM_MMAP(40, 4, "rw+growsdown"));
	KUNIT_EXPECT_TRUE(test, fault_below(t, 38));
	tmm_expect_layout(t, stack_picture(38));
	KUNIT_EXPECT_TRUE(test, fault_below(t, 38));
	tmm_expect_layout(t, stack_picture(38));
	KUNIT_EXPECT_FALSE_MSG(test, fault_below(t, 44), "nothing above it");
	tmm_must(t, TMM_MMAP(10, 2, "r"));
	KUNIT_EXPECT_FALSE_MSG(test, fault_below(t, 9), "not a stack");
	tmm_must(t, TMM_MUNMAP(10, 2));
	/* From far below, as far as it may. */
	tmm_limit(t, RLIMIT_STACK, 8);
	KUNIT_EXPECT_FALSE(test, fault_below(t, 2));
	KUNIT_EXPECT_TRUE(test, fault_below(t, 36));
	tmm_expect_layout(t, stack_picture(36));
}

static void stack_grows_for_others(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	struct vm_area_struct *vma;

	tmm_must(t, TMM_MMAP(40, 4, "rw+growsdown"));
	mmap_write_lock(t->mm);
	vma = find_extend_vma_locked(t->mm, tmm_addr(t, 38) + 5);
	mmap_write_unlock(t->mm);
	KUNIT_EXPECT_NOT_NULL(test, vma);
	t->doing = "find_extend_vma_locked(38)";
	tmm_expect_layout(t, stack_picture(38));

	mmap_write_lock(t->mm);
	vma = find_extend_vma_locked(t->mm, tmm_addr(t, 50));
	mmap_write_unlock(t->mm);
	KUNIT_EXPECT_NULL(test, vma);

	/* Where it is already, nothing grows. */
	mmap_write_lock(t->mm);
	vma = find_extend_vma_locked(t->mm, tmm_addr(t, 39));
	mmap_write_unlock(t->mm);
	KUNIT_EXPECT_NOT_NULL(test, vma);
	tmm_expect_layout(t, stack_picture(38));

	/* A locked stack has its new pages at once. */
	tmm_must(t, TMM_MLOCK(38, 6));
	mmap_write_lock(t->mm);
	vma = find_extend_vma_locked(t->mm, tmm_addr(t, 36));
	mmap_write_unlock(t->mm);
	KUNIT_EXPECT_NOT_NULL(test, vma);
	t->doing = "find_extend_vma_locked(36)";
	__tmm_report(t, tmm_check(t));
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 36, 8), 8);

	/* A page without access needs no gap. */
	tmm_must(t, TMM_MUNLOCK(36, 8));
	tmm_must(t, TMM_MMAP(30, 2, "-"));
	mmap_write_lock(t->mm);
	vma = find_extend_vma_locked(t->mm, tmm_addr(t, 29));
	mmap_write_unlock(t->mm);
	KUNIT_EXPECT_NULL_MSG(test, vma, "grew over another VMA");
	tmm_expect_layout(t, "..............................AA....BBBBBBBB A:- B:rw#1+growsdown");
}

static void stack_survives_lack_of_memory(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	int nth, err;

	if (!tmm_can_inject())
		kunit_skip(test, "no fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC)");
	for (nth = 1; nth < 20; nth++) {
		tmm_must(t, TMM_MMAP(40, 4, "rw+growsdown"));
		tmm_arm(nth);
		err = grow_down_unchecked(t, 40, 38);
		if (!tmm_disarm())
			break;
		t->doing = "expand_downwards() without memory";
		__tmm_report(t, tmm_check(t));
		if (err && err != -ENOMEM)
			KUNIT_FAIL(test, "error %d after %s", err, t->doing);
		tmm_must(t, TMM_MUNMAP(38, 6));
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GT(test, nth, 1);
	tmm_expect_layout(t, stack_picture(38));
}

/* The gap is to what is accessible, and not between stacks. */
static void stack_keeps_its_distance(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	stack_guard_gap = 4 * PAGE_SIZE;
	tmm_must(t, TMM_MMAP(40, 4, "rw+growsdown"));
	tmm_must(t, TMM_MMAP(30, 2, "r"));
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 40, 35), -ENOMEM);
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 40, 36), 0);
	tmm_must(t, TMM_MPROTECT(30, 2, "-"));
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 36, 34), 0);
	tmm_expect_layout(t, "..............................AA..BBBBBBBBBB A:- B:rw#1+growsdown");
	stack_guard_gap = 256UL << PAGE_SHIFT;
	tmm_drop_capabilities(t);
	tmm_must(t, TMM_MUNMAP(30, 2));
	tmm_limit(t, RLIMIT_MEMLOCK, 100);
	tmm_must(t, TMM_MLOCK(34, 10));
	tmm_limit(t, RLIMIT_MEMLOCK, 11);
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 34, 32), -ENOMEM);
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 34, 33), 0);
	tmm_must(t, TMM_MUNLOCK(33, 11));
	tmm_limit(t, RLIMIT_AS, 12);
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 33, 31), -ENOMEM);
	tmm_limit(t, RLIMIT_AS, 100);
	tmm_limit_commit(t, 1);
	KUNIT_EXPECT_EQ(test, grow_down_to(t, 33, 31), -ENOMEM);
	tmm_expect_layout(t, ".................................AAAAAAAAAAA A:rw#1+growsdown");
}

static struct kunit_case vma_growth_cases[] = {
	KUNIT_CASE(brk_grows_one_vma),
	KUNIT_CASE(brk_survives_lack_of_memory),
	KUNIT_CASE(brk_survives_lack_of_all_memory),
	KUNIT_CASE(brk_grows_survives_lack_of_memory),
	KUNIT_CASE(heap_grows_and_shrinks),
	KUNIT_CASE(heap_that_fails_is_as_before),
	KUNIT_CASE(heap_of_exec_has_bounds),
	KUNIT_CASE(heap_starts_where_it_was_put),
	KUNIT_CASE(heap_meets_others),
	KUNIT_CASE(heap_is_limited),
	KUNIT_CASE(heap_is_locked_as_all_that_comes),
	KUNIT_CASE(number_of_vmas_limits_the_heap),
	KUNIT_CASE(stack_grows_down),
	KUNIT_CASE(stack_has_a_lowest_address),
	KUNIT_CASE(stack_has_a_lowest_page_offset),
	KUNIT_CASE(locked_stack_is_counted),
	KUNIT_CASE(stack_is_relocated),
	KUNIT_CASE(stack_is_relocated_with_its_tables),
	KUNIT_CASE(relocation_survives_lack_of_memory),
	KUNIT_CASE(stack_grows_by_a_fault),
	KUNIT_CASE(stack_grows_for_others),
	KUNIT_CASE(stack_survives_lack_of_memory),
	KUNIT_CASE(address_space_is_limited),
	KUNIT_CASE(hard_limit_of_data_counts),
	KUNIT_CASE(data_is_limited),
	KUNIT_CASE(stack_is_limited),
	KUNIT_CASE(stack_keeps_its_distance),
	KUNIT_CASE(room_is_found),
	KUNIT_CASE(first_stack_is_inserted),
	KUNIT_CASE(room_has_bounds),
	KUNIT_CASE(no_room_below_a_stack),
	KUNIT_CASE(no_room_below_the_lowest_stack),
	KUNIT_CASE(room_ends_at_the_gap_of_a_stack),
	{}
};

static struct kunit_suite vma_growth_suite = {
	.name = "vma_growth",
	.test_cases = vma_growth_cases,
};

kunit_test_suite(vma_growth_suite);

MODULE_DESCRIPTION("Tests for heaps and stacks");
MODULE_LICENSE("GPL");
