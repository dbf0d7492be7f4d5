/*
 * A child process: started with an argument vector in a directory, killed on demand,
 * always reaped. child_run() blocks; another thread may call child_kill() at any time.
 */
#ifndef SEEDANCE_SIM_RENDER_CHILD_H
#define SEEDANCE_SIM_RENDER_CHILD_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

struct child {
	pthread_mutex_t lock;
	/* guarded by lock */
	pid_t pid; /* 0 = none */
	bool is_killed;
};

void child_init(struct child *child);
void child_clear(struct child *child);

/*
 * Runs a program found in PATH with its standard streams on /dev/null. Returns its exit
 * status (127: it could not be started), or -errno; -EINTR if a signal ended it or it was
 * killed before. It dies with the calling thread, or after ten minutes of processor time.
 */
int child_run(struct child *child, const char *directory, char *const arguments[]);

/* Kills the running child and any later one of this object. */
void child_kill(struct child *child);

#endif
