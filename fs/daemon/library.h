/*
 * The library's directory: created if missing, with mode 0700, and used by one daemon at
 * a time.
 */
#ifndef SEEDANCEFS_FS_DAEMON_LIBRARY_H
#define SEEDANCEFS_FS_DAEMON_LIBRARY_H

struct library {
	char *path; /* absolute, without links */
	int fd;
	int media;
	int lock;
};

/* 0, or -errno with a complete message in *ret_error (free() it). */
int library_open(const char *path, struct library *ret_library, char **ret_error);
/* Releases the lock. */
void library_close(struct library *library);

/*
 * Opens the log of a background daemon, library/seedancefs.log. A descriptor or -errno.
 */
int library_open_log(const struct library *library);

#endif
