#include "backend/http/head.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "backend/http/expected_digest.h"

#include <curl/curl.h> /* curl_getdate() */
#include <string.h>
#include <strings.h>

static void keep_text(char **into, const char *value, size_t size)
{
	AUTOFREE char *text = strndup(value, size);

	free(*into);
	*into = text ? text_clean(text, 512) : NULL;
}

static void read_retry_after(struct http_response *response, const char *value)
{
	char *end;
	long seconds = strtol(value, &end, 10);
	int64_t ms;

	if (seconds > 3600)
		seconds = 3600;
	if (seconds < 1)
		seconds = 1;
	ms = (int64_t)seconds * 1000;
	if (end == value) {
		time_t when = curl_getdate(value, NULL);

		if (when < 0)
			return;
		ms = (int64_t)when * 1000 - clock_wall_ms();
	}
	if (ms < 1000)
		ms = 1000;
	response->retry_after_ms = ms > 3600000 ? 3600000 : ms;
}

static void read_promise(struct http_response *response, const char *name,
			 size_t name_size, const char *value)
{
	AUTOFREE char *header = strndup(name, name_size);

	if (header)
		expected_digest_read(&response->expected_digest, header, value,
				     response->status == 200);
}

static void read_header(struct http_response *response, const char *name,
			size_t name_size, const char *value, size_t size)
{
	AUTOFREE char *text = strndup(value, size);

#define IS(header) (name_size == strlen(header) && !strncasecmp(name, header, name_size))
	if (!text)
		return;
	if (IS("etag"))
		keep_text(&response->etag, value, size);
	else if (IS("content-range"))
		keep_text(&response->content_range, value, size);
	else if (IS("content-type"))
		keep_text(&response->content_type, value, size);
	else if (IS("content-encoding"))
		keep_text(&response->content_encoding, value, size);
	else if (IS("x-request-id"))
		keep_text(&response->request_id, value, size);
	else if (IS("retry-after"))
		read_retry_after(response, text);
	else if (IS("date"))
		response->date_ms = (int64_t)curl_getdate(text, NULL) * 1000;
	else if (IS("transfer-encoding"))
		response->is_framed = strcasestr(text, "chunked") != NULL;
	else if (IS("content-length")) {
		if (text_to_int64(text, &response->content_length))
			response->content_length = -1;
	} else {
		read_promise(response, name, name_size, text);
	}
#undef IS
}

void http_response_read_header(struct http_response *response, const char *line,
			       size_t size)
{
	const char *colon = memchr(line, ':', size), *value;
	size_t end = size;

	if (!colon)
		return;
	value = colon + 1;
	while (end &&
	       (line[end - 1] == '\r' || line[end - 1] == '\n' || line[end - 1] == ' '))
		end--;
	while (value < line + end && (*value == ' ' || *value == '\t'))
		value++;
	if (value <= line + end)
		read_header(response, line, (size_t)(colon - line), value,
			    (size_t)(line + end - value));
}
