/*
 * A success is shown only after the sizes of all outputs are known. The folder side is
 * notified first and reports when it has finished its part. It may take up to
 * SHOW_LATEST_MS; after that the task is shown regardless. None of this is stored: after
 * a restart the task is polled again, and the folder side is notified again.
 */
#include "backend/media/reveal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/core/note.h"
#include "backend/core/task_timers.h"
#include "backend/ledger/ledger.h"
#include "backend/media/prefetch/prefetch.h"
#include "backend/tasks/transitions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct reveals {
	struct task_timers held_back; /* successes that are not shown yet */
};

#define SHOW_AGAIN_MS 1000 /* after memory ran out */

/* --- showing --- */

static void succeed(struct task_view *view)
{
	if (view->outputs[OUTPUT_VIDEO].is_dead && !problem_is_set(&view->problem))
		task_set_problem(view, PROBLEM_SERVER,
				 "the task succeeded, but its video is not available");
	if (view->state ==
	    TASK_UNKNOWN) /* the video is here, whatever the service reported */
		problem_clear(&view->problem);
	task_set_text(view, &view->waiting, NULL);
	task_end_cancel(view);
	view->listing_ms = clock_wall_ms();
	task_move(view, TASK_IS_SHOWN);
}

/* A task that is already shown stays as it is. */
static bool is_shown(const struct task_view *view)
{
	return view->state == TASK_SUCCEEDED && !view->waiting;
}

/*
 * A task that became `unknown` meanwhile is shown as a success if its video can be
 * opened.
 */
static bool may_show(const struct task_view *view)
{
	return task_allows(view, TASK_IS_SHOWN) && !is_shown(view) &&
	       (view->state != TASK_UNKNOWN || view->outputs[OUTPUT_VIDEO].is_ready);
}

/*
 * A success that a user has seen must survive a crash, so it is written to the ledger
 * before it is shown. If the ledger cannot be written, the task is shown anyway and saved
 * with the next commit.
 */
static void save_success(struct backend *backend, uint64_t number)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);
	AUTOVIEW *shown = view && may_show(view) ? task_view_copy(view) : NULL;

	if (!shown)
		return;
	succeed(shown);
	if (shown->failure || ledger_save(backend->ledger, &shown, 1))
		log_debug("event=shown_unsaved task=%" PRIu64, number);
}

static int show_success(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	int r;

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	if (!may_show(view)) {
		tasks_abandon(backend->tasks, view);
		return 0;
	}
	succeed(view);
	r = tasks_commit(backend->tasks, view);
	if (!r)
		log_info("event=shown task=%" PRIu64, number);
	return r;
}

static void show(struct backend *backend, uint64_t number)
{
	save_success(backend, number);
	if (show_success(backend, number) == -ENOMEM)
		task_timers_set(&backend->reveals->held_back, number, SHOW_AGAIN_MS);
	else
		prefetch_task(backend, number);
}

/* --- holding back --- */

int reveals_create(struct backend *backend)
{
	backend->reveals = calloc(1, sizeof(*backend->reveals));
	if (!backend->reveals)
		return -ENOMEM;
	backend->reveals->held_back = (struct task_timers){ backend, show, NULL };
	return 0;
}

void reveals_destroy(struct backend *backend)
{
	if (backend->reveals)
		task_timers_clear(&backend->reveals->held_back);
	free(backend->reveals);
}

bool reveal_is_held(const struct backend *backend, uint64_t number)
{
	return task_timers_has(&backend->reveals->held_back, number);
}

static int hold_back(struct backend *backend, uint64_t number)
{
	int r = task_timers_set(&backend->reveals->held_back, number, SHOW_LATEST_MS);

	if (!r)
		backend_set_waiting(backend, number,
				    "waiting for the desktop thumbnails");
	return r;
}

/* Whether the folder side has work to do before the success is shown. */
static bool is_awaited(struct backend *backend, uint64_t number)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	return view && view->state != TASK_SUCCEEDED && may_show(view) &&
	       !view->is_removed && backend->events.task_finishing &&
	       backend->events.task_finishing(backend->events.context, number);
}

void reveal_task(struct backend *backend, uint64_t number)
{
	if (!is_awaited(backend, number) || hold_back(backend, number))
		show(backend, number);
}

void reveal_drop(struct backend *backend, uint64_t number)
{
	task_timers_drop(&backend->reveals->held_back, number);
}

void reveal_now(struct backend *backend, uint64_t number)
{
	if (task_timers_drop(&backend->reveals->held_back, number))
		show(backend, number);
}
