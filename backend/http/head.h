/* A response's head: what its header lines say. */
#ifndef SEEDANCEFS_BACKEND_HTTP_HEAD_H
#define SEEDANCEFS_BACKEND_HTTP_HEAD_H

#include "backend/http/message.h"

/* Takes over one header line, with or without its end; response->status is known. A line
 * that is none, or of no interest, changes nothing. */
void http_response_read_header(struct http_response *response, const char *line,
			       size_t size);

#endif
