#include "backend/sim/server/records.h"

#include "backend/base/cleanup.h"
#include "backend/base/json_write.h"
#include "backend/base/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct record {
	uint64_t number;
	enum request_kind on;
	const char *wire; /* borrowed from struct records; or NULL */
	int status;
	bool is_done;
	uint64_t bytes;
	char *text; /* the constant members, as JSON without the braces */
	char *task;
	struct record *next;
};

/* Counters of one wire format. */
struct tally {
	const char *wire;
	uint64_t accepted;
	uint64_t requests[REQUEST_KINDS];
	char *last_create; /* JSON text; NULL = none */
};

struct records {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* guarded by lock; entries ordered by number */
	struct record *first, *last;
	size_t count, text_bytes;
	uint64_t next_number;
	uint64_t accepted, media_bytes;
	uint64_t requests[REQUEST_KINDS];
	struct tally tallies[RECORDS_WIRES_MAX +
			     1]; /* the names are constant; NULL-terminated */
	bool is_ending;
};

static const char *const kind_names[REQUEST_KINDS] = { "create", "get",	  "list",
						       "delete", "media", "other" };

const char *request_kind_name(enum request_kind kind)
{
	return kind_names[kind];
}

bool request_kind_parse(const char *name, enum request_kind *ret)
{
	for (int i = 0; i < REQUEST_KINDS; i++) {
		if (!strcmp(name, kind_names[i])) {
			*ret = (enum request_kind)i;
			return true;
		}
	}
	return false;
}

int records_create(const char *const *wires, struct records **ret_records)
{
	struct records *records = calloc(1, sizeof(*records));

	if (!records)
		return -ENOMEM;
	pthread_mutex_init(&records->lock, NULL);
	thread_condition_init(&records->changed);
	records->next_number = 1;
	for (size_t i = 0; i < RECORDS_WIRES_MAX && wires[i]; i++)
		records->tallies[i].wire = wires[i];
	*ret_records = records;
	return 0;
}

/* NULL if the name is unknown. */
static struct tally *find_tally(struct records *records, const char *wire)
{
	struct tally *tally = records->tallies;

	if (!wire)
		return NULL;
	while (tally->wire && strcmp(tally->wire, wire))
		tally++;
	return tally->wire ? tally : NULL;
}

static void clear_tallies(struct records *records)
{
	for (struct tally *tally = records->tallies; tally->wire; tally++) {
		free(tally->last_create);
		*tally = (struct tally){ .wire = tally->wire };
	}
}

static void record_destroy(struct record *record)
{
	free(record->text);
	free(record->task);
	free(record);
}

static void drop_first(struct records *records)
{
	struct record *record = records->first;

	records->first = record->next;
	if (!records->first)
		records->last = NULL;
	records->count--;
	records->text_bytes -= strlen(record->text);
	record_destroy(record);
}

void records_destroy(struct records *records)
{
	if (!records)
		return;
	while (records->first)
		drop_first(records);
	clear_tallies(records);
	pthread_cond_destroy(&records->changed);
	pthread_mutex_destroy(&records->lock);
	free(records);
}

static char *describe(const struct record_start *start)
{
	AUTOBUFFER text = BUFFER_INIT(8u * 1024 * 1024);

	json_write_string(&text, "on", kind_names[start->on]);
	json_write_string(&text, "wire", start->wire);
	json_write_string(&text, "method", start->method);
	json_write_string(&text, "path", start->path);
	json_write_string(&text, "query", start->query);
	json_write_string(&text, "kind", start->media);
	json_write_string(&text, "range", start->range);
	if (start->body)
		json_write_raw(&text, "body", start->body);
	if (start->headers)
		json_write_raw(&text, "headers", start->headers);
	return buffer_take(&text);
}

static struct record *record_make(const struct record_start *start)
{
	struct record *record = calloc(1, sizeof(*record));

	if (!record)
		return NULL;
	record->on = start->on;
	record->text = describe(start);
	record->task = start->task ? strdup(start->task) : NULL;
	if (record->text && (record->task || !start->task))
		return record;
	record_destroy(record);
	return NULL;
}

/* The lock is held. */
static void count(struct records *records, const struct record_start *start)
{
	struct tally *tally = find_tally(records, start->wire);

	records->requests[start->on]++;
	if (!tally)
		return;
	tally->requests[start->on]++;
	if (start->on != REQUEST_CREATE)
		return;
	free(tally->last_create);
	tally->last_create = start->exact ? strdup(start->exact) : NULL;
}

uint64_t records_begin(struct records *records, const struct record_start *start)
{
	struct record *record = record_make(start);
	SCOPED_LOCK(&records->lock);

	count(records, start);
	if (!record)
		return 0;
	if (find_tally(records, start->wire))
		record->wire = find_tally(records, start->wire)->wire;
	record->number = records->next_number++;
	if (records->last)
		records->last->next = record;
	else
		records->first = record;
	records->last = record;
	records->count++;
	records->text_bytes += strlen(record->text);
	while (records->count > RECORDS_MAX ||
	       (records->count > 1 && records->text_bytes > RECORDS_BYTES_MAX))
		drop_first(records);
	pthread_cond_broadcast(&records->changed);
	return record->number;
}

/* The lock is held. */
static struct record *find(struct records *records, uint64_t number)
{
	struct record *record = records->first;

	while (record && record->number != number)
		record = record->next;
	return record;
}

void records_accept(struct records *records, uint64_t number, const char *task)
{
	SCOPED_LOCK(&records->lock);
	struct record *record = find(records, number);

	records->accepted++;
	if (!record)
		return;
	if (record->wire)
		find_tally(records, record->wire)->accepted++;
	free(record->task);
	record->task = strdup(task);
	pthread_cond_broadcast(&records->changed);
}

void records_answered(struct records *records, uint64_t number, int status)
{
	SCOPED_LOCK(&records->lock);
	struct record *record = find(records, number);

	if (record)
		record->status = status;
}

void records_add_bytes(struct records *records, uint64_t number, uint64_t bytes)
{
	SCOPED_LOCK(&records->lock);
	struct record *record = find(records, number);

	if (!record)
		return;
	record->bytes += bytes;
	if (record->on == REQUEST_MEDIA &&
	    (record->status == 200 || record->status == 206))
		records->media_bytes += bytes;
}

void records_finish(struct records *records, uint64_t number)
{
	SCOPED_LOCK(&records->lock);
	struct record *record = find(records, number);

	if (record)
		record->is_done = true;
	pthread_cond_broadcast(&records->changed);
}

static bool is_wanted(const struct record *record, const struct records_filter *filter)
{
	return record->number > filter->after && (record->is_done || !filter->done) &&
	       (!filter->has_on || record->on == filter->on) &&
	       (!filter->wire || (record->wire && !strcmp(record->wire, filter->wire)));
}

static bool has_wanted(const struct records *records, const struct records_filter *filter)
{
	for (const struct record *record = records->first; record; record = record->next)
		if (is_wanted(record, filter))
			return true;
	return false;
}

static void put_record(struct buffer *out, const struct record *record)
{
	json_write_open(out, NULL, '{');
	json_write_int64(out, "n", (int64_t)record->number);
	buffer_addf(out, ",%s", record->text);
	json_write_string(out, "task", record->task);
	json_write_int64(out, "status", record->status);
	json_write_int64(out, "bytes", (int64_t)record->bytes);
	json_write_bool(out, "done", record->is_done);
	json_write_close(out, '}');
}

void records_list(struct records *records, const struct records_filter *filter,
		  struct buffer *out)
{
	struct timespec deadline = thread_moment_in(filter->timeout_ms);
	SCOPED_LOCK(&records->lock);

	while (!records->is_ending && !has_wanted(records, filter))
		if (filter->timeout_ms <= 0 ||
		    pthread_cond_timedwait(&records->changed, &records->lock, &deadline))
			break;
	json_write_open(out, NULL, '{');
	json_write_open(out, "requests", '[');
	for (const struct record *record = records->first; record; record = record->next)
		if (is_wanted(record, filter))
			put_record(out, record);
	json_write_close(out, ']');
	json_write_close(out, '}');
}

static void put_requests(struct buffer *out, const uint64_t *requests,
			 const enum request_kind *kinds, size_t kind_count)
{
	json_write_open(out, "requests", '{');
	for (size_t i = 0; i < kind_count; i++)
		json_write_int64(out, kind_names[kinds[i]], (int64_t)requests[kinds[i]]);
	json_write_close(out, '}');
}

static void put_tallies(struct buffer *out, const struct records *records)
{
	static const enum request_kind kinds[] = { REQUEST_CREATE, REQUEST_GET,
						   REQUEST_LIST, REQUEST_DELETE,
						   REQUEST_OTHER };

	json_write_open(out, "wires", '{');
	for (const struct tally *tally = records->tallies; tally->wire; tally++) {
		json_write_open(out, tally->wire, '{');
		json_write_int64(out, "creates", (int64_t)tally->accepted);
		put_requests(out, tally->requests, kinds, ARRAY_SIZE(kinds));
		json_write_close(out, '}');
	}
	json_write_close(out, '}');
}

void records_stats(struct records *records, struct buffer *out)
{
	static const enum request_kind kinds[] = { REQUEST_CREATE, REQUEST_GET,
						   REQUEST_LIST, REQUEST_DELETE,
						   REQUEST_MEDIA };
	SCOPED_LOCK(&records->lock);

	json_write_open(out, NULL, '{');
	json_write_int64(out, "creates", (int64_t)records->accepted);
	put_requests(out, records->requests, kinds, ARRAY_SIZE(kinds));
	json_write_int64(out, "media_bytes", (int64_t)records->media_bytes);
	put_tallies(out, records);
	json_write_close(out, '}');
}

int records_last_create(struct records *records, const char *wire, struct buffer *out)
{
	SCOPED_LOCK(&records->lock);
	const struct tally *tally = find_tally(records, wire);

	if (!tally || !tally->last_create)
		return -ENOENT;
	return buffer_add(out, tally->last_create);
}

void records_reset(struct records *records)
{
	SCOPED_LOCK(&records->lock);

	while (records->first)
		drop_first(records);
	memset(records->requests, 0, sizeof(records->requests));
	clear_tallies(records);
	records->accepted = 0;
	records->media_bytes = 0;
}

void records_end(struct records *records)
{
	SCOPED_LOCK(&records->lock);

	records->is_ending = true;
	pthread_cond_broadcast(&records->changed);
}
