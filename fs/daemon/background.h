/*
 * Running in the background. The command returns only when the mount is ready, and
 * reports errors until then.
 */
#ifndef SEEDANCEFS_FS_DAEMON_BACKGROUND_H
#define SEEDANCEFS_FS_DAEMON_BACKGROUND_H

struct background {
	int ready; /* write end of the parent's pipe; -1 in the foreground */
};

/*
 * Forks. The parent waits until the child is ready or ends, and exits with its status;
 * only the child returns. Errors of the child still go to the terminal until
 * background_ready(). 0 or -errno.
 */
int background_begin(struct background *ret_daemon);
/* Call it when the mount is ready: releases the parent and the terminal. */
void background_ready(struct background *daemon);

#endif
