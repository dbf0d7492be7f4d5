/*
 * The library's tree: user files on the underlying filesystem, reached through one
 * descriptor.
 *
 * No path escapes. Every resolution is openat2 with RESOLVE_BENEATH, crosses no mount and
 * follows no symbolic link (the kernel resolves links in the view of the mount). Any
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
	const char *mounted_at; /* the mount point; NULL: not mounted. Borrowed */
};

/* Opens library/tree and creates it if needed. 0 or -errno. */
int tree_open(struct tree *tree, int library);
void tree_close(struct tree *tree);

/*
 * Opens a path of any length below the tree ("" is the tree itself). Adds O_CLOEXEC and
 * O_NOFOLLOW. Returns a descriptor or -errno (-ELOOP for a symbolic link, except with
 * O_PATH).
 */
int tree_openat(const struct tree *tree, const char *path, int flags);
/* The same below another directory of the tree. */
int tree_open_below(int directory, const char *path, int flags);

/* Reopens the file of a descriptor (O_PATH is enough). Returns a descriptor or -errno. */
int tree_reopen(int fd, int flags);

/* "/proc/self/fd/N", for calls that do not accept O_PATH descriptors. */
struct fd_path {
	char text[32];
};
struct fd_path tree_fd_path(int fd);

#endif
