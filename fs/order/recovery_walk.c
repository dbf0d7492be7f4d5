#include "fs/order/recovery_walk.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/base/sorted.h"
#include "fs/folder/due_queue.h"
#include "fs/folder/folder.h"
#include "fs/order/draft.h"
#include "fs/tree/task_mark.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 256

/*
 * How well a directory with a task's mark matches the task, if its device and inode are
 * not the known ones. The best match comes first.
 */
enum likeness {
	LIKE_INODE, /* same inode number: device numbers may change */
	LIKE_PATH,
	LIKE_MARK,
	LIKENESS_COUNT,
};

struct candidate {
	struct node *directory; /* referenced */
	uint64_t number;
	enum likeness likeness;
};

/* A directory without a mark where at least one task was last seen. */
struct unmarked {
	struct node *directory; /* referenced */
	size_t hint;		/* the first hint with its path */
	bool is_claimed;
	bool is_incomplete; /* something that identifies it is missing */
};

struct walk {
	struct filesystem *fs;
	/* Tasks sorted by their last known path, for folders that lost their mark. */
	struct task_view **hints;
	size_t hint_count;
	struct candidate *candidates; /* in the order of the walk */
	size_t candidate_count;
	struct unmarked *unmarked;
	size_t unmarked_count;
	unsigned depth;
};

static bool is_stopping(const struct walk *walk)
{
	return due_queue_is_stopped(walk->fs->due);
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

static int compare_path(const void *key, const void *item)
{
	return strcmp(key, (*(struct task_view *const *)item)->place.path);
}

/* The first hint with this path, or hint_count. */
static size_t find_hint(const struct walk *walk, const char *path)
{
	size_t at = sorted_place(path, walk->hints, walk->hint_count,
				 sizeof(struct task_view *), compare_path);

	return at < walk->hint_count && !compare_path(path, &walk->hints[at])
		       ? at
		       : walk->hint_count;
}

/*
 * Adds a directory that is currently no task's. Its mark may be that of a task in a
 * restored library, which only the end of the walk can decide.
 */
static void add_candidate(struct walk *walk, struct node *directory, uint64_t number,
			  enum likeness likeness)
{
	struct candidate *grown =
		realloc(walk->candidates, (walk->candidate_count + 1) * sizeof(*grown));

	if (!grown)
		return;
	walk->candidates = grown;
	nodes_ref(&walk->fs->nodes, directory);
	grown[walk->candidate_count++] =
		(struct candidate){ directory, number, likeness };
}

/* A lost mark: the ledger's path is a hint, and the content must be the same. */
static void look_for_hint(struct walk *walk, struct node *directory)
{
	AUTOFREE char *path = nodes_path(&walk->fs->nodes, directory);
	size_t hint = path ? find_hint(walk, path) : walk->hint_count;
	struct unmarked *grown;

	if (hint == walk->hint_count)
		return;
	grown = realloc(walk->unmarked, (walk->unmarked_count + 1) * sizeof(*grown));
	if (!grown)
		return;
	walk->unmarked = grown;
	nodes_ref(&walk->fs->nodes, directory);
	grown[walk->unmarked_count++] =
		(struct unmarked){ directory, hint, false, false };
}

static enum likeness likeness_of(struct walk *walk, struct node *directory,
				 const struct task_view *view)
{
	AUTOFREE char *path = nodes_path(&walk->fs->nodes, directory);

	if (view->place.inode == (uint64_t)directory->inode)
		return LIKE_INODE;
	if (path && view->place.path && !strcmp(view->place.path, path))
		return LIKE_PATH;
	return LIKE_MARK;
}

static void look_at_marked(struct walk *walk, struct node *directory, uint64_t number)
{
	AUTOVIEW *view = backend_task_view(walk->fs->backend, number);

	if (view && !view->is_removed)
		add_candidate(walk, directory, number,
			      likeness_of(walk, directory, view));
}

static void look_at_plain(struct walk *walk, struct node *directory, int fd)
{
	uint64_t number;

	if (task_mark_read(fd, backend_library_id(walk->fs->backend), &number))
		look_for_hint(walk, directory);
	else
		look_at_marked(walk, directory, number);
}

static bool claim(struct walk *walk, struct node *directory, uint64_t number)
{
	AUTOCLOSE int fd = nodes_open_directory(&walk->fs->nodes, directory);

	return fd >= 0 && folder_claim(walk->fs, directory, fd, number);
}

/* Each task gets the best match among its candidates; of equal ones, the first. */
static void claim_candidates(struct walk *walk)
{
	for (int likeness = 0; likeness < LIKENESS_COUNT; likeness++)
		for (size_t i = 0; i < walk->candidate_count; i++)
			if ((int)walk->candidates[i].likeness == likeness)
				claim(walk, walk->candidates[i].directory,
				      walk->candidates[i].number);
}

/*
 * The next task that was last seen at this directory's path and has no directory; or
 * NULL.
 */
static const struct task_view *next_lost(const struct walk *walk,
					 const struct unmarked *unmarked, size_t *at)
{
	const char *path = walk->hints[unmarked->hint]->place.path;

	for (; *at < walk->hint_count; (*at)++) {
		const struct task_view *hint = walk->hints[*at];

		if (strcmp(hint->place.path, path) != 0)
			return NULL;
		if (folder_is_lost(walk->fs, hint)) {
			(*at)++;
			return hint;
		}
	}
	return NULL;
}

/* Gives a directory its task back if its files have the digest of that task. */
static bool claim_same(struct walk *walk, struct unmarked *unmarked, const char *digest)
{
	size_t at = unmarked->hint;
	const struct task_view *hint;

	while ((hint = next_lost(walk, unmarked, &at)))
		if (!strcmp(hint->digest, digest))
			return claim(walk, unmarked->directory, hint->number);
	return false;
}

/* Returns whether a task was found. */
static bool compare(struct walk *walk, struct unmarked *unmarked)
{
	size_t at = unmarked->hint;
	AUTOFREE char *path = next_lost(walk, unmarked, &at)
				      ? nodes_path(&walk->fs->nodes, unmarked->directory)
				      : NULL;
	char digest[SHA256_HEX];
	int r;

	unmarked->is_incomplete = false;
	if (!path)
		return false;
	r = draft_digest(walk->fs, unmarked->directory, path, digest);
	unmarked->is_incomplete = r && r != -ENOENT;
	unmarked->is_claimed = !r && claim_same(walk, unmarked, digest);
	return unmarked->is_claimed;
}

static bool compare_all(struct walk *walk)
{
	bool has_found = false;

	for (size_t i = 0; i < walk->unmarked_count && !is_stopping(walk); i++)
		if (!walk->unmarked[i].is_claimed && compare(walk, &walk->unmarked[i]))
			has_found = true;
	return has_found;
}

/*
 * A folder with another task's output as input is recognised only after that task, which
 * may have lost its mark too. So compare until nothing more is found.
 */
static void claim_unmarked(struct walk *walk)
{
	while (compare_all(walk))
		;
	for (size_t i = 0; i < walk->unmarked_count; i++)
		if (walk->unmarked[i].is_incomplete)
			folder_add_relic(walk->fs, walk->unmarked[i].directory);
}

static void free_candidates(struct walk *walk)
{
	for (size_t i = 0; i < walk->candidate_count; i++)
		nodes_unref(&walk->fs->nodes, walk->candidates[i].directory, 1);
	free(walk->candidates);
	for (size_t i = 0; i < walk->unmarked_count; i++)
		nodes_unref(&walk->fs->nodes, walk->unmarked[i].directory, 1);
	free(walk->unmarked);
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

bool recovery_walk(struct filesystem *fs)
{
	struct walk walk = { .fs = fs };
	bool is_whole;

	backend_task_each(fs->backend, add_hint, &walk);
	if (walk.hint_count)
		qsort(walk.hints, walk.hint_count, sizeof(struct task_view *),
		      compare_hints);
	walk_directory(&walk, fs->nodes.root);
	is_whole = !is_stopping(&walk);
	if (is_whole) {
		claim_candidates(&walk);
		claim_unmarked(&walk);
		folders_walked(fs);
	}
	free_candidates(&walk);
	for (size_t i = 0; i < walk.hint_count; i++)
		task_view_unref(walk.hints[i]);
	free(walk.hints);
	return is_whole;
}
