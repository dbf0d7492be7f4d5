/* Writing open files: the user's, and control words for `status`. */
#include "fs/kernel/ops.h"

#include "backend/base/cleanup.h"
#include "fs/folder/access.h"
#include "fs/folder/control_word.h"
#include "fs/folder/due_queue.h"
#include "fs/folder/edits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>

/*
 * Each write states whether it appends (`flags` RWF_APPEND); the descriptor does not,
 * because pages of a shared mapping are written back through it at their own offset.
 */
static int write_all(int fd, const char *bytes, size_t size, off_t offset, int flags)
{
	size_t done = 0;

	while (done < size) {
		struct iovec rest = { (void *)(bytes + done), size - done };
		ssize_t n = pwritev2(fd, &rest, 1, offset + (off_t)done, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return done ? (int)done : -errno;
		done += (size_t)n;
	}
	return (int)done;
}

/*
 * A handle's first write counts as the edit; later ones only mark the folder as active.
 */
static int announce_write(struct filesystem *fs, struct handle *handle,
			  struct edits *edits)
{
	bool is_first;
	int r = 0;

	pthread_mutex_lock(&handle->lock);
	is_first = !handle->has_edited;
	pthread_mutex_unlock(&handle->lock);
	if (is_first)
		r = edits_before_change(fs, handle->node, edits);
	else
		edits_note(fs, handle->node);
	return r;
}

static int write_user_file(struct filesystem *fs, struct handle *handle,
			   const char *bytes, size_t size, off_t offset, int flags,
			   uid_t uid)
{
	AUTOEDITS edits = { 0 };
	int r = access_check_content(fs, handle->node, uid), done;

	if (!r) /* the folder may have become a task's folder since the open */
		r = announce_write(fs, handle, &edits);
	if (r)
		return r;
	done = write_all(handle->fd, bytes, size, offset, flags);
	if (done <= 0)
		return done;
	pthread_mutex_lock(&handle->lock);
	handle->has_edited = handle->is_dirty = true;
	pthread_mutex_unlock(&handle->lock);
	r = edits_after_change(fs, handle->node, uid);
	return r ? r : done;
}

static int carry_out(struct filesystem *fs, const struct node *status,
		     const struct control_word *control)
{
	uint64_t number = status->number;
	int r;

	if (!strcmp(control->word, "submit"))
		r = backend_task_release(fs->backend, number);
	else
		r = backend_task_control(fs->backend, number, control->word,
					 *control->argument ? control->argument : NULL);
	if (!r && (!strcmp(control->word, "submit") || !strcmp(control->word, "retry"))) {
		copy_detect(&fs->nodes, &(struct copy_event){ .action = COPY_DECIDED,
							      .node = status->folder });
		due_now(fs, number);
	}
	return r;
}

/*
 * A copied status or task.json becomes a user's file, and its folder is no longer an
 * order.
 */
static int become_copy(struct filesystem *fs, struct handle *handle)
{
	const char *name = handle->node->kind == VIRTUAL_STATUS ? "status" : "task.json";
	struct node *folder = handle->node->folder;
	AUTOCLOSE int directory = nodes_open_directory(&fs->nodes, folder);
	int fd, r;

	if (directory < 0)
		return directory;
	/* This comes first, so that the folder cannot be ordered meanwhile. */
	r = backend_task_archive(fs->backend, handle->node->number);
	if (r) {
		ops_note_copy(fs, handle->node);
		return -EINVAL;
	}
	fd = openat(directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		    handle->node->kind == VIRTUAL_STATUS ? 0644 : 0600);
	if (fd < 0)
		return -errno;
	pthread_mutex_lock(&handle->lock);
	if (handle->fd < 0)
		handle->fd = take_fd(&fd);
	pthread_mutex_unlock(&handle->lock);
	cleanup_close(&fd);
	return 0;
}

/* Handles a write to `status`, or to a task.json that a copier may replace. */
static int write_text(struct filesystem *fs, struct handle *handle, const char *bytes,
		      size_t size, off_t offset, uid_t uid)
{
	struct control_word control = { 0 };
	int r = 0;

	if (handle->node->kind == VIRTUAL_TASK_JSON)
		control.is_copy = true;
	else
		r = control_word_parse(bytes, size, &control);
	if (r == -ENODATA)
		return (int)size;
	if (r)
		return r;
	if (!access_is_owner(fs, uid))
		return -EPERM; /* only the paying owner may order */
	if (control.is_copy) {
		r = become_copy(fs, handle);
		return r ? r : write_all(handle->fd, bytes, size, offset, 0);
	}
	r = carry_out(fs, handle->node, &control);
	return r ? r : (int)size;
}

void op_write(fuse_req_t request, fuse_ino_t id, const char *bytes, size_t size,
	      off_t offset, struct fuse_file_info *info)
{
	struct filesystem *fs = ops_fs(request);
	struct handle *handle = ops_handle(info);
	uid_t uid = info->writepage ? handle->uid : fuse_req_ctx(request)->uid;
	int flags = info->flags & O_APPEND && !info->writepage ? RWF_APPEND : 0;
	int r;

	(void)id;
	if (handle->node->is_virtual && handle->fd < 0)
		r = write_text(fs, handle, bytes, size, offset, uid);
	else if (handle->node->is_virtual)
		r = write_all(handle->fd, bytes, size, offset, 0);
	else
		r = write_user_file(fs, handle, bytes, size, offset, flags, uid);
	if (r < 0)
		fuse_reply_err(request, -r);
	else
		fuse_reply_write(request, (size_t)r);
}

/* --- passed on to the filesystem below --- */

void op_fsync(fuse_req_t request, fuse_ino_t id, int data_only,
	      struct fuse_file_info *info)
{
	int fd = ops_handle(info)->fd;
	int r = fd < 0 ? 0 : data_only ? fdatasync(fd) : fsync(fd);

	(void)id;
	fuse_reply_err(request, r < 0 ? errno : 0);
}

void op_fallocate(fuse_req_t request, fuse_ino_t id, int mode, off_t offset, off_t length,
		  struct fuse_file_info *info)
{
	struct filesystem *fs = ops_fs(request);
	struct handle *handle = ops_handle(info);
	AUTOEDITS edits = { 0 };
	int r;

	(void)id;
	if (handle->fd < 0) {
		fuse_reply_err(request, EOPNOTSUPP);
		return;
	}
	r = access_check_content(fs, handle->node, fuse_req_ctx(request)->uid);
	if (!r)
		r = edits_before_change(fs, handle->node, &edits);
	if (!r && fallocate(handle->fd, mode, offset, length) < 0)
		r = -errno;
	if (!r)
		r = edits_after_change(fs, handle->node, fuse_req_ctx(request)->uid);
	fuse_reply_err(request, -r);
}

void op_copy_file_range(fuse_req_t request, fuse_ino_t from, off_t from_offset,
			struct fuse_file_info *from_info, fuse_ino_t to, off_t to_offset,
			struct fuse_file_info *to_info, size_t size, int flags)
{
	struct filesystem *fs = ops_fs(request);
	struct handle *source = ops_handle(from_info), *target = ops_handle(to_info);
	AUTOEDITS edits = { 0 };
	ssize_t copied = 0;
	int r = 0;

	(void)from;
	(void)to;
	if (source->fd < 0 || target->fd < 0) {
		fuse_reply_err(request,
			       EOPNOTSUPP); /* the copier falls back to read and write */
		return;
	}
	if (!target->node->is_virtual)
		r = access_check_content(fs, target->node, fuse_req_ctx(request)->uid);
	if (!r && !target->node->is_virtual)
		r = edits_before_change(fs, target->node, &edits);
	if (!r) {
		copied = copy_file_range(source->fd, &from_offset, target->fd, &to_offset,
					 size, (unsigned)flags);
		r = copied < 0 ? -errno : 0;
	}
	if (!r && copied && !target->node->is_virtual)
		r = edits_after_change(fs, target->node, fuse_req_ctx(request)->uid);
	if (!r && copied) {
		pthread_mutex_lock(&target->lock);
		target->has_edited = target->is_dirty = true;
		pthread_mutex_unlock(&target->lock);
	}
	if (r)
		fuse_reply_err(request, -r);
	else
		fuse_reply_write(request, (size_t)copied);
}
