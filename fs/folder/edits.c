#include "fs/folder/edits.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "fs/folder/set_aside.h"
#include "fs/folder/unsent_below.h"
#include "fs/folder/folder_internal.h"
#include "fs/folder/due_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- locks --- */

/* The locked file that was sent under this name, or NULL. */
static const struct locked_file *find_locked(const struct task_view *view,
					     const char *name)
{
	if (!task_is_locked(view->state))
		return NULL;
	for (size_t i = 0; i < view->locked_count; i++)
		if (view->locked[i].name && !strcmp(view->locked[i].name, name))
			return &view->locked[i];
	return NULL;
}

/* Whether this is the file that was sent, by device and inode. */
static bool is_locked_file(const struct locked_file *locked, const struct stat *status)
{
	return locked && locked->device == (uint64_t)status->st_dev &&
	       locked->inode == (uint64_t)status->st_ino;
}

/* Whether no new file may get this name. */
static bool is_refused_name(const struct task_view *view, const char *name)
{
	/* A second trigger would have no effect. */
	return find_locked(view, name) ||
	       (task_is_locked(view->state) && name_is_trigger(name));
}

/*
 * Once the task is sent, a virtual file's name is reserved. A last frame may be an input.
 */
static bool is_only_shown(const struct task_view *view, const char *name)
{
	return view->state != TASK_PENDING && name_virtual_kind(name) != VIRTUAL_NONE &&
	       name_input_role(name) == NAME_OTHER;
}

/*
 * KDE's programs replace a file by writing NAME.part, and ignore an error of the final
 * rename. An attempt to replace a protected file must therefore fail here.
 */
static bool is_part_of_refused(const struct task_view *view, const char *name)
{
	size_t suffix = strlen(".part"), length = strlen(name);
	AUTOFREE char *whole = NULL;

	if (length <= suffix || strcmp(name + length - suffix, ".part"))
		return false;
	whole = strndup(name, length - suffix);
	return whole && (is_refused_name(view, whole) || is_only_shown(view, whole));
}

bool edits_is_locked(struct filesystem *fs, struct node *directory, const char *name)
{
	uint64_t number = folder_number(fs, directory);
	AUTOVIEW *view = number ? backend_task_view(fs->backend, number) : NULL;

	return view && find_locked(view, name);
}

/* State of a visit to each name of a file. */
struct visit {
	struct filesystem *fs;
	struct node *node;
	struct edits *edits;
	uid_t uid;
	int result;
};

static void visit_lock(void *context, struct node *parent, const char *name)
{
	struct visit *visit = context;
	/* Read this first: then the number below is the result of the finished walk. */
	bool is_uncertain =
		name_is_trigger(name) && folder_may_be_task(visit->fs, parent);
	uint64_t number = folder_number(visit->fs, parent);
	AUTOVIEW *view = number ? backend_task_view(visit->fs->backend, number) : NULL;

	if (view && find_locked(view, name))
		visit->result = -EACCES;
	else if (is_uncertain)
		visit->result = -EAGAIN;
}

int edits_check_open(struct filesystem *fs, struct node *node)
{
	struct visit visit = { .fs = fs, .node = node };

	nodes_each_name(&fs->nodes, node, visit_lock, &visit);
	return visit.result;
}

/* --- changes --- */

int64_t edits_active_ms(const struct node *directory)
{
	return atomic_load(&directory_state(directory)->active_ms);
}

static void mark_active(struct node *directory)
{
	atomic_store(&directory_state(directory)->active_ms, clock_boot_ms());
}

/*
 * Whether a change to this file is an edit of the order: any file while the task is
 * pending or invalid (the change may correct an input), only the trigger once it was
 * sent.
 */
static bool is_edit(const struct task_view *view, const char *name)
{
	if (name_is_scratch(name) || name_virtual_kind(name) == VIRTUAL_STATUS)
		return false;
	if (view->state == TASK_PENDING || view->state == TASK_INVALID)
		return true;
	return name_is_trigger(name);
}

void edits_end(struct edits *edits)
{
	for (unsigned i = 0; i < edits->count; i++)
		backend_task_edited(edits->fs->backend, edits->numbers[i]);
	edits->count = 0;
}

/*
 * A file with more names in task folders than fit does not hold the rest: their edit ends
 * immediately.
 */
static void keep_edit(struct filesystem *fs, struct edits *edits, uint64_t number)
{
	edits->fs = fs;
	if (edits->count < EDITS_MAX)
		edits->numbers[edits->count++] = number;
	else
		backend_task_edited(fs->backend, number);
}

struct change_below {
	struct filesystem *fs;
	struct edits *edits;
};

static void visit_below(void *context, struct node *folder, uint64_t number)
{
	struct change_below *change = context;

	mark_active(folder);
	if (!backend_task_edit(change->fs->backend, number))
		keep_edit(change->fs, change->edits, number);
	due_poke(change->fs, number);
}

/*
 * A change of defaults.json is an edit of every unsent order below it, and may correct an
 * order that is invalid because of it.
 */
static void edit_below(struct filesystem *fs, struct node *directory, const char *name,
		       struct edits *edits)
{
	struct change_below change = { fs, edits };

	if (name_is_defaults(name))
		unsent_below_each(fs, directory, visit_below, &change);
}

/*
 * One attempt. Returns 0; -EACCES; or -EAGAIN: the order was sent meanwhile, so other
 * rules apply now.
 */
static int try_edit(struct filesystem *fs, uint64_t number, const char *name,
		    struct edits *edits)
{
	AUTOVIEW *view = number ? backend_task_view(fs->backend, number) : NULL;

	if (!view || view->is_archive)
		return 0;
	if (task_is_locked(view->state)) /* even if the caller saw another state */
		return is_refused_name(view, name) ? -EACCES : 0;
	if (is_edit(view, name)) {
		int r = backend_task_edit(fs->backend, number);

		if (r)
			return r == -EACCES ? -EAGAIN : r;
		keep_edit(fs, edits, number);
	}
	due_poke(fs, number);
	return 0;
}

/* Starts an edit of the task in this directory. 0 or -EACCES. */
static int edit(struct filesystem *fs, struct node *directory, const char *name,
		struct edits *edits)
{
	uint64_t number = folder_number(fs, directory);
	int r;

	edit_below(fs, directory, name, edits);
	do
		r = try_edit(fs, number, name, edits);
	while (r == -EAGAIN);
	return r;
}

/* A copied file is about to appear: until it does, the folder is not ordered. */
static int edit_as_copy(struct filesystem *fs, uint64_t number, struct edits *edits)
{
	int r = backend_task_edit(fs->backend, number);

	if (!r)
		keep_edit(fs, edits, number);
	return r;
}

static void visit_change(void *context, struct node *parent, const char *name)
{
	struct visit *visit = context;
	int r;

	if (name_is_scratch(name))
		return;
	mark_active(parent);
	visit_lock(context, parent, name);
	r = visit->result ? visit->result : edit(visit->fs, parent, name, visit->edits);
	if (r)
		visit->result = r;
}

int edits_before_change(struct filesystem *fs, struct node *node, struct edits *edits)
{
	struct visit visit = { .fs = fs, .node = node, .edits = edits };

	nodes_each_name(&fs->nodes, node, visit_change, &visit);
	return visit.result;
}

static void visit_note(void *context, struct node *parent, const char *name)
{
	struct visit *visit = context;
	AUTOEDITS edits = { 0 };
	uint64_t number;

	if (name_is_scratch(name))
		return;
	mark_active(parent);
	edit_below(visit->fs, parent, name, &edits);
	number = folder_number(visit->fs, parent);
	if (number)
		due_poke(visit->fs, number);
}

void edits_note(struct filesystem *fs, struct node *node)
{
	struct visit visit = { .fs = fs, .node = node };

	nodes_each_name(&fs->nodes, node, visit_note, &visit);
}

static void visit_poke(void *context, struct node *folder, uint64_t number)
{
	struct filesystem *fs = context;

	(void)folder;
	due_poke(fs, number);
}

static void visit_closed(void *context, struct node *parent, const char *name)
{
	struct visit *visit = context;
	uint64_t number = name_is_scratch(name) ? 0 : folder_number(visit->fs, parent);

	if (name_is_defaults(name))
		unsent_below_each(visit->fs, parent, visit_poke, visit->fs);
	if (number)
		due_poke(visit->fs, number);
}

void edits_closed(struct filesystem *fs, struct node *node)
{
	struct visit visit = { .fs = fs, .node = node };

	nodes_each_name(&fs->nodes, node, visit_closed, &visit);
}

void edits_note_name(struct filesystem *fs, struct node *directory, const char *name)
{
	AUTOEDITS edits = { 0 };

	if (name_is_scratch(name))
		return;
	mark_active(directory);
	edit(fs, directory, name, &edits);
}

static void visit_mark(void *context, struct node *parent, const char *name)
{
	struct visit *visit = context;
	uint64_t number;

	if (!name_is_trigger(name))
		return;
	number = folder_number(visit->fs, parent);
	if (!number) {
		visit->result = folder_mark(visit->fs, parent, visit->uid);
		number = visit->result ? 0 : folder_number(visit->fs, parent);
	}
	if (number)
		due_poke(visit->fs, number);
}

int edits_after_change(struct filesystem *fs, struct node *node, uid_t uid)
{
	struct visit visit = { .fs = fs, .node = node, .uid = uid };

	nodes_each_name(&fs->nodes, node, visit_mark, &visit);
	return visit.result;
}

/* --- names --- */

void edits_copy_came(struct filesystem *fs, uint64_t number)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);

	/* A copy does not change a task that is sent or succeeded. */
	if (view && view->state != TASK_PENDING && !task_is_locked(view->state))
		backend_task_copy_came(fs->backend, number);
}

/*
 * A program that removes a virtual file and creates another under its name wants to
 * overwrite it, which is not possible. The virtual file is shown again, so nothing is
 * lost.
 */
static int show_again(struct filesystem *fs, uint64_t number,
		      const struct task_view *view, const char *name, bool is_new)
{
	unsigned hidden = folder_hidden_bit(name_virtual_kind(name));

	if (!(view->hidden & hidden))
		return -EACCES;
	backend_task_unhide(fs->backend, number, hidden);
	return name_virtual_kind(name) == VIRTUAL_STATUS && is_new ? -ESTALE : -EACCES;
}

/*
 * The name of a locked file, or of a second trigger. Returns 0 for the locked file
 * itself.
 */
static int check_refused_name(struct filesystem *fs, const struct task_view *view, int fd,
			      const char *name, const struct stat *coming)
{
	const struct locked_file *locked = find_locked(view, name);

	if (coming && is_locked_file(locked, coming))
		return 0;
	if (locked)
		set_aside_put_back(fs, view->number, fd, locked, !coming);
	return -EACCES;
}

int edits_check_name(struct filesystem *fs, struct node *directory, int fd,
		     const char *name, const struct stat *coming, struct edits *edits)
{
	enum virtual_kind kind = name_virtual_kind(name);
	bool is_uncertain = (kind != VIRTUAL_NONE || name_is_trigger(name)) &&
			    folder_may_be_task(fs, directory);
	uint64_t number = folder_number_at(fs, directory, fd);
	AUTOVIEW *view = number ? backend_task_view(fs->backend, number) : NULL;

	if (is_uncertain)
		return -EAGAIN;
	if (!view)
		return 0;
	if (is_refused_name(view, name))
		return check_refused_name(fs, view, fd, name, coming);
	if (is_only_shown(view, name)) {
		if (name_tells_copy(name))
			edits_copy_came(fs, number);
		return show_again(fs, number, view, name, !coming);
	}
	if (!coming && is_part_of_refused(view, name))
		return -EACCES;
	if (kind == VIRTUAL_LAST_FRAME)
		show_again(fs, number, view, name,
			   true); /* beside an input of that name */
	if (view->state == TASK_PENDING && name_tells_copy(name))
		return edit_as_copy(fs, number, edits);
	return edit(fs, directory, name, edits);
}

void edits_name_goes(struct filesystem *fs, struct node *directory, const char *name,
		     struct edits *edits)
{
	edit(fs, directory, name, edits);
}

static bool is_filled_file(int fd, const char *name)
{
	struct stat status;

	return !fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) &&
	       S_ISREG(status.st_mode) && status.st_size > 0;
}

int edits_name_came(struct filesystem *fs, struct node *directory, int fd,
		    const char *name, uid_t uid)
{
	uint64_t number;
	int r = 0;

	edits_note_name(fs, directory, name);
	if (name_is_trigger(name) && is_filled_file(fd, name))
		r = folder_mark(fs, directory, uid);
	number = r ? 0 : folder_number_at(fs, directory, fd);
	if (number && name_tells_copy(name) &&
	    backend_task_archive(fs->backend, number) == -ENOMEM)
		r = -ENOMEM;
	if (number)
		due_poke(fs, number);
	return r;
}
