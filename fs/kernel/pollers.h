/*
 * The programs that poll an open `status`, and when they are to be woken (ops_poll.h).
 * Any thread; no lock is held while the kernel is notified.
 */
#ifndef SEEDANCEFS_FS_KERNEL_POLLERS_H
#define SEEDANCEFS_FS_KERNEL_POLLERS_H

#include <stdint.h>

struct fuse_pollhandle;
struct handle;
struct pollers;

int pollers_create(struct pollers **ret_pollers);
void pollers_destroy(struct pollers *pollers);

/* A program polls a task's `status`, open as this handle; takes `poll`. A later poll of a
 * handle replaces the one before: it stands for the same waiters. */
void pollers_add(struct pollers *pollers, const struct handle *handle, uint64_t number,
		 struct fuse_pollhandle *poll);
/* It may look for the end of the file then (boot clock, ms). */
void pollers_set_end(struct pollers *pollers, const struct handle *handle,
		     int64_t end_ms);
/* The handle is closed. */
void pollers_leave(struct pollers *pollers, const struct handle *handle);

/* Wakes those that poll a task's `status`. The announcing thread. */
void pollers_wake(struct pollers *pollers, uint64_t number);
/* Wakes those that may look for the end; returns when (boot clock, ms) it is to be asked
 * again, or INT64_MAX. The same thread. */
int64_t pollers_tick(struct pollers *pollers, int64_t now_ms);

#endif
