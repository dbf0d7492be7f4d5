/*
 * A job: what a create request asks for, independent of its service. A wire format reads
 * its request into a job; job_task.h makes a task of it.
 *
 * Texts are borrowed from the request's body, unless stated otherwise.
 */
#ifndef SEEDANCE_SIM_WIRES_JOB_H
#define SEEDANCE_SIM_WIRES_JOB_H

#include "backend/sim/wires/content.h"
#include "backend/sim/tasks/task.h"

struct job {
	const struct model *model;
	const char *model_shown;
	struct content content;
	bool generate_audio, draft, camera_fixed, watermark, return_last_frame;
	bool is_flex, has_web_search;
	int64_t expires_after_s, seed; /* seed -1 = any */
	int64_t duration, frames; /* duration -1 = the model decides; frames 0 = none */
	int64_t priority;
	int resolution, ratio; /* enums of tasks/size.h; -1 = not given */
	const char *safety_identifier, *output_format, *omni_type,
		*callback_url; /* NULL = not given */
	struct task *draft_of; /* owned: the draft that this job completes */
	struct buffer extra;   /* members for the task's echo, in the format of the
			        * wire */
};

#define JOB_EXTRA_MAX (512u * 1024)
#define JOB_EXPIRES_DEFAULT_S 172800

/* No ratio, no resolution, any seed; everything else is 0. */
#define JOB_INIT                                                                    \
	{                                                                           \
		.content = CONTENT_INIT, .seed = -1, .resolution = -1, .ratio = -1, \
		.expires_after_s = JOB_EXPIRES_DEFAULT_S,                           \
		.extra = BUFFER_INIT(JOB_EXTRA_MAX)                                 \
	}

void job_clear(struct job *job);

/*
 * Whether the model can make this length. `frames` takes precedence; allowed are 29 to
 * 289, in steps of 4 from 29.
 */
bool job_check_length(const struct job *job, struct refusal *refusal);
/* Whether the model has the resolution, if one is given. */
bool job_check_resolution(const struct job *job, struct refusal *refusal);

#endif
