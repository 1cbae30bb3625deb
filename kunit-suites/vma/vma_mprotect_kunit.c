// SPDX-License-Identifier: GPL-2.0-only
/*
 * mprotect(): from each protection to each other, what it charges, what it
 * refuses, how far it gets, and what the page tables then allow.
 *
 * checkpatch: SPLIT_STRING: pictures are wide
 * checkpatch: CONST_STRUCT: a copy that is filled in when the original is known
 */
#include <linux/backing-dev.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/personality.h>

#include "internal.h"
#include "test_mm.h"

/*
 * From and to each protection, for each kind of mapping
 */

static const char * const protections[] = {
	"-", "r", "w", "x", "rw", "rx", "wx", "rwx",
};

#define NR_PROTS	ARRAY_SIZE(protections)

static const struct {
	const char *name;
	const char *attr;
	bool charged;		/* When it is writable. */
	bool for_good;		/* Also when it no longer is. */
} kinds[] = {
	{ "anonymous", "", true, false },
	{ "faulted", "#1", true, true },
	{ "private_file", "f0", true, true },
	{ "shared_file", "sf0", false, false },
	{ "noreserve", "+noreserve", false, false },
};

/* One for each kind and two protections; the address tells which. */
static const char changes[ARRAY_SIZE(kinds) * NR_PROTS * NR_PROTS];

static const void *changes_gen_params(struct kunit *test, const void *prev,
				      char *desc)
{
	const char *next = prev ? (const char *)prev + 1 : changes;
	const int nr = next - changes;

	if (next == changes + sizeof(changes))
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s_%s_to_%s",
		 kinds[nr / NR_PROTS / NR_PROTS].name,
		 protections[nr / NR_PROTS % NR_PROTS],
		 protections[nr % NR_PROTS]);
	return next;
}

static bool writable(const char *protection)
{
	return strchr(protection, 'w');
}

/* A charge that the protection does not imply is "+acct", one missing, too. */
static const char *acct_note(int kind, const char *was, const char *is)
{
	const bool charged = kinds[kind].charged &&
			     (writable(is) || kinds[kind].for_good) &&
			     (writable(was) || writable(is) ||
			      !strcmp(kinds[kind].attr, "#1"));

	return kinds[kind].charged && charged != writable(is) ? "+acct" : "";
}

static void protection_is_changed(struct kunit *test)
{
	const int nr = (const char *)test->param_value - changes;
	const int kind = nr / NR_PROTS / NR_PROTS;
	const char *from = protections[nr / NR_PROTS % NR_PROTS];
	const char *to = protections[nr % NR_PROTS];
	struct test_mm *t = tmm_create(test);
	char picture[128];

	snprintf(picture, sizeof(picture), "AAAA A:%s%s%s", from,
		 kinds[kind].attr, acct_note(kind, from, from));
	tmm_draw(t, picture);
	tmm_must(t, TMM_MPROTECT(1, 2, to));
	if (strcmp(from, to))
		snprintf(picture, sizeof(picture),
			 "ABBC A:%s%s%s B:%s%s%s C:%s%s%s",
			 from, kinds[kind].attr, acct_note(kind, from, from),
			 to, kinds[kind].attr, acct_note(kind, from, to),
			 from, kinds[kind].attr, acct_note(kind, from, from));
	tmm_expect_layout(t, picture);
	/* What may be done is done by the page tables. */
	if (strchr(to, 'r'))
		tmm_must(t, TMM_READ(1, 2));
	if (writable(to))
		tmm_must(t, TMM_WRITE(1, 2));
	if (!strcmp(to, "-"))
		tmm_expect_err(t, -EFAULT, TMM_READ(1, 2));
	if (!writable(to))
		tmm_expect_err(t, -EFAULT, TMM_WRITE(1, 2));
}

/*
 * What it refuses, and where it stops
 */

static const struct tmm_case stops[] = {
	{ "hole_at_the_start", "..AA", TMM_MPROTECT(1, 2, "r"), -ENOMEM, NULL },
	{ "hole_in_the_middle", "AA..BB", TMM_MPROTECT(1, 4, "r"), -ENOMEM,
	  "AC..BB C:r" },
	{ "hole_at_the_end", "AA", TMM_MPROTECT(1, 3, "r"), -ENOMEM, "AC C:r" },
	{ "hole_behind_unchanged", "AA..BB A:r", TMM_MPROTECT(0, 4, "r"),
	  -ENOMEM, NULL },
	{ "nothing_there", "AA....", TMM_MPROTECT(3, 2, "r"), -ENOMEM, NULL },
	{ "nothing_behind", "AA..BB", TMM_MPROTECT(2, 1, "r"), -ENOMEM, NULL },
	{ "no_pages", "AA", TMM_MPROTECT(0, 0, "r"), 0, NULL },
	{ "sealed", "AA A:rw+sealed", TMM_MPROTECT(0, 2, "r"), -EPERM, NULL },
	{ "sealed_and_the_same", "AA A:r+sealed", TMM_MPROTECT(0, 2, "r"),
	  -EPERM, NULL },
	{ "sealed_second", "AABB B:rw+sealed", TMM_MPROTECT(0, 4, "r"), -EPERM,
	  "AABB A:r B:rw+sealed" },
	{ "unsplittable_second", "AABBB B:rwsf3", TMM_MPROTECT(0, 4, "r"),
	  -EINVAL, "AABBB A:r B:rwsf3" },
	{ "grows_down_but_is_no_stack", "AAAA",
	  TMM_OP(MPROTECT, 1, 2, .attr = "r", .arg = PROT_GROWSDOWN), -EINVAL,
	  NULL },
	{ "grows_down_from_a_hole", "..AA",
	  TMM_OP(MPROTECT, 0, 2, .attr = "r", .arg = PROT_GROWSDOWN), -ENOMEM,
	  NULL },
	{ "grows_down_into_nothing", "AA....BB",
	  TMM_OP(MPROTECT, 2, 2, .attr = "r", .arg = PROT_GROWSDOWN), -ENOMEM,
	  NULL },
	{ "grows_both_ways", "AAAA",
	  TMM_OP(MPROTECT, 0, 2, .attr = "r",
		 .arg = PROT_GROWSDOWN | PROT_GROWSUP), -EINVAL, NULL },
	{ "grows_up_but_is_no_stack", "AAAA",
	  TMM_OP(MPROTECT, 0, 2, .attr = "r", .arg = PROT_GROWSUP), -EINVAL,
	  NULL },
	{ "unknown_protection", "AAAA",
	  TMM_OP(MPROTECT, 0, 2, .attr = "r", .arg = 0x40), -EINVAL, NULL },
	/* Not a hole: each VMA is looked at in turn. */
	{ "over_several", "AABBCC A:r#1+acct B:rwsf0 C:rw",
	  TMM_MPROTECT(1, 4, "rx"), 0,
	  "ADEEFC A:r#1+acct D:rx#1+acct E:rxsf0 F:rx C:rw" },
	{ "over_several_of_which_one_is_so", "AABBCC A:r B:rx C:r",
	  TMM_MPROTECT(0, 6, "rx"), 0, "AAAAAA A:rx" },
	{ "merges_with_the_next_but_one", "AABBCCDD A:r B:rw C:r D:rw",
	  TMM_MPROTECT(2, 3, "r"), 0, "AAAAAADD A:r D:rw" },
};

KUNIT_ARRAY_PARAM_DESC(stops, stops, name);

static void protected_up_to_the_error(struct kunit *test)
{
	tmm_run_case(test, test->param_value);
}

/* Key 0 is everybody's; others are had where there is hardware for them. */
static void key_has_to_be_ones_own(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	const unsigned long at = tmm_addr(t, 1);

	tmm_draw(t, "AAA");
	KUNIT_EXPECT_EQ(test, -EINVAL,
			do_mprotect_pkey(at, PAGE_SIZE, PROT_READ, 1));
	t->doing = "pkey_mprotect() with a key that was not allocated";
	tmm_expect_layout(t, "AAA");
	KUNIT_EXPECT_EQ(test, 0, do_mprotect_pkey(at, PAGE_SIZE, PROT_READ, 0));
	t->doing = "pkey_mprotect() with key 0";
	tmm_expect_layout(t, "ABC B:r");
}

static void unaligned_and_endless_is_refused(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);
	const unsigned long at = tmm_addr(t, 0);

	tmm_draw(t, "AAAA");
	KUNIT_EXPECT_EQ(test, do_mprotect_pkey(at + 1, 1, PROT_READ, -1), -EINVAL);
	KUNIT_EXPECT_EQ(test, do_mprotect_pkey(at, -PAGE_SIZE, PROT_READ, -1),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, do_mprotect_pkey(at, PAGE_SIZE, PROT_READ, 999),
			-EINVAL);
	t->doing = "what was refused";
	tmm_expect_layout(t, "AAAA");
	KUNIT_EXPECT_EQ(test, do_mprotect_pkey(at, PAGE_SIZE + 1, PROT_READ, -1), 0);
	t->doing = "mprotect(0, 1.1)";
	tmm_expect_layout(t, "AABB A:r");
}

/* All of a stack below the range, and nothing above it. */
static void stack_is_protected_to_its_start(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_must(t, TMM_MMAP(40, 6, "rw+growsdown"));
	tmm_must(t, TMM_OP(MPROTECT, 42, 1, .attr = "r", .arg = PROT_GROWSDOWN));
	tmm_expect_layout(t, "........................................AAABBB"
			     " A:r+growsdown B:rw+growsdown");
}

/* Old programs expect to execute what they may read. */
static void read_implies_exec_where_it_is_asked_for(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAABB B:rwsf2");
	current->personality |= READ_IMPLIES_EXEC;
	tmm_must(t, TMM_MPROTECT(0, 2, "r"));
	tmm_must(t, TMM_MPROTECT(2, 2, "w"));
	tmm_must(t, TMM_MMAP(8, 2, "r"));
	current->personality &= ~READ_IMPLIES_EXEC;
	tmm_expect_layout(t, "AACCBB..DD A:rx C:w B:rwsf2 D:rx");
}

/* What may not be executed stays readable, also behind what may. */
static void read_does_not_imply_exec_of_others(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABB B:rwsf2");
	mmap_write_lock(t->mm);
	vma_start_write(vma_lookup(t->mm, tmm_addr(t, 2)));
	vm_flags_clear(vma_lookup(t->mm, tmm_addr(t, 2)), VM_MAYEXEC);
	mmap_write_unlock(t->mm);
	current->personality |= READ_IMPLIES_EXEC;
	tmm_must(t, TMM_MPROTECT(0, 4, "r"));
	current->personality &= ~READ_IMPLIES_EXEC;
	tmm_expect_layout(t, "AABB A:rx B:rsf2");
	tmm_expect_err(t, -EACCES, TMM_MPROTECT(2, 2, "rx"));
}

/* The driver is asked for each of its VMAs. */
static void driver_may_refuse(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABBCC A:rw#1 B:rwsf4 C:rw#2");
	tmm_driver_fails(-EIO);
	tmm_expect_err(t, -EIO, TMM_MPROTECT(2, 2, "r"));
	tmm_expect_layout(t, "AABBCC A:rw#1 B:rwsf4 C:rw#2");
	tmm_expect_err(t, -EIO, TMM_MPROTECT(0, 6, "r"));
	tmm_expect_layout(t, "AABBCC A:r#1+acct B:rwsf4 C:rw#2");
	tmm_driver_fails(0);
	tmm_must(t, TMM_MPROTECT(3, 1, "r"));
	tmm_expect_layout(t, "AABDCC A:r#1+acct B:rwsf4 D:rsf4 C:rw#2");
}

/*
 * Limits
 */

static void charge_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABBBCCDD A:r B:r#1+acct C:rsf0 D:rwx");
	tmm_limit_commit(t, 1);
	tmm_expect_err(t, -ENOMEM, TMM_MPROTECT(0, 2, "rw"));
	tmm_expect_layout(t, "AABBBCCDD A:r B:r#1+acct C:rsf0 D:rwx");
	/* Charged already, or not at all. */
	tmm_must(t, TMM_MPROTECT(2, 7, "rw"));
	tmm_must(t, TMM_MPROTECT(0, 1, "rw"));
	tmm_expect_layout(t, "EABBBCCDD E:rw A:r B:rw#1 C:rwsf0 D:rw");
	/* What is given up can be had again. */
	tmm_must(t, TMM_MPROTECT(7, 2, "r"));
	tmm_must(t, TMM_MPROTECT(1, 1, "rw"));
	tmm_must(t, TMM_MPROTECT(7, 1, "rw"));
	tmm_expect_err(t, -ENOMEM, TMM_MPROTECT(8, 1, "rw"));
	tmm_expect_layout(t, "AAAAACCDE A:rw#1 C:rwsf0 D:rw E:r");
}

static void data_is_limited(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABBCC A:rw B:r C:rsf0");
	tmm_limit(t, RLIMIT_DATA, 3);
	tmm_expect_err(t, -ENOMEM, TMM_MPROTECT(2, 2, "rw"));
	/* What is shared, or executed only, is no data. */
	tmm_must(t, TMM_MPROTECT(4, 2, "rw"));
	tmm_must(t, TMM_MPROTECT(2, 2, "rx"));
	tmm_expect_layout(t, "AABBCC A:rw B:rx C:rwsf0");
	tmm_must(t, TMM_MPROTECT(0, 1, "r"));
	tmm_must(t, TMM_MPROTECT(2, 2, "rw"));
	/* Who is over the limit already may go on with what there is. */
	tmm_limit(t, RLIMIT_DATA, 1);
	tmm_must(t, TMM_MPROTECT(2, 2, "rwx"));
	tmm_expect_layout(t, "ADBBCC A:r D:rw B:rwx C:rwsf0");
	/* A limit of none is that of the hard limit, for Valgrind. */
	tmm_limit(t, RLIMIT_DATA, 0);
	tmm_must(t, TMM_MPROTECT(0, 1, "rw"));
	tmm_expect_layout(t, "AABBCC A:rw B:rwx C:rwsf0");
}

/*
 * What a page table says must be what the fault handler would allow
 */

static void page_is_not_made_writable_behind_the_trackers(struct kunit *test)
{
	struct test_mm *t;

	tmm_require(test, "AA A:rwsf0+clean");
	t = tmm_create(test);
	tmm_draw(t, "AABB.CC A:rsf0+clean B:r+clean C:rw#1+clean");
	tmm_must(t, TMM_READ(0, 4));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
	tmm_must(t, TMM_MPROTECT(5, 2, "r"));
	tmm_must(t, TMM_MPROTECT(5, 2, "rw"));
	tmm_expect_layout(t, "AABB.CC A:rwsf0+clean B:rw+clean C:rw#1+clean");
	tmm_must(t, TMM_WRITE(0, 4));
	tmm_must(t, TMM_MPROTECT(0, 4, "r"));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
}

static bool tracked(struct vm_area_struct *vma)
{
	return vma_wants_writenotify(vma, vm_get_page_prot(vma->vm_flags));
}

/* As if its file system wrote back, which those of the fixture do not. */
static bool is_tracked_for_writeback(struct vm_area_struct *vma)
{
	struct backing_dev_info *bdi = inode_to_bdi(file_inode(vma->vm_file));
	const unsigned int capabilities = bdi->capabilities;
	bool is_tracked;

	bdi->capabilities |= BDI_CAP_WRITEBACK;
	is_tracked = vma_needs_dirty_tracking(vma);
	bdi->capabilities = capabilities;
	return is_tracked;
}

/* Whom get_user_pages() has to keep from writing unseen. */
static void dirty_pages_of_files_are_tracked(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABBCCDD A:rwsf4 B:rsf4 C:rwf4 D:rwsf2");
	KUNIT_EXPECT_TRUE(test, vma_needs_dirty_tracking(tmm_vma(t, 0)));
	KUNIT_EXPECT_FALSE(test, vma_needs_dirty_tracking(tmm_vma(t, 2)));
	KUNIT_EXPECT_FALSE(test, vma_needs_dirty_tracking(tmm_vma(t, 4)));
	KUNIT_EXPECT_FALSE(test, mapping_can_writeback(tmm_file(t, 2)->f_mapping));
	KUNIT_EXPECT_FALSE(test, vma_needs_dirty_tracking(tmm_vma(t, 6)));
	KUNIT_EXPECT_TRUE(test, is_tracked_for_writeback(tmm_vma(t, 6)));
	/* What is not shared, or not memory, is never written back. */
	KUNIT_EXPECT_FALSE(test, is_tracked_for_writeback(tmm_vma(t, 4)));
}

/* Neither is anything to be told by a driver of no memory, if it does not ask. */
static void who_asks_is_told_of_first_writes(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AABBCCDD A:rwsf3 B:rsf3 C:rwsf6+pfnmap D:rwsf4");
	KUNIT_EXPECT_TRUE(test, tracked(tmm_vma(t, 0)));
	KUNIT_EXPECT_FALSE(test, tracked(tmm_vma(t, 2)));
	KUNIT_EXPECT_FALSE(test, tracked(tmm_vma(t, 4)));
	KUNIT_EXPECT_TRUE(test, tracked(tmm_vma(t, 6)));
	KUNIT_EXPECT_EQ(test, vma_mmu_pagesize(tmm_vma(t, 4)), PAGE_SIZE);
	/* With the protection comes, and goes, who is told. */
	tmm_must(t, TMM_MPROTECT(0, 2, "r"));
	KUNIT_EXPECT_FALSE(test, tracked(tmm_vma(t, 0)));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
	tmm_expect_layout(t, "AAAACCDD A:rwsf3 C:rwsf6+pfnmap D:rwsf4");
	KUNIT_EXPECT_TRUE(test, tracked(tmm_vma(t, 2)));
}

static int noticed;

static vm_fault_t notice(struct vm_fault *vmf)
{
	folio_lock(page_folio(vmf->page));
	noticed++;
	return VM_FAULT_LOCKED;
}

/* A first write is one to a clean page: those to dirty ones go unnoticed. */
static void dirty_page_is_made_writable_at_once(struct kunit *test)
{
	static struct vm_operations_struct noticing;
	struct test_mm *t = tmm_create(test);
	struct vm_area_struct *vma;

	tmm_draw(t, "AAAA A:rwsf0");
	vma = tmm_vma(t, 0);
	noticing = *vma->vm_ops;
	noticing.page_mkwrite = notice;
	vma->vm_ops = &noticing;
	mmap_write_lock(t->mm);
	vma_set_page_prot(vma);
	mmap_write_unlock(t->mm);
	noticed = 0;
	tmm_must(t, TMM_READ(2, 2));
	tmm_must(t, TMM_WRITE(0, 2));
	KUNIT_EXPECT_EQ(test, noticed, 2);
	tmm_must(t, TMM_MPROTECT(0, 4, "r"));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
	tmm_expect_layout(t, "AAAA A:rwsf0");
	tmm_must(t, TMM_WRITE(0, 2));
	KUNIT_EXPECT_EQ(test, noticed, 2);
	tmm_must(t, TMM_WRITE(2, 2));
	KUNIT_EXPECT_EQ(test, noticed, 4);
}

static void zero_page_stays_read_only(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AA A:r");
	tmm_must(t, TMM_READ(0, 2));
	tmm_must(t, TMM_MPROTECT(0, 2, "rw"));
	tmm_expect_layout(t, "AA A:rw");
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 2), 2);
	tmm_must(t, TMM_WRITE(0, 2));
	tmm_expect_layout(t, "AA A:rw#1");
}

static void guards_and_holes_are_left_alone(struct kunit *test)
{
	struct test_mm *t = tmm_create(test);

	tmm_draw(t, "AAAA A:rw#1");
	tmm_must(t, TMM_MADVISE(1, 1, MADV_GUARD_INSTALL));
	tmm_must(t, TMM_MADVISE(2, 1, MADV_DONTNEED));
	tmm_must(t, TMM_MPROTECT(0, 4, "r"));
	tmm_must(t, TMM_MPROTECT(0, 4, "rw"));
	KUNIT_EXPECT_EQ(test, tmm_resident(t, 0, 4), 2);
	tmm_expect_err(t, -EFAULT, TMM_WRITE(1, 1));
	tmm_must(t, TMM_WRITE(2, 1));
	tmm_expect_layout(t, "AAAA A:rw+guard#1");
}

static struct kunit_case vma_mprotect_cases[] = {
	KUNIT_CASE_PARAM(protection_is_changed, changes_gen_params),
	KUNIT_CASE_PARAM(protected_up_to_the_error, stops_gen_params),
	KUNIT_CASE(key_has_to_be_ones_own),
	KUNIT_CASE(unaligned_and_endless_is_refused),
	KUNIT_CASE(stack_is_protected_to_its_start),
	KUNIT_CASE(read_implies_exec_where_it_is_asked_for),
	KUNIT_CASE(read_does_not_imply_exec_of_others),
	KUNIT_CASE(driver_may_refuse),
	KUNIT_CASE(charge_is_limited),
	KUNIT_CASE(data_is_limited),
	KUNIT_CASE(page_is_not_made_writable_behind_the_trackers),
	KUNIT_CASE(dirty_pages_of_files_are_tracked),
	KUNIT_CASE(who_asks_is_told_of_first_writes),
	KUNIT_CASE(dirty_page_is_made_writable_at_once),
	KUNIT_CASE(zero_page_stays_read_only),
	KUNIT_CASE(guards_and_holes_are_left_alone),
	{}
};

static struct kunit_suite vma_mprotect_suite = {
	.name = "vma_mprotect",
	.test_cases = vma_mprotect_cases,
};

kunit_test_suite(vma_mprotect_suite);

MODULE_DESCRIPTION("Tests for mprotect()");
MODULE_LICENSE("GPL");
