#include "backend/sim/tasks/model.h"

#include "backend/base/cleanup.h"

#include <string.h>

#define P480 (1u << SIZE_480P)
#define P720 (1u << SIZE_720P)
#define P1080 (1u << SIZE_1080P)
#define P4K (1u << SIZE_4K)

#define LITE (MODEL_FRAMES | MODEL_CAMERA_FIXED | MODEL_FLEX)
#define PRO (LITE | MODEL_FIRST_FRAME)
#define SOUND                                                                       \
	(MODEL_AUDIO | MODEL_AUTO_DURATION | MODEL_FIRST_FRAME | MODEL_LAST_FRAME | \
	 MODEL_ADAPTIVE)

static const struct model models[] = {
	{ "doubao-seedance-1-0-lite-t2v-250428", NULL, 2, 12, 5, P480 | P720 | P1080,
	  SIZE_720P, SIZE_FAMILY_10, LITE, 0, 0, 0 },
	{ "doubao-seedance-1-0-lite-i2v-250428", NULL, 2, 12, 5, P480 | P720 | P1080,
	  SIZE_720P, SIZE_FAMILY_10,
	  PRO | MODEL_LAST_FRAME | MODEL_NEEDS_IMAGE | MODEL_REFERENCES_BELOW_1080P, 4, 0,
	  0 },
	{ "doubao-seedance-1-0-pro-250528", "seedance-1-0-pro-250528", 2, 12, 5,
	  P480 | P720 | P1080, SIZE_1080P, SIZE_FAMILY_10, PRO | MODEL_LAST_FRAME, 0, 0,
	  0 },
	{ "doubao-seedance-1-0-pro-fast-251015", "seedance-1-0-pro-fast-251015", 2, 12, 5,
	  P480 | P720 | P1080, SIZE_1080P, SIZE_FAMILY_10, PRO, 0, 0, 0 },
	{ "doubao-seedance-1-5-pro-251215", "seedance-1-5-pro-251215", 4, 12, 5,
	  P480 | P720 | P1080, SIZE_720P, SIZE_FAMILY_15,
	  SOUND | MODEL_DRAFT | MODEL_FLEX | MODEL_CAMERA_FIXED, 0, 0, 0 },
	{ "doubao-seedance-2-0-260128", "dreamina-seedance-2-0-260128", 4, 15, 5,
	  P480 | P720 | P1080 | P4K, SIZE_720P, SIZE_FAMILY_15,
	  SOUND | MODEL_PRIORITY | MODEL_WEB_SEARCH, 9, 3, 3 },
	{ "doubao-seedance-2-0-fast-260128", "dreamina-seedance-2-0-fast-260128", 4, 15,
	  5, P480 | P720, SIZE_720P, SIZE_FAMILY_15, SOUND | MODEL_PRIORITY, 9, 3, 3 },
	{ "doubao-seedance-2-0-mini-260615", "dreamina-seedance-2-0-mini-260615", 4, 15,
	  5, P480 | P720, SIZE_720P, SIZE_FAMILY_15, SOUND, 9, 3, 3 },
	{ "doubao-seedance-2-5-260628", "dreamina-seedance-2-5-260628", 4, 30, -1,
	  P480 | P720 | P1080, SIZE_720P, SIZE_FAMILY_25,
	  SOUND | MODEL_PRIORITY | MODEL_WEB_SEARCH | MODEL_DRAFT | MODEL_OUTPUT_FORMAT |
		  MODEL_AUDIO_ALONE | MODEL_FRAMES_ADAPTIVE,
	  30, 10, 10 },
};

#define ENDPOINT_MODEL 5 /* the model behind endpoint ids: 2.0 */

static bool is_endpoint(const char *name)
{
	return !strncmp(name, "ep-", 3) && name[3];
}

const struct model *model_find(const char *name)
{
	if (is_endpoint(name))
		return &models[ENDPOINT_MODEL];
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		const struct model *model = &models[i];

		if (!strcmp(name, model->name) ||
		    (model->global_name && !strcmp(name, model->global_name)))
			return model;
	}
	return NULL;
}

const char *model_shown(const struct model *model, const char *asked)
{
	return is_endpoint(asked) ? model->name : asked;
}
