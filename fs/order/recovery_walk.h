/*
 * The walk over the tree after a start: folders whose order was not sent yet are found
 * and settle anew, wherever they were moved to, and folders that lost their mark, or were
 * restored elsewhere, get their task back. In the background: only the mount of a library
 * that was copied waits for it.
 */
#ifndef SEEDANCEFS_FS_ORDER_RECOVERY_WALK_H
#define SEEDANCEFS_FS_ORDER_RECOVERY_WALK_H

#include "fs/folder/filesystem.h"

/* True when done; false soon after the queue of due folders was stopped. The settler's
 * thread. */
bool recovery_walk(struct filesystem *fs);

#endif
