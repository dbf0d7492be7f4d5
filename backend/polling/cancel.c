/* Requests that cancel a task. */
#include "backend/polling/poll_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/config/trust.h"
#include "backend/http/http.h"
#include "backend/tasks/transitions.h"

#include <errno.h>
#include <inttypes.h>

#define CANCEL_TIMEOUT_MS 30000
#define ANSWER_MAX_BYTES (4u << 20)

/*
 * The service did not cancel the task. `is_over`: give up; else the request is repeated.
 */
static void cancel_ended(struct task_poll *task_poll, bool is_over, const char *note)
{
	struct backend *backend = task_poll->backend;
	struct task_view *view = tasks_begin(backend->tasks, task_poll->number);
	int64_t delay_ms = task_poll_interval(task_poll);

	timer_set(&backend->timers, &task_poll->timer, clock_boot_ms() + delay_ms);
	if (!view)
		return;
	view->wants_cancel = !is_over;
	view->next_ms = clock_wall_ms() + delay_ms;
	task_set_text(view, &view->note, note);
	tasks_try_commit(backend->tasks, view);
}

static int put_cancelled(struct task_poll *task_poll)
{
	struct tasks *tasks = task_poll->backend->tasks;
	struct task_view *view = tasks_begin(tasks, task_poll->number);

	if (!view)
		return tasks_begin_error(tasks, task_poll->number);
	if (task_move(view, TASK_SAYS_CANCELLED)) {
		task_set_text(view, &view->note, NULL);
		view->next_ms = 0;
		view->listing_ms = clock_wall_ms();
	}
	view->wants_cancel = false;
	return tasks_commit(tasks, view);
}

static void cancelled(struct task_poll *task_poll)
{
	if (put_cancelled(task_poll) == -ENOMEM) { /* the next answer repeats it */
		task_poll_schedule(task_poll, task_poll_interval(task_poll));
		return;
	}
	log_info("event=cancelled task=%" PRIu64, task_poll->number);
	task_poll_drop(task_poll);
}

static void cancel_done(void *context, struct http_response *response)
{
	struct task_poll *task_poll = context;
	AUTOPROBLEM problem = { 0 };
	AUTOFREE char *note = NULL;
	const char *why;
	int r = -EAGAIN;

	task_poll->cancel = NULL;
	trust_learn(task_poll->backend->trust, task_poll->section, response);
	if (response->outcome == HTTP_ANSWERED)
		r = task_poll->section->provider->parse_cancel(response, &problem);
	if (!r) {
		cancelled(task_poll);
		return;
	}
	why = problem.text	  ? problem.text
	      : response->failure ? response->failure
				  : "no answer";
	note = r == -EBUSY ? text_format("the service did not cancel the task (%s); it "
					 "continues and will be billed",
					 why)
			   : text_format("not cancelled yet (%s); retrying automatically",
					 why);
	cancel_ended(task_poll, r == -EBUSY, note);
}

/*
 * Call it right after a poll. A DELETE of a finished task would delete its record, and a
 * paid video with it. Therefore a cancel is sent only in a state that allows cancelling.
 */
bool task_poll_can_cancel(const struct task_poll *task_poll, struct task_view *view)
{
	const struct provider *provider = task_poll->section->provider;
	bool can = view->state == TASK_QUEUED ? provider->can_cancel_queued
					      : provider->can_cancel_running;

	if (can && provider->build_cancel)
		return true;
	view->wants_cancel = false;
	task_set_text(
		view, &view->note,
		"the service cannot cancel the task in this state; it continues and "
		"will be billed");
	return false;
}

void task_poll_send_cancel(struct task_poll *task_poll)
{
	struct backend *backend = task_poll->backend;
	AUTOVIEW *view = tasks_view(backend->tasks, task_poll->number);
	const struct provider *provider = task_poll->section->provider;
	struct endpoint endpoint = config_endpoint(task_poll->section);
	struct http_options options = { .timeout_ms = CANCEL_TIMEOUT_MS,
					.body_max_bytes = ANSWER_MAX_BYTES,
					.done = cancel_done,
					.context = task_poll };
	struct http_request request = { 0 };

	trust_service(task_poll->section, &options);
	if (!view || provider->build_cancel(view->remote_id, &endpoint, &request) ||
	    http_start(backend->http, &request, &options, &task_poll->cancel)) {
		http_request_clear(&request);
		cancel_ended(task_poll, false,
			     "not cancelled yet (out of memory); retrying automatically");
	}
}

void poll_cancel(struct backend *backend, uint64_t number)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	/* The end of a create in flight checks is_removed. */
	if (view && (view->state == TASK_QUEUED || view->state == TASK_RUNNING))
		poll_task(backend, number, 0);
}
