/* Fetching a complete file. */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>

void media_fetch_output(struct backend *backend, const struct task_view *view,
			enum output_kind kind)
{
	struct media *media;

	if (!view->outputs[kind].is_ready ||
	    backend_media_open(backend, view->number, kind, view->outputs[kind].version,
			       &media))
		return;
	media->wants_all = true;
	media_pump(media);
	backend_media_close(backend, media);
}

static bool is_under_way(const struct media *media)
{
	return media->transfers || media->is_refreshing || timer_is_set(&media->retry);
}

/* Once the version was given up, or if nobody requested all of it, it is not fetched. */
static int fetch_whole(struct media *media, bool begins, char **ret_why)
{
	bool is_wanted = begins || media->wants_all;

	if (is_wanted)
		media->wants_all = true;
	if (is_wanted && !is_under_way(media))
		media_pump(media);
	*ret_why = text_dup(media->trouble);
	if (is_wanted)
		return -EAGAIN;
	return media->is_linkless ? -ENODATA : -EIO;
}

int media_whole(struct backend *backend, const struct task_view *view,
		enum output_kind kind, bool begins, int *ret_fd, char **ret_why)
{
	struct media *media;
	int r = backend_media_open(backend, view->number, kind,
				   view->outputs[kind].version, &media);

	if (r)
		return r;
	if (media_file_is_complete(media->file)) {
		*ret_fd = media_open_bytes(media);
		r = *ret_fd < 0 ? *ret_fd : 0;
	} else {
		r = fetch_whole(media, begins, ret_why);
	}
	backend_media_close(backend, media);
	return r;
}
