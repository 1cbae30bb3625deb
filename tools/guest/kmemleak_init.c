// SPDX-License-Identifier: GPL-2.0
/*
 * The init of a kernel that looks for leaked memory.
 *
 * KUnit ran before it. kmemleak takes no object for leaked that is younger
 * than five seconds, or whose checksum changed since the last scan; so it
 * waits and scans twice. What it finds goes to the console, as kmemleak
 * prints it, between two lines that tools/run knows.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD_ENOUGH 6	/* seconds */

static const char file[] = "/sys/kernel/debug/kmemleak";

static int scan(void)
{
	int fd = open(file, O_WRONLY);
	int ok = fd >= 0 && write(fd, "scan", 4) == 4;

	if (fd >= 0)
		close(fd);
	return ok;
}

static int report(void)
{
	char text[4096];
	ssize_t len;
	int fd = open(file, O_RDONLY);

	if (fd < 0)
		return 0;
	while ((len = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, len, stdout);
	close(fd);
	return len == 0;
}

int main(void)
{
	int ok;

	mount("none", "/sys", "sysfs", 0, NULL);
	mount("none", "/sys/kernel/debug", "debugfs", 0, NULL);
	puts("kmemleak-init: scanning");
	sleep(OLD_ENOUGH);
	ok = scan();
	ok = scan() && ok;
	ok = report() && ok;
	printf("kmemleak-init: %s\n", ok ? "done" : "kmemleak does not answer");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 1;
}
