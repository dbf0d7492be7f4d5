/* backend/backend.h: a parked read is answered exactly once, however it ends. */
#include "backend/backend.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/core/core.h"
#include "backend/core/section.h"
#include "backend/media/stream/media.h"

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define SIZE 1000000
#define NOT_DONE 1

static struct config *config;
static struct backend *backend;
static struct media *media;
static int directory = -1;
static int server = -1; /* accepts connections, and sends nothing */

struct record {
	struct media_read read;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int result; /* NOT_DONE: still in the backend */
	unsigned answers;
};

static void read_done(struct media_read *read, int result)
{
	struct record *record = (struct record *)read;
	SCOPED_LOCK(&record->lock);

	record->result = result;
	record->answers++;
	pthread_cond_signal(&record->changed);
}

static void record_init(struct record *record)
{
	*record = (struct record){ .read.done = read_done, .result = NOT_DONE };
	pthread_mutex_init(&record->lock, NULL);
	pthread_cond_init(&record->changed, NULL);
}

static int park(struct record *record)
{
	return backend_media_park(backend, media, 0, 4096, &record->read);
}

static int wait_for(struct record *record)
{
	SCOPED_LOCK(&record->lock);

	while (record->result == NOT_DONE)
		pthread_cond_wait(&record->changed, &record->lock);
	return record->result;
}

static void cancel(struct record *record, int result)
{
	media_read_cancel(&record->read, result);
	backend_media_end_cancelled(backend);
}

static void ignore_change(void *context, uint64_t changed)
{
	(void)context;
	(void)changed;
}

static char *start_server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(server, 8), 0);
	getsockname(server, (struct sockaddr *)&address, &size);
	return text_format("http://127.0.0.1:%u", ntohs(address.sin_port));
}

/* Creates a task whose video is ready, but not on disk. */
static int succeed(const char *url, uint64_t *ret_number)
{
	const struct provider_section *section = config_section(config, NULL);
	struct task_place place = { (char[]){ "cat" }, 1, 2 };
	struct task_view *view;
	int r = backend_task_reserve(backend, ret_number);

	if (!r)
		r = backend_task_add(backend, *ret_number, &place);
	view = r ? NULL : tasks_begin(backend->tasks, *ret_number);
	if (!view)
		return r ? r : -ENOMEM;
	task_set_text(view, &view->provider, section->name);
	task_set_text(view, &view->endpoint, section_endpoint_name(section));
	task_set_text(view, &view->key_name, section->key_name);
	task_set_text(view, &view->outputs[OUTPUT_VIDEO].url, url);
	view->outputs[OUTPUT_VIDEO].is_ready = true;
	view->outputs[OUTPUT_VIDEO].size = SIZE;
	view->outputs[OUTPUT_VIDEO].version = 1;
	assert_int_equal(tasks_commit(backend->tasks, view), 0);
	return 0;
}

static int set_up(void **state)
{
	struct backend_events events = { .task_changed = ignore_change };
	AUTOFREE char *none = NULL, *error = NULL, *url = start_server();
	uint64_t number;
	int r;

	set_up_dir(state);
	none = path_in(*state, "config.ini");
	directory = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = config_load(none, false, &config, &error);
	if (!r)
		r = config_finish(config, url, &error);
	if (!r)
		r = backend_create(config, *state, directory, &events, &backend);
	if (!r)
		r = succeed(url, &number);
	return r ? r : backend_media_open(backend, number, OUTPUT_VIDEO, 1, &media);
}

static int tear_down(void **state)
{
	backend_media_close(backend, media);
	backend_destroy(backend);
	config_destroy(config);
	close(directory);
	close(server);
	return tear_down_dir(state);
}

static void test_a_stop_answers_what_is_parked(void **state)
{
	struct record record;

	(void)state;
	record_init(&record);
	assert_int_equal(backend_start(backend), 0);
	assert_int_equal(park(&record), 0);
	backend_stop(backend);
	assert_int_equal(record.result, -EIO);
	assert_int_equal(record.answers, 1);
}

static void test_nothing_is_parked_after_a_stop(void **state)
{
	struct record record;

	(void)state;
	record_init(&record);
	assert_int_equal(backend_start(backend), 0);
	backend_stop(backend);
	assert_int_equal(park(&record), -EIO);
	assert_int_equal(record.answers, 0);
}

static void test_a_read_that_was_cancelled_ends(void **state)
{
	struct record first, second;

	(void)state;
	record_init(&first);
	record_init(&second);
	assert_int_equal(backend_start(backend), 0);
	assert_int_equal(park(&first), 0);
	assert_int_equal(park(&second), 0);
	cancel(&first, -EINTR);
	assert_int_equal(wait_for(&first), -EINTR);
	assert_int_equal(second.answers, 0);
	cancel(&first, -EINTR); /* too late: no effect */
	backend_stop(backend);
	assert_int_equal(first.answers, 1);
	assert_int_equal(second.answers, 1);
}

/* A signal may arrive while the read is being parked. */
static void test_a_read_that_is_cancelled_before_it_is_parked_ends(void **state)
{
	struct record record;

	(void)state;
	record_init(&record);
	assert_int_equal(backend_start(backend), 0);
	cancel(&record, -EINTR);
	assert_int_equal(park(&record), 0);
	assert_int_equal(wait_for(&record), -EINTR);
	backend_stop(backend);
	assert_int_equal(record.answers, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_stop_answers_what_is_parked,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_is_parked_after_a_stop,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_read_that_was_cancelled_ends,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_read_that_is_cancelled_before_it_is_parked_ends, set_up,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
