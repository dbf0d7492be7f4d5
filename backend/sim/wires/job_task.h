/*
 * Makes a task of a job: size, length, seed, usage, and the contents of its answers.
 * Creates the task's directory with the first frame, if there is one.
 *
 * A task whose prompt contains the word #fail or #moderation fails, in the words of its
 * wire format; with #expire it expires.
 */
#ifndef SEEDANCE_SIM_WIRES_JOB_TASK_H
#define SEEDANCE_SIM_WIRES_JOB_TASK_H

#include "backend/sim/wires/job.h"
#include "backend/sim/wires/wire.h"

/*
 * Makes the task of an accepted request and adds it under `id`. Takes over `id` (NULL =
 * no memory).
 */
bool job_accept(const struct job *job, const struct wire_call *call, char *id,
		struct refusal *refusal);

/* Removes the task's files if it could not be added. */
void job_task_discard(const struct wire_call *call, struct task *task);

#endif
