#include "backend/http/message.h"

#include "backend/base/base64.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void http_request_clear(struct http_request *request)
{
	for (size_t i = 0; i < request->header_count; i++)
		free(request->headers[i]);
	for (size_t i = 0; i < request->piece_count; i++)
		free(request->pieces[i].text);
	free(request->headers);
	free(request->pieces);
	free(request->url);
	*request = (struct http_request){ 0 };
}

int http_request_add_header(struct http_request *request, const char *format, ...)
{
	char **headers =
		realloc(request->headers, (request->header_count + 1) * sizeof(*headers));
	va_list arguments;
	char *header;

	if (!headers)
		return -ENOMEM;
	request->headers = headers;
	va_start(arguments, format);
	header = text_vformat(format, arguments);
	va_end(arguments);
	if (!header)
		return -ENOMEM;
	headers[request->header_count++] = header;
	return 0;
}

static struct http_piece *push_piece(struct http_request *request)
{
	struct http_piece *pieces =
		realloc(request->pieces, (request->piece_count + 1) * sizeof(*pieces));

	if (!pieces)
		return NULL;
	request->pieces = pieces;
	pieces[request->piece_count] = (struct http_piece){ .fd = -1 };
	return &pieces[request->piece_count++];
}

int http_request_add_text(struct http_request *request, const char *text, size_t size)
{
	struct http_piece *piece = push_piece(request);

	if (!piece)
		return -ENOMEM;
	piece->text = malloc(size + 1);
	if (!piece->text)
		return -ENOMEM;
	memcpy(piece->text, text, size);
	piece->text[size] = '\0';
	piece->text_size = size;
	return 0;
}

static int add_file(struct http_request *request, int fd, uint64_t size, bool is_base64)
{
	struct http_piece *piece = push_piece(request);

	if (!piece)
		return -ENOMEM;
	piece->fd = fd;
	piece->file_size = size;
	piece->is_base64 = is_base64;
	return 0;
}

int http_request_add_file_base64(struct http_request *request, int fd, uint64_t size)
{
	return add_file(request, fd, size, true);
}

int http_request_add_file(struct http_request *request, int fd, uint64_t size)
{
	return add_file(request, fd, size, false);
}

static uint64_t piece_size(const struct http_piece *piece)
{
	if (piece->fd < 0)
		return piece->text_size;
	return piece->is_base64 ? BASE64_SIZE(piece->file_size) - 1 : piece->file_size;
}

uint64_t http_request_body_size(const struct http_request *request)
{
	uint64_t size = 0;

	for (size_t i = 0; i < request->piece_count; i++)
		size += piece_size(&request->pieces[i]);
	return size;
}

void http_response_clear(struct http_response *response)
{
	buffer_clear(&response->body);
	free(response->failure);
	free(response->etag);
	free(response->content_range);
	free(response->content_type);
	free(response->content_encoding);
	free(response->request_id);
	free(response->expected_digest);
	*response = (struct http_response){ .content_length = -1 };
}
