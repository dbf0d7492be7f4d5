/*
 * CometAPI: prefix /comet (providers/README.md, 3).
 */
#include "backend/sim/wires/comet.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/json_write.h"
#include "backend/sim/tasks/ids.h"
#include "backend/sim/wires/job_task.h"

#include <string.h>

#define VIDEOS "/v1/videos"
#define ID_LETTERS 24

/* What tests may select, by position. */
enum { VARIANT_WORDS, VARIANT_ERROR, VARIANT_COMPLETED_AT, VARIANT_VIDEO_URL };
enum { WORDS_UPPER, WORDS_LOWER };
enum { ERROR_BY_LAYER, ERROR_A, ERROR_B };
enum { URL_ON_TOP, URL_IN_METADATA, URL_SHORT };

static void route(struct wire_call *call)
{
	const char *method = call->http->method;

	if (!strcmp(method, "POST") && !strcmp(call->rest, VIDEOS))
		call->on = REQUEST_CREATE;
	if (strcmp(method, "GET"))
		return;
	call->task = wire_path_below(call, VIDEOS "/");
	if (call->task)
		call->on = REQUEST_GET;
}

static const char *status_of(enum task_state state, int64_t words)
{
	static const char *const names[TASK_STATES][2] = {
		[TASK_QUEUED] = { "SUBMITTED", "queued" },
		[TASK_RUNNING] = { "IN_PROGRESS", "in_progress" },
		[TASK_SUCCEEDED] = { "SUCCESS", "completed" },
		[TASK_FAILED] = { "FAILED", "failed" },
		[TASK_EXPIRED] = { "FAILED", "failed" },
		[TASK_CANCELLED] = { "FAILED", "failed" },
	};

	return names[state][words];
}

static bool create(const struct wire_call *call, struct refusal *refusal,
		   struct buffer *out)
{
	CLEANUP(job_clear) struct job job = JOB_INIT;
	AUTOFREE char *id = id_random("task_", ID_LETTERS);

	if (!comet_request_read(call->parts, &job, refusal))
		return false;
	json_write_open(out, NULL, '{');
	json_write_string(out, "id", id ? id : "");
	json_write_string(out, "task_id", id ? id : "");
	json_write_string(out, "object", "video");
	json_write_string(out, "model", job.model_shown);
	json_write_string(out, "status",
			  status_of(TASK_QUEUED, call->variants[VARIANT_WORDS]));
	json_write_int64(out, "progress", 0);
	json_write_int64(out, "created_at", clock_wall_ms() / 1000);
	json_write_close(out, '}');
	return job_accept(&job, call, TAKE(id), refusal);
}

static int progress_of(const struct task *task)
{
	if (task->state == TASK_QUEUED)
		return 0;
	return task->state == TASK_RUNNING ? 45 : 100;
}

static void put_completed_at(struct buffer *out, const struct task *task,
			     const struct wire_call *call)
{
	if (task_is_finished(task) && !call->variants[VARIANT_COMPLETED_AT])
		json_write_int64(out, "completed_at", task->state_ms / 1000);
	else
		json_write_null(out, "completed_at");
}

static void put_video_url(struct buffer *out, const struct task *task,
			  const struct wire_call *call)
{
	AUTOFREE char *link = link_make(&call->sim->links, task, MEDIA_VIDEO, call->host);
	const char *shown = task->link_video_url ? task->link_video_url : link;
	int64_t where = call->variants[VARIANT_VIDEO_URL];

	if (where == URL_IN_METADATA)
		json_write_open(out, "metadata", '{');
	json_write_string(out, where == URL_ON_TOP ? "video_url" : "url", shown);
	if (where == URL_IN_METADATA)
		json_write_close(out, '}');
}

static void put_error(struct buffer *out, const struct task *task)
{
	if (!task->error_message && !task->error_code)
		return;
	json_write_open(out, "error", '{');
	json_write_string(out, "message", task->error_message);
	json_write_string(out, "code", task->error_code);
	json_write_close(out, '}');
}

static bool get(const struct wire_call *call, struct refusal *refusal, struct buffer *out)
{
	AUTOTASK *task = wire_find_task(call, call->task);

	if (!task)
		return refuse_task(refusal, call->task);
	json_write_open(out, NULL, '{');
	json_write_string(out, "id", task->id);
	json_write_string(out, "model", task->model);
	json_write_string(out, "object", "video");
	json_write_string(out, "status",
			  task->raw_status ? task->raw_status
					   : status_of(task->state,
						       call->variants[VARIANT_WORDS]));
	json_write_int64(out, "progress", progress_of(task));
	json_write_int64(out, "created_at", task->created_ms / 1000);
	put_completed_at(out, task, call);
	if (task->state == TASK_SUCCEEDED && !task->omit_video_url)
		put_video_url(out, task, call);
	if (task->state == TASK_FAILED)
		put_error(out, task);
	json_write_close(out, '}');
	return true;
}

/* The code of shape A, which the task layer uses. */
static const struct refusal_words kinds[REFUSAL_KINDS] = {
	[REFUSAL_INVALID] = { 400, "InvalidParameter" },
	[REFUSAL_MISSING] = { 400, "InvalidParameter" },
	[REFUSAL_MODEL] = { 400, "InvalidParameter" },
	[REFUSAL_KEY] = { 401, "" },
	[REFUSAL_PATH] = { 404, "" },
	[REFUSAL_TASK] = { 400, "task_not_exist" },
	[REFUSAL_TOO_LARGE] = { 413, "" },
	[REFUSAL_INTERNAL] = { 500, "" },
};

static const struct refusal_words by_status[] = {
	{ 400, "InvalidParameter" },
	{ 401, "" },
	{ 403, "" },
	{ 404, "" },
	{ 413, "" },
	{ 429, "" },
	{ 500, "" },
};

static void put_message(struct buffer *out, const struct refusal *refusal)
{
	const char *param = refusal_param(refusal);

	if (refusal->kind == REFUSAL_MISSING)
		buffer_addf(out, "The parameter `%s` is missing", param);
	else if (refusal->kind == REFUSAL_TASK)
		buffer_add(out, "task_not_exist");
	else if (*param)
		buffer_addf(out,
			    "The parameter `%s` specified in the request is not valid: "
			    "%s",
			    param, refusal_message(refusal));
	else
		buffer_add(out, refusal_message(refusal));
}

static void put_shape_a(struct buffer *out, const char *code, const char *message)
{
	json_write_open(out, NULL, '{');
	json_write_string(out, "code", code);
	json_write_string(out, "message", message);
	json_write_null(out, "data");
	json_write_close(out, '}');
}

static void put_shape_b(struct buffer *out, const char *code, const char *message,
			const char *request_id)
{
	AUTOBUFFER text = BUFFER_INIT(8192);

	buffer_addf(&text, "%s (request id: %s)", message, request_id);
	json_write_open(out, NULL, '{');
	json_write_open(out, "error", '{');
	json_write_string(out, "message", text.data ? text.data : "");
	json_write_string(out, "type", "new_api_error");
	json_write_string(out, "code", code);
	json_write_close(out, '}');
	json_write_close(out, '}');
}

static void refuse_call(const struct wire_call *call, const struct refusal *refusal,
			struct http_reply *reply)
{
	struct refusal_words words =
		refusal_words(refusal, kinds, by_status, ARRAY_SIZE(by_status));
	int64_t shape = call->variants[VARIANT_ERROR];
	AUTOBUFFER message = BUFFER_INIT(8192);
	const char *text;

	put_message(&message, refusal);
	text = message.data ? message.data : "";
	reply->status = words.status;
	if (shape == ERROR_A || (shape == ERROR_BY_LAYER && words.status == 400))
		put_shape_a(&reply->body, words.code, text);
	else
		put_shape_b(&reply->body, words.code, text, call->request_id);
}

static const char *const words_words[] = { "upper", "lower", NULL };
static const char *const error_words[] = { "by_layer", "A", "B", NULL };
static const char *const completed_at_words[] = { "set", "null", NULL };
static const char *const video_url_words[] = { "video_url", "metadata.url", "url", NULL };

static const struct variant variants[] = {
	[VARIANT_WORDS] = { "words", words_words, WORDS_UPPER, 0 },
	[VARIANT_ERROR] = { "error", error_words, ERROR_BY_LAYER, 0 },
	[VARIANT_COMPLETED_AT] = { "completed_at", completed_at_words, 0, 0 },
	[VARIANT_VIDEO_URL] = { "video_url", video_url_words, URL_ON_TOP, 0 },
	{ .name = NULL },
};

const struct wire wire_comet = {
	.name = "comet",
	.prefix = "/comet",
	.route = route,
	.answers = { [REQUEST_CREATE] = create, [REQUEST_GET] = get },
	.refuse = refuse_call,
	.failure = { "InternalServiceError",
		     "The service encountered an unexpected internal error.", false },
	.moderation = { "OutputVideoSensitiveContentDetected",
			"The request failed because the output video may contain "
			"sensitive information.",
			false },
	.variants = variants,
};
