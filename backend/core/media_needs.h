/*
 * What the modules of media/ need from higher modules: a table of functions, which
 * backend.c fills in. Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_MEDIA_NEEDS_H
#define SEEDANCEFS_BACKEND_CORE_MEDIA_NEEDS_H

#include <stdbool.h>
#include <stdint.h>

struct backend;

struct media_needs {
	/*
	 * Requests fresh links to a task's outputs from the service. `done` is called
	 * once, possibly before the function returns: with 0 when the view contains the
	 * service's links, -ENODATA (the service returned no link), -ENOENT (it does not
	 * know the task), -EIO or -ENOMEM.
	 */
	void (*refresh_links)(struct backend *backend, uint64_t number,
			      void (*done)(void *context, int result), void *context);
	/* Drops the callbacks that have this context. */
	void (*forget_refresh)(struct backend *backend, void *context);
	/* Polls the task within `delay_ms`. */
	void (*poll)(struct backend *backend, uint64_t number, int64_t delay_ms);
	/* An output has a new version at the service: determines its size. */
	void (*probe_sizes)(struct backend *backend, uint64_t number, bool wants_all);
};

#endif
