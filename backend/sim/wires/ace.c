#include "backend/sim/wires/ace.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/json_write.h"
#include "backend/sim/tasks/ids.h"
#include "backend/sim/wires/job_task.h"

#include <string.h>

#define FRESH_MS_DEFAULT 100
#define FRESH_MS_MAX (600 * 1000)
#define TEXT_MAX 1000

#define MODELS_1X                                                                        \
	"doubao-seedance-1-0-pro-250528", "doubao-seedance-1-0-pro-fast-251015",         \
		"doubao-seedance-1-5-pro-251215", "doubao-seedance-1-0-lite-t2v-250428", \
		"doubao-seedance-1-0-lite-i2v-250428"

static const struct ace_house acedata = {
	.videos = "/seedance/videos",
	.tasks = "/seedance/tasks",
	.content = { .types = (const char *const[]){ "text", "image_url", "video_url",
						     "audio_url", NULL },
		     .is_closed = true,
		     .text_max = TEXT_MAX },
	.models = (const char *const[]){ MODELS_1X, "doubao-seedance-2-0-260128",
					 "doubao-seedance-2-0-fast-260128",
					 "doubao-seedance-2-0-mini-260615",
					 "doubao-seedance-2-5-260628", NULL },
	.has_newer_fields = true,
	.shows_missing_last_frame = true,
};

static const struct ace_house xhuo = {
	.videos = "/v1/seedance/videos",
	.tasks = "/v1/seedance/tasks",
	.content = { .types = (const char *const[]){ "text", "image_url", NULL },
		     .is_closed = true },
	.models = (const char *const[]){ MODELS_1X, NULL },
	.has_frame_rate = true,
	.frames_need_text = true,
};

const struct ace_house *ace_house_of(const struct wire *wire)
{
	return wire == &wire_xhuo ? &xhuo : &acedata;
}

static void route(struct wire_call *call)
{
	const struct ace_house *house = ace_house_of(call->wire);

	if (strcmp(call->http->method, "POST"))
		return;
	if (!strcmp(call->rest, house->videos))
		call->on = REQUEST_CREATE;
	if (strcmp(call->rest, house->tasks))
		return;
	call->on = ace_record_is_batch(call->body) ? REQUEST_LIST : REQUEST_GET;
	call->task = json_get_string(call->body, "id");
}

/* Queries find only tasks that were created asynchronously (providers/README.md, 1.3). */
static void put_extra(struct job *job, bool is_async)
{
	AUTOFREE char *upstream = id_cgt(clock_wall_ms()), *trace = id_uuid();

	json_write_string(&job->extra, "upstream_id", upstream);
	json_write_string(&job->extra, "trace_id", trace);
	json_write_bool(&job->extra, "is_kept", is_async);
}

static int status_of_failure(const struct task *task, const struct wire *wire)
{
	bool is_moderation =
		task->error_code && !strcmp(task->error_code, wire->moderation.code);

	return is_moderation ? 403 : 500;
}

/* Holds the connection until the video is ready, as the service does. */
static bool await(const struct wire_call *call, const char *id, struct refusal *refusal,
		  struct buffer *out)
{
	AUTOTASK *task = NULL;

	if (tasks_await_end(call->sim->tasks, id, call->http->socket, &task))
		return refuse_silently(refusal);
	if (task->state == TASK_FAILED)
		return refuse_as(refusal, status_of_failure(task, call->wire),
				 task->error_code ? task->error_code : "api_error", NULL,
				 "%s",
				 task->error_message ? task->error_message
						     : "fetch failed");
	ace_answer_write(out, NULL, task, call);
	return true;
}

static bool create(const struct wire_call *call, struct refusal *refusal,
		   struct buffer *out)
{
	CLEANUP(job_clear) struct job job = JOB_INIT;
	AUTOFREE char *id = id_uuid();
	bool is_async = false;

	if (!ace_request_read(call, &job, &is_async, refusal))
		return false;
	if (!id)
		return refuse_no_memory(refusal);
	put_extra(&job, is_async);
	if (!job_accept(&job, call, strdup(id), refusal))
		return false;
	if (!is_async)
		return await(call, id, refusal, out);
	json_write_open(out, NULL, '{');
	json_write_string(out, "task_id", id);
	json_write_close(out, '}');
	return true;
}

static const char *const data_words[] = { "A", "B", "C", NULL };
static const char *const pending_words[] = { "auto",  "none", "null",	       "bare",
					     "empty", "word", "word_finished", NULL };
static const char *const failure_words[] = { "structured",
					     "detail",
					     "string",
					     "string_unfinished",
					     "null_unfinished",
					     "message",
					     "failure_reason",
					     "fail_reason",
					     "word",
					     NULL };
static const char *const error_words[] = { "structured", "string", "detail", NULL };
static const char *const async_words[] = { "ignored", "honoured", NULL };

/* The two services treat `async` differently. */
#define VARIANTS(honours_async)                                                       \
	{ "data", data_words, ACE_DATA_FLAT, 0 }, { "pending", pending_words, 0, 0 }, \
		{ "failure", failure_words, 0, 0 }, { "error", error_words, 0, 0 },   \
		{ "async", async_words, honours_async, 0 },                           \
		{ "fresh_ms", NULL, FRESH_MS_DEFAULT, FRESH_MS_MAX },                 \
	{                                                                             \
		.name = NULL                                                          \
	}

/* In the order of enum ace_variant. */
static const struct variant acedata_variants[] = { VARIANTS(1) };
static const struct variant xhuo_variants[] = { VARIANTS(0) };

/* What the two services share. */
#define BACKEND                                                                    \
	.route = route,                                                            \
	.answers = { [REQUEST_CREATE] = create,                                    \
		     [REQUEST_GET] = ace_record_retrieve,                          \
		     [REQUEST_LIST] = ace_record_batch },                          \
	.refuse = ace_refuse, .failure = { "api_error", "fetch failed", false },   \
	.moderation = { "OutputVideoSensitiveContentDetected",                     \
			"The request failed because the output video may contain " \
			"sensitive information.",                                  \
			false }

const struct wire wire_acedata = {
	.name = "acedata",
	.prefix = "/acedata",
	BACKEND,
	.variants = acedata_variants,
};

const struct wire wire_xhuo = {
	.name = "xhuo",
	.prefix = "/xhuo",
	BACKEND,
	.variants = xhuo_variants,
};
