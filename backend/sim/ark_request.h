/*
 * A create request as Ark understands it: every field read, checked and defaulted
 * (providers.md, 6.2). Unknown fields and `framespersecond` are ignored, as the service
 * does. Pure, but for the draft task that a request may name.
 */
#ifndef SEEDANCE_SIM_ARK_REQUEST_H
#define SEEDANCE_SIM_ARK_REQUEST_H

#include "backend/sim/ark_content.h"
#include "backend/sim/tasks.h"

struct ark_request {
	const struct ark_model *model;
	const char *model_shown;
	struct ark_content content;
	bool has_generate_audio, generate_audio, draft, camera_fixed, watermark,
		return_last_frame;
	bool is_flex, has_web_search;
	int64_t expires_after, seed, duration, frames,
		priority; /* frames 0 = not given */
	bool has_seed;
	int resolution, ratio; /* enums of size.h; -1 = not given */
	const char *safety_identifier, *output_format,
		*omni_type;    /* borrowed; NULL = not given */
	struct task *draft_of; /* owned: the draft that this one is made from */
};

#define ARK_REQUEST_INIT                    \
	{                                   \
		.content = ARK_CONTENT_INIT \
	}

void ark_request_clear(struct ark_request *request);

/* `body` must outlive the request. */
bool ark_request_read(const struct json *body, struct tasks *tasks,
		      struct ark_request *request, struct ark_refusal *refusal);

#endif
