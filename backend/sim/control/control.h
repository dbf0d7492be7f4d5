/*
 * The control port: JSON over HTTP, for tests.
 *
 *	GET    /stats                 counters
 *	DELETE /stats                 resets the counters and the log of requests
 *	GET    /requests?after=N&on=create&wire=ark&done=1&timeout_ms=T    waits for news
 *	GET    /creates/{wire}        the last create of a wire format, as received
 *	POST   /faults {"on","wire"?,"task"?,"kind"?,"times"?,"action"}    -> {"id":n}
 *	GET    /faults, DELETE /faults                 (DELETE releases all that hangs)
 *	GET    /tasks, GET /tasks/{id}
 *	POST   /tasks/{id} {...}      decrees: see control_tasks.c
 *	POST   /hold {"state":"queued"|"running"|""}
 *	GET    /variants, DELETE /variants
 *	POST   /variants/{wire} {...} how a service answers: see its struct variant
 *
 * The action of a fault: "status" (with "headers" and "body"; without a body the answer
 * is the service's own, with "error" {"code","message","ref_code"} in it), "delay_ms",
 * "hang", "close" ("before" or "after" the request is carried out), and what
 * control_faults.c has for media, where "headers" are added to the real answer.
 *
 * Orders are read strictly: an unknown path is 404, an unknown key or a value of the
 * wrong type 400 with {"error":"..."} that names it, so that a spelling mistake in a test
 * shows.
 */
#ifndef SEEDANCE_SIM_CONTROL_CONTROL_H
#define SEEDANCE_SIM_CONTROL_CONTROL_H

#include "backend/sim/sim.h"

/* A handler for http_server_open(); the simulator must outlive the server. */
struct http_handler control_handler(struct sim *sim);

#endif
