#include "backend/sim/server/http.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void http_reply_init(struct http_reply *reply)
{
	*reply = (struct http_reply){ .status = 200, .fd = -1 };
	buffer_init(&reply->body, HTTP_REPLY_BODY_MAX);
}

void http_reply_clear(struct http_reply *reply)
{
	for (size_t i = 0; i < reply->line_count; i++) {
		free(reply->lines[i].name);
		free(reply->lines[i].value);
	}
	if (reply->stream.destroy)
		reply->stream.destroy(reply->stream.context);
	cleanup_close(&reply->fd);
	buffer_clear(&reply->body);
	http_reply_init(reply);
}

int http_reply_header(struct http_reply *reply, const char *name, const char *format, ...)
{
	AUTOBUFFER value = BUFFER_INIT(4096);
	struct http_line *line = &reply->lines[reply->line_count];
	va_list arguments;

	va_start(arguments, format);
	buffer_vaddf(&value, format, arguments);
	va_end(arguments);
	if (buffer_error(&value) || reply->line_count == HTTP_HEADERS_MAX)
		return -E2BIG;
	*line = (struct http_line){ strdup(name), buffer_take(&value) };
	reply->line_count++;
	return line->name && line->value ? 0 : -ENOMEM;
}

int http_reply_text(struct http_reply *reply, int status, const char *type,
		    const char *text)
{
	reply->status = status;
	buffer_clear(&reply->body);
	http_reply_header(reply, "Content-Type", "%s", type);
	return buffer_add(&reply->body, text);
}
