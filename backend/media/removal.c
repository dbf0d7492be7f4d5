/*
 * Virtual files that a user removes. They disappear immediately. The bytes of an output
 * are kept for another 10 seconds: archivers and file managers that overwrite a file
 * remove it first, and only then learn that they may not create another one in its place.
 * If a program tries to create a removed output within that time, the output reappears
 * with every byte that was fetched.
 */
#include "backend/media/removal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/core/task_timers.h"
#include "backend/media/prefetch/prefetch.h"
#include "backend/media/stream/files.h"

#include <errno.h>
#include <stdlib.h>

#define MAKE_AGAIN_MS 10000

struct removals {
	struct task_timers timers; /* when the bytes are dropped */
};

static const unsigned hidden_output[OUTPUT_COUNT] = { HIDDEN_VIDEO, HIDDEN_LAST_FRAME };

/* --- dropping the bytes --- */

static bool has_removed(const struct task_view *view)
{
	bool has = false;

	for (int i = 0; i < OUTPUT_COUNT; i++)
		has = has || view->outputs[i].is_removed;
	return has;
}

void removal_drop(struct backend *backend, uint64_t number, enum output_kind kind)
{
	prefetch_drop(backend, number, kind);
	media_drop(backend, number, kind);
}

void removal_finish(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	bool is_removed[OUTPUT_COUNT];

	if (!view)
		return;
	if (!has_removed(view)) {
		tasks_abandon(backend->tasks, view);
		return;
	}
	for (int i = 0; i < OUTPUT_COUNT; i++) {
		is_removed[i] = view->outputs[i].is_removed;
		if (is_removed[i])
			output_reset(&view->outputs[i]);
	}
	if (tasks_commit(backend->tasks, view)) {
		task_timers_set(&backend->removals->timers, number, MAKE_AGAIN_MS);
		return;
	}
	for (int i = 0; i < OUTPUT_COUNT; i++)
		if (is_removed[i])
			removal_drop(backend, number, (enum output_kind)i);
}

int removals_create(struct backend *backend)
{
	backend->removals = calloc(1, sizeof(*backend->removals));
	if (!backend->removals)
		return -ENOMEM;
	backend->removals->timers = (struct task_timers){ backend, removal_finish, NULL };
	return 0;
}

void removals_destroy(struct backend *backend)
{
	if (backend->removals)
		task_timers_clear(&backend->removals->timers);
	free(backend->removals);
}

/* Stops prefetching the removed outputs, and schedules the dropping of their bytes. */
static void plan(struct backend *backend, uint64_t number)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	if (!view || !has_removed(view))
		return;
	for (int i = 0; i < OUTPUT_COUNT; i++)
		if (view->outputs[i].is_removed)
			prefetch_drop(backend, number, (enum output_kind)i);
	if (task_timers_set(&backend->removals->timers, number, MAKE_AGAIN_MS))
		removal_finish(backend, number);
}

/* --- removing and creating --- */

int removal_hide(struct backend *backend, uint64_t number, unsigned what)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	int r;

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	view->hidden |= what;
	view->listing_ms = clock_wall_ms();
	for (int i = 0; i < OUTPUT_COUNT; i++)
		if (what & hidden_output[i] && view->outputs[i].is_ready)
			view->outputs[i].is_removed = true;
	r = tasks_commit(backend->tasks, view);
	return r ? r : backend_send_task(backend, number, plan);
}

int removal_unhide(struct backend *backend, uint64_t number, unsigned what)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	int r;

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	for (int i = 0; i < OUTPUT_COUNT; i++)
		if (!view->outputs[i].is_removed)
			what &= ~hidden_output[i]; /* only `fetch` restores it */
	if (!(view->hidden & what)) {
		tasks_abandon(backend->tasks, view);
		return 0;
	}
	view->hidden &= ~what;
	for (int i = 0; i < OUTPUT_COUNT; i++)
		if (what & hidden_output[i])
			view->outputs[i].is_removed = false;
	view->listing_ms = clock_wall_ms();
	r = tasks_commit(backend->tasks, view);
	return r ? r : backend_send_task(backend, number, prefetch_task);
}
