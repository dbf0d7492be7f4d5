/*
 * The embedded simulator, for a mount without a configured provider: a child process that
 * speaks the services' wire formats on loopback. It ends when its lifeline closes, which
 * happens when this process ends, even if it is killed.
 */
#ifndef SEEDANCEFS_FS_DAEMON_EMBEDDED_SIM_H
#define SEEDANCEFS_FS_DAEMON_EMBEDDED_SIM_H

#include <sys/types.h>

struct embedded_sim {
	pid_t pid;
	int lifeline; /* the simulator ends when it is closed */
	char *url;    /* "http://127.0.0.1:PORT" */
};

/*
 * Starts seedance-sim with its books in library_path/simulator, and waits until it
 * listens. Its log goes to `log`. It holds nothing else of this process: no terminal, and
 * no pipe that another program reads to its end. Call it before threads exist. 0, or
 * -errno with a message in *ret_error.
 */
int embedded_sim_start(const char *library_path, int log,
		       struct embedded_sim *ret_simulator, char **ret_error);
void embedded_sim_stop(struct embedded_sim *simulator);

#endif
