// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model and the picture: what is expected as a picture, and a model of
 * what is found, where an allocation failed and the kernel had a choice.
 */
#include <linux/mm.h>
#include <linux/mman.h>

#include "internal.h"
#include "walk.h"

/* Return: whether a picture can show it. */
bool walk_layout(const struct walk_model *m, struct tmm_layout *layout)
{
	int start, end;

	memset(layout, 0, sizeof(*layout));
	for (start = 0; start < WALK_PAGES; start = end) {
		const struct walk_page *p = &m->page[start];
		struct tmm_vma *vma = &layout->vma[layout->nr];

		end = p->mapped ? walk_vma_end(m, start) : start + 1;
		if (!p->mapped)
			continue;
		if (layout->nr == TMM_VMAS)
			return false;
		vma->letter = 'A' + layout->nr++;
		vma->start = start;
		vma->end = end;
		vma->attr = (struct tmm_attr){
			.flags = p->flags, .pgoff = p->pgoff,
			.anon_pgoff = p->anon_pgoff, .anon_vma = p->anon_vma,
			.chain = p->chain, .uffd = p->uffd,
			.file = p->file < WALK_FIRST_SHMEM ? p->file : TMM_SHMEM,
		};
		strscpy(vma->attr.name, p->name ?: "");
	}
	return true;
}

static bool is_found(const struct walk_page *p, const struct tmm_vma *vma,
		     int column)
{
	const int file = p->file < WALK_FIRST_SHMEM ? p->file : TMM_SHMEM;

	if (!p->mapped || !vma)
		return !p->mapped && !vma;
	return !((p->flags ^ vma->attr.flags) & ~WALK_STICKY) &&
	       file == vma->attr.file && p->uffd == vma->attr.uffd &&
	       p->pgoff == vma->attr.pgoff + column - vma->start &&
	       p->anon_pgoff == vma->attr.anon_pgoff + column - vma->start &&
	       !strcmp(p->name ?: "", vma->attr.name);
}

static bool is_within(int column, int start, int nr)
{
	return column >= start && column < start + nr;
}

/* What is to be replaced, or moved away, is gone before the rest is done. */
static bool may_be_hole(const struct tmm_op *op, int column)
{
	if (op->kind == TMM_OP_MREMAP)
		return (op->arg & MREMAP_FIXED) &&
		       (is_within(column, op->to, op->to_nr) ||
			is_within(column, op->page + op->to_nr, op->nr - op->to_nr));
	return (op->kind == TMM_OP_MMAP || op->kind == TMM_OP_BRK) &&
	       is_within(column, op->page, op->nr);
}

/* Several VMAs are done one by one; mlock() fails when all is locked. */
static bool may_be_done(const struct walk_model *before, const struct tmm_op *op)
{
	if (op->kind == TMM_OP_MUNMAP || op->kind == TMM_OP_MMAP ||
	    op->kind == TMM_OP_BRK)
		return false;
	return op->kind == TMM_OP_MLOCK || !before->page[op->page].mapped ||
	       walk_vma_end(before, op->page) < op->page + op->nr;
}

/*
 * Whether a page that can be both, by its VMA, may have been emptied. What is
 * moved is whole until all is, but several VMAs are moved one by one.
 */
static bool is_doubtful(const struct tmm_op *op, bool is_before, bool is_source,
			bool failed, bool done)
{
	if (op->kind != TMM_OP_MREMAP)
		return true;
	if (is_source && failed)
		return is_before && done;
	return is_before;
}

/* As it is found, where that is something that it may be. */
static bool resync_page(struct walk_page *p, const struct walk_page *after,
			const struct tmm_op *op, bool done_only, bool done,
			const struct tmm_vma *vma, int column, bool *unsure)
{
	/* When what was moved cannot be unmapped it stays, empty. */
	const bool stays = op->kind == TMM_OP_MREMAP &&
			   is_within(column, op->page, op->nr);
	const bool is_before = (!done_only || stays) && is_found(p, vma, column);
	const bool is_after = done && is_found(after, vma, column);
	const bool differs = p->own != after->own || p->guard != after->guard ||
			     p->value != after->value;

	*unsure = differs && vma &&
		  is_doubtful(op, is_before, stays, !done_only, done);
	if (is_after && !is_before)
		*p = *after;
	else if (!is_before && !vma && may_be_hole(op, column))
		memset(p, 0, sizeof(*p));
	else if (!is_before)
		return false;
	if (*unsure) {
		p->own = false;
		p->guard = false;
	}
	if (!vma)
		return true;
	p->first = column == vma->start;
	p->flags = vma->attr.flags;
	p->chain = vma->attr.chain;
	return true;
}

/* Numbers for the anon_vmas that are found, the same for the same ones. */
static void resync_anon_vmas(struct walk_model *m, const struct tmm_layout *found)
{
	int i, j, nr, column;

	for (i = 0; i < found->nr; i++) {
		const struct tmm_vma *vma = &found->vma[i];

		for (j = 0; j < i; j++)
			if (found->vma[j].anon_vma == vma->anon_vma)
				break;
		nr = !vma->anon_vma ? 0 : j < i ?
		     m->page[found->vma[j].start].anon_vma : ++m->nr_anon_vmas;
		for (column = vma->start; column < vma->end; column++)
			m->page[column].anon_vma = nr;
	}
}

static const struct tmm_vma *vma_at(const struct tmm_layout *layout, int column)
{
	int i;

	for (i = 0; i < layout->nr; i++)
		if (column >= layout->vma[i].start && column < layout->vma[i].end)
			return &layout->vma[i];
	return NULL;
}

/**
 * walk_resync() - go on from what is there, after an allocation failed
 * @m: as it was before; gets what was found.
 * @after: as it should have become.
 * @op: the operation.
 * @err: what it returned. Without an error all is done, merged or not.
 * @found: what is there.
 * @unsure: gets a bit for each page that may have been emptied or not.
 *
 * Return: the first page that is neither, or -1.
 */
int walk_resync(struct walk_model *m, const struct walk_model *after,
		const struct tmm_op *op, long err,
		const struct tmm_layout *found, u64 *unsure)
{
	const bool done = !err || may_be_done(m, op);
	struct walk_page page;
	bool doubt;
	int i;

	*unsure = 0;
	for (i = 0; i < WALK_PAGES; i++) {
		page = m->page[i];
		if (!resync_page(&page, &after->page[i], op, !err, done,
				 vma_at(found, i), i, &doubt))
			return i;
		*unsure |= (u64)doubt << i;
	}
	for (i = 0; i < WALK_PAGES; i++)
		resync_page(&m->page[i], &after->page[i], op, !err, done,
			    vma_at(found, i), i, &doubt);
	m->nr_shmems = after->nr_shmems;
	memcpy(m->shmem_pages, after->shmem_pages, sizeof(m->shmem_pages));
	resync_anon_vmas(m, found);
	return -1;
}
