/*
 * Going into the background: the command returns only when the mount answers, and says
 * what went wrong if it does not.
 */
#ifndef SEEDANCEFS_FS_DAEMON_BACKGROUND_H
#define SEEDANCEFS_FS_DAEMON_BACKGROUND_H

struct background {
	int ready; /* write end of the parent's pipe; -1 in the foreground */
};

/*
 * Forks. The parent waits for the child's word and ends with its exit status; only the
 * child returns. Errors of the child still go to the terminal until background_ready(). 0 or
 * -errno.
 */
int background_begin(struct background *ret_daemon);
/* The mount answers: the parent may go; the terminal is let go of. */
void background_ready(struct background *daemon);

#endif
