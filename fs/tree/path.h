/* How two paths relate to each other. Any thread. */
#ifndef SEEDANCEFS_FS_TREE_PATH_H
#define SEEDANCEFS_FS_TREE_PATH_H

#include <stdbool.h>

/*
 * Whether the first path equals the second or is below it. Both are below the tree; "" is
 * the tree itself. Pure.
 */
bool path_is_at_or_below(const char *path, const char *top);

/*
 * Whether a path of the machine, which need not exist, equals the other one or is inside
 * it. Follows symbolic links. Waits for the disk.
 */
bool path_lies_inside(const char *inner, const char *outer);

#endif
