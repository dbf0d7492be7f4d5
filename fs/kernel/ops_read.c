/* Reading open files: the user's, `status`, the other texts, and the outputs. */
#include "fs/kernel/ops.h"

#include "backend/base/cleanup.h"
#include "fs/announce/announce.h"
#include "fs/kernel/ops_poll.h"
#include "fs/kernel/parked_reads.h"
#include "fs/view/status_file.h"
#include "fs/view/virtual_files.h"

#include <errno.h>
#include <string.h>

static void read_user_file(fuse_req_t request, int fd, size_t size, off_t offset)
{
	AUTOFREE char *bytes = malloc(size ? size : 1);
	ssize_t got = bytes ? pread(fd, bytes, size, offset) : -1;

	if (got < 0)
		fuse_reply_err(request, bytes ? errno : ENOMEM);
	else
		fuse_reply_buf(request, bytes, (size_t)got);
}

static void read_text(fuse_req_t request, const char *text, size_t size, off_t offset)
{
	size_t length = strlen(text);

	if (offset < 0 || (size_t)offset >= length)
		size = 0;
	else if (size > length - (size_t)offset)
		size = length - (size_t)offset;
	fuse_reply_buf(request, size ? text + offset : NULL, size);
}

static void read_output(fuse_req_t request, struct filesystem *fs, struct media *media,
			size_t size, off_t offset)
{
	uint64_t length = backend_media_size(media);
	struct media_view view;
	int r;

	if (offset < 0 || (uint64_t)offset >= length) {
		fuse_reply_buf(request, NULL, 0);
		return;
	}
	if (size > length - (uint64_t)offset)
		size = (size_t)(length - (uint64_t)offset);
	r = backend_media_view(fs->backend, media, (uint64_t)offset, size, &view);
	if (!r) {
		fuse_reply_iov(request, view.parts, (int)view.count);
		media_view_clear(&view);
	} else if (r == -EAGAIN) {
		parked_reads_add(fs->parked, request, media, offset, size);
	} else {
		fuse_reply_err(request, -r);
	}
}

/*
 * Whether a read at `offset` starts a new text. A reader continues to the end of the text
 * that it started, even if the text changes meanwhile, so it never gets a mixture. A
 * reader that continues after the end (tail -f) gets what was added since. The handle's
 * lock is held.
 */
static bool begins_text(const struct handle *handle, off_t offset)
{
	bool is_end =
		handle->text && offset > 0 && (size_t)offset >= strlen(handle->text);

	return !handle->text || offset <= 0 || (is_end && handle->polled.found_end);
}

/*
 * The text that a read at `offset` starts; NULL: none. Rendering is not done under the
 * lock.
 */
static char *render_status(struct filesystem *fs, struct handle *handle, off_t offset)
{
	bool begins;

	pthread_mutex_lock(&handle->lock);
	begins = begins_text(handle, offset);
	pthread_mutex_unlock(&handle->lock);
	return begins ? status_file_text(fs, handle->node->number) : NULL;
}

/*
 * Gives the handle a text that was rendered for it, unless another read of the handle has
 * started one meanwhile. Returns the length. The handle's lock is held.
 */
static size_t take_text(struct handle *handle, off_t offset, char **fresh)
{
	if (*fresh && begins_text(handle, offset)) {
		free(handle->text);
		handle->text = TAKE(*fresh);
	}
	return handle->text ? strlen(handle->text) : 0;
}

static void read_status(fuse_req_t request, struct filesystem *fs, struct handle *handle,
			size_t size, off_t offset)
{
	unsigned changes = announce_changes(fs->announce, handle->node->number);
	AUTOFREE char *fresh = render_status(fs, handle, offset), *bytes = NULL;
	size_t length;

	pthread_mutex_lock(&handle->lock);
	length = take_text(handle, offset, &fresh);
	if (offset < 0 || (size_t)offset >= length)
		size = 0;
	else if (size > length - (size_t)offset)
		size = length - (size_t)offset;
	bytes = size ? malloc(size) : NULL;
	if (bytes)
		memcpy(bytes, handle->text + offset, size);
	polled_was_read(&handle->polled, changes, offset, size, length);
	pthread_mutex_unlock(&handle->lock);
	if (size && !bytes)
		fuse_reply_err(request, ENOMEM);
	else
		fuse_reply_buf(request, bytes, size);
}

void op_read(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset,
	     struct fuse_file_info *info)
{
	struct filesystem *fs = ops_fs(request);
	struct handle *handle = ops_handle(info);
	struct node *node = handle->node;

	(void)id;
	if (handle->fd >= 0)
		read_user_file(request, handle->fd, size, offset);
	else if (handle->media)
		read_output(request, fs, handle->media, size, offset);
	else if (node->text)
		read_text(request, node->text, size, offset);
	else
		read_status(request, fs, handle, size, offset);
}

/* Virtual files are all data: archivers skip holes. */
static off_t seek_virtual(struct filesystem *fs, struct handle *handle, off_t offset,
			  int whence)
{
	struct stat status;
	int r = virtual_stat(fs, handle->node, &status);

	if (r)
		return r;
	if (offset < 0 || offset >= status.st_size)
		return -ENXIO;
	return whence == SEEK_DATA ? offset : status.st_size;
}

void op_lseek(fuse_req_t request, fuse_ino_t id, off_t offset, int whence,
	      struct fuse_file_info *info)
{
	struct handle *handle = ops_handle(info);
	off_t at;

	(void)id;
	if (whence != SEEK_DATA && whence != SEEK_HOLE) {
		fuse_reply_err(request, EINVAL);
		return;
	}
	if (handle->fd < 0) {
		at = seek_virtual(ops_fs(request), handle, offset, whence);
	} else {
		at = lseek(handle->fd, offset, whence);
		at = at < 0 ? -errno : at;
	}
	if (at < 0)
		fuse_reply_err(request, (int)-at);
	else
		fuse_reply_lseek(request, at);
}
