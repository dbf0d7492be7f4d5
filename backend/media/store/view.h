/*
 * The present bytes of a media file, for the kernel: the location of each part of a
 * range, on disk (mapped) or in a chunk in memory, which the view keeps alive.
 *
 * Never touch the bytes themselves: if somebody truncated the file, an access to the
 * mapping would fault, where the kernel merely returns EFAULT.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STORE_VIEW_H
#define SEEDANCEFS_BACKEND_MEDIA_STORE_VIEW_H

#include <sys/uio.h>

#define MEDIA_VIEW_PARTS 4

struct media_chunk;

struct media_view {
	struct iovec *parts;
	struct media_chunk **chunks; /* NULL where a part is on disk */
	unsigned count, capacity;
	struct iovec few_parts[MEDIA_VIEW_PARTS];
	struct media_chunk *few_chunks[MEDIA_VIEW_PARTS];
};

void media_view_clear(struct media_view *view);

#endif
