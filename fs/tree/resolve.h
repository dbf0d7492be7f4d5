/*
 * Resolves a path that a request names, in the mount's own view: component by component,
 * links included, never out of the tree. Local disk only; any thread.
 */
#ifndef SEEDANCEFS_FS_TREE_RESOLVE_H
#define SEEDANCEFS_FS_TREE_RESOLVE_H

#include "fs/tree/tree.h"

/*
 * `from` is the folder's path below the tree, `path` relative to it. Returns 0 with the
 * path below the tree in *ret_path (free() it); -ENOENT; -EXDEV: it leads out of the
 * mount (or is absolute); -ELOOP; -ENOMEM; or -errno. A link's absolute target below the
 * mount point counts from the tree's root. Where only the last component is missing,
 * *ret_path is set beside -ENOENT: it may be a file that a task's folder shows.
 */
int resolve_path(const struct tree *tree, const char *from, const char *path,
		 char **ret_path);

#endif
