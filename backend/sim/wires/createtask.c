/*
 * The createTask backend, which wraps Ark's 1.5 pro: prefix /createtask
 * (providers/README.md, 2).
 */
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/json_write.h"
#include "backend/sim/wires/ark_request.h"
#include "backend/sim/tasks/ids.h"
#include "backend/sim/wires/job_task.h"

#include <inttypes.h>
#include <string.h>

#define SERVICE "/api/AIGeneration/video/seedance"
#define CREATE SERVICE "/createTask"
#define STATUS SERVICE "/taskStatus/"

/* What tests may select, by position. */
enum { VARIANT_ID, VARIANT_ERROR };
enum { ID_IN_DATA, TASK_ID_IN_DATA, ID_ON_TOP, TASK_ID_ON_TOP };
enum { ERROR_PLAIN, ERROR_LARAVEL, ERROR_OK };

static void route(struct wire_call *call)
{
	const char *method = call->http->method;

	if (!strcmp(method, "POST") && !strcmp(call->rest, CREATE))
		call->on = REQUEST_CREATE;
	if (strcmp(method, "GET"))
		return;
	call->task = wire_path_below(call, STATUS);
	if (call->task)
		call->on = REQUEST_GET;
}

static char *make_id(void)
{
	AUTOBUFFER prefix = BUFFER_INIT(64);

	buffer_addf(&prefix, "seedance_%" PRId64 "_", clock_wall_ms() / 1000);
	return prefix.data ? id_random(prefix.data, 6) : NULL;
}

/* 2026-03-10T13:41:23.000000Z; 0 is null. */
static void put_time(struct buffer *out, const char *key, int64_t ms)
{
	AUTOBUFFER text = BUFFER_INIT(64);
	time_t seconds = (time_t)(ms / 1000);
	char date[32];
	struct tm tm;

	if (!ms) {
		json_write_null(out, key);
		return;
	}
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	buffer_addf(&text, "%s.%03d000Z", date, (int)(ms % 1000));
	json_write_string(out, key, text.data ? text.data : "");
}

static void put_created(struct buffer *out, const char *id, int64_t where)
{
	const char *key = where == ID_IN_DATA || where == ID_ON_TOP ? "id" : "task_id";
	bool is_on_top = where == ID_ON_TOP || where == TASK_ID_ON_TOP;

	json_write_open(out, NULL, '{');
	json_write_bool(out, "success", true);
	if (is_on_top)
		json_write_string(out, key, id);
	json_write_open(out, "data", '{');
	if (!is_on_top)
		json_write_string(out, key, id);
	json_write_string(out, "status", "queued");
	put_time(out, "created_at", clock_wall_ms());
	json_write_close(out, '}');
	json_write_close(out, '}');
}

/* The draft example on the service's page asks for flex as well. */
static const struct ark_dialect dialect = {
	.content = { .types = (const char *const[]){ "text", "image_url", "draft_task",
						     NULL } },
	.model = "doubao-seedance-1-5-pro-251215",
	.has_flex_drafts = true,
};

static bool create(const struct wire_call *call, struct refusal *refusal,
		   struct buffer *out)
{
	CLEANUP(job_clear) struct job job = JOB_INIT;
	AUTOFREE char *id = make_id();

	if (!ark_request_read(call, &dialect, &job, refusal))
		return false;
	put_created(out, id ? id : "", call->variants[VARIANT_ID]);
	return job_accept(&job, call, TAKE(id), refusal);
}

static const char *status_of(const struct task *task)
{
	if (task->raw_status)
		return task->raw_status;
	return task_state_name(task->state == TASK_CANCELLED ? TASK_FAILED : task->state);
}

static void put_text_or_null(struct buffer *out, const char *key, const char *text)
{
	if (text)
		json_write_string(out, key, text);
	else
		json_write_null(out, key);
}

static void put_links(struct buffer *out, const struct task *task,
		      const struct wire_call *call)
{
	const struct link_settings *links = &call->sim->links;
	bool is_done = task->state == TASK_SUCCEEDED;
	AUTOFREE char *video = link_make(links, task, MEDIA_VIDEO, call->host);
	AUTOFREE char *frame = link_make(links, task, MEDIA_LAST_FRAME, call->host);
	const char *shown = task->link_video_url ? task->link_video_url : video;

	put_text_or_null(out, "result_url",
			 is_done && !task->omit_video_url ? shown : NULL);
	put_text_or_null(out, "last_frame_url",
			 is_done && task->picture.has_last_frame ? frame : NULL);
}

static bool get(const struct wire_call *call, struct refusal *refusal, struct buffer *out)
{
	AUTOTASK *task = wire_find_task(call, call->task);

	if (!task)
		return refuse_task(refusal, call->task);
	json_write_open(out, NULL, '{');
	json_write_bool(out, "success", true);
	json_write_open(out, "data", '{');
	json_write_string(out, "id", task->id);
	json_write_string(out, "status", status_of(task));
	put_links(out, task, call);
	put_text_or_null(out, "error_message",
			 task->error_message ? task->error_message : task->error_code);
	put_time(out, "created_at", task->created_ms);
	put_time(out, "started_at", task->started_ms);
	put_time(out, "completed_at", task_is_finished(task) ? task->state_ms : 0);
	json_write_close(out, '}');
	json_write_close(out, '}');
	return true;
}

static const struct refusal_words kinds[REFUSAL_KINDS] = {
	[REFUSAL_INVALID] = { 400, NULL },   [REFUSAL_MISSING] = { 400, NULL },
	[REFUSAL_MODEL] = { 400, NULL },     [REFUSAL_KEY] = { 401, NULL },
	[REFUSAL_PATH] = { 404, NULL },	     [REFUSAL_TASK] = { 404, NULL },
	[REFUSAL_TOO_LARGE] = { 413, NULL }, [REFUSAL_INTERNAL] = { 500, NULL },
};

static void put_message(struct buffer *out, const struct refusal *refusal)
{
	const char *param = refusal_param(refusal), *text = refusal_message(refusal);

	switch (refusal->kind) {
	case REFUSAL_MISSING:
		buffer_addf(out, "The %s field is required.", param);
		return;
	case REFUSAL_MODEL:
		buffer_add(out, "The selected model is invalid.");
		return;
	case REFUSAL_KEY:
		buffer_add(out, "Unauthenticated.");
		return;
	case REFUSAL_TASK:
		buffer_add(out, "Task not found.");
		return;
	case REFUSAL_INTERNAL:
		buffer_add(out, "Server Error");
		return;
	case REFUSAL_INVALID:
		if (*param)
			buffer_addf(out, "The %s field is invalid: ", param);
		buffer_add(out, text);
		return;
	default:
		buffer_add(out, text);
	}
}

static bool is_of_the_request(const struct refusal *refusal)
{
	return refusal->kind == REFUSAL_INVALID || refusal->kind == REFUSAL_MISSING ||
	       refusal->kind == REFUSAL_MODEL;
}

/* {"message":...,"errors":{"<field>":["..."]}} */
static void put_laravel(struct buffer *out, const struct refusal *refusal,
			const char *message)
{
	const char *param = refusal_param(refusal);

	json_write_open(out, NULL, '{');
	json_write_string(out, "message", message);
	if (is_of_the_request(refusal)) {
		json_write_open(out, "errors", '{');
		json_write_open(out, *param ? param : "model", '[');
		json_write_string(out, NULL, message);
		json_write_close(out, ']');
		json_write_close(out, '}');
	}
	json_write_close(out, '}');
}

static void put_plain(struct buffer *out, const struct refusal *refusal,
		      const char *message)
{
	json_write_open(out, NULL, '{');
	json_write_bool(out, "success", false);
	json_write_string(out, "code", refusal->code);
	json_write_string(out, "message", message);
	json_write_close(out, '}');
}

static void refuse_call(const struct wire_call *call, const struct refusal *refusal,
			struct http_reply *reply)
{
	int64_t shape = call->variants[VARIANT_ERROR];
	AUTOBUFFER message = BUFFER_INIT(8192);

	put_message(&message, refusal);
	reply->status = refusal->status ? refusal->status : kinds[refusal->kind].status;
	if (shape == ERROR_LARAVEL && is_of_the_request(refusal))
		reply->status = 422;
	if (shape == ERROR_OK &&
	    (is_of_the_request(refusal) || refusal->kind == REFUSAL_TASK))
		reply->status = 200;
	if (shape == ERROR_LARAVEL)
		put_laravel(&reply->body, refusal, message.data ? message.data : "");
	else
		put_plain(&reply->body, refusal, message.data ? message.data : "");
}

static const char *const id_words[] = { "data.id", "data.task_id", "id", "task_id",
					NULL };
static const char *const error_words[] = { "plain", "laravel", "ok", NULL };

static const struct variant variants[] = {
	[VARIANT_ID] = { "id", id_words, ID_IN_DATA, 0 },
	[VARIANT_ERROR] = { "error", error_words, ERROR_PLAIN, 0 },
	{ .name = NULL },
};

const struct wire wire_createtask = {
	.name = "createtask",
	.prefix = "/createtask",
	.route = route,
	.answers = { [REQUEST_CREATE] = create, [REQUEST_GET] = get },
	.refuse = refuse_call,
	.takes_any_scheme = true,
	.failure = { "InternalServiceError", "Internal service error.", false },
	.moderation = { "OutputVideoSensitiveContentDetected",
			"The output video may contain sensitive information.", false },
	.variants = variants,
};
