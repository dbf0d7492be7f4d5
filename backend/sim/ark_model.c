#include "backend/sim/ark_model.h"

#include "backend/base/cleanup.h"

#include <string.h>

#define P480 (1u << SIZE_480P)
#define P720 (1u << SIZE_720P)
#define P1080 (1u << SIZE_1080P)
#define P4K (1u << SIZE_4K)

#define LITE (ARK_FRAMES | ARK_CAMERA_FIXED | ARK_FLEX)
#define PRO (LITE | ARK_FIRST_FRAME)
#define SOUND \
	(ARK_AUDIO | ARK_AUTO_DURATION | ARK_FIRST_FRAME | ARK_LAST_FRAME | ARK_ADAPTIVE)

static const struct ark_model models[] = {
	{ "doubao-seedance-1-0-lite-t2v-250428", NULL, 2, 12, 5, P480 | P720 | P1080,
	  SIZE_720P, SIZE_FAMILY_10, LITE, 0, 0, 0 },
	{ "doubao-seedance-1-0-lite-i2v-250428", NULL, 2, 12, 5, P480 | P720 | P1080,
	  SIZE_720P, SIZE_FAMILY_10,
	  PRO | ARK_LAST_FRAME | ARK_NEEDS_IMAGE | ARK_REFERENCES_BELOW_1080P, 4, 0, 0 },
	{ "doubao-seedance-1-0-pro-250528", "seedance-1-0-pro-250528", 2, 12, 5,
	  P480 | P720 | P1080, SIZE_1080P, SIZE_FAMILY_10, PRO | ARK_LAST_FRAME, 0, 0,
	  0 },
	{ "doubao-seedance-1-0-pro-fast-251015", "seedance-1-0-pro-fast-251015", 2, 12, 5,
	  P480 | P720 | P1080, SIZE_1080P, SIZE_FAMILY_10, PRO, 0, 0, 0 },
	{ "doubao-seedance-1-5-pro-251215", "seedance-1-5-pro-251215", 4, 12, 5,
	  P480 | P720 | P1080, SIZE_720P, SIZE_FAMILY_15,
	  SOUND | ARK_DRAFT | ARK_FLEX | ARK_CAMERA_FIXED, 0, 0, 0 },
	{ "doubao-seedance-2-0-260128", "dreamina-seedance-2-0-260128", 4, 15, 5,
	  P480 | P720 | P1080 | P4K, SIZE_720P, SIZE_FAMILY_15,
	  SOUND | ARK_PRIORITY | ARK_WEB_SEARCH, 9, 3, 3 },
	{ "doubao-seedance-2-0-fast-260128", "dreamina-seedance-2-0-fast-260128", 4, 15,
	  5, P480 | P720, SIZE_720P, SIZE_FAMILY_15, SOUND | ARK_PRIORITY, 9, 3, 3 },
	{ "doubao-seedance-2-0-mini-260615", "dreamina-seedance-2-0-mini-260615", 4, 15,
	  5, P480 | P720, SIZE_720P, SIZE_FAMILY_15, SOUND, 9, 3, 3 },
	{ "doubao-seedance-2-5-260628", "dreamina-seedance-2-5-260628", 4, 30, -1,
	  P480 | P720 | P1080, SIZE_720P, SIZE_FAMILY_25,
	  SOUND | ARK_PRIORITY | ARK_WEB_SEARCH | ARK_DRAFT | ARK_OUTPUT_FORMAT |
		  ARK_AUDIO_ALONE | ARK_FRAMES_ADAPTIVE,
	  30, 10, 10 },
};

#define ENDPOINT_MODEL 5 /* what endpoint ids stand for: 2.0 */

static bool is_endpoint(const char *name)
{
	return !strncmp(name, "ep-", 3) && name[3];
}

const struct ark_model *ark_model_find(const char *name)
{
	if (is_endpoint(name))
		return &models[ENDPOINT_MODEL];
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		const struct ark_model *model = &models[i];

		if (!strcmp(name, model->name) ||
		    (model->global_name && !strcmp(name, model->global_name)))
			return model;
	}
	return NULL;
}

const char *ark_model_shown(const struct ark_model *model, const char *asked)
{
	return is_endpoint(asked) ? model->name : asked;
}
