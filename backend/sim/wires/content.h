/*
 * The inputs of a video: texts, images, references. A caller that knows the service's
 * format adds them item by item (content_items.h for the formats that follow Ark's); then
 * they are settled and checked against the model (providers/README.md, 6.2). Pure.
 */
#ifndef SEEDANCE_SIM_WIRES_CONTENT_H
#define SEEDANCE_SIM_WIRES_CONTENT_H

#include "backend/sim/tasks/image.h"
#include "backend/sim/tasks/model.h"
#include "backend/sim/wires/refusal.h"

struct content {
	struct buffer prompt;
	int texts;
	int images, unnamed_images; /* all images; those without a role */
	int first_frames, last_frames;
	int reference_images, reference_videos, reference_audios;
	/* of the images sent as data: the first frame, else the first image */
	struct image first_image;
	bool first_image_is_frame;
	const char *draft_task; /* borrowed from the request */
};

#define CONTENT_INIT                              \
	{                                         \
		.prompt = BUFFER_INIT(64u * 1024) \
	}

void content_clear(struct content *content);

enum content_role {
	CONTENT_UNNAMED, /* a single image: the first frame */
	CONTENT_FIRST_FRAME,
	CONTENT_LAST_FRAME,
	CONTENT_REFERENCE
};

/* The place of an item's bytes. */
struct content_source {
	const char *name; /* for refusals: content[3].image_url */
	const char *url;
	bool may_be_asset; /* asset://... is allowed too */
};

bool content_add_text(struct content *content, const char *name, const char *text,
		      struct refusal *refusal);
/* http(s), or data that is an image within the limits. */
bool content_add_image(struct content *content, const struct content_source *source,
		       enum content_role role, struct refusal *refusal);
/* The same for an image whose bytes are at hand; takes them over if it accepts it. */
bool content_add_picture(struct content *content, const char *name, struct image *image,
			 enum content_role role, struct refusal *refusal);
/* http(s) only. */
bool content_add_video(struct content *content, const struct content_source *source,
		       struct refusal *refusal);
/* http(s), or wav or mp3 data. */
bool content_add_audio(struct content *content, const struct content_source *source,
		       struct refusal *refusal);

/* Call after the last item: checks roles and which kinds may be combined. */
bool content_settle(struct content *content, struct refusal *refusal);
/* Checks the rules of the model. */
bool content_check(const struct content *content, const struct model *model,
		   struct refusal *refusal);

#endif
