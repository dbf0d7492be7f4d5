/*
 * Making and ending what a mount shares (folder/filesystem.h), and who hears of what: the
 * events of the backend, and those of lower modules for higher ones. The main thread.
 */
#ifndef SEEDANCEFS_FS_DAEMON_FILESYSTEM_SETUP_H
#define SEEDANCEFS_FS_DAEMON_FILESYSTEM_SETUP_H

#include "fs/folder/filesystem.h"

/* `mount_point` is absolute, without links, and outlives it. */
int filesystem_create(struct backend *backend, int library, const char *mount_point,
		      struct filesystem **ret_fs);
/* After the session ended and before the backend is destroyed. */
void filesystem_destroy(struct filesystem *fs);

/*
 * The backend's events, for backend_create(), which comes first: *fs is set before
 * backend_start(), and is the address of something that outlives the backend.
 */
struct backend_events filesystem_events(struct filesystem **fs);

#endif
