/*
 * From a create request to a task: size, length, seed, what it costs, and what its
 * answers will say. The task's directory is made and gets the first frame, if there is
 * one.
 *
 * A prompt with the word #fail ends as failed (InternalServiceError), #moderation as
 * failed (OutputVideoSensitiveContentDetected), #expire as expired.
 */
#ifndef SEEDANCE_SIM_ARK_TASK_H
#define SEEDANCE_SIM_ARK_TASK_H

#include "backend/sim/ark_request.h"
#include "backend/sim/wire.h"

int ark_task_make(const struct ark_request *request, const struct wire_call *call,
		  struct task **ret_task);

/* Gives the task's files back, if it could not be added. */
void ark_task_discard(const struct wire_call *call, struct task *task);

#endif
