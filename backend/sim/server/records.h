/*
 * The log of requests that came to the service port, and its counters: what tests look
 * at.
 *
 * An entry exists from the moment its request was read; it is `done` when the exchange
 * ended, however that was. The last RECORDS_MAX entries (and at most RECORDS_BYTES_MAX of
 * their texts) are kept. Numbers rise for ever, across resets too. Any thread may call
 * anything; records_list() may wait, and is woken by records_end().
 */
#ifndef SEEDANCE_SIM_SERVER_RECORDS_H
#define SEEDANCE_SIM_SERVER_RECORDS_H

#include "backend/base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

#define RECORDS_MAX 2000
#define RECORDS_BYTES_MAX (64u * 1024 * 1024)

enum request_kind {
	REQUEST_CREATE,
	REQUEST_GET,
	REQUEST_LIST,
	REQUEST_DELETE,
	REQUEST_MEDIA,
	REQUEST_OTHER, /* matched nothing: not counted, seen as "other" */
	REQUEST_KINDS
};

const char *request_kind_name(enum request_kind kind);
/* False if there is no such word. */
bool request_kind_parse(const char *name, enum request_kind *ret);

#define RECORDS_WIRES_MAX 16

/* What is known when a request was read. Texts are copied; NULL = left out. */
struct record_start {
	enum request_kind on;
	const char *wire; /* a wire format's name */
	const char *method;
	const char *path;
	const char *task;
	const char *media; /* "video" or "last_frame" */
	const char *range;
	const char *query;   /* as it came */
	const char *body;    /* JSON text */
	const char *headers; /* JSON text of an object */
	const char *exact;   /* of a create: all that came, JSON text */
};

struct records;

/* The wire formats' names end with NULL and must outlive the records. */
int records_create(const char *const *wires, struct records **ret_records);
void records_destroy(struct records *records);

/* Returns the entry's number, 0 without memory
 * (such a request is served but not seen). */
uint64_t records_begin(struct records *records, const struct record_start *start);
void records_answered(struct records *records, uint64_t number, int status);
void records_add_bytes(struct records *records, uint64_t number, uint64_t bytes);
void records_finish(struct records *records, uint64_t number);
/* A create was accepted as this task: this will be billed. */
void records_accept(struct records *records, uint64_t number, const char *task);

struct records_filter {
	uint64_t after;
	bool has_on;
	enum request_kind on;
	const char *wire;   /* NULL = any */
	bool done;	    /* only entries that ended */
	int64_t timeout_ms; /* how long to wait for at least one; 0 = don't */
};

/* Appends {"requests":[...]}. */
void records_list(struct records *records, const struct records_filter *filter,
		  struct buffer *out);
/* Appends what the wire format's last create was; -ENOENT if there was none. */
int records_last_create(struct records *records, const char *wire, struct buffer *out);
void records_stats(struct records *records, struct buffer *out);
void records_reset(struct records *records);
/* No more waiting, now or later. */
void records_end(struct records *records);

#endif
