/*
 * What the modules of media/ need from modules above them: a table of functions, filled in
 * by backend.c. Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_MEDIA_NEEDS_H
#define SEEDANCEFS_BACKEND_CORE_MEDIA_NEEDS_H

#include <stdbool.h>
#include <stdint.h>

struct backend;

struct media_needs {
	/*
	 * Asks the service for fresh links to a task's outputs. `done` is called once,
	 * perhaps at once: 0 when the view's links are what the service said, -ENODATA
	 * (it gave no link), -ENOENT (it has no such task), -EIO or -ENOMEM.
	 */
	void (*refresh_links)(struct backend *backend, uint64_t number,
			      void (*done)(void *context, int result), void *context);
	/* Those with this context are not called any more. */
	void (*forget_refresh)(struct backend *backend, void *context);
	/* Asks the service for a task's state, in `delay_ms` at the latest. */
	void (*poll)(struct backend *backend, uint64_t number, int64_t delay_ms);
	/* An output has another version at the service: its size is learnt. */
	void (*probe_sizes)(struct backend *backend, uint64_t number, bool wants_all);
};

#endif
