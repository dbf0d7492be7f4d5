#include "fs/folder/set_aside.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int open_aside(struct filesystem *fs, uint64_t number, bool make)
{
	AUTOFREE char *path = text_format("aside/%" PRIu64, number);
	int fd;

	if (!path)
		return -ENOMEM;
	if (make && mkdirat(fs->library, "aside", 0700) < 0 && errno != EEXIST)
		return -errno;
	if (make && mkdirat(fs->library, path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(fs->library, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int set_aside_keep(struct filesystem *fs, uint64_t number, int fd, const char *name)
{
	AUTOCLOSE int aside = open_aside(fs, number, true);

	if (aside < 0)
		return aside;
	return renameat(fd, name, aside, name) < 0 ? -errno : 0;
}

static bool is_locked_file(const struct locked_file *locked, const struct stat *status)
{
	return locked->device == (uint64_t)status->st_dev &&
	       locked->inode == (uint64_t)status->st_ino;
}

/*
 * Puts back the file that was set aside. A file that an earlier attempt left there was
 * not sent now: it is removed.
 */
static bool put_back_unlinked(struct filesystem *fs, uint64_t number, int fd,
			      const struct locked_file *locked)
{
	AUTOCLOSE int aside = open_aside(fs, number, false);
	struct stat status;

	if (aside < 0 || fstatat(aside, locked->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (!is_locked_file(locked, &status)) {
		unlinkat(aside, locked->name, 0);
		return false;
	}
	return !renameat2(aside, locked->name, fd, locked->name, RENAME_NOREPLACE);
}

static bool ends_with_tilde(const char *name)
{
	return name[strlen(name) - 1] == '~';
}

/* Opens the file with that inode under another name in the folder; or -errno. */
static int open_renamed(int fd, const struct locked_file *locked, bool is_create)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), found = -ENOENT;
	DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;
	struct stat status;

	if (!stream) {
		cleanup_close(&copy);
		return -ENOENT;
	}
	while (found < 0 && (entry = readdir(stream)))
		if ((uint64_t)entry->d_ino == locked->inode &&
		    !(is_create && ends_with_tilde(entry->d_name)))
			found = openat(fd, entry->d_name,
				       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	closedir(stream);
	if (found >= 0 && (fstat(found, &status) < 0 || !S_ISREG(status.st_mode) ||
			   !is_locked_file(locked, &status))) {
		cleanup_close(&found);
		return -ENOENT;
	}
	return found;
}

static int copy_bytes(int from, int to)
{
	ssize_t n;

	do
		n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
	while (n > 0);
	return n < 0 ? -errno : 0;
}

/*
 * Some editors rename the file to a backup and stop when refused; others then rename it
 * back. So a copy takes its place, and a rename back may replace that copy.
 */
static bool put_back_copy(int fd, const struct locked_file *locked, bool is_create)
{
	AUTOCLOSE int from = open_renamed(fd, locked, is_create);
	AUTOCLOSE int to = -1;
	struct stat status;

	if (from < 0 || fstat(from, &status) < 0 ||
	    !faccessat(fd, locked->name, F_OK, AT_SYMLINK_NOFOLLOW))
		return false;
	to = openat(fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, status.st_mode & 0777);
	if (to < 0 || copy_bytes(from, to))
		return false;
	if (fchown(to, status.st_uid, status.st_gid) < 0)
		log_debug("event=owner_not_kept name=%s", locked->name);
	return !linkat(AT_FDCWD, tree_fd_path(to).text, fd, locked->name,
		       AT_SYMLINK_FOLLOW);
}

void set_aside_put_back(struct filesystem *fs, uint64_t number, int fd,
			const struct locked_file *locked, bool is_create)
{
	if (put_back_unlinked(fs, number, fd, locked) ||
	    put_back_copy(fd, locked, is_create))
		log_info("event=locked_file_put_back task=%" PRIu64, number);
}

void set_aside_drop(struct filesystem *fs, uint64_t number)
{
	AUTOFREE char *path = text_format("aside/%" PRIu64, number);
	int fd = open_aside(fs, number, false);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!stream) {
		cleanup_close(&fd);
		return;
	}
	while ((entry = readdir(stream)))
		unlinkat(dirfd(stream), entry->d_name, 0);
	closedir(stream);
	if (path)
		unlinkat(fs->library, path, AT_REMOVEDIR);
}
