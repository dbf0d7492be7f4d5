/*
 * Ark's models and what each can do (providers.md, 6.2). A table; pure.
 */
#ifndef SEEDANCE_SIM_ARK_MODEL_H
#define SEEDANCE_SIM_ARK_MODEL_H

#include "backend/sim/size.h"

#include <stdbool.h>

/* What a model takes beyond the fields that all take. */
enum ark_ability {
	ARK_AUDIO = 1 << 0,
	ARK_FRAMES = 1 << 1, /* the field `frames` */
	ARK_CAMERA_FIXED = 1 << 2,
	ARK_FLEX = 1 << 3,
	ARK_DRAFT = 1 << 4,
	ARK_PRIORITY = 1 << 5,
	ARK_WEB_SEARCH = 1 << 6,
	ARK_OUTPUT_FORMAT = 1 << 7, /* and omni_reference_task_type */
	ARK_AUTO_DURATION = 1 << 8, /* duration -1 */
	ARK_FIRST_FRAME = 1 << 9,
	ARK_LAST_FRAME = 1 << 10,
	ARK_NEEDS_IMAGE = 1 << 11,
	ARK_AUDIO_ALONE = 1 << 12,     /* reference audio without a picture */
	ARK_FRAMES_ADAPTIVE = 1 << 13, /* first and last frames need ratio adaptive */
	ARK_REFERENCES_BELOW_1080P = 1 << 14,
	ARK_ADAPTIVE = 1 << 15, /* the default ratio without images is adaptive */
};

struct ark_model {
	const char *name;		 /* in China */
	const char *global_name;	 /* BytePlus's; NULL = not there */
	int shortest, longest;		 /* seconds */
	int duration;			 /* default; -1 = the model decides */
	unsigned resolutions;		 /* bits of enum size_resolution */
	enum size_resolution resolution; /* default */
	enum size_family family;
	unsigned abilities;
	int images, videos, audios; /* how many references of each */
};

/* Either name, or an endpoint id ("ep-..."); NULL if there is no such model. */
const struct ark_model *ark_model_find(const char *name);
/* How answers call the model: as it was asked for; an endpoint by its model's name. */
const char *ark_model_shown(const struct ark_model *model, const char *asked);

#endif
