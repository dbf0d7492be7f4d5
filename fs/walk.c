#include "fs/walk.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "fs/folder.h"
#include "fs/gather.h"
#include "fs/mark.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 256

struct walk {
	struct filesystem *fs;
	const bool *is_stopping;
	pthread_mutex_t *lock;
	/* Tasks by their last known path, for folders that lost their mark. */
	struct task_view **hints;
	size_t hint_count;
	unsigned depth;
};

static bool is_stopping(struct walk *walk)
{
	SCOPED_LOCK(walk->lock);

	return *walk->is_stopping;
}

/* --- lost marks --- */

static int compare_hints(const void *a, const void *b)
{
	const struct task_view *const *x = a, *const *y = b;

	return strcmp((*x)->place.path, (*y)->place.path);
}

static void add_hint(void *context, struct task_view *view)
{
	struct walk *walk = context;
	struct task_view **grown;

	if (view->is_removed || !view->place.path || !*view->digest)
		return;
	grown = realloc(walk->hints, (walk->hint_count + 1) * sizeof(struct task_view *));
	if (!grown)
		return;
	walk->hints = grown;
	grown[walk->hint_count++] = task_view_ref(view);
}

static struct task_view *find_hint(const struct walk *walk, const char *path)
{
	struct task_view key = { .place.path = (char *)path }, *key_pointer = &key,
			 **found;

	if (!walk->hint_count)
		return NULL;
	found = bsearch(&key_pointer, walk->hints, walk->hint_count,
			sizeof(struct task_view *), compare_hints);
	return found ? *found : NULL;
}

/* The folder is the hint's if its files are what was ordered there. */
static bool has_same_content(struct walk *walk, struct node *directory, const char *path,
			     const struct task_view *hint)
{
	struct gathered gathered = { 0 };
	enum gather_result result = GATHER_NOTHING;
	bool is_same;

	is_same = !gather(walk->fs, directory, path, &gathered, &result) &&
		  (result == GATHER_READY || result == GATHER_INVALID) &&
		  !strcmp(gathered.digest, hint->digest);
	gathered_clear(&gathered);
	return is_same;
}

static void restore_mark(struct walk *walk, struct node *directory, int fd)
{
	struct filesystem *fs = walk->fs;
	AUTOFREE char *path = nodes_path(&fs->nodes, directory);
	const char *library_id = backend_library_id(fs->backend);
	struct task_view *hint = path ? find_hint(walk, path) : NULL;
	struct node *known;
	uint64_t number;

	if (!hint || !mark_read(fd, library_id, &number))
		return;
	known = folder_node(fs, hint->number);
	if (known) { /* it lives elsewhere, with its mark */
		nodes_unref(&fs->nodes, known, 1);
		return;
	}
	if (!has_same_content(walk, directory, path, hint) ||
	    mark_write(fd, library_id, hint->number))
		return;
	atomic_store(&directory->is_task_known, false);
	folder_number_at(fs, directory, fd);
	log_info("event=mark_restored task=%" PRIu64, hint->number);
}

/* --- walking --- */

static void walk_directory(struct walk *walk, struct node *directory);

static void walk_entry(struct walk *walk, struct node *parent, int fd, const char *name)
{
	struct nodes *nodes = &walk->fs->nodes;
	struct stat status;
	struct node *node;

	if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(status.st_mode) || status.st_dev != walk->fs->tree.device)
		return;
	node = nodes_get(nodes, parent, name, &status);
	if (!node)
		return;
	walk_directory(walk, node);
	nodes_unref(nodes, node, 1);
}

static void walk_directory(struct walk *walk, struct node *directory)
{
	int fd = nodes_open(&walk->fs->nodes, directory, O_RDONLY | O_DIRECTORY);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!stream || walk->depth >= DEPTH_MAX) {
		if (stream)
			closedir(stream);
		else
			cleanup_close(&fd);
		return;
	}
	walk->depth++;
	if (!folder_number_at(walk->fs, directory, dirfd(stream)) &&
	    directory != walk->fs->nodes.root)
		restore_mark(walk, directory, dirfd(stream));
	while (!is_stopping(walk) && (entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
			walk_entry(walk, directory, dirfd(stream), entry->d_name);
	walk->depth--;
	closedir(stream);
}

void walk_tree(struct filesystem *fs, const bool *stopping, pthread_mutex_t *lock)
{
	struct walk walk = { .fs = fs, .is_stopping = stopping, .lock = lock };

	backend_task_each(fs->backend, add_hint, &walk);
	if (walk.hint_count)
		qsort(walk.hints, walk.hint_count, sizeof(struct task_view *),
		      compare_hints);
	walk_directory(&walk, fs->nodes.root);
	for (size_t i = 0; i < walk.hint_count; i++)
		task_view_unref(walk.hints[i]);
	free(walk.hints);
}
