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

struct candidate {
	struct node *directory; /* referenced */
	uint64_t number;
};

struct walk {
	struct filesystem *fs;
	const bool *is_stopping;
	pthread_mutex_t *lock;
	/* Tasks by their last known path, for folders that lost their mark. */
	struct task_view **hints;
	size_t hint_count;
	struct candidate *candidates; /* in the order they were found */
	size_t candidate_count;
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

	is_same = !gather(walk->fs, directory, path, hint->number, &gathered,
			  &result) &&
		  (result == GATHER_READY || result == GATHER_INVALID) &&
		  !strcmp(gathered.digest, hint->digest);
	gathered_clear(&gathered);
	return is_same;
}

/*
 * A directory that is no task's, as far as it is known: its mark may be that of a moved
 * task in a restored library, which only the end of the walk tells.
 */
static void add_candidate(struct walk *walk, struct node *directory, uint64_t number)
{
	struct candidate *grown =
		realloc(walk->candidates, (walk->candidate_count + 1) * sizeof(*grown));

	if (!grown)
		return;
	walk->candidates = grown;
	nodes_ref(&walk->fs->nodes, directory);
	grown[walk->candidate_count++] = (struct candidate){ directory, number };
}

/* A lost mark: the ledger's hint tells the place, and the content must be the same. */
static void look_for_hint(struct walk *walk, struct node *directory)
{
	AUTOFREE char *path = nodes_path(&walk->fs->nodes, directory);
	struct task_view *hint = path ? find_hint(walk, path) : NULL;

	if (hint && has_same_content(walk, directory, path, hint))
		add_candidate(walk, directory, hint->number);
}

static void look_at_plain(struct walk *walk, struct node *directory, int fd)
{
	uint64_t number;

	if (mark_read(fd, backend_library_id(walk->fs->backend), &number))
		look_for_hint(walk, directory);
	else
		add_candidate(walk, directory, number);
}

/* The first one that may be a task's is it, unless a better one turned up. Frees them. */
static void claim_candidates(struct walk *walk, bool is_whole)
{
	for (size_t i = 0; i < walk->candidate_count; i++) {
		struct candidate *candidate = &walk->candidates[i];
		int fd = !is_whole ? -1
				   : nodes_open_directory(&walk->fs->nodes,
							  candidate->directory);

		if (fd >= 0)
			folder_claim(walk->fs, candidate->directory, fd,
				     candidate->number);
		cleanup_close(&fd);
		nodes_unref(&walk->fs->nodes, candidate->directory, 1);
	}
	free(walk->candidates);
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
		look_at_plain(walk, directory, dirfd(stream));
	while (!is_stopping(walk) && (entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
			walk_entry(walk, directory, dirfd(stream), entry->d_name);
	walk->depth--;
	closedir(stream);
}

bool walk_tree(struct filesystem *fs, const bool *stopping, pthread_mutex_t *lock)
{
	struct walk walk = { .fs = fs, .is_stopping = stopping, .lock = lock };
	bool is_whole;

	backend_task_each(fs->backend, add_hint, &walk);
	if (walk.hint_count)
		qsort(walk.hints, walk.hint_count, sizeof(struct task_view *),
		      compare_hints);
	walk_directory(&walk, fs->nodes.root);
	is_whole = !is_stopping(&walk);
	claim_candidates(&walk, is_whole);
	if (is_whole)
		folders_walked(fs);
	for (size_t i = 0; i < walk.hint_count; i++)
		task_view_unref(walk.hints[i]);
	free(walk.hints);
	return is_whole;
}
