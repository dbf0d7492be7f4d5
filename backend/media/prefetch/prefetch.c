#include "backend/media/prefetch/prefetch.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/media/prefetch/prefetch_internal.h"
#include "backend/media/media_internal.h"

#include <errno.h>
#include <inttypes.h>

#define FILES_AT_ONCE 2
#define QUIET_MS 1000	 /* since somebody waited for bytes */
#define POLL_MS 500	 /* while others are in the way */
#define PLAN_MS 600000	 /* the wall clock may have been set meanwhile */
#define TURNS_AT_ONCE 16 /* of those that are complete */

/* --- the table --- */

static struct keeper *find_from(struct keeper *keeper, uint64_t number,
				enum output_kind kind)
{
	while (keeper && (keeper->number != number || keeper->kind != kind))
		keeper = keeper->next;
	return keeper;
}

struct keeper *keeper_find(const struct backend *backend, uint64_t number,
			   enum output_kind kind)
{
	return find_from(backend->keepers, number, kind);
}

struct keeper *keeper_add(struct backend *backend, uint64_t number, enum output_kind kind)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));

	if (!keeper)
		return NULL;
	keeper->backend = backend;
	keeper->number = number;
	keeper->kind = kind;
	keeper->at_ms = INT64_MAX;
	keeper->next = backend->keepers;
	backend->keepers = keeper;
	return keeper;
}

void keeper_release(struct keeper *keeper, int64_t delay_ms)
{
	struct backend *backend = keeper->backend;
	struct media *media = TAKE(keeper->media);

	keeper->is_fetching = false;
	keeper->at_ms = delay_ms == INT64_MAX ? INT64_MAX : clock_boot_ms() + delay_ms;
	if (media) {
		media->keeper = NULL;
		backend_media_close(backend, media);
	}
	keep_set_timer(backend, 0);
}

void keeper_drop(struct keeper *keeper)
{
	struct backend *backend = keeper->backend;
	struct keeper **at = &backend->keepers;

	keeper_release(keeper, INT64_MAX);
	while (*at != keeper)
		at = &(*at)->next;
	*at = keeper->next;
	follow_forget(backend, keeper);
	free(keeper);
}

void keep_drop(struct backend *backend, uint64_t number, enum output_kind kind)
{
	struct keeper *next;

	for (struct keeper *keeper = backend->keepers; keeper; keeper = next) {
		next = keeper->next;
		if (keeper->number == number &&
		    (kind == OUTPUT_COUNT || keeper->kind == kind))
			keeper_drop(keeper);
	}
}

void keep_clear(struct backend *backend)
{
	while (backend->keepers) {
		struct keeper *keeper = backend->keepers;

		backend->keepers = keeper->next;
		if (keeper->media)
			keeper->media->keeper = NULL;
		follow_forget(backend, keeper);
		free(keeper);
	}
	timer_clear(&backend->timers, &backend->keep_timer);
}

/* --- when --- */

static bool is_wanted(const struct task_view *view, enum output_kind kind)
{
	const struct output *output = view ? &view->outputs[kind] : NULL;

	return view && !view->is_removed && !output->is_removed && !output->is_whole &&
	       !output->is_lost && !output->is_dead;
}

void keeper_plan(struct keeper *keeper, const struct task_view *view)
{
	const struct output *output = &view->outputs[keeper->kind];
	int64_t expires_s = link_expires_at(output->url), now_ms = clock_wall_ms();
	const struct provider_section *section = core_section_of(keeper->backend, view);
	int64_t life_s = section ? section->provider->link_life_s : PROVIDER_LINK_LIFE_S;

	keeper->life.begin_ms =
		view->state == TASK_SUCCEEDED && view->since_ms ? view->since_ms : now_ms;
	keeper->life.end_ms = expires_s ? expires_s * 1000 - keeper->ahead_ms
					: keeper->life.begin_ms + life_s * 1000;
	if (keeper->has_begun || keeper->media)
		return;
	keeper->at_ms = clock_boot_ms();
	if (keeper->backend->config->keep == KEEP_RESCUE && !output->is_refetched &&
	    !keeper->is_complete && keeper->requests < KEEP_REQUESTS_LOW &&
	    keep_begin_ms(&keeper->life) > now_ms)
		keeper->at_ms += keep_begin_ms(&keeper->life) - now_ms;
}

/* What is complete on disk only lacks its end, which asks nobody for anything. */
static void look_at(struct backend *backend, const struct task_view *view,
		    enum output_kind kind, struct keeper *keeper)
{
	const struct output *output = &view->outputs[kind];
	bool is_complete;

	if (!output->is_ready || !is_wanted(view, kind))
		return;
	is_complete = backend_media_kept(backend, view, kind) >= output->size;
	if (backend->config->keep == KEEP_LAZY && !is_complete && !output->is_refetched)
		return;
	if (!keeper)
		keeper = keeper_add(backend, view->number, kind);
	if (!keeper)
		return;
	keeper->is_complete = is_complete;
	keeper_plan(keeper, view);
	if (keeper->media || keeper->is_refreshing)
		return;
	if (keeper->at_ms == INT64_MAX)
		keeper->at_ms = clock_boot_ms();
}

void keep_task(struct backend *backend, uint64_t number)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	if (!view || view->state != TASK_SUCCEEDED)
		return;
	for (int i = 0; i < OUTPUT_COUNT; i++)
		look_at(backend, view, (enum output_kind)i,
			keeper_find(backend, number, (enum output_kind)i));
	keep_set_timer(backend, 0);
}

/* --- at start --- */

/* How often the link was used before the program started. */
static void recall_requests(struct keeper *keeper, const struct task_view *view)
{
	const struct output *output = &view->outputs[keeper->kind];
	AUTOFREE char *file = media_file_name(keeper->kind, output->version);
	AUTOFREE char *name =
		file ? text_format("%" PRIu64 "/%s", view->number, file) : NULL;

	keeper->link = keep_link_number(output->url);
	if (name)
		keeper->requests =
			media_file_look_requests(keeper->backend->media_directory, name,
						 keeper->link);
	keeper_plan(keeper, view);
}

struct first_look {
	struct backend *backend;
	struct keeper *early; /* those that a reader brought about before */
};

static void look_visit(void *context, struct task_view *view)
{
	const struct first_look *look = context;
	struct backend *backend = look->backend;

	if (view->state != TASK_SUCCEEDED)
		return;
	for (int i = 0; i < OUTPUT_COUNT; i++) {
		struct keeper *before = backend->keepers;

		look_at(backend, view, (enum output_kind)i,
			find_from(look->early, view->number, (enum output_kind)i));
		if (backend->keepers != before)
			recall_requests(backend->keepers, view);
	}
}

static void look_at_all(struct backend *backend)
{
	struct first_look look = { backend, backend->keepers };

	backend->keep_starts = false;
	tasks_each(backend->tasks, look_visit, &look);
}

void keep_start(struct backend *backend)
{
	backend->keep_starts = true;
	timer_set(&backend->timers, &backend->keep_timer, clock_boot_ms());
}

/* --- whose turn it is --- */

static bool is_busy(struct media *media)
{
	if (media_has_waits(media))
		return true;
	for (const struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next)
		if (!transfer->is_background)
			return true;
	return false;
}

/* Nobody waits for any bytes, or did a moment ago. */
static bool is_quiet(struct backend *backend)
{
	if (clock_boot_ms() - backend->read_ms < QUIET_MS)
		return false;
	for (struct media *media = media_first(backend); media; media = media->next)
		if (is_busy(media))
			return false;
	return true;
}

bool keeper_is_urgent(const struct keeper *keeper)
{
	return keep_is_urgent(&keeper->life, keeper->requests, clock_wall_ms());
}

static unsigned count_fetched(const struct backend *backend)
{
	unsigned count = 0;

	for (const struct keeper *keeper = backend->keepers; keeper;
	     keeper = keeper->next)
		count += keeper->media != NULL;
	return count;
}

/* What is complete takes nobody's place. */
static bool may_begin(const struct keeper *keeper, unsigned fetched, bool is_quiet_now)
{
	if (keeper->is_complete)
		return true;
	return fetched < FILES_AT_ONCE && (is_quiet_now || keeper_is_urgent(keeper));
}

static struct keeper *next_due(struct backend *backend, int64_t now_ms)
{
	unsigned fetched = count_fetched(backend);
	bool is_quiet_now = is_quiet(backend);
	struct keeper *first = NULL;
	struct keep_rank first_rank = { 0 };

	for (struct keeper *keeper = backend->keepers; keeper; keeper = keeper->next) {
		struct keep_rank rank = { keeper_is_urgent(keeper), keeper->life.end_ms };

		if (keeper->media || keeper->at_ms > now_ms ||
		    !may_begin(keeper, fetched, is_quiet_now) ||
		    (first && !keep_goes_first(&rank, &first_rank)))
			continue;
		first = keeper;
		first_rank = rank;
	}
	return first;
}

void keep_set_timer(struct backend *backend, int64_t least_ms)
{
	int64_t now_ms = clock_boot_ms(), at_ms = INT64_MAX;

	for (const struct keeper *keeper = backend->keepers; keeper;
	     keeper = keeper->next)
		if (!keeper->media && keeper->at_ms < at_ms)
			at_ms = keeper->at_ms;
	if (backend->keepers && at_ms > now_ms + PLAN_MS)
		at_ms = now_ms + PLAN_MS;
	if (at_ms < now_ms + least_ms)
		at_ms = now_ms + least_ms;
	if (at_ms == INT64_MAX)
		timer_clear(&backend->timers, &backend->keep_timer);
	else
		timer_set(&backend->timers, &backend->keep_timer, at_ms);
}

static void begin(struct keeper *keeper)
{
	struct backend *backend = keeper->backend;
	AUTOVIEW *view = tasks_view(backend->tasks, keeper->number);

	if (!is_wanted(view, keeper->kind)) {
		keeper_drop(keeper);
		return;
	}
	if (view->state != TASK_SUCCEEDED) { /* an attempt of its own makes a new one */
		keeper_drop(keeper);
		return;
	}
	keeper->at_ms = INT64_MAX;
	if (!view->outputs[keeper->kind].is_ready)
		return; /* keep_task() comes when it is shown again */
	keeper_plan(keeper, view);
	keeper->has_begun = true;
	keeper->at_ms = INT64_MAX;
	if (backend_media_open(backend, keeper->number, keeper->kind,
			       view->outputs[keeper->kind].version, &keeper->media)) {
		keeper_retry(keeper, 0);
		return;
	}
	keeper->media->keeper = keeper;
	media_pump(keeper->media);
}

/* The wall clock may have been set since the times were reckoned. */
static void plan_again(struct backend *backend, int64_t now_ms)
{
	if (now_ms < backend->keep_plan_ms)
		return;
	backend->keep_plan_ms = now_ms + PLAN_MS;
	for (struct keeper *keeper = backend->keepers; keeper; keeper = keeper->next) {
		AUTOVIEW *view = tasks_view(backend->tasks, keeper->number);

		if (view && view->state == TASK_SUCCEEDED)
			keeper_plan(keeper, view);
	}
}

static void turn_due(void *context)
{
	struct backend *backend = context;
	int64_t now_ms = clock_boot_ms();
	struct keeper *keeper = NULL;
	unsigned turns = 0;

	if (backend->keep_starts)
		look_at_all(backend);
	plan_again(backend, now_ms);
	while (turns++ < TURNS_AT_ONCE && (keeper = next_due(backend, now_ms)))
		begin(keeper);
	keep_set_timer(backend, POLL_MS);
}

void keep_init(struct backend *backend)
{
	timer_init(&backend->keep_timer, turn_due, backend);
}

/* --- what people are told of it --- */

int64_t backend_link_expires_s(struct backend *backend, const struct task_view *view,
			       bool *ret_is_guess)
{
	const struct output *video = &view->outputs[OUTPUT_VIDEO];
	const struct provider_section *section = core_section_of(backend, view);
	int64_t expires_s = link_expires_at(video->url);

	*ret_is_guess = !expires_s;
	if (expires_s || !video->url || !section || !view->since_ms ||
	    view->state != TASK_SUCCEEDED)
		return expires_s;
	return view->since_ms / 1000 + section->provider->link_life_s;
}

int64_t backend_keep_begins_ms(struct backend *backend, const struct task_view *view)
{
	const struct output *video = &view->outputs[OUTPUT_VIDEO];
	bool is_guess;
	struct keep_life life = {
		view->since_ms, backend_link_expires_s(backend, view, &is_guess) * 1000
	};

	if (backend->config->keep != KEEP_RESCUE || view->state != TASK_SUCCEEDED ||
	    !video->is_ready || video->is_whole || video->is_lost || !life.end_ms)
		return 0;
	return keep_begin_ms(&life);
}
