#include "backend/media/prefetch/prefetch.h"
#include "backend/media/prefetch/prefetch_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/core/section.h"
#include "backend/http/link.h"
#include "backend/media/store/media_file.h"
#include "backend/media/stream/files.h"

#include <errno.h>
#include <inttypes.h>

#define FILES_AT_ONCE 2
#define QUIET_MS 1000	 /* since somebody waited for bytes */
#define POLL_MS 500	 /* while others are in the way */
#define PLAN_MS 600000	 /* the wall clock may have been set meanwhile */
#define TURNS_AT_ONCE 16 /* of those that are complete */

/* --- the table --- */

static struct prefetch_job *find_from(struct prefetch_job *job, uint64_t number,
				      enum output_kind kind)
{
	while (job && (job->number != number || job->kind != kind))
		job = job->next;
	return job;
}

struct prefetch_job *prefetch_job_find(const struct backend *backend, uint64_t number,
				       enum output_kind kind)
{
	return find_from(backend->prefetching->jobs, number, kind);
}

struct prefetch_job *prefetch_job_add(struct backend *backend, uint64_t number,
				      enum output_kind kind)
{
	struct prefetch_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->backend = backend;
	job->number = number;
	job->kind = kind;
	job->at_ms = INT64_MAX;
	job->next = backend->prefetching->jobs;
	backend->prefetching->jobs = job;
	return job;
}

void prefetch_job_release(struct prefetch_job *job, int64_t delay_ms)
{
	struct backend *backend = job->backend;
	struct media *media = TAKE(job->media);

	job->is_fetching = false;
	job->at_ms = delay_ms == INT64_MAX ? INT64_MAX : clock_boot_ms() + delay_ms;
	if (media) {
		media_set_job(media, NULL);
		backend_media_close(backend, media);
	}
	prefetch_set_timer(backend, 0);
}

void prefetch_job_drop(struct prefetch_job *job)
{
	struct backend *backend = job->backend;
	struct prefetch_job **at = &backend->prefetching->jobs;

	prefetch_job_release(job, INT64_MAX);
	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	backend->media_needs->forget_refresh(backend, job);
	free(job);
}

void prefetch_drop(struct backend *backend, uint64_t number, enum output_kind kind)
{
	struct prefetch_job *next;

	for (struct prefetch_job *job = backend->prefetching->jobs; job; job = next) {
		next = job->next;
		if (job->number == number && (kind == OUTPUT_COUNT || job->kind == kind))
			prefetch_job_drop(job);
	}
}

void prefetching_destroy(struct backend *backend)
{
	struct prefetching *prefetching = backend->prefetching;

	while (prefetching && prefetching->jobs) {
		struct prefetch_job *job = prefetching->jobs;

		prefetching->jobs = job->next;
		if (job->media)
			media_set_job(job->media, NULL); /* the streams destroy it */
		backend->media_needs->forget_refresh(backend, job);
		free(job);
	}
	if (prefetching)
		timer_clear(&backend->timers, &prefetching->timer);
	free(prefetching);
}

/* --- when --- */

static bool is_wanted(const struct task_view *view, enum output_kind kind)
{
	const struct output *output = view ? &view->outputs[kind] : NULL;

	return view && !view->is_removed && !output->is_removed && !output->is_whole &&
	       !output->is_lost && !output->is_dead;
}

void prefetch_job_plan(struct prefetch_job *job, const struct task_view *view)
{
	const struct output *output = &view->outputs[job->kind];
	int64_t expires_s = link_expires_at(output->url), now_ms = clock_wall_ms();
	const struct provider_section *section = backend_section_of(job->backend, view);
	int64_t life_s = section ? section->provider->link_life_s : PROVIDER_LINK_LIFE_S;

	job->life.begin_ms =
		view->state == TASK_SUCCEEDED && view->since_ms ? view->since_ms : now_ms;
	job->life.end_ms = expires_s ? expires_s * 1000 - job->ahead_ms
				     : job->life.begin_ms + life_s * 1000;
	if (job->has_begun || job->media)
		return;
	job->at_ms = clock_boot_ms();
	if (job->backend->config->keep == KEEP_RESCUE && !output->is_refetched &&
	    !job->is_complete && job->requests < KEEP_REQUESTS_LOW &&
	    prefetch_begin_ms(&job->life) > now_ms)
		job->at_ms += prefetch_begin_ms(&job->life) - now_ms;
}

/* What is complete on disk only lacks its end, which asks nobody for anything. */
static void look_at(struct backend *backend, const struct task_view *view,
		    enum output_kind kind, struct prefetch_job *job)
{
	const struct output *output = &view->outputs[kind];
	bool is_complete;

	if (!output->is_ready || !is_wanted(view, kind))
		return;
	is_complete = backend_media_kept(backend, view, kind) >= output->size;
	if (backend->config->keep == KEEP_LAZY && !is_complete && !output->is_refetched)
		return;
	if (!job)
		job = prefetch_job_add(backend, view->number, kind);
	if (!job)
		return;
	job->is_complete = is_complete;
	prefetch_job_plan(job, view);
	if (job->media || job->is_refreshing)
		return;
	if (job->at_ms == INT64_MAX)
		job->at_ms = clock_boot_ms();
}

void prefetch_task(struct backend *backend, uint64_t number)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	if (!view || view->state != TASK_SUCCEEDED)
		return;
	for (int i = 0; i < OUTPUT_COUNT; i++)
		look_at(backend, view, (enum output_kind)i,
			prefetch_job_find(backend, number, (enum output_kind)i));
	prefetch_set_timer(backend, 0);
}

/* --- at start --- */

/* How often the link was used before the program started. */
static void recall_requests(struct prefetch_job *job, const struct task_view *view)
{
	const struct output *output = &view->outputs[job->kind];
	AUTOFREE char *file = media_file_name(job->kind, output->version);
	AUTOFREE char *name =
		file ? text_format("%" PRIu64 "/%s", view->number, file) : NULL;

	job->link = prefetch_link_number(output->url);
	if (name)
		job->requests = media_file_look_requests(job->backend->media_directory,
							 name, job->link);
	prefetch_job_plan(job, view);
}

struct first_look {
	struct backend *backend;
	struct prefetch_job *early; /* those that a reader brought about before */
};

static void look_visit(void *context, struct task_view *view)
{
	const struct first_look *look = context;
	struct backend *backend = look->backend;

	if (view->state != TASK_SUCCEEDED)
		return;
	for (int i = 0; i < OUTPUT_COUNT; i++) {
		struct prefetch_job *before = backend->prefetching->jobs;

		look_at(backend, view, (enum output_kind)i,
			find_from(look->early, view->number, (enum output_kind)i));
		if (backend->prefetching->jobs != before)
			recall_requests(backend->prefetching->jobs, view);
	}
}

static void look_at_all(struct backend *backend)
{
	struct first_look look = { backend, backend->prefetching->jobs };

	backend->prefetching->starts = false;
	tasks_each(backend->tasks, look_visit, &look);
}

void prefetch_start(struct backend *backend)
{
	backend->prefetching->starts = true;
	timer_set(&backend->timers, &backend->prefetching->timer, clock_boot_ms());
}

/* --- whose turn it is --- */

/* Nobody waits for any bytes, or did a moment ago. */
static bool is_quiet(struct backend *backend)
{
	return clock_boot_ms() - backend->prefetching->read_ms >= QUIET_MS &&
	       !media_any_is_read(backend);
}

bool prefetch_job_is_urgent(const struct prefetch_job *job)
{
	return prefetch_is_urgent(&job->life, job->requests, clock_wall_ms());
}

static unsigned count_fetched(const struct backend *backend)
{
	unsigned count = 0;

	for (const struct prefetch_job *job = backend->prefetching->jobs; job;
	     job = job->next)
		count += job->media != NULL;
	return count;
}

/* What is complete takes nobody's place. */
static bool may_begin(const struct prefetch_job *job, unsigned fetched, bool is_quiet_now)
{
	if (job->is_complete)
		return true;
	return fetched < FILES_AT_ONCE && (is_quiet_now || prefetch_job_is_urgent(job));
}

static struct prefetch_job *next_due(struct backend *backend, int64_t now_ms)
{
	unsigned fetched = count_fetched(backend);
	bool is_quiet_now = is_quiet(backend);
	struct prefetch_job *first = NULL;
	struct prefetch_rank first_rank = { 0 };

	for (struct prefetch_job *job = backend->prefetching->jobs; job;
	     job = job->next) {
		struct prefetch_rank rank = { prefetch_job_is_urgent(job),
					      job->life.end_ms };

		if (job->media || job->at_ms > now_ms ||
		    !may_begin(job, fetched, is_quiet_now) ||
		    (first && !prefetch_goes_first(&rank, &first_rank)))
			continue;
		first = job;
		first_rank = rank;
	}
	return first;
}

void prefetch_set_timer(struct backend *backend, int64_t least_ms)
{
	int64_t now_ms = clock_boot_ms(), at_ms = INT64_MAX;

	for (const struct prefetch_job *job = backend->prefetching->jobs; job;
	     job = job->next)
		if (!job->media && job->at_ms < at_ms)
			at_ms = job->at_ms;
	if (backend->prefetching->jobs && at_ms > now_ms + PLAN_MS)
		at_ms = now_ms + PLAN_MS;
	if (at_ms < now_ms + least_ms)
		at_ms = now_ms + least_ms;
	if (at_ms == INT64_MAX)
		timer_clear(&backend->timers, &backend->prefetching->timer);
	else
		timer_set(&backend->timers, &backend->prefetching->timer, at_ms);
}

static void begin(struct prefetch_job *job)
{
	struct backend *backend = job->backend;
	AUTOVIEW *view = tasks_view(backend->tasks, job->number);

	if (!is_wanted(view, job->kind)) {
		prefetch_job_drop(job);
		return;
	}
	if (view->state != TASK_SUCCEEDED) { /* an attempt of its own makes a new one */
		prefetch_job_drop(job);
		return;
	}
	job->at_ms = INT64_MAX;
	if (!view->outputs[job->kind].is_ready)
		return; /* prefetch_task() comes when it is shown again */
	prefetch_job_plan(job, view);
	job->has_begun = true;
	job->at_ms = INT64_MAX;
	if (backend_media_open(backend, job->number, job->kind,
			       view->outputs[job->kind].version, &job->media)) {
		prefetch_job_retry(job, 0);
		return;
	}
	media_set_job(job->media, job);
	media_pump(job->media);
}

/* The wall clock may have been set since the times were reckoned. */
static void plan_again(struct backend *backend, int64_t now_ms)
{
	if (now_ms < backend->prefetching->plan_ms)
		return;
	backend->prefetching->plan_ms = now_ms + PLAN_MS;
	for (struct prefetch_job *job = backend->prefetching->jobs; job;
	     job = job->next) {
		AUTOVIEW *view = tasks_view(backend->tasks, job->number);

		if (view && view->state == TASK_SUCCEEDED)
			prefetch_job_plan(job, view);
	}
}

static void turn_due(void *context)
{
	struct backend *backend = context;
	int64_t now_ms = clock_boot_ms();
	struct prefetch_job *job = NULL;
	unsigned turns = 0;

	if (backend->prefetching->starts)
		look_at_all(backend);
	plan_again(backend, now_ms);
	while (turns++ < TURNS_AT_ONCE && (job = next_due(backend, now_ms)))
		begin(job);
	prefetch_set_timer(backend, POLL_MS);
}

int prefetching_create(struct backend *backend)
{
	static const struct stream_events events = {
		.link_used = prefetch_count,
		.head_came = prefetch_heard,
		.reader_waits = prefetch_reader_waits,
		.pumped = prefetch_pumped,
		.failed = prefetch_failed,
		.gave_up = prefetch_gave_up,
		.disk_failed = prefetch_disk_failed,
		.lacks_room = prefetch_lacks_room,
		.whole = prefetch_whole,
	};

	backend->prefetching = calloc(1, sizeof(*backend->prefetching));
	if (!backend->prefetching)
		return -ENOMEM;
	timer_init(&backend->prefetching->timer, turn_due, backend);
	streaming_set_events(backend, &events);
	return 0;
}
