#include "fs/order/output_link.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "fs/folder/folder.h"
#include "fs/tree/task_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Of two folders with the same mark, the one in the table is the task's. */
static bool is_its_folder(struct filesystem *fs, uint64_t number,
			  const struct stat *status)
{
	struct node *node = folder_node(fs, number);
	bool is_it =
		node && node->inode == status->st_ino && node->device == status->st_dev;

	if (node)
		nodes_unref(&fs->nodes, node, 1);
	return is_it;
}

/* The length of the common part of two paths, after the last component that both have. */
static size_t common_length(const char *a, const char *b)
{
	size_t common = 0, i = 0;

	for (; a[i] && a[i] == b[i]; i++)
		if (a[i] == '/')
			common = i + 1;
	if ((!a[i] || a[i] == '/') && (!b[i] || b[i] == '/'))
		common = i + (a[i] || b[i]);
	return common;
}

char *output_link_relative(const char *from, const char *to)
{
	AUTOBUFFER text = BUFFER_INIT(65536);
	size_t common = common_length(from, to);
	const char *up = strlen(from) > common ? from + common : "";
	const char *down = strlen(to) > common ? to + common : "";

	while (*up) {
		buffer_add(&text, text.size ? "/.." : "..");
		up += strcspn(up, "/");
		up += *up == '/';
	}
	buffer_addf(&text, "%s%s", text.size && *down ? "/" : "", down);
	return buffer_take(&text);
}

uint64_t output_link_task(struct filesystem *fs, const char *path)
{
	AUTOCLOSE int fd = tree_openat(&fs->tree, path, O_PATH | O_DIRECTORY);
	struct stat status;
	uint64_t number;

	if (fd < 0 || fstat(fd, &status) < 0 ||
	    task_mark_read(fd, backend_library_id(fs->backend), &number))
		return 0;
	return is_its_folder(fs, number, &status) ? number : 0;
}

int output_link_find(struct filesystem *fs, const char *path,
		     struct request_output_link *ret_shot)
{
	const char *slash = strrchr(path, '/');
	AUTOFREE char *folder = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	enum virtual_kind kind = name_virtual_kind(slash ? slash + 1 : path);

	if (!folder || (kind != VIRTUAL_VIDEO && kind != VIRTUAL_LAST_FRAME))
		return -ENOENT;
	ret_shot->output = kind == VIRTUAL_VIDEO ? OUTPUT_VIDEO : OUTPUT_LAST_FRAME;
	ret_shot->number = output_link_task(fs, folder);
	return ret_shot->number ? 0 : -ENOENT;
}
