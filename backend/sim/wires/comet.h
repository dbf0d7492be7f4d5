/*
 * CometAPI (providers/README.md, 3): comet.c (paths, answers, refusals), comet_request.c
 * (the parts of a create request).
 */
#ifndef SEEDANCE_SIM_WIRES_COMET_H
#define SEEDANCE_SIM_WIRES_COMET_H

#include "backend/sim/wires/job.h"
#include "backend/sim/wires/multipart.h"
#include "backend/sim/wires/refusal.h"

/* `parts` is NULL for any other kind of body. */
bool comet_request_read(const struct multipart *parts, struct job *job,
			struct refusal *refusal);

#endif
