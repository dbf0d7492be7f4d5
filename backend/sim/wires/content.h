/*
 * What a video is made from: texts, pictures, references. Filled item by item by whoever
 * knows how a service writes them (content_items.h for those that write like Ark), then
 * settled and checked against the model (providers/README.md, 6.2). Pure.
 */
#ifndef SEEDANCE_SIM_WIRES_CONTENT_H
#define SEEDANCE_SIM_WIRES_CONTENT_H

#include "backend/sim/tasks/image.h"
#include "backend/sim/tasks/model.h"
#include "backend/sim/wires/refusal.h"

struct content {
	struct buffer prompt;
	int texts;
	int images, unnamed_images; /* all of them; those without a role */
	int first_frames, last_frames;
	int reference_images, reference_videos, reference_audios;
	/* of those that came as data: the first frame, else the first one */
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
	CONTENT_UNNAMED, /* an image alone: the first frame */
	CONTENT_FIRST_FRAME,
	CONTENT_LAST_FRAME,
	CONTENT_REFERENCE
};

/* Where an item's bytes are. */
struct content_source {
	const char *name; /* how refusals call it: content[3].image_url */
	const char *url;
	bool may_be_asset; /* asset://... is good too */
};

bool content_add_text(struct content *content, const char *name, const char *text,
		      struct refusal *refusal);
/* http(s), or data that is a picture within the limits. */
bool content_add_image(struct content *content, const struct content_source *source,
		       enum content_role role, struct refusal *refusal);
/* The same for a picture that is here; its bytes are taken over if it is accepted. */
bool content_add_picture(struct content *content, const char *name, struct image *image,
			 enum content_role role, struct refusal *refusal);
/* http(s) only. */
bool content_add_video(struct content *content, const struct content_source *source,
		       struct refusal *refusal);
/* http(s), or wav or mp3 data. */
bool content_add_audio(struct content *content, const struct content_source *source,
		       struct refusal *refusal);

/* After the last item: roles, and which kinds go together. */
bool content_settle(struct content *content, struct refusal *refusal);
/* The rules of a model. */
bool content_check(const struct content *content, const struct model *model,
		   struct refusal *refusal);

bool content_has_references(const struct content *content);

#endif
