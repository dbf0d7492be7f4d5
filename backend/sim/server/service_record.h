/*
 * The entry of a request in the log: its body as JSON with shortened data URLs (or as
 * text, if it is not JSON) and the relevant headers; never a key.
 */
#ifndef SEEDANCE_SIM_SERVER_SERVICE_RECORD_H
#define SEEDANCE_SIM_SERVER_SERVICE_RECORD_H

#include "backend/sim/wires/wire.h"

/*
 * The body as JSON text with shortened data URLs, or {"parts":[...]}; free() it. NULL if
 * it is empty.
 */
char *service_describe_body(const struct wire_call *call);
/*
 * The complete request: every header (except keys), the whole body. free() it; NULL
 * without memory.
 */
char *service_describe_exactly(const struct wire_call *call);

/*
 * `start` holds kind, task, media and body; the rest is filled in. Returns the result of
 * records_begin().
 */
uint64_t service_record(struct records *records, const struct http_request *request,
			struct record_start *start);

#endif
