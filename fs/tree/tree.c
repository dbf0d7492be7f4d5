#include "fs/tree/tree.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

int tree_open(struct tree *tree, int library)
{
	struct stat status;

	if (mkdirat(library, "tree", 0755) < 0 && errno != EEXIST)
		return -errno;
	tree->fd =
		openat(library, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (tree->fd < 0 || fstat(tree->fd, &status) < 0)
		return -errno;
	tree->device = status.st_dev;
	return 0;
}

void tree_close(struct tree *tree)
{
	cleanup_close(&tree->fd);
	tree->fd = -1;
}

static int open_beneath(int directory, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_SYMLINKS,
	};
	long fd;

	if (!(flags & O_PATH))
		how.flags |= O_NOCTTY;
	do {
		fd = syscall(SYS_openat2, directory, *path ? path : ".", &how,
			     sizeof(how));
	} while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd < 0 ? -errno : (int)fd;
}

/* Walks a path that is too long for one call in steps. */
int tree_open_below(int directory, const char *path, int flags)
{
	AUTOCLOSE int step = -1;
	int from = directory;

	while (strlen(path) >= PATH_MAX) {
		char part[PATH_MAX];
		const char *cut = memrchr(path, '/', PATH_MAX - 1);
		int next;

		if (!cut)
			return -ENAMETOOLONG;
		memcpy(part, path, (size_t)(cut - path));
		part[cut - path] = '\0';
		next = open_beneath(from, part, O_PATH | O_DIRECTORY);
		if (next < 0)
			return next;
		cleanup_close(&step);
		from = step = next;
		path = cut + 1;
	}
	return open_beneath(from, path, flags);
}

int tree_openat(const struct tree *tree, const char *path, int flags)
{
	return tree_open_below(tree->fd, path, flags);
}

struct fd_path tree_fd_path(int fd)
{
	struct fd_path path;

	snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd);
	return path;
}

int tree_reopen(int fd, int flags)
{
	struct fd_path path = tree_fd_path(fd);
	int again = open(path.text, (flags & ~O_NOFOLLOW) | O_CLOEXEC | O_NOCTTY);

	return again < 0 ? -errno : again;
}
