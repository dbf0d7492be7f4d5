/*
 * Making a task's thumbnails: from its outputs to pictures in the cache.
 */
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "fs/filesystem.h"
#include "fs/folder.h"
#include "fs/settle.h"
#include "fs/thumbnails_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define WALK_MS 2000 /* after a start folders are not known yet */

char *thumbnails_shown_path(const struct filesystem *fs, const char *folder,
			    const char *name)
{
	return text_format("%s/%s%s%s", fs->tree.shown_at, folder, *folder ? "/" : "",
			   name);
}

/* The folder of a task, below the tree; NULL when it is not known. */
static char *folder_path(struct filesystem *fs, uint64_t number)
{
	struct node *node = folder_node(fs, number);
	char *path;

	if (!node && settler_wait_walk(fs->settler, WALK_MS))
		node = folder_node(fs, number);
	if (!node)
		return NULL;
	path = nodes_path(&fs->nodes, node);
	nodes_unref(&fs->nodes, node, 1);
	return path;
}

/* An input of that name keeps it: README.md, rule 6. */
static const char *name_of(const struct filesystem *fs, const char *folder,
			   enum output_kind kind)
{
	AUTOFREE char *path = text_format("%s/%s", folder, THUMBNAILS_FRAME);
	AUTOCLOSE int fd = -1;

	if (kind == OUTPUT_VIDEO)
		return THUMBNAILS_VIDEO;
	fd = path ? tree_openat(&fs->tree, path, O_PATH) : -ENOMEM;
	return fd >= 0 ? THUMBNAILS_OTHER_FRAME : THUMBNAILS_FRAME;
}

static int put_all(struct thumbnails *thumbnails, const struct output *output,
		   const char *file, const char *mime_type,
		   const struct thumbnail_pictures *pictures)
{
	struct thumbnail thumbnail = { .file = file,
				       .mime_type = mime_type,
				       .mtime_s = output->mtime,
				       .size_bytes = output->size };
	int r = 0;

	for (size_t size = 0; !r && size < THUMBNAIL_SIZES; size++) {
		thumbnail.png = pictures->png[size];
		thumbnail.png_bytes = pictures->bytes[size];
		r = thumbnail_cache_put(&thumbnails->cache, size, &thumbnail);
	}
	return r;
}

/* The same picture stands for the video and its last frame. */
static int put_outputs(struct thumbnails *thumbnails, const struct task_view *view,
		       const char *folder, const struct thumbnail_pictures *pictures)
{
	static const char *const mime_types[] = { "video/mp4", "image/png" };
	int r = 0;

	for (int i = 0; !r && i < OUTPUT_COUNT; i++) {
		enum output_kind kind = (enum output_kind)i;
		AUTOFREE char *file = NULL;

		if (!thumbnails_is_shown(view, kind))
			continue;
		file = thumbnails_shown_path(thumbnails->fs, folder,
					     name_of(thumbnails->fs, folder, kind));
		r = file ? put_all(thumbnails, &view->outputs[kind], file,
				   mime_types[kind], pictures)
			 : -ENOMEM;
	}
	return r;
}

static int draw(struct thumbnails *thumbnails, const struct task_view *view,
		enum output_kind kind, struct thumbnail_pictures *pictures)
{
	struct backend *backend = thumbnails->fs->backend;
	struct media *media;
	int r = backend_media_open(backend, view->number, kind,
				   view->outputs[kind].version, &media);

	if (r)
		return r;
	r = thumbnail_maker_run(&thumbnails->maker, media, pictures);
	backend_media_leave(backend, media);
	return r;
}

/* From the last frame; where that is none, or no picture, from the video. */
static int make(struct thumbnails *thumbnails, const struct task_view *view,
		const char *folder)
{
	static const enum output_kind sources[] = { OUTPUT_LAST_FRAME, OUTPUT_VIDEO };
	int r = -ENODATA;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct thumbnail_pictures pictures = { 0 };

		if (!thumbnails_is_shown(view, sources[i]))
			continue;
		r = draw(thumbnails, view, sources[i], &pictures);
		if (!r)
			r = put_outputs(thumbnails, view, folder, &pictures);
		thumbnail_pictures_clear(&pictures);
		if (r != -EINVAL)
			break;
	}
	return r;
}

static const char *reason_of(int r)
{
	switch (r) {
	case -ENOEXEC:
		return "the program seedance-thumbnailer is missing";
	case -ETIMEDOUT:
		return "it took too long";
	case -EINVAL:
		return "it is no picture or video of a known kind";
	default:
		return strerror(-r);
	}
}

/* One line for each task; what is missing for all of them is a warning, once. */
static void complain(struct thumbnails *thumbnails, uint64_t number, int r)
{
	if (r == -ECANCELED || r == -ESTALE)
		return; /* the mount ends; the output is another one by now */
	if (r != -ENOEXEC || thumbnails->has_complained) {
		log_info("event=no_thumbnails task=%" PRIu64 " reason=\"%s\"", number,
			 reason_of(r));
		return;
	}
	thumbnails->has_complained = true;
	log_warn("event=no_thumbnails task=%" PRIu64 " reason=\"%s\"", number,
		 reason_of(r));
}

void thumbnails_run_make(struct thumbnails *thumbnails, const struct job *job)
{
	struct filesystem *fs = thumbnails->fs;
	AUTOVIEW *view = backend_task_view(fs->backend, job->number);
	AUTOFREE char *folder = NULL;
	int64_t start_ms = clock_boot_ms();
	int r;

	if (!view || view->is_removed)
		return;
	folder = folder_path(fs, job->number);
	if (!folder)
		return;
	thumbnails_note(thumbnails, view);
	r = make(thumbnails, view, folder);
	if (r)
		complain(thumbnails, job->number, r);
	else
		log_info("event=thumbnails task=%" PRIu64 " ms=%" PRId64, job->number,
			 clock_boot_ms() - start_ms);
}
