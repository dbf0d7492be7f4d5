/*
 * Present bytes of a media file, to be handed to the kernel: where each part of a range
 * lies, on disk (mapped) or in a chunk in memory, which the view keeps alive.
 *
 * Never look at the bytes themselves: touching a mapping could meet a file that was cut
 * from outside, where the kernel only answers EFAULT.
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
