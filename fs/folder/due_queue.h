/*
 * The queue of folders that are due for a check: something happened in them, and they are
 * checked once they have been quiet for `settle` seconds (fs/README.md, "Settle").
 *
 * Any thread adds folders; only the settler (order/settle.h) removes them. The queue
 * locks itself. A folder is in the queue at most once.
 */
#ifndef SEEDANCEFS_FS_FOLDER_DUE_QUEUE_H
#define SEEDANCEFS_FS_FOLDER_DUE_QUEUE_H

#include "fs/folder/filesystem.h"

struct due_queue;

/* A folder to check, and the effect of a control word written to its `status`. */
struct due_folder {
	uint64_t number;
	bool is_now;	/* `submit` or `retry` was written, and nothing has happened in
			 * the folder since: it need not settle, and the same content
			 * is ordered again */
	bool is_wanted; /* `submit` or `retry` was written and is not done yet: a
			 * temporary folder name does not hold it */
};

int due_queue_create(struct due_queue **ret_queue);
void due_queue_destroy(struct due_queue *queue);

/*
 * Something happened in a task's folder: it is checked after it has settled. Until then
 * it waits for no other task.
 */
void due_poke(struct filesystem *fs, uint64_t number);
/*
 * `submit` or `retry` was written: the folder is checked without settling, unless
 * something happens in it first.
 */
void due_now(struct filesystem *fs, uint64_t number);
/*
 * A folder may have become ready although nothing happened in it. `context` is the
 * filesystem.
 */
void due_soon(void *context, uint64_t number);
/* The task was sent, refused or cancelled: the control word has been carried out. */
void due_forget_wish(struct due_queue *queue, uint64_t number);

/* --- the settler's thread --- */

/* Waits for the next due folder. False when the queue was stopped. */
bool due_queue_take(struct due_queue *queue, struct due_folder *ret_folder);
/*
 * Ends the check of a folder that was taken. It is due again after `again_ms`; 0: when
 * something happens in it.
 */
void due_queue_looked_at(struct due_queue *queue, const struct due_folder *folder,
			 int64_t again_ms);

/* From now on due_queue_take() returns no folder. */
void due_queue_stop(struct due_queue *queue);
bool due_queue_is_stopped(struct due_queue *queue);

#endif
