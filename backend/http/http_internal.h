/*
 * The inside of the transport: http.c (calls, and the turn), call_setup.c (what curl is
 * told about a call), lanes.c (calls that wait for others) and stalls.c.
 */
#ifndef SEEDANCEFS_BACKEND_HTTP_HTTP_INTERNAL_H
#define SEEDANCEFS_BACKEND_HTTP_HTTP_INTERNAL_H

#include "backend/http/body.h"
#include "backend/http/http.h"

#include <curl/curl.h>

/* Calls that go out a few at a time. */
struct lane {
	struct lane *next;
	const void *key; /* http_options.lane */
	unsigned under_way;
	struct http_call *waiting, **end; /* in the order they came */
};

struct http {
	CURLM *multi;
	const char *proxy; /* http_create() */
	struct http_call *calls;
	struct lane *lanes;
};

struct http_call {
	struct http *http;
	struct http_call *next, **previous;
	CURL *easy;
	struct curl_slist *headers;
	struct http_options options;
	struct http_request request;
	struct http_response response;
	struct http_body body; /* of the request */
	struct lane *lane;     /* NULL: it need not wait */
	bool is_waiting;       /* for its lane: in its list, and curl does not know it */
	bool has_taken;	       /* the sink, in this turn */
	bool is_paused;	       /* the sink takes nothing for now: that is no stall */
	bool is_refused;       /* the sink wants no more: curl may not have noticed */
	bool is_forbidden;     /* where it was to go */
	bool is_proxied;       /* or may be: the addresses seen are the proxy's */
	int64_t heard_ms;      /* boot clock: the start, or what came of the body last */
	int64_t window_ms; /* since when `window_bytes` came of the body; 0: none did */
	uint64_t window_bytes;
	char error[CURL_ERROR_SIZE];
};

/* --- http.c --- */
/* It is curl's from here on. 0 or -ENOMEM. */
int http_call_send(struct http_call *call);
/* Takes it out of the list that it is in. */
void http_call_unlink(struct http_call *call);
void http_call_destroy(struct http_call *call);
/* Ends it: calls `done`. The call is gone afterwards. */
void http_call_finish(struct http_call *call, CURLcode code);

/* --- call_setup.c --- */
/* 0 or -ENOMEM. */
int http_call_set_options(struct http_call *call);
/* A new status line begins a new set of headers. */
void http_call_begin_headers(struct http_call *call, bool is_framed);
void http_call_read_status(struct http_call *call);

/* --- lanes.c --- */
/* Sends it, or lets it wait for its lane. 0 or -ENOMEM. */
int http_lane_begin(struct http_call *call);
/* It is about to leave the list that it is in. */
void http_lane_leave(struct http_call *call);
/* Calls that wait follow those that ended. */
void http_lanes_send_waiting(struct http *http);
void http_lanes_destroy(struct http *http);

/* --- stalls.c --- */
void http_end_stalled(struct http *http);
/* When the next call stalls, in so many ms; `timeout_ms` at most. */
int64_t http_next_stall_ms(const struct http *http, int64_t timeout_ms);

#endif
