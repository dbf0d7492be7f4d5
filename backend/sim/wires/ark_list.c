#include "backend/sim/wires/ark_list.h"

#include "backend/base/cleanup.h"
#include "backend/base/json_write.h"
#include "backend/sim/wires/ark_answer.h"

#include <errno.h>
#include <string.h>

#define PAGE_MAX 500
#define IDS_MAX 500

struct listing {
	const struct wire_call *call;
	struct buffer *out;
	int64_t first, last; /* the range of matches to show, counted from 0 */
	int64_t total;
	enum task_state state; /* TASK_STATES = any */
	const char *model;
	bool is_flex;
	const char *ids[IDS_MAX];
	size_t id_count;
};

/* Leaves *number unchanged if it is not given. */
static bool read_number(const struct wire_call *call, const char *name,
			struct refusal *refusal, int64_t *number)
{
	const char *text = http_query(call->http, name);
	long long value;
	char *end;

	if (!text)
		return true;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || end == text || *end || value < 1 || value > PAGE_MAX)
		return refuse_invalid(refusal, name, "must be between 1 and %d",
				      PAGE_MAX);
	*number = value;
	return true;
}

static bool read_state(const struct wire_call *call, struct refusal *refusal,
		       enum task_state *ret)
{
	const char *text = http_query(call->http, "filter.status");

	*ret = text ? task_state_parse(text) : TASK_STATES;
	if (text && (*ret == TASK_STATES || *ret == TASK_EXPIRED))
		return refuse_invalid(refusal, "filter.status", "unknown value");
	return true;
}

static bool read_tier(const struct wire_call *call, struct refusal *refusal, bool *ret)
{
	const char *text = http_query(call->http, "filter.service_tier");

	*ret = text && !strcmp(text, "flex");
	if (text && !*ret && strcmp(text, "default"))
		return refuse_invalid(refusal, "filter.service_tier", "unknown value");
	return true;
}

static bool is_asked_id(const struct listing *listing, const struct task *task)
{
	for (size_t i = 0; i < listing->id_count; i++)
		if (!strcmp(listing->ids[i], task->id))
			return true;
	return listing->id_count == 0;
}

static bool is_wanted(const struct listing *listing, const struct task *task)
{
	return !task->is_gone && !strcmp(task->wire, wire_ark.prefix) &&
	       (listing->state == TASK_STATES || task->state == listing->state) &&
	       (!listing->model || !strcmp(task->model, listing->model)) &&
	       is_asked_id(listing, task) && ark_answer_is_flex(task) == listing->is_flex;
}

static void visit(void *context, const struct task *task)
{
	struct listing *listing = context;
	int64_t index;

	if (!is_wanted(listing, task))
		return;
	index = listing->total++;
	if (index >= listing->first && index <= listing->last)
		ark_answer_write(listing->out, NULL, task->id, task,
				 &listing->call->sim->links, listing->call->host);
}

bool ark_list_write(const struct wire_call *call, struct refusal *refusal,
		    struct buffer *out)
{
	struct listing listing = { .call = call, .out = out };
	int64_t page = 1, size = 10;

	if (!read_number(call, "page_num", refusal, &page) ||
	    !read_number(call, "page_size", refusal, &size) ||
	    !read_state(call, refusal, &listing.state) ||
	    !read_tier(call, refusal, &listing.is_flex))
		return false;
	listing.first = (page - 1) * size;
	listing.last = listing.first + size - 1;
	listing.model = http_query(call->http, "filter.model");
	listing.id_count =
		http_query_all(call->http, "filter.task_ids", listing.ids, IDS_MAX);
	json_write_open(out, NULL, '{');
	json_write_open(out, "items", '[');
	tasks_visit(call->sim->tasks, visit, &listing);
	json_write_close(out, ']');
	json_write_int64(out, "total", listing.total);
	json_write_close(out, '}');
	return true;
}
