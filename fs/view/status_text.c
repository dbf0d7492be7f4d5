#include "fs/view/status_text.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define VALUE_MAX_BYTES 700
#define ERROR_MAX_BYTES 2000 /* code and advice fit below STATUS_MAX_BYTES */

/* Stops at the size limit; earlier lines are kept. */
static void add_line(struct buffer *text, const char *key, const char *value)
{
	AUTOFREE char *clean =
		value && *value ? text_clean(value, VALUE_MAX_BYTES) : NULL;

	if (clean && text->size + strlen(key) + strlen(clean) + 3 <= text->ceiling)
		buffer_addf(text, "%s: %s\n", key, clean);
}

static void add_time(struct buffer *text, const char *key, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char value[40];
	struct tm tm;

	if (!wall_ms)
		return;
	localtime_r(&seconds, &tm);
	strftime(value, sizeof(value), "%Y-%m-%d %H:%M:%S", &tm);
	add_line(text, key, value);
}

static void add_link_expires(struct buffer *text, const struct status_facts *facts)
{
	time_t seconds = (time_t)facts->link_expires_s;
	char value[60];
	struct tm tm;

	if (!seconds)
		return;
	localtime_r(&seconds, &tm);
	strftime(value, sizeof(value),
		 facts->link_expires_is_guess ? "about %Y-%m-%d %H:%M (estimated)"
					      : "%Y-%m-%d %H:%M:%S",
		 &tm);
	add_line(text, "link expires", value);
}

static void add_progress(struct buffer *text, const struct task_view *view)
{
	char value[16];

	if (view->progress < 0 || !task_is_active(view->state))
		return;
	snprintf(value, sizeof(value), "%d%%",
		 view->progress > 100 ? 100 : view->progress);
	add_line(text, "progress", value);
}

static void add_kept(struct buffer *text, const struct task_view *view, int percent)
{
	const struct output *video = &view->outputs[OUTPUT_VIDEO];
	char value[32];

	if (view->state != TASK_SUCCEEDED || !video->is_ready || !video->size)
		return;
	snprintf(value, sizeof(value), "%d%%", percent);
	add_line(text, "kept", value);
}

static void add_provider(struct buffer *text, const struct task_view *view,
			 bool is_simulated)
{
	AUTOFREE char *value = view->provider && is_simulated
				       ? text_format("%s (simulator)", view->provider)
				       : text_dup(view->provider);

	add_line(text, "provider", value);
}

char *status_text_render(const struct task_view *view, const struct status_facts *facts)
{
	AUTOBUFFER text = BUFFER_INIT(STATUS_MAX_BYTES);
	bool is_pending = view->state == TASK_PENDING;

	buffer_addf(&text, "%s\n", task_state_word(view->state));
	if (!is_pending)
		add_provider(&text, view, facts->is_simulated);
	if (!is_pending)
		add_line(&text, "model", view->model);
	if (!is_pending)
		add_line(&text, "task", view->remote_id);
	add_progress(&text, view);
	add_time(&text, "since", view->since_ms);
	if (!is_pending)
		add_time(&text, "tried", view->tried_ms);
	if (view->next_ms > facts->now_ms && task_is_active(view->state))
		add_time(&text, "next", view->next_ms);
	if (view->state == TASK_SUCCEEDED && facts->prefetch_begins_ms > facts->now_ms)
		add_time(&text, "next", facts->prefetch_begins_ms);
	add_kept(&text, view, facts->kept_percent);
	if (view->state == TASK_SUCCEEDED)
		add_link_expires(&text, facts);
	add_line(&text, "waiting", facts->waiting ? facts->waiting : view->waiting);
	if (error_text_exists(view))
		add_line(&text, "note", view->problem.text);
	add_line(&text, "note", view->note);
	if (!is_pending)
		add_line(&text, "note", view->request_note);
	if (facts->is_simulated && !is_pending)
		add_line(&text, "note",
			 "simulated: no provider is configured; nothing is billed");
	return buffer_take(&text);
}

bool error_text_exists(const struct task_view *view)
{
	return problem_is_set(&view->problem) && view->state != TASK_PENDING &&
	       !task_is_active(view->state);
}

/* States what happened, why, and what to do now. */
char *error_text_render(const struct task_view *view)
{
	static const char *const heads[] = {
		[TASK_SUCCEEDED] = "The task succeeded, but something is missing.",
		[TASK_FAILED] = "The service could not make this video.",
		[TASK_EXPIRED] = "The service did not finish this video in time.",
		[TASK_CANCELLED] = "This task was cancelled.",
		[TASK_INVALID] = "This request was rejected; nothing was billed.",
		[TASK_UNKNOWN] = "The outcome of this task is unknown. It may be billed.",
	};
	AUTOFREE char *why = text_clean(view->problem.text, ERROR_MAX_BYTES);
	AUTOBUFFER text = BUFFER_INIT(STATUS_MAX_BYTES);
	const char *head = view->state < ARRAY_SIZE(heads) ? heads[view->state] : NULL;

	if (!why)
		return NULL;
	buffer_addf(&text, "%s\n\n", head ? head : "Something went wrong.");
	buffer_addf(&text, "%s\n", *why ? why : "(no details)");
	add_line(&text, "code", view->problem.code);
	buffer_addf(&text, "\nWhat to do: %s\n", task_advice(view));
	return buffer_take(&text);
}
