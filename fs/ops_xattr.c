/*
 * Extended attributes: as the filesystem below has them, but for our own names. What
 * tasks show (shown.h) is read-only: copiers set it on copies, so that setting and
 * removing it succeeds and does nothing. The marks (mark.h) do not exist up here.
 */
#include "fs/ops.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/shown.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#define LIST_MAX_BYTES 65536

static bool is_shown(const char *name)
{
	return text_starts_with(name, SHOWN_XATTR_PREFIX);
}

static bool is_ours(const char *name)
{
	return text_starts_with(name, MARK_XATTR_PREFIX) || is_shown(name);
}

void op_setxattr(fuse_req_t request, fuse_ino_t id, const char *name, const char *value,
		 size_t size, int flags)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	AUTOCLOSE int fd = -1;
	int r = 0;

	if (!is_ours(name) && node->is_virtual) {
		r = -ENOTSUP;
	} else if (!is_ours(name)) {
		fd = nodes_open(&fs->nodes, node, O_PATH);
		r = fd < 0 ? fd : 0;
		if (!r && setxattr(tree_fd_path(fd).text, name, value, size, flags) < 0)
			r = -errno;
	}
	fuse_reply_err(request, -r);
}

static void reply_value(fuse_req_t request, const char *value, size_t got, size_t size)
{
	if (!size)
		fuse_reply_xattr(request, got);
	else if (got > size)
		fuse_reply_err(request, ERANGE);
	else
		fuse_reply_buf(request, value, got);
}

static void get_shown(fuse_req_t request, struct filesystem *fs, struct node *node,
		      const char *name, size_t size)
{
	AUTOFREE char *value = shown_value(fs, node, name, fuse_req_ctx(request)->uid);

	if (value)
		reply_value(request, value, strlen(value), size);
	else
		fuse_reply_err(request, ENODATA);
}

void op_getxattr(fuse_req_t request, fuse_ino_t id, const char *name, size_t size)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	AUTOFREE char *value = NULL;
	AUTOCLOSE int fd = -1;
	ssize_t got;

	if (is_shown(name)) {
		get_shown(request, fs, node, name, size);
		return;
	}
	if (node->is_virtual || is_ours(name)) {
		fuse_reply_err(request, ENODATA);
		return;
	}
	fd = nodes_open(&fs->nodes, node, O_PATH);
	value = size ? malloc(size) : NULL;
	if (fd < 0 || (size && !value)) {
		fuse_reply_err(request, fd < 0 ? -fd : ENOMEM);
		return;
	}
	got = getxattr(tree_fd_path(fd).text, name, value, size);
	if (got < 0)
		fuse_reply_err(request, errno);
	else
		reply_value(request, value, (size_t)got, size);
}

/* Takes our names out of a list of NUL-ended names; its new size. */
static size_t hide_ours(char *list, size_t size)
{
	size_t kept = 0;

	for (size_t at = 0; at < size;) {
		size_t length = strlen(list + at) + 1;

		if (!is_ours(list + at)) {
			memmove(list + kept, list + at, length);
			kept += length;
		}
		at += length;
	}
	return kept;
}

/* The names that the file has below: their size, or -errno. */
static ssize_t list_below(struct filesystem *fs, struct node *node, char *list)
{
	AUTOCLOSE int fd = -1;
	ssize_t got;

	if (node->is_virtual)
		return 0;
	fd = nodes_open(&fs->nodes, node, O_PATH);
	if (fd < 0)
		return fd;
	got = listxattr(tree_fd_path(fd).text, list, LIST_MAX_BYTES);
	if (got < 0)
		return errno == ENOTSUP ? 0 : -errno; /* a filesystem without them */
	return (ssize_t)hide_ours(list, (size_t)got);
}

void op_listxattr(fuse_req_t request, fuse_ino_t id, size_t size)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	AUTOFREE char *list = malloc(LIST_MAX_BYTES + SHOWN_NAMES_MAX_BYTES);
	ssize_t got = list ? list_below(fs, node, list) : -ENOMEM;

	if (got < 0) {
		fuse_reply_err(request, (int)-got);
		return;
	}
	got += (ssize_t)shown_names(fs, node, fuse_req_ctx(request)->uid, list + got);
	reply_value(request, list, (size_t)got, size);
}

void op_removexattr(fuse_req_t request, fuse_ino_t id, const char *name)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	AUTOCLOSE int fd = -1;
	int r = 0;

	if (is_shown(name) || node->is_virtual || is_ours(name)) {
		fuse_reply_err(request, is_shown(name) ? 0 : ENODATA);
		return;
	}
	fd = nodes_open(&fs->nodes, node, O_PATH);
	if (fd < 0)
		r = -fd;
	else if (removexattr(tree_fd_path(fd).text, name) < 0)
		r = errno;
	fuse_reply_err(request, r);
}
