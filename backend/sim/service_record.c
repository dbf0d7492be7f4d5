#include "backend/sim/service_record.h"

#include "backend/base/cleanup.h"

#include <string.h>

#define BODY_CEILING (256u * 1024)
#define RAW_BODY_KEPT 4096

static const char *const kept_headers[] = { "content-type", "accept",
					    "user-agent",   "x-client-request-id",
					    "if-range",	    "if-match" };

static char *describe_raw(const struct http_request *request)
{
	AUTOBUFFER text = BUFFER_INIT(RAW_BODY_KEPT + 1);
	AUTOBUFFER quoted = BUFFER_INIT(BODY_CEILING);
	size_t size =
		request->body_size < RAW_BODY_KEPT ? request->body_size : RAW_BODY_KEPT;

	for (size_t i = 0; i < size; i++) {
		char c = request->body[i];

		buffer_addf(&text, "%c", c == '\0' || (c & 0x80) ? '?' : c);
	}
	json_put_text(&quoted, NULL, text.data ? text.data : "");
	return buffer_take(&quoted);
}

char *service_describe_body(const struct http_request *request, const struct json *body)
{
	AUTOBUFFER text = BUFFER_INIT(BODY_CEILING);

	if (!request->body_size)
		return NULL;
	if (!body)
		return describe_raw(request);
	json_put_value(&text, NULL, body, true);
	return buffer_error(&text) ? describe_raw(request) : buffer_take(&text);
}

static char *describe_headers(const struct http_request *request)
{
	AUTOBUFFER text = BUFFER_INIT(64u * 1024);

	json_open(&text, NULL, '{');
	if (http_header(request, "authorization"))
		json_put_text(&text, "authorization", "present");
	for (size_t i = 0; i < ARRAY_SIZE(kept_headers); i++)
		json_put_text_if(&text, kept_headers[i],
				 http_header(request, kept_headers[i]));
	json_close(&text, '}');
	return buffer_take(&text);
}

uint64_t service_record(struct records *records, const struct http_request *request,
			struct record_start *start)
{
	AUTOFREE char *headers = describe_headers(request);

	start->method = request->method;
	start->path = request->path;
	start->range = http_header(request, "Range");
	start->headers = headers;
	return records_begin(records, start);
}
