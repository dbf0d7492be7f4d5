#include "backend/media/store/view.h"

#include "backend/base/cleanup.h"
#include "backend/media/store/media_file_internal.h"

#include <errno.h>
#include <string.h>

void media_view_clear(struct media_view *view)
{
	for (unsigned i = 0; i < view->count; i++)
		media_chunk_unref(view->chunks[i]);
	if (view->parts != view->few_parts) {
		free(view->parts);
		free(view->chunks);
	}
}

/* Room for as many parts as there can be. */
static int view_grow(struct media_view *view, size_t size)
{
	unsigned capacity = (unsigned)(size / MEDIA_BLOCK_BYTES + 3);
	AUTOFREE struct iovec *parts = calloc(capacity, sizeof(*parts));
	AUTOFREE struct media_chunk **chunks =
		calloc(capacity, sizeof(struct media_chunk *));

	if (!parts || !chunks)
		return -ENOMEM;
	memcpy(parts, view->parts, view->count * sizeof(*parts));
	memcpy(chunks, view->chunks, view->count * sizeof(struct media_chunk *));
	view->parts = TAKE(parts);
	view->chunks = TAKE(chunks);
	view->capacity = capacity;
	return 0;
}

/* What of [offset, end) lies in one piece. Takes the chunk over. */
static void view_add(struct media_view *view, const char *bytes, uint64_t size,
		     struct media_chunk *chunk)
{
	view->parts[view->count] = (struct iovec){ (void *)bytes, (size_t)size };
	view->chunks[view->count++] = chunk;
}

/* How many bytes were added; 0: that byte is not here. */
static uint64_t view_next(struct media_file *file, uint64_t offset, uint64_t end,
			  struct media_view *view)
{
	uint64_t stop = media_file_disk_end(file, offset);
	struct media_chunk *chunk = NULL;

	if (stop == offset)
		chunk = media_stage_find(&file->stage, offset);
	/* It may have come to disk since that was looked at. */
	if (stop == offset && !chunk)
		stop = media_file_disk_end(file, offset);
	if (chunk)
		stop = chunk->offset + chunk->size;
	if (stop > end)
		stop = end;
	if (stop > offset)
		view_add(view,
			 chunk ? chunk->bytes + (offset - chunk->offset)
			       : file->bytes + offset,
			 stop - offset, chunk);
	return stop - offset;
}

int media_file_view(struct media_file *file, uint64_t offset, size_t size,
		    struct media_view *ret_view)
{
	struct media_view *view = ret_view;
	uint64_t end = offset + size;
	int r = 0;

	view->parts = view->few_parts;
	view->chunks = view->few_chunks;
	view->count = 0;
	view->capacity = MEDIA_VIEW_PARTS;
	while (offset < end && !r) {
		uint64_t got;

		if (view->count == view->capacity)
			r = view_grow(view, size);
		got = r ? 0 : view_next(file, offset, end, view);
		if (!r && !got)
			r = -EAGAIN;
		offset += got;
	}
	if (r)
		media_view_clear(view);
	return r;
}
