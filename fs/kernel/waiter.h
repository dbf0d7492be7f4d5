/*
 * Who waits for bytes of an output: the first member of what is given to
 * backend_media_park() as `read`.
 */
#ifndef SEEDANCEFS_FS_KERNEL_WAITER_H
#define SEEDANCEFS_FS_KERNEL_WAITER_H

struct waiter {
	/* The read_done event, on the backend's thread: never waits. */
	void (*done)(struct waiter *waiter, int result);
};

#endif
