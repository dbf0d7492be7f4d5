/*
 * AceData Cloud and xhuoapi: one backend under two names (providers/README.md, 1 and 4).
 * The shared part is written once; struct ace_house holds the differences.
 *
 * ace.c (paths, create), ace_request.c (reading a create), ace_flags.c (flags in a text),
 * ace_answer.c (a task's result), ace_record.c (retrieve), ace_refusal.c.
 */
#ifndef SEEDANCE_SIM_WIRES_ACE_H
#define SEEDANCE_SIM_WIRES_ACE_H

#include "backend/sim/wires/content_items.h"
#include "backend/sim/wires/job.h"
#include "backend/sim/wires/wire.h"

/* The differences between the two. */
struct ace_house {
	const char *videos, *tasks; /* paths */
	struct content_rules content;
	const char *const *models;
	bool has_newer_fields;	       /* priority, tools, output_format, ... */
	bool has_frame_rate;	       /* the field framespersecond */
	bool frames_need_text;	       /* first and last frame require a text */
	bool shows_missing_last_frame; /* last_frame_url: null */
};

const struct ace_house *ace_house_of(const struct wire *wire);

/* What tests may select, by position. */
enum ace_variant {
	ACE_DATA,
	ACE_PENDING,
	ACE_FAILURE,
	ACE_ERROR,
	ACE_ASYNC,
	ACE_FRESH_MS
};
enum ace_data { ACE_DATA_ARRAY, ACE_DATA_OBJECT, ACE_DATA_FLAT };
enum ace_pending {
	ACE_PENDING_AUTO, /* queued: none, running: bare */
	ACE_PENDING_NONE,
	ACE_PENDING_NULL,
	ACE_PENDING_BARE,
	ACE_PENDING_EMPTY,
	ACE_PENDING_WORD,
	ACE_PENDING_WORD_FINISHED
};
enum ace_failure {
	ACE_FAILURE_STRUCTURED,
	ACE_FAILURE_DETAIL,
	ACE_FAILURE_STRING,
	ACE_FAILURE_STRING_UNFINISHED,
	ACE_FAILURE_NULL_UNFINISHED,
	ACE_FAILURE_MESSAGE,
	ACE_FAILURE_REASON,
	ACE_FAILURE_FAIL_REASON,
	ACE_FAILURE_WORD
};
enum ace_error { ACE_ERROR_STRUCTURED, ACE_ERROR_STRING, ACE_ERROR_DETAIL };

/* Reads a create; *ret_is_async tells whether it is answered immediately. */
bool ace_request_read(const struct wire_call *call, struct job *job, bool *ret_is_async,
		      struct refusal *refusal);

/*
 * Reads the flags in a text (--rs 720p --dur 5). Validation is weak: a wrong value counts
 * as absent. `job` holds the model and the content; fields of the body take precedence.
 */
void ace_flags_read(const struct json *body, struct job *job);

/*
 * The result of a finished task: the answer to a waiting create, and the response in a
 * record.
 */
void ace_answer_write(struct buffer *out, const char *key, const struct task *task,
		      const struct wire_call *call);
/* Whether the task has nothing yet that a finished task would show. */
bool ace_answer_is_unfinished(const struct task *task, const struct wire_call *call);
/* The response of an unfinished task; nothing if it has none yet. */
void ace_answer_write_pending(struct buffer *out, const struct task *task,
			      const struct wire_call *call);

/* POST .../tasks: retrieve and retrieve_batch. */
bool ace_record_is_batch(const struct json *body);
wire_answer ace_record_retrieve;
wire_answer ace_record_batch;

void ace_refuse(const struct wire_call *call, const struct refusal *refusal,
		struct http_reply *reply);

#endif
