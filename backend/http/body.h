/*
 * The body of a request while it is sent: pieces of text, and files that are read (and
 * encoded) during the transfer. No curl here.
 */
#ifndef SEEDANCEFS_BACKEND_HTTP_BODY_H
#define SEEDANCEFS_BACKEND_HTTP_BODY_H

#include "backend/http/message.h"

#include <sys/types.h>

/* The position in a body. Zero-initialised: at its start. */
struct http_body {
	size_t piece;	 /* the current piece */
	uint64_t offset; /* text: bytes sent; file: bytes read */
	char *encoded;	 /* the next encoded bytes of a file; allocated on first use */
	size_t encoded_size, encoded_sent;
};

/*
 * Copies the next part of the request's body. Returns the number of bytes, 0 at the end,
 * or -errno: a file could not be read, or is shorter than announced.
 */
ssize_t http_body_read(struct http_body *body, const struct http_request *request,
		       char *to, size_t room);
void http_body_clear(struct http_body *body);

#endif
