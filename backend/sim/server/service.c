#include "backend/sim/server/service.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/sim/server/media.h"
#include "backend/sim/server/service_record.h"
#include "backend/sim/wires/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

/* The request that this file is handling. */
struct visit {
	struct wire_call call; /* without a wire: media, or an unknown path */
	char *media_task;      /* owned; NULL = not a media request */
	enum media_kind media_kind;
};

static void visit_clear(struct visit *visit)
{
	json_free((struct json *)(uintptr_t)visit->call.body);
	multipart_destroy((struct multipart *)(uintptr_t)visit->call.parts);
	free((char *)(uintptr_t)visit->call.body_text);
	free(visit->media_task);
}

static void make_request_id(char *id, size_t room)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = 0;
	snprintf(id, room, "02%" PRId64 "%016" PRIx64, clock_wall_ms(), random);
}

/* The Host header goes into links, so it must look like a host name. */
static const char *find_host(const struct http_request *request)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789.-_:[]";
	const char *host = http_header(request, "Host");

	if (!host || !*host || strlen(host) > 255 || host[strspn(host, allowed)])
		return "127.0.0.1";
	return host;
}

/* Parses the body according to its Content-Type. */
static void read_body(struct wire_call *call)
{
	const struct http_request *http = call->http;
	const char *type = http_header(http, "Content-Type");
	struct multipart *parts = NULL;
	struct json *body = NULL;

	if (http->body_too_large || !http->body_size)
		return;
	if (multipart_is_type(type)) {
		if (!multipart_read(type, http->body, http->body_size, &parts))
			call->parts = parts;
	} else if (!json_parse(http->body, http->body_size, &body, NULL)) {
		call->body = body;
	}
}

static void route(struct sim *sim, const struct http_request *request,
		  struct visit *visit)
{
	struct wire_call *call = &visit->call;

	*visit = (struct visit){ .call = { .sim = sim, .http = request } };
	call->on = REQUEST_OTHER;
	call->host = find_host(request);
	make_request_id(call->request_id, sizeof(call->request_id));
	call->wire = wire_find(request->path, &call->rest);
	if (call->wire) {
		read_body(call);
		variants_get(sim->variants, call->wire, call->variants);
		call->wire->route(call);
	} else if (media_route(request->path, &visit->media_task, &visit->media_kind)) {
		call->on = REQUEST_MEDIA;
	}
	call->body_text = service_describe_body(call);
}

static uint64_t record(const struct visit *visit)
{
	const struct wire_call *call = &visit->call;
	AUTOFREE char *exact =
		call->on == REQUEST_CREATE ? service_describe_exactly(call) : NULL;
	struct record_start start = { .on = call->on,
				      .wire = call->wire ? call->wire->name : NULL,
				      .task = call->task,
				      .body = call->body_text,
				      .exact = exact };

	if (visit->media_task) {
		start.task = visit->media_task;
		start.media = media_kind_name(visit->media_kind);
	}
	return service_record(call->sim->records, call->http, &start);
}

static struct fault *take_fault(const struct visit *visit)
{
	const struct wire_call *call = &visit->call;
	struct fault_target target = { .on = call->on, .task = call->task };

	if (call->wire)
		target.wire = call->wire->name;
	if (visit->media_task) {
		target.task = visit->media_task;
		target.media = media_kind_name(visit->media_kind);
	}
	return faults_take(call->sim->faults, &target);
}

/* Waits as long as the fault says. Negative: close the connection. */
static int suffer(const struct visit *visit, struct fault *fault, int64_t ms)
{
	return faults_wait(visit->call.sim->faults, fault, ms, visit->call.http->socket);
}

static int suffer_before(const struct visit *visit, struct fault *fault)
{
	const struct fault_action *action = &fault->action;
	int r = action->delay_ms ? suffer(visit, fault, action->delay_ms) : 0;

	if (r && r != -ECANCELED)
		return r;
	if (action->close == FAULT_BEFORE)
		return -ECONNABORTED;
	if (action->hang == FAULT_BEFORE) {
		suffer(visit, fault, FAULT_FOREVER);
		return -ECONNABORTED;
	}
	return 0;
}

static int suffer_after(const struct visit *visit, struct fault *fault)
{
	int r;

	if (fault->action.close == FAULT_AFTER)
		return -ECONNABORTED;
	if (fault->action.hang != FAULT_AFTER)
		return 0;
	r = suffer(visit, fault, FAULT_FOREVER);
	return r == -ECANCELED ? 0 : r;
}

static int add_headers(const struct fault_action *action, struct http_reply *reply)
{
	int r = 0;

	for (size_t i = 0; !r && i < action->header_count; i++)
		r = http_reply_header(reply, action->headers[i].name, "%s",
				      action->headers[i].value);
	return r;
}

static int answer_fault(const struct fault_action *action, struct http_reply *reply)
{
	int r = http_reply_text(reply, action->status,
				action->body_type ? action->body_type : "text/plain",
				action->body ? action->body : "");

	return r ? r : add_headers(action, reply);
}

/* Answers in the service's own words, unless the test gave a body. */
static int refuse_by_fault(const struct wire_call *call,
			   const struct fault_action *action, struct http_reply *reply)
{
	int r = wire_refuse_fault(call, action, reply);

	return r ? r : add_headers(action, reply);
}

static int answer_other(const struct visit *visit, struct http_reply *reply)
{
	return http_reply_text(reply, 404, "text/plain", "404 page not found\n");
}

static int process(const struct visit *visit, struct fault *fault,
		   struct http_reply *reply)
{
	const struct wire_call *call = &visit->call;

	if (fault && fault->action.status)
		return call->wire && !fault->action.body
			       ? refuse_by_fault(call, &fault->action, reply)
			       : answer_fault(&fault->action, reply);
	if (!strcmp(call->http->method, "HEAD"))
		return http_reply_text(reply, 403, "text/plain", "");
	if (visit->media_task)
		return media_handle(call->sim, call->http, visit->media_task,
				    visit->media_kind, fault, reply);
	if (call->wire)
		return wire_handle(call, reply);
	return answer_other(visit, reply);
}

static int serve(const struct visit *visit, struct fault *fault, struct http_reply *reply)
{
	const struct wire_call *call = &visit->call;
	int r = fault ? suffer_before(visit, fault) : 0;

	if (!r)
		r = process(visit, fault, reply);
	if (!r && fault)
		r = suffer_after(visit, fault);
	if (r)
		return r;
	if (call->wire)
		http_reply_header(reply, "X-Request-Id", "%s", call->request_id);
	records_answered(call->sim->records, call->ticket, reply->status);
	return 0;
}

static int handle(void *context, struct http_request *request, struct http_reply *reply)
{
	struct sim *sim = context;
	CLEANUP(visit_clear) struct visit visit;
	struct fault *fault;
	int r;

	route(sim, request, &visit);
	visit.call.ticket = request->ticket = record(&visit);
	fault = take_fault(&visit);
	r = serve(&visit, fault, reply);
	fault_unref(sim->faults, fault);
	log_info("request=%s method=%s path=%s status=%d",
		 request_kind_name(visit.call.on), request->method, request->path,
		 r ? 0 : reply->status);
	return r;
}

static void sent(void *context, uint64_t ticket, uint64_t bytes)
{
	struct sim *sim = context;

	records_add_bytes(sim->records, ticket, bytes);
}

static void finished(void *context, uint64_t ticket)
{
	struct sim *sim = context;

	records_finish(sim->records, ticket);
}

struct http_handler service_handler(struct sim *sim)
{
	return (struct http_handler){ sim, handle, sent, finished };
}
