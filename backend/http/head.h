/* The headers of a response. */
#ifndef SEEDANCEFS_BACKEND_HTTP_HEAD_H
#define SEEDANCEFS_BACKEND_HTTP_HEAD_H

#include "backend/http/message.h"

/*
 * Reads one header line, with or without its line end; response->status is known. A
 * malformed or irrelevant line changes nothing.
 */
void http_response_read_header(struct http_response *response, const char *line,
			       size_t size);

#endif
