/* Ark's refusals (providers/README.md, 6.7). Pure. */
#ifndef SEEDANCE_SIM_WIRES_ARK_REFUSAL_H
#define SEEDANCE_SIM_WIRES_ARK_REFUSAL_H

#include "backend/sim/wires/wire.h"

/* {"error":{...}} with the request's id in the message. */
void ark_refuse(const struct wire_call *call, const struct refusal *refusal,
		struct http_reply *reply);

#endif
