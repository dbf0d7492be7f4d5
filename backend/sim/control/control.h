/*
 * The control port: JSON over HTTP, for tests and for the curious.
 *
 *	GET    /stats                 counters
 *	DELETE /stats                 counters and the log of requests start anew
 *	GET    /requests?after=N&on=create&wire=ark&done=1&timeout_ms=T    waits for news
 *	GET    /creates/{wire}        the last create of a wire format, as it came
 *	POST   /faults {"on","wire"?,"task"?,"kind"?,"times"?,"action"}    -> {"id":n}
 *	GET    /faults, DELETE /faults                 (DELETE releases all that hangs)
 *	GET    /tasks, GET /tasks/{id}
 *	POST   /tasks/{id} {...}      decrees: see control_tasks.c
 *	POST   /hold {"state":"queued"|"running"|""}
 *	GET    /variants, DELETE /variants
 *	POST   /variants/{wire} {...} how a service answers: see its struct variant
 *
 * A fault's action: "status" (with "headers" and "body"; without a body the answer is the
 * service's own, with "error" {"code","message","ref_code"} in it), "delay_ms", "hang",
 * "close" ("before" or "after" the request is carried out), and what control_faults.c has
 * for media, whose real answer may carry more "headers", too.
 *
 * Nothing is tolerated: an unknown path is 404, an unknown key or a value of the wrong
 * type 400 with {"error":"..."} that names it, so that a test cannot be misspelt.
 */
#ifndef SEEDANCE_SIM_CONTROL_CONTROL_H
#define SEEDANCE_SIM_CONTROL_CONTROL_H

#include "backend/sim/sim.h"

/* A handler for http_server_open(); the simulator must outlive the server. */
struct http_handler control_handler(struct sim *sim);

#endif
