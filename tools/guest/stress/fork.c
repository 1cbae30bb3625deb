// SPDX-License-Identifier: GPL-2.0
/*
 * Children: what they have is what it was when they were forked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "stress.h"

/* A child does the first operations: those that leave the memfds alone. */
enum { CHILD_OPS = 7 };

/* What a snapshot is asked for. */
enum { LOOK, GO };

/* The child's copy of the memory is not registered with a userfaultfd. */
static void become_child(struct thread *t)
{
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	t->is_child = true;
	for (i = 0; i < SNAPSHOTS; i++) {	/* its older siblings are not its own */
		if (!t->snapshot[i].pid)
			continue;
		close(t->snapshot[i].ask);
		close(t->snapshot[i].answer);
	}
	for (i = 0; i < AREA_PAGES; i++) {
		t->page[i].uffd = 0;
		t->page[i].wp = false;
	}
	close(t->self_mem);	/* is the parent's */
	t->self_mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	t->uffd = -1;
}

static void reap(struct thread *t, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			fail(t, "waitpid: %m");
	if (!WIFEXITED(status) || WEXITSTATUS(status) == UNTESTABLE)
		fail(t, "a child ended with wait status %#x", status);
	if (WEXITSTATUS(status))
		_exit(FAILED);		/* the child has told why */
}

/* A child that looks, writes, and looks again, while we wait for it. */
enum outcome fork_and_check(struct thread *t)
{
	int i, steps = below(t, 4);
	pid_t pid = fork();

	note(t, "and %d steps in the child", steps);
	if (pid < 0)
		fail(t, "fork: %m");
	if (!pid) {
		become_child(t);
		check_snapshot(t);
		for (i = 0; i < steps; i++) {
			t->nr_touched = 0;
			if (ops[below(t, CHILD_OPS)].run(t) != SKIPPED)
				check_after_step(t);
		}
		check_snapshot(t);
		_exit(HELD);
	}
	reap(t, pid);
	return DONE;
}

static void serve(struct thread *t, int ask, int answer)
{
	char byte;

	become_child(t);
	while (read(ask, &byte, 1) == 1 && byte != GO) {
		check_snapshot(t);
		if (write(answer, &byte, 1) != 1)
			break;
	}
	_exit(HELD);
}

enum outcome take_snapshot(struct thread *t)
{
	int ask[2], answer[2];
	struct snapshot *s = t->snapshot;
	pid_t pid;

	while (s < t->snapshot + SNAPSHOTS && s->pid)
		s++;
	if (s == t->snapshot + SNAPSHOTS)
		return SKIPPED;
	if (pipe2(ask, O_CLOEXEC) || pipe2(answer, O_CLOEXEC))
		fail(t, "pipe: %m");
	note(t, "number %d", (int)(s - t->snapshot));
	pid = fork();
	if (pid < 0)
		fail(t, "fork: %m");
	if (!pid) {
		close(ask[1]);
		close(answer[0]);
		serve(t, ask[0], answer[1]);
	}
	close(ask[0]);
	close(answer[1]);
	*s = (struct snapshot){ .pid = pid, .ask = ask[1], .answer = answer[0] };
	return DONE;
}

static void end_snapshot(struct thread *t, struct snapshot *s)
{
	char byte = GO;

	/* Its end of the pipe may be open in a child of another thread, too */
	if (write(s->ask, &byte, 1) != 1 && errno != EPIPE)
		fail(t, "write to a child: %m");
	close(s->ask);
	close(s->answer);
	reap(t, s->pid);
	s->pid = 0;
}

enum outcome ask_snapshot(struct thread *t)
{
	struct snapshot *s = &t->snapshot[below(t, SNAPSHOTS)];
	bool last = chance(t, 50);
	char byte = LOOK;

	if (!s->pid)
		return SKIPPED;
	note(t, "number %d%s", (int)(s - t->snapshot), last ? ", and end it" : "");
	if (write(s->ask, &byte, 1) != 1 || read(s->answer, &byte, 1) != 1 || last)
		end_snapshot(t, s);
	return DONE;
}

void end_snapshots(struct thread *t)
{
	int i;

	for (i = 0; i < SNAPSHOTS; i++)
		if (t->snapshot[i].pid)
			end_snapshot(t, &t->snapshot[i]);
}
