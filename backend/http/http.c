#include "backend/http/http.h"

#include "backend/http/address.h"
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/http/body.h"
#include "backend/http/head.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 10000
#define STALL_SECONDS 30
#define RECEIVE_BUFFER_BYTES (256 * 1024)
#define SLOWEST_BYTES 1024 /* a second */
#define REDIRECTS_MAX 3

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

int http_create(const char *proxy, struct http **ret_http)
{
	AUTOFREE struct http *http = calloc(1, sizeof(*http));

	if (!http || curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	http->multi = curl_multi_init();
	if (!http->multi)
		return -ENOMEM;
	http->proxy = proxy;
	*ret_http = TAKE(http);
	return 0;
}

/* --- lanes --- */

static struct lane *find_or_add_lane(struct http *http, const void *key)
{
	struct lane *lane = http->lanes;

	while (lane && lane->key != key)
		lane = lane->next;
	if (lane)
		return lane;
	lane = calloc(1, sizeof(*lane));
	if (!lane)
		return NULL;
	lane->key = key;
	lane->end = &lane->waiting;
	lane->next = http->lanes;
	http->lanes = lane;
	return lane;
}

static void wait_in_lane(struct http_call *call)
{
	struct lane *lane = call->lane;

	call->is_waiting = true;
	call->previous = lane->end;
	*lane->end = call;
	lane->end = &call->next;
}

static void leave_lane(struct http_call *call)
{
	if (call->lane && call->is_waiting && !call->next)
		call->lane->end = call->previous;
	else if (call->lane && !call->is_waiting && call->previous)
		call->lane->under_way--;
}

static void link_call(struct http *http, struct http_call *call)
{
	call->previous = &http->calls;
	call->next = http->calls;
	if (call->next)
		call->next->previous = &call->next;
	http->calls = call;
}

static void unlink_call(struct http_call *call)
{
	leave_lane(call);
	if (!call->previous)
		return;
	*call->previous = call->next;
	if (call->next)
		call->next->previous = call->previous;
	call->previous = NULL;
	call->next = NULL;
}

/* It is curl's from here on. 0 or -ENOMEM. */
static int send_call(struct http_call *call)
{
	call->heard_ms = clock_boot_ms();
	if (curl_multi_add_handle(call->http->multi, call->easy))
		return -ENOMEM;
	if (call->lane)
		call->lane->under_way++;
	link_call(call->http, call);
	return 0;
}

static void call_destroy(struct http_call *call)
{
	unlink_call(call);
	if (!call->is_waiting)
		curl_multi_remove_handle(call->http->multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	http_request_clear(&call->request);
	http_response_clear(&call->response);
	http_body_clear(&call->body);
	free(call);
}

static void destroy_lanes(struct http *http)
{
	while (http->lanes) {
		struct lane *lane = http->lanes;

		http->lanes = lane->next;
		while (lane->waiting)
			call_destroy(lane->waiting);
		free(lane);
	}
}

void http_destroy(struct http *http)
{
	if (!http)
		return;
	while (http->calls)
		call_destroy(http->calls);
	destroy_lanes(http);
	curl_multi_cleanup(http->multi);
	free(http);
}

void http_cancel(struct http_call *call)
{
	if (call)
		call_destroy(call);
}

void http_wake(struct http *http)
{
	curl_multi_wakeup(http->multi);
}

/* --- the body that goes out --- */

/* 0 at its end. */
static size_t read_body(char *to, size_t unit, size_t count, void *user)
{
	struct http_call *call = user;
	ssize_t size = http_body_read(&call->body, &call->request, to, unit * count);

	return size < 0 ? CURL_READFUNC_ABORT : (size_t)size;
}

/* --- what comes back --- */

/* A new status line (after 100 Continue, a redirect) begins a new set of headers. */
static void begin_headers(struct http_call *call, bool is_framed)
{
	http_response_clear(&call->response);
	call->response.is_framed = is_framed;
	call->response.body.ceiling = call->options.body_max_bytes;
}

static void read_status(struct http_call *call)
{
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	call->response.status = (int)status;
}

static size_t take_header(char *line, size_t unit, size_t count, void *user)
{
	struct http_call *call = user;
	size_t size = unit * count;

	if (size >= 6 && !memcmp(line, "HTTP/", 5)) {
		begin_headers(call, line[5] >= '2');
		return size;
	}
	read_status(call);
	http_response_read_header(&call->response, line, size);
	return size;
}

static size_t hand_over(struct http_call *call, const char *bytes, size_t size)
{
	int r = call->options.sink(call->options.context, &call->response, bytes, size);

	call->is_paused = r == HTTP_SINK_PAUSE;
	if (call->is_paused)
		return CURL_WRITEFUNC_PAUSE;
	call->has_taken = true;
	call->is_refused = r != 0;
	return r ? 0 : size;
}

static void note_heard(struct http_call *call, size_t size)
{
	call->heard_ms = clock_boot_ms();
	if (!call->window_ms)
		call->window_ms = call->heard_ms;
	call->window_bytes += size;
}

static size_t take_body(char *bytes, size_t unit, size_t count, void *user)
{
	struct http_call *call = user;
	size_t size = unit * count;

	read_status(call);
	note_heard(call, size);
	if (call->is_refused)
		return 0;
	if (call->options.sink)
		return hand_over(call, bytes, size);
	return buffer_append(&call->response.body, bytes, size) ? 0 : size;
}

void http_resume(struct http_call *call)
{
	call->is_paused = false;
	call->heard_ms = clock_boot_ms();
	call->window_ms = 0;
	call->window_bytes = 0;
	curl_easy_pause(call->easy, CURLPAUSE_CONT);
}

/* --- where calls may go --- */

/* Whether it may go to addresses that are not public. */
static bool may_go_anywhere(const struct http_call *call)
{
	return call->options.allows_private || call->is_proxied;
}

/* At connect time, so that a name that resolves
 * to a private address is caught as well. */
static curl_socket_t open_socket(void *user, curlsocktype purpose,
				 struct curl_sockaddr *address)
{
	struct http_call *call = user;

	if (!may_go_anywhere(call) && !address_is_public(&address->addr)) {
		call->is_forbidden = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
		      address->protocol);
}

/* Before the request goes out: connections are shared with calls that may go further. */
static int check_peer(void *user, char *peer, char *own, int peer_port, int own_port)
{
	struct http_call *call = user;

	if (may_go_anywhere(call) || address_text_is_public(peer))
		return CURL_PREREQFUNC_OK;
	call->is_forbidden = true;
	return CURL_PREREQFUNC_ABORT;
}

/* --- starting --- */

static int add_headers(struct http_call *call)
{
	struct curl_slist *list = curl_slist_append(call->headers, "Expect:");

	for (size_t i = 0; list && i < call->request.header_count; i++) {
		call->headers = list;
		list = curl_slist_append(list, call->request.headers[i]);
	}
	if (!list)
		return -ENOMEM;
	call->headers = list;
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, list);
	return 0;
}

static void set_body(struct http_call *call)
{
	if (strcmp(call->request.method, "POST"))
		return;
	curl_easy_setopt(call->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE,
			 (curl_off_t)http_request_body_size(&call->request));
	curl_easy_setopt(call->easy, CURLOPT_READFUNCTION, read_body);
	curl_easy_setopt(call->easy, CURLOPT_READDATA, call);
}

/* Unless told otherwise, curl would go by the environment. */
static void set_proxy(struct http_call *call)
{
	const char *proxy = call->options.allows_http ? NULL : call->http->proxy;

	call->is_proxied = proxy != NULL;
	if (proxy && !*proxy)
		return;
	curl_easy_setopt(call->easy, CURLOPT_PROXY, proxy ? proxy : "");
	curl_easy_setopt(call->easy, CURLOPT_NOPROXY, "");
}

static void set_limits(struct http_call *call)
{
	CURL *easy = call->easy;
	const char *protocols = call->options.allows_http ? "http,https" : "https";

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, call->options.follows ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
	set_proxy(call);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, check_peer);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	if (call->options.timeout_ms) {
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
				 (long)call->options.timeout_ms);
	} else if (!call->options.stall_ms) {
		curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
	}
	/*
	 * A request on a kept connection that dies before the first byte is sent again by
	 * curl itself, a POST too: an order goes out on a connection of its own.
	 */
	if (!call->options.may_reuse) {
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	}
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

static int set_options(struct http_call *call)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "seedancefs/" SEEDANCEFS_VERSION);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE,
			 call->options.sink ? (long)RECEIVE_BUFFER_BYTES : 16384L);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	set_limits(call);
	set_body(call);
	if (strcmp(call->request.method, "GET") && strcmp(call->request.method, "POST"))
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->request.method);
	if (curl_easy_setopt(easy, CURLOPT_URL, call->request.url))
		return -ENOMEM;
	return add_headers(call);
}

/* Sends it, or lets it wait for its lane. 0 or -ENOMEM. */
static int begin_call(struct http_call *call)
{
	if (call->options.lane)
		call->lane = find_or_add_lane(call->http, call->options.lane);
	if (call->options.lane && !call->lane)
		return -ENOMEM;
	if (!call->lane ||
	    (!call->lane->waiting && call->lane->under_way < HTTP_LANE_CALLS))
		return send_call(call);
	wait_in_lane(call);
	return 0;
}

int http_start(struct http *http, struct http_request *request,
	       const struct http_options *options, struct http_call **ret_call)
{
	struct http_call *call = calloc(1, sizeof(*call));

	if (!call) {
		http_request_clear(request);
		return -ENOMEM;
	}
	call->http = http;
	call->options = *options;
	call->request = *request;
	*request = (struct http_request){ 0 };
	begin_headers(call, false);
	call->easy = curl_easy_init();
	if (!call->easy || set_options(call) || begin_call(call)) {
		call_destroy(call);
		return -ENOMEM;
	}
	if (ret_call)
		*ret_call = call;
	return 0;
}

/* --- the end of a call --- */

/* Certain only when no byte of the request was sent. */
static bool was_not_sent(CURL *easy, CURLcode code)
{
	long sent = 0;

	curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
	if (sent > 0)
		return false;
	switch (code) {
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_OPERATION_TIMEDOUT:	/* while connecting: nothing was sent */
	case CURLE_ABORTED_BY_CALLBACK: /* check_peer() */
		return true;
	default:
		return false;
	}
}

/* curl only knows that there was no connection. */
static const char *explain(const struct http_call *call, CURLcode code)
{
	if (call->is_forbidden &&
	    (code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK))
		return "the address is a private or local one, which is not allowed";
	return *call->error ? call->error : curl_easy_strerror(code);
}

/* Whoever it was that answered: behind a name, or on a connection that was kept. */
static bool is_peer_private(const struct http_call *call)
{
	const char *text = NULL;

	curl_easy_getinfo(call->easy, CURLINFO_PRIMARY_IP, &text);
	return text && *text && !call->is_proxied && !address_text_is_public(text);
}

static void finish(struct http_call *call, CURLcode code)
{
	struct http_response response;

	read_status(call);
	call->response.is_private = is_peer_private(call);
	call->response.outcome = code == CURLE_OK		  ? HTTP_ANSWERED
				 : was_not_sent(call->easy, code) ? HTTP_NOT_SENT
								  : HTTP_LOST;
	if (code != CURLE_OK)
		call->response.failure = text_clean(explain(call, code), 300);
	response = call->response;
	call->response = (struct http_response){ .content_length = -1 };
	{
		void (*done)(void *, struct http_response *) = call->options.done;
		void *context = call->options.context;

		call_destroy(call);
		done(context, &response);
	}
	http_response_clear(&response);
}

static void dispatch(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		CURLcode code = message->data.result;
		struct http_call *call = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		finish(call, code);
	}
}

/* What came in this turn is of use now: readers wait for it. */
static void tell_turned(struct http *http)
{
	for (struct http_call *call = http->calls; call; call = call->next) {
		if (call->has_taken && call->options.turned)
			call->options.turned(call->options.context);
		call->has_taken = false;
	}
}

/* --- stalls ---
 *
 * curl's own rule counts in whole seconds, and any byte of a head as progress.
 */

static int64_t stall_due_ms(const struct http_call *call)
{
	int64_t from_ms = call->heard_ms;

	if (call->window_ms && call->window_ms < from_ms)
		from_ms = call->window_ms;
	return from_ms + call->options.stall_ms;
}

/* Whether it ended. A window that brought enough is followed by the next one. */
static bool end_if_stalled(struct http_call *call, int64_t now_ms)
{
	int64_t stall_ms = call->options.stall_ms;
	bool is_silent = now_ms - call->heard_ms >= stall_ms;
	bool is_slow = call->window_bytes * 1000 <
		       (uint64_t)(now_ms - call->window_ms) * SLOWEST_BYTES;

	if (!stall_ms || call->is_paused || now_ms < stall_due_ms(call))
		return false;
	if (!is_silent && !is_slow) {
		call->window_ms = now_ms;
		call->window_bytes = 0;
		return false;
	}
	snprintf(call->error, sizeof(call->error),
		 is_silent ? "nothing came for %g s" : "next to nothing came for %g s",
		 (double)stall_ms / 1000);
	finish(call, CURLE_OPERATION_TIMEDOUT);
	return true;
}

/* Whoever is told of an end may begin and cancel calls: then all are looked at anew. */
static void end_stalled(struct http *http)
{
	int64_t now_ms = clock_boot_ms();
	struct http_call *call = http->calls;

	while (call)
		call = end_if_stalled(call, now_ms) ? http->calls : call->next;
}

static void end_refused(struct http *http)
{
	struct http_call *call = http->calls;

	while (call) {
		struct http_call *next = call->next;
		bool is_refused = call->is_refused;

		if (is_refused)
			finish(call, CURLE_WRITE_ERROR);
		call = is_refused ? http->calls : next;
	}
}

static int64_t next_stall_ms(const struct http *http, int64_t timeout_ms)
{
	int64_t now_ms = clock_boot_ms();

	for (const struct http_call *call = http->calls; call; call = call->next)
		if (call->options.stall_ms && !call->is_paused &&
		    stall_due_ms(call) - now_ms < timeout_ms)
			timeout_ms = stall_due_ms(call) - now_ms;
	return timeout_ms > 0 ? timeout_ms : 0;
}

/* What waits follows what ended. */
static void send_waiting(struct http *http)
{
	for (struct lane *lane = http->lanes; lane; lane = lane->next)
		while (lane->waiting && lane->under_way < HTTP_LANE_CALLS) {
			struct http_call *call = lane->waiting;

			unlink_call(call);
			call->is_waiting = false;
			if (send_call(call))
				finish(call, CURLE_OUT_OF_MEMORY);
		}
}

void http_turn(struct http *http, int64_t timeout_ms)
{
	int running;

	send_waiting(http);
	curl_multi_poll(http->multi, NULL, 0, (int)next_stall_ms(http, timeout_ms), NULL);
	curl_multi_perform(http->multi, &running);
	tell_turned(http);
	dispatch(http);
	end_refused(http);
	end_stalled(http);
}
