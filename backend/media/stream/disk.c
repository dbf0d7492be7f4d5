/*
 * The results of writing to disk: a complete file is made durable. Without free space,
 * readers are served from memory, `status` says so, and writing is retried.
 */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/core/note.h"
#include "backend/media/store/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char *note_head(const struct media *media)
{
	return media->kind == OUTPUT_VIDEO ? "video.mp4 is not kept"
					   : "last_frame.png is not kept";
}

bool media_lacks_disk(const struct media *media)
{
	return media_file_disk_error(media->file) ||
	       media_writer_is_stuck(media->backend->streaming->writer);
}

static bool has_note(const struct media *media)
{
	AUTOVIEW *view = tasks_view(media->backend->tasks, media->number);

	return view && view->note;
}

/* The last frame's note does not overwrite the video's. */
void media_note_no_room(struct media *media, const char *why)
{
	AUTOFREE char *note = NULL;

	if (media->has_no_room)
		return;
	media->has_no_room = true;
	note = text_format("%s: the library's disk reports \"%s\"; reading from memory "
			   "and the network until space is free",
			   note_head(media), why);

	log_warn("event=media_not_kept task=%" PRIu64 " reason=\"%s\"", media->number,
		 why);
	if (media->kind == OUTPUT_VIDEO || !has_note(media))
		backend_set_note(media->backend, media->number, note);
	media_set_trouble(media, why);
}

bool media_is_noted(const struct media *media, const struct task_view *view)
{
	return view->note && text_starts_with(view->note, note_head(media));
}

static void clear_note(struct media *media)
{
	AUTOVIEW *view = tasks_view(media->backend->tasks, media->number);

	media->has_no_room = false;
	log_info("event=media_kept_again task=%" PRIu64, media->number);
	if (view && media_is_noted(media, view))
		backend_set_note(media->backend, media->number, NULL);
}

/*
 * The file cannot be stored completely now: the job retries later. A disk that merely
 * stalls gets no note, since the ledger is probably on the same disk.
 */
static void look_for_room(struct media *media)
{
	int error = media_file_disk_error(media->file);
	bool has_no_room = error != 0;

	if (has_no_room && media->wants_all) {
		media->wants_all = false;
		media_stop_unwanted(media);
	}
	if (has_no_room)
		media->backend->streaming->events->disk_failed(media, strerror(-error));
	if (has_no_room)
		media_note_no_room(media, strerror(-error));
	else if (media->has_no_room &&
		 !media->backend->streaming->events->lacks_room(media))
		clear_note(media);
}

static void note_whole(struct media *media)
{
	if (!media_file_is_complete(media->file))
		return;
	media->wants_all = false;
	if (media->is_dropped || media_file_is_synced(media->file) ||
	    media_file_sync_poll(media->file) == -EINPROGRESS)
		return;
	media->needs_sync = true;
	media_start_tick(media);
}

void media_written(struct backend *backend)
{
	if (!atomic_exchange(&backend->streaming->has_written, false))
		return;
	for (struct media *media = media_first(backend); media; media = media->next) {
		look_for_room(media);
		note_whole(media);
		media_resume(media);
		backend->streaming->events->pumped(media);
	}
}

void media_retry_disk(struct media *media)
{
	struct media_writer *writer = media->backend->streaming->writer;

	look_for_room(media);
	if (media_file_homeless(media->file) && !media_writer_is_full(writer))
		media_writer_retry(writer, media->file);
	media_resume(media);
}
