/*
 * The log of requests to the service port, and its counters, for tests.
 *
 * An entry exists as soon as its request has been read; it is `done` when the exchange
 * has ended, however it ended. The last RECORDS_MAX entries (and at most
 * RECORDS_BYTES_MAX of their texts) are kept. Numbers only increase, across resets too.
 * Any thread may call any function; records_list() may wait, and records_end() wakes it.
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
	REQUEST_OTHER, /* matches no kind: not counted, shown as "other" */
	REQUEST_KINDS
};

const char *request_kind_name(enum request_kind kind);
/* False if the word is unknown. */
bool request_kind_parse(const char *name, enum request_kind *ret);

#define RECORDS_WIRES_MAX 16

/* What is known once a request has been read. Texts are copied; NULL = omitted. */
struct record_start {
	enum request_kind on;
	const char *wire; /* a wire format's name */
	const char *method;
	const char *path;
	const char *task;
	const char *media; /* "video" or "last_frame" */
	const char *range;
	const char *query;   /* as received */
	const char *body;    /* JSON text */
	const char *headers; /* JSON text of an object */
	const char *exact;   /* for a create: the complete request as JSON text */
};

struct records;

/* The list of wire formats is NULL-terminated and must outlive the records. */
int records_create(const char *const *wires, struct records **ret_records);
void records_destroy(struct records *records);

/* Returns the entry's number; 0 without memory (the request is served but not logged). */
uint64_t records_begin(struct records *records, const struct record_start *start);
void records_answered(struct records *records, uint64_t number, int status);
void records_add_bytes(struct records *records, uint64_t number, uint64_t bytes);
void records_finish(struct records *records, uint64_t number);
/* A create was accepted as this task: it will be billed. */
void records_accept(struct records *records, uint64_t number, const char *task);

struct records_filter {
	uint64_t after;
	bool has_on;
	enum request_kind on;
	const char *wire;   /* NULL = any */
	bool done;	    /* only entries that ended */
	int64_t timeout_ms; /* maximum wait for a first entry; 0 = no wait */
};

/* Appends {"requests":[...]}. */
void records_list(struct records *records, const struct records_filter *filter,
		  struct buffer *out);
/* Appends the last create of the wire format; -ENOENT if there was none. */
int records_last_create(struct records *records, const char *wire, struct buffer *out);
void records_stats(struct records *records, struct buffer *out);
void records_reset(struct records *records);
/* Ends all waiting, now and later. */
void records_end(struct records *records);

#endif
