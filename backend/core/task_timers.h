/*
 * One timer a task, for what comes to it later, whatever becomes of the task until then.
 * Nothing of it is kept. The backend thread alone.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_TASK_TIMERS_H
#define SEEDANCEFS_BACKEND_CORE_TASK_TIMERS_H

#include "backend/base/timers.h"

#include <stdbool.h>
#include <stdint.h>

struct backend;

struct task_timers {
	struct backend *backend;
	void (*due)(struct backend *backend,
		    uint64_t number); /* the timer is gone then */
	struct task_timer *first;
};

/* A task's timer, set or moved: due in `after_ms`. 0 or -ENOMEM. */
int task_timers_set(struct task_timers *list, uint64_t number, int64_t after_ms);
bool task_timers_has(const struct task_timers *list, uint64_t number);
/* Takes a task's timer away; whether there was one. */
bool task_timers_drop(struct task_timers *list, uint64_t number);
void task_timers_clear(struct task_timers *list);

#endif
