// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that count in pages of their own, without a pause, while another one
 * does to these pages what must not change them: a store that gets lost is seen
 * by the next look at the counter.
 *
 *	page	0 1 2 3 4 5 ...	    of writer 0 1 2 0 1 2 ...
 *		first word and last word count
 *
 * While the pages are away or protected the writers fault, and try again.
 *
 * checkpatch: VOLATILE: user space; each access has to reach the memory
 * checkpatch: EMBEDDED_FUNCTION_NAME: names of operations
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "stress.h"
#include "uapi.h"

enum { PAGES = 2 * HUGE_PAGES, LAST = PAGE_WORDS - 1, PATIENCE = 20000 };

struct writer {
	struct thread thread;
	pthread_t id;
	uint64_t count[PAGES];
};

static char *memory, *spare;
static struct writer writers[MAX_THREADS];
static int nr_writers;
static atomic_bool stop;
static int uffd = -1;

static volatile uint64_t *words_of(int page)
{
	return (volatile uint64_t *)(memory + (size_t)page * PAGE);
}

static void look(struct writer *w, int page)
{
	uint64_t first = words_of(page)[0], last = words_of(page)[LAST];

	if (first != w->count[page] || last != w->count[page])
		fail(&w->thread, "page %d of writer %d: counters %lld and %lld, expected %lld",
		     page, w->thread.index, (long long)first, (long long)last,
		     (long long)w->count[page]);
}

/* The kernel stores the first counter. EFAULT is what a fault is to it. */
static void count_by_syscall(struct writer *w, int page)
{
	uint64_t next = w->count[page] + 1;

	if (pwrite(w->thread.scratch, &next, sizeof(next), 0) != sizeof(next))
		fail(&w->thread, "pwrite to the scratch memfd: %m");
	while (pread(w->thread.scratch, (void *)words_of(page), sizeof(next), 0) !=
	       sizeof(next)) {
		if (errno != EFAULT)
			fail(&w->thread, "read(2) into page %d: %m", page);
		sched_yield();
	}
}

static void *write_pages(void *arg)
{
	struct writer *w = arg;
	struct thread *t = &w->thread;
	int page;

	this_thread = t;
	retry_faults = true;
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		page = t->index + below(t, (PAGES - t->index - 1) / nr_writers + 1) * nr_writers;
		look(w, page);
		if (below(t, 8))
			++words_of(page)[0];
		else
			count_by_syscall(w, page);
		++words_of(page)[LAST];
		w->count[page]++;
	}
	for (page = t->index; page < PAGES; page += nr_writers)
		look(w, page);
	return NULL;
}

/* ---- what is done to the pages ---- */

static char *place(struct range range)
{
	return memory + (size_t)range.first * PAGE;
}

static size_t bytes(struct range range)
{
	return (size_t)range.nr * PAGE;
}

static enum outcome result(int status)
{
	return status ? REFUSED : DONE;
}

static enum outcome protect(struct thread *t, struct range range)
{
	int prot = chance(t, 50) ? PROT_READ : PROT_NONE;

	if (mprotect(place(range), bytes(range), prot))
		fail(t, "mprotect: %m");
	if (chance(t, 30))
		usleep(below(t, 2000));
	if (mprotect(place(range), bytes(range), PROT_READ | PROT_WRITE))
		fail(t, "mprotect: %m");
	return DONE;
}

static enum outcome pageout(struct thread *t, struct range range)
{
	(void)t;
	return result(madvise(place(range), bytes(range), MADV_PAGEOUT));
}

static enum outcome collapse(struct thread *t, struct range range)
{
	(void)t;
	return result(madvise(place(range), bytes(range), MADV_COLLAPSE));
}

static enum outcome mergeable(struct thread *t, struct range range)
{
	return result(madvise(place(range), bytes(range),
			      chance(t, 50) ? MADV_MERGEABLE : MADV_UNMERGEABLE));
}

static enum outcome write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t done;

	if (fd < 0)
		return SKIPPED;
	done = write(fd, text, strlen(text));
	close(fd);
	return done > 0 ? DONE : REFUSED;
}

static enum outcome split(struct thread *t, struct range range)
{
	char command[100];

	snprintf(command, sizeof(command), "%d,0x%lx,0x%lx,%d", getpid(),
		 (unsigned long)place(range), (unsigned long)place(range) + bytes(range),
		 chance(t, 50) ? 0 : 2 + below(t, 7));
	return write_to("/sys/kernel/debug/split_huge_pages", command);
}

static enum outcome compact(struct thread *t, struct range range)
{
	(void)t;
	(void)range;
	return write_to("/proc/sys/vm/compact_memory", "1");
}

static enum outcome clear_refs(struct thread *t, struct range range)
{
	(void)range;
	return write_to("/proc/self/clear_refs", chance(t, 50) ? "1" : "4");
}

/* There and back; meanwhile the writers find a hole. */
static enum outcome remap(struct thread *t, struct range range)
{
	char *there = spare + (size_t)range.first * PAGE;
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	if (mremap(place(range), bytes(range), bytes(range), flags, there) != there)
		fail(t, "mremap there: %m");
	if (chance(t, 30))
		usleep(below(t, 1000));
	if (mremap(there, bytes(range), bytes(range), flags, place(range)) != place(range))
		fail(t, "mremap back: %m");
	return DONE;
}

static void map_plain(struct thread *t, char *start, size_t len)
{
	if (mmap(start, len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		fail(t, "mmap: %m");
}

static bool watch(char *start, size_t len, int mode)
{
	struct uffdio_register arg = {
		.range = { .start = (unsigned long)start, .len = len },
		.mode = mode,
	};

	return uffd >= 0 && !ioctl(uffd, UFFDIO_REGISTER, &arg);
}

static void unwatch(struct thread *t, char *start, size_t len)
{
	struct uffdio_range arg = { .start = (unsigned long)start, .len = len };

	if (ioctl(uffd, UFFDIO_UNREGISTER, &arg))
		fail(t, "UFFDIO_UNREGISTER: %m");
}

/* How many bytes moved. */
static size_t move(struct thread *t, char *from, char *to, size_t len)
{
	struct uffdio_move arg = {
		.dst = (unsigned long)to, .src = (unsigned long)from, .len = len,
	};

	if (ioctl(uffd, UFFDIO_MOVE, &arg) && errno != EAGAIN && errno != EBUSY &&
	    errno != EINVAL && errno != ENOENT)
		fail(t, "UFFDIO_MOVE of %zu pages from %p: %m", len / PAGE, (void *)from);
	return arg.move > 0 ? arg.move : 0;
}

/*
 * The pages go there and back; registered, so that meanwhile the writers find
 * no zeros. What must come back may be held up by others for a while only.
 */
static enum outcome move_pages(struct thread *t, struct range range)
{
	char *there = spare + (size_t)range.first * PAGE;
	size_t gone, back = 0;
	int tries = 0;

	if (!watch(place(range), bytes(range), UFFDIO_REGISTER_MODE_MISSING))
		return SKIPPED;
	map_plain(t, there, bytes(range));
	if (!watch(there, bytes(range), UFFDIO_REGISTER_MODE_MISSING))
		fail(t, "UFFDIO_REGISTER of the other place: %m");
	gone = move(t, place(range), there, bytes(range));
	while (back < gone) {
		back += move(t, there + back, place(range) + back, gone - back);
		if (back < gone && ++tries > PATIENCE)
			fail(t, "%zu of %zu pages do not come back", (gone - back) / PAGE,
			     gone / PAGE);
	}
	unwatch(t, place(range), bytes(range));
	munmap(there, bytes(range));
	return gone ? DONE : REFUSED;
}

static enum outcome write_protect(struct thread *t, struct range range)
{
	struct uffdio_writeprotect arg = {
		.range = { .start = (unsigned long)place(range), .len = bytes(range) },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (!watch(place(range), bytes(range), UFFDIO_REGISTER_MODE_WP))
		return SKIPPED;
	if (ioctl(uffd, UFFDIO_WRITEPROTECT, &arg))
		fail(t, "UFFDIO_WRITEPROTECT: %m");
	arg.mode = 0;
	if (chance(t, 50) && ioctl(uffd, UFFDIO_WRITEPROTECT, &arg))
		fail(t, "UFFDIO_WRITEPROTECT: %m");
	unwatch(t, place(range), bytes(range));
	return DONE;
}

/* The child's counters stand still, a store apart at most. */
static void watch_copy(struct thread *t, struct range range)
{
	static uint64_t first[PAGES];
	int page, round;

	for (round = 0; round < 2; round++) {
		for (page = range.first; page < range.first + range.nr; page++) {
			uint64_t *mine = &first[page], now = words_of(page)[0];
			uint64_t last = words_of(page)[LAST];

			if (round && now != *mine)
				fail(t, "page %d in a child: %lld, was %lld", page,
				     (long long)now, (long long)*mine);
			if (now != last && now != last + 1)
				fail(t, "page %d in a child: counters %lld and %lld", page,
				     (long long)now, (long long)last);
			*mine = now;
		}
		usleep(3000);
	}
}

static enum outcome fork_copy(struct thread *t, struct range range)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		fail(t, "fork: %m");
	if (!pid) {
		retry_faults = false;
		watch_copy(t, range);
		_exit(HELD);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		fail(t, "a child ended with wait status %#x", status);
	if (WEXITSTATUS(status))
		_exit(FAILED);
	return DONE;
}

static const struct race_op {
	const char *name;
	enum outcome (*run)(struct thread *t, struct range range);
} race_ops[] = {
	{ "protect", protect }, { "pageout", pageout }, { "collapse", collapse },
	{ "collapse", collapse }, { "split", split }, { "mergeable", mergeable },
	{ "compact", compact }, { "clear_refs", clear_refs }, { "remap", remap },
	{ "move", move_pages }, { "move", move_pages }, { "write_protect", write_protect },
	{ "fork", fork_copy }, { "fork", fork_copy },
};

static void race_step(struct thread *t)
{
	const struct race_op *op = &race_ops[below(t, sizeof(race_ops) / sizeof(*race_ops))];
	struct range range = random_range(t);
	enum outcome outcome;

	range.first %= PAGES;
	if (range.first + range.nr > PAGES)
		range.nr = PAGES - range.first;
	t->op = op->name;
	note(t, "%d+%d", range.first, range.nr);
	outcome = op->run(t, range);
	if (settings.verbose)
		say("step %u %s %s%s", t->step, t->op, t->what,
		    outcome == DONE ? "" : outcome == REFUSED ? " refused" : " skipped");
}

static void start_writers(uint64_t seed)
{
	int i;

	nr_writers = settings.cpus + 1 > MAX_THREADS ? MAX_THREADS : settings.cpus + 1;
	for (i = 0; i < nr_writers; i++) {
		struct thread *t = &writers[i].thread;

		t->index = i;
		t->rng = mix(seed + i);
		t->base = memory;
		t->op = "count";
		t->scratch = memfd_create("scratch", MFD_CLOEXEC);
		if (t->scratch < 0 ||
		    pthread_create(&writers[i].id, NULL, write_pages, &writers[i]))
			cannot("start a writer");
	}
}

void run_shared(int steps, uint64_t seed)
{
	static struct thread t;
	int i, features;

	memory = (char *)0x10000000000;
	spare = memory + 2 * PAGES * PAGE;
	t.seed = seed;
	t.base = memory;
	this_thread = &t;
	map_plain(&t, memory, (size_t)PAGES * PAGE);
	uffd = uffd_open(&features);
	start_writers(seed);
	for (i = 0; i < steps; i++) {
		t.step = i;
		t.rng = mix(seed ^ mix(i));
		if (step_wanted(i))
			race_step(&t);
		progress(i);
	}
	atomic_store(&stop, true);
	for (i = 0; i < nr_writers; i++)
		pthread_join(writers[i].id, NULL);
}
