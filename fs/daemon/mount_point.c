#include "fs/daemon/mount_point.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mntent.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;

/*
 * Whether one of our mounts is there, according to the kernel's list of mounts; a dead
 * mount offers nothing else.
 */
static bool is_ours(const char *path)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	bool found = false;

	while (mounts && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_dir, path))
			found = !strcmp(entry->mnt_type, "fuse." MOUNT_SUBTYPE);
	if (mounts)
		endmntent(mounts);
	return found;
}

static int run_fusermount(const char *path)
{
	const char *const arguments[] = { "fusermount3", "-u", "-z", "--", path, NULL };
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, arguments[0], NULL, NULL, (char *const *)arguments,
			 environ))
		return -errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EPERM;
}

static int remove_dead(const char *path)
{
	if (!geteuid())
		return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
	return run_fusermount(path);
}

/*
 * The path without links of a folder that may be a dead mount: only its parent is
 * resolved.
 */
static char *resolve(const char *path)
{
	AUTOFREE char *copy = strdup(path), *parent = NULL;
	char *slash;

	if (!copy)
		return NULL;
	while (strlen(copy) > 1 && text_ends_with(copy, "/"))
		copy[strlen(copy) - 1] = '\0';
	slash = strrchr(copy, '/');
	if (!slash || !slash[1] || !strcmp(slash + 1, ".") || !strcmp(slash + 1, ".."))
		return realpath(copy, NULL);
	*slash = '\0';
	parent = realpath(*copy ? copy : "/", NULL);
	if (!parent)
		return NULL;
	return text_format("%s/%s", strcmp(parent, "/") ? parent : "", slash + 1);
}

static int replace_dead(const char *path, char **ret_error)
{
	int r;

	if (!is_ours(path))
		return text_fail(ret_error, -ENOTCONN,
				 "%s is a dead mount of another program; unmount it "
				 "first: fusermount3 -u %s",
				 path, path);
	r = remove_dead(path);
	if (r)
		return text_fail(ret_error, r,
				 "%s is a dead mount of a crashed seedancefs, and it "
				 "cannot be unmounted: %s",
				 path, strerror(-r));
	log_info("event=dead_mount_replaced");
	return 0;
}

/*
 * The kernel may still cache attributes of a mount whose daemon is gone. Only an open
 * reaches the daemon.
 */
static bool is_dead(const char *path)
{
	AUTOCLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 && errno == ENOTCONN;
}

int mount_point_prepare(const char *path, char **ret_path, char **ret_error)
{
	AUTOFREE char *resolved = resolve(path);
	struct stat status;
	int r = 0;

	if (!resolved)
		return text_fail(ret_error, -errno, "%s: %s", path, strerror(errno));
	if (is_dead(resolved)) {
		r = replace_dead(resolved, ret_error);
	} else if (is_ours(resolved)) {
		return text_fail(ret_error, -EBUSY,
				 "%s: seedancefs is already mounted there; unmount it "
				 "first, or use another mount point",
				 path);
	}
	if (r)
		return r;
	if (stat(resolved, &status) < 0)
		return text_fail(ret_error, -errno, "%s: %s%s", path, strerror(errno),
				 errno == ENOENT ? "; create the folder first (mkdir)"
						 : "");
	if (!S_ISDIR(status.st_mode))
		return text_fail(ret_error, -ENOTDIR, "%s is not a folder", path);
	*ret_path = realpath(resolved, NULL);
	return *ret_path ? 0 : -errno;
}

void mount_point_read_ahead(uint64_t device, unsigned kib)
{
	AUTOFREE char *setting = NULL;
	AUTOCLOSE int fd = -1;

	if (geteuid())
		return;
	setting = text_format("/sys/class/bdi/%" PRIu64 ":%" PRIu64 "/read_ahead_kb",
			      device >> 32, device & UINT32_MAX);
	fd = setting ? open(setting, O_WRONLY | O_CLOEXEC) : -1;
	if (fd < 0 || dprintf(fd, "%u", kib) < 0)
		log_debug("event=read_ahead_unchanged");
}
