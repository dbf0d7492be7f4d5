/*
 * backend/tasks/transitions.h: each cell of the table that the header documents, read from
 * the header itself, is what task_move() does.
 */
#include "tests/unit/unit.h"

#include "backend/tasks/transitions.h"

#define HEADER FIXTURES "/../../backend/tasks/transitions.h"
#define COLUMNS 11

/* The columns' names in the header, and what they stand for. */
static const struct {
	const char *name;
	enum task_state state;
	bool is_finished;
} columns[] = {
	{ "pe", TASK_PENDING, false },	 { "su", TASK_SUBMITTING, false },
	{ "qu", TASK_QUEUED, false },	 { "ru", TASK_RUNNING, false },
	{ "fi", TASK_RUNNING, true },	 { "sc", TASK_SUCCEEDED, false },
	{ "fa", TASK_FAILED, false },	 { "ex", TASK_EXPIRED, false },
	{ "ca", TASK_CANCELLED, false }, { "in", TASK_INVALID, false },
	{ "un", TASK_UNKNOWN, false },
};

static int column_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		if (!strcmp(columns[i].name, name))
			return (int)i;
	return -1;
}

static struct task_view *view_in(size_t column)
{
	struct task_view *view = task_view_new(1);

	view->state = columns[column].state;
	view->is_finished = columns[column].is_finished;
	view->previous_state = TASK_EXPIRED;
	view->since_ms = 5;
	task_set_text(view, &view->remote_id, "cgt-1");
	task_set_text(view, &view->usage, "{}");
	task_set_text(view, &view->outputs[OUTPUT_VIDEO].url, "https://h/v");
	return view;
}

static void expect_state(const char *name, const struct task_view *view,
			 enum task_state state, bool is_finished)
{
	if (view->state != state || view->is_finished != is_finished)
		FAIL_CASE("%s: it is %s%s; expected %s%s", name,
			  task_state_word(view->state),
			  view->is_finished ? " (finished)" : "", task_state_word(state),
			  is_finished ? " (finished)" : "");
}

/* A cell: `wanted` is a column's name, or one of - < ! ?. */
static void check_cell(enum task_event event, size_t column, const char *wanted)
{
	AUTOVIEW *view = view_in(column);
	AUTOFREE char *name =
		text_format("%s in %s", task_event_word(event), columns[column].name);
	bool is_allowed = *wanted != '!' && *wanted != '?';
	bool allows = task_allows(view, event), did = task_move(view, event);
	int to = column_of(wanted);

	if (allows != is_allowed || did != is_allowed)
		FAIL_CASE("%s: allowed %d, %d; expected %d", name, allows, did,
			  is_allowed);
	if (!view->breach.event != is_allowed)
		FAIL_CASE("%s: it is%s logged", name, is_allowed ? "" : " not");
	if (*wanted == '-' || *wanted == '!')
		expect_state(name, view, columns[column].state,
			     columns[column].is_finished);
	else if (*wanted == '?')
		expect_state(name, view, TASK_UNKNOWN, false);
	else if (*wanted == '<')
		expect_state(name, view, TASK_EXPIRED, false);
	else if (to < 0)
		FAIL_CASE("%s: the header says \"%s\"", name, wanted);
	else
		expect_state(name, view, columns[to].state, columns[to].is_finished);
	if (*wanted == '?' && !strstr(view->problem.text, "may be billed"))
		FAIL_CASE("%s: its problem is \"%s\"", name, view->problem.text);
	expect_text(name, "id", view->remote_id, "cgt-1");
	expect_text(name, "usage", view->usage, "{}");
	expect_text(name, "link", view->outputs[OUTPUT_VIDEO].url, "https://h/v");
}

/* The words of a line, up to `most`. Returns their number. */
static size_t split(char *line, char **words, size_t most)
{
	size_t count = 0;
	char *rest = line, *word;

	while (count < most && (word = strsep(&rest, " \t")))
		if (*word)
			words[count++] = word;
	return count;
}

/* The header's rows are " * EVENT cell cell …", in the order of enum task_event. */
static void test_every_cell(void **state)
{
	AUTOFREE char *text = read_whole(HEADER, NULL);
	size_t order[COLUMNS] = { 0 };
	int event = -1;
	char *rest = text, *line;

	(void)state;
	while (event < TASK_EVENT_COUNT && (line = strsep(&rest, "\n"))) {
		char *words[COLUMNS + 2];
		size_t count = split(line, words, ARRAY_SIZE(words));

		if (event < 0 && count == COLUMNS + 1 && !strcmp(words[1], "pe")) {
			for (size_t i = 0; i < COLUMNS; i++)
				order[i] = (size_t)column_of(words[i + 1]);
			event = 0;
			continue;
		}
		if (event < 0 || count < COLUMNS + 2)
			continue;
		assert_string_equal(words[1], task_event_word((enum task_event)event));
		for (size_t i = 0; i < COLUMNS; i++)
			check_cell((enum task_event)event, order[i], words[i + 2]);
		event++;
	}
	assert_int_equal(event, TASK_EVENT_COUNT);
	expect_no_failed_case();
}

static void test_since_is_when_the_state_began(void **state)
{
	AUTOVIEW *view = view_in(column_of("qu"));

	(void)state;
	assert_true(task_move(view, TASK_SAYS_QUEUED));
	assert_int_equal(view->since_ms, 5);
	assert_true(task_move(view, TASK_SAYS_RUNNING));
	assert_true(view->since_ms > 5);
	view->since_ms = 5;
	assert_true(task_move(view, TASK_SAYS_SUCCEEDED)); /* it runs on, for people */
	assert_int_equal(view->since_ms, 5);
}

/* Content that may be billed is remembered with `unknown`, however that came. */
static void test_doubtful_content(void **state)
{
	AUTOVIEW *view = view_in(column_of("fa"));

	(void)state;
	strcpy(view->digest, "d");
	assert_false(task_move(view, TASK_SAYS_RUNNING));
	assert_string_equal(view->doubtful_digest, "d");
	assert_string_equal(view->breach.event, "running");
	assert_string_equal(view->breach.from, "failed");
	assert_non_null(strstr(view->problem.text, "\"running\" after \"failed\""));
}

static void test_a_success_of_a_removed_folder_is_booked(void **state)
{
	AUTOVIEW *view = view_in(column_of("ru"));

	(void)state;
	assert_int_equal(task_event_said(view, TASK_SUCCEEDED), TASK_SAYS_SUCCEEDED);
	view->is_removed = true;
	assert_int_equal(task_event_said(view, TASK_SUCCEEDED), TASK_IS_BOOKED);
	assert_int_equal(task_event_said(view, TASK_FAILED), TASK_SAYS_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cell),
		cmocka_unit_test(test_since_is_when_the_state_began),
		cmocka_unit_test(test_doubtful_content),
		cmocka_unit_test(test_a_success_of_a_removed_folder_is_booked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
