/*
 * How paths lie to each other. Any thread.
 */
#ifndef SEEDANCEFS_FS_TREE_PATH_H
#define SEEDANCEFS_FS_TREE_PATH_H

#include <stdbool.h>

/* Of two paths below the tree ("" is the tree itself): whether the first is the second,
 * or lies below it. Pure. */
bool path_is_at_or_below(const char *path, const char *top);

/* Whether a path of the machine, which need not exist, is the other one or lies inside
 * it; links are followed. Waits for the disk. */
bool path_lies_inside(const char *inner, const char *outer);

#endif
