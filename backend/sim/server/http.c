#include "backend/sim/server/http.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/sim/server/socket.h"

#include <microhttpd.h>

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STREAM_BLOCK_BYTES (256u * 1024)

struct http_server {
	const struct http_handler *handler;
	struct MHD_Daemon *daemon;
	uint16_t port;
};

/* One request and its answer; owned by the connection (its con_cls). */
struct exchange {
	struct http_server *server;
	struct http_request request;
	struct http_stream stream;
	struct buffer body;
	uint64_t body_bytes;  /* of a complete answer */
	uint64_t head_bytes;  /* approximate; only for answers that were cut off */
	uint64_t socket_base; /* bytes the socket had sent before the answer */
	bool counts_itself;   /* a stream: sent() is called for each block */
};

const char *http_header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_query(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND,
					   name);
}

struct query_values {
	const char *name;
	const char **values;
	size_t count, room;
};

static enum MHD_Result gather_value(void *context, enum MHD_ValueKind kind,
				    const char *key, const char *value)
{
	struct query_values *query = context;

	if (value && !strcmp(key, query->name) && query->count < query->room)
		query->values[query->count++] = value;
	return MHD_YES;
}

size_t http_query_all(const struct http_request *request, const char *name,
		      const char **values, size_t room)
{
	struct query_values query = { name, values, 0, room };

	MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND,
				  gather_value, &query);
	return query.count;
}

struct query_keys {
	const char *const *known;
	const char *unknown;
};

static enum MHD_Result check_key(void *context, enum MHD_ValueKind kind, const char *key,
				 const char *value)
{
	struct query_keys *keys = context;
	const char *const *known = keys->known;

	while (*known && strcmp(*known, key))
		known++;
	if (!*known)
		keys->unknown = key;
	return *known ? MHD_YES : MHD_NO;
}

const char *http_query_unknown(const struct http_request *request,
			       const char *const *known)
{
	struct query_keys keys = { known, NULL };

	MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, check_key,
				  &keys);
	return keys.unknown;
}

struct visitor {
	void (*visit)(void *context, const char *name, const char *value);
	void *context;
};

static enum MHD_Result visit_value(void *context, enum MHD_ValueKind kind,
				   const char *key, const char *value)
{
	struct visitor *visitor = context;

	visitor->visit(visitor->context, key, value ? value : "");
	return MHD_YES;
}

void http_visit(const struct http_request *request, bool is_query,
		void (*visit)(void *context, const char *name, const char *value),
		void *context)
{
	struct visitor visitor = { visit, context };

	MHD_get_connection_values(request->connection,
				  is_query ? MHD_GET_ARGUMENT_KIND : MHD_HEADER_KIND,
				  visit_value, &visitor);
}

static ssize_t stream_read(void *context, uint64_t position, char *bytes, size_t room)
{
	struct exchange *exchange = context;
	const struct http_handler *handler = exchange->server->handler;
	const struct http_stream *stream = &exchange->stream;
	ssize_t placed;

	if (position >= stream->size)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (room > stream->size - position)
		room = stream->size - position;
	placed = stream->read(stream->context, position, bytes, room);
	if (placed <= 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (handler->sent && exchange->request.ticket)
		handler->sent(handler->context, exchange->request.ticket,
			      (uint64_t)placed);
	return placed;
}

static struct MHD_Response *make_stream(struct exchange *exchange,
					struct http_reply *reply)
{
	exchange->stream = reply->stream;
	reply->stream = (struct http_stream){ 0 };
	exchange->counts_itself = true;
	return MHD_create_response_from_callback(
		exchange->stream.has_no_length ? MHD_SIZE_UNKNOWN : exchange->stream.size,
		STREAM_BLOCK_BYTES, stream_read, exchange, NULL);
}

static struct MHD_Response *make_file(struct exchange *exchange, struct http_reply *reply)
{
	struct MHD_Response *response =
		MHD_create_response_from_fd_at_offset64(reply->file_size, reply->fd,
							reply->file_offset);

	if (response)
		take_fd(&reply->fd);
	exchange->body_bytes = reply->file_size;
	return response;
}

static struct MHD_Response *make_text(struct exchange *exchange, struct http_reply *reply)
{
	exchange->body_bytes = reply->body.size;
	return MHD_create_response_from_buffer(reply->body.size, reply->body.data,
					       MHD_RESPMEM_MUST_COPY);
}

static struct MHD_Response *make_response(struct exchange *exchange,
					  struct http_reply *reply)
{
	struct MHD_Response *response;

	if (reply->stream.read)
		response = make_stream(exchange, reply);
	else if (reply->fd >= 0)
		response = make_file(exchange, reply);
	else
		response = make_text(exchange, reply);
	exchange->head_bytes =
		100; /* for the status line, Date, Connection, Content-Length */
	for (size_t i = 0; response && i < reply->line_count; i++) {
		const struct http_line *line = &reply->lines[i];

		if (!line->name || !line->value)
			continue;
		MHD_add_response_header(response, line->name, line->value);
		exchange->head_bytes += strlen(line->name) + strlen(line->value) + 4;
	}
	return response;
}

static enum MHD_Result answer(struct exchange *exchange,
			      struct MHD_Connection *connection, struct http_reply *reply)
{
	struct MHD_Response *response = make_response(exchange, reply);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	exchange->socket_base = socket_taken_bytes(exchange->request.socket);
	result = MHD_queue_response(connection, (unsigned)reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result handle(struct exchange *exchange,
			      struct MHD_Connection *connection)
{
	const struct http_handler *handler = exchange->server->handler;
	struct http_request *request = &exchange->request;
	CLEANUP(http_reply_clear) struct http_reply reply;

	http_reply_init(&reply);
	request->body = exchange->body.data ? exchange->body.data : "";
	request->body_size = exchange->body.size;
	request->body_too_large = buffer_error(&exchange->body) == -EFBIG;
	if (handler->handle(handler->context, request, &reply) < 0)
		return MHD_NO;
	return answer(exchange, connection, &reply);
}

static int connection_socket(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

static struct exchange *exchange_create(struct http_server *server,
					struct MHD_Connection *connection,
					const char *path, const char *method)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	exchange->server = server;
	exchange->request = (struct http_request){ .method = method, .path = path };
	exchange->request.connection = connection;
	exchange->request.socket = connection_socket(connection);
	buffer_init(&exchange->body, HTTP_BODY_MAX);
	return exchange;
}

/*
 * libmicrohttpd calls this once for the header, once for each piece of the body, and once
 * at the end.
 */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
				  const char *path, const char *method,
				  const char *version, const char *bytes, size_t *size,
				  void **state)
{
	struct exchange *exchange = *state;

	if (!exchange) {
		*state = exchange_create(context, connection, path, method);
		return *state ? MHD_YES : MHD_NO;
	}
	if (*size) {
		buffer_append(&exchange->body, bytes, *size);
		*size = 0;
		return MHD_YES;
	}
	return handle(exchange, connection);
}

/* For an answer that was cut off, the socket knows how many bytes it sent. */
static uint64_t sent_bytes(const struct exchange *exchange, bool whole)
{
	uint64_t taken;

	if (whole)
		return exchange->body_bytes;
	if (!exchange->socket_base && !exchange->body_bytes)
		return 0;
	taken = socket_taken_bytes(exchange->request.socket) - exchange->socket_base;
	taken = taken > exchange->head_bytes ? taken - exchange->head_bytes : 0;
	return taken < exchange->body_bytes ? taken : exchange->body_bytes;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	const struct http_handler *handler = ((struct http_server *)context)->handler;
	struct exchange *exchange = *state;
	bool whole = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;

	if (!exchange)
		return;
	*state = NULL;
	if (exchange->request.ticket && handler->sent && !exchange->counts_itself)
		handler->sent(handler->context, exchange->request.ticket,
			      sent_bytes(exchange, whole));
	if (exchange->request.ticket && handler->finished)
		handler->finished(handler->context, exchange->request.ticket);
	if (exchange->stream.destroy)
		exchange->stream.destroy(exchange->stream.context);
	buffer_clear(&exchange->body);
	free(exchange);
}

__attribute__((format(printf, 2, 0))) static void
on_log(void *context, const char *format, va_list arguments)
{
	AUTOBUFFER text = BUFFER_INIT(1024);

	buffer_vaddf(&text, format, arguments);
	log_info("http: %s", text.data ? text.data : "(too long)");
}

static int start_daemon(struct http_server *server, int listener)
{
	unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
			 MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG;

	server->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER,
		on_log, NULL, MHD_OPTION_LISTEN_SOCKET, listener,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(512 * 1024),
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_END);
	return server->daemon ? 0 : -EIO;
}

int http_server_open(const struct http_handler *handler, uint16_t port,
		     struct http_server **ret_server)
{
	AUTOFREE struct http_server *server = calloc(1, sizeof(*server));
	AUTOCLOSE int listener = -1;
	int r;

	if (!server)
		return -ENOMEM;
	server->handler = handler;
	r = socket_listen(port, &listener, &server->port);
	if (r)
		return r;
	r = start_daemon(server, listener);
	if (r)
		return r;
	take_fd(&listener); /* the daemon closes it */
	*ret_server = TAKE(server);
	return 0;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

void http_server_close(struct http_server *server)
{
	if (!server)
		return;
	MHD_stop_daemon(server->daemon);
	free(server);
}
