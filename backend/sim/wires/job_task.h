/*
 * From a job to a task: size, length, seed, what it costs, and what its answers will say.
 * The task's directory is made and gets the first frame, if there is one.
 *
 * A prompt with the word #fail or #moderation ends as failed, in the words of its wire
 * format; #expire as expired.
 */
#ifndef SEEDANCE_SIM_WIRES_JOB_TASK_H
#define SEEDANCE_SIM_WIRES_JOB_TASK_H

#include "backend/sim/wires/job.h"
#include "backend/sim/wires/wire.h"

/* Makes the task of an accepted request and files it under `id` (taken over;
 * NULL = no memory). */
bool job_accept(const struct job *job, const struct wire_call *call, char *id,
		struct refusal *refusal);

/* Gives the task's files back, if it could not be added. */
void job_task_discard(const struct wire_call *call, struct task *task);

#endif
