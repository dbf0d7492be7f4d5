/*
 * An HTTP/1.1 server on 127.0.0.1. The only module that includes libmicrohttpd.
 *
 * Threads: one per connection (MHD_USE_THREAD_PER_CONNECTION), so a handler may block as
 * long as it likes: it delays only its own connection. Up to HTTP_CONNECTIONS_MAX
 * connections. handle(), stream reads, sent() and finished() of one exchange run in order
 * on that connection's thread; those of different connections run concurrently.
 *
 * The body of a request is read up to HTTP_BODY_MAX; the rest of a larger one is
 * discarded, and `body_too_large` is set. The handler fills in the reply; returning a
 * negative number closes the connection without an answer. HEAD is passed on like any
 * other method.
 */
#ifndef SEEDANCE_SIM_SERVER_HTTP_H
#define SEEDANCE_SIM_SERVER_HTTP_H

#include "backend/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HTTP_CONNECTIONS_MAX 512
#define HTTP_BODY_MAX (64u * 1024 * 1024)
#define HTTP_REPLY_BODY_MAX (64u * 1024 * 1024)
#define HTTP_HEADERS_MAX 24

struct http_server;

struct http_request {
	const char *method;
	const char *path; /* decoded, without the query */
	const char *body; /* NUL-terminated, never NULL */
	size_t body_size;
	bool body_too_large;
	int socket;
	uint64_t ticket;  /* set by a handler that wants sent() and finished() */
	void *connection; /* private to http.c */
};

/* Borrowed until the exchange ends; NULL if absent. */
const char *http_header(const struct http_request *request, const char *name);
const char *http_query(const struct http_request *request, const char *name);
/* All values of a repeated query key; returns how many were stored. */
size_t http_query_all(const struct http_request *request, const char *name,
		      const char **values, size_t room);

/* The first query key that is not in the NULL-terminated list; NULL if there is none. */
const char *http_query_unknown(const struct http_request *request,
			       const char *const *known);

/* Visits every header, or every member of the query, in order; values are never NULL. */
void http_visit(const struct http_request *request, bool is_query,
		void (*visit)(void *context, const char *name, const char *value),
		void *context);

/*
 * A body that is produced while it is sent. Owner: the reply, then the connection, which
 * calls destroy().
 */
struct http_stream {
	/*
	 * Returns the bytes written (at least 1), or a negative number to close the
	 * connection.
	 */
	ssize_t (*read)(void *context, uint64_t position, char *bytes, size_t room);
	void (*destroy)(void *context);
	void *context;
	uint64_t size;
	bool has_no_length; /* chunked; it ends after `size` bytes nevertheless */
};

struct http_line {
	char *name, *value;
};

/*
 * The body of a reply is the stream if it has one, else the file if fd >= 0, else the
 * buffer.
 */
struct http_reply {
	int status;
	struct http_line lines[HTTP_HEADERS_MAX];
	size_t line_count;
	struct buffer body;
	int fd; /* owned */
	uint64_t file_offset, file_size;
	struct http_stream stream;
};

void http_reply_init(struct http_reply *reply);
void http_reply_clear(struct http_reply *reply);
int http_reply_header(struct http_reply *reply, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Sets status, Content-Type and text. */
int http_reply_text(struct http_reply *reply, int status, const char *type,
		    const char *text);

struct http_handler {
	void *context;
	int (*handle)(void *context, struct http_request *request,
		      struct http_reply *reply);
	/* Body bytes handed to the socket since the last call; may be NULL. */
	void (*sent)(void *context, uint64_t ticket, uint64_t bytes);
	/*
	 * Called once for each exchange that has a ticket, however it ended; may be NULL.
	 */
	void (*finished)(void *context, uint64_t ticket);
};

/*
 * Listens on 127.0.0.1:port (0 = the kernel chooses). The handler must outlive the
 * server.
 */
int http_server_open(const struct http_handler *handler, uint16_t port,
		     struct http_server **ret_server);
uint16_t http_server_port(const struct http_server *server);
/* Closes all connections and joins their threads; release blocked handlers first. */
void http_server_close(struct http_server *server);

#endif
