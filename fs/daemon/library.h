/*
 * The library's directory: made when missing, 0700, and held by one daemon at a time.
 */
#ifndef SEEDANCEFS_FS_DAEMON_LIBRARY_H
#define SEEDANCEFS_FS_DAEMON_LIBRARY_H

struct library {
	char *path; /* absolute, without links */
	int fd;
	int media;
	int lock;
};

/* 0, or -errno with a whole line for people in *ret_error (free() it). */
int library_open(const char *path, struct library *ret_library, char **ret_error);
/* Gives up the lock. */
void library_close(struct library *library);

/* The log of a daemon in the background:
 * library/seedancefs.log. A descriptor or -errno. */
int library_open_log(const struct library *library);

#endif
