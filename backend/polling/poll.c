/*
 * Following: asking the services about their tasks, and taking over what they say.
 */
#include "backend/polling/poll_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define CANCEL_TIMEOUT_MS 30000
#define ANSWER_MAX_BYTES (4u << 20)
#define BACKOFF_MAX_MS 300000
#define GONE_TIMES 3	  /* a task may not be known yet right after it was made */
#define SILENCE_MS 600000 /* of a service that answers, but says nothing of the task */
#define DOUBTS 3	  /* a failure that may be none is one then */
#define UNTOLD_TIMES 8	  /* and longer than any service works on a task: */
#define UNTOLD_DAYS 8
#define DAY_MS INT64_C(86400000)
#define DOUBT_HEAD "the service may have failed"

/* Who waits for fresh links. */
struct refresh {
	struct refresh *next;
	void (*done)(void *context, int result);
	void *context;
};

static void send_cancel(struct follower *follower);

static struct follower *find(struct backend *backend, uint64_t number)
{
	for (struct follower *follower = backend->followers; follower;
	     follower = follower->next)
		if (follower->number == number)
			return follower;
	return NULL;
}

static struct follower *find_or_add(struct backend *backend, uint64_t number)
{
	struct follower *follower = find(backend, number);

	if (follower)
		return follower;
	follower = calloc(1, sizeof(*follower));
	if (!follower)
		return NULL;
	follower->backend = backend;
	follower->number = number;
	timer_init(&follower->timer, query_due, follower);
	follower->next = backend->followers;
	backend->followers = follower;
	return follower;
}

static void answer_refreshes(struct follower *follower, int result)
{
	struct refresh *refresh = TAKE(follower->refreshes);

	while (refresh) {
		struct refresh *next = refresh->next;

		refresh->done(refresh->context, result);
		free(refresh);
		refresh = next;
	}
}

void follower_drop(struct follower *follower)
{
	struct backend *backend = follower->backend;
	struct follower **at = &backend->followers;

	while (*at != follower)
		at = &(*at)->next;
	*at = follower->next;
	timer_clear(&backend->timers, &follower->timer);
	query_leave(follower);
	http_cancel(follower->cancel);
	answer_refreshes(follower, -EIO);
	free(follower);
}

void follow_clear(struct backend *backend)
{
	while (backend->followers)
		follower_drop(backend->followers);
}

void follow_task(struct backend *backend, uint64_t number, int64_t delay_ms)
{
	struct follower *follower = find_or_add(backend, number);
	int64_t at_ms = clock_boot_ms() + delay_ms;

	if (!follower || follower->query || follower->cancel)
		return; /* what is under way schedules what comes after it */
	if (!timer_is_set(&follower->timer) || follower->timer.at_ms > at_ms)
		timer_set(&backend->timers, &follower->timer, at_ms);
}

void follow_refresh(struct backend *backend, uint64_t number,
		    void (*done)(void *context, int result), void *context)
{
	struct follower *follower = find_or_add(backend, number);
	struct refresh *refresh = calloc(1, sizeof(*refresh));

	if (!follower || !refresh) {
		free(refresh);
		done(context, -ENOMEM);
		return;
	}
	refresh->done = done;
	refresh->context = context;
	refresh->next = follower->refreshes;
	follower->refreshes = refresh;
	follow_task(backend, number, 0);
}

void follow_forget(struct backend *backend, void *context)
{
	for (struct follower *follower = backend->followers; follower;
	     follower = follower->next)
		for (struct refresh **at = &follower->refreshes; *at;) {
			struct refresh *refresh = *at;

			if (refresh->context != context) {
				at = &refresh->next;
				continue;
			}
			*at = refresh->next;
			free(refresh);
		}
}

void follower_schedule(struct follower *follower, int64_t delay_ms)
{
	struct backend *backend = follower->backend;
	struct task_view *view = tasks_begin(backend->tasks, follower->number);

	timer_set(&backend->timers, &follower->timer, clock_boot_ms() + delay_ms);
	if (!view)
		return;
	view->next_ms = clock_wall_ms() + delay_ms;
	tasks_commit(backend->tasks, view);
}

/* --- what a service said --- */

static void note_raw_state(struct task_view *view, const struct observation *seen)
{
	AUTOFREE char *note = NULL;

	if (view->raw_state && !seen->raw_state)
		task_set_text(&view->note, NULL);
	task_set_text(&view->raw_state, seen->raw_state);
	if (!seen->raw_state)
		return;
	note = text_format(
		"the service says \"%s\", a word that is not known here; it is polled on",
		seen->raw_state);
	task_set_text(&view->note, note);
}

static void keep_texts(struct task_view *view, struct observation *seen)
{
	if (seen->answer)
		task_set_text(&view->answer, seen->answer);
	if (seen->usage)
		task_set_text(&view->usage, seen->usage);
	if (seen->model)
		task_set_text(&view->model, seen->model);
	if (seen->video_url)
		task_set_text(&view->outputs[OUTPUT_VIDEO].url, seen->video_url);
	if (seen->last_frame_url)
		task_set_text(&view->outputs[OUTPUT_LAST_FRAME].url,
			      seen->last_frame_url);
}

static void end_task(struct task_view *view, const struct observation *seen)
{
	problem_clear(&view->problem);
	problem_copy(&view->problem, &seen->problem);
	if (!problem_is_set(&view->problem) && seen->state == TASK_EXPIRED)
		problem_set(&view->problem, PROBLEM_SERVER,
			    "the service did not finish the task in its time");
	if (!problem_is_set(&view->problem) && seen->state == TASK_FAILED)
		problem_set(&view->problem, PROBLEM_SERVER,
			    "the service failed, and did not say why");
	view->next_ms = 0;
	view->wants_cancel = false;
	task_set_text(&view->note, NULL);
	task_enter(view, seen->state);
	view->listing_ms = clock_wall_ms();
}

void follow_end_cancel(struct task_view *view)
{
	if (!view->wants_cancel)
		return;
	view->wants_cancel = false;
	task_set_text(&view->note, "it was finished before it could be cancelled");
}

/* Success is shown by probe.c, when the sizes are known; until then it is still running.
 */
static void enter_success(struct task_view *view)
{
	view->next_ms = 0;
	follow_end_cancel(view);
	task_set_text(&view->waiting, "the video's size, from the service's media host");
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

void follow_observe(struct backend *backend, uint64_t number, struct observation *seen)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	bool was_active, is_success;

	if (!view)
		return;
	was_active = task_is_active(view->state) && !probe_is_under_way(backend, number);
	is_success = was_active && seen->state == TASK_SUCCEEDED && !view->is_removed;
	change_by(view, seen);
	tasks_commit(backend->tasks, view);
	if (was_active && seen->state != TASK_QUEUED && seen->state != TASK_RUNNING)
		log_info("event=ended task=%" PRIu64 " state=%s", number,
			 task_state_word(seen->state));
	if (is_success)
		probe_task(backend, number, false);
}

static void enter_gone(struct follower *follower, const struct problem *problem)
{
	struct backend *backend = follower->backend;
	struct task_view *view = tasks_begin(backend->tasks, follower->number);

	if (!view)
		return;
	if (!task_is_active(view->state)) {
		tasks_abandon(backend->tasks, view);
		return;
	}
	problem_clear(&view->problem);
	problem_copy(&view->problem, problem);
	view->next_ms = 0;
	task_set_text(&view->waiting, NULL);
	task_set_text(&view->note, NULL);
	task_enter(view, TASK_UNKNOWN);
	view->listing_ms = clock_wall_ms();
	tasks_commit(backend->tasks, view);
}

/* --- asking --- */

static void note_tried(struct follower *follower, const char *why)
{
	struct backend *backend = follower->backend;
	struct task_view *view = tasks_begin(backend->tasks, follower->number);

	if (!view)
		return;
	view->tried_ms = clock_wall_ms();
	if (task_is_active(view->state))
		task_set_text(&view->waiting, why);
	tasks_commit(backend->tasks, view);
}

static int64_t interval(const struct follower *follower)
{
	int64_t ms = follower->section->poll_ms;

	for (unsigned i = 0; i < follower->failures && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	return core_jitter(follower->backend, ms > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : ms);
}

/*
 * Answers come, and none has told of an end for longer than services work. A connection
 * that fails here proves nothing, however long it does.
 */
static bool is_untold_too_long(const struct follower *follower,
			       const struct task_view *view)
{
	int64_t begun_ms = view->intent_ms ? view->intent_ms : view->since_ms;

	return follower->untold >= UNTOLD_TIMES &&
	       clock_wall_ms() - begun_ms > UNTOLD_DAYS * DAY_MS;
}

static void end_untold(struct follower *follower, const char *said)
{
	AUTOPROBLEM problem = { 0 };

	problem_set(&problem, PROBLEM_GONE,
		    "%s has not told of an end for %d days; its last answer: %s",
		    follower->section->name, UNTOLD_DAYS, said ? said : "nothing");
	log_warn("event=untold task=%" PRIu64 " reason=\"%s\"", follower->number,
		 said ? said : "");
	enter_gone(follower, &problem);
}

/* What comes after an answer, which `said` that: another poll, a cancel, or the end of
 * following. */
static void go_on(struct follower *follower, const char *said, int64_t retry_after_ms)
{
	AUTOVIEW *view = tasks_view(follower->backend->tasks, follower->number);
	int64_t delay_ms = interval(follower);

	if (!view || !task_is_active(view->state) ||
	    probe_is_under_way(follower->backend, follower->number)) {
		follower_drop(follower);
		return;
	}
	if (is_untold_too_long(follower, view)) {
		end_untold(follower, said);
		follower_drop(follower);
		return;
	}
	if (view->wants_cancel && !follower->failures) {
		send_cancel(follower);
		return;
	}
	follower_schedule(follower,
			  retry_after_ms > delay_ms ? retry_after_ms : delay_ms);
}

void follower_failed(struct follower *follower, bool is_answered, const char *why,
		     int64_t retry_after_ms)
{
	AUTOFREE char *waiting =
		text_format("an answer of %s (%s); the task itself goes on",
			    follower->section->name, why ? why : "no answer");

	follower->failures++;
	follower->untold += is_answered;
	log_warn("event=poll_failed task=%" PRIu64 " times=%u reason=\"%s\"",
		 follower->number, follower->failures, why ? why : "");
	note_tried(follower, waiting);
	answer_refreshes(follower, -EIO); /* who was not told anything else before */
	go_on(follower, why, retry_after_ms);
}

/*
 * Since when nothing was heard of the task: a service may not know it yet right after it
 * was made, and a single empty answer later proves nothing.
 */
static bool is_silent_too_long(struct follower *follower)
{
	AUTOVIEW *view = tasks_view(follower->backend->tasks, follower->number);
	int64_t heard_ms = follower->heard_ms;

	if (!heard_ms && view)
		heard_ms = view->intent_ms ? view->intent_ms : view->since_ms;
	return follower->silent >= GONE_TIMES && clock_wall_ms() - heard_ms > SILENCE_MS;
}

/* Nothing is said of the task: it is asked about again, for ten minutes. */
static void heard_nothing(struct follower *follower, int64_t retry_after_ms)
{
	AUTOPROBLEM problem = { 0 };

	follower->failures = 0;
	follower->silent++;
	follower->untold++;
	note_tried(follower, NULL);
	if (is_silent_too_long(follower)) {
		problem_set(&problem, PROBLEM_GONE,
			    "%s has said nothing of the task for ten minutes",
			    follower->section->name);
		enter_gone(follower, &problem);
	}
	answer_refreshes(follower, -EIO);
	go_on(follower, NULL, retry_after_ms);
}

/* A failure that may be none is shown from when it is seen first … */
static void note_doubt(struct follower *follower, const struct observation *seen)
{
	AUTOFREE char *note = NULL;

	if (follower->doubts != 1 || seen->state != TASK_RUNNING)
		return;
	note = text_format(DOUBT_HEAD " (%s); it is asked again, since such an answer "
				      "was wrong before",
			   seen->problem.text ? seen->problem.text
					      : "it does not say why");
	core_set_note(follower->backend, follower->number, note);
}

/* … until the next answer says otherwise. */
static void forget_doubt(struct follower *follower)
{
	AUTOVIEW *view = tasks_view(follower->backend->tasks, follower->number);

	follower->doubts = 0;
	if (view && view->note && text_starts_with(view->note, DOUBT_HEAD))
		core_set_note(follower->backend, follower->number, NULL);
}

/* Takes over what it said of the task. */
static void observed(struct follower *follower, struct observation *seen)
{
	follower->gone = 0;
	follower->untold = seen->raw_state ? follower->untold + 1 : 0;
	if (seen->is_doubtful)
		follower->doubts++;
	else
		forget_doubt(follower);
	if (follower->doubts >= DOUBTS)
		seen->state = TASK_FAILED;
	follow_observe(follower->backend, follower->number, seen);
	note_doubt(follower, seen);
	answer_refreshes(follower,
			 seen->video_url || seen->last_frame_url ? 0 : -ENODATA);
}

void follower_observed(struct follower *follower, struct observation *seen,
		       int64_t retry_after_ms)
{
	bool is_gone = seen->problem.class == PROBLEM_GONE && seen->state == TASK_UNKNOWN;

	if (seen->state == TASK_UNKNOWN && !is_gone) {
		heard_nothing(follower, retry_after_ms);
		return;
	}
	if (is_gone)
		answer_refreshes(follower, -ENOENT);
	if (is_gone && ++follower->gone < GONE_TIMES) {
		follower_failed(follower, true, seen->problem.text, retry_after_ms);
		return;
	}
	follower->failures = follower->silent = 0;
	follower->heard_ms = clock_wall_ms();
	note_tried(follower, NULL);
	if (is_gone) {
		enter_gone(follower, &seen->problem);
	} else {
		observed(follower, seen);
	}
	go_on(follower, seen->raw_state, retry_after_ms);
}

/* --- cancelling --- */

/* It was not cancelled. `is_over`: nor will it be; else it is asked for again. */
static void cancel_ended(struct follower *follower, bool is_over, const char *note)
{
	struct backend *backend = follower->backend;
	struct task_view *view = tasks_begin(backend->tasks, follower->number);

	if (view) {
		view->wants_cancel = !is_over;
		task_set_text(&view->note, note);
		tasks_commit(backend->tasks, view);
	}
	follower_schedule(follower, interval(follower));
}

static void cancelled(struct follower *follower)
{
	struct backend *backend = follower->backend;
	struct task_view *view = tasks_begin(backend->tasks, follower->number);

	if (view) {
		task_set_text(&view->note, NULL);
		view->wants_cancel = false;
		view->next_ms = 0;
		task_enter(view, TASK_CANCELLED);
		view->listing_ms = clock_wall_ms();
		tasks_commit(backend->tasks, view);
	}
	log_info("event=cancelled task=%" PRIu64, follower->number);
	follower_drop(follower);
}

static void cancel_done(void *context, struct http_response *response)
{
	struct follower *follower = context;
	AUTOPROBLEM problem = { 0 };
	AUTOFREE char *note = NULL;
	const char *why;
	int r = -EAGAIN;

	follower->cancel = NULL;
	reach_learn(follower->backend, follower->section, response);
	if (response->outcome == HTTP_ANSWERED)
		r = follower->section->provider->parse_cancel(response, &problem);
	if (!r) {
		cancelled(follower);
		return;
	}
	why = problem.text	  ? problem.text
	      : response->failure ? response->failure
				  : "no answer";
	note = r == -EBUSY
		       ? text_format("the service did not cancel it (%s): it runs on "
				     "and will be billed",
				     why)
		       : text_format("it is not cancelled yet (%s); asking again", why);
	cancel_ended(follower, r == -EBUSY, note);
}

/*
 * The state was asked for just now. A DELETE that meets a finished task would delete its
 * record and lose a paid video, so it goes out only for a state that can be cancelled.
 */
static void send_cancel(struct follower *follower)
{
	struct backend *backend = follower->backend;
	AUTOVIEW *view = tasks_view(backend->tasks, follower->number);
	const struct provider *provider = follower->section->provider;
	struct endpoint endpoint = config_endpoint(follower->section);
	struct http_options options = { .timeout_ms = CANCEL_TIMEOUT_MS,
					.body_max_bytes = ANSWER_MAX_BYTES,
					.done = cancel_done,
					.context = follower };
	struct http_request request = { 0 };
	bool can = view && (view->state == TASK_QUEUED ? provider->can_cancel_queued
						       : provider->can_cancel_running);

	reach_service(follower->section, &options);
	if (!can || !provider->build_cancel) {
		cancel_ended(follower, true,
			     "the service cannot cancel it in this state: it runs on and "
			     "will be billed");
		return;
	}
	if (provider->build_cancel(view->remote_id, &endpoint, &request) ||
	    http_start(backend->http, &request, &options, &follower->cancel)) {
		http_request_clear(&request);
		cancel_ended(follower, false,
			     "there was no memory to ask the service to cancel it");
	}
}

void follow_cancel(struct backend *backend, uint64_t number)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	/* A create under way looks at is_removed when it ends. */
	if (view && (view->state == TASK_QUEUED || view->state == TASK_RUNNING))
		follow_task(backend, number, 0);
}
