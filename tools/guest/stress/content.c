// SPDX-License-Identifier: GPL-2.0
/*
 * What is in the pages. A generation stands for the content of a block: which
 * step wrote it, and to which page at that time. It does not depend on where
 * the page is now, so that moving it changes nothing, and a stale or misplaced
 * page says itself where it comes from.
 *
 *	63    56 55           24 23          8 7  0
 *	magic    step            page          0
 *
 * checkpatch: VOLATILE: user space; each access has to reach the memory
 */
#include <stdio.h>
#include <string.h>
#include "stress.h"

#define MAGIC 0xa5ULL

static const uint64_t zeros[BLOCKS];

uint64_t new_gen(struct thread *t, int page)
{
	return MAGIC << 56 | (uint64_t)t->step << 24 | (uint64_t)page << 8;
}

/* The first word of a block is its generation, so that it can be read. */
static uint64_t word(uint64_t gen, int index)
{
	if (!gen || index % BLOCK_WORDS == 0)
		return gen;
	return (gen ^ (uint64_t)index) * 0x9e3779b97f4a7c15;
}

const uint64_t *content(struct thread *t, int page)
{
	struct page *p = &t->page[page];

	if (p->kind == SHARED || (p->kind == PRIVATE && !p->own))
		return t->object[p->object].gen[p->pgoff];
	return p->own ? p->gen : zeros;
}

/* Write blocks as they should be; @words is the whole page. */
void fill(volatile uint64_t *words, const uint64_t *gens, int block, int nr)
{
	int i;

	for (i = block * BLOCK_WORDS; i < (block + nr) * BLOCK_WORDS; i++)
		words[i] = word(gens[i / BLOCK_WORDS], i);
}

/* The first word that is not as it should be, or SAME. */
int differs(const volatile uint64_t *words, const uint64_t *gens)
{
	int i;

	for (i = 0; i < PAGE_WORDS; i++)
		if (words[i] != word(gens[i / BLOCK_WORDS], i))
			return i;
	return SAME;
}

/* The page was written to: @nr blocks have @gen now. */
void set_content(struct thread *t, int page, int block, int nr, uint64_t gen)
{
	struct page *p = &t->page[page];
	uint64_t *gens = p->gen;
	int i;

	if (p->kind == SHARED)
		gens = t->object[p->object].gen[p->pgoff];
	else if (!p->own)
		memcpy(p->gen, content(t, page), sizeof(p->gen));
	for (i = block; i < block + nr; i++)
		gens[i] = gen;
	if (p->kind != SHARED)
		p->own = true;
	if (nr == BLOCKS)
		p->lazy = false;
}

/* What the page had of its own is gone. */
void forget_content(struct page *p)
{
	p->own = false;
	p->lazy = false;
	p->wp = false;
	p->poison = false;
	memset(p->gen, 0, sizeof(p->gen));
}

static const char *describe(char *text, size_t size, uint64_t first)
{
	if (!first)
		snprintf(text, size, "zeros");
	else if (first >> 56 == MAGIC && !(first & 0xff))
		snprintf(text, size, "what step %u wrote to page %u",
			 (unsigned int)(first >> 24),
			 (unsigned int)(first >> 8 & 0xffff));
	else
		snprintf(text, size, "a block that begins with %#llx",
			 (unsigned long long)first);
	return text;
}

/* @words: the page as found. Read it once more only after having described it. */
void fail_content(struct thread *t, int page, const char *how,
		  const volatile uint64_t *words, int at_word)
{
	int block = at_word / BLOCK_WORDS;
	uint64_t found = words[at_word], first = words[block * BLOCK_WORDS];
	uint64_t gen = content(t, page)[block];
	char expected_text[80], found_text[80];

	fail(t, "page %d word %d by %s: expected %s, found %s (%#llx for %#llx)",
	     page, at_word, how,
	     describe(expected_text, sizeof(expected_text), gen),
	     describe(found_text, sizeof(found_text), first),
	     (unsigned long long)found,
	     (unsigned long long)word(gen, at_word));
}
