/*
 * Commands: work that other threads pass to the backend's thread. It runs in the order of
 * arrival.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_COMMAND_H
#define SEEDANCEFS_BACKEND_CORE_COMMAND_H

#include <pthread.h>
#include <stdint.h>

struct backend;

/*
 * One piece of work. It is embedded as the first member of the struct that carries its
 * arguments.
 */
struct command {
	struct command *next;
	void (*run)(struct backend *backend, struct command *command); /* frees it */
};

struct command_queue {
	pthread_mutex_t lock;
	struct command *first, **end; /* guarded by lock */
};

void command_queue_init(struct command_queue *queue);
/* The queue must be empty. */
void command_queue_clear(struct command_queue *queue);

/* Queues a command for the backend's thread. Any thread; never fails. */
void backend_send(struct backend *backend, struct command *command);
/* Queues a call of `act` that needs only the task's number. 0 or -ENOMEM. */
int backend_send_task(struct backend *backend, uint64_t number,
		      void (*act)(struct backend *backend, uint64_t number));
/* Runs the commands queued so far. Backend thread only. */
void backend_run_commands(struct backend *backend);

#endif
