/*
 * Fits a request to a service: selects and translates the model, adds what the service
 * requires, drops what it lacks where that makes no difference, and refuses what it
 * cannot do before anything is sent. The rules are data (models.h) and the adapter's own
 * table (providers/provider.h). Pure.
 */
#ifndef SEEDANCEFS_BACKEND_MODELS_FIT_H
#define SEEDANCEFS_BACKEND_MODELS_FIT_H

#include "backend/models/models.h"
#include "backend/providers/provider.h"

/*
 * Changes the request so that the provider's build_create() can send it as it is:
 *
 * - `model` becomes the service's own name: of the request's model, else the endpoint's,
 *   else the service's default. Any service's name for a model is recognised; an unlisted
 *   name is passed on, with a note.
 * - Parameters: only those that the provider accepts. One that it lacks is dropped with a
 *   note if its value is what the service does anyway, or does not change the picture;
 *   otherwise it is refused, with the services that have it.
 * - Required parameters that the request does not set: the defaults of models.json.
 *   `watermark` and `generate_audio` are always set where the service has them;
 *   `return_last_frame` is requested, except for drafts. Nothing is set that `extra`
 *   sets. `callback_url` comes from the endpoint where the service has one.
 * - Media: each image has a role where one is required (a single image is the first
 *   frame); first and last frames are not mixed with references; kinds, counts, forms
 *   (URL, data, file), sizes and dimensions are within the model's limits.
 *
 * Items whose `shot` is another task's output have neither file nor URL yet: they count
 * as media of their type. Returns 0, -EINVAL with the problem set (file, key, what was
 * found, what is allowed, the nearest valid spelling), or -ENOMEM. Fitting is idempotent.
 */
int fit_request(const struct models *models, const struct provider *provider,
		const struct endpoint *endpoint, struct request *request,
		struct problem *problem);

/*
 * Checks the values of a request that may still be incomplete: -EINVAL with the problem
 * set if no model of the service (or not the one that it names) supports them, whatever
 * its content and the defaults add. An unlisted model supports anything. Else 0.
 */
int fit_judge(const struct models *models, const struct provider *provider,
	      const struct endpoint *endpoint, struct request *request,
	      struct problem *problem);

/*
 * Whether a task with this request, as printed by request_describe(), returns a last
 * frame at the service.
 */
bool fit_gives_last_frame(const struct provider *provider, const char *described);

/* Whether such a request orders a draft. */
bool fit_makes_draft(const char *described);

#endif
