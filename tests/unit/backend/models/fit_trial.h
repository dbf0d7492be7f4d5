/*
 * What the tests of backend/models/fit.h share: the services as their pages describe them, and a request
 * that is tried at one of them. The tests are not bound to the adapters: those may
 * change.
 */
#ifndef SEEDANCEFS_TESTS_UNIT_BACKEND_MODELS_FIT_TRIAL_H
#define SEEDANCEFS_TESTS_UNIT_BACKEND_MODELS_FIT_TRIAL_H

#include "tests/unit/unit.h"

#include "backend/models/fit.h"

#define BIT(name) PARAM_BIT(PARAM_##name)
#define PICTURE_BITS (BIT(RESOLUTION) | BIT(RATIO) | BIT(DURATION))
#define ACE_BITS                                                                       \
	(PICTURE_BITS | BIT(FRAMES) | BIT(SEED) | BIT(CAMERA_FIXED) | BIT(WATERMARK) | \
	 BIT(GENERATE_AUDIO) | BIT(RETURN_LAST_FRAME) | BIT(SERVICE_TIER) |            \
	 BIT(EXECUTION_EXPIRES_AFTER) | BIT(CALLBACK_URL))

/* The services as their pages describe them: providers/README.md, 1 to 6. */
static const struct provider services[] = {
	{ .type = "ark",
	  .title = "Ark",
	  .params = UINT32_MAX >> (32 - PARAM_COUNT) & ~BIT(FRAMESPERSECOND),
	  .image = MEDIA_BY_URL | MEDIA_BY_DATA | MEDIA_BY_ASSET,
	  .video = MEDIA_BY_URL | MEDIA_BY_ASSET,
	  .audio = MEDIA_BY_URL | MEDIA_BY_DATA | MEDIA_BY_ASSET,
	  .takes_references = true,
	  .takes_last_frame = true,
	  .takes_draft_task = true,
	  .gives_last_frame = true },
	{ .type = "acedata",
	  .title = "AceData Cloud",
	  .params = ACE_BITS | BIT(PRIORITY) | BIT(SAFETY_IDENTIFIER) |
		    BIT(OUTPUT_FORMAT) | BIT(OMNI_REFERENCE_TASK_TYPE) | BIT(TOOLS),
	  .image = MEDIA_BY_URL | MEDIA_BY_DATA,
	  .video = MEDIA_BY_URL,
	  .audio = MEDIA_BY_URL,
	  .takes_references = true,
	  .takes_last_frame = true,
	  .gives_last_frame = true },
	{ .type = "xhuo",
	  .title = "xhuoapi",
	  .params = ACE_BITS | BIT(FRAMESPERSECOND),
	  .image = MEDIA_BY_URL | MEDIA_BY_DATA,
	  .takes_references = true,
	  .takes_last_frame = true,
	  .gives_last_frame = true },
	{ .type = "createtask",
	  .title = "createTask",
	  .params = PICTURE_BITS | BIT(SEED) | BIT(GENERATE_AUDIO) | BIT(WATERMARK) |
		    BIT(CAMERA_FIXED) | BIT(RETURN_LAST_FRAME) | BIT(DRAFT) |
		    BIT(SERVICE_TIER),
	  .image = MEDIA_BY_URL | MEDIA_BY_DATA,
	  .takes_last_frame = true,
	  .takes_draft_task = true,
	  .gives_last_frame = true },
	{ .type = "comet",
	  .title = "CometAPI",
	  .params = PICTURE_BITS,
	  .image = MEDIA_BY_FILE,
	  .takes_references = true,
	  .needs_text = true },
	{ .type = "senseaudio",
	  .title = "SenseAudio",
	  .params = PICTURE_BITS | BIT(WATERMARK) | BIT(GENERATE_AUDIO) |
		    BIT(EXECUTION_EXPIRES_AFTER),
	  .image = MEDIA_BY_URL | MEDIA_BY_DATA,
	  .video = MEDIA_BY_URL,
	  .audio = MEDIA_BY_URL,
	  .takes_references = true,
	  .takes_last_frame = true },
};

static struct models *models;

/* One request at one service. */
struct trial {
	const struct provider *provider;
	struct endpoint endpoint;
	struct request *request;
	struct problem problem;
	int r;
};

static inline void trial_clear(struct trial *trial)
{
	request_destroy(trial->request);
	problem_clear(&trial->problem);
}
#define AUTOTRIAL CLEANUP(trial_clear) struct trial

static inline const struct provider *find_provider(const char *service)
{
	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		if (!strcmp(services[i].type, service))
			return &services[i];
	return NULL;
}

/* `service` is a type, or byteplus: Ark's wire at another address. */
static inline void trial_begin(struct trial *trial, const char *service)
{
	bool is_byteplus = !strcmp(service, "byteplus");

	trial->provider = find_provider(is_byteplus ? "ark" : service);
	if (!trial->provider)
		fail_msg("there is no service %s", service);
	trial->endpoint.base_url =
		is_byteplus ? "https://ark.ap-southeast.bytepluses.com/api/v3"
			    : "https://ark.cn-beijing.volces.com/api/v3";
}

static inline void trial_parse(struct trial *trial, const char *name, const char *text)
{
	trial->r =
		request_parse(name, text, strlen(text), &trial->request, &trial->problem);
}

static inline void trial_fit(struct trial *trial)
{
	if (!trial->r)
		trial->r = fit_request(models, trial->provider, &trial->endpoint,
				       trial->request, &trial->problem);
}

static inline int set_up_models(void **state)
{
	AUTOFREE char *error = NULL;

	if (models_load(MODELS_JSON, NULL, 0, &models, &error))
		fail_msg("%s", error);
	return 0;
}

static inline int tear_down_models(void **state)
{
	models_destroy(models);
	return 0;
}

#endif
