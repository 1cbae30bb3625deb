// SPDX-License-Identifier: GPL-2.0
/*
 * A data-integrity stress of the memory management.
 *
 *	stress seed=N seconds=N rounds=N steps=N cpus=N mode=MODE list=FILE verbose=1
 *
 * Rounds of random steps, each in a process of its own and from a seed of its
 * own: round 0 from the given one, so that the seed printed for a round repeats
 * it. Modes:
 *
 *	single	one thread; after each step its memory is compared with a model
 *	threads	several, each with memory and a model of its own
 *	shared	threads that count in memory which another thread churns
 *	all	one of them, by the seed
 *
 * Steps are numbered and independent of each other: list=FILE runs only those
 * listed there, as 3-17,20. damage=STEP spoils a page in that step, to see that it
 * is found.
 *
 * Exit status: 0 the memory held, 1 it did not, 2 no verdict.
 *
 * checkpatch: VOLATILE: user space; each access has to reach the memory
 * checkpatch: EMBEDDED_FUNCTION_NAME: words of a message
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "stress.h"

enum { STEPS = 300, MAX_STEPS = 1 << 20, TELL = 32 };

struct settings settings = {
	.seconds = 10, .steps = STEPS, .cpus = 1, .mode = "all", .list = "", .damage = -1,
};

static bool unwanted[MAX_STEPS];

/* One write(2) a line, so that the lines of threads do not mix. */
void say(const char *format, ...)
{
	char line[512] = "stress: ";
	size_t len = strlen(line);
	va_list args;

	va_start(args, format);
	len += vsnprintf(line + len, sizeof(line) - len - 1, format, args);
	va_end(args);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	if (write(STDOUT_FILENO, line, len) < 0)
		_exit(UNTESTABLE);
}

void cannot(const char *what)
{
	say("cannot test: %s: %s", what, strerror(errno));
	_exit(UNTESTABLE);
}

void fail(struct thread *t, const char *format, ...)
{
	int error = errno;
	char text[400];
	unsigned int i;
	va_list args;

	va_start(args, format);
	errno = error;
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!t) {
		say("FAILED %s", text);
		_exit(FAILED);
	}
	for (i = t->traced < TRACE ? 0 : t->traced - TRACE; i < t->traced; i++)
		say("before: %s", t->trace[i % TRACE]);
	say("FAILED step %u %s %s%s: %s", t->step, t->op ? t->op : "", t->what,
	    t->is_child ? " (in a child)" : "", text);
	_exit(FAILED);
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;		/* the configuration does not have it */
	if (write(fd, text, strlen(text)) < 0)
		say("%s > %s: %m", text, path);
	close(fd);
}

/* ---- which steps ---- */

static void read_list(const char *path)
{
	FILE *file = fopen(path, "r");
	int from, to, got, i;

	if (!file)
		cannot(path);
	memset(unwanted, true, sizeof(unwanted));
	while ((got = fscanf(file, "%d-%d", &from, &to)) >= 1) {
		if (got == 1)
			to = from;
		for (i = from; i <= to && i >= 0 && i < MAX_STEPS; i++)
			unwanted[i] = false;
		if (fgetc(file) != ',')
			break;
	}
	fclose(file);
}

bool step_wanted(uint32_t step)
{
	return step < MAX_STEPS && !unwanted[step];
}

/* Tell now and then how far it got: what a dead kernel cannot tell any more. */
void progress(uint32_t step)
{
	if (step % TELL == TELL - 1)
		say("at %u", step);
}

/* ---- a thread with memory of its own ---- */

static const struct op *random_op(struct thread *t)
{
	const struct op *op;
	int dice = 0;

	for (op = ops; op->name; op++)
		dice += op->weight;
	dice = below(t, dice);
	for (op = ops; dice >= op->weight; op++)
		dice -= op->weight;
	return op;
}

/* For the test of the test: change a word that the model knows. */
static void damage(struct thread *t)
{
	int i;

	for (i = 0; i < AREA_PAGES; i++) {
		if (!t->page[i].own || !writable(&t->page[i]))
			continue;
		++*(volatile uint64_t *)at(t, i);
		return;
	}
}

static void one_step(struct thread *t, uint32_t step)
{
	static const char *const outcomes[] = { " skipped", "", " refused" };
	const struct op *op;
	enum outcome outcome;
	char *trace = t->trace[t->traced % TRACE];

	t->step = step;
	t->rng = mix(t->seed ^ mix(step));
	t->nr_touched = 0;
	t->what[0] = 0;
	op = random_op(t);
	t->op = op->name;
	outcome = op->run(t);
	if ((int)step == settings.damage)
		damage(t);
	snprintf(trace, sizeof(t->trace[0]), "step %u %s %s%s", step, op->name, t->what,
		 outcomes[outcome]);
	if (outcome != SKIPPED)
		t->traced++;
	if (settings.verbose)
		say("%s", trace);
	if (outcome != SKIPPED)
		check_after_step(t);
	if (t->nr_touched)
		t->last = t->touched[below(t, t->nr_touched)];
}

static void set_up(struct thread *t)
{
	int i;

	t->base = (char *)0x10000000000 + t->index * 8 * AREA_SIZE;
	t->buffer = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t->scratch = memfd_create("scratch", MFD_CLOEXEC);
	t->self_mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (t->buffer == MAP_FAILED || t->scratch < 0 || t->self_mem < 0)
		cannot("set up");
	for (i = 0; i < OBJECTS; i++) {
		t->object[i].fd = memfd_create("object", MFD_CLOEXEC);
		if (t->object[i].fd < 0 ||
		    ftruncate(t->object[i].fd, (off_t)OBJECT_PAGES * PAGE))
			cannot("memfd_create");
	}
	t->uffd = uffd_open(&t->uffd_features);
}

static int threads_of_round, steps_of_round;

static void *run_thread(void *arg)
{
	struct thread *t = arg;
	int i;

	this_thread = t;
	set_up(t);
	for (i = t->index; i < steps_of_round; i += threads_of_round) {
		if (step_wanted(i))
			one_step(t, i);
		if (!t->index)
			progress(i / threads_of_round);
	}
	t->op = "end";
	t->what[0] = 0;
	check_all(t);
	end_snapshots(t);
	return NULL;
}

void run_own(int nr_threads, int steps, uint64_t seed)
{
	static struct thread threads[MAX_THREADS];
	pthread_t id[MAX_THREADS];
	int i;

	threads_of_round = nr_threads;
	steps_of_round = steps;
	for (i = 0; i < nr_threads; i++) {
		threads[i].index = i;
		threads[i].seed = seed;
	}
	for (i = 1; i < nr_threads; i++)
		if (pthread_create(&id[i], NULL, run_thread, &threads[i]))
			cannot("pthread_create");
	run_thread(&threads[0]);
	for (i = 1; i < nr_threads; i++)
		pthread_join(id[i], NULL);
}

/* ---- rounds ---- */

#define THP "/sys/kernel/mm/transparent_hugepage/"

/* Other settings of the kernel in each round; its threads are made to hurry. */
static void set_up_kernel(uint64_t seed)
{
	static const char *const when[] = { "always", "madvise", "always", "always" };
	static const char *const shmem[] = { "always", "advise", "always", "within_size" };
	static const char *const sizes[] = { "always", "inherit", "madvise", "never" };
	static const char *const none[] = { "511", "0", "511", "511" };
	char path[100];
	int order;

	seed = mix(~seed);
	write_file(THP "enabled", when[seed & 3]);
	write_file(THP "shmem_enabled", shmem[seed >> 2 & 3]);
	for (order = 2; order < 9; order++) {
		snprintf(path, sizeof(path), THP "hugepages-%dkB/enabled", 4 << order);
		write_file(path, sizes[seed >> (4 + 2 * order) & 3]);
	}
	write_file(THP "khugepaged/defrag", "1");
	write_file(THP "khugepaged/scan_sleep_millisecs", "10");
	write_file(THP "khugepaged/alloc_sleep_millisecs", "10");
	write_file(THP "khugepaged/pages_to_scan", "8192");
	write_file(THP "khugepaged/max_ptes_none", none[seed >> 30 & 3]);
	write_file("/sys/kernel/mm/ksm/run", "1");
	write_file("/sys/kernel/mm/ksm/sleep_millisecs", "20");
	write_file("/sys/kernel/mm/ksm/pages_to_scan", "500");
	write_file("/sys/kernel/mm/ksm/use_zero_pages", seed >> 32 & 1 ? "1" : "0");
	write_file("/proc/sys/vm/overcommit_memory", "1");
}

static const char *mode_of(uint64_t seed)
{
	int dice = mix(seed + 1) % 100;
	bool smp = settings.cpus > 1;

	if (strcmp(settings.mode, "all"))
		return settings.mode;
	if (dice < (smp ? 30 : 60))
		return "single";
	return dice < (smp ? 60 : 80) ? "threads" : "shared";
}

static void run_round(const char *mode, uint64_t seed)
{
	catch_faults();
	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(mode, "shared"))
		run_shared(settings.steps, seed);
	else
		run_own(strcmp(mode, "threads") ? 1 : settings.cpus + 1, settings.steps, seed);
	_exit(HELD);
}

static int one_round(int round, uint64_t seed)
{
	const char *mode = mode_of(seed);
	int status;
	pid_t pid;

	say("round %d seed=%#llx mode=%s", round, (unsigned long long)seed, mode);
	set_up_kernel(seed);
	pid = fork();
	if (pid < 0)
		cannot("fork");
	if (!pid)
		run_round(mode, seed);
	if (waitpid(pid, &status, 0) != pid)
		cannot("waitpid");
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	say("FAILED the process was killed by signal %d", WTERMSIG(status));
	return FAILED;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void parse(char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		cannot(word);
	*value++ = 0;
	if (!strcmp(word, "seed"))
		settings.seed = strtoull(value, NULL, 0);
	else if (!strcmp(word, "seconds"))
		settings.seconds = atoi(value);
	else if (!strcmp(word, "rounds"))
		settings.rounds = atoi(value);
	else if (!strcmp(word, "steps"))
		settings.steps = atoi(value);
	else if (!strcmp(word, "cpus"))
		settings.cpus = atoi(value);
	else if (!strcmp(word, "mode"))
		settings.mode = value;
	else if (!strcmp(word, "list"))
		settings.list = value;
	else if (!strcmp(word, "damage"))
		settings.damage = atoi(value);
	else if (!strcmp(word, "verbose"))
		settings.verbose = atoi(value);
	else
		cannot(word);
}

int main(int argc, char **argv)
{
	double end;
	int i, status = HELD;

	for (i = 1; i < argc; i++)
		parse(argv[i]);
	if (settings.cpus > MAX_THREADS - 1 || settings.steps > MAX_STEPS) {
		errno = ERANGE;
		cannot("so many cpus or steps");
	}
	if (*settings.list)
		read_list(settings.list);
	end = now() + settings.seconds;
	for (i = 0; status == HELD; i++) {
		if (settings.rounds ? i >= settings.rounds : i && now() >= end)
			break;
		status = one_round(i, i ? mix(settings.seed + i) : settings.seed);
	}
	if (status == HELD)
		say("held in %d rounds of %d steps", i, settings.steps);
	return status;
}
