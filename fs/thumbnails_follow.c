/*
 * Thumbnails follow what they are of: they go with it, and they move with its folder.
 */
#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/filesystem.h"
#include "fs/folder.h"
#include "fs/thumbnails_inside.h"

#include <string.h>

static void remove_one(struct thumbnails *thumbnails, const char *folder,
		       const char *name)
{
	AUTOFREE char *file = thumbnails_shown_path(thumbnails->fs, folder, name);

	if (file)
		thumbnail_cache_remove(&thumbnails->cache, file);
}

void thumbnails_run_remove(struct thumbnails *thumbnails, const struct job *job)
{
	if (job->kinds & 1u << OUTPUT_VIDEO)
		remove_one(thumbnails, job->path, THUMBNAILS_VIDEO);
	if (!(job->kinds & 1u << OUTPUT_LAST_FRAME))
		return;
	remove_one(thumbnails, job->path, THUMBNAILS_FRAME);
	remove_one(thumbnails, job->path, THUMBNAILS_OTHER_FRAME);
}

struct numbers {
	uint64_t *items;
	size_t count;
};

static void collect(void *context, struct task_view *view)
{
	struct numbers *numbers = context;
	uint64_t *items;

	if (view->state != TASK_SUCCEEDED || view->is_removed)
		return;
	items = realloc(numbers->items, (numbers->count + 1) * sizeof(*items));
	if (!items)
		return;
	numbers->items = items;
	items[numbers->count++] = view->number;
}

/* The path before the directory moved; NULL: it lay, and lies, elsewhere. */
static char *path_before(const struct job *job, const char *path)
{
	size_t size = strlen(job->new_path);

	if (strncmp(path, job->new_path, size) != 0 || (path[size] && path[size] != '/'))
		return NULL;
	return text_format("%s%s", job->path, path + size);
}

/* Takes the path and gives the one before all these moves. The lock is held. */
static char *undo_moves(const struct job *job, char *path)
{
	char *before;

	if (!job || !path)
		return path;
	path = undo_moves(job->next, path);
	before = path && job->kind == JOB_MOVE ? path_before(job, path) : NULL;
	if (!before)
		return path;
	free(path);
	return before;
}

/* Where a task's folder was when this move was over: others may have followed. */
static char *path_after(struct thumbnails *thumbnails, uint64_t number)
{
	struct filesystem *fs = thumbnails->fs;
	struct node *node = folder_node(fs, number);
	char *path = node ? nodes_path(&fs->nodes, node) : NULL;

	if (node)
		nodes_unref(&fs->nodes, node, 1);
	SCOPED_LOCK(&thumbnails->lock);
	return undo_moves(thumbnails->jobs, path);
}

static void move_outputs(struct thumbnails *thumbnails, const char *from, const char *to)
{
	const char *names[] = { THUMBNAILS_VIDEO, THUMBNAILS_FRAME,
				THUMBNAILS_OTHER_FRAME };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTOFREE char *old_file =
			thumbnails_shown_path(thumbnails->fs, from, names[i]);
		AUTOFREE char *new_file =
			thumbnails_shown_path(thumbnails->fs, to, names[i]);

		if (old_file && new_file)
			thumbnail_cache_move(&thumbnails->cache, old_file, new_file);
	}
}

/* Of the tasks that came to be at, or below, the new path. */
void thumbnails_run_move(struct thumbnails *thumbnails, const struct job *job)
{
	struct numbers numbers = { 0 };

	backend_task_each(thumbnails->fs->backend, collect, &numbers);
	for (size_t i = 0; i < numbers.count; i++) {
		AUTOFREE char *path = path_after(thumbnails, numbers.items[i]);
		AUTOFREE char *before = path ? path_before(job, path) : NULL;

		if (before)
			move_outputs(thumbnails, before, path);
	}
	free(numbers.items);
}
