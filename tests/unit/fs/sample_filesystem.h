/* A filesystem of a test that is not mounted; its backend's thread is not started. */
#ifndef SEEDANCEFS_TESTS_UNIT_FS_SAMPLE_FILESYSTEM_H
#define SEEDANCEFS_TESTS_UNIT_FS_SAMPLE_FILESYSTEM_H

#include "tests/unit/unit.h"

#include "fs/daemon/filesystem_setup.h"

static struct config *config;
static struct filesystem *fs;
static int library = -1;

static inline int make_backend(const char *directory, struct backend **ret_backend)
{
	struct backend_events events = filesystem_events(&fs);
	AUTOFREE char *path = path_in(directory, "config.ini"), *error = NULL;
	int r;

	write_whole(path, "settle = 0\n", strlen("settle = 0\n"));
	r = config_load(path, true, &config, &error);
	if (!r)
		r = config_finish(config, "http://127.0.0.1:1", &error);
	return r ? r : backend_create(config, directory, library, &events, ret_backend);
}

static inline int set_up_filesystem(void **state)
{
	struct backend *backend;
	int r;

	set_up_dir(state);
	library = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = make_backend(*state, &backend);
	return r ? r : filesystem_create(backend, library, "/nowhere", &fs);
}

static inline int tear_down_filesystem(void **state)
{
	struct backend *backend = fs->backend;

	filesystem_destroy(fs);
	backend_destroy(backend);
	config_destroy(config);
	close(library);
	return tear_down_dir(state);
}

#endif
