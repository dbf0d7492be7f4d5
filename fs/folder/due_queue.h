/*
 * The queue of folders that are due for a look: something happened in them, and they are
 * looked at once they have been quiet for `settle` seconds (fs/README.md, "Settle").
 *
 * Any thread puts folders in; the settler (order/settle.h) alone takes them out. The
 * queue locks itself. A folder is in the queue at most once.
 */
#ifndef SEEDANCEFS_FS_FOLDER_DUE_QUEUE_H
#define SEEDANCEFS_FS_FOLDER_DUE_QUEUE_H

#include "fs/folder/filesystem.h"

struct due_queue;

/* A folder to look at, and what a person wrote to its `status` (README.md). */
struct due_folder {
	uint64_t number;
	bool is_now;	/* `submit` or `retry`, and nothing happened there since: it does
			   not settle, and the same content is ordered again */
	bool is_wanted; /* one of them, and it did not go yet: the folder's temporary name
			   does not hold it */
};

int due_queue_create(struct due_queue **ret_queue);
void due_queue_destroy(struct due_queue *queue);

/* Something happened in a task's folder: it is looked at when it has settled. Until then
 * it waits for nothing else. */
void due_poke(struct filesystem *fs, uint64_t number);
/* `submit` or `retry` was written: the folder is looked at without waiting for quiet,
 * until something happens in it. */
void due_now(struct filesystem *fs, uint64_t number);
/* A folder may have become ready without anything happening in it. `context` is the
 * filesystem. */
void due_soon(void *context, uint64_t number);
/* The task was sent, refused or cancelled: what was written to `status` is done. */
void due_forget_wish(struct due_queue *queue, uint64_t number);

/* --- the settler's thread --- */

/* Waits for the next folder that is due. False when the queue was stopped. */
bool due_queue_take(struct due_queue *queue, struct due_folder *ret_folder);
/* The look at a folder that was taken is over; it is due again after `again_ms`, or when
 * something happens in it (0). */
void due_queue_looked_at(struct due_queue *queue, const struct due_folder *folder,
			 int64_t again_ms);

/* From now on nothing is given out. */
void due_queue_stop(struct due_queue *queue);
bool due_queue_is_stopped(struct due_queue *queue);

#endif
