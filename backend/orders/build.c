/*
 * Building an order: choosing the section, fitting the request to its service and model,
 * providing the inputs from elsewhere, and encoding the request.
 */
#include "backend/orders/order_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/models/fit.h"
#include "backend/orders/inputs.h"

#include <errno.h>
#include <inttypes.h>

#define BUILT_MS 60000

static int choose_section(struct order *order, struct problem *problem)
{
	const struct config *config = order->backend->config;

	if (order->section)
		return 0;
	order->section = config_section(config, order->request->provider);
	if (order->section)
		return 0;
	return config_refuse_section(config, order->request->source,
				     order->request->provider, problem);
}

static int fit(struct order *order, struct problem *problem)
{
	struct endpoint endpoint = config_endpoint(order->section);

	return fit_request(order->backend->config->models, order->section->provider,
			   &endpoint, order->request, problem);
}

/*
 * Fits the request to its service and provides its inputs. -EAGAIN: an input is not
 * available yet.
 */
static int complete(struct order *order, char **ret_waiting, struct problem *problem)
{
	int r = choose_section(order, problem);

	if (!r)
		r = fit(order, problem);
	if (!r)
		r = inputs_provide(order->backend, order->section, order->request,
				   &order->inputs, ret_waiting, problem);
	return r ? r : fit(order, problem); /* the inputs must fit, too */
}

/*
 * A built request is rebuilt after BUILT_MS, because links to other tasks' outputs can
 * expire while an order is held back.
 */
static bool is_built(const struct order *order)
{
	return order->built_ms && clock_boot_ms() - order->built_ms < BUILT_MS;
}

int order_build(struct order *order, char **ret_waiting, struct problem *problem)
{
	struct endpoint endpoint;
	uint64_t size, limit;
	int r = is_built(order) ? 0 : complete(order, ret_waiting, problem);

	if (r || is_built(order))
		return r;
	endpoint = config_endpoint(order->section);
	http_request_clear(&order->http);
	r = order->section->provider->build_create(order->request, &endpoint,
						   &order->http, problem);
	if (r)
		return r;
	size = http_request_body_size(&order->http);
	limit = order->section->provider->body_max_bytes;
	order->built_ms = clock_boot_ms();
	if (size <= limit)
		return 0;
	problem_set(problem, PROBLEM_INVALID,
		    "%s: the request with its media has %" PRIu64
		    " bytes (base64 adds a third); allowed: up to %" PRIu64
		    "; use smaller files, or https:// URLs",
		    order->request->source, size, limit);
	return -EINVAL;
}
