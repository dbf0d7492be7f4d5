/*
 * HTTP requests and responses as data, for the adapters (which build and read them) and
 * for the transport (which alone does I/O). No curl here.
 */
#ifndef SEEDANCEFS_BACKEND_HTTP_MESSAGE_H
#define SEEDANCEFS_BACKEND_HTTP_MESSAGE_H

#include "backend/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One piece of a request's body: text, or a file that is read (and encoded) as it is
 * sent.
 */
struct http_piece {
	char *text; /* owned, or NULL */
	size_t text_size;
	int fd; /* borrowed, or -1 */
	uint64_t file_size;
	bool is_base64; /* the file is sent in base64 */
};

struct http_request {
	const char *method; /* constant */
	char *url;
	char **headers; /* "Name: value" */
	size_t header_count;
	struct http_piece *pieces;
	size_t piece_count;
};

void http_request_clear(struct http_request *request);
/* Each returns 0 or -ENOMEM. */
int http_request_add_header(struct http_request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int http_request_add_text(struct http_request *request, const char *text, size_t size);
int http_request_add_file_base64(struct http_request *request, int fd, uint64_t size);
int http_request_add_file(struct http_request *request, int fd, uint64_t size);
/* The body's length on the wire, in bytes. */
uint64_t http_request_body_size(const struct http_request *request);

/* The outcome of a request. */
enum http_outcome {
	HTTP_ANSWERED, /* a complete answer arrived */
	HTTP_NOT_SENT, /* certain: the server did not receive it (name, connect, TLS) */
	HTTP_LOST,     /* it was sent, or may have been; no complete answer arrived */
};

struct http_response {
	enum http_outcome outcome;
	int status;		/* HTTP status, 0 without an answer */
	struct buffer body;	/* empty if the body went to a sink */
	char *failure;		/* without an answer: the reason, one line for people */
	int64_t retry_after_ms; /* from Retry-After, clamped to 1 s … 1 h; 0: none */
	int64_t date_ms;	/* the server's Date, ms since the epoch; 0: none */
	char *etag;
	char *content_range;
	char *content_type;
	char *content_encoding;
	int64_t content_length; /* -1: none */
	bool is_framed;		/* chunked or HTTP/2: the end is unambiguous */
	char *request_id;	/* X-Request-Id */
	bool is_private;	/* from a loopback or private address */
	char *expected_digest;	/* of the whole file: expected_digest.h */
};

void http_response_clear(struct http_response *response);

#endif
