/*
 * SenseAudio: prefix /senseaudio (providers/README.md, 5).
 */
#include "backend/sim/wires/senseaudio.h"

#include "backend/base/cleanup.h"
#include "backend/base/json_write.h"
#include "backend/sim/server/shorten.h"
#include "backend/sim/tasks/ids.h"
#include "backend/sim/wires/job_task.h"

#include <string.h>

#define CREATE "/v1/video/create"
#define STATUS "/v1/video/status"

/* What tests may select, by position. */
enum { VARIANT_TASK_ID, VARIANT_PENDING_PROGRESS };
#define HALF_WAY 50

static void route(struct wire_call *call)
{
	const char *method = call->http->method;

	if (!strcmp(method, "POST") && !strcmp(call->rest, CREATE))
		call->on = REQUEST_CREATE;
	if (strcmp(method, "GET") || strcmp(call->rest, STATUS))
		return;
	call->on = REQUEST_GET;
	call->task = http_query(call->http, "id");
}

/* Members of a status answer that other services do not have. */
static void put_extra(struct job *job, const struct json *body)
{
	AUTOFREE char *record = id_uuid();

	json_write_string(&job->extra, "record_id", record);
	json_write_bool(&job->extra, "watermark", job->watermark);
	shorten_write(&job->extra, "content", json_get_nonnull(body, "content"));
}

static bool create(const struct wire_call *call, struct refusal *refusal,
		   struct buffer *out)
{
	CLEANUP(job_clear) struct job job = JOB_INIT;
	AUTOFREE char *id = id_uuid();

	if (!senseaudio_request_read(call->body, &job, refusal))
		return false;
	put_extra(&job, call->body);
	json_write_open(out, NULL, '{');
	json_write_string(out, "task_id", id ? id : "");
	json_write_close(out, '}');
	return job_accept(&job, call, TAKE(id), refusal);
}

static const char *status_of(const struct task *task)
{
	if (task->raw_status)
		return task->raw_status;
	switch (task->state) {
	case TASK_QUEUED:
		return "pending";
	case TASK_RUNNING:
		return "processing";
	case TASK_SUCCEEDED:
		return "completed";
	default:
		return "failed";
	}
}

static int64_t progress_of(const struct task *task, const struct wire_call *call)
{
	if (task->state == TASK_QUEUED)
		return call->variants[VARIANT_PENDING_PROGRESS];
	return task->state == TASK_RUNNING ? HALF_WAY : 100;
}

static void put_specific(struct buffer *out, const struct task *task,
			 const struct json *echo, const struct wire_call *call)
{
	bool has_mark = task->state == TASK_SUCCEEDED &&
			json_is_true(json_get(echo, "watermark"));
	AUTOFREE char *link = link_make(&call->sim->links, task, MEDIA_VIDEO, call->host);

	json_write_open(out, "provider_specific", '{');
	json_write_bool(out, "generate_audio", task->picture.has_audio);
	if (has_mark)
		json_write_string(out, "watermark_url", link);
	json_write_close(out, '}');
}

static void put_result(struct buffer *out, const struct task *task,
		       const struct wire_call *call)
{
	AUTOFREE char *link =
		link_make_bare(&call->sim->links, task, MEDIA_VIDEO, call->host);

	if (task->state == TASK_SUCCEEDED && !task->omit_video_url)
		json_write_string(out, "video_url",
				  task->link_video_url ? task->link_video_url : link);
	if (task->state == TASK_FAILED)
		json_write_string(out, "error_message",
				  task->error_message ? task->error_message
						      : task->error_code);
	if (task->state == TASK_EXPIRED)
		json_write_string(out, "error_message", "timeout");
}

static void put_times(struct buffer *out, const struct task *task)
{
	json_write_bool(out, "is_new", true);
	json_write_int64(out, "created_at", task->created_ms / 1000);
	if (task_is_finished(task))
		json_write_int64(out, "completed_at", task->state_ms / 1000);
	else
		json_write_null(out, "completed_at");
}

static void put_task(struct buffer *out, const struct task *task,
		     const struct wire_call *call)
{
	AUTOJSON *echo = json_parse_text(task->echo);
	AUTOFREE char *other = call->variants[VARIANT_TASK_ID] ? id_uuid() : NULL;

	json_write_open(out, NULL, '{');
	json_write_string(out, "id", json_get_string(echo, "record_id"));
	json_write_string(out, "model", task->model);
	json_write_string(out, "task_id", other ? other : task->id);
	json_write_string(out, "status", status_of(task));
	json_write_int64(out, "progress", progress_of(task, call));
	put_result(out, task, call);
	json_write_int64(out, "duration", json_get_int64(echo, "duration", 0));
	put_times(out, task);
	json_write_string(out, "prompt", "");
	json_write_string(out, "resolution", json_get_string(echo, "resolution"));
	json_write_value(out, "content", json_get_nonnull(echo, "content"));
	json_write_string(out, "ratio", json_get_string(echo, "ratio"));
	put_specific(out, task, echo, call);
	json_write_close(out, '}');
}

static bool get(const struct wire_call *call, struct refusal *refusal, struct buffer *out)
{
	AUTOTASK *task = wire_find_task(call, call->task);

	if (!call->task || !*call->task)
		return refuse_missing(refusal, "id");
	if (!task)
		return refuse_task(refusal, call->task);
	put_task(out, task, call);
	return true;
}

static const char *const task_id_words[] = { "own", "other", NULL };

static const struct variant variants[] = {
	[VARIANT_TASK_ID] = { "task_id", task_id_words, 0, 0 },
	[VARIANT_PENDING_PROGRESS] = { "pending_progress", NULL, HALF_WAY, 100 },
	{ .name = NULL },
};

const struct wire wire_senseaudio = {
	.name = "senseaudio",
	.prefix = "/senseaudio",
	.route = route,
	.answers = { [REQUEST_CREATE] = create, [REQUEST_GET] = get },
	.refuse = senseaudio_refuse,
	.failure = { "internal", "internal_error", false },
	.moderation = { "sensitive_content_blocked", "sensitive_content_blocked", false },
	.variants = variants,
};
