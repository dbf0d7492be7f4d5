/*
 * Why Ark refuses a request: data, not an error of ours. The first reason stays.
 */
#ifndef SEEDANCE_SIM_ARK_REFUSAL_H
#define SEEDANCE_SIM_ARK_REFUSAL_H

#include "backend/base/buffer.h"

#include <stdbool.h>

struct ark_refusal {
	int status;		 /* HTTP; 0 = not refused */
	const char *code, *type; /* literals */
	struct buffer message;	 /* without the request id */
	struct buffer param;	 /* empty = null */
};

#define ARK_REFUSAL_INIT                                                \
	{                                                               \
		.message = BUFFER_INIT(1024), .param = BUFFER_INIT(256) \
	}

void ark_refusal_clear(struct ark_refusal *refusal);

/* Each returns false, so that a check can return it. */
bool ark_refuse(struct ark_refusal *refusal, int status, const char *code,
		const char *type, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
bool ark_refuse_missing(struct ark_refusal *refusal, const char *param);
bool ark_refuse_invalid(struct ark_refusal *refusal, const char *param,
			const char *format, ...) __attribute__((format(printf, 3, 4)));
bool ark_refuse_no_memory(struct ark_refusal *refusal);

/* {"error":{...}} with the request's id in the message. */
void ark_refusal_write(const struct ark_refusal *refusal, const char *request_id,
		       struct buffer *out);

#endif
