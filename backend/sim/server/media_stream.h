/*
 * The body of a media answer under a fault: cut off, stalled, slow, with a wrong byte or
 * without a length.
 */
#ifndef SEEDANCE_SIM_SERVER_MEDIA_STREAM_H
#define SEEDANCE_SIM_SERVER_MEDIA_STREAM_H

#include "backend/sim/server/faults.h"
#include "backend/sim/server/http.h"

bool media_stream_is_needed(const struct fault_action *action);

/* Takes over the descriptor (*fd becomes -1) and keeps its own reference to the fault. */
int media_stream_open(struct faults *faults, struct fault *fault, int socket, int *fd,
		      uint64_t offset, uint64_t size, struct http_stream *ret);

#endif
