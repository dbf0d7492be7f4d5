/*
 * Determines an output's size before the output is shown. A range request fetches the
 * first bytes, and its answer states the total size. The bytes are kept for programs that
 * detect the file's type from them. If no answer states the size, the complete file is
 * downloaded (length_gauge.h).
 *
 * HEAD is never used: the services' links reject it.
 */
#include "backend/media/size_probe_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/shared.h"
#include "backend/base/text.h"
#include "backend/config/trust.h"
#include "backend/core/note.h"
#include "backend/core/section.h"
#include "backend/http/http.h"
#include "backend/media/fetch.h"
#include "backend/media/prefetch/prefetch.h"
#include "backend/media/reveal.h"
#include "backend/media/stream/files.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

#define BACKOFF_FIRST_MS 500
#define BACKOFF_LAST_MS 60000
#define ROOM_MS 10000
#define NO_MEMORY_MS 1000
#define REFUSALS_MAX 3	     /* of fresh links, in a row */
#define FRAME_FAILURES_MAX 8 /* a missing last frame must not delay a video forever */

static void begin(void *context);

struct size_probes {
	struct size_probe *first;
};

static struct size_probe *find(const struct backend *backend, uint64_t number,
			       enum output_kind kind)
{
	for (struct size_probe *probe = backend->size_probes->first; probe;
	     probe = probe->next)
		if (probe->number == number &&
		    (kind == OUTPUT_COUNT || probe->kind == kind))
			return probe;
	return NULL;
}

bool size_probe_is_under_way(const struct backend *backend, uint64_t number)
{
	return find(backend, number, OUTPUT_COUNT) || reveal_is_held(backend, number);
}

static void drop(struct size_probe *probe)
{
	struct backend *backend = probe->backend;
	struct size_probe **at = &backend->size_probes->first;

	while (*at != probe)
		at = &(*at)->next;
	*at = probe->next;
	timer_clear(&backend->timers, &probe->timer);
	backend->media_needs->forget_refresh(backend, probe);
	http_cancel(probe->call);
	media_file_unref(probe->file);
	length_gauge_abandon(probe->gauge);
	shared_unref(probe->id);
	free(probe->etag);
	free(probe);
}

void size_probe_drop(struct backend *backend, uint64_t number)
{
	struct size_probe *probe;

	while ((probe = find(backend, number, OUTPUT_COUNT)))
		drop(probe);
	reveal_drop(backend, number);
}

int size_probes_create(struct backend *backend)
{
	backend->size_probes = calloc(1, sizeof(*backend->size_probes));
	return backend->size_probes ? 0 : -ENOMEM;
}

void size_probes_destroy(struct backend *backend)
{
	struct size_probes *probes = backend->size_probes;

	while (probes && probes->first)
		drop(probes->first);
	free(probes);
}

/* --- results --- */

static void settle_task(struct backend *backend, uint64_t number)
{
	if (!size_probe_is_under_way(backend, number))
		reveal_task(backend, number);
}

/*
 * Whether the task is still the one that finished. A task that became `unknown` may be
 * retried or adopted as another one; the result of the probe is not about that one.
 */
static bool is_wanted(const struct size_probe *probe, const struct task_view *view)
{
	bool is_same = view->remote_id && probe->id ? !strcmp(view->remote_id, probe->id)
						    : view->remote_id == probe->id;

	return is_same && (view->state == TASK_RUNNING || view->state == TASK_SUCCEEDED ||
			   view->state == TASK_UNKNOWN);
}

static void enter_ready(struct task_view *view, const struct size_probe *probe)
{
	struct output *output = &view->outputs[probe->kind];

	output->is_ready = true;
	output->is_whole = output->is_lost = false;
	output->size = media_file_size(probe->file);
	output->version = probe->version;
	output->mtime = (int64_t)time(NULL);
	task_set_text(view, &output->etag, probe->etag);
	if (probe->kind == OUTPUT_VIDEO && view->state != TASK_UNKNOWN)
		problem_clear(&view->problem);
	size_probe_put_doubt(probe, view);
	view->listing_ms = clock_wall_ms();
}

/* The result could not be stored. Discards it and starts the probe again later. */
static void lack_memory(struct size_probe *probe)
{
	media_file_unref(TAKE(probe->file));
	timer_set(&probe->backend->timers, &probe->timer, clock_boot_ms() + NO_MEMORY_MS);
}

void size_probe_become_ready(struct size_probe *probe)
{
	struct backend *backend = probe->backend;
	uint64_t number = probe->number;
	struct task_view *view = tasks_begin(backend->tasks, number);
	bool wants_all = probe->wants_all, is_second;

	if (!view) {
		lack_memory(probe);
		return;
	}
	if (!is_wanted(probe, view)) {
		tasks_abandon(backend->tasks, view);
		drop(probe);
		return;
	}
	/* The first version is kept until this one is complete. */
	is_second = view->outputs[probe->kind].is_refetched;
	enter_ready(view, probe);
	if (tasks_commit(backend->tasks, view)) {
		lack_memory(probe);
		return;
	}
	if (!is_second)
		media_drop_older(backend, number, probe->kind, probe->version);
	drop(probe);
	settle_task(backend, number);
	if (wants_all)
		fetch_task(backend, number);
}

/* Marks the output as permanently unavailable. 0 or -errno. */
static int mark_dead(const struct size_probe *probe, const char *why)
{
	struct tasks *tasks = probe->backend->tasks;
	struct task_view *view = tasks_begin(tasks, probe->number);

	if (!view)
		return tasks_begin_error(tasks, probe->number);
	view->outputs[probe->kind].is_dead = true;
	if (view->state == TASK_UNKNOWN)
		return tasks_commit(tasks, view); /* its problem says more */
	if (probe->kind == OUTPUT_VIDEO)
		task_set_problem(view, PROBLEM_SERVER,
				 "the task succeeded, but its video is not available: %s",
				 why);
	else
		task_format_text(view, &view->note, "the last frame is not available: %s",
				 why);
	return tasks_commit(tasks, view);
}

static void become_dead(struct size_probe *probe, const char *why)
{
	struct backend *backend = probe->backend;
	uint64_t number = probe->number;
	int r = prefetch_restore(backend, number, probe->kind);

	if (!r)
		r = mark_dead(probe, why);
	if (r == -ENOMEM) {
		lack_memory(probe);
		return;
	}
	log_warn("event=output_dead task=%" PRIu64 " output=%s reason=\"%s\"", number,
		 probe->kind == OUTPUT_VIDEO ? "video" : "last_frame", why);
	drop(probe);
	settle_task(backend, number);
}

/* --- failures --- */

void size_probe_set_waiting(const struct size_probe *probe, const char *waiting)
{
	AUTOVIEW *view = tasks_view(probe->backend->tasks, probe->number);

	if (view && view->state != TASK_UNKNOWN)
		backend_set_waiting(probe->backend, probe->number, waiting);
}

void size_probe_retry_after(struct size_probe *probe, const char *why, int64_t least_ms)
{
	unsigned doublings = probe->failures < 8 ? probe->failures : 8;
	int64_t ms = (int64_t)BACKOFF_FIRST_MS << doublings;
	AUTOFREE char *waiting = NULL;

	probe->failures++;
	if (probe->failures > FRAME_FAILURES_MAX &&
	    (probe->kind == OUTPUT_LAST_FRAME ||
	     prefetch_has_first(probe->backend, probe->number, probe->kind))) {
		become_dead(probe, why);
		return;
	}
	if (ms > BACKOFF_LAST_MS)
		ms = BACKOFF_LAST_MS;
	if (ms < least_ms)
		ms = least_ms;
	waiting = text_format("waiting for the media host to provide the %s (%s)",
			      probe->kind == OUTPUT_VIDEO ? "video" : "last frame", why);
	size_probe_set_waiting(probe, waiting);
	timer_set(&probe->backend->timers, &probe->timer,
		  clock_boot_ms() + backend_jitter(probe->backend, ms));
}

static void retry(struct size_probe *probe, const char *why)
{
	size_probe_retry_after(probe, why, 0);
}

/* Counts only rejections of a fresh link, and fresh answers without a link. */
static void refreshed(void *context, int result)
{
	struct size_probe *probe = context;

	if (result == -ENODATA || (!result && !probe->is_unreachable))
		probe->refusals++;
	if (result == -ENODATA && probe->refusals > REFUSALS_MAX)
		become_dead(probe, "the service returned no link");
	else if (result == -ENODATA)
		retry(probe, "the service has returned no link yet");
	else if (result == -ENOENT)
		retry(probe, "the service does not know the task");
	else if (result)
		retry(probe, "no answer from the service");
	else
		retry(probe, probe->is_unreachable ? probe->why
						   : "the previous link was rejected");
}

static void refresh_links(struct size_probe *probe)
{
	struct backend *backend = probe->backend;

	backend->media_needs->refresh_links(backend, probe->number, refreshed, probe);
}

void size_probe_refused(struct size_probe *probe, const char *why)
{
	if (probe->refusals > REFUSALS_MAX)
		become_dead(probe, why);
	else
		refresh_links(probe);
}

/*
 * An unreachable host is no rejection. But the output may have moved to another host,
 * which a fresh link shows.
 */
void size_probe_unreachable(struct size_probe *probe, const char *why)
{
	probe->is_unreachable = true;
	snprintf(probe->why, sizeof(probe->why), "cannot be reached: %s", why);
	refresh_links(probe);
}

/* --- starting --- */

/*
 * Gives the probe up without a result. A start whose configuration has the section again
 * starts a new probe.
 */
static void give_back(struct size_probe *probe)
{
	size_probe_set_waiting(probe, NULL);
	drop(probe);
}

/*
 * Checks the free space first: a request without enough space would only use the link up.
 */
static bool has_room(const struct size_probe *probe)
{
	struct statvfs status;

	return fstatvfs(probe->backend->media_directory, &status) < 0 ||
	       (uint64_t)status.f_bavail * status.f_frsize >= probe->wants_room;
}

/* Discards the state of the previous answer. */
static void reset_answer(struct size_probe *probe)
{
	probe->received = probe->said_size = 0;
	memset(probe->said, 0, sizeof(probe->said));
	probe->objection = NULL;
	probe->disk_error = 0;
	probe->verdict = GAUGED_PARTLY;
	probe->wants_room = 0;
	probe->is_unreachable = false;
}

static void send_request(struct size_probe *probe, const struct provider_section *section,
			 const char *url)
{
	struct backend *backend = probe->backend;
	struct http_options options = { .may_reuse = true,
					.follows = true,
					.sink = size_probe_take_bytes,
					.done = size_probe_done,
					.context = probe };
	struct http_request request = { .method = "GET", .url = strdup(url) };

	trust_media(backend->trust, section, &options);
	options.lane = trust_media_lane(backend->trust, section);
	options.stall_ms = backend->config->read_timeout_ms / 4;
	if (!request.url ||
	    (!probe->asks_all &&
	     http_request_add_header(&request, "Range: bytes=0-%u", PROBE_BYTES - 1)) ||
	    http_request_add_header(&request, "Accept-Encoding: identity") ||
	    http_start(backend->http, &request, &options, &probe->call)) {
		http_request_clear(&request);
		retry(probe, "out of memory");
	}
}

static void begin(void *context)
{
	struct size_probe *probe = context;
	struct backend *backend = probe->backend;
	AUTOVIEW *view = tasks_view(backend->tasks, probe->number);
	const struct output *output = view ? &view->outputs[probe->kind] : NULL;
	const struct provider_section *section;

	if (!output || view->is_removed) {
		become_dead(probe, "the task was removed");
		return;
	}
	if (!is_wanted(probe, view)) {
		drop(probe);
		return;
	}
	section = backend_bind_section(backend, view);
	if (!section) {
		give_back(probe);
		return;
	}
	if (!output->url) {
		size_probe_refused(probe, "the service returned no link");
		return;
	}
	if (probe->wants_room && !has_room(probe)) {
		timer_set(&backend->timers, &probe->timer, clock_boot_ms() + ROOM_MS);
		return;
	}
	prefetch_count(backend, probe->number, probe->kind, output->url, NULL);
	reset_answer(probe);
	send_request(probe, section, output->url);
}

/* Starts a probe, or extends the one under way. 0 or -ENOMEM. */
static int add(struct backend *backend, const struct task_view *view,
	       enum output_kind kind, bool wants_all)
{
	struct size_probe *probe = find(backend, view->number, kind);

	if (probe) {
		probe->wants_all = probe->wants_all || wants_all;
		return 0;
	}
	probe = calloc(1, sizeof(*probe));
	if (!probe)
		return -ENOMEM;
	probe->backend = backend;
	probe->number = view->number;
	probe->id = shared_ref(view->remote_id);
	probe->kind = kind;
	probe->wants_all = wants_all;
	probe->version = view->outputs[kind].version + 1;
	timer_init(&probe->timer, begin, probe);
	probe->next = backend->size_probes->first;
	backend->size_probes->first = probe;
	timer_set(&backend->timers, &probe->timer, clock_boot_ms());
	return 0;
}

void size_probe_task(struct backend *backend, uint64_t number, bool wants_all)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);
	const struct output *outputs = view ? view->outputs : NULL;
	int r = 0;

	if (!view)
		return;
	if (!outputs[OUTPUT_VIDEO].is_ready && !outputs[OUTPUT_VIDEO].is_dead)
		r = add(backend, view, OUTPUT_VIDEO, wants_all);
	if (!r && !outputs[OUTPUT_LAST_FRAME].is_ready &&
	    !outputs[OUTPUT_LAST_FRAME].is_dead && outputs[OUTPUT_LAST_FRAME].url)
		r = add(backend, view, OUTPUT_LAST_FRAME, wants_all);
	if (!r)
		settle_task(backend, number);
	else if (task_is_active(view->state)) /* the poll starts a new probe */
		backend->media_needs->poll(backend, number, NO_MEMORY_MS);
}
