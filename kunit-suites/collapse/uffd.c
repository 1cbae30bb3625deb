// SPDX-License-Identifier: GPL-2.0-only
/*
 * userfaultfd for huge ranges: the fixture's has neither features nor modes.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/mman.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <linux/userfaultfd_k.h>

#include "collapse.h"

#ifdef CONFIG_USERFAULTFD

/* Arguments come from user memory; far away, and gone before anybody looks. */
#define SCRATCH		(CT_RANGES * 2 * (long)CT_PAGES)

static long with_scratch(struct ct *ct, struct file *uffd, unsigned int cmd,
			 void *arg, size_t size)
{
	void __user *scratch = (void __user *)ct_addr(ct, SCRATCH);
	long ret = -EFAULT;

	ct_mmap(ct, SCRATCH, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, NULL, 0);
	if (!copy_to_user(scratch, arg, size))
		ret = uffd->f_op->unlocked_ioctl(uffd, cmd, (unsigned long)scratch);
	vm_munmap(ct_addr(ct, SCRATCH), PAGE_SIZE);
	return ret;
}

/* KUnit's threads share one table of files: take the file out of it again. */
void ct_uffd_open(struct ct *ct)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP |
			    UFFD_FEATURE_WP_HUGETLBFS_SHMEM |
			    UFFD_FEATURE_WP_UNPOPULATED |
			    UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_POISON,
	};
	struct file *file;
	int fd;

	fd = new_userfaultfd(O_CLOEXEC);
	KUNIT_ASSERT_GE(ct->test, fd, 0);
	file = fget(fd);
	close_fd(fd);
	ct->t->uffd[0] = file;
	if (with_scratch(ct, file, UFFDIO_API, &api, sizeof(api)))
		kunit_skip(ct->test, "no protection of shmem by userfaultfd");
}

static void do_ioctl(struct ct *ct, unsigned int cmd, void *arg, size_t size,
		     const char *name)
{
	long err;

	if (!ct->t->uffd[0])
		ct_uffd_open(ct);
	err = with_scratch(ct, ct->t->uffd[0], cmd, arg, size);
	if (err)
		KUNIT_FAIL_AND_ABORT(ct->test, "%s: error %ld", name, err);
}

void ct_uffd_register(struct ct *ct, long page, long nr, unsigned long mode)
{
	struct uffdio_register reg = {
		.range = { ct_addr(ct, page), nr * PAGE_SIZE },
		.mode = mode,
	};

	do_ioctl(ct, UFFDIO_REGISTER, &reg, sizeof(reg), "UFFDIO_REGISTER");
}

void ct_uffd_protect(struct ct *ct, long page, long nr, bool protect)
{
	struct uffdio_writeprotect wp = {
		.range = { ct_addr(ct, page), nr * PAGE_SIZE },
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	do_ioctl(ct, UFFDIO_WRITEPROTECT, &wp, sizeof(wp), "UFFDIO_WRITEPROTECT");
}

void ct_uffd_continue(struct ct *ct, long page, long nr)
{
	struct uffdio_continue cont = {
		.range = { ct_addr(ct, page), nr * PAGE_SIZE },
	};

	do_ioctl(ct, UFFDIO_CONTINUE, &cont, sizeof(cont), "UFFDIO_CONTINUE");
}

void ct_uffd_poison(struct ct *ct, long page, long nr)
{
	struct uffdio_poison poison = {
		.range = { ct_addr(ct, page), nr * PAGE_SIZE },
	};

	do_ioctl(ct, UFFDIO_POISON, &poison, sizeof(poison), "UFFDIO_POISON");
}

#else

void ct_uffd_open(struct ct *ct)
{
	kunit_skip(ct->test, "no userfaultfd (CONFIG_USERFAULTFD)");
}

void ct_uffd_register(struct ct *ct, long page, long nr, unsigned long mode)
{
	ct_uffd_open(ct);
}

void ct_uffd_protect(struct ct *ct, long page, long nr, bool protect)
{
}

void ct_uffd_continue(struct ct *ct, long page, long nr)
{
}

void ct_uffd_poison(struct ct *ct, long page, long nr)
{
}

#endif
