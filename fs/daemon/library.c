#include "fs/daemon/library.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK_WAIT_MS 2000 /* a daemon that was just killed may still be ending */
#define LOCK_STEP_MS 20
#define LOG_MAX_BYTES (4 << 20)

/* Like mkdir -p; each new directory has mode 0700. */
static int make_path(const char *path)
{
	AUTOFREE char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *at = copy + 1;; at++) {
		char was = *at;

		if (was && was != '/')
			continue;
		*at = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return -errno;
		*at = was;
		if (!was)
			return 0;
	}
}

static int check_owner(const struct library *library, char **ret_error)
{
	struct stat status;

	if (fstat(library->fd, &status) < 0)
		return text_fail(ret_error, -errno, "%s: %s", library->path,
				 strerror(errno));
	if (status.st_uid != geteuid())
		return text_fail(ret_error, -EPERM,
				 "the library %s belongs to another user; use a folder "
				 "that you own",
				 library->path);
	if (status.st_mode & 022)
		return text_fail(ret_error, -EPERM,
				 "the library %s is writable by others (mode %03o); run: "
				 "chmod 700 %s",
				 library->path, status.st_mode & 0777, library->path);
	return 0;
}

static int open_directory(struct library *library, const char *path, char **ret_error)
{
	int r = make_path(path);

	if (r)
		return text_fail(ret_error, r, "cannot create the library %s: %s", path,
				 strerror(-r));
	library->path = realpath(path, NULL);
	if (library->path)
		library->fd = open(library->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (library->fd < 0)
		return text_fail(ret_error, -errno, "cannot open the library %s: %s",
				 path, strerror(errno));
	return check_owner(library, ret_error);
}

static int holder(int lock)
{
	char text[24];
	ssize_t got = pread(lock, text, sizeof(text) - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	return atoi(text);
}

static int take_lock(struct library *library, char **ret_error)
{
	int64_t until_ms = clock_boot_ms() + LOCK_WAIT_MS;
	char text[24];
	int length;

	library->lock = openat(library->fd, "lock",
			       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (library->lock < 0)
		return text_fail(ret_error, -errno, "cannot open %s/lock: %s",
				 library->path, strerror(errno));
	while (flock(library->lock, LOCK_EX | LOCK_NB) < 0) {
		if (clock_boot_ms() >= until_ms)
			return text_fail(
				ret_error, -EBUSY,
				"the library %s is in use by another seedancefs (process "
				"%d); unmount that one first, or use another library",
				library->path, holder(library->lock));
		poll(NULL, 0, LOCK_STEP_MS); /* the kernel has no event for this */
	}
	length = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(library->lock, 0) < 0 ||
	    pwrite(library->lock, text, (size_t)length, 0) != length)
		return text_fail(ret_error, -EIO, "cannot write %s/lock: %s",
				 library->path, strerror(errno));
	return 0;
}

int library_open(const char *path, struct library *ret_library, char **ret_error)
{
	int r;

	*ret_library = (struct library){ .fd = -1, .media = -1, .lock = -1 };
	r = open_directory(ret_library, path, ret_error);
	if (!r)
		r = take_lock(ret_library, ret_error);
	if (!r && mkdirat(ret_library->fd, "media", 0700) < 0 && errno != EEXIST)
		r = text_fail(ret_error, -errno, "cannot create %s/media: %s",
			      ret_library->path, strerror(errno));
	if (!r)
		ret_library->media =
			openat(ret_library->fd, "media",
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (!r && ret_library->media < 0)
		r = text_fail(ret_error, -errno, "cannot open %s/media: %s",
			      ret_library->path, strerror(errno));
	if (r)
		library_close(ret_library);
	return r;
}

void library_close(struct library *library)
{
	cleanup_close(&library->media);
	cleanup_close(&library->lock);
	cleanup_close(&library->fd);
	free(library->path);
	*library = (struct library){ .fd = -1, .media = -1, .lock = -1 };
}

int library_open_log(const struct library *library)
{
	struct stat status;
	int fd;

	if (!fstatat(library->fd, "seedancefs.log", &status, AT_SYMLINK_NOFOLLOW) &&
	    status.st_size > LOG_MAX_BYTES)
		renameat(library->fd, "seedancefs.log", library->fd,
			 "seedancefs.log.old");
	fd = openat(library->fd, "seedancefs.log",
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}
