// SPDX-License-Identifier: GPL-2.0
/*
 * A system call may not touch memory that the process may not touch: reading
 * from and writing to a PROT_NONE buffer are EFAULT, populated or not.
 */
#define _GNU_SOURCE
#include "test.h"

int main(void)
{
	char *page = map_aligned(PAGE, PAGE);
	char byte = 'x';
	ssize_t out, in;
	int out_errno, in_errno;
	int fds[2];

	require(!pipe(fds), "pipe");
	write_byte(page, 's');
	require(!mprotect(page, PAGE, PROT_NONE), "mprotect");

	out = write(fds[1], page, 1);
	out_errno = out < 0 ? errno : 0;
	printf("write() from a PROT_NONE buffer: %zd (%s)\n", out, strerror(out_errno));

	require(write(fds[1], &byte, 1) == 1, "write");
	in = read(fds[0], page, 1);
	in_errno = in < 0 ? errno : 0;
	printf("read() into a PROT_NONE buffer: %zd (%s)\n", in, strerror(in_errno));

	return verdict(out_errno != EFAULT || in_errno != EFAULT);
}
