/*
 * Parked reads: requests of readers that wait for bytes on their way.
 *
 * Each has one owner, the backend's thread, which ends it through the read_done event
 * exactly once. The replies themselves, a copy of the bytes each, are made by a thread of
 * this module, so that the backend's goes on receiving meanwhile. While reads are parked,
 * the same thread looks once a second for readers that left. The table knows all that
 * are parked, so that readers that left can be found and the number of parked requests
 * stays below half of what the kernel allows in the background (parked readahead could
 * block the whole mount).
 */
#ifndef SEEDANCEFS_FS_KERNEL_PARKED_READS_H
#define SEEDANCEFS_FS_KERNEL_PARKED_READS_H

#include "fs/folder/filesystem.h"

struct fuse_req;

int parked_reads_create(struct backend *backend, struct parked_reads **ret_parked);
int parked_reads_start(struct parked_reads *parked);
/* Before the backend stops: what is answered from now on is answered for good. */
void parked_reads_end(struct parked_reads *parked);
/* After the backend has stopped: the last replies are made. */
void parked_reads_stop(struct parked_reads *parked);
void parked_reads_destroy(struct parked_reads *parked);

/* The most that may be parked at once. */
void parked_reads_set_limit(struct parked_reads *parked, unsigned limit);

/* Parks a read; the request is answered later, in every case. */
void parked_reads_add(struct parked_reads *parked, struct fuse_req *request,
		      struct media *media, off_t offset, size_t size);

/* Ends the reads whose readers are exiting or gone: for each flush, a hint that one left.
 * Once a second that happens by itself. */
void parked_reads_reap(struct parked_reads *parked);

#endif
