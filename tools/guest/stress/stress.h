/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random operations on memory, and a model that says what must be in it.
 *
 * checkpatch: VOLATILE: user space; each access has to reach the memory
 * checkpatch: PREFER_DEFINED_ATTRIBUTE_MACRO: here they are defined
 * checkpatch: REPEATED_WORD: struct range range
 */
#ifndef GUEST_STRESS_H
#define GUEST_STRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define __printf(text, args) __attribute__((format(printf, text, args)))
#define __noreturn __attribute__((noreturn))

enum {
	PAGE = 4096,
	BLOCKS = 4,			/* a page is written in blocks */
	BLOCK = PAGE / BLOCKS,
	BLOCK_WORDS = BLOCK / 8,
	PAGE_WORDS = PAGE / 8,
	HUGE_PAGES = 512,		/* base pages in a huge page */
	AREA_PAGES = 4 * HUGE_PAGES,	/* of a thread */
	OBJECTS = 2,			/* memfds of a thread */
	OBJECT_PAGES = 2 * HUGE_PAGES,
	SNAPSHOTS = 2,
	MAX_THREADS = 8,
	TRACE = 12,			/* steps that a failure shows */
};

#define HUGE_SIZE ((size_t)HUGE_PAGES * PAGE)
#define AREA_SIZE ((size_t)AREA_PAGES * PAGE)

/* Exit status of a round: nothing to say, a mismatch, no verdict. */
enum { HELD = 0, FAILED = 1, UNTESTABLE = 2 };

enum kind { HOLE, ANON, SHARED, PRIVATE };	/* the last two: of a memfd */

/*
 * What a page should be. Memory of its own has @gen, else it shows what is in
 * the memfd or, if anonymous, zeros.
 */
struct page {
	enum kind kind;
	int prot;
	int object;
	int pgoff;
	int advice;		/* VMA flags by madvise() */
	int uffd;		/* modes it is registered with */
	bool own;
	bool lazy;		/* MADV_FREE: own content or zeros */
	bool guard;
	bool poison;		/* by UFFDIO_POISON */
	bool wp;		/* write-protected by userfaultfd */
	uint64_t gen[BLOCKS];
};

enum advice { ADV_HUGE = 1, ADV_NOHUGE = 2, ADV_MERGE = 4 };
enum uffd_mode { UFFD_MISSING = 1, UFFD_WP = 2, UFFD_MINOR = 4 };

struct object {
	int fd;
	uint64_t gen[OBJECT_PAGES][BLOCKS];
};

struct range {
	int first;
	int nr;
};

/* A child that keeps the memory as it was when it was forked. */
struct snapshot {
	pid_t pid;
	int ask;
	int answer;
};

struct thread {
	int index;
	uint64_t seed;
	uint64_t rng;
	uint32_t step;
	const char *op;
	char what[160];
	char *base;
	struct page page[AREA_PAGES];
	struct object object[OBJECTS];
	struct range touched[3];
	int nr_touched;
	struct range last;	/* what the step before was about */
	struct snapshot snapshot[SNAPSHOTS];
	int uffd;
	int uffd_features;
	int scratch;		/* memfd for data on its way to or from the memory */
	int self_mem;
	bool is_child;
	uint64_t *buffer;	/* HUGE_SIZE */
	char trace[TRACE][200];
	unsigned int traced;
};

enum outcome { SKIPPED, DONE, REFUSED };

struct op {
	const char *name;
	int weight;
	enum outcome (*run)(struct thread *t);
};

/* main.c */
struct settings {
	uint64_t seed;
	int seconds;
	int rounds;
	int steps;		/* in a round */
	int cpus;
	const char *mode;
	const char *list;	/* file with the steps to run */
	int damage;		/* the step that spoils a page, -1: none */
	bool verbose;
};

extern struct settings settings;

void say(const char *format, ...) __printf(1, 2);
void fail(struct thread *t, const char *format, ...) __printf(2, 3) __noreturn;
void cannot(const char *what) __noreturn;
bool step_wanted(uint32_t step);
void progress(uint32_t step);
void write_file(const char *path, const char *text);
void run_own(int nr_threads, int steps, uint64_t seed);
void run_shared(int steps, uint64_t seed);

/* random.c: the same numbers in every run of the same seed and step */
uint64_t mix(uint64_t x);
uint64_t next_random(struct thread *t);
int below(struct thread *t, int limit);
bool chance(struct thread *t, int percent);
struct range random_range(struct thread *t);

/* content.c */
const uint64_t *content(struct thread *t, int page);
uint64_t new_gen(struct thread *t, int page);
void fill(volatile uint64_t *words, const uint64_t *gens, int block, int nr);
int differs(const volatile uint64_t *words, const uint64_t *gens);
void set_content(struct thread *t, int page, int block, int nr, uint64_t gen);
void forget_content(struct page *p);
void fail_content(struct thread *t, int page, const char *how,
		  const volatile uint64_t *words, int word);

/* fault.c: accesses that may fault */
void catch_faults(void);
int load_page(struct thread *t, int page, const uint64_t *gens);
int store_blocks(struct thread *t, int page, const uint64_t *gens, int block,
		 int nr);
#define SAME (-1)
#define FAULTED (-2)
/* What a fault that nobody expects is part of, in this thread. */
extern __thread struct thread *this_thread;
extern __thread volatile bool retry_faults;

/* check.c */
enum expectation { MUST_READ, MUST_FAULT, MAY_FAULT };
enum manner { BY_LOADS, BY_WRITE, BY_VM_READV, MANNERS };
enum expectation expect_read(const struct page *p);
bool writable(const struct page *p);
void check_pages(struct thread *t, struct range range, enum manner manner);
void check_all(struct thread *t);
void check_after_step(struct thread *t);
void check_maps(struct thread *t);
void check_snapshot(struct thread *t);

/* ops.c, uffd.c, fork.c */
extern const struct op ops[];
char *at(struct thread *t, int page);
void touch(struct thread *t, int first, int nr);
void note(struct thread *t, const char *format, ...) __printf(2, 3);
struct range seek(struct thread *t, bool (*fits)(const struct page *p));
struct range alike(struct thread *t, struct range range);
enum outcome uffd_register(struct thread *t);
enum outcome uffd_unregister(struct thread *t);
enum outcome uffd_copy(struct thread *t);
enum outcome uffd_move(struct thread *t);
enum outcome uffd_continue(struct thread *t);
enum outcome uffd_writeprotect(struct thread *t);
enum outcome uffd_poison(struct thread *t);
int uffd_open(int *features);
enum outcome fork_and_check(struct thread *t);
enum outcome take_snapshot(struct thread *t);
enum outcome ask_snapshot(struct thread *t);
void end_snapshots(struct thread *t);

#endif
