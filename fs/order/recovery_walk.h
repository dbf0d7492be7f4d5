/*
 * The walk over the tree after a start. It finds folders whose order was not sent yet,
 * wherever they were moved; these settle again. Folders that lost their mark, or were
 * restored elsewhere, get their task back. It runs in the background: only the mount of a
 * copied library waits for it.
 */
#ifndef SEEDANCEFS_FS_ORDER_RECOVERY_WALK_H
#define SEEDANCEFS_FS_ORDER_RECOVERY_WALK_H

#include "fs/folder/filesystem.h"

/*
 * Returns true when the walk is complete; false if the queue of due folders was stopped.
 * The settler's thread.
 */
bool recovery_walk(struct filesystem *fs);

#endif
