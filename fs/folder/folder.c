#include "fs/folder/folder.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "fs/tree/task_mark.h"
#include "fs/folder/access.h"
#include "fs/folder/due_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define CHAIN_MAX 65536

/* --- the table --- */

int folders_create(struct folders **ret_folders)
{
	struct folders *folders = calloc(1, sizeof(*folders));

	if (!folders)
		return -ENOMEM;
	pthread_mutex_init(&folders->lock, NULL);
	pthread_cond_init(&folders->marked, NULL);
	*ret_folders = folders;
	return 0;
}

static void folder_free(struct folder *folder, struct nodes *nodes)
{
	nodes_unref(nodes, folder->node, 1);
	free(folder->waiting);
	snapshot_clear(&folder->status);
	free(folder);
}

void folders_destroy(struct folders *folders, struct nodes *nodes)
{
	if (!folders)
		return;
	for (size_t i = 0; i < folders->count; i++)
		folder_free(folders->items[i], nodes);
	free(folders->items);
	for (size_t i = 0; i < folders->relic_count; i++)
		nodes_unref(nodes, folders->relics[i], 1);
	free(folders->relics);
	pthread_cond_destroy(&folders->marked);
	pthread_mutex_destroy(&folders->lock);
	free(folders);
}

/* Where a number stands, or would stand; the lock is held. */
static size_t find_place(const struct folders *folders, uint64_t number)
{
	size_t low = 0, high = folders->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (folders->items[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct folder *folders_find(struct folders *folders, uint64_t number)
{
	size_t at = find_place(folders, number);

	if (at < folders->count && folders->items[at]->number == number)
		return folders->items[at];
	return NULL;
}

static int add_locked(struct folders *folders, struct folder *folder)
{
	size_t at = find_place(folders, folder->number);

	if (folders->count == folders->capacity) {
		size_t capacity = folders->capacity ? folders->capacity * 2 : 64;
		struct folder **items =
			realloc(folders->items, capacity * sizeof(struct folder *));

		if (!items)
			return -ENOMEM;
		folders->items = items;
		folders->capacity = capacity;
	}
	memmove(&folders->items[at + 1], &folders->items[at],
		(folders->count - at) * sizeof(struct folder *));
	folders->items[at] = folder;
	folders->count++;
	return 0;
}

/* Makes the folder known, or points it at the directory that has the mark now. */
static int remember(struct filesystem *fs, uint64_t number, struct node *directory)
{
	struct folders *folders = fs->folders;
	struct folder *folder, *fresh = calloc(1, sizeof(*fresh));
	struct node *old = NULL;
	int r = 0;

	if (!fresh)
		return -ENOMEM;
	fresh->number = number;
	fresh->node = directory;
	nodes_ref(&fs->nodes, directory);
	pthread_mutex_lock(&folders->lock);
	folder = folders_find(folders, number);
	if (!folder) {
		r = add_locked(folders, fresh);
	} else if (folder->node != directory) {
		old = folder->node;
		atomic_store(&old->task, 0);
		folder->node = directory;
		fresh->node = NULL;
	}
	pthread_mutex_unlock(&folders->lock);
	if (old)
		nodes_unref(&fs->nodes, old, 1);
	if (folder || r) {
		if (fresh->node)
			nodes_unref(&fs->nodes, fresh->node, 1);
		free(fresh);
	}
	return r;
}

struct node *folder_node(struct filesystem *fs, uint64_t number)
{
	SCOPED_LOCK(&fs->folders->lock);
	struct folder *folder = folders_find(fs->folders, number);

	if (!folder)
		return NULL;
	nodes_ref(&fs->nodes, folder->node);
	return folder->node;
}

void folder_forget(struct filesystem *fs, uint64_t number)
{
	struct folders *folders = fs->folders;
	struct folder *folder;
	size_t at;

	pthread_mutex_lock(&folders->lock);
	at = find_place(folders, number);
	folder = folders_find(folders, number);
	if (folder) {
		folders->count--;
		memmove(&folders->items[at], &folders->items[at + 1],
			(folders->count - at) * sizeof(struct folder *));
	}
	pthread_mutex_unlock(&folders->lock);
	if (folder)
		folder_free(folder, &fs->nodes);
}

/* Whether it is another reason than before. */
static bool set_waiting(struct filesystem *fs, uint64_t number, const char *waiting)
{
	SCOPED_LOCK(&fs->folders->lock);
	struct folder *folder = folders_find(fs->folders, number);

	if (!folder ||
	    (folder->waiting && waiting && !strcmp(folder->waiting, waiting)) ||
	    (!folder->waiting && !waiting))
		return false;
	task_set_text(&folder->waiting, waiting);
	folder->waiting_changes++;
	return true;
}

void folder_set_waiting(struct filesystem *fs, uint64_t number, const char *waiting)
{
	if (set_waiting(fs, number, waiting))
		fs->events.status_changed(fs, number);
}

char *folder_waiting(struct filesystem *fs, uint64_t number)
{
	SCOPED_LOCK(&fs->folders->lock);
	const struct folder *folder = folders_find(fs->folders, number);

	return folder ? text_dup(folder->waiting) : NULL;
}

/* --- shots made of shots --- */

/* What a folder waits for; one that is not pending waits for nothing. */
static uint64_t waits_on_of(struct filesystem *fs, uint64_t number)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	SCOPED_LOCK(&fs->folders->lock);
	const struct folder *folder = folders_find(fs->folders, number);

	return folder && view && view->state == TASK_PENDING ? folder->waits_on : 0;
}

/* No loop is ever set, but a folder may be pending again with what it waited for then. */
static bool leads_to(struct filesystem *fs, uint64_t from, uint64_t number)
{
	for (unsigned i = 0; from && from != number && i < CHAIN_MAX; i++)
		from = waits_on_of(fs, from);
	return from == number;
}

static void set_waits_on(struct filesystem *fs, uint64_t number, uint64_t waits_on,
			 uint64_t loops_by)
{
	SCOPED_LOCK(&fs->folders->lock);
	struct folder *folder = folders_find(fs->folders, number);

	if (folder) {
		folder->waits_on = waits_on;
		folder->loops_by = loops_by;
	}
}

int folder_set_waits_on(struct filesystem *fs, uint64_t number, uint64_t waits_on)
{
	bool is_loop = waits_on && leads_to(fs, waits_on, number);

	set_waits_on(fs, number, is_loop ? 0 : waits_on, is_loop ? waits_on : 0);
	return is_loop ? -ELOOP : 0;
}

void folder_waits_no_more(struct filesystem *fs, uint64_t number)
{
	SCOPED_LOCK(&fs->folders->lock);
	struct folder *folder = folders_find(fs->folders, number);

	if (folder)
		folder->waits_on = 0;
}

static uint64_t loops_by_of(struct filesystem *fs, uint64_t number)
{
	SCOPED_LOCK(&fs->folders->lock);
	const struct folder *folder = folders_find(fs->folders, number);

	return folder ? folder->loops_by : 0;
}

bool folder_left_loop(struct filesystem *fs, uint64_t number)
{
	uint64_t loops_by = loops_by_of(fs, number);

	if (!loops_by || leads_to(fs, loops_by, number))
		return false;
	set_waits_on(fs, number, 0, 0);
	return true;
}

/* The next folder behind `after` that waits on a task; 0: none. */
static uint64_t next_waiting(struct folders *folders, uint64_t after, uint64_t waits_on)
{
	SCOPED_LOCK(&folders->lock);

	for (size_t i = find_place(folders, after + 1); i < folders->count; i++)
		if (folders->items[i]->waits_on == waits_on)
			return folders->items[i]->number;
	return 0;
}

static uint64_t next_in_loop(struct folders *folders, uint64_t after)
{
	SCOPED_LOCK(&folders->lock);

	for (size_t i = find_place(folders, after + 1); i < folders->count; i++)
		if (folders->items[i]->loops_by)
			return folders->items[i]->number;
	return 0;
}

void folder_each_in_loop(struct filesystem *fs,
			 void (*visit)(void *context, uint64_t number), void *context)
{
	uint64_t at = 0;

	while ((at = next_in_loop(fs->folders, at)))
		visit(context, at);
}

void folder_each_waiting(struct filesystem *fs, uint64_t number,
			 void (*visit)(void *context, uint64_t number), void *context)
{
	uint64_t at = 0;

	while ((at = next_waiting(fs->folders, at, number)))
		visit(context, at);
}

/* --- marks --- */

/*
 * Reading a directory's mark, and giving it one, is one step for everybody else: whoever
 * comes meanwhile waits for what comes out. Two writers of one new folder get one task.
 */
static void begin_marking(struct filesystem *fs, struct node *directory)
{
	SCOPED_LOCK(&fs->folders->lock);

	while (directory->is_marking)
		pthread_cond_wait(&fs->folders->marked, &fs->folders->lock);
	directory->is_marking = true;
}

static void end_marking(struct filesystem *fs, struct node *directory)
{
	SCOPED_LOCK(&fs->folders->lock);

	directory->is_marking = false;
	pthread_cond_broadcast(&fs->folders->marked);
}

/* What the ledger is told of where a folder is; `path` is borrowed. */
static struct task_place place_of(const struct node *directory, char *path)
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

/* Whether the ledger knows this very directory,
 * or did until another one took its place. */
static bool is_known(struct filesystem *fs, const struct task_view *view,
		     const struct task_place *place)
{
	SCOPED_LOCK(&fs->folders->lock);
	const struct folder *folder = folders_find(fs->folders, view->number);

	return is_at(view, place) || (folder && folder->known_inode == place->inode &&
				      folder->known_device == place->device);
}

/* Whether another directory is the task's, and still is where it was seen. */
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
 * Of two folders with one id, the one whose device and inode the ledger knows is the
 * task. A library that was restored has new inodes everywhere: then the place tells, once
 * the whole tree was seen and no such folder turned up (folder_claim()).
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

/* A mark that the ledger has no line for: the program was killed in between. */
static struct task_view *recover(struct filesystem *fs, uint64_t number,
				 const struct task_place *place)
{
	int r = backend_task_recover(fs->backend, number, place);

	if (!r)
		log_info("event=recovered task=%" PRIu64, number);
	return r && r != -EEXIST ? NULL : backend_task_view(fs->backend, number);
}

/* What the ledger knew first is kept: that directory may yet turn up. */
static void keep_known(struct filesystem *fs, const struct task_view *view)
{
	SCOPED_LOCK(&fs->folders->lock);
	struct folder *folder = folders_find(fs->folders, view->number);

	if (!folder || folder->known_inode)
		return;
	folder->known_device = view->place.device;
	folder->known_inode = view->place.inode;
}

/* The directory is the task's: the table and the ledger's hint follow. 0 or -ENOMEM. */
static int take_over(struct filesystem *fs, const struct task_view *view,
		     struct node *directory, const struct task_place *place)
{
	int r = remember(fs, view->number, directory);

	if (r)
		return r;
	keep_known(fs, view);
	if (place->path && (!is_at(view, place) || !is_same_path(view, place)))
		backend_task_set_place(fs->backend, view->number, place);
	return 0;
}

/* The task whose directory this is, by its mark; 0: none. In begin_marking(). */
static uint64_t read_number(struct filesystem *fs, struct node *directory, int fd)
{
	AUTOFREE char *path = NULL;
	AUTOVIEW *view = NULL;
	struct task_place place;
	uint64_t number;

	if (task_mark_read(fd, backend_library_id(fs->backend), &number))
		return 0;
	path = nodes_path(&fs->nodes, directory);
	place = place_of(directory, path);
	view = backend_task_view(fs->backend, number);
	if (!view)
		view = recover(fs, number, &place);
	if (!view || !is_the_task(fs, view, directory, &place))
		return 0;
	return take_over(fs, view, directory, &place) ? 0 : number;
}

/* A better directory may have taken the number this moment. */
static void store_number(struct filesystem *fs, struct node *directory, uint64_t number)
{
	SCOPED_LOCK(&fs->folders->lock);
	const struct folder *folder = folders_find(fs->folders, number);

	if (folder && folder->node != directory)
		number = 0;
	atomic_store(&directory->task, number);
	atomic_store(&directory->is_task_known, true);
}

/* The directory's number is known now. In begin_marking(). */
static void set_number(struct filesystem *fs, struct node *directory, uint64_t number)
{
	AUTOVIEW *view = number ? backend_task_view(fs->backend, number) : NULL;

	store_number(fs, directory, number);
	if (view && view->state == TASK_PENDING)
		due_poke(fs, number);
}

void folder_made(struct filesystem *fs, struct node *directory)
{
	uint64_t number;

	begin_marking(fs, directory);
	number = atomic_load(&directory->task);
	atomic_store(&directory->task, 0);
	end_marking(fs, directory);
	if (!number)
		return;
	log_info("event=folder_gone task=%" PRIu64, number);
	folder_forget(fs, number);
}

/* In begin_marking(). */
static uint64_t know_number(struct filesystem *fs, struct node *directory, int fd)
{
	if (!atomic_load(&directory->is_task_known))
		set_number(fs, directory, read_number(fs, directory, fd));
	return atomic_load(&directory->task);
}

uint64_t folder_number_at(struct filesystem *fs, struct node *directory, int fd)
{
	uint64_t number;

	if (directory->is_virtual || directory == fs->nodes.root)
		return 0;
	if (atomic_load(&directory->is_task_known))
		return atomic_load(&directory->task);
	begin_marking(fs, directory);
	number = know_number(fs, directory, fd);
	end_marking(fs, directory);
	return number;
}

uint64_t folder_number(struct filesystem *fs, struct node *directory)
{
	AUTOCLOSE int fd = -1;

	if (directory->is_virtual || directory->type != S_IFDIR)
		return 0;
	if (atomic_load(&directory->is_task_known))
		return atomic_load(&directory->task);
	fd = nodes_open_directory(&fs->nodes, directory);
	return fd < 0 ? 0 : folder_number_at(fs, directory, fd);
}

bool folder_is_lost(struct filesystem *fs, const struct task_view *view)
{
	SCOPED_LOCK(&fs->folders->lock);

	return !view->is_removed && view->place.path && *view->digest &&
	       !folders_find(fs->folders, view->number);
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

/* The same for a directory that is open; in a restored library all are uncertain. */
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
		"an order was made from this folder before; what it was made of is not "
		"all here, so it cannot be told whether this is the same one";

	return atomic_load(&directory->is_relic)
		       ? backend_task_add_held(fs->backend, number, place, relic)
		       : backend_task_add(fs->backend, number, place);
}

/* Gives a directory without a task a new one. In begin_marking(). 0 or -errno. */
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
		r = remember(fs, number, directory);
	if (r)
		return r;
	set_number(fs, directory, number);
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
	place = place_of(directory, path);
	begin_marking(fs, directory);
	if (!know_number(fs, directory, fd))
		r = mark(fs, directory, fd, &place);
	end_marking(fs, directory);
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
	struct task_place place = place_of(directory, path);
	const char *library_id = backend_library_id(fs->backend);
	uint64_t marked;
	bool is_it = false;

	if (!view || view->is_removed || is_claimed(fs, number))
		return false;
	begin_marking(fs, directory);
	if (!know_number(fs, directory, fd) &&
	    ((!task_mark_read(fd, library_id, &marked) && marked == number) ||
	     !task_mark_write(fd, library_id, number)) &&
	    !take_over(fs, view, directory, &place)) {
		set_number(fs, directory, number);
		log_info("event=folder_claimed task=%" PRIu64, number);
		is_it = true;
	}
	end_marking(fs, directory);
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
	atomic_store(&directory->is_relic, true);
}

void folders_walked(struct filesystem *fs)
{
	atomic_store(&fs->folders->is_walked, true);
}

/* --- moves --- */

/* The numbers of all folders; free() it. NULL: none, or no memory. */
static uint64_t *list_numbers(struct folders *folders, size_t *ret_count)
{
	SCOPED_LOCK(&folders->lock);
	uint64_t *numbers =
		folders->count ? calloc(folders->count, sizeof(*numbers)) : NULL;

	*ret_count = numbers ? folders->count : 0;
	for (size_t i = 0; i < *ret_count; i++)
		numbers[i] = folders->items[i]->number;
	return numbers;
}

/*
 * A folder that moved is where its task is now. It may have gone to the trash, or left
 * it; what its request names, and the defaults above it, may be others: it is read anew.
 */
static void poll_move(struct filesystem *fs, uint64_t number)
{
	struct node *directory = folder_node(fs, number);
	AUTOVIEW *view = directory ? backend_task_view(fs->backend, number) : NULL;
	AUTOFREE char *path = view ? nodes_path(&fs->nodes, directory) : NULL;

	if (path && (!view->place.path || strcmp(view->place.path, path))) {
		struct task_place place = place_of(directory, path);

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
	AUTOFREE uint64_t *numbers = list_numbers(fs->folders, &count);

	for (size_t i = 0; i < count; i++)
		poll_move(fs, numbers[i]);
}
