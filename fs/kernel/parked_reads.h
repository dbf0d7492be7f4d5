/*
 * Parked reads: read requests that wait for their bytes.
 *
 * Each request has one record and gets exactly one reply. While a request is parked, the
 * backend owns the record's read (struct media_read). The backend ends it once: with its
 * bytes, an error, the deadline, a cancellation, or the backend's own stop. A thread of
 * this module sends the reply, which copies the bytes, so that the backend's thread
 * continues to receive.
 *
 * The list of parked requests has two uses. Once a second while reads are parked, readers
 * that left are found in it. And it keeps the number of requests below half of what the
 * kernel allows in the background: parked read-ahead could block the whole mount.
 */
#ifndef SEEDANCEFS_FS_KERNEL_PARKED_READS_H
#define SEEDANCEFS_FS_KERNEL_PARKED_READS_H

#include "fs/folder/filesystem.h"

struct fuse_req;

int parked_reads_create(struct backend *backend, struct parked_reads **ret_parked);
int parked_reads_start(struct parked_reads *parked);
/* Sends the last replies. Call it after the backend has stopped. */
void parked_reads_stop(struct parked_reads *parked);
void parked_reads_destroy(struct parked_reads *parked);

/* Sets how many requests may be parked at once. */
void parked_reads_set_limit(struct parked_reads *parked, unsigned limit);

/* Parks a read. The request is answered later, in every case. */
void parked_reads_add(struct parked_reads *parked, struct fuse_req *request,
		      struct media *media, off_t offset, size_t size);

/*
 * Ends the reads whose readers are exiting or gone. Call it at each flush, which hints
 * that a reader left. While reads are parked, it also happens once a second.
 */
void parked_reads_reap(struct parked_reads *parked);

#endif
