// SPDX-License-Identifier: GPL-2.0-only
/*
 * A memory cgroup of the test's own, made as user space makes one: through the
 * files of a cgroup2 file system.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/mount.h>
#include <linux/namei.h>

#include "collapse.h"

#ifdef CONFIG_MEMCG

#define NAME	"kunit_collapse"

/* Tests run one at a time. */
static struct vfsmount *mount;

static int write_to(const char *path, const char *text)
{
	const struct path root = { .mnt = mount, .dentry = mount->mnt_root };
	struct file *file = file_open_root(&root, path, O_WRONLY, 0);
	loff_t pos = 0;
	ssize_t done;

	if (IS_ERR(file))
		return PTR_ERR(file);
	done = kernel_write(file, text, strlen(text), &pos);
	__fput_sync(file);
	return done < 0 ? done : 0;
}

static int make_group(void)
{
	struct dentry *group = start_creating_noperm(mount->mnt_root, &QSTR(NAME));
	int err;

	if (IS_ERR(group))
		return PTR_ERR(group);
	group = vfs_mkdir(&nop_mnt_idmap, d_inode(mount->mnt_root), group, 0755, NULL);
	err = PTR_ERR_OR_ZERO(group);
	end_creating(group);
	return err;
}

static int remove_group(void)
{
	struct dentry *group = start_removing_noperm(mount->mnt_root, &QSTR(NAME));
	int err;

	if (IS_ERR(group))
		return PTR_ERR(group);
	err = vfs_rmdir(&nop_mnt_idmap, d_inode(mount->mnt_root), group, NULL);
	end_removing(group);
	return err;
}

/*
 * What is still charged to it goes to the root. A test's thread has ended when
 * its actions run, but it may not have left yet.
 */
static void leave_memcg(void *kunit)
{
	struct kunit *test = kunit;
	int err, tries = 1000;

	KUNIT_EXPECT_EQ(test, write_to("cgroup.procs", "0"), 0);
	while ((err = remove_group()) == -EBUSY && tries--)
		usleep_range(1000, 2000);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, write_to("cgroup.subtree_control", "-memory"), 0);
	kern_unmount(mount);
	mount = NULL;
}

struct mem_cgroup *ct_enter_memcg(struct ct *ct)
{
	struct file_system_type *type;
	struct kunit *test = ct->test;
	struct mem_cgroup *memcg;

	if (mem_cgroup_disabled())
		kunit_skip(test, "no memory cgroups (cgroup_disable=memory)");
	type = get_fs_type("cgroup2");
	KUNIT_ASSERT_NOT_NULL(test, type);
	mount = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mount);
	KUNIT_EXPECT_EQ(test, write_to("cgroup.subtree_control", "+memory"), 0);
	KUNIT_EXPECT_EQ(test, make_group(), 0);
	KUNIT_EXPECT_EQ(test, write_to(NAME "/cgroup.procs", "0"), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, leave_memcg, test), 0);
	rcu_read_lock();
	memcg = mem_cgroup_from_task(current);
	rcu_read_unlock();
	return memcg;
}

void ct_limit_memcg(struct ct *ct, unsigned long pages)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", pages * PAGE_SIZE);
	KUNIT_ASSERT_EQ(ct->test, write_to(NAME "/memory.max", text), 0);
}

#else

struct mem_cgroup *ct_enter_memcg(struct ct *ct)
{
	kunit_skip(ct->test, "no memory cgroups (CONFIG_MEMCG)");
}

void ct_limit_memcg(struct ct *ct, unsigned long pages)
{
}

#endif /* CONFIG_MEMCG */
