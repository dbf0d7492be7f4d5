/*
 * Thumbnails follow their outputs: they are removed with an output, and move with its
 * folder.
 *
 * The current place of a task's thumbnails is known (struct known), and so is its folder.
 * So the thumbnails are moved to the folder's current path, whatever moved in between and
 * in whatever order the moves were reported.
 */
#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/folder/filesystem.h"
#include "fs/thumbnails/thumbnails_internal.h"

#include <string.h>

static void remove_one(struct thumbnails *thumbnails, const char *folder,
		       const char *name)
{
	AUTOFREE char *file = thumbnails_shown_path(thumbnails->fs, folder, name);

	if (file)
		thumbnail_cache_remove(&thumbnails->cache, file);
}

/* `kinds`: one bit for each output. */
static void remove_outputs(struct thumbnails *thumbnails, const char *folder,
			   unsigned kinds)
{
	if (kinds & 1u << OUTPUT_VIDEO)
		remove_one(thumbnails, folder, THUMBNAILS_VIDEO);
	if (!(kinds & 1u << OUTPUT_LAST_FRAME))
		return;
	remove_one(thumbnails, folder, THUMBNAILS_FRAME);
	remove_one(thumbnails, folder, THUMBNAILS_OTHER_FRAME);
}

static void forget_versions(struct known *known, unsigned kinds)
{
	for (int kind = 0; kind < OUTPUT_COUNT; kind++)
		if (kinds & 1u << kind)
			known->versions[kind] = 0;
}

void thumbnails_run_remove(struct thumbnails *thumbnails, const struct job *job)
{
	struct known *known = thumbnails_find(thumbnails, job->number);
	AUTOVIEW *view = backend_task_view(thumbnails->fs->backend, job->number);
	AUTOFREE char *early = thumbnails_early_path(thumbnails, job->path);
	const char *before = known && known->folder ? known->folder : early;

	remove_outputs(thumbnails, job->path, job->kinds);
	if (before && strcmp(before, job->path) != 0)
		remove_outputs(thumbnails, before, job->kinds);
	if (!known)
		return;
	forget_versions(known, job->kinds);
	if (!view || view->is_removed)
		thumbnails_forget(thumbnails, job->number);
}

void thumbnails_take_back(struct thumbnails *thumbnails, const struct task_view *before,
			  const struct task_view *now, const char *folder)
{
	struct known *known = thumbnails_find(thumbnails, before->number);
	unsigned gone = 0;

	for (int i = 0; i < OUTPUT_COUNT; i++) {
		enum output_kind kind = (enum output_kind)i;

		if (thumbnails_is_shown(before, kind) &&
		    (!now || now->is_removed || !thumbnails_is_shown(now, kind)))
			gone |= 1u << kind;
	}
	remove_outputs(thumbnails, folder, gone);
	if (known)
		forget_versions(known, gone);
}

/* --- moves --- */

/* A task whose thumbnails do not match its folder's path. */
struct moved {
	uint64_t number;
	char *from, *to; /* owned */
	bool is_done;
};

struct moves {
	struct moved *items; /* sorted by `from` */
	size_t count;
};

/* The path before the directory moved; NULL: it is not below that directory. */
static char *path_before(const struct early_move *move, const char *path)
{
	size_t size = strlen(move->to);

	if (strncmp(path, move->to, size) != 0 || (path[size] && path[size] != '/'))
		return NULL;
	return text_format("%s%s", move->from, path + size);
}

char *thumbnails_early_path(struct thumbnails *thumbnails, const char *path)
{
	SCOPED_LOCK(&thumbnails->lock);
	char *then = strdup(path);

	for (size_t i = thumbnails->early_count; then && i > 0; i--) {
		char *before = path_before(&thumbnails->early_moves[i - 1], then);

		if (!before)
			continue;
		free(then);
		then = before;
	}
	return then;
}

void thumbnails_forget_early(struct thumbnails *thumbnails)
{
	SCOPED_LOCK(&thumbnails->lock);

	while (thumbnails->early_count) {
		struct early_move *move =
			&thumbnails->early_moves[--thumbnails->early_count];

		free(move->from);
		free(move->to);
	}
	free(thumbnails->early_moves);
	thumbnails->early_moves = NULL;
}

static int compare_moved(const void *a, const void *b)
{
	const struct moved *x = a, *y = b;

	return strcmp(x->from, y->from);
}

static void collect(struct thumbnails *thumbnails, struct moves *moves)
{
	for (size_t i = 0; moves->items && i < thumbnails->known_count; i++) {
		const struct known *known = &thumbnails->known[i];
		AUTOFREE char *to =
			known->folder ? thumbnails_folder(thumbnails->fs, known->number)
				      : NULL;
		AUTOFREE char *from = to ? strdup(known->folder) : NULL;

		if (!from || !strcmp(from, to))
			continue;
		moves->items[moves->count++] =
			(struct moved){ known->number, TAKE(from), TAKE(to), false };
	}
	if (moves->count)
		qsort(moves->items, moves->count, sizeof(*moves->items), compare_moved);
}

/* Whether the target is still occupied by thumbnails of another task that must move. */
static bool is_occupied(const struct moves *moves, const struct moved *moved)
{
	const struct moved wanted = { .from = moved->to };
	const struct moved *other = bsearch(&wanted, moves->items, moves->count,
					    sizeof(*moves->items), compare_moved);

	return other && !other->is_done;
}

static void move_outputs(struct thumbnails *thumbnails, const struct moved *moved)
{
	const char *names[] = { THUMBNAILS_VIDEO, THUMBNAILS_FRAME,
				THUMBNAILS_OTHER_FRAME };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTOFREE char *old_file =
			thumbnails_shown_path(thumbnails->fs, moved->from, names[i]);
		AUTOFREE char *new_file =
			thumbnails_shown_path(thumbnails->fs, moved->to, names[i]);

		if (old_file && new_file)
			thumbnail_cache_move(&thumbnails->cache, old_file, new_file);
	}
}

/*
 * The mount ends: the thumbnails that are not moved are made again after the next start.
 */
static bool is_ending(struct thumbnails *thumbnails)
{
	return atomic_load(&thumbnails->maker.is_stopping);
}

/*
 * Moves the thumbnails whose target is free. Returns true if it moved some, which may
 * free the target of others.
 */
static bool move_free_ones(struct thumbnails *thumbnails, struct moves *moves)
{
	bool has_moved = false;

	for (size_t i = 0; i < moves->count && !is_ending(thumbnails); i++) {
		struct moved *moved = &moves->items[i];

		if (moved->is_done || is_occupied(moves, moved))
			continue;
		move_outputs(thumbnails, moved);
		thumbnails_set_folder(thumbnails, moved->number, moved->to);
		moved->is_done = has_moved = true;
	}
	return has_moved;
}

/*
 * Tasks that exchanged their folders: their thumbnails are made again from the bytes on
 * disk.
 */
static void drop_exchanged(struct thumbnails *thumbnails, const struct moved *moved)
{
	unsigned all = (1u << OUTPUT_COUNT) - 1;
	struct known *known = thumbnails_find(thumbnails, moved->number);

	remove_outputs(thumbnails, moved->from, all);
	if (!known)
		return;
	forget_versions(known, all);
	thumbnails_set_folder(thumbnails, moved->number, moved->to);
	thumbnails_push_look(thumbnails, moved->number);
}

void thumbnails_follow(struct thumbnails *thumbnails)
{
	struct moves moves = { calloc(thumbnails->known_count + 1, sizeof(struct moved)),
			       0 };

	collect(thumbnails, &moves);
	while (move_free_ones(thumbnails, &moves))
		continue;
	for (size_t i = 0; i < moves.count; i++) {
		if (!moves.items[i].is_done && !is_ending(thumbnails))
			drop_exchanged(thumbnails, &moves.items[i]);
		free(moves.items[i].from);
		free(moves.items[i].to);
	}
	free(moves.items);
}
