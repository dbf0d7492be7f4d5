/*
 * What of a request goes into the log of requests: its body as JSON with data URLs
 * shortened (or as a text, if it is none) and the headers that matter; never a key.
 */
#ifndef SEEDANCE_SIM_SERVICE_RECORD_H
#define SEEDANCE_SIM_SERVICE_RECORD_H

#include "backend/sim/http.h"
#include "backend/sim/json.h"
#include "backend/sim/records.h"

/* A body as JSON text with data URLs shortened; free() it. NULL if it is empty. */
char *service_describe_body(const struct http_request *request, const struct json *body);

/* `start` holds kind, task, media and body; the rest is filled in. Returns
 * records_begin()'s. */
uint64_t service_record(struct records *records, const struct http_request *request,
			struct record_start *start);

#endif
