/*
 * Volcengine Ark and BytePlus ModelArk: prefix /ark/api/v3 (providers/README.md, 6).
 */
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/json_write.h"
#include "backend/sim/wires/ark_answer.h"
#include "backend/sim/wires/ark_list.h"
#include "backend/sim/wires/ark_refusal.h"
#include "backend/sim/wires/ark_request.h"
#include "backend/sim/tasks/ids.h"
#include "backend/sim/wires/job_task.h"

#include <errno.h>
#include <string.h>

#define TASKS "/contents/generations/tasks"

static void route(struct wire_call *call)
{
	const char *method = call->http->method, *id = call->rest + strlen(TASKS);

	if (strncmp(call->rest, TASKS, strlen(TASKS)) || (*id && *id != '/'))
		return;
	id += *id == '/';
	if (*id && strcmp(method, "POST"))
		call->task = id;
	if (!strcmp(method, "POST"))
		call->on = REQUEST_CREATE; /* also below a task's path: see 6.5 */
	else if (!strcmp(method, "DELETE") && *id)
		call->on = REQUEST_DELETE;
	else if (!strcmp(method, "GET"))
		call->on = *id ? REQUEST_GET : REQUEST_LIST;
}

static void put_created(struct buffer *out, const char *id, const char *safety_identifier)
{
	json_write_open(out, NULL, '{');
	json_write_string(out, "id", id);
	json_write_string(out, "safety_identifier", safety_identifier);
	json_write_close(out, '}');
}

static const struct ark_dialect dialect = {
	.content = { .types = (const char *const[]){ "text", "image_url", "video_url",
						     "audio_url", "draft_task", NULL },
		     .takes_assets = true },
};

static bool create(const struct wire_call *call, struct refusal *refusal,
		   struct buffer *out)
{
	CLEANUP(job_clear) struct job job = JOB_INIT;
	AUTOFREE char *id = id_cgt(clock_wall_ms());

	if (!ark_request_read(call, &dialect, &job, refusal))
		return false;
	put_created(out, id ? id : "", job.safety_identifier);
	return job_accept(&job, call, TAKE(id), refusal);
}

static bool get(const struct wire_call *call, struct refusal *refusal, struct buffer *out)
{
	AUTOTASK *task = wire_find_task(call, call->task);

	if (!task)
		return refuse_task(refusal, call->task);
	ark_answer_write(out, NULL, task->id, task, &call->sim->links, call->host);
	return true;
}

static bool delete (const struct wire_call *call, struct refusal *refusal,
		    struct buffer *out)
{
	AUTOTASK *task = wire_find_task(call, call->task);

	switch (task ? tasks_delete(call->sim->tasks, call->task) : -ENOENT) {
	case 0:
		buffer_add(out, "{}");
		return true;
	case -EBUSY:
		return refuse_as(
			refusal, 409, "InvalidAction.RunningTaskDeletion", "Conflict",
			"Cannot delete task `%.100s` because it is currently running",
			call->task);
	case -EALREADY:
		return refuse_as(refusal, 409, "InvalidAction", "Conflict",
				 "Cannot delete task `%.100s` because it is cancelled",
				 call->task);
	default:
		return refuse_task(refusal, call->task);
	}
}

const struct wire wire_ark = {
	.name = "ark",
	.prefix = "/ark/api/v3",
	.route = route,
	.answers = { [REQUEST_CREATE] = create,
		     [REQUEST_GET] = get,
		     [REQUEST_LIST] = ark_list_write,
		     [REQUEST_DELETE] = delete },
	.refuse = ark_refuse,
	.failure = { "InternalServiceError",
		     "The service encountered an unexpected internal error.", true },
	.moderation = { "OutputVideoSensitiveContentDetected",
			"The request failed because the output video may contain "
			"sensitive information.",
			true },
};
