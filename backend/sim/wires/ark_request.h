/*
 * A create request as Ark understands it: every field read, checked and defaulted
 * (providers/README.md, 6.2). Unknown fields and `framespersecond` are ignored, as the
 * service does. Pure, but for the draft task that a request may name.
 */
#ifndef SEEDANCE_SIM_WIRES_ARK_REQUEST_H
#define SEEDANCE_SIM_WIRES_ARK_REQUEST_H

#include "backend/sim/wires/content_items.h"
#include "backend/sim/wires/job.h"
#include "backend/sim/wires/wire.h"

/* In what a service that wraps Ark differs from it. */
struct ark_dialect {
	struct content_rules content;
	const char *model;    /* the only one that there is; NULL = all */
	bool has_flex_drafts; /* draft and service_tier flex go together */
};

/* The call's body must outlive the job. */
bool ark_request_read(const struct wire_call *call, const struct ark_dialect *dialect,
		      struct job *job, struct refusal *refusal);

#endif
