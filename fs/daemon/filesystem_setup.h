/*
 * Creates and destroys what a mount shares (folder/filesystem.h), and connects events:
 * those of the backend, and those of lower modules for higher ones. The main thread.
 */
#ifndef SEEDANCEFS_FS_DAEMON_FILESYSTEM_SETUP_H
#define SEEDANCEFS_FS_DAEMON_FILESYSTEM_SETUP_H

#include "fs/folder/filesystem.h"

/* `mount_point` is absolute, without links, and must outlive the filesystem. */
int filesystem_create(struct backend *backend, int library, const char *mount_point,
		      struct filesystem **ret_fs);
/* Call it after the session has ended and before the backend is destroyed. */
void filesystem_destroy(struct filesystem *fs);

/*
 * The events for backend_create(), which is called first. *fs must be set before
 * backend_start(), and the pointer itself must outlive the backend.
 */
struct backend_events filesystem_events(struct filesystem **fs);

#endif
