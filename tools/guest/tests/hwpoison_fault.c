// SPDX-License-Identifier: GPL-2.0
/*
 * Touching poisoned memory is SIGBUS with BUS_MCEERR_AR, and EFAULT in a
 * system call. Userfaultfd poisons a page without any privilege.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include "test.h"

/* <linux/userfaultfd.h> of Linux 6.6, for older headers */
#ifndef UFFD_FEATURE_POISON
#define UFFD_FEATURE_POISON 0x4000
struct uffdio_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};

#define UFFDIO_POISON _IOWR(UFFDIO, 8, struct uffdio_poison)
#endif

static sigjmp_buf after_fault;
static siginfo_t seen;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	seen = *info;
	siglongjmp(after_fault, 1);
}

static void poison(char *page)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_POISON };
	struct uffdio_register reg = {
		.range = { (uintptr_t)page, PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_poison arg = { .range = { (uintptr_t)page, PAGE } };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	require(uffd >= 0, "userfaultfd");
	require(!ioctl(uffd, UFFDIO_API, &api), "UFFDIO_API");
	require(!ioctl(uffd, UFFDIO_REGISTER, &reg), "UFFDIO_REGISTER");
	require(!ioctl(uffd, UFFDIO_POISON, &arg), "UFFDIO_POISON");
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	char *page = map_aligned(PAGE, PAGE);
	int fds[2];
	int failed, error;

	require(!pipe(fds), "pipe");
	poison(page);

	error = write(fds[1], page, 1) < 0 ? errno : 0;
	printf("write() from the poisoned page: %s\n", strerror(error));
	fflush(stdout);
	failed = error != EFAULT;

	sigaction(SIGBUS, &action, NULL);
	if (!sigsetjmp(after_fault, 1)) {
		read_byte(page);
		printf("load from the poisoned page: no signal\n");
		return verdict(1);
	}
	printf("load from the poisoned page: code %d (expected %d), address %s, lsb %d\n",
	       seen.si_code, BUS_MCEERR_AR, seen.si_addr == page ? "right" : "wrong",
	       seen.si_addr_lsb);
	failed |= seen.si_code != BUS_MCEERR_AR || seen.si_addr != page ||
		  seen.si_addr_lsb != 12;
	return verdict(failed);
}
