/*
 * SenseAudio (providers/README.md, 5): senseaudio.c (paths, answers),
 * senseaudio_request.c (reading a create), senseaudio_refusal.c.
 */
#ifndef SEEDANCE_SIM_WIRES_SENSEAUDIO_H
#define SEEDANCE_SIM_WIRES_SENSEAUDIO_H

#include "backend/sim/wires/job.h"
#include "backend/sim/wires/wire.h"

bool senseaudio_request_read(const struct json *body, struct job *job,
			     struct refusal *refusal);

/* {"code":...,"message":...,"ref_code":...} */
void senseaudio_refuse(const struct wire_call *call, const struct refusal *refusal,
		       struct http_reply *reply);

#endif
