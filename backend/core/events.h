/*
 * The events that the backend reports to the folder side: a table of functions, which fs/
 * fills in.
 *
 * They are called on the backend's thread without any lock held. They may only mark,
 * queue and reply. They must not wait, and must not access a file of the mount.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_EVENTS_H
#define SEEDANCEFS_BACKEND_CORE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

/* How long the folder side may hold back a success. */
#define SHOW_LATEST_MS 3000

struct backend_events {
	/* A task's view changed, and the change is durable. */
	void (*task_changed)(void *context, uint64_t number);
	/*
	 * A task's outputs are ready, and it is about to be shown as succeeded. May be
	 * NULL. If it returns true, the task is shown after backend_task_show(), at the
	 * latest after SHOW_LATEST_MS.
	 */
	bool (*task_finishing)(void *context, uint64_t number);
	void *context;
};

#endif
