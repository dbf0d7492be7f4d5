/*
 * Thumbnails of finished tasks, in the desktop's cache. A file manager that opens their
 * folders finds the thumbnails there and reads no video.
 *
 * Thumbnails are made before a success is shown: from the last frame if there is one,
 * otherwise from the video's first frame. This module has a thread for that, since
 * decoding and the media host may be slow. A task waits at most SHOW_LATEST_MS for them;
 * if many succeed at once, the late ones get theirs afterwards. Thumbnails follow a
 * folder that is renamed in the mount, are removed with the output or the folder, and are
 * made again for another version of an output. A failure is only logged, since a file
 * manager can make its own thumbnails.
 *
 * After the start-up walk, the cache is checked in the background for every task that
 * succeeded earlier. The mount point may have changed, which all URIs contain; the cache
 * may have been cleaned; or thumbnails may have been off. Valid thumbnails, whichever
 * program made them, are left alone, and so are notes that none can be made. The others
 * are made one at a time, at low priority, newest tasks first. A task that succeeds
 * meanwhile takes precedence. Nobody may ever open these folders, so that
 *   - bytes on disk are used if they suffice, without network;
 *   - otherwise at most THUMBNAILS_FETCH_BYTES per task and THUMBNAILS_FETCH_ALL_BYTES
 *     per mount are fetched, in about three requests (a link may allow only so many),
 *     and only if the link lives for ten more minutes, so that it does not expire in use;
 *   - otherwise nothing is made until the output is complete on disk for another reason.
 * A media host that fails to answer once is not used again in the background.
 *
 * Any thread may call these functions. They only queue. `thumbnails` may be NULL, which
 * means that there are none.
 */
#ifndef SEEDANCEFS_FS_THUMBNAILS_THUMBNAILS_H
#define SEEDANCEFS_FS_THUMBNAILS_THUMBNAILS_H

#include "backend/backend.h"

#include <stdbool.h>
#include <stdint.h>

#define THUMBNAILS_FETCH_BYTES (512u << 10)
#define THUMBNAILS_FETCH_ALL_BYTES (64u << 20)

struct filesystem;
struct thumbnails;

/* *ret_thumbnails is NULL if thumbnails are off or there is no cache. */
int thumbnails_create(struct filesystem *fs, struct thumbnails **ret_thumbnails);
int thumbnails_start(struct thumbnails *thumbnails);
/* Aborts the current work. Call it before the backend stops. */
void thumbnails_stop(struct thumbnails *thumbnails);
void thumbnails_destroy(struct thumbnails *thumbnails);

/* The start-up walk is complete: every folder is known. */
void thumbnails_walked(struct thumbnails *thumbnails);
/* The task_finishing event. Returns whether backend_task_show() follows. */
bool thumbnails_finishing(struct thumbnails *thumbnails, uint64_t number);
/* The task_changed event. */
void thumbnails_changed(struct thumbnails *thumbnails, uint64_t number);

/* An output was removed. Takes `folder`, its path in the mount; NULL is allowed. */
void thumbnails_removed(struct thumbnails *thumbnails, uint64_t number, char *folder,
			enum output_kind kind);
/* A task's folder was removed. */
void thumbnails_folder_removed(struct thumbnails *thumbnails, uint64_t number,
			       char *folder);
/* A directory has a new path in the mount. Takes both paths; NULL is allowed. */
void thumbnails_moved(struct thumbnails *thumbnails, char *from, char *to);
/* Directories have new paths: finds out where the tasks' folders are now. */
void thumbnails_folders_moved(struct thumbnails *thumbnails);

#endif
