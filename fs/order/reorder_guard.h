/*
 * Tasks whose folder is not there: what stands in its place without a mark may be the
 * same one, put back behind the mount's back (from a backup, by a synchroniser). The walk
 * after a start gives such a folder its task again; until then it is no new order.
 */
#ifndef SEEDANCEFS_FS_ORDER_REORDER_GUARD_H
#define SEEDANCEFS_FS_ORDER_REORDER_GUARD_H

#include "fs/folder/filesystem.h"

/*
 * Whether another task was ordered with this very content from a folder at `path`, and
 * has none now. The service's id of it (or "") to free(); NULL: there is none, or no
 * memory. Blocking, local disk only; any thread.
 */
char *reorder_guard_find(struct filesystem *fs, uint64_t number, const char *path,
			 const char *digest);

#endif
