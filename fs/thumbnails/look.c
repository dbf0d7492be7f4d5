/*
 * In the background: makes the thumbnails of succeeded tasks that are missing in the
 * cache, if that is cheap. thumbnails.h describes what it may cost.
 */
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "fs/folder/filesystem.h"
#include "fs/thumbnails/thumbnails_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#define LINK_LEAST_S 600 /* a link that expires sooner is not used */

/* --- what to check --- */

struct numbers {
	uint64_t *items;
	size_t count, capacity;
};

static void collect(void *context, struct task_view *view)
{
	struct numbers *numbers = context;
	size_t capacity = numbers->capacity ? numbers->capacity * 2 : 256;

	if (view->state != TASK_SUCCEEDED || view->is_removed)
		return;
	if (numbers->count == numbers->capacity) {
		uint64_t *grown = realloc(numbers->items, capacity * sizeof(*grown));

		if (!grown)
			return;
		numbers->items = grown;
		numbers->capacity = capacity;
	}
	numbers->items[numbers->count++] = view->number;
}

/*
 * Notes where the task's folder was at the start, since its thumbnails, if any, name that
 * path.
 */
static void know_folder(struct thumbnails *thumbnails, uint64_t number)
{
	const struct known *known = thumbnails_find(thumbnails, number);
	AUTOFREE char *now =
		known && known->folder ? NULL : thumbnails_folder(thumbnails->fs, number);
	AUTOFREE char *then = now ? thumbnails_early_path(thumbnails, now) : NULL;

	if (then)
		thumbnails_set_folder(thumbnails, number, then);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void thumbnails_look_at_all(struct thumbnails *thumbnails)
{
	struct numbers numbers = { 0 };

	thumbnails->looking.is_on = true;
	thumbnails->looking.cpu_ms = clock_ms(CLOCK_THREAD_CPUTIME_ID);
	backend_task_each(thumbnails->fs->backend, collect, &numbers);
	if (numbers.count)
		qsort(numbers.items, numbers.count, sizeof(*numbers.items),
		      compare_numbers);
	for (size_t i = 0; i < numbers.count; i++) {
		know_folder(thumbnails, numbers.items[i]);
		thumbnails_push_look(thumbnails, numbers.items[i]);
	}
	free(numbers.items);
	thumbnails_forget_early(thumbnails);
}

void thumbnails_looked(struct thumbnails *thumbnails)
{
	struct looking *looking = &thumbnails->looking;

	log_info(
		"event=thumbnails_checked tasks=%zu made=%zu missing=%zu cpu_ms=%" PRId64,
		looking->tasks, looking->made, looking->lacking,
		clock_ms(CLOCK_THREAD_CPUTIME_ID) - looking->cpu_ms);
	looking->is_on = false;
}

/* --- one task --- */

/* Whether everything that an output shows is in the cache already. */
static bool is_served(struct thumbnails *thumbnails, const struct task_view *view,
		      const char *folder, enum output_kind kind)
{
	AUTOFREE char *file = thumbnails_output_path(thumbnails->fs, folder, kind);
	unsigned found = file ? thumbnail_cache_look(&thumbnails->cache, file,
						     view->outputs[kind].mtime)
			      : 0;

	return (found & THUMBNAIL_ALL) == THUMBNAIL_ALL || found & THUMBNAIL_FAILED;
}

/* What to do for a task. */
struct need {
	bool is_any;	   /* something may be missing in the cache */
	bool has_outdated; /* they are of an earlier version, whatever their time */
};

static struct need need_of(const struct known *known, const struct task_view *view)
{
	struct need need = { false, false };

	for (int kind = 0; kind < OUTPUT_COUNT; kind++) {
		if (!thumbnails_is_shown(view, (enum output_kind)kind) ||
		    known->versions[kind] == view->outputs[kind].version)
			continue;
		need.is_any = true;
		need.has_outdated = need.has_outdated || known->versions[kind];
	}
	need.is_any = need.is_any && !thumbnails_is_hopeless(known, view);
	return need;
}

static bool is_served_all(struct thumbnails *thumbnails, const struct task_view *view,
			  const char *folder)
{
	for (int kind = 0; kind < OUTPUT_COUNT; kind++)
		if (thumbnails_is_shown(view, (enum output_kind)kind) &&
		    !is_served(thumbnails, view, folder, (enum output_kind)kind))
			return false;
	return true;
}

/* The bytes that may be fetched for a task. */
static uint64_t may_fetch(struct thumbnails *thumbnails, const struct task_view *view)
{
	bool is_guess, is_lost = view->outputs[OUTPUT_VIDEO].is_lost ||
				 view->outputs[OUTPUT_LAST_FRAME].is_lost;
	int64_t expires_s =
		backend_link_expires_s(thumbnails->fs->backend, view, &is_guess);

	if (thumbnails->is_unreachable || is_lost ||
	    expires_s < clock_wall_ms() / 1000 + LINK_LEAST_S)
		return 0;
	return thumbnails->fetch_bytes < THUMBNAILS_FETCH_BYTES ? thumbnails->fetch_bytes
								: THUMBNAILS_FETCH_BYTES;
}

static int make_cheaply(struct thumbnails *thumbnails, const struct task_view *view,
			const char *folder, bool is_kept)
{
	uint64_t most = may_fetch(thumbnails, view);
	struct thumbnail_effort effort = { .is_idle = true, .fetch_bytes = most };
	int r = thumbnails_make(thumbnails, view, folder, &effort, is_kept);

	thumbnails->fetch_bytes -= most - effort.fetch_bytes;
	if (r == -ETIMEDOUT || r == -EIO)
		thumbnails->is_unreachable = true;
	return r;
}

/* Counts and logs the result. */
static void log_result(struct thumbnails *thumbnails, uint64_t number, int r,
		       int64_t start_ms)
{
	struct looking *looking = &thumbnails->looking;

	if (r) {
		looking->lacking++;
		if (r != -EDQUOT)
			thumbnails_complain(thumbnails, number, r);
		return;
	}
	looking->made++;
	log_info("event=thumbnails_later task=%" PRIu64 " ms=%" PRId64, number,
		 clock_boot_ms() - start_ms);
}

static void look_at(struct thumbnails *thumbnails, const struct task_view *view,
		    const char *folder, bool has_outdated)
{
	struct known *known = thumbnails_find(thumbnails, view->number);
	int64_t start_ms = clock_boot_ms();
	int r;

	thumbnails->looking.tasks++;
	if (!has_outdated && is_served_all(thumbnails, view, folder)) {
		thumbnails_note(known, view);
		return;
	}
	r = make_cheaply(thumbnails, view, folder, !has_outdated);
	if (r == -EAGAIN) { /* it yielded: try again later */
		thumbnails->looking.tasks--;
		thumbnails_push_look(thumbnails, view->number);
	} else if (r != -ECANCELED) {
		log_result(thumbnails, view->number,
			   thumbnails_note_result(thumbnails, view, folder, r), start_ms);
	}
}

void thumbnails_look(struct thumbnails *thumbnails, uint64_t number)
{
	AUTOVIEW *view = backend_task_view(thumbnails->fs->backend, number);
	AUTOFREE char *folder = NULL;
	const struct known *known;
	struct need need;

	if (!view || view->state != TASK_SUCCEEDED || view->is_removed ||
	    thumbnails->is_idle_over)
		return;
	folder = thumbnails_folder(thumbnails->fs, number);
	known = folder ? thumbnails_know(thumbnails, number) : NULL;
	if (!known ||
	    (!known->folder && thumbnails_set_folder(thumbnails, number, folder)))
		return;
	need = need_of(known, view);
	if (need.is_any && strcmp(known->folder, folder) != 0) { /* it just moved */
		thumbnails_push_look(thumbnails, number);
		thumbnails_folders_moved(thumbnails);
	} else if (need.is_any) {
		look_at(thumbnails, view, folder, need.has_outdated);
	}
}
