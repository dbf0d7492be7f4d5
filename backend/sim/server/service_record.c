#include "backend/sim/server/service_record.h"

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/json_write.h"
#include "backend/sim/server/shorten.h"

#include <string.h>
#include <strings.h>

#define BODY_CEILING (256u * 1024)
#define RAW_BODY_KEPT 4096
#define EXACT_CEILING (4u * HTTP_BODY_MAX)

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
	json_write_string(&quoted, NULL, text.data ? text.data : "");
	return buffer_take(&quoted);
}

static void put_parts(struct buffer *out, const struct multipart *parts)
{
	buffer_add(out, "{\"parts\":");
	multipart_describe(parts, out);
	buffer_add(out, "}");
}

char *service_describe_body(const struct wire_call *call)
{
	AUTOBUFFER text = BUFFER_INIT(BODY_CEILING);

	if (!call->http->body_size)
		return NULL;
	if (call->parts)
		put_parts(&text, call->parts);
	else if (call->body)
		shorten_write(&text, NULL, call->body);
	return !text.size || buffer_error(&text) ? describe_raw(call->http)
						 : buffer_take(&text);
}

static void put_header(void *context, const char *name, const char *value)
{
	struct buffer *out = context;
	bool is_secret = !strcasecmp(name, "authorization");

	json_write_open(out, NULL, '[');
	json_write_string(out, NULL, name);
	json_write_string(out, NULL, is_secret ? "present" : value);
	json_write_close(out, ']');
}

static void put_exact_body(struct buffer *out, const struct wire_call *call)
{
	AUTOFREE char *raw = NULL;

	if (call->parts) {
		json_write_raw(out, "parts", "");
		multipart_describe(call->parts, out);
	} else if (call->body) {
		json_write_value(out, "body", call->body);
	} else if (call->http->body_size) {
		raw = describe_raw(call->http);
		json_write_raw(out, "body", raw ? raw : "null");
	}
}

static void put_digest(struct buffer *out, const struct http_request *request)
{
	char hex[SHA256_HEX];

	if (!digest_bytes(DIGEST_SHA256, request->body, request->body_size, hex))
		json_write_string(out, "sha256", hex);
}

char *service_describe_exactly(const struct wire_call *call)
{
	const struct http_request *request = call->http;
	AUTOBUFFER out = BUFFER_INIT(EXACT_CEILING);

	json_write_open(&out, NULL, '{');
	json_write_string(&out, "method", request->method);
	json_write_string(&out, "path", request->path);
	json_write_open(&out, "headers", '[');
	http_visit(request, false, put_header, &out);
	json_write_close(&out, ']');
	json_write_int64(&out, "bytes", (int64_t)request->body_size);
	put_digest(&out, request);
	put_exact_body(&out, call);
	json_write_close(&out, '}');
	return buffer_take(&out);
}

static char *describe_headers(const struct http_request *request)
{
	AUTOBUFFER text = BUFFER_INIT(64u * 1024);

	json_write_open(&text, NULL, '{');
	if (http_header(request, "authorization"))
		json_write_string(&text, "authorization", "present");
	for (size_t i = 0; i < ARRAY_SIZE(kept_headers); i++)
		json_write_string(&text, kept_headers[i],
				  http_header(request, kept_headers[i]));
	json_write_close(&text, '}');
	return buffer_take(&text);
}

static void put_query(void *context, const char *name, const char *value)
{
	struct buffer *out = context;

	buffer_addf(out, "%s%s=%s", out->size ? "&" : "", name, value);
}

/* Decoded; without signatures. */
static char *describe_query(const struct http_request *request)
{
	AUTOBUFFER out = BUFFER_INIT(64u * 1024);

	if (http_query(request, "X-Tos-Signature"))
		return NULL;
	http_visit(request, true, put_query, &out);
	return buffer_take(&out);
}

uint64_t service_record(struct records *records, const struct http_request *request,
			struct record_start *start)
{
	AUTOFREE char *headers = describe_headers(request);
	AUTOFREE char *query = describe_query(request);

	start->query = query;
	start->method = request->method;
	start->path = request->path;
	start->range = http_header(request, "Range");
	start->headers = headers;
	return records_begin(records, start);
}
