/*
 * The models and their abilities, independent of the service (providers/README.md, 6.2).
 * A table; pure.
 */
#ifndef SEEDANCE_SIM_TASKS_MODEL_H
#define SEEDANCE_SIM_TASKS_MODEL_H

#include "backend/sim/tasks/size.h"

#include <stdbool.h>

/* What a model accepts beyond the common fields. */
enum model_ability {
	MODEL_AUDIO = 1 << 0,
	MODEL_FRAMES = 1 << 1, /* the field `frames` */
	MODEL_CAMERA_FIXED = 1 << 2,
	MODEL_FLEX = 1 << 3,
	MODEL_DRAFT = 1 << 4,
	MODEL_PRIORITY = 1 << 5,
	MODEL_WEB_SEARCH = 1 << 6,
	MODEL_OUTPUT_FORMAT = 1 << 7, /* and omni_reference_task_type */
	MODEL_AUTO_DURATION = 1 << 8, /* duration -1 */
	MODEL_FIRST_FRAME = 1 << 9,
	MODEL_LAST_FRAME = 1 << 10,
	MODEL_NEEDS_IMAGE = 1 << 11,
	MODEL_AUDIO_ALONE = 1 << 12,	 /* reference audio without an image */
	MODEL_FRAMES_ADAPTIVE = 1 << 13, /* first and last frames need ratio adaptive */
	MODEL_REFERENCES_BELOW_1080P = 1 << 14,
	MODEL_ADAPTIVE = 1 << 15, /* the default ratio without images is adaptive */
};

struct model {
	const char *name;		 /* in China */
	const char *global_name;	 /* BytePlus's name; NULL = not offered there */
	int shortest, longest;		 /* seconds */
	int duration;			 /* default; -1 = the model chooses */
	unsigned resolutions;		 /* bits of enum size_resolution */
	enum size_resolution resolution; /* default */
	enum size_family family;
	unsigned abilities;
	int images, videos, audios; /* maximum number of references of each kind */
};

/* Finds a model by either name or an endpoint id ("ep-..."); NULL if there is none. */
const struct model *model_find(const char *name);
/* The model's name in answers: as requested, or the model's name for an endpoint. */
const char *model_shown(const struct model *model, const char *asked);

#endif
