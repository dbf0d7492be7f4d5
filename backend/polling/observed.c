/* Applies what a service reported about a task to the task. */
#include "backend/polling/poll_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/media/size_probe.h"
#include "backend/tasks/transitions.h"

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

/* These texts are kept, whatever happens to the state. */
static void keep_texts(struct task_view *view, const struct observation *seen)
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
	view->listing_ms = clock_wall_ms();
}

/*
 * media/size_probe.c shows the success when the sizes are known. Until then the task is
 * still running.
 */
static void await_sizes(struct task_view *view)
{
	view->next_ms = 0;
	task_end_cancel(view);
	task_set_text(view, &view->waiting,
		      "waiting for the size of the video from the media host");
}

void poll_apply(struct task_view *view, const struct observation *seen,
		struct poll_effect *ret_effect)
{
	bool was_active = task_is_active(view->state), is_allowed;

	*ret_effect = (struct poll_effect){ 0 };
	view->tried_ms = clock_wall_ms();
	keep_texts(view, seen);
	if (was_active)
		note_raw_state(view, seen);
	if (was_active && seen->progress >= 0)
		view->progress = seen->progress;
	is_allowed = task_move(view, task_event_said(view, seen->state));
	if (!was_active || !is_allowed)
		return;
	if (!task_is_active(view->state)) {
		end_task(view, seen);
		ret_effect->ended = seen->state;
	} else if (view->is_finished) {
		await_sizes(view);
		ret_effect->ended = TASK_SUCCEEDED;
		ret_effect->needs_sizes = true;
	}
}

void poll_carry_out(struct backend *backend, uint64_t number,
		    const struct poll_effect *effect)
{
	if (!effect->ended || size_probe_is_under_way(backend, number))
		return;
	log_info("event=ended task=%" PRIu64 " state=%s", number,
		 task_state_word(effect->ended));
	if (effect->needs_sizes)
		size_probe_task(backend, number, false);
}

void task_poll_put_gone(struct task_view *view, const struct problem *problem)
{
	if (!task_is_active(view->state) || !task_move(view, TASK_IS_GONE))
		return;
	problem_copy(&view->problem, problem);
	view->next_ms = 0;
	task_set_text(view, &view->waiting, NULL);
	task_set_text(view, &view->note, NULL);
	view->listing_ms = clock_wall_ms();
}
