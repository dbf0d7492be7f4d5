#include "fs/folder/due_queue.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/thread.h"
#include "fs/folder/folder.h"
#include "fs/folder/waits_on.h"

#include <errno.h>
#include <stdlib.h>

#define WAIT_MOST_MS 60000 /* due times count suspended time, waiting does not */

struct due {
	struct due *next;
	struct due_folder folder;
	int64_t at_ms; /* boot clock */
};

struct due_queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Guarded by lock. */
	struct due *dues;
	uint64_t looking; /* the folder that is being checked; 0: none */
	bool was_poked;	  /* something has happened in it since */
	bool is_stopped;
};

int due_queue_create(struct due_queue **ret_queue)
{
	struct due_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	pthread_mutex_init(&queue->lock, NULL);
	thread_condition_init(&queue->changed);
	*ret_queue = queue;
	return 0;
}

void due_queue_destroy(struct due_queue *queue)
{
	if (!queue)
		return;
	while (queue->dues) {
		struct due *due = queue->dues;

		queue->dues = due->next;
		free(due);
	}
	pthread_cond_destroy(&queue->changed);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

/* --- adding; the lock is held --- */

static struct due *find(const struct due_queue *queue, uint64_t number)
{
	struct due *due = queue->dues;

	while (due && due->folder.number != number)
		due = due->next;
	return due;
}

/* NULL if out of memory: the next change in the folder pokes again. */
static struct due *add(struct due_queue *queue, uint64_t number)
{
	struct due *due = calloc(1, sizeof(*due));

	if (!due)
		return NULL;
	due->folder.number = number;
	due->at_ms = INT64_MAX;
	due->next = queue->dues;
	queue->dues = due;
	return due;
}

/*
 * Wishes that are already recorded remain. Returns whether the folder is new in the
 * queue.
 */
static bool put(struct due_queue *queue, const struct due_folder *folder, int64_t at_ms)
{
	struct due *due = find(queue, folder->number);
	bool is_new = !due;

	if (!due)
		due = add(queue, folder->number);
	if (!due)
		return false;
	due->folder.is_now = due->folder.is_now || folder->is_now;
	due->folder.is_wanted = due->folder.is_wanted || folder->is_wanted;
	if (at_ms < due->at_ms)
		due->at_ms = at_ms;
	pthread_cond_signal(&queue->changed);
	return is_new;
}

/* `submit` covered the files present at that moment; later changes settle again. */
static void settle_again(struct due_queue *queue, uint64_t number)
{
	struct due *due = find(queue, number);

	if (due)
		due->folder.is_now = false;
	if (queue->looking == number)
		queue->was_poked = true;
}

/* --- adding --- */

static bool poke(struct due_queue *queue, uint64_t number, int64_t settle_ms)
{
	struct due_folder folder = { .number = number };
	SCOPED_LOCK(&queue->lock);

	settle_again(queue, number);
	return put(queue, &folder, clock_boot_ms() + settle_ms);
}

void due_poke(struct filesystem *fs, uint64_t number)
{
	folder_waits_no_more(fs, number);
	if (poke(fs->due, number, backend_config(fs->backend)->settle_ms))
		folder_set_waiting(fs, number, NULL);
}

void due_now(struct filesystem *fs, uint64_t number)
{
	struct due_folder folder = { number, true, true };

	folder_waits_no_more(fs, number);
	SCOPED_LOCK(&fs->due->lock);
	put(fs->due, &folder, clock_boot_ms());
}

void due_soon(void *context, uint64_t number)
{
	struct filesystem *fs = context;
	struct due_folder folder = { .number = number };
	SCOPED_LOCK(&fs->due->lock);

	put(fs->due, &folder, clock_boot_ms());
}

void due_forget_wish(struct due_queue *queue, uint64_t number)
{
	SCOPED_LOCK(&queue->lock);
	struct due *due = find(queue, number);

	if (due)
		due->folder.is_now = due->folder.is_wanted = false;
}

/* --- taking --- */

/*
 * Unlinks a due folder, or returns NULL with the next due time in *ret_next_ms. The lock
 * is held.
 */
static struct due *unlink_due(struct due_queue *queue, int64_t now_ms,
			      int64_t *ret_next_ms)
{
	*ret_next_ms = INT64_MAX;
	for (struct due **at = &queue->dues; *at; at = &(*at)->next) {
		struct due *due = *at;

		if (due->at_ms <= now_ms) {
			*at = due->next;
			return due;
		}
		if (due->at_ms < *ret_next_ms)
			*ret_next_ms = due->at_ms;
	}
	return NULL;
}

/* The lock is held. */
static void wait_until(struct due_queue *queue, int64_t at_ms)
{
	struct timespec until;
	int64_t left_ms = at_ms - clock_boot_ms();

	if (at_ms == INT64_MAX || left_ms > WAIT_MOST_MS)
		left_ms = WAIT_MOST_MS;
	if (left_ms <= 0)
		return;
	until = thread_moment_in(left_ms);
	pthread_cond_timedwait(&queue->changed, &queue->lock, &until);
}

bool due_queue_take(struct due_queue *queue, struct due_folder *ret_folder)
{
	SCOPED_LOCK(&queue->lock);

	while (!queue->is_stopped) {
		int64_t next_ms;
		struct due *due = unlink_due(queue, clock_boot_ms(), &next_ms);

		if (due) {
			*ret_folder = due->folder;
			queue->looking = due->folder.number;
			queue->was_poked = false;
			free(due);
			return true;
		}
		wait_until(queue, next_ms);
	}
	return false;
}

void due_queue_looked_at(struct due_queue *queue, const struct due_folder *folder,
			 int64_t again_ms)
{
	struct due_folder again = *folder;
	SCOPED_LOCK(&queue->lock);

	queue->looking = 0;
	again.is_now = again.is_now && !queue->was_poked;
	if (again_ms)
		put(queue, &again, clock_boot_ms() + again_ms);
}

void due_queue_stop(struct due_queue *queue)
{
	SCOPED_LOCK(&queue->lock);

	queue->is_stopped = true;
	pthread_cond_signal(&queue->changed);
}

bool due_queue_is_stopped(struct due_queue *queue)
{
	SCOPED_LOCK(&queue->lock);

	return queue->is_stopped;
}
