/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of an address space for the random walk: what each page is, which
 * VMA it belongs to, and what is written in it. It knows the rules that user
 * space can rely on, less than a hundredth of what the kernel knows.
 */
#ifndef _VMA_WALK_H
#define _VMA_WALK_H

#include "ops.h"
#include "test_mm.h"

#define WALK_PAGES		40
#define WALK_SHMEMS		24	/* Shared anonymous mappings, dead ones too. */
#define WALK_SHMEM_PAGES	12
#define WALK_FIRST_SHMEM	100	/* Their numbers among the files. */
#define WALK_ANON_VMAS		(TMM_ANON_VMAS - TMM_VMAS)	/* A fork makes more. */

/* These do not hinder merging: the VMA gets them if one of its parts had them. */
#define WALK_STICKY		VM_MAYBE_GUARD

#define WALK_UNKNOWN		1	/* No errno: the model cannot tell. */

struct walk_page {
	bool mapped;
	bool first;		/* A VMA starts here. */
	bool guard;		/* Access is an error: MADV_GUARD_INSTALL. */
	bool own;		/* A private page was made, with @value in it. */
	bool closed;		/* Of a driver that wants to be told of the end. */
	vm_flags_t flags;	/* As in a picture. */
	int file;
	long pgoff, anon_pgoff;	/* This page's, not the VMA's. */
	int anon_vma, chain;
	int uffd;
	const char *name;	/* One of walk_names[], or NULL. */
	u32 value;
};

struct walk_model {
	struct walk_page page[WALK_PAGES];
	u32 file[2][TMM_PAGES];
	u32 shmem[WALK_SHMEMS][WALK_SHMEM_PAGES];
	int shmem_pages[WALK_SHMEMS];
	int nr_shmems;
	int nr_anon_vmas;
	bool forked;
	int lie;		/* For the suite's own test: an advice ignored. */
};

struct walk_op {
	struct tmm_op op;	/* .attr is taken from below. */
	char attr[20];
	bool fork;
	u32 stamp;		/* What a write writes, and adds one each page. */
	int nth;		/* Which of its allocations fails, or 0. */
};

extern const char * const walk_names[2];

void walk_reset(struct walk_model *m);

/* From the state before to the one after. Return: the error expected. */
long walk_predict(struct walk_model *m, const struct walk_op *op);

/* What is read at a page that can be read. */
u32 walk_value(struct walk_model *m, int column);

int walk_vma_end(const struct walk_model *m, int column);
int walk_vmas(const struct walk_model *m);
bool walk_layout(const struct walk_model *m, struct tmm_layout *layout);

int walk_resync(struct walk_model *m, const struct walk_model *after,
		const struct tmm_op *op, long err,
		const struct tmm_layout *found, u64 *unsure);

#endif /* _VMA_WALK_H */
