#include "fs/thumbnails.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/base/thread.h"
#include "fs/filesystem.h"
#include "fs/mount_point.h"
#include "fs/thumbnails_inside.h"

#include <errno.h>
#include <string.h>

#define ALL_KINDS ((1u << OUTPUT_COUNT) - 1)

/* --- life --- */

/* A cache that lies in the mount would be written through this very program. */
static bool has_cache(const struct filesystem *fs, struct thumbnail_cache *ret_cache)
{
	if (thumbnail_cache_open(ret_cache)) {
		log_info("event=no_thumbnails reason=\"there is no home directory\"");
		return false;
	}
	if (!mount_point_is_inside(ret_cache->path, fs->tree.shown_at))
		return true;
	log_warn(
		"event=no_thumbnails reason=\"their cache lies inside the mount point\"");
	thumbnail_cache_close(ret_cache);
	return false;
}

int thumbnails_create(struct filesystem *fs, struct thumbnails **ret_thumbnails)
{
	struct thumbnail_cache cache;
	struct thumbnails *thumbnails;
	int r;

	*ret_thumbnails = NULL;
	if (!backend_config(fs->backend)->makes_thumbnails || !has_cache(fs, &cache))
		return 0;
	thumbnails = calloc(1, sizeof(*thumbnails));
	r = thumbnails ? thumbnail_maker_init(&thumbnails->maker, fs->backend) : -ENOMEM;
	if (r) {
		thumbnail_cache_close(&cache);
		free(thumbnails);
		return r;
	}
	thumbnails->fs = fs;
	thumbnails->cache = cache;
	thumbnails->jobs_end = &thumbnails->jobs;
	pthread_mutex_init(&thumbnails->lock, NULL);
	pthread_cond_init(&thumbnails->has_job, NULL);
	*ret_thumbnails = thumbnails;
	return 0;
}

static void job_free(struct job *job)
{
	free(job->path);
	free(job->new_path);
	free(job);
}

void thumbnails_destroy(struct thumbnails *thumbnails)
{
	if (!thumbnails)
		return;
	while (thumbnails->jobs) {
		struct job *job = thumbnails->jobs;

		thumbnails->jobs = job->next;
		job_free(job);
	}
	thumbnail_maker_clear(&thumbnails->maker);
	thumbnail_cache_close(&thumbnails->cache);
	pthread_cond_destroy(&thumbnails->has_job);
	pthread_mutex_destroy(&thumbnails->lock);
	free(thumbnails->made);
	free(thumbnails);
}

/* --- which have been made --- */

/* The place of a number; the lock is held. */
static size_t place_of(const struct thumbnails *thumbnails, uint64_t number)
{
	size_t from = 0, to = thumbnails->made_count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (thumbnails->made[middle].number < number)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* The lock is held. NULL: nothing is known of it. */
static struct made *find_made(const struct thumbnails *thumbnails, uint64_t number)
{
	size_t at = place_of(thumbnails, number);

	return at < thumbnails->made_count && thumbnails->made[at].number == number
		       ? &thumbnails->made[at]
		       : NULL;
}

/* The same; it is made. NULL without memory. */
static struct made *add_made(struct thumbnails *thumbnails, uint64_t number)
{
	struct made *made = find_made(thumbnails, number);
	size_t at, count = thumbnails->made_count;

	if (made)
		return made;
	made = realloc(thumbnails->made, (count + 1) * sizeof(*made));
	if (!made)
		return NULL;
	thumbnails->made = made;
	at = place_of(thumbnails, number);
	memmove(made + at + 1, made + at, (count - at) * sizeof(*made));
	made[at] = (struct made){ .number = number };
	thumbnails->made_count++;
	return &made[at];
}

bool thumbnails_is_shown(const struct task_view *view, enum output_kind kind)
{
	unsigned hidden = kind == OUTPUT_VIDEO ? HIDDEN_VIDEO : HIDDEN_LAST_FRAME;

	return view->outputs[kind].is_ready && !(view->hidden & hidden);
}

/* Whether some output that is shown has none yet; from now on it counts as made. */
static bool note_made(struct made *made, const struct task_view *view)
{
	bool is_new = false;

	for (int kind = 0; kind < OUTPUT_COUNT; kind++) {
		if (!thumbnails_is_shown(view, (enum output_kind)kind) ||
		    made->versions[kind] == view->outputs[kind].version)
			continue;
		made->versions[kind] = view->outputs[kind].version;
		is_new = true;
	}
	return is_new;
}

void thumbnails_note(struct thumbnails *thumbnails, const struct task_view *view)
{
	SCOPED_LOCK(&thumbnails->lock);
	struct made *made = add_made(thumbnails, view->number);

	if (made)
		note_made(made, view);
}

/* --- what is to be done --- */

/* Takes the paths. False without memory, and where there are no thumbnails. */
static bool push(struct thumbnails *thumbnails, struct job job)
{
	struct job *copy = thumbnails ? malloc(sizeof(*copy)) : NULL;

	if (!copy) {
		free(job.path);
		free(job.new_path);
		return false;
	}
	*copy = job;
	SCOPED_LOCK(&thumbnails->lock);
	*thumbnails->jobs_end = copy;
	thumbnails->jobs_end = &copy->next;
	pthread_cond_signal(&thumbnails->has_job);
	return true;
}

bool thumbnails_finishing(struct thumbnails *thumbnails, uint64_t number)
{
	return push(thumbnails,
		    (struct job){ .kind = JOB_MAKE, .number = number, .is_held = true });
}

static bool is_outdated(struct thumbnails *thumbnails, const struct task_view *view)
{
	SCOPED_LOCK(&thumbnails->lock);
	struct made *made = find_made(thumbnails, view->number);

	return made && note_made(made, view);
}

void thumbnails_changed(struct thumbnails *thumbnails, uint64_t number)
{
	AUTOVIEW *view =
		thumbnails ? backend_task_view(thumbnails->fs->backend, number) : NULL;

	if (view && view->state == TASK_SUCCEEDED && !view->is_removed &&
	    is_outdated(thumbnails, view))
		push(thumbnails, (struct job){ .kind = JOB_MAKE, .number = number });
}

static void forget(struct thumbnails *thumbnails, uint64_t number, enum output_kind kind)
{
	SCOPED_LOCK(&thumbnails->lock);
	struct made *made = add_made(thumbnails, number);

	if (made)
		made->versions[kind] = 0;
}

void thumbnails_removed(struct thumbnails *thumbnails, uint64_t number, char *folder,
			enum output_kind kind)
{
	struct job job = { .kind = JOB_REMOVE, .number = number, .path = folder };

	if (thumbnails)
		forget(thumbnails, number, kind);
	job.kinds = 1u << kind;
	if (folder)
		push(thumbnails, job);
}

void thumbnails_folder_removed(struct thumbnails *thumbnails, uint64_t number,
			       char *folder)
{
	if (folder)
		push(thumbnails, (struct job){ .kind = JOB_REMOVE,
					       .number = number,
					       .kinds = ALL_KINDS,
					       .path = folder });
}

void thumbnails_moved(struct thumbnails *thumbnails, char *from, char *to)
{
	if (!from || !to) {
		free(from);
		free(to);
		return;
	}
	push(thumbnails, (struct job){ .kind = JOB_MOVE, .path = from, .new_path = to });
}

/* --- the thread --- */

static struct job *take_job(struct thumbnails *thumbnails)
{
	SCOPED_LOCK(&thumbnails->lock);
	struct job *job;

	while (!thumbnails->jobs && !thumbnails->is_stopping)
		pthread_cond_wait(&thumbnails->has_job, &thumbnails->lock);
	if (thumbnails->is_stopping)
		return NULL;
	job = thumbnails->jobs;
	thumbnails->jobs = job->next;
	if (!thumbnails->jobs)
		thumbnails->jobs_end = &thumbnails->jobs;
	return job;
}

static void *thumbnails_run(void *context)
{
	struct thumbnails *thumbnails = context;
	struct job *job;

	while ((job = take_job(thumbnails))) {
		if (job->kind == JOB_MAKE)
			thumbnails_run_make(thumbnails, job);
		else if (job->kind == JOB_REMOVE)
			thumbnails_run_remove(thumbnails, job);
		else
			thumbnails_run_move(thumbnails, job);
		if (job->is_held)
			backend_task_show(thumbnails->fs->backend, job->number);
		job_free(job);
	}
	return NULL;
}

int thumbnails_start(struct thumbnails *thumbnails)
{
	int r;

	if (!thumbnails)
		return 0;
	r = thread_start(&thumbnails->thread, thumbnails_run, thumbnails);
	thumbnails->is_started = r == 0;
	return r;
}

void thumbnails_stop(struct thumbnails *thumbnails)
{
	if (!thumbnails || !thumbnails->is_started)
		return;
	pthread_mutex_lock(&thumbnails->lock);
	thumbnails->is_stopping = true;
	pthread_cond_signal(&thumbnails->has_job);
	pthread_mutex_unlock(&thumbnails->lock);
	thumbnail_maker_stop(&thumbnails->maker);
	pthread_join(thumbnails->thread, NULL);
	thumbnails->is_started = false;
}
