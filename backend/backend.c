/*
 * The backend's thread: its life, its commands, and its turn.
 */
#include "backend/core_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/base/thread.h"
#include "backend/media/prefetch/prefetch.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#define NUMBERS_AT_ONCE 1024
#define NUMBERS_LOW 512
#define NUMBERS_SKIPPED \
	(1u << 20) /* a ledger from a backup may not know the latest ones */
#define LEDGER_RETRY_MS 2000
#define CANDIDATES_MS INT64_C(86400000) /* how long a lost answer is looked for */
#define LONGEST_WAIT_MS 60000
#define LAST_ANSWER_MS 5000 /* how long an end waits for a create's answer */

/* --- commands --- */

static void wake(void *context)
{
	struct backend *backend = context;

	http_wake(backend->http);
}

void core_send(struct backend *backend, struct command *command)
{
	command->next = NULL;
	{
		SCOPED_LOCK(&backend->command_lock);

		*backend->commands_end = command;
		backend->commands_end = &command->next;
	}
	wake(backend);
}

/* A command that carries a task's number and nothing else. */
struct task_command {
	struct command command;
	uint64_t number;
	void (*act)(struct backend *backend, uint64_t number);
};

static void run_task_command(struct backend *backend, struct command *command)
{
	struct task_command *task = (struct task_command *)command;

	task->act(backend, task->number);
	free(task);
}

int core_send_task(struct backend *backend, uint64_t number,
		   void (*act)(struct backend *backend, uint64_t number))
{
	struct task_command *command = calloc(1, sizeof(*command));

	if (!command)
		return -ENOMEM;
	command->command.run = run_task_command;
	command->number = number;
	command->act = act;
	core_send(backend, &command->command);
	return 0;
}

static struct command *take_commands(struct backend *backend)
{
	SCOPED_LOCK(&backend->command_lock);
	struct command *first = backend->commands;

	backend->commands = NULL;
	backend->commands_end = &backend->commands;
	return first;
}

static void run_commands(struct backend *backend)
{
	struct command *command = take_commands(backend);

	while (command) {
		struct command *next = command->next;

		command->run(backend, command);
		command = next;
	}
}

/* --- small things that the rooms share --- */

int64_t core_jitter(struct backend *backend, int64_t ms)
{
	int64_t spread = ms / 10;

	if (spread <= 0)
		return ms;
	return ms - spread + rand_r(&backend->random_state) % (2 * spread + 1);
}

const char *core_endpoint_name(const struct provider_section *section)
{
	return section->is_simulator ? "simulator" : section->base_url;
}

const struct provider_section *core_section_of(const struct backend *backend,
					       const struct task_view *view)
{
	const struct provider_section *section =
		view->provider ? config_section(backend->config, view->provider) : NULL;

	if (!section || !view->endpoint ||
	    strcmp(view->endpoint, core_endpoint_name(section)))
		return NULL;
	if (!view->key_name || !section->key_name ||
	    strcmp(view->key_name, section->key_name))
		return NULL;
	return section;
}

const struct provider_section *backend_section_of(const struct backend *backend,
						  const struct task_view *view)
{
	return core_section_of(backend, view);
}

static bool differs(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) != 0 : a != b;
}

void core_set_waiting(struct backend *backend, uint64_t number, const char *waiting)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return;
	if (!differs(view->waiting, waiting)) {
		tasks_abandon(backend->tasks, view);
		return;
	}
	task_set_text(&view->waiting, waiting);
	tasks_commit(backend->tasks, view);
}

void core_set_note(struct backend *backend, uint64_t number, const char *note)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return;
	if (!differs(view->note, note)) {
		tasks_abandon(backend->tasks, view);
		return;
	}
	task_set_text(&view->note, note);
	tasks_commit(backend->tasks, view);
}

#define UNBOUND_HEAD "made with provider \""

const struct provider_section *core_bind(struct backend *backend,
					 const struct task_view *view)
{
	const struct provider_section *section = core_section_of(backend, view);
	AUTOFREE char *note = NULL;

	if (section) {
		if (view->note && text_starts_with(view->note, UNBOUND_HEAD))
			core_set_note(backend, view->number, NULL);
		return section;
	}
	note = text_format(UNBOUND_HEAD "%s\" (%s, key from %s), which the "
					"configuration no longer has; put that section "
					"back to follow it",
			   view->provider ? view->provider : "?",
			   view->endpoint ? view->endpoint : "?",
			   view->key_name ? view->key_name : "?");
	log_warn("event=unbound task=%" PRIu64 " provider=%s", view->number,
		 view->provider ? view->provider : "?");
	core_set_note(backend, view->number, note);
	return NULL;
}

/* --- the ledger's turn --- */

static void refill_numbers(struct backend *backend)
{
	uint64_t first;

	if (tasks_numbers_left(backend->tasks) > NUMBERS_LOW)
		return;
	if (ledger_reserve_numbers(backend->ledger, NUMBERS_AT_ONCE, &first))
		return;
	tasks_give_numbers(backend->tasks, first, NUMBERS_AT_ONCE);
	pthread_mutex_lock(&backend->command_lock);
	pthread_cond_broadcast(&backend->numbers_came);
	pthread_mutex_unlock(&backend->command_lock);
}

static void tell(struct backend *backend, struct task_view **views, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		backend->events.task_changed(backend->events.context, views[i]->number);
		task_view_unref(views[i]);
	}
	free(views);
}

/* One durable commit of everything that changed; only then is anything sent or told. */
static void save_turn(struct backend *backend)
{
	size_t count = 0;
	struct task_view **views;
	int r = tasks_take_dirty(backend->tasks, &views, &count);

	if (!r && views)
		r = ledger_save(backend->ledger, views, count);
	if (r) {
		sender_unsend(backend);
		tasks_return_dirty(backend->tasks, views, count);
		backend->ledger_is_failing = true;
		timer_set(&backend->timers, &backend->ledger_retry,
			  clock_boot_ms() + LEDGER_RETRY_MS);
		return;
	}
	if (backend->ledger_is_failing && views) {
		log_info("event=ledger_recovered");
		wake(backend); /* orders wait for it */
	}
	if (views)
		backend->ledger_is_failing = false;
	if (backend->is_seen && !ledger_confirm_home(backend->ledger)) {
		backend->is_seen = false;
		log_info("event=library_at_home");
	}
	sender_send(backend);
	tell(backend, views, count);
}

static void ledger_retry_due(void *context)
{
	(void)context; /* the turn that this timer makes saves by itself */
}

static bool is_stopping(struct backend *backend)
{
	SCOPED_LOCK(&backend->command_lock);

	return backend->is_stopping;
}

static int64_t time_to_wait(struct backend *backend)
{
	int64_t left = timers_next(&backend->timers) - clock_boot_ms();

	if (is_stopping(backend) && left > 100)
		return 100;
	if (left < 0)
		return 0;
	return left > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : left;
}

/* A create that is on its way when the program ends would be `unknown`:
 * its answer is near. */
static bool may_end(struct backend *backend, int64_t *end_ms)
{
	if (!is_stopping(backend))
		return false;
	if (!*end_ms) {
		*end_ms = clock_boot_ms() + LAST_ANSWER_MS;
		sender_unsend(backend);
	}
	return !sender_is_sending(backend) || clock_boot_ms() >= *end_ms;
}

static void *core_run(void *context)
{
	struct backend *backend = context;
	int64_t end_ms = 0;

	while (!may_end(backend, &end_ms)) {
		http_turn(backend->http, time_to_wait(backend));
		media_written(backend);
		run_commands(backend);
		timers_run(&backend->timers, clock_boot_ms());
		if (!end_ms && !is_stopping(backend))
			sender_turn(backend);
		refill_numbers(backend);
		if (!timer_is_set(&backend->ledger_retry))
			save_turn(backend);
	}
	return NULL;
}

/* --- life --- */

/* On the writer's thread. */
static void written(void *context)
{
	struct backend *backend = context;

	atomic_store(&backend->has_written, true);
	wake(backend);
}

static int load_task(void *context, struct task_view *view)
{
	struct backend *backend = context;

	return tasks_add(backend->tasks, view, false);
}

/* What a task becomes when the program starts again. */
static void revive(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return;
	if (view->state == TASK_SUBMITTING) {
		task_enter(view, TASK_UNKNOWN);
		problem_set(&view->problem, PROBLEM_NETWORK,
			    "the program ended while the request was on its way: it may "
			    "have been "
			    "accepted and billed");
	} else if (view->state == TASK_PENDING && backend->was_copied) {
		view->needs_submit = true;
	} else if (view->state != TASK_PENDING || !view->waiting) {
		tasks_abandon(backend->tasks, view);
		return;
	}
	if (view->state == TASK_PENDING)
		task_set_text(&view->waiting, NULL);
	tasks_commit(backend->tasks, view);
}

/* The program ended while a new version of an output was being looked at. */
static bool lacks_output(const struct task_view *view)
{
	static const unsigned hidden[] = { HIDDEN_VIDEO, HIDDEN_LAST_FRAME };
	bool lacks = false;

	for (int i = 0; i < OUTPUT_COUNT; i++) {
		const struct output *output = &view->outputs[i];

		lacks = lacks || (output->url && !output->is_ready && !output->is_dead &&
				  !(view->hidden & hidden[i]));
	}
	return lacks && view->state == TASK_SUCCEEDED && !view->is_removed;
}

static void revive_visit(void *context, struct task_view *view)
{
	struct backend *backend = context;

	revive(backend, view->number);
	removal_finish(backend, view->number);
	if (view->state == TASK_SUBMITTING ||
	    (view->state == TASK_UNKNOWN && !view->remote_id &&
	     view->intent_ms > clock_wall_ms() - CANDIDATES_MS))
		lost_answer_look(backend, view->number);
	if (view->wants_cancel)
		poll_cancel(backend, view->number);
	if (task_is_active(view->state) && view->state != TASK_SUBMITTING)
		poll_task(backend, view->number, 0);
	else if (lacks_output(view))
		size_probe_task(backend, view->number, false);
}

/*
 * What the revived tasks became is durable before anything else happens. If they cannot
 * be saved now, they are dirty again.
 */
static void save_revived(struct backend *backend)
{
	size_t count = 0;
	struct task_view **views;

	if (tasks_take_dirty(backend->tasks, &views, &count))
		return;
	if (views && ledger_save(backend->ledger, views, count)) {
		tasks_return_dirty(backend->tasks, views, count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		task_view_unref(views[i]);
	free(views);
}

static int load(struct backend *backend)
{
	AUTOFREE char *path = text_format("%s/ledger.sqlite3", backend->library_path);
	int r = path ? ledger_open(path, &backend->ledger, &backend->was_copied)
		     : -ENOMEM;

	if (!r)
		r = ledger_load(backend->ledger, load_task, backend);
	if (!r)
		r = sender_load_intents(backend);
	if (r)
		return r;
	if (backend->was_copied) {
		uint64_t skipped;

		r = ledger_reserve_numbers(backend->ledger, NUMBERS_SKIPPED, &skipped);
	}
	if (r)
		return r;
	if (backend->was_copied)
		log_warn("event=library_copied action=\"unsent tasks wait for submit\"");
	tasks_each(backend->tasks, revive_visit, backend);
	prefetch_start(backend);
	save_revived(backend);
	refill_numbers(backend);
	return 0;
}

/* As http_create() wants it. */
static const char *proxy_of(const struct config *config)
{
	if (!config->proxy || !*config->proxy)
		return NULL;
	return strcmp(config->proxy, CONFIG_PROXY_ENVIRONMENT) ? config->proxy : "";
}

int backend_create(const struct config *config, const char *library_path,
		   int media_directory, const struct backend_events *events,
		   struct backend **ret_backend)
{
	struct backend *backend = calloc(1, sizeof(*backend));
	int r;

	if (!backend)
		return -ENOMEM;
	backend->config = config;
	backend->media_directory = media_directory;
	backend->events = *events;
	backend->commands_end = &backend->commands;
	backend->library_path = strdup(library_path);
	pthread_mutex_init(&backend->command_lock, NULL);
	pthread_mutex_init(&backend->media_lock, NULL);
	pthread_cond_init(&backend->media_opened, NULL);
	pthread_cond_init(&backend->numbers_came, NULL);
	media_pool_init(&backend->chunks);
	timer_init(&backend->ledger_retry, ledger_retry_due, backend);
	prefetch_init(backend);
	reveal_init(backend);
	removal_init(backend);
	r = random_bytes(&backend->random_state, sizeof(backend->random_state));
	if (!r)
		r = http_create(proxy_of(config), &backend->http);
	if (!r)
		r = media_writer_create(written, backend, &backend->writer);
	if (!r)
		r = tasks_create(wake, backend, &backend->tasks);
	backend->private_sections =
		calloc(config->section_count + 1, sizeof(*backend->private_sections));
	if (!r)
		r = backend->library_path && backend->private_sections ? load(backend)
								       : -ENOMEM;
	if (r) {
		backend_destroy(backend);
		return r;
	}
	*ret_backend = backend;
	return 0;
}

int backend_start(struct backend *backend)
{
	int r = media_writer_start(backend->writer);

	if (r)
		return r;
	r = thread_start(&backend->thread, core_run, backend);
	backend->is_started = r == 0;
	return r;
}

void backend_stop(struct backend *backend)
{
	if (!backend->is_started) {
		media_writer_stop(backend->writer);
		return;
	}
	{
		SCOPED_LOCK(&backend->command_lock);

		backend->is_stopping = true;
	}
	wake(backend);
	pthread_join(backend->thread, NULL);
	backend->is_started = false;
	/* From here on this thread is the backend's. */
	sender_unsend(backend);
	run_commands(backend);
	media_stop(backend);
	media_writer_stop(backend->writer);
	media_sync(backend);
	save_turn(backend);
}

void backend_destroy(struct backend *backend)
{
	if (!backend)
		return;
	run_commands(backend);
	if (backend->http) {
		prefetch_clear(backend);
		media_clear(backend);
		sender_clear(backend);
		poll_clear(backend);
		size_probe_clear(backend);
		task_timers_clear(&backend->held_back);
		task_timers_clear(&backend->removals);
		lost_answer_clear(backend);
	}
	http_destroy(backend->http);
	media_writer_destroy(backend->writer);
	media_pool_clear(&backend->chunks);
	timers_clear(&backend->timers);
	ledger_close(backend->ledger);
	tasks_destroy(backend->tasks);
	free(backend->intents);
	free(backend->private_sections);
	free(backend->library_path);
	pthread_mutex_destroy(&backend->command_lock);
	pthread_mutex_destroy(&backend->media_lock);
	pthread_cond_destroy(&backend->media_opened);
	pthread_cond_destroy(&backend->numbers_came);
	free(backend);
}

const char *backend_library_id(const struct backend *backend)
{
	return ledger_library_id(backend->ledger);
}

const struct config *backend_config(const struct backend *backend)
{
	return backend->config;
}

/* Waits for the local disk only: a block of numbers is one small commit. */
int backend_task_reserve(struct backend *backend, uint64_t *ret_number)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 5;
	for (;;) {
		uint64_t number = tasks_take_number(backend->tasks);
		int r;

		if (number) {
			*ret_number = number;
			return 0;
		}
		wake(backend);
		pthread_mutex_lock(&backend->command_lock);
		r = tasks_numbers_left(backend->tasks)
			    ? 0
			    : pthread_cond_timedwait(&backend->numbers_came,
						     &backend->command_lock, &until);
		pthread_mutex_unlock(&backend->command_lock);
		if (r)
			return -EAGAIN;
	}
}
