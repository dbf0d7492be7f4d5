#include "fs/order/reorder_guard.h"

#include "backend/base/cleanup.h"
#include "fs/folder/folder.h"

#include <string.h>

struct search {
	struct filesystem *fs;
	uint64_t number;
	const char *path, *digest;
	char *found;
};

static bool has_folder(struct filesystem *fs, uint64_t number)
{
	struct node *node = folder_node(fs, number);
	AUTOCLOSE int fd = node ? nodes_open_directory(&fs->nodes, node) : -1;

	if (node)
		nodes_unref(&fs->nodes, node, 1);
	return fd >= 0;
}

static void look_at(void *context, struct task_view *view)
{
	struct search *search = context;

	if (search->found || view->number == search->number || view->is_removed ||
	    view->state == TASK_INVALID || strcmp(view->digest, search->digest) != 0 ||
	    !view->place.path || strcmp(view->place.path, search->path) != 0 ||
	    has_folder(search->fs, view->number))
		return;
	search->found = strdup(view->remote_id ? view->remote_id : "");
}

char *reorder_guard_find(struct filesystem *fs, uint64_t number, const char *path,
			 const char *digest)
{
	struct search search = { fs, number, path, digest, NULL };

	backend_task_each(fs->backend, look_at, &search);
	return search.found;
}
