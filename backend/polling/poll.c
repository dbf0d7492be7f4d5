/*
 * Polling: asking the services about their tasks, again and again.
 */
#include "backend/polling/poll_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/core/note.h"
#include "backend/http/http.h"
#include "backend/media/size_probe.h"

#include <errno.h>
#include <inttypes.h>

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

static struct task_poll *find(struct backend *backend, uint64_t number)
{
	for (struct task_poll *task_poll = backend->polling->first; task_poll;
	     task_poll = task_poll->next)
		if (task_poll->number == number)
			return task_poll;
	return NULL;
}

static struct task_poll *find_or_add(struct backend *backend, uint64_t number)
{
	struct task_poll *task_poll = find(backend, number);

	if (task_poll)
		return task_poll;
	task_poll = calloc(1, sizeof(*task_poll));
	if (!task_poll)
		return NULL;
	task_poll->backend = backend;
	task_poll->number = number;
	timer_init(&task_poll->timer, poll_batch_due, task_poll);
	task_poll->next = backend->polling->first;
	backend->polling->first = task_poll;
	return task_poll;
}

static void answer_refreshes(struct task_poll *task_poll, int result)
{
	struct refresh *refresh = TAKE(task_poll->refreshes);

	while (refresh) {
		struct refresh *next = refresh->next;

		refresh->done(refresh->context, result);
		free(refresh);
		refresh = next;
	}
}

void task_poll_drop(struct task_poll *task_poll)
{
	struct backend *backend = task_poll->backend;
	struct task_poll **at = &backend->polling->first;

	while (*at != task_poll)
		at = &(*at)->next;
	*at = task_poll->next;
	timer_clear(&backend->timers, &task_poll->timer);
	poll_batch_leave(task_poll);
	http_cancel(task_poll->cancel);
	answer_refreshes(task_poll, -EIO);
	free(task_poll);
}

int polling_create(struct backend *backend)
{
	backend->polling = calloc(1, sizeof(*backend->polling));
	return backend->polling ? 0 : -ENOMEM;
}

void polling_destroy(struct backend *backend)
{
	struct polling *polling = backend->polling;

	while (polling && polling->first)
		task_poll_drop(polling->first);
	free(polling);
}

void poll_task(struct backend *backend, uint64_t number, int64_t delay_ms)
{
	struct task_poll *task_poll = find_or_add(backend, number);
	int64_t at_ms = clock_boot_ms() + delay_ms;

	if (!task_poll || task_poll->query || task_poll->cancel)
		return; /* what is under way schedules what comes after it */
	if (!timer_is_set(&task_poll->timer) || task_poll->timer.at_ms > at_ms)
		timer_set(&backend->timers, &task_poll->timer, at_ms);
}

void poll_refresh(struct backend *backend, uint64_t number,
		  void (*done)(void *context, int result), void *context)
{
	struct task_poll *task_poll = find_or_add(backend, number);
	struct refresh *refresh = calloc(1, sizeof(*refresh));

	if (!task_poll || !refresh) {
		free(refresh);
		done(context, -ENOMEM);
		return;
	}
	refresh->done = done;
	refresh->context = context;
	refresh->next = task_poll->refreshes;
	task_poll->refreshes = refresh;
	poll_task(backend, number, 0);
}

void poll_forget(struct backend *backend, void *context)
{
	for (struct task_poll *task_poll = backend->polling->first; task_poll;
	     task_poll = task_poll->next)
		for (struct refresh **at = &task_poll->refreshes; *at;) {
			struct refresh *refresh = *at;

			if (refresh->context != context) {
				at = &refresh->next;
				continue;
			}
			*at = refresh->next;
			free(refresh);
		}
}

void task_poll_schedule(struct task_poll *task_poll, int64_t delay_ms)
{
	struct backend *backend = task_poll->backend;
	struct task_view *view = tasks_begin(backend->tasks, task_poll->number);

	timer_set(&backend->timers, &task_poll->timer, clock_boot_ms() + delay_ms);
	if (!view)
		return;
	view->next_ms = clock_wall_ms() + delay_ms;
	tasks_try_commit(backend->tasks, view);
}

/* --- what comes after an answer --- */

static void note_tried(struct task_poll *task_poll, const char *why)
{
	struct backend *backend = task_poll->backend;
	struct task_view *view = tasks_begin(backend->tasks, task_poll->number);

	if (!view)
		return;
	view->tried_ms = clock_wall_ms();
	if (task_is_active(view->state))
		task_set_text(view, &view->waiting, why);
	tasks_try_commit(backend->tasks, view);
}

int64_t task_poll_interval(const struct task_poll *task_poll)
{
	int64_t ms = task_poll->section->poll_ms;

	for (unsigned i = 0; i < task_poll->failures && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	return backend_jitter(task_poll->backend,
			      ms > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : ms);
}

/*
 * Answers come, and none has told of an end for longer than services work. A connection
 * that fails here proves nothing, however long it does.
 */
static bool is_untold_too_long(const struct task_poll *task_poll,
			       const struct task_view *view)
{
	int64_t begun_ms = view->intent_ms ? view->intent_ms : view->since_ms;

	return task_poll->untold >= UNTOLD_TIMES &&
	       clock_wall_ms() - begun_ms > UNTOLD_DAYS * DAY_MS;
}

static int end_untold(struct task_poll *task_poll, const char *said)
{
	AUTOPROBLEM problem = { 0 };

	problem_set(&problem, PROBLEM_GONE,
		    "%s has reported no final status for %d days; last answer: %s",
		    task_poll->section->name, UNTOLD_DAYS, said ? said : "nothing");
	log_warn("event=no_final_status task=%" PRIu64 " reason=\"%s\"",
		 task_poll->number, said ? said : "");
	return task_poll_enter_gone(task_poll, &problem);
}

/* What comes after an answer, which `said` that:
 * another poll, a cancel, or the end of following. */
static void go_on(struct task_poll *task_poll, const char *said, int64_t retry_after_ms)
{
	AUTOVIEW *view = tasks_view(task_poll->backend->tasks, task_poll->number);
	int64_t delay_ms = task_poll_interval(task_poll);

	if (!view || !task_is_active(view->state) ||
	    size_probe_is_under_way(task_poll->backend, task_poll->number)) {
		task_poll_drop(task_poll);
		return;
	}
	if (is_untold_too_long(task_poll, view) && !end_untold(task_poll, said)) {
		task_poll_drop(task_poll);
		return;
	}
	if (view->wants_cancel && !task_poll->failures) {
		task_poll_send_cancel(task_poll);
		return;
	}
	task_poll_schedule(task_poll,
			   retry_after_ms > delay_ms ? retry_after_ms : delay_ms);
}

void task_poll_failed(struct task_poll *task_poll, bool is_answered, const char *why,
		      int64_t retry_after_ms)
{
	AUTOFREE char *waiting =
		text_format("waiting for an answer from %s (%s); the task continues",
			    task_poll->section->name, why ? why : "no answer");

	task_poll->failures++;
	task_poll->untold += is_answered;
	log_warn("event=poll_failed task=%" PRIu64 " times=%u reason=\"%s\"",
		 task_poll->number, task_poll->failures, why ? why : "");
	note_tried(task_poll, waiting);
	answer_refreshes(task_poll, -EIO); /* who was not told anything else before */
	go_on(task_poll, why, retry_after_ms);
}

/*
 * Since when nothing was heard of the task: a service may not know it yet right after it
 * was made, and a single empty answer later proves nothing.
 */
static bool is_silent_too_long(struct task_poll *task_poll)
{
	AUTOVIEW *view = tasks_view(task_poll->backend->tasks, task_poll->number);
	int64_t heard_ms = task_poll->heard_ms;

	if (!heard_ms && view)
		heard_ms = view->intent_ms ? view->intent_ms : view->since_ms;
	return task_poll->silent >= GONE_TIMES && clock_wall_ms() - heard_ms > SILENCE_MS;
}

/* Nothing is said of the task: it is asked about again, for ten minutes. */
static void heard_nothing(struct task_poll *task_poll, int64_t retry_after_ms)
{
	AUTOPROBLEM problem = { 0 };

	task_poll->failures = 0;
	task_poll->silent++;
	task_poll->untold++;
	note_tried(task_poll, NULL);
	if (is_silent_too_long(task_poll)) {
		problem_set(&problem, PROBLEM_GONE,
			    "%s has reported nothing about the task for ten minutes",
			    task_poll->section->name);
		task_poll_enter_gone(task_poll, &problem);
	}
	answer_refreshes(task_poll, -EIO);
	go_on(task_poll, NULL, retry_after_ms);
}

/* A failure that may be none is shown from when it is seen first … */
static void note_doubt(struct task_poll *task_poll, const struct observation *seen)
{
	AUTOFREE char *note = NULL;

	if (task_poll->doubts != 1 || seen->state != TASK_RUNNING)
		return;
	note = text_format(
		DOUBT_HEAD
		" (%s); polling again, because such an answer has been wrong before",
		seen->problem.text ? seen->problem.text : "no reason given");
	backend_set_note(task_poll->backend, task_poll->number, note);
}

/* … until the next answer says otherwise. */
static void forget_doubt(struct task_poll *task_poll)
{
	AUTOVIEW *view = tasks_view(task_poll->backend->tasks, task_poll->number);

	task_poll->doubts = 0;
	if (view && view->note && text_starts_with(view->note, DOUBT_HEAD))
		backend_set_note(task_poll->backend, task_poll->number, NULL);
}

/* Takes over what it said of the task. */
static void observed(struct task_poll *task_poll, struct observation *seen)
{
	int r;

	task_poll->gone = 0;
	task_poll->untold = seen->raw_state ? task_poll->untold + 1 : 0;
	if (seen->is_doubtful)
		task_poll->doubts++;
	else
		forget_doubt(task_poll);
	if (task_poll->doubts >= DOUBTS)
		seen->state = TASK_FAILED;
	r = poll_observe(task_poll->backend, task_poll->number, seen);
	note_doubt(task_poll, seen);
	if (!r && !seen->video_url && !seen->last_frame_url)
		r = -ENODATA;
	answer_refreshes(task_poll, r);
}

void task_poll_observed(struct task_poll *task_poll, struct observation *seen,
			int64_t retry_after_ms)
{
	bool is_gone = seen->problem.class == PROBLEM_GONE && seen->state == TASK_UNKNOWN;

	if (seen->state == TASK_UNKNOWN && !is_gone) {
		heard_nothing(task_poll, retry_after_ms);
		return;
	}
	if (is_gone)
		answer_refreshes(task_poll, -ENOENT);
	if (is_gone && ++task_poll->gone < GONE_TIMES) {
		task_poll_failed(task_poll, true, seen->problem.text, retry_after_ms);
		return;
	}
	task_poll->failures = task_poll->silent = 0;
	task_poll->heard_ms = clock_wall_ms();
	note_tried(task_poll, NULL);
	if (is_gone) {
		task_poll_enter_gone(task_poll, &seen->problem);
	} else {
		observed(task_poll, seen);
	}
	go_on(task_poll, seen->raw_state, retry_after_ms);
}
