/*
 * Thumbnails of finished tasks, in the desktop's cache: a file manager that opens their
 * folders finds them there and reads nothing.
 *
 * They are made before a success is shown, from the last frame where there is one, else
 * from the video's first frame; on one thread of this room's own, for decoding and the
 * media host may take their time. A task waits at most SHOW_LATEST_MS for them. They
 * follow a folder that is renamed in the mount, go with the output or the folder, and are
 * made anew for another version of an output. What fails is logged, and nothing else: a
 * file manager makes its own then.
 *
 * All functions may be called from any thread and only queue; `thumbnails` may be NULL:
 * there are none.
 */
#ifndef SEEDANCEFS_THUMBNAILS_H
#define SEEDANCEFS_THUMBNAILS_H

#include "backend/task.h"

#include <stdbool.h>
#include <stdint.h>

struct filesystem;
struct thumbnails;

/* *ret_thumbnails is NULL where they are switched off, or there is no cache for them. */
int thumbnails_create(struct filesystem *fs, struct thumbnails **ret_thumbnails);
int thumbnails_start(struct thumbnails *thumbnails);
/* Before the backend stops: what is under way is given up. */
void thumbnails_stop(struct thumbnails *thumbnails);
void thumbnails_destroy(struct thumbnails *thumbnails);

/* The task_finishing event: whether backend_task_show() follows. */
bool thumbnails_finishing(struct thumbnails *thumbnails, uint64_t number);
/* The task_changed event. */
void thumbnails_changed(struct thumbnails *thumbnails, uint64_t number);

/* An output was removed. `folder` is the path below the tree, taken; NULL is fine. */
void thumbnails_removed(struct thumbnails *thumbnails, uint64_t number, char *folder,
			enum output_kind kind);
/* A task's folder was removed. */
void thumbnails_folder_removed(struct thumbnails *thumbnails, uint64_t number,
			       char *folder);
/* A directory has another path below the tree; both are taken, NULL is fine. */
void thumbnails_moved(struct thumbnails *thumbnails, char *from, char *to);

#endif
