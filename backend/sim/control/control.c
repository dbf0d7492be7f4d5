#include "backend/sim/control/control.h"

#include "backend/base/cleanup.h"
#include "backend/base/json_write.h"
#include "backend/sim/control/control_orders.h"
#include "backend/sim/wires/wire.h"

#include <errno.h>
#include <string.h>

#define COMPLAINT_CEILING 1024
#define TIMEOUT_MS_MAX (600 * 1000)
#define TASKS_PREFIX "/tasks/"
#define VARIANTS_PREFIX "/variants/"
#define CREATES_PREFIX "/creates/"

/* The order that this file is handling. */
struct order {
	struct sim *sim;
	const struct http_request *request;
	const struct json *body;
	struct http_reply *reply;
	struct buffer complaint;
};

static int complain(struct http_reply *reply, int status, const char *text)
{
	buffer_clear(&reply->body);
	reply->status = status;
	json_write_open(&reply->body, NULL, '{');
	json_write_string(&reply->body, "error", text);
	json_write_close(&reply->body, '}');
	return buffer_error(&reply->body);
}

static int refuse_order(struct order *order)
{
	return complain(order->reply, 400,
			order->complaint.data ? order->complaint.data : "bad request");
}

static int answer_empty(struct order *order)
{
	return buffer_add(&order->reply->body, "{}");
}

static int get_stats(struct order *order)
{
	records_stats(order->sim->records, &order->reply->body);
	return 0;
}

static int delete_stats(struct order *order)
{
	records_reset(order->sim->records);
	return answer_empty(order);
}

/* A whole number from the query, 0 if absent; anything else is a complaint. */
static int64_t query_number(struct order *order, const char *name)
{
	const char *text = http_query(order->request, name);
	long long number;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || end == text || *end || number < 0)
		buffer_addf(&order->complaint, "%s: not a number. ", name);
	return number;
}

static void read_on(struct order *order, struct records_filter *filter)
{
	const char *on = http_query(order->request, "on");

	filter->has_on = on;
	if (on && !request_kind_parse(on, &filter->on))
		buffer_addf(&order->complaint, "on: unknown value: %.100s. ", on);
}

static int get_requests(struct order *order)
{
	static const char *const known[] = { "after", "on",	    "wire",
					     "done",  "timeout_ms", NULL };
	const char *unknown = http_query_unknown(order->request, known);
	struct records_filter filter = { .after = 0 };

	if (unknown)
		buffer_addf(&order->complaint, "unknown key: %.100s. ", unknown);
	filter.after = (uint64_t)query_number(order, "after");
	filter.done = query_number(order, "done");
	filter.timeout_ms = query_number(order, "timeout_ms");
	read_on(order, &filter);
	filter.wire = http_query(order->request, "wire");
	if (filter.wire && !wire_find_name(filter.wire))
		buffer_addf(&order->complaint, "wire: unknown value: %.100s. ",
			    filter.wire);
	if (filter.timeout_ms > TIMEOUT_MS_MAX)
		buffer_add(&order->complaint, "timeout_ms: too long");
	if (order->complaint.size)
		return refuse_order(order);
	records_list(order->sim->records, &filter, &order->reply->body);
	return 0;
}

static int post_fault(struct order *order)
{
	struct fault *fault = NULL;
	uint64_t id;

	if (!control_read_fault(order->body, &order->complaint, &fault))
		return refuse_order(order);
	id = faults_add(order->sim->faults, fault);
	json_write_open(&order->reply->body, NULL, '{');
	json_write_int64(&order->reply->body, "id", (int64_t)id);
	json_write_close(&order->reply->body, '}');
	return 0;
}

static int get_faults(struct order *order)
{
	faults_list(order->sim->faults, &order->reply->body);
	return 0;
}

static int delete_faults(struct order *order)
{
	faults_clear(order->sim->faults);
	return answer_empty(order);
}

/* The tasks that a listing shows. */
struct listing {
	struct buffer *out;
	const char *id; /* NULL = all */
	bool has_any;
};

static void put_task(void *context, const struct task *task)
{
	struct listing *listing = context;

	if (listing->id && strcmp(listing->id, task->id))
		return;
	task_write(listing->out, NULL, task);
	listing->has_any = true;
}

static int get_tasks(struct order *order)
{
	struct listing listing = { .out = &order->reply->body };

	json_write_open(listing.out, NULL, '{');
	json_write_open(listing.out, "tasks", '[');
	tasks_visit(order->sim->tasks, put_task, &listing);
	json_write_close(listing.out, ']');
	json_write_close(listing.out, '}');
	return 0;
}

static const char *task_id(const struct order *order)
{
	return order->request->path + strlen(TASKS_PREFIX);
}

static int get_task(struct order *order)
{
	struct listing listing = { .out = &order->reply->body, .id = task_id(order) };

	tasks_visit(order->sim->tasks, put_task, &listing);
	return listing.has_any ? 0 : complain(order->reply, 404, "no such task");
}

static int post_task(struct order *order)
{
	struct task_change change;

	if (!control_read_change(order->body, &order->complaint, &change))
		return refuse_order(order);
	if (tasks_change(order->sim->tasks, task_id(order), &change))
		return complain(order->reply, 404, "no such task");
	return answer_empty(order);
}

static int post_hold(struct order *order)
{
	enum task_state hold = TASK_STATES;

	if (!control_read_hold(order->body, &order->complaint, &hold))
		return refuse_order(order);
	tasks_hold(order->sim->tasks, hold);
	return answer_empty(order);
}

static int get_variants(struct order *order)
{
	struct buffer *out = &order->reply->body;
	const struct wire *wire;

	json_write_open(out, NULL, '{');
	for (size_t i = 0; (wire = wire_at(i)); i++) {
		int64_t values[VARIANTS_MAX];

		variants_get(order->sim->variants, wire, values);
		control_write_variants(out, wire, values);
	}
	json_write_close(out, '}');
	return 0;
}

static int post_variants(struct order *order)
{
	const char *name = order->request->path + strlen(VARIANTS_PREFIX);
	const struct wire *wire = wire_find_name(name);
	int64_t values[VARIANTS_MAX];

	if (!wire)
		return complain(order->reply, 404, "no such wire format");
	variants_get(order->sim->variants, wire, values);
	if (!control_read_variants(order->body, wire, &order->complaint, values))
		return refuse_order(order);
	variants_set(order->sim->variants, wire, values);
	return answer_empty(order);
}

static int delete_variants(struct order *order)
{
	variants_reset(order->sim->variants);
	return answer_empty(order);
}

static int get_last_create(struct order *order)
{
	const char *name = order->request->path + strlen(CREATES_PREFIX);

	if (records_last_create(order->sim->records, name, &order->reply->body))
		return complain(order->reply, 404, "no create came");
	return 0;
}

/* A path that ends with '/' matches everything below it. */
static const struct control_route {
	const char *method, *path;
	int (*handle)(struct order *order);
} routes[] = {
	{ "GET", "/stats", get_stats },
	{ "DELETE", "/stats", delete_stats },
	{ "GET", "/requests", get_requests },
	{ "POST", "/faults", post_fault },
	{ "GET", "/faults", get_faults },
	{ "DELETE", "/faults", delete_faults },
	{ "GET", "/tasks", get_tasks },
	{ "GET", TASKS_PREFIX, get_task },
	{ "POST", TASKS_PREFIX, post_task },
	{ "POST", "/hold", post_hold },
	{ "GET", "/variants", get_variants },
	{ "DELETE", "/variants", delete_variants },
	{ "POST", VARIANTS_PREFIX, post_variants },
	{ "GET", CREATES_PREFIX, get_last_create },
};

static bool is_for(const struct control_route *route, const struct http_request *request)
{
	size_t length = strlen(route->path);

	if (strcmp(route->method, request->method))
		return false;
	if (route->path[length - 1] == '/')
		return !strncmp(request->path, route->path, length) &&
		       request->path[length];
	return !strcmp(request->path, route->path);
}

static int handle(void *context, struct http_request *request, struct http_reply *reply)
{
	AUTOJSON *body = NULL;
	int r = json_parse(request->body, request->body_size, &body, NULL);
	struct order order = { context, request, body, reply,
			       BUFFER_INIT(COMPLAINT_CEILING) };

	http_reply_header(reply, "Content-Type", "application/json");
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (!is_for(&routes[i], request))
			continue;
		r = routes[i].handle(&order);
		buffer_clear(&order.complaint);
		return r;
	}
	return complain(reply, 404, "no such order");
}

struct http_handler control_handler(struct sim *sim)
{
	return (struct http_handler){ .context = sim, .handle = handle };
}
