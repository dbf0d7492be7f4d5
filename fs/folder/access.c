#include "fs/folder/access.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/folder/folder.h"
#include "fs/tree/path.h"

#include <errno.h>
#include <string.h>

#define ROOT_UID 0

bool access_is_owner(const struct filesystem *fs, uid_t uid)
{
	return uid == fs->owner || uid == ROOT_UID;
}

/* --- names and contents --- */

/* A name that triggers an order, or changes the orders below it. */
static bool name_orders(const char *name)
{
	return name_is_trigger(name) || name_is_defaults(name);
}

int access_check_name(struct filesystem *fs, struct node *directory, int fd,
		      const char *name, uid_t uid)
{
	if (access_is_owner(fs, uid))
		return 0;
	return name_orders(name) || folder_number_at(fs, directory, fd) ? -EACCES : 0;
}

int access_check_new(struct filesystem *fs, struct node *directory, int fd,
		     const char *name, uid_t uid)
{
	if (!fs->is_root && !access_is_owner(fs, uid))
		return -EACCES;
	return access_check_name(fs, directory, fd, name, uid);
}

struct look {
	struct filesystem *fs;
	int result;
};

static void look_at_name(void *context, struct node *parent, const char *name)
{
	struct look *look = context;

	if (name_orders(name) || folder_number(look->fs, parent))
		look->result = -EACCES;
}

int access_check_content(struct filesystem *fs, struct node *node, uid_t uid)
{
	struct look look = { .fs = fs };

	if (!access_is_owner(fs, uid))
		nodes_each_name(&fs->nodes, node, look_at_name, &look);
	return look.result;
}

/* --- directories --- */

struct search {
	struct filesystem *fs;
	const char *top; /* its path */
	int result;
};

static void look_at_task(void *context, struct task_view *view)
{
	struct search *search = context;
	struct filesystem *fs = search->fs;
	struct node *folder = view->is_removed ? NULL : folder_node(fs, view->number);
	AUTOFREE char *path = folder ? nodes_path(&fs->nodes, folder) : NULL;

	if (path && path_is_at_or_below(path, search->top))
		search->result = -EACCES;
	if (folder)
		nodes_unref(&fs->nodes, folder, 1);
}

int access_check_directory(struct filesystem *fs, struct node *parent, const char *name,
			   uid_t uid)
{
	AUTOFREE char *above = NULL, *path = NULL;
	struct search search = { .fs = fs };

	if (access_is_owner(fs, uid))
		return 0;
	if (!atomic_load(&fs->folders->is_walked))
		return -EAGAIN; /* not every task's folder is known yet */
	above = nodes_path(&fs->nodes, parent);
	path = above ? text_format("%s%s%s", above, *above ? "/" : "", name) : NULL;
	if (!path)
		return -ESTALE;
	search.top = path;
	backend_task_each(fs->backend, look_at_task, &search);
	return search.result;
}
