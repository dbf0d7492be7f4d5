/*
 * Fits a person's request to a service: chooses and maps the model, completes what the
 * service requires, leaves out what it lacks where that changes nothing, and refuses what
 * it cannot do before anything is sent. The rules are data
 * (models.h) and the adapter's own table (providers/provider.h). Pure.
 */
#ifndef SEEDANCEFS_BACKEND_MODELS_FIT_H
#define SEEDANCEFS_BACKEND_MODELS_FIT_H

#include "backend/models/models.h"
#include "backend/providers/provider.h"

/*
 * Changes the request so that the provider's build_create() can write it down as it is:
 *
 * - `model` is the service's own name of it. The request's model, else the endpoint's,
 *   else the service's default one. A name that any service has for a model is known;
 *   one that nobody lists passes, with a note.
 * - Parameters: only those that the provider takes. One that it lacks is left out with a
 *   note when its value is what the service does anyway, or does not change the picture;
 *   otherwise it is refused, naming the services that have it.
 * - What the service requires and the person did not say: models.json's defaults.
 *   `watermark` and `generate_audio` are always said where the service has them;
 *   `return_last_frame` is asked for, but not of a draft. Nothing is said that `extra`
 *   says itself. `callback_url` comes from the endpoint where the service takes one.
 * - Media: each image has a role where one is needed (a single one is the first frame);
 *   first and last frames are not mixed with references; kinds, counts, ways (address,
 *   data, file), sizes and dimensions are within the model's limits.
 *
 * Items whose `shot` is another task's output have neither file nor address yet: they are
 * taken for media of their type. Returns 0, -EINVAL with the problem set (file, key, what
 * was found, what is allowed, the nearest right spelling), or -ENOMEM. Fitting twice
 * changes nothing more.
 */
int fit_request(const struct models *models, const struct provider *provider,
		const struct endpoint *endpoint, struct request *request,
		struct problem *problem);

/*
 * What a request that is not whole yet shows: -EINVAL with the problem set when no model
 * of the service (the one that it names, if it does) can do its values, whatever its
 * content and the defaults add. A model that nobody lists may do anything. Else 0.
 */
int fit_judge(const struct models *models, const struct provider *provider,
	      const struct endpoint *endpoint, struct request *request,
	      struct problem *problem);

/*
 * Whether a task that was ordered so at a service gives a last frame: from its request as
 * request_describe() printed it.
 */
bool fit_gives_last_frame(const struct provider *provider, const char *described);

/* Whether such a request orders a draft. */
bool fit_makes_draft(const char *described);

#endif
