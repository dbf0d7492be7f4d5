/* Opening and closing files: the user's, `status`, the other texts, and the outputs. */
#include "fs/kernel/ops.h"

#include "backend/base/cleanup.h"
#include "fs/folder/edits.h"
#include "fs/announce/announce.h"
#include "fs/folder/access.h"
#include "fs/kernel/parked_reads.h"
#include "fs/kernel/passthrough.h"
#include "fs/order/refused_saves.h"

#include <errno.h>
#include <fcntl.h>

/* --- opening --- */

static int open_output(struct filesystem *fs, fuse_req_t request, struct handle *handle,
		       struct fuse_file_info *info)
{
	struct node *node = handle->node;
	enum output_kind kind =
		node->kind == VIRTUAL_VIDEO ? OUTPUT_VIDEO : OUTPUT_LAST_FRAME;

	int r = backend_media_open(fs->backend, node->number, kind, node->version,
				   &handle->media);

	if (r)
		return r;
	announce_watch(fs->announce, node->number);
	info->keep_cache = 1; /* this inode's bytes never change */
	passthrough_open(fs, request, handle, info);
	return 0;
}

/* Called even when the copied file is refused. */
void ops_note_copy(struct filesystem *fs, const struct node *node)
{
	if (node->kind == VIRTUAL_STATUS || node->kind == VIRTUAL_TASK_JSON ||
	    node->kind == VIRTUAL_VIDEO)
		edits_copy_came(fs, node->number);
}

static int open_virtual(struct filesystem *fs, fuse_req_t request, struct handle *handle,
			struct fuse_file_info *info)
{
	if (handle->may_write || info->flags & O_TRUNC) {
		if (!access_is_owner(fs, handle->uid))
			return -EACCES;
		if (!ops_may_cover(fs, handle->node)) {
			ops_note_copy(fs, handle->node);
			return -EACCES;
		}
	}
	if (handle->node->kind == VIRTUAL_VIDEO ||
	    handle->node->kind == VIRTUAL_LAST_FRAME)
		return open_output(fs, request, handle, info);
	/*
	 * Each read reaches the daemon, which must know when a reader has reached the end
	 * (ops_poll.h).
	 */
	if (handle->node->kind == VIRTUAL_STATUS)
		info->direct_io = 1;
	return 0;
}

static int open_user_file(struct filesystem *fs, struct handle *handle, int flags)
{
	bool changes = handle->may_write || flags & O_TRUNC;
	AUTOEDITS edits = { 0 };
	int r = 0, fd;

	if (changes)
		r = access_check_content(fs, handle->node, handle->uid);
	if (!r && changes)
		r = edits_check_open(fs, handle->node);
	if (!r && flags & O_TRUNC)
		r = edits_before_change(fs, handle->node, &edits);
	if (r)
		return r;
	if (flags & O_TRUNC) {
		refused_saves_begin(fs, handle->node);
		copy_detect(&fs->nodes, &(struct copy_event){ .action = COPY_REWROTE,
							      .node = handle->node });
	}
	fd = nodes_open_named(&fs->nodes, handle->node,
			      flags & ~(O_CREAT | O_EXCL | O_DIRECT | O_NOCTTY |
					O_NOFOLLOW | O_APPEND));
	if (fd < 0)
		return fd;
	handle_set_fd(fs, handle, fd);
	return 0;
}

void op_open(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	const struct fuse_ctx *context = fuse_req_ctx(request);
	struct handle *handle;
	bool counts;
	int r;

	if (announce_is_ours(fs->announce, context->pid)) {
		announced_open(request, node, info);
		return;
	}
	handle = handle_create(fs, node);
	if (!handle) {
		fuse_reply_err(request, ENOMEM);
		return;
	}
	handle->may_write = (info->flags & O_ACCMODE) != O_RDONLY;
	handle->uid = context->uid;
	counts = handle->may_write && !node->is_virtual;
	if (node->is_virtual && node->folder)
		ops_copy_event(request, COPY_OPENED, node->folder, NULL);
	if (node->is_virtual)
		r = open_virtual(fs, request, handle, info);
	else
		r = open_user_file(fs, handle, info->flags);
	if (r) {
		handle_destroy(fs, handle);
		fuse_reply_err(request, -r);
		return;
	}
	if (counts)
		nodes_count_writer(&fs->nodes, node, 1, context->pid);
	info->fh = (uintptr_t)handle;
	if (fuse_reply_open(request, info) == -ENOENT) {
		if (counts)
			nodes_count_writer(&fs->nodes, node, -1, 0);
		passthrough_close(fs, NULL, handle);
		handle_destroy(fs, handle);
	}
}

/* --- closing --- */

/* Judges new content once: fs/README.md, "Bad input". */
static int judge_dirty(struct filesystem *fs, struct handle *handle)
{
	bool is_dirty;

	pthread_mutex_lock(&handle->lock);
	is_dirty = handle->is_dirty;
	handle->is_dirty = false;
	pthread_mutex_unlock(&handle->lock);
	return is_dirty && !handle->node->is_virtual
		       ? refused_saves_judge(fs, handle->node)
		       : 0;
}

void op_flush(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info)
{
	struct filesystem *fs = ops_fs(request);
	struct handle *handle = ops_handle(info);
	int r = 0;

	(void)id;
	if (handle->media)
		parked_reads_reap(fs->parked);
	else if (handle->may_write)
		r = judge_dirty(fs, handle);
	fuse_reply_err(request, -r);
}

void op_release(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info)
{
	struct filesystem *fs = ops_fs(request);
	struct handle *handle = ops_handle(info);
	bool has_edited;

	(void)id;
	if (handle->media)
		announce_watch(fs->announce, handle->node->number);
	pthread_mutex_lock(&handle->lock);
	has_edited = handle->has_edited;
	pthread_mutex_unlock(&handle->lock);
	if (handle->may_write && !handle->node->is_virtual) {
		nodes_count_writer(&fs->nodes, handle->node, -1, 0);
		if (has_edited)
			edits_note(fs, handle->node);
		else
			edits_closed(fs, handle->node);
	}
	passthrough_close(fs, request, handle);
	handle_destroy(fs, handle);
	fuse_reply_err(request, 0);
}
