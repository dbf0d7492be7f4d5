/*
 * How much of an output is on disk, for listings of folders, which ask repeatedly about
 * files that are not open and do not change. So it is looked up once and remembered until
 * the file is opened.
 */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <inttypes.h>

uint64_t media_look(struct backend *backend, uint64_t number, enum output_kind kind,
		    uint32_t version, uint64_t size, const char *etag)
{
	AUTOFREE char *file = media_file_name(kind, version);
	AUTOFREE char *name = file ? text_format("%" PRIu64 "/%s", number, file) : NULL;

	return name ? media_file_look(backend->media_directory, name, size, etag) : 0;
}

static struct kept_memo *memo_of(struct backend *backend, uint64_t number,
				 enum output_kind kind)
{
	return &backend->streaming->kept[(number * OUTPUT_COUNT + kind) %
					 ARRAY_SIZE(backend->streaming->kept)];
}

static bool is_of(const struct kept_memo *memo, uint64_t number, enum output_kind kind,
		  uint32_t version)
{
	return memo->number == number && memo->kind == kind && memo->version == version;
}

void media_kept_forget(const struct media *media)
{
	struct kept_memo *memo = memo_of(media->backend, media->number, media->kind);

	media->backend->streaming->kept_changes++;
	if (is_of(memo, media->number, media->kind, media->version))
		*memo = (struct kept_memo){ 0 };
}

/*
 * The remembered value. False: none; *ret_changes then shows whether a value found on
 * disk is still valid afterwards.
 */
static bool recall(struct backend *backend, uint64_t number, enum output_kind kind,
		   uint32_t version, uint64_t *ret_bytes, uint64_t *ret_changes)
{
	SCOPED_LOCK(&backend->streaming->lock);
	const struct media *media = media_find(backend, number, kind, version);
	const struct kept_memo *memo = memo_of(backend, number, kind);

	*ret_changes = backend->streaming->kept_changes;
	if (media)
		*ret_bytes = media_file_kept(media->file);
	else if (is_of(memo, number, kind, version))
		*ret_bytes = memo->bytes;
	else
		return false;
	return true;
}

static void remember(struct backend *backend, const struct kept_memo *found,
		     uint64_t changes)
{
	SCOPED_LOCK(&backend->streaming->lock);

	if (backend->streaming->kept_changes == changes)
		*memo_of(backend, found->number, found->kind) = *found;
}

uint64_t backend_media_kept(struct backend *backend, const struct task_view *view,
			    enum output_kind kind)
{
	const struct output *output = &view->outputs[kind];
	struct kept_memo found = { .number = view->number,
				   .kind = kind,
				   .version = output->version };
	uint64_t changes, bytes;

	if (!output->is_ready)
		return 0;
	if (recall(backend, found.number, kind, found.version, &bytes, &changes))
		return bytes;
	found.bytes = media_look(backend, found.number, kind, found.version, output->size,
				 output->etag);
	remember(backend, &found, changes);
	return found.bytes;
}
