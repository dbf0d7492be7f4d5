/* Makes a directory a task's or a plain one, and follows it when it moves. */
#include "fs/folder/folder_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "fs/folder/access.h"
#include "fs/folder/due_queue.h"
#include "fs/tree/task_mark.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void folder_made(struct filesystem *fs, struct node *directory)
{
	struct directory_state *state = directory_state(directory);
	uint64_t number;

	folder_begin_marking(fs, directory);
	number = atomic_load(&state->task);
	atomic_store(&state->task, 0);
	folder_end_marking(fs, directory);
	if (!number)
		return;
	log_info("event=folder_gone task=%" PRIu64, number);
	folder_forget(fs, number);
}

struct reorder_search {
	struct filesystem *fs;
	const char *path;
	bool is_found;
};

static void look_for_lost(void *context, struct task_view *view)
{
	struct reorder_search *search = context;

	if (!search->is_found && view->place.path &&
	    !strcmp(view->place.path, search->path))
		search->is_found = folder_is_lost(search->fs, view);
}

static bool is_place_of_lost(struct filesystem *fs, const char *path)
{
	struct reorder_search search = { fs, path, false };

	if (path)
		backend_task_each(fs->backend, look_for_lost, &search);
	return search.is_found;
}

/*
 * Whether an open directory may turn out to be a task's. In a restored library every
 * directory with a mark is uncertain until the walk ends.
 */
static bool may_be_a_task(struct filesystem *fs, int fd, const char *path)
{
	AUTOVIEW *view = NULL;
	uint64_t number;

	if (atomic_load(&fs->folders->is_walked))
		return false;
	if (task_mark_read(fd, backend_library_id(fs->backend), &number))
		return is_place_of_lost(fs, path);
	view = backend_task_view(fs->backend, number);
	return view && !view->is_removed;
}

bool folder_may_be_task(struct filesystem *fs, struct node *directory)
{
	AUTOFREE char *path = NULL;
	AUTOCLOSE int fd = -1;

	if (atomic_load(&fs->folders->is_walked) || directory == fs->nodes.root ||
	    folder_number(fs, directory))
		return false;
	fd = nodes_open_directory(&fs->nodes, directory);
	path = nodes_path(&fs->nodes, directory);
	return fd >= 0 && may_be_a_task(fs, fd, path);
}

static int add_task(struct filesystem *fs, const struct node *directory, uint64_t number,
		    const struct task_place *place)
{
	static const char relic[] =
		"this folder was submitted before, but some of its files are missing, so "
		"it is unclear whether this is the same request; restore the files, or "
		"write \"submit\" to status to submit it as a new request";

	return atomic_load(&directory_state(directory)->is_relic)
		       ? backend_task_add_held(fs->backend, number, place, relic)
		       : backend_task_add(fs->backend, number, place);
}

/*
 * Gives a plain directory a new task. Called inside folder_begin_marking(). 0 or -errno.
 */
static int mark(struct filesystem *fs, struct node *directory, int fd,
		const struct task_place *place)
{
	uint64_t number;
	int r;

	if (may_be_a_task(fs, fd, place->path))
		return -EAGAIN;
	r = backend_task_reserve(fs->backend, &number);
	if (!r)
		r = task_mark_write(fd, backend_library_id(fs->backend), number);
	if (!r)
		r = add_task(fs, directory, number, place);
	if (!r)
		r = folder_remember(fs, number, directory);
	if (r)
		return r;
	folder_set_number(fs, directory, number);
	log_info("event=new_task task=%" PRIu64, number);
	return 0;
}

int folder_mark(struct filesystem *fs, struct node *directory, uid_t uid)
{
	AUTOFREE char *path = NULL;
	AUTOCLOSE int fd = -1;
	struct task_place place;
	int r = 0;

	if (directory == fs->nodes.root || !access_is_owner(fs, uid))
		return 0;
	fd = nodes_open_directory(&fs->nodes, directory);
	if (fd < 0)
		return fd;
	path = nodes_path(&fs->nodes, directory);
	if (path && path_is_in_trash(path))
		return 0;
	place = folder_place(directory, path);
	folder_begin_marking(fs, directory);
	if (!folder_know_number(fs, directory, fd))
		r = mark(fs, directory, fd, &place);
	folder_end_marking(fs, directory);
	return r;
}

static bool is_claimed(struct filesystem *fs, uint64_t number)
{
	SCOPED_LOCK(&fs->folders->lock);

	return folders_find(fs->folders, number) != NULL;
}

bool folder_claim(struct filesystem *fs, struct node *directory, int fd, uint64_t number)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	AUTOFREE char *path = nodes_path(&fs->nodes, directory);
	struct task_place place = folder_place(directory, path);
	const char *library_id = backend_library_id(fs->backend);
	uint64_t marked;
	bool is_it = false;

	if (!view || view->is_removed || is_claimed(fs, number))
		return false;
	folder_begin_marking(fs, directory);
	if (!folder_know_number(fs, directory, fd) &&
	    ((!task_mark_read(fd, library_id, &marked) && marked == number) ||
	     !task_mark_write(fd, library_id, number)) &&
	    !folder_take_over(fs, view, directory, &place)) {
		folder_set_number(fs, directory, number);
		log_info("event=folder_claimed task=%" PRIu64, number);
		is_it = true;
	}
	folder_end_marking(fs, directory);
	return is_it;
}

void folder_add_relic(struct filesystem *fs, struct node *directory)
{
	struct folders *folders = fs->folders;
	struct node **grown = realloc(folders->relics,
				      (folders->relic_count + 1) * sizeof(struct node *));

	if (!grown)
		return;
	nodes_ref(&fs->nodes, directory);
	folders->relics = grown;
	grown[folders->relic_count++] = directory;
	atomic_store(&directory_state(directory)->is_relic, true);
}

void folders_walked(struct filesystem *fs)
{
	atomic_store(&fs->folders->is_walked, true);
}

/* --- moves --- */

/*
 * Records a moved folder's new place. The folder may have entered or left the trash, and
 * its inputs or the defaults above it may differ now, so a waiting order is withdrawn and
 * read again.
 */
static void follow(struct filesystem *fs, uint64_t number)
{
	struct node *directory = folder_node(fs, number);
	AUTOVIEW *view = directory ? backend_task_view(fs->backend, number) : NULL;
	AUTOFREE char *path = view ? nodes_path(&fs->nodes, directory) : NULL;

	if (path && (!view->place.path || strcmp(view->place.path, path))) {
		struct task_place place = folder_place(directory, path);

		backend_task_set_place(fs->backend, number, &place);
		backend_task_withdraw(fs->backend, number);
		if (view->state == TASK_PENDING)
			due_poke(fs, number);
	}
	if (directory)
		nodes_unref(&fs->nodes, directory, 1);
}

void folders_moved(struct filesystem *fs)
{
	size_t count;
	AUTOFREE uint64_t *numbers = folders_list(fs->folders, &count);

	for (size_t i = 0; i < count; i++)
		follow(fs, numbers[i]);
}
