/*
 * Parked reads: requests whose bytes are on their way.
 *
 * Each request has one record and exactly one reply. While it is parked the record's read
 * (struct media_read) is the backend's, which ends it once: with its bytes, an error, the
 * deadline, a cancellation, or its own stop. The reply, a copy of the bytes, is made by a
 * thread of this module, so that the backend's thread goes on receiving meanwhile. The
 * list of parked requests serves to find readers that left, once a second while reads are
 * parked, and to keep the number of requests below half of what the kernel allows in the
 * background (parked read-ahead could block the whole mount).
 */
#ifndef SEEDANCEFS_FS_KERNEL_PARKED_READS_H
#define SEEDANCEFS_FS_KERNEL_PARKED_READS_H

#include "fs/folder/filesystem.h"

struct fuse_req;

int parked_reads_create(struct backend *backend, struct parked_reads **ret_parked);
int parked_reads_start(struct parked_reads *parked);
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
