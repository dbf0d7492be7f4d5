/* A backend of a test, without a configuration of its own and without its thread. */
#ifndef SEEDANCEFS_TESTS_UNIT_BACKEND_SAMPLE_BACKEND_H
#define SEEDANCEFS_TESTS_UNIT_BACKEND_SAMPLE_BACKEND_H

#include "tests/unit/unit.h"

#include "backend/backend.h"

static struct config *config;
static struct backend *backend;
static int media = -1;

static inline void ignore_change(void *context, uint64_t changed)
{
	(void)context;
	(void)changed;
}

static inline int set_up_backend(void **state)
{
	struct backend_events events = { .task_changed = ignore_change };
	AUTOFREE char *none = NULL, *error = NULL;
	int r;

	set_up_dir(state);
	none = path_in(*state, "config.ini");
	media = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = config_load(none, false, &config, &error);
	if (!r)
		r = config_finish(config, "http://127.0.0.1:1", &error);
	return r ? r : backend_create(config, *state, media, &events, &backend);
}

static inline int tear_down_backend(void **state)
{
	backend_destroy(backend);
	config_destroy(config);
	close(media);
	return tear_down_dir(state);
}

#endif
