/*
 * What a service said of a task, taken over into the task.
 */
#include "backend/polling/poll_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/media/size_probe.h"

#include <inttypes.h>

static void note_raw_state(struct task_view *view, const struct observation *seen)
{
	if (view->raw_state && !seen->raw_state)
		task_set_text(view, &view->note, NULL);
	task_set_text(view, &view->raw_state, seen->raw_state);
	if (seen->raw_state)
		task_format_text(view, &view->note,
				 "unrecognised service status \"%s\"; still polling",
				 seen->raw_state);
}

static void keep_texts(struct task_view *view, struct observation *seen)
{
	if (seen->answer)
		task_set_text(view, &view->answer, seen->answer);
	if (seen->usage)
		task_set_text(view, &view->usage, seen->usage);
	if (seen->model)
		task_set_text(view, &view->model, seen->model);
	if (seen->video_url)
		task_set_text(view, &view->outputs[OUTPUT_VIDEO].url, seen->video_url);
	if (seen->last_frame_url)
		task_set_text(view, &view->outputs[OUTPUT_LAST_FRAME].url,
			      seen->last_frame_url);
}

static void end_task(struct task_view *view, const struct observation *seen)
{
	problem_copy(&view->problem, &seen->problem);
	if (!problem_is_set(&view->problem) && seen->state == TASK_EXPIRED)
		task_set_problem(view, PROBLEM_SERVER,
				 "the service did not finish the task in time");
	if (!problem_is_set(&view->problem) && seen->state == TASK_FAILED)
		task_set_problem(view, PROBLEM_SERVER,
				 "the task failed at the service; no reason given");
	view->next_ms = 0;
	view->wants_cancel = false;
	task_set_text(view, &view->note, NULL);
	task_enter(view, seen->state);
	view->listing_ms = clock_wall_ms();
}

/* Success is shown by media/size_probe.c, when the sizes are known;
 * until then it is still running. */
static void enter_success(struct task_view *view)
{
	view->next_ms = 0;
	task_end_cancel(view);
	task_set_text(view, &view->waiting,
		      "waiting for the size of the video from the media host");
	task_enter(view, TASK_RUNNING);
}

static void change_by(struct task_view *view, struct observation *seen)
{
	bool is_active = task_is_active(view->state);

	view->tried_ms = clock_wall_ms();
	keep_texts(view, seen);
	if (!is_active)
		return; /* a refresh of links after the end: only the links count */
	note_raw_state(view, seen);
	if (seen->progress >= 0)
		view->progress = seen->progress;
	switch (seen->state) {
	case TASK_QUEUED:
	case TASK_RUNNING:
		task_enter(view, seen->state);
		break;
	case TASK_SUCCEEDED:
		if (view->is_removed) /* for the books alone */
			end_task(view, seen);
		else
			enter_success(view);
		break;
	default:
		end_task(view, seen);
		break;
	}
}

int poll_observe(struct backend *backend, uint64_t number, struct observation *seen)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	bool was_active, is_success;
	int r;

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	was_active =
		task_is_active(view->state) && !size_probe_is_under_way(backend, number);
	is_success = was_active && seen->state == TASK_SUCCEEDED && !view->is_removed;
	change_by(view, seen);
	r = tasks_commit(backend->tasks, view);
	if (r)
		return r;
	if (was_active && seen->state != TASK_QUEUED && seen->state != TASK_RUNNING)
		log_info("event=ended task=%" PRIu64 " state=%s", number,
			 task_state_word(seen->state));
	if (is_success)
		size_probe_task(backend, number, false);
	return 0;
}

int task_poll_enter_gone(struct task_poll *task_poll, const struct problem *problem)
{
	struct backend *backend = task_poll->backend;
	struct task_view *view = tasks_begin(backend->tasks, task_poll->number);

	if (!view)
		return tasks_begin_error(backend->tasks, task_poll->number);
	if (!task_is_active(view->state)) {
		tasks_abandon(backend->tasks, view);
		return 0;
	}
	problem_copy(&view->problem, problem);
	view->next_ms = 0;
	task_set_text(view, &view->waiting, NULL);
	task_set_text(view, &view->note, NULL);
	task_enter(view, TASK_UNKNOWN);
	view->listing_ms = clock_wall_ms();
	return tasks_commit(backend->tasks, view);
}
