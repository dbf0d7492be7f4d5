#include "backend/http/body.h"

#include "backend/base/base64.h"
#include "backend/base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BASE64_STEP_BYTES 49152 /* a multiple of 3 */

/* Reads the next part of a file, and encodes it if required. */
static int read_more(struct http_body *body, const struct http_piece *piece)
{
	char raw[BASE64_STEP_BYTES];
	uint64_t left = piece->file_size - body->offset;
	size_t wanted = left < sizeof(raw) ? (size_t)left : sizeof(raw), got = 0;
	int r;

	if (!body->encoded)
		body->encoded = malloc(BASE64_SIZE(BASE64_STEP_BYTES));
	if (!body->encoded)
		return -ENOMEM;
	r = file_read_at(piece->fd, raw, wanted, body->offset, &got);
	if (r || got < wanted)
		return -EIO;
	if (piece->is_base64)
		base64_encode(raw, got, body->encoded);
	else
		memcpy(body->encoded, raw, got);
	body->offset += got;
	body->encoded_size = piece->is_base64 ? BASE64_SIZE(got) - 1 : got;
	body->encoded_sent = 0;
	return 0;
}

static size_t copy_out(char *to, size_t room, const char *from, size_t available)
{
	size_t size = available < room ? available : room;

	memcpy(to, from, size);
	return size;
}

static void next_piece(struct http_body *body)
{
	body->piece++;
	body->offset = 0;
	body->encoded_size = body->encoded_sent = 0;
}

ssize_t http_body_read(struct http_body *body, const struct http_request *request,
		       char *to, size_t room)
{
	while (body->piece < request->piece_count) {
		const struct http_piece *piece = &request->pieces[body->piece];
		size_t size;
		int r;

		if (body->encoded_sent < body->encoded_size) {
			size = copy_out(to, room, body->encoded + body->encoded_sent,
					body->encoded_size - body->encoded_sent);
			body->encoded_sent += size;
			return (ssize_t)size;
		}
		if (piece->fd < 0 && body->offset < piece->text_size) {
			size = copy_out(to, room, piece->text + body->offset,
					piece->text_size - body->offset);
			body->offset += size;
			return (ssize_t)size;
		}
		if (piece->fd < 0 || body->offset >= piece->file_size) {
			next_piece(body);
			continue;
		}
		r = read_more(body, piece);
		if (r)
			return r;
	}
	return 0;
}

void http_body_clear(struct http_body *body)
{
	free(body->encoded);
	*body = (struct http_body){ 0 };
}
