/* The setup of a call: its options in curl, and the callbacks that curl runs. */
#include "backend/http/http_internal.h"

#include "backend/base/clock.h"
#include "backend/http/address.h"
#include "backend/http/head.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_TIMEOUT_MS 10000
#define STALL_SECONDS 30
#define RECEIVE_BUFFER_BYTES (256 * 1024)
#define REDIRECTS_MAX 3

/* --- sending the body --- */

/* Returns 0 at the end. */
static size_t read_body(char *to, size_t unit, size_t count, void *user)
{
	struct http_call *call = user;
	ssize_t size = http_body_read(&call->body, &call->request, to, unit * count);

	return size < 0 ? CURL_READFUNC_ABORT : (size_t)size;
}

/* --- receiving the answer --- */

/* A new status line (after 100 Continue, or a redirect) starts a new set of headers. */
void http_call_begin_headers(struct http_call *call, bool is_framed)
{
	http_response_clear(&call->response);
	call->response.is_framed = is_framed;
	call->response.body.ceiling = call->options.body_max_bytes;
}

void http_call_read_status(struct http_call *call)
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
		http_call_begin_headers(call, line[5] >= '2');
		return size;
	}
	http_call_read_status(call);
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

	http_call_read_status(call);
	note_heard(call, size);
	if (call->is_refused)
		return 0;
	if (call->options.sink)
		return hand_over(call, bytes, size);
	return buffer_append(&call->response.body, bytes, size) ? 0 : size;
}

/* --- allowed addresses --- */

/* Whether the call may go to addresses that are not public. */
static bool may_go_anywhere(const struct http_call *call)
{
	return call->options.allows_private || call->is_proxied;
}

/*
 * At connect time, so that a name that resolves to a private address is caught as well.
 */
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

/*
 * Before the request is sent: connections are shared with calls that may go to more
 * addresses.
 */
static int check_peer(void *user, char *peer, char *own, int peer_port, int own_port)
{
	struct http_call *call = user;

	if (may_go_anywhere(call) || address_text_is_public(peer))
		return CURL_PREREQFUNC_OK;
	call->is_forbidden = true;
	return CURL_PREREQFUNC_ABORT;
}

/* --- options --- */

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

/* By default, curl would use the proxy of the environment. */
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
	 * curl itself repeats a request, even a POST, if a kept connection dies before
	 * the first byte is sent: so an order gets a connection of its own.
	 */
	if (!call->options.may_reuse) {
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	}
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

int http_call_set_options(struct http_call *call)
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
