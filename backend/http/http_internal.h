/*
 * Shared by the files of the transport: http.c (calls and the turn), call_setup.c (curl's
 * options and callbacks), lanes.c (calls that wait for others) and stalls.c.
 */
#ifndef SEEDANCEFS_BACKEND_HTTP_HTTP_INTERNAL_H
#define SEEDANCEFS_BACKEND_HTTP_HTTP_INTERNAL_H

#include "backend/http/body.h"
#include "backend/http/http.h"

#include <curl/curl.h>

/* Calls that run a few at a time. */
struct lane {
	struct lane *next;
	const void *key; /* http_options.lane */
	unsigned under_way;
	struct http_call *waiting, **end; /* in order of arrival */
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
	struct lane *lane;     /* NULL: the call need not wait */
	bool is_waiting;       /* the call waits in its lane; curl does not know it yet */
	bool has_taken;	       /* the sink took something in this turn */
	bool is_paused;	       /* the sink has paused the call: that is no stall */
	bool is_refused;       /* the sink ended the call; curl may not have noticed
			        * yet */
	bool is_forbidden;     /* its address is not allowed */
	bool is_proxied;       /* possibly through a proxy: the addresses seen are the
			        * proxy's */
	int64_t heard_ms;      /* boot clock: the start, or the last byte of the body */
	int64_t window_ms;     /* start of the window in which `window_bytes` arrived; 0:
			    * none */
	uint64_t window_bytes;
	char error[CURL_ERROR_SIZE];
};

/* --- http.c --- */
/* Hands the call over to curl. 0 or -ENOMEM. */
int http_call_send(struct http_call *call);
/* Removes the call from its list. */
void http_call_unlink(struct http_call *call);
void http_call_destroy(struct http_call *call);
/* Ends the call: calls `done` and frees it. */
void http_call_finish(struct http_call *call, CURLcode code);

/* --- call_setup.c --- */
/* 0 or -ENOMEM. */
int http_call_set_options(struct http_call *call);
/* A new status line begins a new set of headers. */
void http_call_begin_headers(struct http_call *call, bool is_framed);
void http_call_read_status(struct http_call *call);

/* --- lanes.c --- */
/* Sends the call, or queues it in its lane. 0 or -ENOMEM. */
int http_lane_begin(struct http_call *call);
/* The call is about to leave its list. */
void http_lane_leave(struct http_call *call);
/* Sends waiting calls in place of those that ended. */
void http_lanes_send_waiting(struct http *http);
void http_lanes_destroy(struct http *http);

/* --- stalls.c --- */
void http_end_stalled(struct http *http);
/* Milliseconds until the next call stalls, at most `timeout_ms`. */
int64_t http_next_stall_ms(const struct http *http, int64_t timeout_ms);

#endif
