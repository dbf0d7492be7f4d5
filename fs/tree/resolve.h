/*
 * Resolves a path that a request names, in the view of the mount: component by component,
 * symbolic links included, never out of the tree. Local disk only; any thread.
 */
#ifndef SEEDANCEFS_FS_TREE_RESOLVE_H
#define SEEDANCEFS_FS_TREE_RESOLVE_H

#include "fs/tree/tree.h"

/*
 * `from` is the folder's path below the tree; `path` is relative to it. Returns 0 and
 * sets *ret_path (to be freed), a path below the tree; -ENOENT; -EXDEV: the path leads
 * out of the mount or is absolute; -ELOOP; -ENOMEM; or another -errno.
 *
 * A link's absolute target below the mount point counts from the tree's root. If only the
 * last component is missing, the function returns -ENOENT and sets *ret_path: the name
 * may be a virtual file of a task's folder.
 */
int resolve_path(const struct tree *tree, const char *from, const char *path,
		 char **ret_path);

#endif
