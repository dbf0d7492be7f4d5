/*
 * The embedded simulator: a child process that speaks the services' wire formats on
 * loopback, for a mount without a configured provider. It ends when its lifeline closes,
 * that is, with this process, killed or not.
 */
#ifndef SEEDANCEFS_FS_DAEMON_EMBEDDED_SIM_H
#define SEEDANCEFS_FS_DAEMON_EMBEDDED_SIM_H

#include <sys/types.h>

struct embedded_sim {
	pid_t pid;
	int lifeline; /* closed: it ends */
	char *url;    /* "http://127.0.0.1:PORT" */
};

/*
 * Starts seedance-sim with its books in library_path/simulator and waits until it
 * listens. Its log goes to `log`; it holds nothing else of this process, least of all a
 * terminal or a pipe that somebody reads to its end. Before threads. 0, or -errno with a
 * line in *ret_error.
 */
int embedded_sim_start(const char *library_path, int log,
		       struct embedded_sim *ret_simulator, char **ret_error);
void embedded_sim_stop(struct embedded_sim *simulator);

#endif
