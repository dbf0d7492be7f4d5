/*
 * The programs that poll an open `status`, and when to wake them (ops_poll.h). Any
 * thread. No lock is held while the kernel is notified.
 */
#ifndef SEEDANCEFS_FS_KERNEL_POLLERS_H
#define SEEDANCEFS_FS_KERNEL_POLLERS_H

#include <stdint.h>

struct fuse_pollhandle;
struct handle;
struct pollers;

int pollers_create(struct pollers **ret_pollers);
void pollers_destroy(struct pollers *pollers);

/*
 * Registers a program that polls a task's `status` through this handle. Takes `poll`. A
 * later poll of the same handle replaces the earlier one, since it serves the same
 * waiters.
 */
void pollers_add(struct pollers *pollers, const struct handle *handle, uint64_t number,
		 struct fuse_pollhandle *poll);
/* Sets when the program may find the end of file (boot clock, ms). */
void pollers_set_end(struct pollers *pollers, const struct handle *handle,
		     int64_t end_ms);
/* Call it when the handle is closed. */
void pollers_leave(struct pollers *pollers, const struct handle *handle);

/* Wakes the programs that poll a task's `status`. On the announcing thread. */
void pollers_wake(struct pollers *pollers, uint64_t number);
/*
 * Wakes the programs that may find the end of file by now. Returns when (boot clock, ms)
 * to call it again, or INT64_MAX. On the announcing thread.
 */
int64_t pollers_tick(struct pollers *pollers, int64_t now_ms);

#endif
