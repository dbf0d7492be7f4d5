/* Polling: querying the services about their tasks repeatedly. */
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
#include <string.h>

#define BACKOFF_MAX_MS 300000
#define GONE_TIMES 3	  /* a service may not know a new task yet */
#define SILENCE_MS 600000 /* limit of answers that say nothing about the task */
#define DOUBTS 3	  /* this many possible failures count as one */
#define UNTOLD_TIMES 8	  /* and beyond the longest run of any service: */
#define UNTOLD_DAYS 8
#define DAY_MS INT64_C(86400000)
#define DOUBT_HEAD "the service may have failed"

/* A caller that waits for fresh links. */
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
		return; /* the call in progress schedules the next poll */
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

/* --- an answer --- */

/* An answer to a poll. All of its effects are one change of the task. */
struct answer {
	const struct observation *seen; /* what it says about the task; NULL: nothing */
	struct problem gone;		/* set: the service no longer knows the task */
	const char *waiting;		/* what the task waits for now; NULL: nothing */
	const char *said;		/* in the service's words, for users */
	int64_t retry_after_ms;
	int refreshed; /* for callers that wait for fresh links */
};

enum next {
	NEXT_POLL,
	NEXT_CANCEL,
	NEXT_NONE,
	NEXT_GIVE_UP, /* no answer reports a known state */
};

int64_t task_poll_interval(const struct task_poll *task_poll)
{
	int64_t ms = task_poll->section->poll_ms;

	for (unsigned i = 0; i < task_poll->failures && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	return backend_jitter(task_poll->backend,
			      ms > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : ms);
}

/*
 * The service answers, but has reported no end for longer than any service works. Failed
 * connections prove nothing and do not count.
 */
static bool is_untold_too_long(const struct task_poll *task_poll,
			       const struct task_view *view)
{
	int64_t begun_ms = view->intent_ms ? view->intent_ms : view->since_ms;

	return task_poll->untold >= UNTOLD_TIMES &&
	       clock_wall_ms() - begun_ms > UNTOLD_DAYS * DAY_MS;
}

static void put_untold(struct task_poll *task_poll, struct task_view *view,
		       const char *said)
{
	AUTOPROBLEM problem = { 0 };

	if (problem_set(&problem, PROBLEM_GONE,
			"%s has reported no final status for %d days; last answer: %s",
			task_poll->section->name, UNTOLD_DAYS, said ? said : "nothing"))
		view->failure = -ENOMEM;
	task_poll_put_gone(view, &problem);
}

/* A possible failure is shown until an answer contradicts it. */
static void put_doubt(const struct task_poll *task_poll, struct task_view *view,
		      const struct observation *seen)
{
	bool is_shown = view->note && text_starts_with(view->note, DOUBT_HEAD);

	if (!task_poll->doubts && is_shown)
		task_set_text(view, &view->note, NULL);
	if (task_poll->doubts == 1 && task_is_active(view->state))
		task_format_text(view, &view->note,
				 DOUBT_HEAD " (%s); polling again, because such "
					    "responses have been wrong before",
				 seen->problem.text ? seen->problem.text
						    : "no reason given");
}

/* A finished task is never cancelled: a cancel would delete its record and its video. */
static bool is_to_be_cancelled(const struct task_poll *task_poll, struct task_view *view)
{
	return view->wants_cancel && !view->is_finished && !task_poll->failures &&
	       task_poll_can_cancel(task_poll, view);
}

/* Decides what follows the answer. Part of the change that the answer makes. */
static enum next put_next(struct task_poll *task_poll, struct task_view *view,
			  const struct answer *answer, const struct poll_effect *effect,
			  int64_t *ret_delay_ms)
{
	int64_t delay_ms = task_poll_interval(task_poll);

	if (effect->needs_sizes ||
	    size_probe_is_under_way(task_poll->backend, task_poll->number))
		return NEXT_NONE;
	if (!task_is_active(view->state))
		return NEXT_NONE;
	if (is_untold_too_long(task_poll, view)) {
		put_untold(task_poll, view, answer->said);
		return NEXT_GIVE_UP;
	}
	if (is_to_be_cancelled(task_poll, view))
		return NEXT_CANCEL;
	*ret_delay_ms =
		answer->retry_after_ms > delay_ms ? answer->retry_after_ms : delay_ms;
	view->next_ms = clock_wall_ms() + *ret_delay_ms;
	return NEXT_POLL;
}

static void put_answer(struct task_poll *task_poll, struct task_view *view,
		       const struct answer *answer, struct poll_effect *ret_effect)
{
	view->tried_ms = clock_wall_ms();
	if (task_is_active(view->state))
		task_set_text(view, &view->waiting, answer->waiting);
	if (answer->seen) {
		poll_apply(view, answer->seen, ret_effect);
		put_doubt(task_poll, view, answer->seen);
	}
	if (problem_is_set(&answer->gone))
		task_poll_put_gone(view, &answer->gone);
}

/* Whether the answer is about a previous task: the user has adopted another one since. */
static bool is_late(const struct task_view *view, const struct observation *seen)
{
	return seen && seen->id &&
	       (!view->remote_id || strcmp(view->remote_id, seen->id) != 0);
}

/* The answer could not be stored and is ignored: polls again. */
static void ask_again(struct task_poll *task_poll, int result)
{
	answer_refreshes(task_poll, result);
	timer_set(&task_poll->backend->timers, &task_poll->timer,
		  clock_boot_ms() + task_poll_interval(task_poll));
}

static void go_on(struct task_poll *task_poll, enum next next, int64_t delay_ms)
{
	if (next == NEXT_CANCEL)
		task_poll_send_cancel(task_poll);
	else if (next == NEXT_POLL)
		timer_set(&task_poll->backend->timers, &task_poll->timer,
			  clock_boot_ms() + delay_ms);
	else if (!timer_is_set(&task_poll->timer)) /* size_probe_task() may set it */
		task_poll_drop(task_poll);
}

/* Stores an answer in one change, and schedules what follows. May drop the poll. */
static void take(struct task_poll *task_poll, const struct answer *answer)
{
	struct backend *backend = task_poll->backend;
	uint64_t number = task_poll->number;
	struct task_view *view = tasks_begin(backend->tasks, number);
	struct poll_effect effect = { 0 };
	int64_t delay_ms = 0;
	enum next next;

	if (!view) {
		ask_again(task_poll, -ENOMEM);
		return;
	}
	if (is_late(view, answer->seen)) {
		tasks_abandon(backend->tasks, view);
		log_info("event=late_answer task=%" PRIu64 " id=%s", number,
			 answer->seen->id);
		ask_again(task_poll, -EIO);
		return;
	}
	put_answer(task_poll, view, answer, &effect);
	next = put_next(task_poll, view, answer, &effect, &delay_ms);
	if (tasks_commit(backend->tasks, view)) {
		ask_again(task_poll, -ENOMEM);
		return;
	}
	timer_clear(&backend->timers, &task_poll->timer);
	if (next == NEXT_GIVE_UP)
		log_warn("event=no_final_status task=%" PRIu64 " reason=\"%s\"", number,
			 answer->said ? answer->said : "");
	answer_refreshes(task_poll, answer->refreshed);
	poll_carry_out(backend, number, &effect);
	go_on(task_poll, next, delay_ms);
}

void task_poll_failed(struct task_poll *task_poll, bool is_answered, const char *why,
		      int64_t retry_after_ms)
{
	AUTOFREE char *waiting =
		text_format("no usable answer from %s (%s); retrying automatically; the "
			    "task continues",
			    task_poll->section->name, why ? why : "no answer");
	struct answer answer = { .waiting = waiting,
				 .said = why,
				 .retry_after_ms = retry_after_ms,
				 .refreshed = -EIO };

	task_poll->failures++;
	task_poll->untold += is_answered;
	log_warn("event=poll_failed task=%" PRIu64 " times=%u reason=\"%s\"",
		 task_poll->number, task_poll->failures, why ? why : "");
	take(task_poll, &answer);
}

/*
 * Whether the service has said nothing about the task for too long. It may not know a new
 * task yet, and a single empty answer later proves nothing.
 */
static bool is_silent_too_long(struct task_poll *task_poll)
{
	AUTOVIEW *view = tasks_view(task_poll->backend->tasks, task_poll->number);
	int64_t heard_ms = task_poll->heard_ms;

	if (!heard_ms && view)
		heard_ms = view->intent_ms ? view->intent_ms : view->since_ms;
	return task_poll->silent >= GONE_TIMES && clock_wall_ms() - heard_ms > SILENCE_MS;
}

/* The answer says nothing about the task: polling goes on for ten minutes. */
static void heard_nothing(struct task_poll *task_poll, int64_t retry_after_ms)
{
	struct answer answer = { .retry_after_ms = retry_after_ms, .refreshed = -EIO };

	task_poll->failures = 0;
	task_poll->silent++;
	task_poll->untold++;
	if (is_silent_too_long(task_poll) &&
	    problem_set(&answer.gone, PROBLEM_GONE,
			"%s has reported nothing about the task for ten minutes",
			task_poll->section->name))
		ask_again(task_poll, -ENOMEM);
	else
		take(task_poll, &answer);
	problem_clear(&answer.gone);
}

/* The service does not know the task, possibly not yet. */
static void heard_gone(struct task_poll *task_poll, struct observation *seen,
		       int64_t retry_after_ms)
{
	struct answer answer = { .retry_after_ms = retry_after_ms, .refreshed = -ENOENT };

	if (++task_poll->gone < GONE_TIMES) {
		answer_refreshes(task_poll, -ENOENT);
		task_poll_failed(task_poll, true, seen->problem.text, retry_after_ms);
		return;
	}
	task_poll->failures = task_poll->silent = 0;
	task_poll->heard_ms = clock_wall_ms();
	answer.gone = seen->problem; /* borrowed */
	take(task_poll, &answer);
}

void task_poll_observed(struct task_poll *task_poll, struct observation *seen,
			int64_t retry_after_ms)
{
	struct answer answer = { .seen = seen,
				 .said = seen->raw_state,
				 .retry_after_ms = retry_after_ms };

	if (seen->state == TASK_UNKNOWN && seen->problem.class == PROBLEM_GONE) {
		heard_gone(task_poll, seen, retry_after_ms);
		return;
	}
	if (seen->state == TASK_UNKNOWN) {
		heard_nothing(task_poll, retry_after_ms);
		return;
	}
	task_poll->failures = task_poll->silent = task_poll->gone = 0;
	task_poll->heard_ms = clock_wall_ms();
	task_poll->untold = seen->raw_state ? task_poll->untold + 1 : 0;
	task_poll->doubts = seen->is_doubtful ? task_poll->doubts + 1 : 0;
	if (task_poll->doubts >= DOUBTS)
		seen->state = TASK_FAILED;
	answer.refreshed = seen->video_url || seen->last_frame_url ? 0 : -ENODATA;
	take(task_poll, &answer);
}
