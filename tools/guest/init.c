// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's first process: mount what mm tests look for, run one program,
 * say how it ended, switch the machine off.
 *
 *	linux ... init=/init -- PROGRAM [ARGUMENT...]
 *
 * The last line of the log names the verdict, so that a run which never got
 * there (panic, hang) cannot be taken for a result:
 *
 * What was printed before 'guest: started' is not the program's.
 *
 *	guest: exited STATUS	(127: there is no such program)
 *	guest: killed SIGNAL
 *	guest: failed REASON	(the program did not get to run)
 *
 * The kernel hands NAME=value words of its command line over as environment:
 *
 *	GUEST_SWAP=DEV	swap on DEV (prepared by mkswap)
 *	GUEST_ZRAM=SIZE	swap of that size in compressed memory
 *	GUEST_EXT4=DEV	mount the ext4 file system on DEV at /mnt
 *	GUEST_DIR=DIR	where PROGRAM starts, / if there is none; a link to it is
 *			made there, for tests that start themselves as ./NAME
 *	GUEST_USER=ID	the user and group that PROGRAM runs as
 *	GUEST_CONSOLE=DEV	where PROGRAM and we print, /dev/console if there is
 *			none: the kernel's log is elsewhere then
 *
 * The root may be read only: only mount points are needed on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

struct mount_point {
	const char *type;
	const char *target;
	const char *options;
	bool required;
};

/* What a configuration lacks (cgroup2, tracefs, ...) is not there: no error. */
static const struct mount_point mount_points[] = {
	{ "proc", "/proc", "", true },
	{ "sysfs", "/sys", "", true },
	{ "devtmpfs", "/dev", "", false },
	{ "tmpfs", "/dev/shm", "mode=1777", false },
	{ "tmpfs", "/tmp", "mode=1777", true },
	{ "debugfs", "/sys/kernel/debug", "", false },
	{ "tracefs", "/sys/kernel/tracing", "", false },
	{ "cgroup2", "/sys/fs/cgroup", "", false },
};

static void power_off(void)
{
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void fail(const char *what, const char *name)
{
	printf("\nguest: failed %s %s: %s\n", what, name, strerror(errno));
	power_off();
}

static void mount_all(void)
{
	const struct mount_point *mp = mount_points;
	const struct mount_point *end = mp + sizeof(mount_points) / sizeof(*mp);

	for (; mp < end; mp++) {
		mkdir(mp->target, 0755);
		/* EBUSY: the kernel was there first (CONFIG_DEVTMPFS_MOUNT) */
		if (mount(mp->type, mp->target, mp->type, 0, mp->options) &&
		    mp->required && errno != EBUSY)
			fail("mount", mp->target);
	}
}

/* Without a console in the root the kernel starts us with no files open. */
static void open_console(void)
{
	const char *console = getenv("GUEST_CONSOLE");
	int fd;

	if (!console && fcntl(STDOUT_FILENO, F_GETFD) >= 0)
		return;
	fd = open(console ?: "/dev/console", O_RDWR);
	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static void set(const char *file, const char *value)
{
	int fd = open(file, O_WRONLY);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		fail("write to", file);
	close(fd);
}

/* What mkswap does: see union swap_header in the kernel's linux/swap.h. */
static void make_swap(const char *device)
{
	static unsigned int page[1024];
	unsigned long long size;
	int fd = open(device, O_RDWR);

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size))
		fail("open", device);
	page[256] = 1;		/* version */
	page[257] = size / sizeof(page) - 1;	/* its last page */
	memcpy((char *)page + sizeof(page) - 10, "SWAPSPACE2", 10);
	if (write(fd, page, sizeof(page)) != sizeof(page) || close(fd))
		fail("write to", device);
}

static void prepare(void)
{
	const char *swap = getenv("GUEST_SWAP");
	const char *zram = getenv("GUEST_ZRAM");
	const char *ext4 = getenv("GUEST_EXT4");

	if (zram) {
		set("/sys/block/zram0/disksize", zram);
		make_swap("/dev/zram0");
		if (swapon("/dev/zram0", 0))
			fail("swapon", "/dev/zram0");
	}
	if (swap && swapon(swap, 0))
		fail("swapon", swap);
	if (ext4 && mount(ext4, "/mnt", "ext4", 0, ""))
		fail("mount", ext4);
}

static void enter(const char *dir, const char *program)
{
	const char *name = strrchr(program, '/');

	if (chdir(dir))
		fail("chdir", dir);
	if (name && symlink(program, name + 1) && errno != EEXIST)
		fail("link", program);
}

static void become(const char *user)
{
	int id = atoi(user);

	if (setgid(id) || setuid(id))
		fail("turn into user", user);
}

static pid_t start(char **argv)
{
	const char *dir = getenv("GUEST_DIR");
	const char *user = getenv("GUEST_USER");
	pid_t pid;

	if (dir)
		enter(dir, argv[0]);
	pid = fork();
	if (pid < 0)
		fail("fork", argv[0]);
	if (!pid) {
		setsid();
		if (user)
			become(user);
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	return pid;
}

/* Orphans come to us: reap them all, remember only the program's status. */
static int wait_for(pid_t program)
{
	int status;
	pid_t pid;

	do {
		pid = wait(&status);
		if (pid < 0 && errno != EINTR)
			fail("wait for", "program");
	} while (pid != program);
	return status;
}

int main(int argc, char **argv)
{
	int status;

	mount_all();
	open_console();
	printf("guest: started\n");
	fflush(stdout);
	if (argc < 2) {
		errno = EINVAL;
		fail("find", "PROGRAM on the command line");
	}
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 0);
	prepare();
	status = wait_for(start(argv + 1));
	if (WIFSIGNALED(status))
		printf("\nguest: killed %d\n", WTERMSIG(status));
	else
		printf("\nguest: exited %d\n", WEXITSTATUS(status));
	power_off();
}
