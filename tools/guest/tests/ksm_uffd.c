// SPDX-License-Identifier: GPL-2.0
/*
 * A page that userfaultfd write-protects must not lose that when it is merged
 * with another of the same content: the next write has to be reported.
 *
 *	before	page 0: same, protected	  page 1: same
 *	merged	both map one page of KSM
 *	write	to page 0: SIGBUS (UFFD_FEATURE_SIGBUS)
 *
 * checkpatch: EMBEDDED_FUNCTION_NAME: a file of KSM has that name
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include "test.h"

static sigjmp_buf escape;

static void on_signal(int number)
{
	siglongjmp(escape, number);
}

static void set(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	require(fd >= 0 && write(fd, text, strlen(text)) > 0, path);
	close(fd);
}

static long pages_sharing(void)
{
	char text[32] = "";
	int fd = open("/sys/kernel/mm/ksm/pages_sharing", O_RDONLY);

	require(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "pages_sharing");
	close(fd);
	return atol(text);
}

static void protect(char *page)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_SIGBUS | UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_range range = { .start = (uintptr_t)page, .len = PAGE };
	struct uffdio_register reg = { .range = range, .mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect wp = { .range = range, .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	require(fd >= 0 && !ioctl(fd, UFFDIO_API, &api), "userfaultfd");
	require(!ioctl(fd, UFFDIO_REGISTER, &reg), "UFFDIO_REGISTER");
	require(!ioctl(fd, UFFDIO_WRITEPROTECT, &wp), "UFFDIO_WRITEPROTECT");
}

int main(void)
{
	char *pages = map_aligned(2 * PAGE, PAGE);
	int i;

	memset(pages, 's', 2 * PAGE);
	protect(pages);
	set("/sys/kernel/mm/ksm/sleep_millisecs", "10");
	set("/sys/kernel/mm/ksm/run", "1");
	require(!madvise(pages, 2 * PAGE, MADV_MERGEABLE), "MADV_MERGEABLE");
	for (i = 0; i < 800 && !pages_sharing(); i++)
		usleep(10000);
	printf("%ld pages merged\n", pages_sharing());

	signal(SIGBUS, on_signal);
	if (sigsetjmp(escape, 1))
		return verdict(0);
	write_byte(pages, 'w');
	printf("the write was not reported\n");
	return verdict(1);
}
