/*
 * What the backend tells the folder side: a table of functions that fs/ fills in.
 *
 * They are called on the backend's thread, without any lock. They must only mark, queue
 * and reply: no waiting, no file of the mount.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_EVENTS_H
#define SEEDANCEFS_BACKEND_CORE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

/* How long the folder side may hold back a success at most. */
#define SHOW_LATEST_MS 3000

struct backend_events {
	/* A task's view changed, and what changed is durable. */
	void (*task_changed)(void *context, uint64_t number);
	/*
	 * A task's outputs are ready, and it is about to be shown as succeeded; may be
	 * NULL. True: it is shown after backend_task_show(), or SHOW_LATEST_MS later.
	 */
	bool (*task_finishing)(void *context, uint64_t number);
	void *context;
};

#endif
