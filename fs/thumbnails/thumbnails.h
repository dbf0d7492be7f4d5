/*
 * Thumbnails of finished tasks, in the desktop's cache: a file manager that opens their
 * folders finds them there and reads nothing.
 *
 * They are made before a success is shown, from the last frame where there is one, else
 * from the video's first frame; on one thread of this room's own, for decoding and the
 * media host may take their time. A task waits at most SHOW_LATEST_MS for them; where
 * many succeed at once, the late ones get theirs afterwards. They follow a folder that is
 * renamed in the mount, go with the output or the folder, and are made anew for another
 * version of an output. What fails is logged, and nothing else: a file manager makes its
 * own then.
 *
 * After the start's walk, in the background, the cache is looked at for every task that
 * succeeded earlier: the mount may be at another place than the last time, which all
 * addresses name, or the cache was cleaned, or thumbnails were switched off. What is
 * valid there, whoever made it, is left alone; what a program noted as impossible, too.
 * The rest is made, one at a time and nice'd, the newest tasks first; whatever succeeds
 * meanwhile goes before. Since nobody may ever look at these folders, that is done
 *   - from what is on disk, where all that it takes is there: then it costs no network;
 *   - else with at most THUMBNAILS_FETCH_BYTES a task and THUMBNAILS_FETCH_ALL_BYTES a
 *     mount, in three requests or so (a link may be good for only so many), and only
 *     where the link is to live for ten minutes more, so that it does not die in use;
 *   - else not at all, until the output is whole on disk for another reason.
 * A media host that does not answer once is not asked again in the background.
 *
 * All functions may be called from any thread and only queue; `thumbnails` may be NULL:
 * there are none.
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

/* *ret_thumbnails is NULL where they are switched off, or there is no cache for them. */
int thumbnails_create(struct filesystem *fs, struct thumbnails **ret_thumbnails);
int thumbnails_start(struct thumbnails *thumbnails);
/* Before the backend stops: what is under way is given up. */
void thumbnails_stop(struct thumbnails *thumbnails);
void thumbnails_destroy(struct thumbnails *thumbnails);

/* The start's walk is over: every folder is known. */
void thumbnails_walked(struct thumbnails *thumbnails);
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
/* Directories have other paths: tasks' folders are looked for where they are now. */
void thumbnails_folders_moved(struct thumbnails *thumbnails);

#endif
