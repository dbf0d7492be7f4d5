#include "backend/core/command.h"

#include "backend/base/cleanup.h"
#include "backend/core/core.h"

#include <errno.h>
#include <stdlib.h>

void command_queue_init(struct command_queue *queue)
{
	pthread_mutex_init(&queue->lock, NULL);
	queue->first = NULL;
	queue->end = &queue->first;
}

void command_queue_clear(struct command_queue *queue)
{
	pthread_mutex_destroy(&queue->lock);
}

void backend_send(struct backend *backend, struct command *command)
{
	struct command_queue *queue = &backend->commands;

	command->next = NULL;
	{
		SCOPED_LOCK(&queue->lock);

		*queue->end = command;
		queue->end = &command->next;
	}
	backend_wake(backend);
}

/* A command that carries a task's number and nothing else. */
struct task_command {
	struct command command;
	uint64_t number;
	void (*act)(struct backend *backend, uint64_t number);
};

static void run_task_command(struct backend *backend, struct command *command)
{
	struct task_command *task = (struct task_command *)command;

	task->act(backend, task->number);
	free(task);
}

int backend_send_task(struct backend *backend, uint64_t number,
		      void (*act)(struct backend *backend, uint64_t number))
{
	struct task_command *command = calloc(1, sizeof(*command));

	if (!command)
		return -ENOMEM;
	command->command.run = run_task_command;
	command->number = number;
	command->act = act;
	backend_send(backend, &command->command);
	return 0;
}

static struct command *take_commands(struct command_queue *queue)
{
	SCOPED_LOCK(&queue->lock);
	struct command *first = queue->first;

	queue->first = NULL;
	queue->end = &queue->first;
	return first;
}

void backend_run_commands(struct backend *backend)
{
	struct command *command = take_commands(&backend->commands);

	while (command) {
		struct command *next = command->next;

		command->run(backend, command);
		command = next;
	}
}
