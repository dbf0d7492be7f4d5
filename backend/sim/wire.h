/*
 * A wire format: how one service speaks. Each is one table of functions, listed in
 * wire.c; adding one means adding its files and a line there.
 *
 * route() says what a request is, without side effects and whatever else is wrong with
 * it; handle() answers it. Both run on the connection's thread and keep no state of their
 * own.
 */
#ifndef SEEDANCE_SIM_WIRE_H
#define SEEDANCE_SIM_WIRE_H

#include "backend/sim/json.h"
#include "backend/sim/sim.h"

#define WIRE_REQUEST_ID_MAX 64

/* One request to a service. Everything is borrowed. */
struct wire_call {
	struct sim *sim;
	const struct http_request *http;
	const char *rest; /* the path behind the prefix; begins with '/' or is empty */
	const struct json *body; /* NULL = no JSON */
	const char *body_text;	 /* for people: JSON, data URLs shortened; or NULL */
	const char *host;	 /* for links; never NULL */
	char request_id[WIRE_REQUEST_ID_MAX];

	enum request_kind on; /* set by route() */
	const char *task;     /* set by route(): the id in the request, or NULL */
};

struct wire {
	const char *prefix;
	void (*route)(struct wire_call *call);
	/*
	 * Fills the reply. A create that is accepted gives its task's id in *ret_created
	 * (the caller frees it). Negative errno: the connection is closed without an
	 * answer.
	 */
	int (*handle)(const struct wire_call *call, char **ret_created,
		      struct http_reply *reply);
};

extern const struct wire wire_ark;

/* The wire format whose prefix the path has, or NULL; *ret_rest is what follows. */
const struct wire *wire_find(const char *path, const char **ret_rest);

/* Does the request carry the key that the simulator wants (if it wants one)? */
bool wire_is_authorized(const struct wire_call *call);

#endif
