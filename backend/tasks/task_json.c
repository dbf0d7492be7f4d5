#include "backend/tasks/task_json.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/base/json.h"

#include <string.h>
#include <time.h>

static int put_time(struct json *object, const char *key, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[40];
	struct tm tm;

	if (!wall_ms)
		return 0;
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_put_string(object, key, text);
}

/* Texts that contain JSON are inserted as JSON values. */
static int put_json_text(struct json *object, const char *key, const char *text)
{
	struct json *tree = NULL;

	if (!text || json_parse(text, strlen(text), &tree, NULL))
		return 0;
	return json_put(object, key, tree);
}

static int put_problem(struct json *object, const struct task_view *view)
{
	const struct problem *problem = &view->problem;
	struct json *inner;
	int r;

	if (!problem_is_set(problem))
		return 0;
	inner = json_new_object();
	r = json_put_string(inner, "class", problem_class_word(problem->class));
	if (!r)
		r = json_put_string(inner, "code", problem->code);
	if (!r)
		r = json_put_string(inner, "message", problem->text);
	if (!r)
		r = json_put_string(inner, "advice", task_advice(view));
	if (!r)
		return json_put(object, "error", inner);
	json_free(inner);
	return r;
}

static int put_outputs(struct json *object, const struct task_view *view)
{
	static const char *const names[] = { "video", "last_frame" };
	int r = 0;

	for (int i = 0; !r && i < OUTPUT_COUNT; i++) {
		const struct output *output = &view->outputs[i];
		struct json *inner;

		if (!output->is_ready && !output->url)
			continue;
		inner = json_new_object();
		r = json_put_string(inner, "url", output->url);
		if (!r && output->is_ready)
			r = json_put_int64(inner, "bytes", (int64_t)output->size);
		if (!r && output->is_ready)
			r = json_put_bool(inner, "kept", output->is_whole);
		if (!r)
			r = json_put_string(inner, "etag", output->etag);
		if (r)
			json_free(inner);
		else
			r = json_put(object, names[i], inner);
	}
	return r;
}

static int put_identity(struct json *object, const struct task_view *view)
{
	int r = json_put_string(object, "state", task_state_word(view->state));

	if (!r)
		r = json_put_int64(object, "number", (int64_t)view->number);
	if (!r && view->attempt)
		r = json_put_int64(object, "attempt", view->attempt);
	if (!r)
		r = json_put_string(object, "provider", view->provider);
	if (!r)
		r = json_put_string(object, "endpoint", view->endpoint);
	if (!r)
		r = json_put_string(object, "key_name", view->key_name);
	if (!r)
		r = json_put_string(object, "model", view->model);
	if (!r)
		r = json_put_string(object, "task", view->remote_id);
	return r;
}

static int put_note(struct json *object, const struct task_view *view)
{
	AUTOFREE char *both =
		view->note && view->request_note
			? text_format("%s; %s", view->note, view->request_note)
			: NULL;

	return json_put_string(object, "note",
			       both	    ? both
			       : view->note ? view->note
					    : view->request_note);
}

static int put_fetching(struct json *object, const struct task_view *view,
			const struct task_facts *facts)
{
	const char *expires =
		facts->link_expires_is_guess ? "link_expires_about" : "link_expires";
	int r = put_time(object, "next", facts->prefetch_begins_ms);

	if (!r && view->outputs[OUTPUT_VIDEO].is_ready)
		r = json_put_int64(object, "kept", facts->kept_percent);
	if (!r)
		r = put_time(object, expires, facts->link_expires_s * 1000);
	return r;
}

static int put_course(struct json *object, const struct task_view *view,
		      const struct task_facts *facts)
{
	int r = view->progress >= 0 ? json_put_int64(object, "progress", view->progress)
				    : 0;

	if (!r)
		r = put_time(object, "created", view->created_ms);
	if (!r)
		r = put_time(object, "sent", view->intent_ms);
	if (!r)
		r = put_time(object, "since", view->since_ms);
	if (!r)
		r = put_time(object, "tried", view->tried_ms);
	if (!r && task_is_active(view->state))
		r = put_time(object, "next", view->next_ms);
	if (!r && view->state == TASK_SUCCEEDED)
		r = put_fetching(object, view, facts);
	if (!r)
		r = json_put_string(object, "waiting",
				    facts->waiting ? facts->waiting : view->waiting);
	if (!r)
		r = put_note(object, view);
	return r;
}

char *task_json(const struct task_view *view, const struct task_facts *facts)
{
	AUTOJSON *object = json_new_object();
	AUTOFREE char *text = NULL;
	int r = put_identity(object, view);

	if (!r)
		r = put_course(object, view, facts);
	if (!r)
		r = put_problem(object, view);
	if (!r)
		r = put_outputs(object, view);
	if (!r)
		r = put_json_text(object, "usage", view->usage);
	if (!r)
		r = put_json_text(object, "request", view->request);
	if (!r)
		r = put_json_text(object, "answer", view->answer);
	text = r ? NULL : json_print_pretty(object);
	return text ? text_format("%s\n", text) : NULL;
}
