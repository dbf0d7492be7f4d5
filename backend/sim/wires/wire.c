#include "backend/sim/wires/wire.h"

#include "backend/base/cleanup.h"
#include "backend/sim/wires/job_task.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const struct wire *const wires[] = {
	&wire_ark,	  &wire_acedata,    &wire_xhuo,
	&wire_createtask, &wire_senseaudio, &wire_comet,
};

const struct wire *wire_at(size_t index)
{
	return index < ARRAY_SIZE(wires) ? wires[index] : NULL;
}

const struct wire *wire_find(const char *path, const char **ret_rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(wires); i++) {
		size_t length = strlen(wires[i]->prefix);

		if (strncmp(path, wires[i]->prefix, length))
			continue;
		if (path[length] && path[length] != '/')
			continue;
		*ret_rest = path + length;
		return wires[i];
	}
	return NULL;
}

const struct wire *wire_find_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(wires); i++)
		if (!strcmp(name, wires[i]->name))
			return wires[i];
	return NULL;
}

/* Whether the request carries the key that the simulator requires, if any. */
static bool is_authorized(const struct wire_call *call)
{
	const char *header = http_header(call->http, "Authorization");
	const char *key = call->sim->key;

	if (!key && (!header || call->wire->takes_any_scheme))
		return true;
	if (!header || strncasecmp(header, "Bearer ", 7) || !header[7])
		return false;
	return !key || !strcmp(header + 7, key);
}

static bool answer(const struct wire_call *call, struct refusal *refusal,
		   struct buffer *out)
{
	wire_answer *write = call->wire->answers[call->on];

	if (!is_authorized(call))
		return refuse(refusal, REFUSAL_KEY,
			      "The API key in the request is missing or invalid");
	if (!write)
		return refuse(refusal, REFUSAL_PATH, "No such path or method");
	if (call->http->body_too_large)
		return refuse(refusal, REFUSAL_TOO_LARGE,
			      "The request body is larger than 64 MB");
	return write(call, refusal, out);
}

int wire_handle(const struct wire_call *call, struct http_reply *reply)
{
	CLEANUP(refusal_clear) struct refusal refusal = REFUSAL_INIT;

	http_reply_header(reply, "Content-Type", "application/json; charset=utf-8");
	if (!answer(call, &refusal, &reply->body)) {
		if (refusal.kind == REFUSAL_SILENT)
			return -ECONNABORTED;
		buffer_clear(&reply->body);
		call->wire->refuse(call, &refusal, reply);
	}
	return buffer_error(&reply->body);
}

int wire_refuse_fault(const struct wire_call *call, const struct fault_action *action,
		      struct http_reply *reply)
{
	CLEANUP(refusal_clear) struct refusal refusal = REFUSAL_INIT;

	refuse(&refusal, REFUSAL_STATUS, "%s",
	       action->error_message ? action->error_message
				     : "The simulator was told to refuse this");
	refusal.status = action->status;
	refusal.code = action->error_code ? strdup(action->error_code) : NULL;
	refusal.number = action->error_number;
	http_reply_header(reply, "Content-Type", "application/json; charset=utf-8");
	call->wire->refuse(call, &refusal, reply);
	return buffer_error(&reply->body);
}

struct task *wire_find_task(const struct wire_call *call, const char *id)
{
	AUTOTASK *task = id ? tasks_find(call->sim->tasks, id) : NULL;

	return task && !strcmp(task->wire, call->wire->prefix) ? TAKE(task) : NULL;
}

bool wire_accept(const struct wire_call *call, struct task *task, struct refusal *refusal)
{
	AUTOFREE char *id = strdup(task->id);

	if (!id || tasks_add(call->sim->tasks, task)) {
		job_task_discard(call, task);
		return refuse_no_memory(refusal);
	}
	records_accept(call->sim->records, call->ticket, id);
	return true;
}

const char *wire_path_below(const struct wire_call *call, const char *head)
{
	size_t length = strlen(head);
	const char *id = call->rest + length;

	if (strncmp(call->rest, head, length) || !*id || strchr(id, '/'))
		return NULL;
	return id;
}
