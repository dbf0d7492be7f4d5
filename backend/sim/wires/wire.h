/*
 * A wire format: how one service speaks. Each is one table, listed in wire.c; adding one
 * means adding its files and a line there.
 *
 * route() says what a request is, without side effects and whatever else is wrong with
 * it; answers[] answer it; refuse() words what they refuse. All run on the connection's
 * thread and keep no state of their own.
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
	const char *rest; /* the path behind the prefix; begins with '/' or is empty */
	const struct json *body;       /* NULL = no JSON */
	const struct multipart *parts; /* NULL = no multipart/form-data */
	const char *body_text; /* for people: JSON, data URLs shortened; or NULL */
	const char *host;      /* for links; never NULL */
	char request_id[WIRE_REQUEST_ID_MAX];
	uint64_t ticket;		/* of server/records.h */
	int64_t variants[VARIANTS_MAX]; /* as they were when the request came */

	enum request_kind on; /* set by route() */
	const char *task;     /* set by route(): the id in the request, or NULL */
};

/* False: see the refusal. What was appended to `out` is then dropped. */
typedef bool wire_answer(const struct wire_call *call, struct refusal *refusal,
			 struct buffer *out);

/* How a task fails if its prompt wants it to: see job_task.h. */
struct wire_ending {
	const char *code, *message;
	bool has_request_id; /* behind the message */
};

struct wire {
	const char *name, *prefix;
	void (*route)(struct wire_call *call);
	wire_answer *answers[REQUEST_KINDS];
	/* Sets the status and appends the body. */
	void (*refuse)(const struct wire_call *call, const struct refusal *refusal,
		       struct http_reply *reply);
	/* If no key is wanted: is an Authorization of any scheme good? */
	bool takes_any_scheme;
	struct wire_ending failure, moderation;
	const struct variant *variants; /* what tests may choose; ends with no name */
};

extern const struct wire wire_ark;
extern const struct wire wire_acedata;
extern const struct wire wire_xhuo;
extern const struct wire wire_createtask;
extern const struct wire wire_comet;
extern const struct wire wire_senseaudio;

/* NULL after the last one. */
const struct wire *wire_at(size_t index);
/* The wire format whose prefix the path has, or NULL; *ret_rest is what follows. */
const struct wire *wire_find(const char *path, const char **ret_rest);
const struct wire *wire_find_name(const char *name);

/* Checks the key, answers or refuses. Negative: close without an answer. */
int wire_handle(const struct wire_call *call, struct http_reply *reply);
/* The service's own words for a fault's status. */
int wire_refuse_fault(const struct wire_call *call, const struct fault_action *action,
		      struct http_reply *reply);

/* What all formats need: a task of this format, or NULL. */
struct task *wire_find_task(const struct wire_call *call, const char *id);
/* Files a task that is accepted: from now on it is billed. Takes it over, always. */
bool wire_accept(const struct wire_call *call, struct task *task,
		 struct refusal *refusal);
/* The rest of the path behind `head`,
 * if it has that and nothing else follows; or NULL. */
const char *wire_path_below(const struct wire_call *call, const char *head);

#endif
