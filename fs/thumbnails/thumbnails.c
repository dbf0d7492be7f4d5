#include "fs/thumbnails/thumbnails.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/base/thread.h"
#include "fs/folder/filesystem.h"
#include "fs/tree/path.h"
#include "fs/thumbnails/thumbnails_internal.h"

#include <errno.h>
#include <string.h>

#define ALL_KINDS ((1u << OUTPUT_COUNT) - 1)

/* --- life --- */

/* A cache inside the mount would be written through this very program. */
static bool has_cache(const struct filesystem *fs, struct thumbnail_cache *ret_cache)
{
	int r = thumbnail_cache_open(ret_cache);

	if (r) {
		log_info("event=no_thumbnails reason=\"%s\"",
			 r == -EPERM ? "the thumbnail cache belongs to another user"
				     : "no home directory");
		return false;
	}
	if (!path_lies_inside(ret_cache->path, fs->tree.mounted_at))
		return true;
	log_warn("event=no_thumbnails reason=\"the thumbnail cache is inside the mount "
		 "point\"");
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
	thumbnails->fetch_bytes = THUMBNAILS_FETCH_ALL_BYTES;
	pthread_mutex_init(&thumbnails->lock, NULL);
	pthread_cond_init(&thumbnails->has_work, NULL);
	*ret_thumbnails = thumbnails;
	return 0;
}

static void job_free(struct job *job)
{
	free(job->path);
	free(job);
}

static void free_queues(struct thumbnails *thumbnails)
{
	while (thumbnails->jobs) {
		struct job *job = thumbnails->jobs;

		thumbnails->jobs = job->next;
		job_free(job);
	}
	thumbnails_forget_early(thumbnails);
	free(thumbnails->looks);
}

void thumbnails_destroy(struct thumbnails *thumbnails)
{
	if (!thumbnails)
		return;
	free_queues(thumbnails);
	thumbnails_forget_all(thumbnails);
	thumbnail_maker_clear(&thumbnails->maker);
	thumbnail_cache_close(&thumbnails->cache);
	pthread_cond_destroy(&thumbnails->has_work);
	pthread_mutex_destroy(&thumbnails->lock);
	free(thumbnails);
}

/* --- the queue --- */

static void enqueue(struct thumbnails *thumbnails, struct job *job)
{
	SCOPED_LOCK(&thumbnails->lock);

	*thumbnails->jobs_end = job;
	thumbnails->jobs_end = &job->next;
	pthread_cond_signal(&thumbnails->has_work);
}

/* Takes the path. Returns false without memory, or if there are no thumbnails. */
static bool push(struct thumbnails *thumbnails, struct job job)
{
	struct job *copy = thumbnails ? malloc(sizeof(*copy)) : NULL;

	if (!copy) {
		free(job.path);
		return false;
	}
	*copy = job;
	enqueue(thumbnails, copy);
	thumbnail_maker_yield(&thumbnails->maker, true);
	return true;
}

void thumbnails_push_look(struct thumbnails *thumbnails, uint64_t number)
{
	SCOPED_LOCK(&thumbnails->lock);
	size_t capacity = thumbnails->look_capacity;
	uint64_t *grown;

	if (thumbnails->look_count == capacity) {
		capacity = capacity ? capacity * 2 : 64;
		grown = realloc(thumbnails->looks, capacity * sizeof(*grown));
		if (!grown)
			return;
		thumbnails->looks = grown;
		thumbnails->look_capacity = capacity;
	}
	thumbnails->looks[thumbnails->look_count++] = number;
	pthread_cond_signal(&thumbnails->has_work);
}

bool thumbnails_finishing(struct thumbnails *thumbnails, uint64_t number)
{
	return push(thumbnails, (struct job){ .kind = JOB_MAKE, .number = number });
}

void thumbnails_changed(struct thumbnails *thumbnails, uint64_t number)
{
	AUTOVIEW *view =
		thumbnails ? backend_task_view(thumbnails->fs->backend, number) : NULL;

	if (view && view->state == TASK_SUCCEEDED && !view->is_removed)
		thumbnails_push_look(thumbnails, number);
}

static void push_removal(struct thumbnails *thumbnails, uint64_t number, unsigned kinds,
			 char *folder)
{
	if (folder)
		push(thumbnails, (struct job){ .kind = JOB_REMOVE,
					       .number = number,
					       .kinds = kinds,
					       .path = folder });
}

void thumbnails_removed(struct thumbnails *thumbnails, uint64_t number, char *folder,
			enum output_kind kind)
{
	push_removal(thumbnails, number, 1u << kind, folder);
}

void thumbnails_folder_removed(struct thumbnails *thumbnails, uint64_t number,
			       char *folder)
{
	push_removal(thumbnails, number, ALL_KINDS, folder);
}

void thumbnails_folders_moved(struct thumbnails *thumbnails)
{
	if (!thumbnails)
		return;
	{
		SCOPED_LOCK(&thumbnails->lock);

		thumbnails->has_moved = true;
		pthread_cond_signal(&thumbnails->has_work);
	}
	thumbnail_maker_yield(&thumbnails->maker, true);
}

/* The lock is held. */
static bool add_early_move(struct thumbnails *thumbnails, char *from, char *to)
{
	size_t count = thumbnails->early_count;
	struct early_move *grown =
		realloc(thumbnails->early_moves, (count + 1) * sizeof(*grown));

	if (!grown)
		return false;
	thumbnails->early_moves = grown;
	grown[count] = (struct early_move){ from, to };
	thumbnails->early_count++;
	return true;
}

/*
 * Moves are recorded only until every folder is known; after that, its earlier place is
 * known, too.
 */
void thumbnails_moved(struct thumbnails *thumbnails, char *from, char *to)
{
	bool is_taken = false;

	if (thumbnails && from && to) {
		SCOPED_LOCK(&thumbnails->lock);

		is_taken = !thumbnails->is_walked && add_early_move(thumbnails, from, to);
	}
	if (!is_taken) {
		free(from);
		free(to);
	}
	thumbnails_folders_moved(thumbnails);
}

void thumbnails_walked(struct thumbnails *thumbnails)
{
	if (!thumbnails)
		return;
	SCOPED_LOCK(&thumbnails->lock);
	thumbnails->is_walked = true;
	pthread_cond_signal(&thumbnails->has_work);
}

/* --- the thread --- */

enum work {
	WORK_END,
	WORK_LOOK_AT_ALL,
	WORK_FOLLOW,
	WORK_JOB,
	WORK_LOOK,
};

/*
 * The next work; WORK_END: none. Moves come first, since another folder may have the old
 * path by now. The lock is held.
 */
static enum work next_work(const struct thumbnails *thumbnails, bool has_seen_all)
{
	if (thumbnails->is_walked && !has_seen_all)
		return WORK_LOOK_AT_ALL;
	if (thumbnails->is_walked && thumbnails->has_moved)
		return WORK_FOLLOW;
	if (thumbnails->jobs)
		return WORK_JOB;
	return thumbnails->is_walked && thumbnails->look_count ? WORK_LOOK : WORK_END;
}

static struct job *pop_job(struct thumbnails *thumbnails)
{
	struct job *job = thumbnails->jobs;

	thumbnails->jobs = job->next;
	if (!thumbnails->jobs)
		thumbnails->jobs_end = &thumbnails->jobs;
	return job;
}

/* Whether there is no work at all, so that the thread is about to wait. */
static bool is_idle(struct thumbnails *thumbnails, bool has_seen_all)
{
	SCOPED_LOCK(&thumbnails->lock);

	return next_work(thumbnails, has_seen_all) == WORK_END;
}

static enum work take_work(struct thumbnails *thumbnails, bool has_seen_all,
			   struct job **ret_job, uint64_t *ret_number)
{
	SCOPED_LOCK(&thumbnails->lock);
	enum work work;

	while (!thumbnails->is_stopping &&
	       (work = next_work(thumbnails, has_seen_all)) == WORK_END)
		pthread_cond_wait(&thumbnails->has_work, &thumbnails->lock);
	if (thumbnails->is_stopping)
		return WORK_END;
	if (work == WORK_JOB)
		*ret_job = pop_job(thumbnails);
	if (work == WORK_FOLLOW)
		thumbnails->has_moved = false;
	if (work == WORK_LOOK) {
		*ret_number = thumbnails->looks[--thumbnails->look_count];
		thumbnail_maker_yield(&thumbnails->maker, false);
	}
	return work;
}

static void run_job(struct thumbnails *thumbnails, struct job *job)
{
	if (job->kind == JOB_MAKE) {
		thumbnails_run_make(thumbnails, job);
		backend_task_show(thumbnails->fs->backend, job->number);
	} else {
		thumbnails_run_remove(thumbnails, job);
	}
	job_free(job);
}

static void *thumbnails_run(void *context)
{
	struct thumbnails *thumbnails = context;
	bool has_seen_all = false;
	struct job *job;
	uint64_t number;
	enum work work;

	while ((work = take_work(thumbnails, has_seen_all, &job, &number)) != WORK_END) {
		if (work == WORK_JOB)
			run_job(thumbnails, job);
		else if (work == WORK_LOOK)
			thumbnails_look(thumbnails, number);
		else if (work == WORK_FOLLOW)
			thumbnails_follow(thumbnails);
		else
			thumbnails_look_at_all(thumbnails);
		has_seen_all = has_seen_all || work == WORK_LOOK_AT_ALL;
		if (thumbnails->looking.is_on && is_idle(thumbnails, has_seen_all))
			thumbnails_looked(thumbnails);
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
	pthread_cond_signal(&thumbnails->has_work);
	pthread_mutex_unlock(&thumbnails->lock);
	thumbnail_maker_stop(&thumbnails->maker);
	pthread_join(thumbnails->thread, NULL);
	thumbnails->is_started = false;
}
