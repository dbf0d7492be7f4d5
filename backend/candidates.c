/*
 * Candidates: after a create whose answer was lost, the service's own list may show which
 * task it was. They are told to the person, who decides (`adopt ID`); nothing is adopted
 * by itself, for lists carry no prompt (providers.md, 6.4).
 */
#include "backend/core.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define LIST_TIMEOUT_MS 30000
#define ANSWER_MAX_BYTES (4u << 20)
#define EARLIER_S 60 /* the two clocks may differ */
#define TRIES_MAX 5
#define RETRY_MS 10000
#define SHOWN_MAX 5
#define NOTE_MAX_BYTES 600

/* One look for a task's candidates. Backend thread only. */
struct search {
	struct backend *backend;
	struct search *next;
	uint64_t number;
	const struct provider_section *section;
	struct http_call *call;
	struct timer timer;
	unsigned tries;
};

static void drop(struct search *search)
{
	struct backend *backend = search->backend;
	struct search **at = &backend->searches;

	while (*at != search)
		at = &(*at)->next;
	*at = search->next;
	timer_clear(&backend->timers, &search->timer);
	http_cancel(search->call);
	free(search);
}

void candidates_clear(struct backend *backend)
{
	while (backend->searches)
		drop(backend->searches);
}

/* --- what the list shows --- */

struct known {
	const char *id;
	bool is_ours;
};

static void compare_id(void *context, struct task_view *view)
{
	struct known *known = context;

	if (view->remote_id && !strcmp(view->remote_id, known->id))
		known->is_ours = true;
}

static bool is_ours(struct backend *backend, const char *id)
{
	struct known known = { .id = id };

	tasks_each(backend->tasks, compare_id, &known);
	return known.is_ours;
}

static void add_candidate(struct buffer *text, const struct observation *seen)
{
	time_t seconds = (time_t)seen->created_s;
	char when[32] = "";
	struct tm tm;

	if (seconds) {
		localtime_r(&seconds, &tm);
		strftime(when, sizeof(when), ", made at %H:%M:%S", &tm);
	}
	buffer_addf(text, "%s%s (%s%s)", text->size ? ", " : "", seen->id,
		    seen->raw_state ? seen->raw_state : task_state_word(seen->state),
		    when);
}

/* A line for `note`; NULL without memory. */
static char *describe(struct search *search, const struct observations *list)
{
	AUTOBUFFER text = BUFFER_INIT(NOTE_MAX_BYTES);
	unsigned shown = 0;

	for (size_t i = 0; i < list->count && shown < SHOWN_MAX; i++)
		if (list->items[i].id && !is_ours(search->backend, list->items[i].id)) {
			add_candidate(&text, &list->items[i]);
			shown++;
		}
	if (!shown)
		return text_format("%s lists no task that could be this one; if that "
				   "stays so, it was not accepted: write \"retry\" to "
				   "status",
				   search->section->name);
	return text_format("%s lists %s; if one of them is this, write \"adopt ID\" to "
			   "status",
			   search->section->name, text.data);
}

static void note(struct search *search, const struct observations *list)
{
	struct backend *backend = search->backend;
	AUTOFREE char *text = describe(search, list);
	AUTOVIEW *view = tasks_view(backend->tasks, search->number);

	if (text && view && view->state == TASK_UNKNOWN)
		core_set_note(backend, search->number, text);
}

/* --- asking for it --- */

static void ask_later(struct search *search, const char *why)
{
	log_warn("event=list_failed task=%" PRIu64 " reason=\"%s\"", search->number,
		 why ? why : "no answer");
	if (search->tries >= TRIES_MAX)
		drop(search);
	else
		timer_set(&search->backend->timers, &search->timer,
			  clock_boot_ms() +
				  core_jitter(search->backend, RETRY_MS * search->tries));
}

static void list_done(void *context, struct http_response *response)
{
	struct search *search = context;
	AUTOVIEW *view = tasks_view(search->backend->tasks, search->number);
	struct observations list = { 0 };
	AUTOPROBLEM problem = { 0 };
	int r = -EAGAIN;

	search->call = NULL;
	if (response->outcome == HTTP_ANSWERED)
		r = search->section->provider->parse_list(
			response, view->intent_ms / 1000 - EARLIER_S, &list, &problem);
	if (!r)
		note(search, &list);
	observations_clear(&list);
	if (r)
		ask_later(search, problem.text ? problem.text : response->failure);
	else
		drop(search);
}

static void ask(void *context)
{
	struct search *search = context;
	struct backend *backend = search->backend;
	AUTOVIEW *view = tasks_view(backend->tasks, search->number);
	struct http_options options = { .may_reuse = true,
					.timeout_ms = LIST_TIMEOUT_MS,
					.body_max_bytes = ANSWER_MAX_BYTES,
					.done = list_done,
					.context = search };
	struct http_request request = { 0 };
	struct endpoint endpoint;

	search->section = view ? core_section_of(backend, view) : NULL;
	if (!search->section || view->state != TASK_UNKNOWN || !view->model ||
	    !search->section->provider->build_list) {
		drop(search);
		return;
	}
	endpoint = config_endpoint(search->section);
	options.allows_private = config_is_loopback(endpoint.base_url);
	search->tries++;
	if (!search->section->provider->build_list(view->model, &endpoint, &request) &&
	    !http_start(backend->http, &request, &options, &search->call))
		return;
	http_request_clear(&request);
	ask_later(search, "no memory");
}

void candidates_look(struct backend *backend, uint64_t number)
{
	struct search *search = calloc(1, sizeof(*search));

	if (!search)
		return; /* a help, no more */
	search->backend = backend;
	search->number = number;
	timer_init(&search->timer, ask, search);
	search->next = backend->searches;
	backend->searches = search;
	/* A service may list a task a moment after it accepted it. */
	timer_set(&backend->timers, &search->timer, clock_boot_ms() + 1000);
}
