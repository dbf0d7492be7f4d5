#include "backend/sim/wires/ace.h"

#include "backend/base/cleanup.h"
#include "backend/base/json_write.h"
#include "backend/sim/wires/ark_answer.h"

#include <string.h>

static void put_flat(struct buffer *out, const char *status, const struct task *task,
		     const struct json *echo, const struct wire_call *call)
{
	const struct ace_house *house = ace_house_of(call->wire);
	const struct link_settings *links = &call->sim->links;
	bool is_done = task->state == TASK_SUCCEEDED;
	AUTOFREE char *video = link_make(links, task, MEDIA_VIDEO, call->host);
	AUTOFREE char *frame = link_make(links, task, MEDIA_LAST_FRAME, call->host);

	json_write_open(out, "data", '{');
	json_write_string(out, "task_id", json_get_string(echo, "upstream_id"));
	json_write_string(out, "status", status);
	if (is_done && !task->omit_video_url)
		json_write_string(out, "video_url",
				  task->link_video_url ? task->link_video_url : video);
	if (is_done && json_is_true(json_get(echo, "return_last_frame")))
		json_write_string(out, "last_frame_url", frame);
	else if (house->shows_missing_last_frame)
		json_write_null(out, "last_frame_url");
	json_write_string(out, "model", task->model);
	json_write_close(out, '}');
}

/* Ark's object, as this backend received it. */
static void put_nested(struct buffer *out, const struct task *task,
		       const struct json *echo, const struct wire_call *call)
{
	const char *id = json_get_string(echo, "upstream_id");
	bool is_array = call->variants[ACE_DATA] == ACE_DATA_ARRAY;

	if (is_array)
		json_write_open(out, "data", '[');
	ark_answer_write(out, is_array ? NULL : "data", id ? id : "", task,
			 &call->sim->links, call->host);
	if (is_array)
		json_write_close(out, ']');
}

static const char *status_of(const struct task *task)
{
	if (task->raw_status)
		return task->raw_status;
	return task->state == TASK_RUNNING ? "processing" : task_state_name(task->state);
}

static void put_data(struct buffer *out, const struct task *task, const struct json *echo,
		     const struct wire_call *call)
{
	if (call->variants[ACE_DATA] == ACE_DATA_FLAT)
		put_flat(out, status_of(task), task, echo, call);
	else
		put_nested(out, task, echo, call);
}

static void put_ids(struct buffer *out, bool is_success, const struct task *task,
		    const struct json *echo)
{
	json_write_bool(out, "success", is_success);
	json_write_string(out, "task_id", task->id);
	json_write_string(out, "trace_id", json_get_string(echo, "trace_id"));
}

/* {"code":...,"<key>":...} */
static void put_structured(struct buffer *out, const struct task *task, const char *key,
			   const char *reason)
{
	json_write_open(out, "error", '{');
	json_write_string(out, "code", task->error_code ? task->error_code : "api_error");
	json_write_string(out, key, reason);
	json_write_close(out, '}');
}

static void put_failure(struct buffer *out, const struct task *task,
			const struct json *echo, const struct wire_call *call)
{
	const char *reason = task->error_message ? task->error_message : "fetch failed";

	switch (call->variants[ACE_FAILURE]) {
	case ACE_FAILURE_STRING:
	case ACE_FAILURE_STRING_UNFINISHED:
		json_write_string(out, "error", reason);
		return;
	case ACE_FAILURE_NULL_UNFINISHED:
		json_write_null(out, "error");
		return;
	case ACE_FAILURE_MESSAGE:
		json_write_string(out, "message", reason);
		return;
	case ACE_FAILURE_REASON:
		json_write_string(out, "failure_reason", reason);
		return;
	case ACE_FAILURE_FAIL_REASON:
		json_write_string(out, "fail_reason", reason);
		return;
	case ACE_FAILURE_WORD:
		put_flat(out, status_of(task), task, echo, call);
		return;
	case ACE_FAILURE_DETAIL:
		put_structured(out, task, "detail", reason);
		return;
	default:
		put_structured(out, task, "message", reason);
	}
}

void ace_answer_write(struct buffer *out, const char *key, const struct task *task,
		      const struct wire_call *call)
{
	AUTOJSON *echo = json_parse_text(task->echo);

	json_write_open(out, key, '{');
	put_ids(out, task->state == TASK_SUCCEEDED, task, echo);
	if (task->state == TASK_FAILED)
		put_failure(out, task, echo, call);
	else
		put_data(out, task, echo, call);
	json_write_close(out, '}');
}

bool ace_answer_is_unfinished(const struct task *task, const struct wire_call *call)
{
	int64_t failure = call->variants[ACE_FAILURE];

	if (task_is_finished(task))
		return task->state == TASK_FAILED &&
		       (failure == ACE_FAILURE_STRING_UNFINISHED ||
			failure == ACE_FAILURE_NULL_UNFINISHED);
	return call->variants[ACE_PENDING] != ACE_PENDING_WORD_FINISHED;
}

static int64_t pending_shape(const struct task *task, const struct wire_call *call)
{
	int64_t shape = call->variants[ACE_PENDING];

	if (shape != ACE_PENDING_AUTO)
		return shape;
	if (task->raw_status)
		return ACE_PENDING_WORD;
	return task->state == TASK_QUEUED ? ACE_PENDING_NONE : ACE_PENDING_BARE;
}

void ace_answer_write_pending(struct buffer *out, const struct task *task,
			      const struct wire_call *call)
{
	AUTOJSON *echo = json_parse_text(task->echo);
	int64_t shape = pending_shape(task, call);

	if (shape == ACE_PENDING_NONE)
		return;
	if (shape == ACE_PENDING_NULL) {
		json_write_null(out, "response");
		return;
	}
	json_write_open(out, "response", '{');
	if (shape == ACE_PENDING_EMPTY)
		json_write_raw(out, "data", "[]");
	else
		put_ids(out, true, task, echo);
	if (shape == ACE_PENDING_WORD || shape == ACE_PENDING_WORD_FINISHED)
		put_flat(out, status_of(task), task, echo, call);
	json_write_close(out, '}');
}
