/*
 * What the files of settling share. Not for others.
 */
#ifndef SEEDANCEFS_FS_ORDER_SETTLE_INTERNAL_H
#define SEEDANCEFS_FS_ORDER_SETTLE_INTERNAL_H

#include "fs/folder/due_queue.h"
#include "fs/order/settle.h"

/* Looks at a folder: orders it, or tells why not. Returns when to look again, in ms from
 * now; 0: when poked. The settler's thread. */
int64_t settle_look(struct filesystem *fs, const struct due_folder *wish);

#endif
