/*
 * Why a request is refused: data, not an error of ours. The first reason stays.
 *
 * What is wrong is said here once, for every service; how a service says it (HTTP status,
 * code, shape of the body) is its wire format's business: see struct wire's refuse().
 */
#ifndef SEEDANCE_SIM_WIRES_REFUSAL_H
#define SEEDANCE_SIM_WIRES_REFUSAL_H

#include "backend/base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum refusal_kind {
	REFUSAL_NONE,
	REFUSAL_INVALID, /* a parameter's value */
	REFUSAL_MISSING, /* a parameter */
	REFUSAL_MODEL,	 /* no such model */
	REFUSAL_KEY,
	REFUSAL_PATH, /* no such path or method */
	REFUSAL_TASK, /* no such task */
	REFUSAL_TOO_LARGE,
	REFUSAL_INTERNAL,
	REFUSAL_OWN,	/* status, code and type are a wire format's own */
	REFUSAL_STATUS, /* a fault that a test ordered, with a status */
	REFUSAL_SILENT, /* the connection is closed without an answer */
	REFUSAL_KINDS
};

struct refusal {
	enum refusal_kind kind;
	int status;	  /* HTTP; 0 = as the service has it for this kind */
	char *code;	  /* owned; NULL = the same */
	const char *type; /* a literal or NULL; Ark's */
	int64_t number;	  /* SenseAudio's ref_code; 0 = the same */
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

/* What a service calls a refusal of some kind: status and code. */
struct refusal_words {
	int status;
	const char *code;
};

/*
 * The row for a refusal: by its kind, or (REFUSAL_STATUS) the first row of `by_status`
 * that has its status, else its last row. What the refusal says itself wins.
 */
struct refusal_words refusal_words(const struct refusal *refusal,
				   const struct refusal_words kinds[REFUSAL_KINDS],
				   const struct refusal_words *by_status, size_t count);

/* Each returns false, so that a check can return it. */
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
