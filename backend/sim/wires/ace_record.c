#include "backend/sim/wires/ace.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/json_write.h"
#include "backend/sim/wires/fields.h"

#include <inttypes.h>
#include <string.h>

#define BATCH_DEFAULT 12
#define ACCOUNT "5d0c6ab2-8a16-4c0d-9b5f-3f6a1d1f2a01"

static void put_time(struct buffer *out, const char *key, int64_t ms)
{
	AUTOBUFFER text = BUFFER_INIT(64);

	buffer_addf(&text, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
	json_write_raw(out, key, text.data ? text.data : "0.0");
}

static void put_owner(struct buffer *out, const struct task *task)
{
	static const char *const names[] = { "api_id", "application_id", "credential_id",
					     "user_id" };

	json_write_string(out, "_id", task->id);
	json_write_string(out, "id", task->id);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_write_string(out, names[i], ACCOUNT);
	json_write_string(out, "type", "videos");
}

static void put_record(struct buffer *out, const struct task *task,
		       const struct json *echo, const struct wire_call *call)
{
	bool is_finished = task_is_finished(task);

	json_write_open(out, NULL, '{');
	put_owner(out, task);
	json_write_string(out, "trace_id", json_get_string(echo, "trace_id"));
	put_time(out, "created_at", task->created_ms);
	if (task->state != TASK_QUEUED)
		put_time(out, "started_at",
			 task->started_ms ? task->started_ms : task->state_ms);
	if (!ace_answer_is_unfinished(task, call)) {
		put_time(out, "finished_at", task->state_ms);
		put_time(out, "elapsed", task->state_ms - task->created_ms);
	}
	json_write_raw(out, "request", task->body ? task->body : "{}");
	if (is_finished)
		ace_answer_write(out, "response", task, call);
	else
		ace_answer_write_pending(out, task, call);
	json_write_close(out, '}');
}

/*
 * Whether the task belongs to this service, is available to queries, and is available
 * already.
 */
static bool is_kept(const struct task *task, const struct json *echo,
		    const struct wire_call *call)
{
	int64_t age_ms = clock_wall_ms() - task->created_ms;

	return !task->is_gone && !strcmp(task->wire, call->wire->prefix) &&
	       json_is_true(json_get(echo, "is_kept")) &&
	       age_ms >= call->variants[ACE_FRESH_MS];
}

/* The parameters of a query. */
struct query {
	const struct wire_call *call;
	struct buffer *out;
	const char *id, *trace; /* of one task; NULL = any */
	const struct json *ids, *traces;
	const char *type;
	int64_t least_s, most_s; /* creation */
	int64_t offset, limit, matched;
};

static bool has_text(const struct json *array, const char *text)
{
	for (const struct json *item = json_first(array); item; item = json_next(item))
		if (text && json_string(item) && !strcmp(json_string(item), text))
			return true;
	return false;
}

static bool is_asked(const struct query *query, const struct task *task,
		     const struct json *echo)
{
	const char *trace = json_get_string(echo, "trace_id");

	if (query->id && strcmp(query->id, task->id))
		return false;
	if (query->trace && (!trace || strcmp(query->trace, trace)))
		return false;
	if ((query->ids || query->traces) && !has_text(query->ids, task->id) &&
	    !has_text(query->traces, trace))
		return false;
	if (query->type && strcmp(query->type, "videos"))
		return false;
	return task->created_ms / 1000 >= query->least_s &&
	       task->created_ms / 1000 <= query->most_s;
}

static void visit(void *context, const struct task *task)
{
	AUTOJSON *echo = json_parse_text(task->echo);
	struct query *query = context;
	int64_t index;

	if (!is_kept(task, echo, query->call) || !is_asked(query, task, echo))
		return;
	index = query->matched++;
	if (index >= query->offset && index < query->offset + query->limit)
		put_record(query->out, task, echo, query->call);
}

bool ace_record_is_batch(const struct json *body)
{
	const char *action = json_get_string(body, "action");

	return action && !strcmp(action, "retrieve_batch");
}

static bool check_body(const struct wire_call *call, struct refusal *refusal)
{
	static const char *const actions[] = { "retrieve", "retrieve_batch", NULL };
	struct fields fields = { call->body, refusal };
	int action = 0;

	if (!json_is_object(call->body))
		return refuse(refusal, REFUSAL_INVALID,
			      "The request body is not a JSON object.");
	return fields_word(&fields, "action", actions, &action);
}

bool ace_record_retrieve(const struct wire_call *call, struct refusal *refusal,
			 struct buffer *out)
{
	struct query query = {
		.call = call, .out = out, .most_s = INT64_MAX, .limit = 1
	};
	struct fields fields = { call->body, refusal };

	if (!check_body(call, refusal) || !fields_text(&fields, "id", &query.id) ||
	    !fields_text(&fields, "trace_id", &query.trace))
		return false;
	if (!query.id && !query.trace)
		return refuse_missing(refusal, "id");
	tasks_visit(call->sim->tasks, visit, &query);
	if (!query.matched)
		buffer_add(out, "{}");
	return true;
}

static bool read_list(const struct wire_call *call, const char *name,
		      struct refusal *refusal, const struct json **ret)
{
	*ret = json_get_nonnull(call->body, name);
	if (*ret && !json_is_array(*ret))
		return refuse_invalid(refusal, name, "expected an array");
	return true;
}

bool ace_record_batch(const struct wire_call *call, struct refusal *refusal,
		      struct buffer *out)
{
	struct query query = { .call = call, .out = out, .most_s = INT64_MAX };
	struct fields fields = { call->body, refusal };

	if (!check_body(call, refusal) || !read_list(call, "ids", refusal, &query.ids) ||
	    !read_list(call, "trace_ids", refusal, &query.traces))
		return false;
	/* A query that names tasks gets all of them. */
	query.limit = query.ids || query.traces ? INT32_MAX : BATCH_DEFAULT;
	if (!fields_integer(&fields, "offset", 0, INT32_MAX, &query.offset) ||
	    !fields_integer(&fields, "limit", 1, INT32_MAX, &query.limit) ||
	    !fields_integer(&fields, "created_at_min", 0, INT64_MAX, &query.least_s) ||
	    !fields_integer(&fields, "created_at_max", 0, INT64_MAX, &query.most_s) ||
	    !fields_text(&fields, "type", &query.type))
		return false;
	json_write_open(out, NULL, '{');
	json_write_open(out, "items", '[');
	tasks_visit(call->sim->tasks, visit, &query);
	json_write_close(out, ']');
	json_write_int64(out, "count", query.matched);
	json_write_close(out, '}');
	return true;
}
