/* The files of media on disk: their names, their directories, and their removal. */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

char *media_file_name(enum output_kind kind, uint32_t version)
{
	return text_format("%s.%" PRIu32, kind == OUTPUT_VIDEO ? "video" : "last_frame",
			   version);
}

static int open_directory(struct backend *backend, const char *name)
{
	int fd = openat(backend->media_directory, name,
			O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

/*
 * An existing directory is opened without a change to the filesystem, which could wait.
 */
int media_task_directory(struct backend *backend, uint64_t number)
{
	AUTOFREE char *name = text_format("%" PRIu64, number);
	int fd = name ? open_directory(backend, name) : -ENOMEM;

	if (fd != -ENOENT)
		return fd;
	if (mkdirat(backend->media_directory, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	return open_directory(backend, name);
}

int media_open_bytes(struct media *media)
{
	AUTOFREE char *name = media_file_name(media->kind, media->version);
	AUTOCLOSE int directory = media_task_directory(media->backend, media->number);
	int fd;

	if (!name || directory < 0)
		return name ? directory : -ENOMEM;
	fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* --- dropping --- */

static void remove_version(int directory, enum output_kind kind, uint32_t version)
{
	AUTOFREE char *name = media_file_name(kind, version);
	AUTOFREE char *map = name ? text_format("%s.map", name) : NULL;

	if (!map)
		return;
	unlinkat(directory, name, 0);
	unlinkat(directory, map, 0);
}

/*
 * The files are about to be removed: open readers continue, everything else lets go of
 * them.
 */
static void close_dropped(struct backend *backend, uint64_t number, enum output_kind kind)
{
	struct media *next;

	for (struct media *media = media_first(backend); media; media = next) {
		next = media->next;
		if (media->number != number ||
		    (kind != OUTPUT_COUNT && media->kind != kind))
			continue;
		media->is_dropped = true;
		media->wants_all = media->needs_sync = false;
		media_close_unused(media);
	}
}

void media_drop(struct backend *backend, uint64_t number, enum output_kind kind)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);
	AUTOFREE char *name = text_format("%" PRIu64, number);
	AUTOCLOSE int directory =
		name ? openat(backend->media_directory, name,
			      O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
		     : -1;

	close_dropped(backend, number, kind);
	if (directory < 0 || !view)
		return;
	for (int i = 0; i < OUTPUT_COUNT; i++)
		if (kind == OUTPUT_COUNT || (int)kind == i)
			for (uint32_t version = 1;
			     version <= view->outputs[i].version + 1; version++)
				remove_version(directory, (enum output_kind)i, version);
	if (kind == OUTPUT_COUNT)
		unlinkat(backend->media_directory, name, AT_REMOVEDIR);
}

void media_drop_older(struct backend *backend, uint64_t number, enum output_kind kind,
		      uint32_t version)
{
	AUTOCLOSE int directory =
		version > 1 ? media_task_directory(backend, number) : -1;

	for (uint32_t older = 1; directory >= 0 && older < version; older++)
		remove_version(directory, kind, older);
}
