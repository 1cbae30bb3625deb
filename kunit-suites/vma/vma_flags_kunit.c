// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each VMA flag there may be, bit by bit, so that no new one is forgotten: what
 * differs in it stays apart, what has it on both sides merges. The exceptions
 * are named here, and a flag that becomes one has to be added.
 *
 * The bits are put into the VMAs by hand, and taken out again before anything
 * else sees them: only the merging is real.
 *
 * checkpatch: LINE_SPACING: VMA_ITERATOR() is a declaration
 */
#include <linux/mm.h>

#include "internal.h"
#include "test_mm.h"

static const char bits[NUM_VMA_FLAG_BITS];

static const void *bits_gen_params(struct kunit *test, const void *prev,
				   char *desc)
{
	const char *next = prev ? (const char *)prev + 1 : bits;

	if (next == bits + NUM_VMA_FLAG_BITS)
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "bit_%d", (int)(next - bits));
	return next;
}

static int bit_of(struct kunit *test)
{
	return (const char *)test->param_value - bits;
}

static bool is_one_of(int bit, vm_flags_t flags)
{
	return bit < BITS_PER_LONG && (flags & BIT(bit));
}

/* Neighbours may differ in these; what is merged has them. */
static bool is_sticky(int bit)
{
	return is_one_of(bit, VM_MAYBE_GUARD) ||
	       (pgtable_supports_soft_dirty() && is_one_of(bit, VM_SOFTDIRTY));
}

/* What has one of these merges with nothing. */
static bool is_special(int bit)
{
	return is_one_of(bit, VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP);
}

static vma_flags_t with_bit(vma_flags_t flags, int bit, bool set)
{
	if (set)
		__set_bit(bit, flags.__vma_flags);
	else
		__clear_bit(bit, flags.__vma_flags);
	return flags;
}

/* The range is a VMA or a hole to the right or the left of another VMA. */
enum side { LEFT, RIGHT, NEW_LEFT, NEW_RIGHT };

static const char * const side_names[] = {
	"with the VMA before it", "with the VMA behind it",
	"a new one with the VMA before it", "a new one with the VMA behind it",
};

struct outcome {
	bool merged;
	bool has_bit;
};

static struct vm_area_struct *modify(struct test_mm *t,
				     struct vma_iterator *vmi,
				     struct vm_area_struct *vma,
				     vma_flags_t *flags)
{
	struct vm_area_struct *prev = vma_prev(vmi);

	vma = vma_find(vmi, vma->vm_end);
	return vma_modify_flags(vmi, prev, vma, vma->vm_start, vma->vm_end,
				flags);
}

static struct vm_area_struct *merge_new(struct test_mm *t,
					struct vma_iterator *vmi, int page,
					const vma_flags_t *flags)
{
	const unsigned long start = tmm_addr(t, page);
	VMG_STATE(vmg, t->mm, vmi, start, start + 2 * PAGE_SIZE, *flags,
		  start >> PAGE_SHIFT, start >> PAGE_SHIFT);
	struct vm_area_struct *merged;

	vmg.next = vma_iter_next_rewind(vmi, &vmg.prev);
	merged = vma_merge_new_range(&vmg);
	if (merged) {	/* As mmap() does. */
		vm_acct_memory(2);
		vm_stat_account(t->mm, VM_READ | VM_WRITE, 2);
	}
	return merged;
}

/* Nothing is asserted here: the mmap_lock is held. */
static struct outcome try_merge(struct test_mm *t, enum side side, int bit,
				bool own, bool others)
{
	const int page = side == LEFT || side == NEW_LEFT ? 2 : 0;
	struct vm_area_struct *other, *vma, *merged;
	VMA_ITERATOR(vmi, t->mm, tmm_addr(t, page));
	vma_flags_t plain, flags;
	struct outcome o = {};

	mmap_write_lock(t->mm);
	other = vma_lookup(t->mm, tmm_addr(t, 2 - page));
	vma = vma_lookup(t->mm, tmm_addr(t, page));
	plain = other->flags;
	vma_start_write(other);
	other->flags = with_bit(plain, bit, others);
	flags = with_bit(plain, bit, own);
	if (vma)
		merged = modify(t, &vmi, vma, &flags);
	else
		merged = merge_new(t, &vmi, page, &flags);
	if (merged && !IS_ERR(merged) && vma_pages(merged) == 4) {
		o.merged = true;
		o.has_bit = test_bit(bit, merged->flags.__vma_flags);
		merged->flags = plain;
	} else {
		other->flags = plain;
	}
	mmap_write_unlock(t->mm);
	t->doing = side_names[side];
	return o;
}

static struct outcome merge_at(struct test_mm *t, enum side side, bool own,
			       bool others)
{
	static const char * const pictures[] = {
		[LEFT] = "AABB B:rw+dontdump",
		[RIGHT] = "AABB A:rw+dontdump",
		[NEW_LEFT] = "AA",
		[NEW_RIGHT] = "..BB",
	};
	struct outcome o;

	tmm_draw(t, pictures[side]);
	o = try_merge(t, side, bit_of(t->test), own, others);
	__tmm_report(t, tmm_check(t));
	tmm_expect_layout(t, o.merged ? "AAAA" : pictures[side]);
	tmm_clear(t);
	return o;
}

static void flag_that_differs_keeps_apart(struct kunit *test)
{
	const bool sticky = is_sticky(bit_of(test));
	struct test_mm *t = tmm_create(test);
	enum side side;
	int own;

	for (side = LEFT; side <= NEW_RIGHT; side++) {
		for (own = 0; own <= 1; own++) {
			const struct outcome o = merge_at(t, side, own, !own);

			KUNIT_EXPECT_EQ_MSG(test, o.merged, sticky,
					    "only %s has bit %d: merging %s",
					    own ? "the range" : "its neighbour",
					    bit_of(test), side_names[side]);
			if (o.merged)
				KUNIT_EXPECT_TRUE_MSG(test, o.has_bit,
						      "bit %d was lost merging %s",
						      bit_of(test), side_names[side]);
		}
	}
}

static void equal_flags_merge(struct kunit *test)
{
	const bool special = is_special(bit_of(test));
	struct test_mm *t = tmm_create(test);
	enum side side;

	for (side = LEFT; side <= NEW_RIGHT; side++) {
		const struct outcome o = merge_at(t, side, true, true);

		KUNIT_EXPECT_EQ_MSG(test, o.merged, !special,
				    "both have bit %d: merging %s",
				    bit_of(test), side_names[side]);
	}
}

static struct kunit_case vma_flags_cases[] = {
	KUNIT_CASE_PARAM(flag_that_differs_keeps_apart, bits_gen_params),
	KUNIT_CASE_PARAM(equal_flags_merge, bits_gen_params),
	{}
};

static struct kunit_suite vma_flags_suite = {
	.name = "vma_flags",
	.test_cases = vma_flags_cases,
};

kunit_test_suite(vma_flags_suite);

MODULE_DESCRIPTION("Tests for the VMA flags that merging looks at");
MODULE_LICENSE("GPL");
