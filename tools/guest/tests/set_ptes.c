// SPDX-License-Identifier: GPL-2.0
/*
 * Several pages of one folio that are mapped at once are mapped in order.
 *
 * Without huge pages large folios are rare, but io_uring's rings are such, and
 * fork() copies the entries of a large folio in one batch: the child must see
 * the same pages at the same places.
 */
#define _GNU_SOURCE
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "test.h"

enum { ENTRIES = 1024, PAGES = ENTRIES * sizeof(struct io_uring_sqe) / PAGE };

static int count_wrong(const char *mem)
{
	int i, wrong = 0;

	for (i = 0; i < PAGES; i++) {
		char found = read_byte(mem + i * PAGE);

		if (found == i + 1)
			continue;
		if (!wrong++)
			printf("child: page %d holds %d, expected %d\n", i, found, i + 1);
	}
	printf("child: %d of %d pages are at the wrong place\n", wrong, (int)PAGES);
	fflush(stdout);
	return wrong;
}

int main(void)
{
	struct io_uring_params params = {};
	int fd = syscall(SYS_io_uring_setup, ENTRIES, &params);
	int i, status;
	char *mem;
	pid_t pid;

	require(fd >= 0, "io_uring_setup");
	mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   IORING_OFF_SQES);
	require(mem != MAP_FAILED, "mmap of the ring");
	for (i = 0; i < PAGES; i++)
		write_byte(mem + i * PAGE, i + 1);

	pid = fork();
	require(pid >= 0, "fork");
	if (!pid)
		_exit(count_wrong(mem) ? FAIL : PASS);
	waitpid(pid, &status, 0);
	return verdict(!WIFEXITED(status) || WEXITSTATUS(status) != PASS);
}
