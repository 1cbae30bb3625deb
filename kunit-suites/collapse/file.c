// SPDX-License-Identifier: GPL-2.0-only
/*
 * A regular file with large folios, all in memory: read_folio() makes up the
 * contents, writepages() writes nowhere. Its own small file system, so that
 * dirty pages can be written back.
 */
#include <linux/backing-dev.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/writeback.h>

#include "collapse.h"

/* Tests run one at a time. */
static struct ct_file the_file;
static struct vfsmount *mount;

static int read_stamps(struct file *file, struct folio *folio)
{
	long i;

	the_file.nr_reads++;
	if (the_file.reads_fail) {
		folio_unlock(folio);
		return -EIO;
	}
	for (i = 0; i < folio_nr_pages(folio); i++) {
		unsigned long *p = kmap_local_folio(folio, i * PAGE_SIZE);

		memset(p, 0, PAGE_SIZE);
		p[0] = ct_stamp(folio->index + i);
		p[PAGE_SIZE / sizeof(*p) - 1] = ct_stamp(folio->index + i);
		kunmap_local(p);
	}
	folio_mark_uptodate(folio);
	folio_unlock(folio);
	return 0;
}

static int write_nowhere(struct address_space *mapping,
			 struct writeback_control *wbc)
{
	struct folio *folio = NULL;
	int err;

	while ((folio = writeback_iter(mapping, wbc, folio, &err))) {
		the_file.nr_writes++;
		folio_start_writeback(folio);
		folio_unlock(folio);
		if (!the_file.keep_writeback)
			folio_end_writeback(folio);
	}
	return err;
}

static bool release_private(struct folio *folio, gfp_t gfp)
{
	return !the_file.keep_private;
}

static const struct address_space_operations file_aops = {
	.read_folio = read_stamps,
	.writepages = write_nowhere,
	.dirty_folio = filemap_dirty_folio,
	.release_folio = release_private,
	.migrate_folio = filemap_migrate_folio,
};

static const struct file_operations file_fops = {
	.mmap_prepare = generic_file_mmap_prepare,
};

static int init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, 0x636f6c6c) ? 0 : -ENOMEM;
}

static struct file_system_type fs_type = {
	.name = "collapse_test",
	.init_fs_context = init_fs_context,
	.kill_sb = kill_anon_super,
};

static int mount_once(void)
{
	struct vfsmount *mnt;
	int err;

	if (mount)
		return 0;
	mnt = kern_mount(&fs_type);
	if (IS_ERR(mnt))
		return PTR_ERR(mnt);
	err = super_setup_bdi(mnt->mnt_sb);
	if (err) {
		kern_unmount(mnt);
		return err;
	}
	mnt->mnt_sb->s_iflags &= ~SB_I_NOEXEC;
	mount = mnt;
	return 0;
}

void ct_unmount(void)
{
	if (mount)
		kern_unmount(mount);
	mount = NULL;
}

static struct inode *new_file_inode(struct super_block *sb)
{
	struct inode *inode = new_inode_pseudo(sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode->i_mode = S_IFREG | 0600;
	inode->i_mapping->a_ops = &file_aops;
	inode_state_assign_raw(inode, I_DIRTY);	/* The flusher leaves it alone. */
	i_size_write(inode, CT_RANGES * HPAGE_PMD_SIZE);
	mapping_set_large_folios(inode->i_mapping);
	mapping_set_release_always(inode->i_mapping);
	simple_inode_init_ts(inode);
	return inode;
}

static void no_longer_written(void *inode)
{
	put_write_access(inode);
}

/* The fixture counts its users, and closes it, as its file 1. */
struct ct_file *ct_regular_file(struct ct *ct, int flags)
{
	struct kunit *test = ct->test;
	struct inode *inode;
	struct file *file;

	KUNIT_ASSERT_NULL(test, ct->t->file[1]);
	KUNIT_ASSERT_EQ(test, mount_once(), 0);
	inode = new_file_inode(mount->mnt_sb);
	KUNIT_ASSERT_NOT_NULL(test, inode);
	file = alloc_file_pseudo(inode, mount, "collapse_test", flags, &file_fops);
	if (IS_ERR(file)) {
		iput(inode);
		KUNIT_FAIL_AND_ABORT(test, "no file: error %ld", PTR_ERR(file));
	}
	file->f_mode |= FMODE_CAN_READ;
	file->f_ra.ra_pages = 0;	/* Folios of one page. */
	ct->t->file[1] = file;
	the_file = (struct ct_file){ .file = file, .inode = inode };
	if ((flags & O_ACCMODE) != O_RDONLY) {
		file->f_mode |= FMODE_CAN_WRITE;
		KUNIT_ASSERT_EQ(test, get_write_access(inode), 0);
		KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, no_longer_written,
								inode), 0);
	}
	return &the_file;
}
