#include "fs/order/settle_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/thread.h"
#include "fs/folder/folder.h"
#include "fs/folder/waits_on.h"
#include "fs/order/recovery_walk.h"

#include <errno.h>
#include <stdlib.h>

struct settler {
	struct filesystem *fs; /* set at creation */
	pthread_t thread;
	bool is_started;

	pthread_mutex_t lock;
	pthread_cond_t walked;
	bool is_walked; /* guarded by lock */
};

int settler_create(struct filesystem *fs, struct settler **ret_settler)
{
	struct settler *settler = calloc(1, sizeof(*settler));

	if (!settler)
		return -ENOMEM;
	settler->fs = fs;
	pthread_mutex_init(&settler->lock, NULL);
	thread_condition_init(&settler->walked);
	*ret_settler = settler;
	return 0;
}

void settler_destroy(struct settler *settler)
{
	if (!settler)
		return;
	pthread_cond_destroy(&settler->walked);
	pthread_mutex_destroy(&settler->lock);
	free(settler);
}

void settle_changed(struct filesystem *fs, uint64_t number)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);

	/* An order was returned unsent: its folder is read again. */
	if (view && view->state == TASK_PENDING && !view->order)
		due_soon(fs, number);
	if (view && view->state != TASK_PENDING) {
		folder_waits_no_more(fs, number);
		due_forget_wish(fs->due, number);
	}
	folder_each_waiting(fs, number, due_soon, fs);
	folder_each_in_loop(fs, due_soon, fs);
}

/* --- the thread --- */

bool settler_wait_walk(struct settler *settler, int64_t most_ms)
{
	struct timespec until = thread_moment_in(most_ms);
	int r = 0;
	SCOPED_LOCK(&settler->lock);

	while (!settler->is_walked && !r)
		r = pthread_cond_timedwait(&settler->walked, &settler->lock, &until);
	return settler->is_walked;
}

static void look_at_library(struct settler *settler)
{
	if (recovery_walk(settler->fs)) {
		backend_library_seen(settler->fs->backend);
		settler->fs->events.walked(settler->fs);
	}
	SCOPED_LOCK(&settler->lock);
	settler->is_walked = true;
	pthread_cond_broadcast(&settler->walked);
}

static void *settler_run(void *context)
{
	struct settler *settler = context;
	struct due_queue *queue = settler->fs->due;
	struct due_folder folder;

	look_at_library(settler);
	while (due_queue_take(queue, &folder))
		due_queue_looked_at(queue, &folder, settle_look(settler->fs, &folder));
	return NULL;
}

int settler_start(struct settler *settler)
{
	int r = thread_start(&settler->thread, settler_run, settler);

	settler->is_started = r == 0;
	return r;
}

void settler_stop(struct settler *settler)
{
	if (!settler->is_started)
		return;
	due_queue_stop(settler->fs->due);
	pthread_join(settler->thread, NULL);
	settler->is_started = false;
}
