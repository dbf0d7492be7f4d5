/*
 * Orders whose outcome arrives when memory runs out. The id of a paid task, or any other
 * answer of the service, is stored later, and nothing is sent twice. A service with three
 * answers listens on loopback. tasks_begin() is wrapped (CMakeLists.txt) so that it can
 * fail.
 */
#include "tests/unit/unit.h"

#include "backend/backend.h"
#include "backend/tasks/task_table.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

static atomic_int failures_left;

struct task_view *__real_tasks_begin(struct tasks *tasks, uint64_t number);
struct task_view *__wrap_tasks_begin(struct tasks *tasks, uint64_t number);

struct task_view *__wrap_tasks_begin(struct tasks *tasks, uint64_t number)
{
	if (atomic_load(&failures_left) > 0) {
		atomic_fetch_sub(&failures_left, 1);
		return NULL;
	}
	return __real_tasks_begin(tasks, number);
}

/* --- a service --- */

struct service {
	int listener;
	unsigned short port;
	pthread_t thread;
	const char
		*answers[2]; /* to the first create and to all later ones; NULL: none */
	atomic_int creates;
};

#define ACCEPTED                                    \
	"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n" \
	"Connection: close\r\n\r\n{\"id\":\"cgt-1\"}"
#define QUEUED                                      \
	"HTTP/1.1 200 OK\r\nContent-Length: 32\r\n" \
	"Connection: close\r\n\r\n{\"id\":\"cgt-1\",\"status\":\"queued\"}"
#define BUSY                                                            \
	"HTTP/1.1 429 Slow\r\nContent-Length: 41\r\nRetry-After: 1\r\n" \
	"Connection: close\r\n\r\n{\"error\":{\"code\":\"RateLimitExceeded\"}}   "
#define REFUSED                                     \
	"HTTP/1.1 400 No\r\nContent-Length: 39\r\n" \
	"Connection: close\r\n\r\n{\"error\":{\"code\":\"InvalidParameter\"}}  "

/* Reads one complete request. Returns whether it is a create. */
static bool read_request(int connection)
{
	char text[65536];
	size_t got = 0;
	const char *body, *length;

	for (;;) {
		ssize_t n = recv(connection, text + got, sizeof(text) - 1 - got, 0);

		if (n <= 0)
			return false;
		got += (size_t)n;
		text[got] = '\0';
		body = strstr(text, "\r\n\r\n");
		length = strstr(text, "Content-Length:");
		if (body && (!length || got >= (size_t)(body + 4 - text) +
							strtoul(length + 15, NULL, 10)))
			return !strncmp(text, "POST", 4);
	}
}

static void *serve(void *context)
{
	struct service *service = context;

	for (;;) {
		AUTOCLOSE int connection = accept(service->listener, NULL, NULL);
		const char *answer = QUEUED;

		if (connection < 0)
			return NULL;
		if (read_request(connection)) {
			answer = service->answers[atomic_fetch_add(&service->creates, 1) >
						  0];
			atomic_store(&failures_left, 1);
		}
		if (answer)
			send(connection, answer, strlen(answer), MSG_NOSIGNAL);
	}
}

static void start_service(struct service *service)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	service->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(service->listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(service->listener, 8), 0);
	getsockname(service->listener, (struct sockaddr *)&address, &size);
	service->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&service->thread, NULL, serve, service), 0);
}

static void stop_service(struct service *service)
{
	shutdown(service->listener, SHUT_RDWR);
	pthread_join(service->thread, NULL);
	close(service->listener);
}

/* --- a backend that uses the service --- */

struct world {
	struct service service;
	struct config *config;
	struct backend *backend;
	char *directory;
	int media;
	uint64_t number;
};

static void ignore_task(void *context, uint64_t number)
{
	(void)context;
	(void)number;
}

static void make_world(struct world *world, const char *directory)
{
	const struct backend_events events = { .task_changed = ignore_task };
	AUTOFREE char *url = NULL, *error = NULL;

	start_service(&world->service);
	url = text_format("http://127.0.0.1:%u", world->service.port);
	assert_int_equal(config_load("/nonexistent", false, &world->config, &error), 0);
	assert_int_equal(config_finish(world->config, url, &error), 0);
	world->media = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(backend_create(world->config, directory, world->media, &events,
					&world->backend),
			 0);
}

static void start_world(struct world *world, const char *directory)
{
	make_world(world, directory);
	assert_int_equal(backend_start(world->backend), 0);
}

static void stop_world(struct world *world)
{
	backend_stop(world->backend);
	backend_destroy(world->backend);
	config_destroy(world->config);
	close(world->media);
	stop_service(&world->service);
}

static void order(struct world *world)
{
	static const char prompt[] = "A fox";
	const struct task_place place = { (char *)"fox", 1, 2 };
	struct task_order order = { .digest = "d", .place = place };
	AUTOPROBLEM problem = { 0 };

	assert_int_equal(backend_task_reserve(world->backend, &world->number), 0);
	assert_int_equal(backend_task_add(world->backend, world->number, &place), 0);
	assert_int_equal(request_parse("prompt.txt", prompt, strlen(prompt),
				       &order.request, &problem),
			 0);
	order.number = world->number;
	assert_int_equal(backend_task_order(world->backend, &order), 0);
}

/* Waits for a state. No event reports the work of another thread. */
static void wait_for_state(struct world *world, enum task_state state)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	for (int i = 0; i < 4000; i++) {
		AUTOVIEW *view = backend_task_view(world->backend, world->number);

		if (view->state == state)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("the task is not %s", task_state_word(state));
}

static void run_case(void **state, const char *first, const char *later,
		     enum task_state wanted, int creates)
{
	struct world world = { .service.answers = { first, later } };

	start_world(&world, *state);
	order(&world);
	wait_for_state(&world, wanted);
	if (wanted == TASK_QUEUED) {
		AUTOVIEW *view = backend_task_view(world.backend, world.number);

		assert_string_equal(view->remote_id, "cgt-1");
	}
	assert_int_equal(atomic_load(&failures_left), 0);
	assert_int_equal(world.service.creates, creates);
	stop_world(&world);
}

static void test_an_id_without_memory_is_kept(void **state)
{
	run_case(state, ACCEPTED, ACCEPTED, TASK_QUEUED, 1);
}

static void test_a_refusal_without_memory_is_kept(void **state)
{
	run_case(state, REFUSED, ACCEPTED, TASK_INVALID, 1);
}

static void test_a_lost_answer_without_memory_is_not_sent_again(void **state)
{
	run_case(state, NULL, ACCEPTED, TASK_UNKNOWN, 1);
}

static void test_a_rate_limit_without_memory_is_sent_again_once(void **state)
{
	run_case(state, BUSY, ACCEPTED, TASK_QUEUED, 2);
}

/*
 * The folder went to the trash: the order must not be sent, even if the withdrawal could
 * not be stored.
 */
static void test_an_order_withdrawn_without_memory_is_not_sent(void **state)
{
	struct world world = { .service.answers = { ACCEPTED, ACCEPTED } };
	const struct timespec pause = { .tv_nsec = 5000000 };
	bool stands = true;

	make_world(&world, *state);
	order(&world);
	atomic_store(&failures_left, 1);
	backend_task_withdraw(world.backend, world.number);
	assert_int_equal(atomic_load(&failures_left), 0);
	assert_int_equal(backend_start(world.backend), 0);
	for (int i = 0; i < 4000 && stands; i++) {
		AUTOVIEW *view = backend_task_view(world.backend, world.number);

		stands = view->order != 0;
		assert_int_equal(view->state, TASK_PENDING);
		nanosleep(&pause, NULL);
	}
	assert_false(stands);
	stop_world(&world);
	assert_int_equal(world.service.creates, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_an_id_without_memory_is_kept,
						set_up_dir, tear_down_dir),
		cmocka_unit_test_setup_teardown(test_a_refusal_without_memory_is_kept,
						set_up_dir, tear_down_dir),
		cmocka_unit_test_setup_teardown(
			test_a_lost_answer_without_memory_is_not_sent_again, set_up_dir,
			tear_down_dir),
		cmocka_unit_test_setup_teardown(
			test_a_rate_limit_without_memory_is_sent_again_once, set_up_dir,
			tear_down_dir),
		cmocka_unit_test_setup_teardown(
			test_an_order_withdrawn_without_memory_is_not_sent, set_up_dir,
			tear_down_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
