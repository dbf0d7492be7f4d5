/* Finds the task of a directory by its mark and by the ledger's record. */
#include "fs/folder/folder_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "fs/folder/due_queue.h"
#include "fs/tree/task_mark.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void folder_begin_marking(struct filesystem *fs, struct node *directory)
{
	struct directory_state *state = directory_state(directory);
	SCOPED_LOCK(&fs->folders->lock);

	while (state->is_marking)
		pthread_cond_wait(&fs->folders->marked, &fs->folders->lock);
	state->is_marking = true;
	state->names_seen = atomic_load(&directory->other_names);
}

void folder_end_marking(struct filesystem *fs, struct node *directory)
{
	SCOPED_LOCK(&fs->folders->lock);

	directory_state(directory)->is_marking = false;
	pthread_cond_broadcast(&fs->folders->marked);
}

struct task_place folder_place(const struct node *directory, char *path)
{
	return (struct task_place){ path, (uint64_t)directory->device,
				    (uint64_t)directory->inode };
}

static bool is_at(const struct task_view *view, const struct task_place *place)
{
	return view->place.inode == place->inode && view->place.device == place->device;
}

static bool is_same_path(const struct task_view *view, const struct task_place *place)
{
	return place->path && view->place.path && !strcmp(place->path, view->place.path);
}

/* Whether the ledger records this directory, or did until another one took its place. */
static bool is_known(struct filesystem *fs, const struct task_view *view,
		     const struct task_place *place)
{
	SCOPED_LOCK(&fs->folders->lock);
	const struct folder *folder = folders_find(fs->folders, view->number);

	return is_at(view, place) || (folder && folder->known_inode == place->inode &&
				      folder->known_device == place->device);
}

/* Whether the task has another directory that still exists where it was seen. */
static bool has_other_folder(struct filesystem *fs, uint64_t number,
			     const struct node *directory)
{
	struct node *node = folder_node(fs, number);
	AUTOCLOSE int fd =
		node && node != directory ? nodes_open_directory(&fs->nodes, node) : -1;

	if (node)
		nodes_unref(&fs->nodes, node, 1);
	return fd >= 0;
}

/*
 * Of two folders with one number, the one whose device and inode are in the ledger is the
 * task's. In a restored library all inodes are new: then the path decides, once the
 * recovery walk has seen the complete tree without finding a known inode
 * (folder_claim()).
 */
static bool is_the_task(struct filesystem *fs, const struct task_view *view,
			const struct node *directory, const struct task_place *place)
{
	if (view->is_removed)
		return false;
	if (is_known(fs, view, place))
		return true;
	if (view->place.inode &&
	    (!atomic_load(&fs->folders->is_walked) || !is_same_path(view, place)))
		return false;
	return !has_other_folder(fs, view->number, directory);
}

/* A mark without a task in the ledger: the daemon was killed between the two writes. */
static struct task_view *recover(struct filesystem *fs, uint64_t number,
				 const struct task_place *place)
{
	int r = backend_task_recover(fs->backend, number, place);

	if (!r)
		log_info("event=recovered task=%" PRIu64, number);
	return r && r != -EEXIST ? NULL : backend_task_view(fs->backend, number);
}

/* Keeps the ledger's first values: that directory may still turn up. */
static void keep_known(struct filesystem *fs, const struct task_view *view)
{
	SCOPED_LOCK(&fs->folders->lock);
	struct folder *folder = folders_find(fs->folders, view->number);

	if (!folder || folder->known_inode)
		return;
	folder->known_device = view->place.device;
	folder->known_inode = view->place.inode;
}

int folder_take_over(struct filesystem *fs, const struct task_view *view,
		     struct node *directory, const struct task_place *place)
{
	int r = folder_remember(fs, view->number, directory);

	if (r)
		return r;
	keep_known(fs, view);
	if (place->path && (!is_at(view, place) || !is_same_path(view, place)))
		backend_task_set_place(fs->backend, view->number, place);
	return 0;
}

/*
 * The task of this directory, by its mark; 0: none. Called inside folder_begin_marking().
 */
static uint64_t read_number(struct filesystem *fs, struct node *directory, int fd)
{
	AUTOFREE char *path = NULL;
	AUTOVIEW *view = NULL;
	struct task_place place;
	uint64_t number;

	if (task_mark_read(fd, backend_library_id(fs->backend), &number))
		return 0;
	path = nodes_path(&fs->nodes, directory);
	place = folder_place(directory, path);
	view = backend_task_view(fs->backend, number);
	if (!view)
		view = recover(fs, number, &place);
	if (!view || !is_the_task(fs, view, directory, &place))
		return 0;
	return folder_take_over(fs, view, directory, &place) ? 0 : number;
}

/* Another directory may have taken over the number concurrently. */
static void store_number(struct filesystem *fs, struct node *directory, uint64_t number)
{
	struct directory_state *state = directory_state(directory);
	SCOPED_LOCK(&fs->folders->lock);
	const struct folder *folder = folders_find(fs->folders, number);

	if (folder && folder->node != directory)
		number = 0;
	atomic_store(&state->task, number);
	atomic_store(&state->known_by_names, (uint64_t)state->names_seen + 1);
}

void folder_set_number(struct filesystem *fs, struct node *directory, uint64_t number)
{
	AUTOVIEW *view = number ? backend_task_view(fs->backend, number) : NULL;

	store_number(fs, directory, number);
	if (view && view->state == TASK_PENDING)
		due_poke(fs, number);
}

/* Whether the mark was read since the directory last got an unexpected name. */
static bool is_number_known(const struct node *directory)
{
	return atomic_load(&directory_state(directory)->known_by_names) ==
	       atomic_load(&((struct node *)directory)->other_names) + UINT64_C(1);
}

bool folder_is_task(const struct node *node)
{
	return !node->is_virtual && node->type == S_IFDIR &&
	       atomic_load(&directory_state(node)->task);
}

uint64_t folder_know_number(struct filesystem *fs, struct node *directory, int fd)
{
	if (!is_number_known(directory))
		folder_set_number(fs, directory, read_number(fs, directory, fd));
	return atomic_load(&directory_state(directory)->task);
}

uint64_t folder_number_at(struct filesystem *fs, struct node *directory, int fd)
{
	uint64_t number;

	if (directory->is_virtual || directory == fs->nodes.root)
		return 0;
	if (is_number_known(directory))
		return atomic_load(&directory_state(directory)->task);
	folder_begin_marking(fs, directory);
	number = folder_know_number(fs, directory, fd);
	folder_end_marking(fs, directory);
	return number;
}

uint64_t folder_number(struct filesystem *fs, struct node *directory)
{
	AUTOCLOSE int fd = -1;

	if (directory->is_virtual || directory->type != S_IFDIR)
		return 0;
	if (is_number_known(directory))
		return atomic_load(&directory_state(directory)->task);
	fd = nodes_open_directory(&fs->nodes, directory);
	return fd < 0 ? 0 : folder_number_at(fs, directory, fd);
}

bool folder_is_lost(struct filesystem *fs, const struct task_view *view)
{
	SCOPED_LOCK(&fs->folders->lock);

	return !view->is_removed && view->place.path && *view->digest &&
	       !folders_find(fs->folders, view->number);
}
