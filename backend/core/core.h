/*
 * What the modules on the backend's thread share: the services that all of them use, and
 * where each one's own state hangs. Not for fs/.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_CORE_H
#define SEEDANCEFS_BACKEND_CORE_CORE_H

#include "backend/base/timers.h"
#include "backend/core/command.h"
#include "backend/core/events.h"
#include "backend/config/config.h"
#include "backend/media/store/stage.h"
#include "backend/tasks/task_table.h"

#include <stdatomic.h>

struct opening;
struct prefetch_job;

/* What is on disk of an output that is not open: media/stream/kept.c. */
struct kept_memo {
	uint64_t number; /* 0: none */
	enum output_kind kind;
	uint32_t version;
	uint64_t bytes;
};

#define KEPT_MEMOS 4096

struct backend {
	/* Set before start. */
	const struct config *config;
	char *library_path;
	int media_directory;
	bool was_copied; /* the library was, since it was last at home */
	struct backend_events events;
	struct tasks *tasks;
	struct http *http; /* but for http_wake(): backend thread only */

	/* Any thread. */
	struct command_queue commands;

	/* Backend thread only (the creator's, before start). */
	struct ledger *ledger;
	bool ledger_is_failing;
	struct trust *trust;
	struct timers timers;
	unsigned random_state;

	/* The modules, each with a state of its own. */
	struct turn *turn;
	struct sender *sender;
	struct lost_answers *lost_answers;
	struct polling *polling;
	struct size_probes *size_probes;
	struct reveals *reveals;
	struct removals *removals;

	struct media_writer *writer;
	struct media_pool chunks; /* has a lock of its own */
	/* Guarded by media_lock. */
	pthread_mutex_t media_lock;
	pthread_cond_t media_opened;
	struct media *media;
	struct opening *openings; /* what somebody is opening just now */
	struct kept_memo kept[KEPT_MEMOS];
	uint64_t kept_changes; /* media that were opened */

	/* Any thread. */
	atomic_bool has_written; /* the writer has news */
	struct command cancel;	 /* media/stream/read.c: ends reads that were cancelled */
	atomic_bool is_cancel_sent;

	/* Backend thread only. */
	struct prefetch_job *prefetch_jobs;
	struct timer prefetch_timer;
	bool prefetch_starts;	  /* everything that is known is to be looked at */
	int64_t prefetch_plan_ms; /* boot clock: the keepers' times are reckoned anew */
	int64_t read_ms;	  /* boot clock: somebody waited for bytes */
};

/* Its thread has something to do. Any thread. */
void backend_wake(struct backend *backend);

/* A pseudo-random spread of `ms` by up to a tenth, so that tasks do not poll in step.
 * Backend thread only. */
int64_t backend_jitter(struct backend *backend, int64_t ms);

#endif
