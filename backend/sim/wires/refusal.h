/*
 * The reason why a request is refused: data, not an internal error. The first reason
 * counts.
 *
 * Reasons are worded once for all services; the HTTP status, the code and the shape of
 * the body are the wire format's: see refuse() of struct wire.
 */
#ifndef SEEDANCE_SIM_WIRES_REFUSAL_H
#define SEEDANCE_SIM_WIRES_REFUSAL_H

#include "backend/base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum refusal_kind {
	REFUSAL_NONE,
	REFUSAL_INVALID, /* the value of a parameter */
	REFUSAL_MISSING, /* a missing parameter */
	REFUSAL_MODEL,	 /* unknown model */
	REFUSAL_KEY,
	REFUSAL_PATH, /* unknown path or method */
	REFUSAL_TASK, /* unknown task */
	REFUSAL_TOO_LARGE,
	REFUSAL_INTERNAL,
	REFUSAL_OWN,	/* status, code and type come from the wire format */
	REFUSAL_STATUS, /* a status that a test ordered as a fault */
	REFUSAL_SILENT, /* the connection is closed without an answer */
	REFUSAL_KINDS
};

struct refusal {
	enum refusal_kind kind;
	int status;	  /* HTTP status; 0 = the service's own for this kind */
	char *code;	  /* owned; NULL = the service's own */
	const char *type; /* a literal or NULL; Ark only */
	int64_t number;	  /* SenseAudio's ref_code; 0 = the service's own */
	struct buffer message;
	struct buffer param; /* empty = none */
};

#define REFUSAL_INIT                                                    \
	{                                                               \
		.message = BUFFER_INIT(4096), .param = BUFFER_INIT(256) \
	}

void refusal_clear(struct refusal *refusal);
/* Never NULL. */
const char *refusal_message(const struct refusal *refusal);
const char *refusal_param(const struct refusal *refusal);

/* A service's status and code for a kind of refusal. */
struct refusal_words {
	int status;
	const char *code;
};

/*
 * The row for a refusal: by kind, or for REFUSAL_STATUS the first row of `by_status` with
 * that status, else its last row. Values in the refusal take precedence.
 */
struct refusal_words refusal_words(const struct refusal *refusal,
				   const struct refusal_words kinds[REFUSAL_KINDS],
				   const struct refusal_words *by_status, size_t count);

/* All return false, so that a check can return their result. */
bool refuse(struct refusal *refusal, enum refusal_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool refuse_as(struct refusal *refusal, int status, const char *code, const char *type,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));
bool refuse_missing(struct refusal *refusal, const char *param);
bool refuse_invalid(struct refusal *refusal, const char *param, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool refuse_task(struct refusal *refusal, const char *id);
bool refuse_no_memory(struct refusal *refusal);
bool refuse_silently(struct refusal *refusal);

#endif
