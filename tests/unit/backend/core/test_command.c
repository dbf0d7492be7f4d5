/* backend/core/command.h: commands from other threads to the backend's thread. */
#include "tests/unit/unit.h"

#include "backend/core/core.h"
#include "backend/http/http.h"

static struct backend backend;
static char told[16];
static size_t told_size;

struct letter {
	struct command command;
	char letter;
};

static void run_letter(struct backend *of, struct command *command)
{
	struct letter *letter = (struct letter *)command;

	assert_ptr_equal(of, &backend);
	told[told_size++] = letter->letter;
	free(letter);
}

static void send_letter(char letter)
{
	struct letter *sent = calloc(1, sizeof(*sent));

	assert_non_null(sent);
	sent->command.run = run_letter;
	sent->letter = letter;
	backend_send(&backend, &sent->command);
}

static void act(struct backend *of, uint64_t number)
{
	(void)of;
	told[told_size++] = (char)('0' + number);
	if (number == 1)
		send_letter('x');
}

static int set_up(void **state)
{
	(void)state;
	memset(told, 0, sizeof(told));
	told_size = 0;
	command_queue_init(&backend.commands);
	return http_create(NULL, &backend.http);
}

static int tear_down(void **state)
{
	(void)state;
	http_destroy(backend.http);
	command_queue_clear(&backend.commands);
	return 0;
}

static void test_they_run_in_the_order_they_were_sent(void **state)
{
	(void)state;
	send_letter('a');
	assert_int_equal(backend_send_task(&backend, 7, act), 0);
	send_letter('b');
	assert_string_equal(told, "");
	backend_run_commands(&backend);
	assert_string_equal(told, "a7b");
	backend_run_commands(&backend);
	assert_string_equal(told, "a7b");
}

static void test_one_that_a_command_sends_runs_the_next_time(void **state)
{
	(void)state;
	assert_int_equal(backend_send_task(&backend, 1, act), 0);
	backend_run_commands(&backend);
	assert_string_equal(told, "1");
	backend_run_commands(&backend);
	assert_string_equal(told, "1x");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_they_run_in_the_order_they_were_sent),
		TEST(test_one_that_a_command_sends_runs_the_next_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
