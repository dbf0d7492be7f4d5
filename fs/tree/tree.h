/*
 * The library's tree: user files on the filesystem below, reached beneath one descriptor.
 *
 * No path escapes: every resolution is openat2 with RESOLVE_BENEATH, crosses no mount and
 * follows no symbolic link (the kernel resolves links in the mount's own view). Any
 * thread.
 */
#ifndef SEEDANCEFS_FS_TREE_TREE_H
#define SEEDANCEFS_FS_TREE_TREE_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct tree {
	int fd; /* of the tree's directory */
	dev_t device;
	const char *mounted_at; /* where it is mounted; NULL: nowhere. Borrowed */
};

/* Opens library/tree, making it. 0 or -errno. */
int tree_open(struct tree *tree, int library);
void tree_close(struct tree *tree);

/*
 * Opens a path below the tree ("" is the tree itself), of any length. O_CLOEXEC and
 * O_NOFOLLOW are added. Returns a descriptor or -errno (-ELOOP for a link, but with
 * O_PATH).
 */
int tree_openat(const struct tree *tree, const char *path, int flags);
/* The same below another directory of the tree. */
int tree_open_below(int directory, const char *path, int flags);

/* Opens again what a descriptor (O_PATH will do) stands for. A descriptor or -errno. */
int tree_reopen(int fd, int flags);

/* "/proc/self/fd/N", for calls that have no form for O_PATH descriptors. */
struct fd_path {
	char text[32];
};
struct fd_path tree_fd_path(int fd);

#endif
