/*
 * What of a request goes into the log of requests: its body as JSON with data URLs
 * shortened (or as a text, if it is none) and the headers that matter; never a key.
 */
#ifndef SEEDANCE_SIM_SERVER_SERVICE_RECORD_H
#define SEEDANCE_SIM_SERVER_SERVICE_RECORD_H

#include "backend/sim/wires/wire.h"

/* The body as JSON text with data URLs shortened, or {"parts":[...]}; free() it. NULL if
 * it is empty. */
char *service_describe_body(const struct wire_call *call);
/* All of it: every header (never a key), the whole body.
 * free() it; NULL without memory. */
char *service_describe_exactly(const struct wire_call *call);

/* `start` holds kind, task, media and body;
 * the rest is filled in. Returns records_begin()'s. */
uint64_t service_record(struct records *records, const struct http_request *request,
			struct record_start *start);

#endif
