/*
 * The transport: one curl_multi, driven by one thread. Only this directory includes curl.
 *
 * http_start() begins a call and returns immediately; its callbacks run in http_turn(),
 * on the thread that calls it (the backend's). Other threads may call only http_wake().
 *
 * A call is sent exactly once: nothing is retried, not even by curl when a kept
 * connection turns out to be dead, unless `may_reuse` says that repeating the request is
 * harmless. Redirects are followed only on demand, without credentials, and only to
 * http(s).
 */
#ifndef SEEDANCEFS_BACKEND_HTTP_HTTP_H
#define SEEDANCEFS_BACKEND_HTTP_HTTP_H

#include "backend/http/message.h"

struct http;
struct http_call;

#define HTTP_SINK_PAUSE 1
/* A service that gets more requests than this at once closes connections. */
#define HTTP_LANE_CALLS 32

struct http_options {
	bool may_reuse;	     /* repeating the request is harmless (GET) */
	bool follows;	     /* follow up to 3 redirects: media only */
	bool allows_private; /* loopback and private addresses */
	bool allows_http;    /* plain http */
	int64_t timeout_ms;  /* for the whole call; 0: only stalls end it */
	/*
	 * A stall: no byte of the body for this time, or less than 1 KiB per second on
	 * average. 0: 30 s without a byte. Not used with a timeout.
	 */
	int64_t stall_ms;
	size_t body_max_bytes; /* ceiling of response.body, used without a sink */
	/*
	 * Of the calls in one lane, at most HTTP_LANE_CALLS run at a time, in order;
	 * their time-outs start when they are sent. A lane is identified by an address;
	 * NULL: none. Not for calls that may be paused.
	 */
	const void *lane;

	/*
	 * Takes the body in pieces of at most 16 KiB instead of response.body. `response`
	 * has its status and headers. Returns 0; HTTP_SINK_PAUSE to get the same piece
	 * again after http_resume(); or another value to end the call (outcome
	 * HTTP_LOST).
	 */
	int (*sink)(void *context, const struct http_response *response,
		    const char *bytes, size_t size);
	/* Called after a turn in which the sink took something; may be NULL. */
	void (*turned)(void *context);
	/*
	 * Called exactly once, last, unless http_cancel() was called. The call is freed
	 * afterwards.
	 */
	void (*done)(void *context, struct http_response *response);
	void *context;
};

/*
 * `proxy`: an address; NULL: none; "": from the environment. Calls that may use plain
 * http bypass it. Addresses behind a proxy are not checked: through it, no address is
 * private. Borrowed. 0 or -ENOMEM.
 */
int http_create(const char *proxy, struct http **ret_http);
/* Ends all calls without calling their callbacks. */
void http_destroy(struct http *http);

/* Takes over the request, also on failure. Returns 0 or -ENOMEM. */
int http_start(struct http *http, struct http_request *request,
	       const struct http_options *options, struct http_call **ret_call);
void http_cancel(struct http_call *call);
/* The sink can take more. Not to be called from a callback of the call. */
void http_resume(struct http_call *call);

/* Waits for traffic, a wake-up, or the time-out; then advances all calls. */
void http_turn(struct http *http, int64_t timeout_ms);
void http_wake(struct http *http);

#endif
