/* The check of one due folder: whether it is ready, what it waits for, and the order. */
#include "fs/order/settle_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "fs/folder/copy_detect.h"
#include "fs/folder/edits.h"
#include "fs/folder/folder.h"
#include "fs/folder/waits_on.h"
#include "fs/order/draft.h"
#include "fs/order/reorder_guard.h"
#include "fs/order/refused_saves.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define ELSEWHERE_MS 2000 /* changes of files outside a folder cause no event */
#define AGAIN_MS 1000
#define ASKS_MS 500

/* One check of one folder. */
struct look {
	struct filesystem *fs;
	uint64_t number;
	const struct due_folder *wish;
	uint64_t edits;		/* read before anything else: later edits change it */
	struct node *directory; /* referenced */
	char *path;		/* below the tree */
};

/* Milliseconds until the folder has been quiet long enough; 0: it has. */
static int64_t unquiet_ms(struct filesystem *fs, const struct node *directory)
{
	int64_t settle_ms = backend_config(fs->backend)->settle_ms;
	int64_t left_ms = edits_active_ms(directory) + settle_ms - clock_boot_ms();

	return left_ms > 0 ? left_ms : 0;
}

/* Returns the time until the next check; 0: when poked. */
static int64_t refuse(const struct look *look, const struct problem *problem,
		      const char *digest, bool is_forced)
{
	int r = backend_task_refuse(look->fs->backend, look->number, look->edits, problem,
				    digest, is_forced);

	return r == -EAGAIN || r == -ENOMEM ? AGAIN_MS : 0;
}

/*
 * Attaches a request that only names an existing task. Returns the time until the next
 * check; 0: when poked.
 */
static int64_t adopt(const struct look *look, const struct request *request,
		     const char *digest)
{
	struct backend *backend = look->fs->backend;
	AUTOPROBLEM problem = { 0 };
	int r = backend_task_adopt(backend, look->number, look->edits, request->provider,
				   request->task_id);

	log_info("event=adopt task=%" PRIu64 " result=%d", look->number, r);
	if (r == -EINVAL)
		problem_set(&problem, PROBLEM_INVALID,
			    "%s: \"task_id\" is \"%s\"; allowed: letters, digits, '.', "
			    "'_' and '-', but not only dots",
			    request->source, request->task_id);
	else if (r == -ENXIO)
		config_refuse_section(backend_config(backend), request->source,
				      request->provider, &problem);
	if (problem_is_set(&problem))
		return refuse(look, &problem, digest, true);
	return r == -EAGAIN || r == -ENOMEM ? AGAIN_MS : 0;
}

/*
 * Holds a folder that was put back without its mark (fs/README.md, "Copies are not
 * orders").
 */
static bool wait_for_submit(const struct look *look, const char *digest)
{
	AUTOFREE char *id =
		look->wish->is_now
			? NULL
			: reorder_guard_find(look->fs, look->number, look->path, digest);
	AUTOFREE char *waiting =
		id ? text_format("the same request was submitted from this folder "
				 "before%s%s, and the folder was restored without its "
				 "extended attributes; write \"submit\" to status to "
				 "submit it again",
				 *id ? " as task " : "", id)
		   : NULL;

	if (id)
		folder_set_waiting(look->fs, look->number, waiting);
	return id != NULL;
}

/*
 * Holds a folder if the program that made the trigger is copying a task's folder and
 * waits for a person's answer: then the trigger is not an order. Returns the time until
 * the next check; 0: when poked; -1: it is an order.
 */
static int64_t hold_copy(const struct look *look)
{
	int64_t asks_ms = look->wish->is_now ? -1 : copy_detect_asks_ms(look->directory);
	int r;

	if (asks_ms < 0)
		return -1;
	if (asks_ms < ASKS_MS)
		return ASKS_MS - asks_ms; /* it may be about to read the file that it
					   * found */
	r = backend_task_copy_came(look->fs->backend, look->number);
	return r == -ENOMEM ? AGAIN_MS : 0;
}

/*
 * Hands the order to the backend. Returns the time until the next check; 0: when poked.
 */
static int64_t order(const struct look *look, struct draft_result *result)
{
	struct task_order order = {
		.number = look->number,
		.edits = look->edits,
		.is_forced = look->wish->is_now,
		.locked = result->locked,
		.locked_count = result->locked_count,
		.place = { look->path, (uint64_t)look->directory->device,
			   (uint64_t)look->directory->inode },
	};
	int r;

	if (result->request->task_id)
		return adopt(look, result->request, result->digest);
	if (wait_for_submit(look, result->digest))
		return 0;
	order.request = TAKE(result->request);
	memcpy(order.digest, result->digest, sizeof(order.digest));
	r = backend_task_order(look->fs->backend, &order);
	if (r == -EAGAIN || r == -ENOMEM)
		return AGAIN_MS;
	if (r < 0 && r != -EALREADY)
		log_warn("event=order_failed task=%" PRIu64 " reason=\"%s\"",
			 look->number, strerror(-r));
	return 0;
}

/* The chain of dependencies leads back to this folder. */
static enum draft_outcome refuse_loop(struct draft_result *result)
{
	problem_set(&result->problem, PROBLEM_INVALID,
		    "this folder depends on itself: it is %s, which in turn waits for "
		    "this folder; remove one of these inputs",
		    result->waiting ? result->waiting : "waiting for another folder");
	return DRAFT_INVALID;
}

static int64_t archive(const struct look *look)
{
	int r = backend_task_archive_read(look->fs->backend, look->number, look->edits);

	return r == -EAGAIN || r == -ENOMEM ? AGAIN_MS : 0;
}

/*
 * Whether the path that was used for reading still leads to the folder. During a move it
 * does not, and neither the defaults above it nor inputs elsewhere were found.
 */
static bool is_in_place(const struct look *look)
{
	AUTOCLOSE int fd = tree_openat(&look->fs->tree, look->path, O_PATH | O_DIRECTORY);
	struct stat status;

	return fd >= 0 && !fstat(fd, &status) &&
	       status.st_ino == look->directory->inode &&
	       status.st_dev == look->directory->device;
}

/*
 * Acts on a draft that does not wait. Returns the time until the next check; 0: when
 * poked.
 */
static int64_t conclude(const struct look *look, enum draft_outcome outcome,
			struct draft_result *result)
{
	int64_t again_ms;
	int held = outcome == DRAFT_READY && !look->wish->is_now
			   ? refused_saves_hold(look->fs, look->number, look->directory,
						result, &result->problem)
			   : 0;

	if (held == -EINVAL)
		outcome = DRAFT_INVALID;
	else if (held)
		return held < 0 ? AGAIN_MS : 0;
	if (outcome == DRAFT_NOTHING) {
		refused_saves_wait_for_trigger(look->fs, look->number);
		return 0;
	}
	folder_set_waiting(look->fs, look->number, NULL);
	if (outcome == DRAFT_COPY)
		return archive(look);
	if (outcome == DRAFT_INVALID)
		return refuse(look, &result->problem, result->digest, look->wish->is_now);
	again_ms = hold_copy(look);
	return again_ms < 0 ? order(look, result) : again_ms;
}

/*
 * Acts on the folder's current content. Returns the time until the next check; 0: when
 * poked.
 */
static int64_t act(const struct look *look)
{
	struct filesystem *fs = look->fs;
	struct draft_result result = { 0 };
	enum draft_outcome outcome = DRAFT_NOTHING;
	int64_t again_ms;
	int r = draft_make(fs, look->directory, look->path, look->number, &result,
			   &outcome);

	if (!r && folder_set_waits_on(fs, look->number, result.waits_on))
		outcome = refuse_loop(&result);
	folder_each_in_loop(fs, due_soon, fs);
	if (r) {
		AUTOFREE char *waiting = text_format(
			"the folder cannot be read (%s); retrying automatically",
			strerror(-r));

		folder_set_waiting(fs, look->number, waiting);
		again_ms = AGAIN_MS * 5;
	} else if (!is_in_place(look)) {
		folder_set_waiting(fs, look->number, "the folder is being moved");
		again_ms = AGAIN_MS;
	} else if (outcome == DRAFT_WAITS) {
		folder_set_waiting(fs, look->number, result.waiting);
		again_ms = ELSEWHERE_MS;
	} else {
		again_ms = conclude(look, outcome, &result);
	}
	draft_result_clear(&result);
	return again_ms;
}

/*
 * An archive is ordered only after a `submit`, which ends that state. A folder that needs
 * `submit` is not ordered either, unless `submit` or `retry` was just written.
 */
static bool may_go(const struct task_view *view, const struct due_folder *wish)
{
	if (view->state != TASK_PENDING || view->order || view->is_removed)
		return false;
	return !view->is_archive && (wish->is_now || !view->needs_submit);
}

/*
 * Handles a folder that is not to be ordered. If it was refused because of a loop that
 * also involves other folders, it becomes due once the loop no longer exists.
 */
static void pass_over(struct filesystem *fs, uint64_t number,
		      const struct task_view *view)
{
	struct backend *backend = fs->backend;

	if (!view || view->state != TASK_INVALID) {
		folder_set_waits_on(fs, number, 0);
		return;
	}
	if (!folder_left_loop(fs, number) || backend_task_edit(backend, number))
		return;
	backend_task_edited(backend, number);
	due_poke(fs, number);
}

/*
 * Holds a folder with a temporary name: a program is still creating it or keeps it for
 * itself. `submit` orders it anyway.
 */
static bool wait_for_name(struct filesystem *fs, uint64_t number, const char *path)
{
	size_t size = 0;
	const char *name = path_scratch_folder(path, &size);
	AUTOFREE char *waiting =
		name ? text_format("the folder \"%.*s\" has a temporary name; rename it, "
				   "or write \"submit\" to status",
				   (int)size, name)
		     : NULL;

	if (!name)
		return false;
	folder_set_waits_on(fs, number, 0);
	folder_set_waiting(fs, number, waiting);
	return true;
}

/* Returns the time until the next check; 0: when poked. */
static int64_t look_at(struct look *look)
{
	struct filesystem *fs = look->fs;
	int64_t left_ms;

	look->path = nodes_path(&fs->nodes, look->directory);
	if (!look->path || folder_number(fs, look->directory) != look->number)
		return 0; /* removed meanwhile, or another task's folder now */
	if (path_is_in_trash(look->path)) {
		folder_set_waits_on(fs, look->number, 0);
		folder_set_waiting(fs, look->number, "the folder is in the trash");
		return 0;
	}
	if (!look->wish->is_wanted && wait_for_name(fs, look->number, look->path))
		return 0; /* a rename pokes: folders_moved() */
	left_ms = look->wish->is_now ? 0 : unquiet_ms(fs, look->directory);
	if (!left_ms)
		return act(look);
	folder_set_waiting(fs, look->number, NULL);
	return left_ms;
}

int64_t settle_look(struct filesystem *fs, const struct due_folder *wish)
{
	struct look look = {
		.fs = fs,
		.number = wish->number,
		.wish = wish,
		.edits = backend_task_edits(fs->backend, wish->number),
	};
	AUTOVIEW *view = backend_task_view(fs->backend, wish->number);
	int64_t again_ms = 0;

	if (!view || !may_go(view, wish)) {
		pass_over(fs, wish->number, view);
		return 0;
	}
	look.directory = folder_node(fs, wish->number);
	if (!look.directory)
		return 0;
	again_ms = look_at(&look);
	free(look.path);
	nodes_unref(&fs->nodes, look.directory, 1);
	return again_ms;
}
