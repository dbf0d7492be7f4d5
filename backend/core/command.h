/*
 * Commands: what other threads leave to the backend's thread, in the order they came.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_COMMAND_H
#define SEEDANCEFS_BACKEND_CORE_COMMAND_H

#include <pthread.h>
#include <stdint.h>

struct backend;

/* Something for the backend's thread to do; embedded first in what it carries. */
struct command {
	struct command *next;
	void (*run)(struct backend *backend, struct command *command); /* frees it */
};

struct command_queue {
	pthread_mutex_t lock;
	struct command *first, **end; /* guarded by lock */
};

void command_queue_init(struct command_queue *queue);
/* It must be empty. */
void command_queue_clear(struct command_queue *queue);

/* Hands a command over; it runs on the backend's thread. Any thread; never fails. */
void backend_send(struct backend *backend, struct command *command);
/* The same for what needs the task's number alone. 0 or -ENOMEM. */
int backend_send_task(struct backend *backend, uint64_t number,
		      void (*act)(struct backend *backend, uint64_t number));
/* Runs what was handed over until now. Backend thread only. */
void backend_run_commands(struct backend *backend);

#endif
