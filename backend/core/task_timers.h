/*
 * Timers with at most one per task. A timer comes due even if the task changes or is
 * removed meanwhile. Timers are not stored. Backend thread only.
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
		    uint64_t number); /* called after its timer is gone */
	struct task_timer *first;
};

/* Sets or moves a task's timer: due in `after_ms`. 0 or -ENOMEM. */
int task_timers_set(struct task_timers *list, uint64_t number, int64_t after_ms);
bool task_timers_has(const struct task_timers *list, uint64_t number);
/* Removes a task's timer. Returns whether there was one. */
bool task_timers_drop(struct task_timers *list, uint64_t number);
void task_timers_clear(struct task_timers *list);

#endif
