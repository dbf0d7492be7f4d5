#include "fs/folder/unsent_below.h"

#include "backend/base/cleanup.h"
#include "fs/folder/folder.h"
#include "fs/tree/path.h"

#include <string.h>

struct search {
	struct filesystem *fs;
	const char *path; /* of the directory */
	void (*visit)(void *context, struct node *folder, uint64_t number);
	void *context;
};

/*
 * A changed file cannot correct an order that was refused for its key, for the balance or
 * by moderation.
 */
static bool may_be_mended(const struct task_view *view)
{
	return view->state == TASK_INVALID && view->problem.class == PROBLEM_INVALID;
}

static void look_at(void *context, struct task_view *view)
{
	struct search *search = context;
	struct filesystem *fs = search->fs;
	AUTOFREE char *path = NULL;
	struct node *folder;

	if ((view->state != TASK_PENDING && !may_be_mended(view)) || view->is_archive ||
	    view->is_removed)
		return;
	folder = folder_node(fs, view->number);
	if (!folder)
		return;
	path = nodes_path(&fs->nodes, folder);
	if (path && path_is_at_or_below(path, search->path))
		search->visit(search->context, folder, view->number);
	nodes_unref(&fs->nodes, folder, 1);
}

void unsent_below_each(struct filesystem *fs, struct node *directory,
		       void (*visit)(void *context, struct node *folder, uint64_t number),
		       void *context)
{
	AUTOFREE char *path = nodes_path(&fs->nodes, directory);
	struct search search = { fs, path, visit, context };

	if (path)
		backend_task_each(fs->backend, look_at, &search);
}
