/*
 * Volcengine Ark and BytePlus ModelArk: prefix /ark/api/v3 (providers.md, 6).
 */
#include "backend/base/cleanup.h"
#include "backend/sim/ark_answer.h"
#include "backend/sim/ark_list.h"
#include "backend/sim/ark_task.h"
#include "backend/sim/wire.h"

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
		call->on = REQUEST_CREATE; /* below a task's path too: see 6.5 */
	else if (!strcmp(method, "DELETE") && *id)
		call->on = REQUEST_DELETE;
	else if (!strcmp(method, "GET"))
		call->on = *id ? REQUEST_GET : REQUEST_LIST;
}

static bool refuse_unknown_task(struct ark_refusal *refusal, const char *id)
{
	return ark_refuse(refusal, 404, "ResourceNotFound.Task", "NotFound",
			  "The specified task %.100s is not found", id);
}

static bool add_task(const struct wire_call *call, struct task *task, char **ret_created)
{
	AUTOFREE char *id = strdup(task->id);

	if (!id || tasks_add(call->sim->tasks, task)) {
		ark_task_discard(call, task);
		return false;
	}
	*ret_created = TAKE(id);
	return true;
}

static void put_created(struct buffer *out, const char *id, const char *safety_identifier)
{
	json_open(out, NULL, '{');
	json_put_text(out, "id", id);
	json_put_text_if(out, "safety_identifier", safety_identifier);
	json_close(out, '}');
}

static bool create(const struct wire_call *call, struct ark_refusal *refusal,
		   char **ret_created, struct buffer *out)
{
	CLEANUP(ark_request_clear) struct ark_request request = ARK_REQUEST_INIT;
	struct task *task = NULL;

	if (call->http->body_too_large)
		return ark_refuse(refusal, 413, "RequestEntityTooLarge", "BadRequest",
				  "The request body is larger than 64 MB");
	if (!ark_request_read(call->body, call->sim->tasks, &request, refusal))
		return false;
	if (ark_task_make(&request, call, &task) || !add_task(call, task, ret_created))
		return ark_refuse_no_memory(refusal);
	put_created(out, *ret_created, request.safety_identifier);
	return true;
}

static bool get(const struct wire_call *call, struct ark_refusal *refusal,
		char **ret_created, struct buffer *out)
{
	AUTOTASK *task = tasks_find(call->sim->tasks, call->task);

	if (!task)
		return refuse_unknown_task(refusal, call->task);
	ark_answer_write(out, task, &call->sim->links, call->host);
	return true;
}

static bool list(const struct wire_call *call, struct ark_refusal *refusal,
		 char **ret_created, struct buffer *out)
{
	return ark_list_write(call, refusal, out);
}

static bool delete (const struct wire_call *call, struct ark_refusal *refusal,
		    char **ret_created, struct buffer *out)
{
	switch (tasks_delete(call->sim->tasks, call->task)) {
	case 0:
		buffer_add(out, "{}");
		return true;
	case -EBUSY:
		return ark_refuse(
			refusal, 409, "InvalidAction.RunningTaskDeletion", "Conflict",
			"Cannot delete task `%.100s` because it is currently running",
			call->task);
	case -EALREADY:
		return ark_refuse(refusal, 409, "InvalidAction", "Conflict",
				  "Cannot delete task `%.100s` because it is cancelled",
				  call->task);
	default:
		return refuse_unknown_task(refusal, call->task);
	}
}

static bool (*const handlers[REQUEST_KINDS])(const struct wire_call *call,
					     struct ark_refusal *refusal,
					     char **ret_created, struct buffer *out) = {
	[REQUEST_CREATE] = create,
	[REQUEST_GET] = get,
	[REQUEST_LIST] = list,
	[REQUEST_DELETE] = delete,
};

static bool answer(const struct wire_call *call, struct ark_refusal *refusal,
		   char **ret_created, struct buffer *out)
{
	if (!wire_is_authorized(call))
		return ark_refuse(refusal, 401, "AuthenticationError", "Unauthorized",
				  "The API key in the request is missing or invalid");
	if (!handlers[call->on])
		return ark_refuse(refusal, 404, "InvalidPath", "NotFound",
				  "No such path or method");
	return handlers[call->on](call, refusal, ret_created, out);
}

static int handle(const struct wire_call *call, char **ret_created,
		  struct http_reply *reply)
{
	CLEANUP(ark_refusal_clear) struct ark_refusal refusal = ARK_REFUSAL_INIT;

	http_reply_header(reply, "Content-Type", "application/json; charset=utf-8");
	if (!answer(call, &refusal, ret_created, &reply->body)) {
		buffer_clear(&reply->body);
		reply->status = refusal.status;
		ark_refusal_write(&refusal, call->request_id, &reply->body);
	}
	return buffer_error(&reply->body);
}

const struct wire wire_ark = { "/ark/api/v3", route, handle };
