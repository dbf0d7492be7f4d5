#include "backend/http/http.h"

#include "backend/http/http_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "backend/http/address.h"

#include <errno.h>

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

/* --- calls --- */

static void link_call(struct http *http, struct http_call *call)
{
	call->previous = &http->calls;
	call->next = http->calls;
	if (call->next)
		call->next->previous = &call->next;
	http->calls = call;
}

void http_call_unlink(struct http_call *call)
{
	http_lane_leave(call);
	if (!call->previous)
		return;
	*call->previous = call->next;
	if (call->next)
		call->next->previous = call->previous;
	call->previous = NULL;
	call->next = NULL;
}

/* Hands the call over to curl. 0 or -ENOMEM. */
int http_call_send(struct http_call *call)
{
	call->heard_ms = clock_boot_ms();
	if (curl_multi_add_handle(call->http->multi, call->easy))
		return -ENOMEM;
	if (call->lane)
		call->lane->under_way++;
	link_call(call->http, call);
	return 0;
}

void http_call_destroy(struct http_call *call)
{
	http_call_unlink(call);
	if (!call->is_waiting)
		curl_multi_remove_handle(call->http->multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	http_request_clear(&call->request);
	http_response_clear(&call->response);
	http_body_clear(&call->body);
	free(call);
}

void http_destroy(struct http *http)
{
	if (!http)
		return;
	while (http->calls)
		http_call_destroy(http->calls);
	http_lanes_destroy(http);
	curl_multi_cleanup(http->multi);
	free(http);
}

void http_cancel(struct http_call *call)
{
	if (call)
		http_call_destroy(call);
}

void http_wake(struct http *http)
{
	curl_multi_wakeup(http->multi);
}

void http_resume(struct http_call *call)
{
	call->is_paused = false;
	call->heard_ms = clock_boot_ms();
	call->window_ms = 0;
	call->window_bytes = 0;
	curl_easy_pause(call->easy, CURLPAUSE_CONT);
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
	http_call_begin_headers(call, false);
	call->easy = curl_easy_init();
	if (!call->easy || http_call_set_options(call) || http_lane_begin(call)) {
		http_call_destroy(call);
		return -ENOMEM;
	}
	if (ret_call)
		*ret_call = call;
	return 0;
}

/* --- the end of a call --- */

/* Certain only if no byte of the request was sent. */
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

/* For these, curl reports only that there was no connection. */
static const char *explain(const struct http_call *call, CURLcode code)
{
	if (call->is_forbidden &&
	    (code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK))
		return "the host has a private or local address, which is not allowed";
	return *call->error ? call->error : curl_easy_strerror(code);
}

/* Judges the peer that answered, be it behind a name or on a kept connection. */
static bool is_peer_private(const struct http_call *call)
{
	const char *text = NULL;

	curl_easy_getinfo(call->easy, CURLINFO_PRIMARY_IP, &text);
	return text && *text && !call->is_proxied && !address_text_is_public(text);
}

void http_call_finish(struct http_call *call, CURLcode code)
{
	struct http_response response;

	http_call_read_status(call);
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

		http_call_destroy(call);
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
		http_call_finish(call, code);
	}
}

/* --- a turn --- */

/* Readers wait for what arrived in this turn. */
static void tell_turned(struct http *http)
{
	for (struct http_call *call = http->calls; call; call = call->next) {
		if (call->has_taken && call->options.turned)
			call->options.turned(call->options.context);
		call->has_taken = false;
	}
}

static void end_refused(struct http *http)
{
	struct http_call *call = http->calls;

	while (call) {
		struct http_call *next = call->next;
		bool is_refused = call->is_refused;

		if (is_refused)
			http_call_finish(call, CURLE_WRITE_ERROR);
		call = is_refused ? http->calls : next;
	}
}

void http_turn(struct http *http, int64_t timeout_ms)
{
	int running;

	http_lanes_send_waiting(http);
	curl_multi_poll(http->multi, NULL, 0, (int)http_next_stall_ms(http, timeout_ms),
			NULL);
	curl_multi_perform(http->multi, &running);
	tell_turned(http);
	dispatch(http);
	end_refused(http);
	http_end_stalled(http);
}
