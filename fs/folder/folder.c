#include "fs/folder/folder_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/sorted.h"
#include "backend/base/text.h"

#include <errno.h>
#include <string.h>

/* --- the table --- */

size_t folders_state_bytes(void)
{
	return sizeof(struct directory_state);
}

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

static int compare_number(const void *key, const void *item)
{
	return sorted_compare_numbers(*(const uint64_t *)key,
				      (*(struct folder *const *)item)->number);
}

size_t folders_find_place(const struct folders *folders, uint64_t number)
{
	return sorted_place(&number, folders->items, folders->count,
			    sizeof(*folders->items), compare_number);
}

struct folder *folders_find(struct folders *folders, uint64_t number)
{
	size_t at = folders_find_place(folders, number);

	if (at < folders->count && folders->items[at]->number == number)
		return folders->items[at];
	return NULL;
}

static int add_locked(struct folders *folders, struct folder *folder)
{
	size_t at = folders_find_place(folders, folder->number);

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

int folder_remember(struct filesystem *fs, uint64_t number, struct node *directory)
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
		atomic_store(&directory_state(old)->task, 0);
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
	at = folders_find_place(folders, number);
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

uint64_t *folders_list(struct folders *folders, size_t *ret_count)
{
	SCOPED_LOCK(&folders->lock);
	uint64_t *numbers =
		folders->count ? calloc(folders->count, sizeof(*numbers)) : NULL;

	*ret_count = numbers ? folders->count : 0;
	for (size_t i = 0; i < *ret_count; i++)
		numbers[i] = folders->items[i]->number;
	return numbers;
}

/* --- why a folder waits, as shown to the user --- */

/* Returns whether the reason changed. */
static bool set_waiting(struct filesystem *fs, uint64_t number, const char *waiting)
{
	SCOPED_LOCK(&fs->folders->lock);
	struct folder *folder = folders_find(fs->folders, number);

	if (!folder ||
	    (folder->waiting && waiting && !strcmp(folder->waiting, waiting)) ||
	    (!folder->waiting && !waiting))
		return false;
	text_set(&folder->waiting, waiting);
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
