/*
 * Reads a create request as Ark does: every field is checked and gets its default
 * (providers/README.md, 6.2). Unknown fields and `framespersecond` are ignored, as by the
 * service. Pure, except for looking up a draft task that a request names.
 */
#ifndef SEEDANCE_SIM_WIRES_ARK_REQUEST_H
#define SEEDANCE_SIM_WIRES_ARK_REQUEST_H

#include "backend/sim/wires/content_items.h"
#include "backend/sim/wires/job.h"
#include "backend/sim/wires/wire.h"

/* How a service that wraps Ark differs from it. */
struct ark_dialect {
	struct content_rules content;
	const char *model;    /* the only model; NULL = all */
	bool has_flex_drafts; /* allows draft together with service_tier flex */
};

/* The call's body must outlive the job. */
bool ark_request_read(const struct wire_call *call, const struct ark_dialect *dialect,
		      struct job *job, struct refusal *refusal);

#endif
