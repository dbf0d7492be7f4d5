/*
 * A request's body, as it goes out: pieces of text, and files that are read, and encoded,
 * as they are sent. No curl here.
 */
#ifndef SEEDANCEFS_BACKEND_HTTP_BODY_H
#define SEEDANCEFS_BACKEND_HTTP_BODY_H

#include "backend/http/message.h"

#include <sys/types.h>

/* How far a request was sent. Zero-initialised: nothing of it. */
struct http_body {
	size_t piece;	 /* the one being sent */
	uint64_t offset; /* text: bytes sent; file: bytes read from it */
	char *encoded;	 /* what comes next of a file; made when there is one */
	size_t encoded_size, encoded_sent;
};

/* Copies what comes next of the request's body. Returns bytes, 0 at its end, or -errno:
 * a file could not be read, or is shorter than what was announced. */
ssize_t http_body_read(struct http_body *body, const struct http_request *request,
		       char *to, size_t room);
void http_body_clear(struct http_body *body);

#endif
