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
 *	GUEST_EXT4=DEV	mount the ext4 file system on DEV at /mnt
 *	GUEST_DIR=DIR	where PROGRAM starts, / if there is none
 *	GUEST_CONSOLE=DEV	where PROGRAM and we print, /dev/console if there is
 *			none: the kernel's log is elsewhere then
 *
 * The root may be read only: only mount points are needed on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void prepare(void)
{
	const char *swap = getenv("GUEST_SWAP");
	const char *ext4 = getenv("GUEST_EXT4");

	if (swap && swapon(swap, 0))
		fail("swapon", swap);
	if (ext4 && mount(ext4, "/mnt", "ext4", 0, ""))
		fail("mount", ext4);
}

static pid_t start(char **argv)
{
	const char *dir = getenv("GUEST_DIR");
	pid_t pid;

	if (dir && chdir(dir))
		fail("chdir", dir);
	pid = fork();
	if (pid < 0)
		fail("fork", argv[0]);
	if (!pid) {
		setsid();
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
