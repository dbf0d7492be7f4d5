/*
 * The transport: one curl_multi, driven by one thread. Only this directory includes
 * curl.
 *
 * http_start() begins a call and returns at once; its callbacks come from http_turn(), on
 * the thread that calls it (the backend's). Only http_wake() may be called from other
 * threads.
 *
 * A call is sent exactly once: nothing is retried, not even by curl when a kept
 * connection turns out to be dead, unless `may_reuse` says that the request is harmless
 * to repeat. Redirects are followed only where asked for, without credentials, to http(s)
 * only.
 */
#ifndef SEEDANCEFS_BACKEND_HTTP_HTTP_H
#define SEEDANCEFS_BACKEND_HTTP_HTTP_H

#include "backend/http/message.h"

struct http;
struct http_call;

#define HTTP_SINK_PAUSE 1
/* A service that is asked for more at once than it takes breaks connections off. */
#define HTTP_LANE_CALLS 32

struct http_options {
	bool may_reuse;	     /* a repeated request does no harm (GET) */
	bool follows;	     /* follow up to 3 redirects: media only */
	bool allows_private; /* loopback and private addresses */
	bool allows_http;    /* plain http */
	int64_t timeout_ms;  /* for the whole call; 0: only stalls end it */
	/*
	 * A stall: so long without a byte of the body, or with less than 1 KiB a second
	 * on the average. 0: 30 s without a byte. Not with a timeout.
	 */
	int64_t stall_ms;
	size_t body_max_bytes; /* ceiling of response.body, when there is no sink */
	/*
	 * Calls of one lane go out HTTP_LANE_CALLS at a time, in their order; their
	 * times count from then on. A lane is an address, for its identity alone; NULL:
	 * none. Not for what may be paused.
	 */
	const void *lane;

	/*
	 * Takes the body piece by piece (of 16 KiB at the most) instead of response.body.
	 * `response` has its status and headers. Returns 0; HTTP_SINK_PAUSE to be given
	 * the same piece again after http_resume(); or another value to end the call
	 * (outcome HTTP_LOST).
	 */
	int (*sink)(void *context, const struct http_response *response,
		    const char *bytes, size_t size);
	/* After a turn in which the sink took something; NULL: nobody cares. */
	void (*turned)(void *context);
	/* Called once, last, unless http_cancel() was called.
	 * The call is gone afterwards. */
	void (*done)(void *context, struct http_response *response);
	void *context;
};

/*
 * `proxy`: an address; NULL: none; "": what the environment says. Calls that may use
 * plain http never go through it. What lies behind a proxy is its own business: through
 * it, no address is private. Borrowed. 0 or -ENOMEM.
 */
int http_create(const char *proxy, struct http **ret_http);
/* Ends all calls without their callbacks. */
void http_destroy(struct http *http);

/* Takes the request over, in every case. Returns 0 or -ENOMEM. */
int http_start(struct http *http, struct http_request *request,
	       const struct http_options *options, struct http_call **ret_call);
void http_cancel(struct http_call *call);
/* The sink may take more. Not from within a callback of the call. */
void http_resume(struct http_call *call);

/* Waits for traffic, a wake-up, or the time to pass; then moves all calls on. */
void http_turn(struct http *http, int64_t timeout_ms);
void http_wake(struct http *http);

#endif
