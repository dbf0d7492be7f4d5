/*
 * Open files: the user's, `status`, the other texts, and the outputs.
 */
#include "fs/kernel/ops.h"

#include "backend/base/cleanup.h"
#include "backend/media/store/view.h"
#include "fs/folder/edits.h"
#include "fs/announce/announce.h"
#include "fs/folder/control_word.h"
#include "fs/folder/access.h"
#include "fs/kernel/parked_reads.h"
#include "fs/kernel/ops_poll.h"
#include "fs/kernel/passthrough.h"
#include "fs/order/refused_saves.h"
#include "fs/folder/due_queue.h"
#include "fs/view/status_file.h"
#include "fs/view/virtual_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>

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

/* Files of another task come here, if only to be refused. */
static void note_copy(struct filesystem *fs, const struct node *node)
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
			note_copy(fs, handle->node);
			return -EACCES;
		}
	}
	if (handle->node->kind == VIRTUAL_VIDEO ||
	    handle->node->kind == VIRTUAL_LAST_FRAME)
		return open_output(fs, request, handle, info);
	/* Each read comes to us: so it is known who has read to the end (ops_poll.h). */
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

/* --- reading --- */

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
 * What a reader began to read it goes on with to its end, though the text changed
 * meanwhile: no mixture. Who reads on after the end (tail -f) gets what was added since.
 * Returns the length; the handle's lock is held.
 */
static size_t fill_status(struct filesystem *fs, struct handle *handle, off_t offset)
{
	size_t length = handle->text ? strlen(handle->text) : 0;
	bool is_end = handle->text && offset > 0 && (size_t)offset >= length;

	if (handle->text && offset > 0 && !(is_end && handle->polled.found_end))
		return length;
	free(handle->text);
	handle->text = status_file_text(fs, handle->node->number);
	return handle->text ? strlen(handle->text) : 0;
}

static void read_status(fuse_req_t request, struct filesystem *fs, struct handle *handle,
			size_t size, off_t offset)
{
	unsigned changes = announce_changes(fs->announce, handle->node->number);
	AUTOFREE char *bytes = NULL;
	size_t length;

	pthread_mutex_lock(&handle->lock);
	length = fill_status(fs, handle, offset);
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

/* --- writing --- */

/*
 * Appending is asked for with each write (`flags` RWF_APPEND), not by the descriptor: a
 * page of a shared mapping that is written back through it has its place.
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

/* The first write of a handle is the edit;
 * the further ones only keep the folder unquiet. */
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

	if (!r) /* the folder may have become a task's since it was opened */
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

/* A copied status or task.json becomes a file of the user's,
 * and its folder is no order. */
static int become_copy(struct filesystem *fs, struct handle *handle)
{
	const char *name = handle->node->kind == VIRTUAL_STATUS ? "status" : "task.json";
	struct node *folder = handle->node->folder;
	AUTOCLOSE int directory = nodes_open_directory(&fs->nodes, folder);
	int fd, r;

	if (directory < 0)
		return directory;
	/* First: from now on it cannot be ordered meanwhile. */
	r = backend_task_archive(fs->backend, handle->node->number);
	if (r) {
		note_copy(fs, handle->node);
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

/* Both texts that may be written: `status`, and what copies put in their place. */
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
		return -EPERM; /* only who pays may order */
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

/* --- closing --- */

/* What is written so far is judged once for each time it was written:
 * README.md, rule 9. */
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

/* --- the rest, as the filesystem below does it --- */

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

/* Virtual files are all data: archivers skip what is called a hole. */
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
			       EOPNOTSUPP); /* the copier reads and writes instead */
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
