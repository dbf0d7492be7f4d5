/*
 * Handles: what an open file or directory of the mount is. One for each FUSE open.
 */
#ifndef SEEDANCEFS_FS_KERNEL_HANDLE_H
#define SEEDANCEFS_FS_KERNEL_HANDLE_H

#include "fs/folder/filesystem.h"

#include <pthread.h>
#include <stdatomic.h>

struct listing; /* a directory's entries, ops_directory.c */

/* What a program that polls a `status` knows of it (ops_poll.h). */
struct polled {
	bool is_read, has_rest;
	bool found_end;	  /* a read gave no bytes */
	unsigned changes; /* announce_changes() of the text that it reads */
	size_t size;	  /* of that text */
	int64_t end_ms;	  /* boot clock: it may look for the end then; 0: not polled */
};

struct handle {
	/* Set when opened. */
	struct node *node; /* referenced */
	bool may_write, is_kept;
	uid_t uid; /* who opened it: pages of a mapping are written back as root */
	struct media *media; /* outputs */
	bool is_counted;     /* … among the node's opens */

	/* Guarded by the lock of all handles. */
	struct handle *next, **previous;

	/* Any thread: set once, when opened or when a copied `status` becomes a file. */
	_Atomic int fd; /* of the user's file below; -1 for virtual files */

	pthread_mutex_t lock;
	/* Guarded by lock. */
	bool is_dirty;	 /* written since the last flush */
	bool has_edited; /* the task was told that this writer edits */
	struct listing *listing;
	char *text; /* of `status`, as its reader began to read it; or NULL */
	struct polled polled;
};

/* All that are open in a mount, and what the kernel may do with them. */
struct handles {
	atomic_bool can_pass; /* whole outputs may be read by the kernel itself */

	pthread_mutex_t lock;
	pthread_cond_t opened; /* an output's first open is decided (passthrough.h) */
	struct handle *first;  /* guarded by lock */
};

int handles_create(struct handles **ret_handles);
/* Closes those that are left: when a busy mount ends, nobody releases them. */
void handles_destroy(struct filesystem *fs);

/* Makes a handle and counts it among the open ones; takes a reference to the node. */
struct handle *handle_create(struct filesystem *fs, struct node *node);
/*
 * Gives it the descriptor of a user's file. The node is found by it from now on: whoever
 * has a file open needs no way to it.
 */
void handle_set_fd(struct filesystem *fs, struct handle *handle, int fd);
/* Closes everything that it holds. */
void handle_destroy(struct filesystem *fs, struct handle *handle);

/* Drops a reference; NULL is none. */
void listing_unref(struct listing *listing);

#endif
