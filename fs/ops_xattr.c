/*
 * Extended attributes: as the filesystem below has them, but for our own names.
 */
#include "fs/ops.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#define LIST_MAX_BYTES 65536

static bool is_ours(const char *name)
{
	return text_starts_with(name, MARK_XATTR_PREFIX) ||
	       text_starts_with(name, SHOWN_XATTR_PREFIX);
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

void op_getxattr(fuse_req_t request, fuse_ino_t id, const char *name, size_t size)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	AUTOFREE char *value = size ? malloc(size) : NULL;
	AUTOCLOSE int fd = -1;
	ssize_t got;

	if (node->is_virtual || is_ours(name)) {
		fuse_reply_err(request, ENODATA);
		return;
	}
	fd = nodes_open(&fs->nodes, node, O_PATH);
	if (fd < 0 || (size && !value)) {
		fuse_reply_err(request, fd < 0 ? -fd : ENOMEM);
		return;
	}
	got = getxattr(tree_fd_path(fd).text, name, value, size);
	if (got < 0)
		fuse_reply_err(request, errno);
	else if (size)
		fuse_reply_buf(request, value, (size_t)got);
	else
		fuse_reply_xattr(request, (size_t)got);
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

void op_listxattr(fuse_req_t request, fuse_ino_t id, size_t size)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	AUTOFREE char *list = malloc(LIST_MAX_BYTES);
	AUTOCLOSE int fd = -1;
	ssize_t got = 0;

	if (!list) {
		fuse_reply_err(request, ENOMEM);
		return;
	}
	if (!node->is_virtual) {
		fd = nodes_open(&fs->nodes, node, O_PATH);
		got = fd < 0 ? -1
			     : listxattr(tree_fd_path(fd).text, list, LIST_MAX_BYTES);
		if (got < 0) {
			fuse_reply_err(request, fd < 0 ? -fd : errno);
			return;
		}
		got = (ssize_t)hide_ours(list, (size_t)got);
	}
	if (!size)
		fuse_reply_xattr(request, (size_t)got);
	else if ((size_t)got > size)
		fuse_reply_err(request, ERANGE);
	else
		fuse_reply_buf(request, list, (size_t)got);
}

void op_removexattr(fuse_req_t request, fuse_ino_t id, const char *name)
{
	struct filesystem *fs = ops_fs(request);
	struct node *node = ops_node(fs, id);
	AUTOCLOSE int fd = -1;
	int r = 0;

	if (node->is_virtual || is_ours(name)) {
		fuse_reply_err(request, ENODATA);
		return;
	}
	fd = nodes_open(&fs->nodes, node, O_PATH);
	if (fd < 0)
		r = -fd;
	else if (removexattr(tree_fd_path(fd).text, name) < 0)
		r = errno;
	fuse_reply_err(request, r);
}
