/*
 * A wire format: the protocol of one service. Each is one table, listed in wire.c; a new
 * one needs its files and a line there.
 *
 * route() classifies a request, without side effects and even if the request is invalid;
 * answers[] answer it; refuse() writes their refusals. All run on the connection's thread
 * and keep no state.
 */
#ifndef SEEDANCE_SIM_WIRES_WIRE_H
#define SEEDANCE_SIM_WIRES_WIRE_H

#include "backend/base/json.h"
#include "backend/sim/wires/multipart.h"
#include "backend/sim/wires/refusal.h"
#include "backend/sim/sim.h"

#define WIRE_REQUEST_ID_MAX 64

struct wire;

/* One request to a service. Everything is borrowed. */
struct wire_call {
	struct sim *sim;
	const struct wire *wire;
	const struct http_request *http;
	const char *rest; /* the path after the prefix; begins with '/' or is empty */
	const struct json *body;       /* NULL = not JSON */
	const struct multipart *parts; /* NULL = not multipart/form-data */
	const char *body_text; /* for the log: JSON with shortened data URLs; or NULL */
	const char *host;      /* for links; never NULL */
	char request_id[WIRE_REQUEST_ID_MAX];
	uint64_t ticket;		/* of server/records.h */
	int64_t variants[VARIANTS_MAX]; /* their values when the request arrived */

	enum request_kind on; /* set by route() */
	const char *task;     /* set by route(): the id in the request, or NULL */
};

/* False: see the refusal; whatever was appended to `out` is dropped. */
typedef bool wire_answer(const struct wire_call *call, struct refusal *refusal,
			 struct buffer *out);

/* How a task fails if its prompt asks for it: see job_task.h. */
struct wire_ending {
	const char *code, *message;
	bool has_request_id; /* after the message */
};

struct wire {
	const char *name, *prefix;
	void (*route)(struct wire_call *call);
	wire_answer *answers[REQUEST_KINDS];
	/* Sets the status and appends the body. */
	void (*refuse)(const struct wire_call *call, const struct refusal *refusal,
		       struct http_reply *reply);
	/* Whether any Authorization scheme is accepted when no key is required. */
	bool takes_any_scheme;
	struct wire_ending failure, moderation;
	const struct variant *variants; /* what tests may select; ends with an entry
					 * without a name */
};

extern const struct wire wire_ark;
extern const struct wire wire_acedata;
extern const struct wire wire_xhuo;
extern const struct wire wire_createtask;
extern const struct wire wire_comet;
extern const struct wire wire_senseaudio;

/* NULL after the last one. */
const struct wire *wire_at(size_t index);
/*
 * The wire format whose prefix the path has, or NULL; *ret_rest is the rest of the path.
 */
const struct wire *wire_find(const char *path, const char **ret_rest);
const struct wire *wire_find_name(const char *name);

/* Checks the key and answers or refuses. Negative: close without an answer. */
int wire_handle(const struct wire_call *call, struct http_reply *reply);
/* The service's own words for the status of a fault. */
int wire_refuse_fault(const struct wire_call *call, const struct fault_action *action,
		      struct http_reply *reply);

/* A task of this format, or NULL. */
struct task *wire_find_task(const struct wire_call *call, const char *id);
/* Adds an accepted task: from now on it is billed. Always takes it over. */
bool wire_accept(const struct wire_call *call, struct task *task,
		 struct refusal *refusal);
/*
 * The rest of the path after `head`, if the path begins with it and nothing else follows;
 * or NULL.
 */
const char *wire_path_below(const struct wire_call *call, const char *head);

#endif
