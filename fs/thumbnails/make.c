/*
 * Making a task's thumbnails: from its outputs to pictures in the cache.
 */
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "fs/folder/filesystem.h"
#include "fs/folder/folder.h"
#include "fs/order/settle.h"
#include "fs/thumbnails/thumbnails_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define WALK_MS 2000 /* wait after a start, while folders are not known yet */

char *thumbnails_shown_path(const struct filesystem *fs, const char *folder,
			    const char *name)
{
	return text_format("%s/%s%s%s", fs->tree.mounted_at, folder, *folder ? "/" : "",
			   name);
}

static char *find_folder(struct filesystem *fs, uint64_t number)
{
	struct node *node = folder_node(fs, number);
	char *path = node ? nodes_path(&fs->nodes, node) : NULL;

	if (node)
		nodes_unref(&fs->nodes, node, 1);
	return path;
}

char *thumbnails_folder(struct filesystem *fs, uint64_t number)
{
	char *path = find_folder(fs, number);

	return path || !settler_wait_walk(fs->settler, WALK_MS) ? path
								: find_folder(fs, number);
}

/* An input keeps its name: fs/README.md, "Outputs never overwrite". */
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

char *thumbnails_output_path(const struct filesystem *fs, const char *folder,
			     enum output_kind kind)
{
	return thumbnails_shown_path(fs, folder, name_of(fs, folder, kind));
}

static int put_all(struct thumbnails *thumbnails, const struct output *output,
		   const char *file, const char *mime_type,
		   const struct thumbnail_pictures *pictures, bool is_kept)
{
	unsigned valid =
		is_kept ? thumbnail_cache_look(&thumbnails->cache, file, output->mtime)
			: 0;
	struct thumbnail thumbnail = { .file = file,
				       .mime_type = mime_type,
				       .mtime_s = output->mtime,
				       .size_bytes = output->size };
	int r = 0;

	for (size_t size = 0; !r && size < THUMBNAIL_SIZES; size++) {
		if (valid & (1u << size | THUMBNAIL_FAILED))
			continue;
		thumbnail.png = pictures->png[size];
		thumbnail.png_bytes = pictures->bytes[size];
		r = thumbnail_cache_put(&thumbnails->cache, size, &thumbnail);
	}
	return r;
}

/* Stores the same picture for the video and its last frame. */
static int put_outputs(struct thumbnails *thumbnails, const struct task_view *view,
		       const char *folder, const struct thumbnail_pictures *pictures,
		       bool is_kept)
{
	static const char *const mime_types[] = { "video/mp4", "image/png" };
	int r = 0;

	for (int i = 0; !r && i < OUTPUT_COUNT; i++) {
		enum output_kind kind = (enum output_kind)i;
		AUTOFREE char *file = NULL;

		if (!thumbnails_is_shown(view, kind))
			continue;
		file = thumbnails_output_path(thumbnails->fs, folder, kind);
		r = file ? put_all(thumbnails, &view->outputs[kind], file,
				   mime_types[kind], pictures, is_kept)
			 : -ENOMEM;
	}
	return r;
}

static int draw(struct thumbnails *thumbnails, const struct task_view *view,
		enum output_kind kind, struct thumbnail_effort *effort,
		struct thumbnail_pictures *pictures)
{
	struct backend *backend = thumbnails->fs->backend;
	struct media *media;
	int r;

	/*
	 * A last frame is read completely, so fetching only a part of it would be
	 * useless.
	 */
	if (kind == OUTPUT_LAST_FRAME &&
	    view->outputs[kind].size - backend_media_kept(backend, view, kind) >
		    effort->fetch_bytes)
		return -EDQUOT;
	r = backend_media_open(backend, view->number, kind, view->outputs[kind].version,
			       &media);

	if (r)
		return r;
	r = thumbnail_maker_run(&thumbnails->maker, media, effort, pictures);
	backend_media_leave(backend, media);
	return r;
}

int thumbnails_make(struct thumbnails *thumbnails, const struct task_view *view,
		    const char *folder, struct thumbnail_effort *effort, bool is_kept)
{
	static const enum output_kind sources[] = { OUTPUT_LAST_FRAME, OUTPUT_VIDEO };
	bool is_lacking = false;
	int r = -ENODATA;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct thumbnail_pictures pictures = { 0 };

		if (!thumbnails_is_shown(view, sources[i]))
			continue;
		r = draw(thumbnails, view, sources[i], effort, &pictures);
		if (!r) {
			r = put_outputs(thumbnails, view, folder, &pictures, is_kept);
			thumbnails->is_idle_over = r && r != -ENOMEM;
		}
		thumbnail_pictures_clear(&pictures);
		is_lacking = is_lacking || r == -EDQUOT;
		if (r != -EINVAL && r != -EDQUOT)
			break;
	}
	return r == -EINVAL && is_lacking ? -EDQUOT : r;
}

static const char *reason_of(int r)
{
	switch (r) {
	case -ENOEXEC:
		return "seedance-thumbnailer is not installed";
	case -ETIMEDOUT:
		return "timed out";
	case -EINVAL:
		return "not an image or video of a known type";
	default:
		return strerror(-r);
	}
}

void thumbnails_complain(struct thumbnails *thumbnails, uint64_t number, int r)
{
	if (r == -ECANCELED || r == -ESTALE)
		return; /* the mount ends, or the output was replaced */
	if (r == -ENOEXEC)
		thumbnails->is_idle_over = true;
	if (r != -ENOEXEC || thumbnails->has_complained) {
		log_info("event=no_thumbnails task=%" PRIu64 " reason=\"%s\"", number,
			 reason_of(r));
		return;
	}
	thumbnails->has_complained = true;
	log_warn("event=no_thumbnails task=%" PRIu64 " reason=\"%s\"", number,
		 reason_of(r));
}

int thumbnails_set_folder(struct thumbnails *thumbnails, uint64_t number,
			  const char *folder)
{
	struct known *known = thumbnails_know(thumbnails, number);

	if (!known)
		return -ENOMEM;
	text_set(&known->folder, folder);
	return known->folder ? 0 : -ENOMEM;
}

int thumbnails_note_result(struct thumbnails *thumbnails, const struct task_view *view,
			   const char *folder, int r)
{
	AUTOVIEW *now = backend_task_view(thumbnails->fs->backend, view->number);
	struct known *known = thumbnails_find(thumbnails, view->number);

	if (known && (!r || r == -EINVAL))
		thumbnails_note(known, view);
	else if (known && now)
		thumbnails_note_lack(known, now);
	thumbnails_take_back(thumbnails, view, now, folder);
	return r;
}

void thumbnails_run_make(struct thumbnails *thumbnails, const struct job *job)
{
	struct filesystem *fs = thumbnails->fs;
	AUTOVIEW *view = backend_task_view(fs->backend, job->number);
	AUTOFREE char *folder = NULL;
	struct thumbnail_effort effort = { .fetch_bytes = UINT64_MAX };
	int64_t start_ms = clock_boot_ms();
	int r;

	if (!view || view->is_removed)
		return;
	folder = thumbnails_folder(fs, job->number);
	if (!folder || thumbnails_set_folder(thumbnails, job->number, folder))
		return;
	r = thumbnails_make(thumbnails, view, folder, &effort, false);
	thumbnails_note_result(thumbnails, view, folder, r);
	if (r)
		thumbnails_complain(thumbnails, job->number, r);
	else
		log_info("event=thumbnails task=%" PRIu64 " ms=%" PRId64, job->number,
			 clock_boot_ms() - start_ms);
}
