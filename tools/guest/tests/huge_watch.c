// SPDX-License-Identifier: GPL-2.0
/*
 * Soft-dirty and write protection by userfaultfd on a huge page: the first
 * store after it was armed is noticed, and /proc/self/pagemap tells.
 */
#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include "huge.h"

enum { SOFT_DIRTY = 55, UFFD_WP = 57 };

static int pagemap_bit(const char *mem, int bit)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry;

	require(fd >= 0, "/proc/self/pagemap");
	require(pread(fd, &entry, 8, (uintptr_t)mem / PAGE * 8) == 8, "pread");
	close(fd);
	return entry >> bit & 1;
}

static int check_soft_dirty(void)
{
	char *mem = map_huge();
	int fd = open("/proc/self/clear_refs", O_WRONLY);
	int failed;

	require(fd >= 0 && write(fd, "4", 1) == 1, "/proc/self/clear_refs");
	close(fd);
	failed = expect(!pagemap_bit(mem, SOFT_DIRTY), "clear_refs clears soft-dirty");
	failed |= count_wrong("soft-clean", mem);
	failed |= expect(!pagemap_bit(mem, SOFT_DIRTY), "loads leave it clear");
	write_byte(mem + 5 * PAGE, pattern(5));
	failed |= expect(pagemap_bit(mem + 5 * PAGE, SOFT_DIRTY), "a store sets it");
	failed |= expect_huge("after soft-dirty", mem, 1);
	return failed | count_wrong("soft-dirty", mem);
}

static void write_protect(int uffd, char *mem, int protect)
{
	struct uffdio_writeprotect arg = {
		.range = { (uintptr_t)mem, HUGE },
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	require(!ioctl(uffd, UFFDIO_WRITEPROTECT, &arg), "UFFDIO_WRITEPROTECT");
}

static int check_uffd_wp(void)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_SIGBUS | UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };
	char *mem = map_huge();
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	int failed;

	reg.range = (struct uffdio_range){ (uintptr_t)mem, HUGE };
	require(uffd >= 0 && !ioctl(uffd, UFFDIO_API, &api), "userfaultfd");
	require(!ioctl(uffd, UFFDIO_REGISTER, &reg), "UFFDIO_REGISTER");
	write_protect(uffd, mem, 1);
	failed = expect(pagemap_bit(mem, UFFD_WP), "pagemap shows the protection");
	failed |= expect_huge("write-protected", mem, 1);
	failed |= expect(store_signal(mem, 'x') == SIGBUS, "a store is SIGBUS");
	failed |= count_wrong("write-protected", mem);
	write_protect(uffd, mem, 0);
	failed |= expect(!pagemap_bit(mem, UFFD_WP), "pagemap shows its end");
	failed |= expect(!store_signal(mem, pattern(0)), "then a store is done");
	failed |= expect_huge("after the protection", mem, 1);
	return failed | count_wrong("after the protection", mem);
}

int main(void)
{
	int failed = check_soft_dirty();

	failed |= check_uffd_wp();
	return verdict(failed);
}
