/*
 * The backend's life.
 */
#include "backend/backend.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/core_internal.h"
#include "backend/media/prefetch/prefetch.h"
#include "backend/turn_internal.h"

#include <errno.h>
#include <string.h>

static void wake(void *context)
{
	backend_wake(context);
}

/* On the writer's thread. */
static void written(void *context)
{
	struct backend *backend = context;

	atomic_store(&backend->has_written, true);
	backend_wake(backend);
}

/* As http_create() wants it. */
static const char *proxy_of(const struct config *config)
{
	if (!config->proxy || !*config->proxy)
		return NULL;
	return strcmp(config->proxy, CONFIG_PROXY_ENVIRONMENT) ? config->proxy : "";
}

static int create_modules(struct backend *backend)
{
	static int (*const creates[])(struct backend * backend) = {
		polling_create,	 size_probes_create,  reveals_create,
		removals_create, lost_answers_create, sender_create,
	};
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(creates); i++)
		r = creates[i](backend);
	return r;
}

/* What asks others goes before those. */
static void destroy_modules(struct backend *backend)
{
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
	pthread_mutex_init(&backend->media_lock, NULL);
	pthread_cond_init(&backend->media_opened, NULL);
	media_pool_init(&backend->chunks);
	media_reads_init(backend);
	prefetch_init(backend);
	r = random_bytes(&backend->random_state, sizeof(backend->random_state));
	if (!r)
		r = turn_create(&backend->turn);
	if (!r)
		r = http_create(proxy_of(config), &backend->http);
	if (!r)
		r = media_writer_create(written, backend, &backend->writer);
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
	int r = media_writer_start(backend->writer);

	return r ? r : turn_start(backend);
}

void backend_stop(struct backend *backend)
{
	if (!turn_stop(backend)) {
		media_writer_stop(backend->writer);
		return;
	}
	/* From here on this thread is the backend's. */
	sender_unsend(backend);
	backend_run_commands(backend);
	media_stop(backend);
	media_writer_stop(backend->writer);
	media_sync(backend);
	turn_save(backend);
}

void backend_destroy(struct backend *backend)
{
	if (!backend)
		return;
	backend_run_commands(backend);
	if (backend->http) {
		prefetch_clear(backend);
		media_clear(backend);
	}
	destroy_modules(backend);
	http_destroy(backend->http);
	media_writer_destroy(backend->writer);
	media_pool_clear(&backend->chunks);
	timers_clear(&backend->timers);
	ledger_close(backend->ledger);
	tasks_destroy(backend->tasks);
	trust_destroy(backend->trust);
	free(backend->library_path);
	turn_destroy(backend->turn);
	command_queue_clear(&backend->commands);
	pthread_mutex_destroy(&backend->media_lock);
	pthread_cond_destroy(&backend->media_opened);
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
