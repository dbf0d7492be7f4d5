#include "backend/media/prefetch/prefetch_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/media/prefetch/prefetch.h"
#include "backend/media/store/media_file.h"
#include "backend/media/stream/files.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define TRIES_MAX 60 /* that failed: over six days, longer than links and tasks last */
#define WORTH_BYTES (64u << 10)
#define NO_DISK_MS 300000 /* each try uses the link once more */
#define NO_MEMORY_MS 10000
#define LOOK_FOR_ROOM_MS 10000 /* costs nothing */

/* --- what people are told --- */

static const char *note_head(enum output_kind kind)
{
	return kind == OUTPUT_VIDEO ? "video.mp4 on disk: " : "last_frame.png on disk: ";
}

/* The video's note is not overwritten by the last frame's. */
static void set_note(struct task_view *view, enum output_kind kind, const char *text)
{
	if (kind == OUTPUT_VIDEO || !view->note)
		task_format_text(view, &view->note, "%s%s", note_head(kind), text);
}

static void clear_note(struct task_view *view, enum output_kind kind)
{
	if (view->note && text_starts_with(view->note, note_head(kind)))
		task_set_text(view, &view->note, NULL);
}

static int kept_percent(struct prefetch_job *job, const struct task_view *view)
{
	uint64_t size = view->outputs[job->kind].size;

	return size ? (int)(backend_media_kept(job->backend, view, job->kind) * 100 /
			    size)
		    : 0;
}

/* --- it failed --- */

/* Nothing more of the version is fetched. In tasks_begin() … */
static void enter_whole(struct task_view *view, enum output_kind kind, bool is_right)
{
	view->outputs[kind].is_whole = true;
	view->outputs[kind].is_lost = false;
	clear_note(view, kind);
	if (!is_right)
		set_note(view, kind,
			 "no download matched the digest that the media host sent; the "
			 "file may be damaged");
}

static int mark_whole(struct backend *backend, uint64_t number, enum output_kind kind,
		      bool is_right)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	uint32_t version;
	int r;

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	enter_whole(view, kind, is_right);
	version = view->outputs[kind].version;
	r = tasks_commit(backend->tasks, view);
	if (!r)
		media_drop_older(backend, number, kind, version);
	return r;
}

/* Whether all of a version is on disk, shown or not. */
static bool is_complete(struct backend *backend, const struct task_view *view,
			enum output_kind kind, uint32_t version)
{
	const struct output *output = &view->outputs[kind];

	return media_look(backend, view->number, kind, version, output->size,
			  output->etag) >= output->size;
}

/* Shows a version that is all on disk, in one change. 1, or -errno. */
static int show_complete(struct backend *backend, uint64_t number, enum output_kind kind,
			 uint32_t version)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	int r;

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	view->outputs[kind].version = version;
	view->outputs[kind].is_ready = true;
	view->listing_ms = clock_wall_ms();
	enter_whole(view, kind, false);
	r = tasks_commit(backend->tasks, view);
	if (r)
		return r;
	media_drop_older(backend, number, kind, version);
	return 1;
}

/* The copy before this one is all there: better than a part of it. 1, 0 or -errno. */
static int goes_back(struct prefetch_job *job)
{
	struct backend *backend = job->backend;
	AUTOVIEW *view = tasks_view(backend->tasks, job->number);
	const struct output *output = view ? &view->outputs[job->kind] : NULL;

	if (!output || !output->is_refetched || output->version < 2 ||
	    !is_complete(backend, view, job->kind, output->version - 1))
		return 0;
	return show_complete(backend, job->number, job->kind, output->version - 1);
}

/* There is no hope left, but that somebody asks for it. Drops the keeper. */
static void lose_it(struct prefetch_job *job)
{
	struct backend *backend = job->backend;
	AUTOVIEW *before = tasks_view(backend->tasks, job->number);
	int percent = before ? kept_percent(job, before) : 0;
	struct task_view *view = tasks_begin(backend->tasks, job->number);
	bool is_over = clock_wall_ms() >= job->life.end_ms;
	AUTOFREE char *text =
		text_format("only %d%% %s (%s); write \"fetch\" to status to try again, "
			    "look for the file in the service's console, or submit the "
			    "request again in a new folder",
			    percent,
			    is_over ? "was downloaded before the link expired"
				    : "could be downloaded",
			    job->why);

	log_warn("event=not_kept task=%" PRIu64 " percent=%d reason=\"%s\"", job->number,
		 percent, job->why);
	if (view) {
		view->outputs[job->kind].is_lost = true;
		set_note(view, job->kind, text ? text : "the download failed");
		tasks_try_commit(backend->tasks, view);
	}
	prefetch_job_drop(job);
}

static void lose(struct prefetch_job *job)
{
	int r = goes_back(job);

	if (r > 0)
		prefetch_job_drop(job);
	else if (r < 0)
		prefetch_job_release(job, NO_MEMORY_MS);
	else
		lose_it(job);
}

void prefetch_job_retry(struct prefetch_job *job, int64_t least_ms)
{
	int64_t left_ms = job->life.end_ms - clock_wall_ms(), delay_ms;

	job->failures++;
	if (++job->tries > TRIES_MAX) {
		lose(job);
		return;
	}
	delay_ms = prefetch_retry_ms(job->failures, left_ms);
	prefetch_job_release(job, delay_ms > least_ms ? delay_ms : least_ms);
}

/*
 * The service was asked for a fresh link. A dead one that it has nothing better for is
 * dead for ever; one that should live is only refused just now.
 */
static void refreshed(void *context, int result)
{
	struct prefetch_job *job = context;
	AUTOVIEW *view = tasks_view(job->backend->tasks, job->number);
	bool is_answered = !result || result == -ENODATA || result == -ENOENT;
	bool is_other = view && !result &&
			prefetch_link_number(view->outputs[job->kind].url) != job->link;

	job->is_refreshing = false;
	if (view)
		prefetch_job_plan(job, view);
	if (job->was_refused && is_answered && !is_other &&
	    clock_wall_ms() >= job->life.end_ms)
		lose(job);
	else
		prefetch_job_retry(job, 0);
}

static void wait_for_disk(struct prefetch_job *job, const char *why, int64_t delay_ms)
{
	snprintf(job->why, sizeof(job->why), "%s", why);
	media_stop_pieces(job->media, 0);
	prefetch_job_release(job, delay_ms); /* no fault of the server's */
}

void prefetch_disk_failed(struct media *media, const char *why)
{
	struct prefetch_job *job = media_job(media);

	if (job)
		wait_for_disk(job, why, NO_DISK_MS);
}

void prefetch_no_room(struct prefetch_job *job)
{
	if (!job->lacks_room)
		media_note_no_room(job->media, strerror(ENOSPC));
	job->lacks_room = true;
	wait_for_disk(job, strerror(ENOSPC), LOOK_FOR_ROOM_MS);
}

/* Readers and whoever wants all of it now have their own way to go on. */
bool prefetch_failed(struct media *media, const struct media_failure *failure)
{
	struct prefetch_job *job = media_job(media);
	const struct http_response *response = failure->response;

	if (!job || !failure->is_background)
		return false;
	snprintf(job->why, sizeof(job->why), "%s", failure->why);
	if (failure->brought >= WORTH_BYTES)
		job->failures = job->tries = 0;
	job->was_refused = failure->is_refused;
	if (media_is_wanted(media)) {
		prefetch_job_retry(job, response->retry_after_ms);
		return false;
	}
	if (job->was_refused || response->outcome == HTTP_NOT_SENT) {
		struct backend *backend = job->backend;

		prefetch_job_release(job, INT64_MAX);
		job->is_refreshing = true;
		backend->media_needs->refresh_links(backend, job->number, refreshed, job);
	} else {
		prefetch_job_retry(job, response->retry_after_ms);
	}
	return true;
}

void prefetch_gave_up(struct media *media, const char *why)
{
	struct prefetch_job *job = media_job(media);

	if (!job)
		return;
	snprintf(job->why, sizeof(job->why), "%s", why);
	prefetch_job_retry(job, 0);
}

/* --- it is whole --- */

/*
 * The bytes are not what the server promised: the output's next version is fetched, once.
 * Until that one's size is known the file is not shown, and its bytes stay on disk.
 */
static bool fetch_again(struct media *media)
{
	struct backend *backend = media_backend(media);
	struct media_id id = media_id(media);
	struct task_view *view = tasks_begin(backend->tasks, id.number);
	struct output *output = view ? &view->outputs[id.kind] : NULL;
	struct prefetch_job *job = prefetch_job_find(backend, id.number, id.kind);

	if (!view)
		return false;
	if (output->version != id.version || output->is_refetched || !output->url) {
		tasks_abandon(backend->tasks, view);
		return false;
	}
	output->is_refetched = true;
	output->is_ready = false;
	view->listing_ms = clock_wall_ms();
	if (tasks_commit(backend->tasks, view))
		return true; /* the next look at it tries again */
	log_warn("event=digest_mismatch task=%" PRIu64 " action=\"downloading again\"",
		 id.number);
	media_set_stale(media);
	if (job)
		prefetch_job_release(job, INT64_MAX); /* until its size is known */
	backend->media_needs->probe_sizes(backend, id.number, false);
	return true;
}

void prefetch_whole(struct media *media)
{
	struct backend *backend = media_backend(media);
	struct media_id id = media_id(media);
	AUTOVIEW *view = tasks_view(backend->tasks, id.number);
	const struct output *output = view ? &view->outputs[id.kind] : NULL;
	bool is_right = media_file_check(media_file_of(media)) != MEDIA_WRONG;
	struct prefetch_job *job = prefetch_job_find(backend, id.number, id.kind);

	if (!output || !output->is_ready || output->version != id.version)
		return;
	if (!is_right && fetch_again(media))
		return;
	if (!output->is_whole) {
		log_info("event=kept task=%" PRIu64 " output=%s", id.number,
			 id.kind == OUTPUT_VIDEO ? "video" : "last_frame");
		mark_whole(backend, id.number, id.kind, is_right);
	}
	if (job)
		prefetch_job_drop(job);
}

bool prefetch_has_first(struct backend *backend, uint64_t number, enum output_kind kind)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	return view && view->outputs[kind].is_refetched && !view->outputs[kind].is_ready;
}

int prefetch_restore(struct backend *backend, uint64_t number, enum output_kind kind)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);
	const struct output *output = view ? &view->outputs[kind] : NULL;

	if (!output || !output->is_refetched || output->is_ready ||
	    !is_complete(backend, view, kind, output->version))
		return 0;
	return show_complete(backend, number, kind, output->version);
}

void prefetch_again(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return;
	for (int i = 0; i < OUTPUT_COUNT; i++) {
		if (!view->outputs[i].is_whole)
			clear_note(view, (enum output_kind)i);
		view->outputs[i].is_lost = false;
	}
	tasks_try_commit(backend->tasks, view);
	prefetch_task(backend, number);
}
