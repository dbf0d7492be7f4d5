/*
 * What the modules on the backend's thread share: the services that all of them use, and
 * pointers to the state of each module. Not for fs/.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_CORE_H
#define SEEDANCEFS_BACKEND_CORE_CORE_H

#include "backend/base/timers.h"
#include "backend/config/config.h"
#include "backend/core/command.h"
#include "backend/core/events.h"
#include "backend/core/media_needs.h"
#include "backend/tasks/task_table.h"

struct backend {
	/* Set before start. */
	const struct config *config;
	char *library_path;
	int media_directory;
	bool was_copied; /* the library was copied or restored */
	struct backend_events events;
	struct tasks *tasks;
	struct http *http; /* backend thread only, except for http_wake() */

	/* Any thread. */
	struct command_queue commands;

	/* Backend thread only; the creator's thread before start. */
	struct ledger *ledger;
	bool ledger_is_failing;
	struct trust *trust;
	struct timers timers;
	unsigned random_state;

	/* The modules' private states. */
	struct turn *turn;
	struct sender *sender;
	struct lost_answers *lost_answers;
	struct polling *polling;
	struct size_probes *size_probes;
	struct reveals *reveals;
	struct removals *removals;
	struct prefetching *prefetching;
	struct streaming *streaming;

	/* What streaming, prefetching and size_probes call upwards. Set before start. */
	const struct media_needs *media_needs;
};

/* Wakes the backend's thread for a new turn. Any thread. */
void backend_wake(struct backend *backend);

/*
 * Varies `ms` pseudo-randomly by up to a tenth, so that tasks do not poll in step.
 * Backend thread only.
 */
int64_t backend_jitter(struct backend *backend, int64_t ms);

#endif
