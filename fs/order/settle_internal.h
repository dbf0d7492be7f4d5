/* Shared by the files of settling. */
#ifndef SEEDANCEFS_FS_ORDER_SETTLE_INTERNAL_H
#define SEEDANCEFS_FS_ORDER_SETTLE_INTERNAL_H

#include "fs/folder/due_queue.h"
#include "fs/order/settle.h"

/*
 * Checks a folder: orders it, or says why not. Returns the time until the next check in
 * ms; 0: when poked. The settler's thread.
 */
int64_t settle_look(struct filesystem *fs, const struct due_folder *wish);

#endif
