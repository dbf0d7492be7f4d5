/*
 * Guards tasks whose folder is missing: an unmarked folder in its place may be the same
 * folder, put back outside the mount (from a backup or by a sync program). The next
 * recovery walk gives such a folder its task back; until then it is no new order.
 */
#ifndef SEEDANCEFS_FS_ORDER_REORDER_GUARD_H
#define SEEDANCEFS_FS_ORDER_REORDER_GUARD_H

#include "fs/folder/filesystem.h"

/*
 * Whether another task was ordered with the same content from a folder at `path`, and has
 * no folder now. Returns its id at the service, or "", to be freed; NULL: there is none,
 * or no memory. Blocking, local disk only; any thread.
 */
char *reorder_guard_find(struct filesystem *fs, uint64_t number, const char *path,
			 const char *digest);

#endif
