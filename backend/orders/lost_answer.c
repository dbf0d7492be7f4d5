#include "backend/orders/lost_answer.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/json.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/config/trust.h"
#include "backend/core/note.h"
#include "backend/core/section.h"
#include "backend/http/http.h"
#include "backend/ledger/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define LIST_TIMEOUT_MS 30000
#define ANSWER_MAX_BYTES (4u << 20)
#define EARLIER_S 60 /* tolerance for clock differences */
#define SHOWN_MAX 5
#define NOTE_MAX_BYTES 600

/* Delays of the list requests, from the lost answer on. A list may lag behind. */
static const int64_t looks_ms[] = { 1000, 10000, 30000, 60000, 120000, 300000, 600000 };

/* The search for one task's candidates. Backend thread only. */
struct search {
	struct backend *backend;
	struct search *next;
	uint64_t number;
	const struct provider_section *section;
	struct http_call *call;
	struct timer timer;
	unsigned looks;
};

struct lost_answers {
	struct search *first;
};

static void drop(struct search *search)
{
	struct backend *backend = search->backend;
	struct search **at = &backend->lost_answers->first;

	while (*at != search)
		at = &(*at)->next;
	*at = search->next;
	timer_clear(&backend->timers, &search->timer);
	http_cancel(search->call);
	free(search);
}

int lost_answers_create(struct backend *backend)
{
	backend->lost_answers = calloc(1, sizeof(*backend->lost_answers));
	return backend->lost_answers ? 0 : -ENOMEM;
}

void lost_answers_destroy(struct backend *backend)
{
	struct lost_answers *lost_answers = backend->lost_answers;

	while (lost_answers && lost_answers->first)
		drop(lost_answers->first);
	free(lost_answers);
}

/* --- evaluating the list --- */

static void add_candidate(struct buffer *text, const struct observation *seen)
{
	time_t seconds = (time_t)seen->created_s;
	char when[32] = "";
	struct tm tm;

	if (seconds) {
		localtime_r(&seconds, &tm);
		strftime(when, sizeof(when), ", created at %H:%M:%S", &tm);
	}
	buffer_addf(text, "%s%s (%s%s)", text->size ? ", " : "", seen->id,
		    seen->raw_state ? seen->raw_state : task_state_word(seen->state),
		    when);
}

/*
 * Writes the candidates as one line. Returns the number of listed tasks that the ledger
 * does not know.
 */
static unsigned describe(struct search *search, const struct observations *list,
			 struct buffer *text)
{
	unsigned shown = 0;

	for (size_t i = 0; i < list->count && shown < SHOWN_MAX; i++)
		if (list->items[i].id &&
		    !ledger_knows_id(search->backend->ledger, list->items[i].id)) {
			add_candidate(text, &list->items[i]);
			shown++;
		}
	return shown;
}

/* An empty list proves nothing: it may lag, or show only the latest tasks. */
static char *describe_none(const struct search *search)
{
	bool is_last = search->looks == ARRAY_SIZE(looks_ms);

	return text_format("%s lists no matching task%s; this one may still be billed",
			   search->section->name, is_last ? "" : " yet (checking again)");
}

/* Sets the task's note. Returns whether the search is finished. */
static bool tell(struct search *search, const struct observations *list)
{
	struct backend *backend = search->backend;
	AUTOBUFFER found = BUFFER_INIT(NOTE_MAX_BYTES);
	unsigned shown = describe(search, list, &found);
	AUTOFREE char *text = shown ? text_format("%s lists %s; if one of them is this "
						  "task, write \"adopt ID\" to status",
						  search->section->name, found.data)
				    : describe_none(search);

	if (text)
		backend_set_note(backend, search->number, text);
	return shown > 0;
}

/* --- requesting the list --- */

static void ask_later(struct search *search)
{
	int64_t before_ms = search->looks ? looks_ms[search->looks - 1] : 0;

	if (search->looks == ARRAY_SIZE(looks_ms)) {
		drop(search);
		return;
	}
	timer_set(&search->backend->timers, &search->timer,
		  clock_boot_ms() + looks_ms[search->looks] - before_ms);
}

static void failed(struct search *search, const char *why)
{
	log_warn("event=list_failed task=%" PRIu64 " reason=\"%s\"", search->number,
		 why ? why : "no answer");
	ask_later(search);
}

static void list_done(void *context, struct http_response *response)
{
	struct search *search = context;
	AUTOVIEW *view = tasks_view(search->backend->tasks, search->number);
	struct observations list = { 0 };
	AUTOPROBLEM problem = { 0 };
	int r = -EAGAIN;

	search->call = NULL;
	trust_learn(search->backend->trust, search->section, response);
	if (response->outcome == HTTP_ANSWERED)
		r = search->section->provider->parse_list(
			response, view->intent_ms / 1000 - EARLIER_S, &list, &problem);
	if (r)
		failed(search, problem.text ? problem.text : response->failure);
	else if (view->state != TASK_UNKNOWN || tell(search, &list))
		drop(search);
	else
		ask_later(search);
	observations_clear(&list);
}

/* The requested service tier; NULL: none. free() it. */
static char *tier_of(const struct task_view *view)
{
	AUTOJSON *request = NULL;
	const char *tier = NULL;

	if (view->request)
		json_parse(view->request, strlen(view->request), &request, NULL);
	tier = json_get_string(json_get(request, "extra"), "service_tier");
	return text_dup(tier ? tier : json_get_string(request, "service_tier"));
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
	AUTOFREE char *tier = view ? tier_of(view) : NULL;
	struct endpoint endpoint;

	search->section = view ? backend_section_of(backend, view) : NULL;
	if (!search->section || view->state != TASK_UNKNOWN || !view->model ||
	    !search->section->provider->build_list) {
		drop(search);
		return;
	}
	endpoint = config_endpoint(search->section);
	options.lane = search->section;
	trust_service(search->section, &options);
	search->looks++;
	if (!search->section->provider->build_list(view->model, tier, &endpoint,
						   &request) &&
	    !http_start(backend->http, &request, &options, &search->call))
		return;
	http_request_clear(&request);
	failed(search, "out of memory");
}

void lost_answer_look(struct backend *backend, uint64_t number)
{
	struct search *search = calloc(1, sizeof(*search));

	if (!search)
		return; /* the search is optional */
	search->backend = backend;
	search->number = number;
	timer_init(&search->timer, ask, search);
	search->next = backend->lost_answers->first;
	backend->lost_answers->first = search;
	ask_later(search);
}
