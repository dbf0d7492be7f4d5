/*
 * Parked reads: requests of readers that wait for bytes on their way.
 *
 * Each has one owner, the backend's thread, which ends it through the read_done event
 * exactly once. The replies themselves, a copy of the bytes each, are made by a thread of
 * this room, so that the backend's goes on receiving meanwhile. The table knows all that
 * are parked, so that readers that left can be found and the number of parked requests
 * stays below half of what the kernel allows in the background (parked readahead could
 * block the whole mount).
 */
#ifndef SEEDANCEFS_FS_KERNEL_PARKED_READS_H
#define SEEDANCEFS_FS_KERNEL_PARKED_READS_H

#include "fs/folder/filesystem.h"

struct fuse_req;

int parked_create(struct backend *backend, struct parked **ret_parked);
int parked_start(struct parked *parked);
/* Before the backend stops: what is answered from now on is answered for good. */
void parked_end(struct parked *parked);
/* After the backend has stopped: the last replies are made. */
void parked_stop(struct parked *parked);
void parked_destroy(struct parked *parked);

/* The most that may be parked at once. */
void parked_set_limit(struct parked *parked, unsigned limit);

/* Parks a read; the request is answered later, in every case. */
void parked_add(struct parked *parked, struct fuse_req *request, struct media *media,
		off_t offset, size_t size);

/* Ends the reads whose readers are exiting or gone: at each flush, and once a second. */
void parked_reap(struct parked *parked);
bool parked_is_empty(struct parked *parked);

#endif
