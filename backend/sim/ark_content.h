/*
 * The `content` of a create request: texts, pictures, references (providers.md, 6.2).
 * Pure.
 */
#ifndef SEEDANCE_SIM_ARK_CONTENT_H
#define SEEDANCE_SIM_ARK_CONTENT_H

#include "backend/sim/ark_model.h"
#include "backend/sim/ark_refusal.h"
#include "backend/sim/image.h"
#include "backend/sim/json.h"

struct ark_content {
	struct buffer prompt;
	int images, unnamed_images; /* all of them; those without a role */
	int first_frames, last_frames;
	int reference_images, reference_videos, reference_audios;
	/* of those that came as data: the first frame, else the first one */
	struct image first_image;
	bool first_image_is_frame;
	const char *draft_task; /* borrowed from the request */
};

#define ARK_CONTENT_INIT                          \
	{                                         \
		.prompt = BUFFER_INIT(64u * 1024) \
	}

void ark_content_clear(struct ark_content *content);

/* Reads the array and applies the rules that hold for every model. */
bool ark_content_read(const struct json *array, struct ark_content *content,
		      struct ark_refusal *refusal);
/* The rules of a model. */
bool ark_content_check(const struct ark_content *content, const struct ark_model *model,
		       struct ark_refusal *refusal);

bool ark_content_has_references(const struct ark_content *content);

#endif
