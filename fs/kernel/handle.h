/* Handles: one for each open file or directory of the mount. */
#ifndef SEEDANCEFS_FS_KERNEL_HANDLE_H
#define SEEDANCEFS_FS_KERNEL_HANDLE_H

#include "fs/folder/filesystem.h"

#include <pthread.h>
#include <stdatomic.h>

struct listing; /* entries of a directory, ops_directory.c */

/* What a program that polls a `status` has seen of it (ops_poll.h). */
struct polled {
	bool is_read, has_rest;
	bool found_end;	  /* a read returned no bytes */
	unsigned changes; /* announce_changes() of the text that it reads */
	size_t size;	  /* of that text */
	int64_t end_ms;	  /* boot clock: when the end may be found; 0: not polled */
};

struct handle {
	/* Set at open. */
	struct node *node; /* referenced */
	bool may_write, is_kept;
	uid_t uid; /* opened by this user: pages of a mapping are written back as root */
	struct media *media; /* outputs */
	bool is_counted;     /* counted among the node's opens */

	/* Guarded by the lock of all handles. */
	struct handle *next, **previous;

	/* Any thread. Set once: at open, or when a copied `status` becomes a file. */
	_Atomic int fd; /* of the user's file in the library; -1 for virtual files */

	pthread_mutex_t lock;
	/* Guarded by lock. */
	bool is_dirty;	 /* written since the last flush */
	bool has_edited; /* this writer was reported as editing */
	struct listing *listing;
	char *text; /* `status` as of the reader's first read; or NULL */
	struct polled polled;
};

/* All open handles of a mount, and what the kernel may do with them. */
struct handles {
	atomic_bool can_pass; /* the kernel may read complete outputs itself */

	pthread_mutex_t lock;
	pthread_cond_t opened; /* signalled when an output's first open is decided
			        * (passthrough.h) */
	struct handle *first;  /* guarded by lock */
};

int handles_create(struct handles **ret_handles);
/* Closes the remaining handles: when a busy mount ends, the kernel releases none. */
void handles_destroy(struct filesystem *fs);

/* Makes a handle and adds it to the open ones. Takes a reference to the node. */
struct handle *handle_create(struct filesystem *fs, struct node *node);
/*
 * Gives the handle the descriptor of a user's file. From now on the node is found through
 * the descriptor, so that an open file works even if its path does not.
 */
void handle_set_fd(struct filesystem *fs, struct handle *handle, int fd);
/* Closes and frees everything that the handle owns. */
void handle_destroy(struct filesystem *fs, struct handle *handle);

/* Drops a reference; NULL is allowed. */
void listing_unref(struct listing *listing);

#endif
