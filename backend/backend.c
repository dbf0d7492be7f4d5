/* The backend's life cycle. */
#include "backend/backend.h"
#include "backend/turn_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/config/trust.h"
#include "backend/core/core.h"
#include "backend/http/http.h"
#include "backend/ledger/ledger.h"
#include "backend/media/prefetch/prefetch.h"
#include "backend/media/removal.h"
#include "backend/media/reveal.h"
#include "backend/media/size_probe.h"
#include "backend/media/stream/stream.h"
#include "backend/orders/lost_answer.h"
#include "backend/orders/sender.h"
#include "backend/polling/poll.h"

#include <errno.h>
#include <string.h>

static void wake(void *context)
{
	backend_wake(context);
}

/* The proxy in the form that http_create() expects. */
static const char *proxy_of(const struct config *config)
{
	if (!config->proxy || !*config->proxy)
		return NULL;
	return strcmp(config->proxy, CONFIG_PROXY_ENVIRONMENT) ? config->proxy : "";
}

static const struct media_needs media_needs = {
	.refresh_links = poll_refresh,
	.forget_refresh = poll_forget,
	.poll = poll_task,
	.probe_sizes = size_probe_task,
};

/* Lower modules first. */
static int create_modules(struct backend *backend)
{
	static int (*const creates[])(struct backend * backend) = {
		streaming_create, prefetching_create, size_probes_create,  reveals_create,
		removals_create,  polling_create,     lost_answers_create, sender_create,
	};
	int r = 0;

	backend->media_needs = &media_needs;
	for (size_t i = 0; !r && i < ARRAY_SIZE(creates); i++)
		r = creates[i](backend);
	return r;
}

/* A module that calls others is destroyed before them. */
static void destroy_modules(struct backend *backend)
{
	prefetching_destroy(backend);
	streaming_destroy(backend);
	sender_destroy(backend);
	lost_answers_destroy(backend);
	removals_destroy(backend);
	reveals_destroy(backend);
	size_probes_destroy(backend);
	polling_destroy(backend);
}

int backend_create(const struct config *config, const char *library_path,
		   int media_directory, const struct backend_events *events,
		   struct backend **ret_backend)
{
	struct backend *backend = calloc(1, sizeof(*backend));
	int r;

	if (!backend)
		return -ENOMEM;
	backend->config = config;
	backend->media_directory = media_directory;
	backend->events = *events;
	backend->library_path = strdup(library_path);
	command_queue_init(&backend->commands);
	r = random_bytes(&backend->random_state, sizeof(backend->random_state));
	if (!r)
		r = turn_create(&backend->turn);
	if (!r)
		r = http_create(proxy_of(config), &backend->http);
	if (!r)
		r = tasks_create(wake, backend, &backend->tasks);
	if (!r)
		r = trust_create(config, &backend->trust);
	if (!r)
		r = create_modules(backend);
	if (!r)
		r = backend->library_path ? revive_tasks(backend) : -ENOMEM;
	if (r) {
		backend_destroy(backend);
		return r;
	}
	*ret_backend = backend;
	return 0;
}

int backend_start(struct backend *backend)
{
	int r = streaming_start(backend);

	return r ? r : turn_start(backend);
}

void backend_stop(struct backend *backend)
{
	if (!turn_stop(backend)) {
		streaming_stop_writer(backend);
		return;
	}
	/* The thread has ended: from here on this thread counts as the backend's. */
	sender_unsend(backend);
	backend_run_commands(backend);
	streaming_stop(backend);
	turn_save(backend);
}

void backend_destroy(struct backend *backend)
{
	if (!backend)
		return;
	backend_run_commands(backend);
	destroy_modules(backend);
	http_destroy(backend->http);
	timers_clear(&backend->timers);
	ledger_close(backend->ledger);
	tasks_destroy(backend->tasks);
	trust_destroy(backend->trust);
	free(backend->library_path);
	turn_destroy(backend->turn);
	command_queue_clear(&backend->commands);
	free(backend);
}

const char *backend_library_id(const struct backend *backend)
{
	return ledger_library_id(backend->ledger);
}

const struct config *backend_config(const struct backend *backend)
{
	return backend->config;
}
