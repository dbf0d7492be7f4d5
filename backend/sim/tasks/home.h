/*
 * The directory of a simulator: its books, its media files, and the lock that makes it
 * the only simulator there. Layout:
 *
 *	lock            flock()ed while a simulator runs
 *	tasks.db        the books (books.h)
 *	media/<task>/   video.mp4, last_frame.png, and the render's inputs
 *
 * Created with mode 0700. Without a name it is a temporary directory, removed by
 * home_close(). Constant after home_open(): any thread may ask for paths.
 */
#ifndef SEEDANCE_SIM_TASKS_HOME_H
#define SEEDANCE_SIM_TASKS_HOME_H

#include <stdbool.h>

struct home;

/* -EBUSY: another simulator runs there and did not end within three seconds. */
int home_open(const char *path, struct home **ret_home);
void home_close(struct home *home);
const char *home_path(const struct home *home);

/*
 * free() the path. NULL without memory. If `name` is NULL: the task's directory itself.
 */
char *home_media_path(const struct home *home, const char *task, const char *name);
int home_make_media(const struct home *home, const char *task);
void home_remove_media(const struct home *home, const char *task);
/* Writes a complete file into the task's directory. */
int home_write_media(const struct home *home, const char *task, const char *name,
		     const void *bytes, unsigned long size);
/* Copies a file from one task's directory to another's. */
int home_copy_media(const struct home *home, const char *from_task, const char *to_task,
		    const char *name);

#endif
