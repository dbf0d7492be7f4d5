/* backend/ledger/rows.c: every saved field is loaded again, also from older libraries. */
#include "tests/unit/backend/ledger/ledger_fixture.h"

#include <sqlite3.h>

/* Texts that JSON and SQL must escape. */
static const char odd[] = "a 'quoted' \"text\"; \\ %s\n\t\xc3\xa4 \xf0\x9f\x90\x88";

static void fill_texts(struct task_view *view)
{
	const char **const fields[] = {
		&view->provider,     &view->endpoint,	  &view->key_name,
		&view->model,	     &view->remote_id,	  &view->raw_state,
		&view->waiting,	     &view->note,	  &view->request_note,
		&view->problem.code, &view->problem.text, &view->request,
		&view->answer,	     &view->usage,	  &view->refused_save.problem
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		AUTOFREE char *text = text_format("%zu %s", i, odd);

		task_set_text(view, fields[i], text);
	}
	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		AUTOFREE char *text = text_format("output %zu %s", i, odd);

		task_set_text(view, &view->outputs[i].url, text);
		task_set_text(view, &view->outputs[i].etag, text + 1);
	}
}

static void fill_numbers(struct task_view *view)
{
	view->revision = 77;
	view->state = TASK_SUCCEEDED;
	view->previous_state = TASK_FAILED;
	view->attempt = 3;
	view->is_archive = true;
	view->needs_submit = true;
	view->hidden = HIDDEN_STATUS | HIDDEN_LAST_FRAME;
	view->progress = 42;
	view->created_ms = 1743414619001;
	view->since_ms = 1743414619002;
	view->intent_ms = 1743414619003;
	view->tried_ms = 1743414619004;
	view->listing_ms = 1743414619005;
	view->problem.class = PROBLEM_MODERATION;
	memset(view->digest, 'd', SHA256_HEX - 1);
	view->refused_save.at_ms = 1743414619006;
	memset(view->refused_save.over, 'o', SHA256_HEX - 1);
	view->outputs[0] = (struct output){ .is_ready = true,
					    .is_whole = true,
					    .is_refetched = true,
					    .size = 123456789012,
					    .version = 2,
					    .mtime = 1743414619 };
	view->outputs[1] = (struct output){
		.is_dead = true, .is_lost = true, .version = UINT32_MAX, .mtime = -1
	};
}

static struct task_view *full_view(void)
{
	struct locked_file files[] = {
		{ (char[]){ "prompt.txt" }, UINT64_MAX, UINT64_MAX - 1 },
		{ (char[]){ "a \"b\" \xc3\xa4.png" }, 1, UINT64_C(1) << 60 },
	};
	struct task_place place = { (char[]){ "film/scene 1/\xe7\x8c\xab" }, UINT64_MAX,
				    99 };
	struct task_view *view = task_view_new(UINT64_C(1) << 40);

	fill_numbers(view);
	fill_texts(view);
	task_set_locked(view, files, 2);
	task_set_place(view, &place);
	return view;
}

static void compare_texts(struct task_view *a, struct task_view *b)
{
	expect_text("round trip", "provider", b->provider, a->provider);
	expect_text("round trip", "endpoint", b->endpoint, a->endpoint);
	expect_text("round trip", "key_name", b->key_name, a->key_name);
	expect_text("round trip", "model", b->model, a->model);
	expect_text("round trip", "remote_id", b->remote_id, a->remote_id);
	expect_text("round trip", "raw_state", b->raw_state, a->raw_state);
	expect_text("round trip", "waiting", b->waiting, a->waiting);
	expect_text("round trip", "note", b->note, a->note);
	expect_text("round trip", "request_note", b->request_note, a->request_note);
	expect_text("round trip", "problem.code", b->problem.code, a->problem.code);
	expect_text("round trip", "problem.text", b->problem.text, a->problem.text);
	expect_text("round trip", "request", b->request, a->request);
	expect_text("round trip", "answer", b->answer, a->answer);
	expect_text("round trip", "usage", b->usage, a->usage);
	expect_text("round trip", "digest", b->digest, a->digest);
	expect_text("round trip", "refused_save.problem", b->refused_save.problem,
		    a->refused_save.problem);
	expect_text("round trip", "refused_save.over", b->refused_save.over,
		    a->refused_save.over);
	expect_text("round trip", "place.path", b->place.path, a->place.path);
}

static void compare_numbers(const struct task_view *a, const struct task_view *b)
{
	assert_int_equal(b->number, a->number);
	assert_int_equal(b->revision, a->revision);
	assert_int_equal(b->state, a->state);
	assert_int_equal(b->previous_state, a->previous_state);
	assert_int_equal(b->attempt, a->attempt);
	assert_int_equal(b->refused_save.at_ms, a->refused_save.at_ms);
	assert_int_equal(b->is_archive, a->is_archive);
	assert_int_equal(b->is_removed, a->is_removed);
	assert_int_equal(b->needs_submit, a->needs_submit);
	assert_int_equal(b->hidden, a->hidden);
	assert_int_equal(b->progress, a->progress);
	assert_int_equal(b->created_ms, a->created_ms);
	assert_int_equal(b->since_ms, a->since_ms);
	assert_int_equal(b->intent_ms, a->intent_ms);
	assert_int_equal(b->tried_ms, a->tried_ms);
	assert_int_equal(b->listing_ms, a->listing_ms);
	assert_int_equal(b->problem.class, a->problem.class);
	assert_true(b->place.device == a->place.device &&
		    b->place.inode == a->place.inode);
}

static void compare_outputs(const struct task_view *a, const struct task_view *b)
{
	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		const struct output *x = &a->outputs[i], *y = &b->outputs[i];

		assert_int_equal(y->is_ready, x->is_ready);
		assert_int_equal(y->is_dead, x->is_dead);
		assert_int_equal(y->is_whole, x->is_whole);
		assert_int_equal(y->is_lost, x->is_lost);
		assert_int_equal(y->is_refetched, x->is_refetched);
		assert_int_equal(y->size, x->size);
		assert_int_equal(y->version, x->version);
		assert_int_equal(y->mtime, x->mtime);
		expect_text("round trip", "url", y->url, x->url);
		expect_text("round trip", "etag", y->etag, x->etag);
	}
}

static void compare_locked(const struct task_view *a, const struct task_view *b)
{
	assert_int_equal(b->locked_count, a->locked_count);
	for (size_t i = 0; i < a->locked_count; i++) {
		expect_text("round trip", "locked", b->locked[i].name, a->locked[i].name);
		assert_true(b->locked[i].device == a->locked[i].device);
		assert_true(b->locked[i].inode == a->locked[i].inode);
	}
}

static void compare(struct task_view *a, struct task_view *b)
{
	compare_numbers(a, b);
	compare_texts(a, b);
	compare_outputs(a, b);
	compare_locked(a, b);
	expect_no_failed_case();
}

static void test_every_field(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	struct task_view *view = full_view(), *again = reload(path, view);

	compare(view, again);
	task_view_unref(view);
	task_view_unref(again);
}

static void test_empty_fields(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	struct task_view *view = task_view_new(1), *again = reload(path, view);

	compare(view, again);
	assert_int_equal(again->progress, -1);
	assert_false(problem_is_set(&again->problem));
	task_view_unref(view);
	task_view_unref(again);
}

static void test_every_state(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");

	for (int i = TASK_PENDING; i <= TASK_UNKNOWN; i++) {
		struct task_view *view = task_view_new(1), *again;

		view->state = (enum task_state)i;
		view->previous_state = (enum task_state)(TASK_UNKNOWN - i);
		view->is_archive = i & 1;
		view->is_removed = i & 2;
		view->needs_submit = i & 4;
		view->attempt = 1;
		again = reload(path, view);
		compare(view, again);
		task_view_unref(view);
		task_view_unref(again);
	}
}

/* File names can contain any bytes. The locked files stay locked. */
static void test_name_of_any_bytes(void **state)
{
	struct locked_file files[] = { { (char[]){ "prompt.txt" }, 1, 2 },
				       { (char[]){ "first_frame.\xe4" }, 3, 4 } };
	AUTOFREE char *path = path_in(*state, "ledger");
	struct task_view *view = task_view_new(1), *again;

	task_set_locked(view, files, 2);
	again = reload(path, view);
	compare_locked(view, again);
	task_view_unref(view);
	task_view_unref(again);
	expect_no_failed_case();
}

/* --- libraries of older versions --- */

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_upgrade(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	struct task_view *view = full_view(), *again;

	task_view_unref(reload(path, view));
	run_sql(path, "ALTER TABLE task DROP COLUMN request_note;"
		      "ALTER TABLE task DROP COLUMN doubtful_digest;"
		      "ALTER TABLE task DROP COLUMN refused_save;"
		      "ALTER TABLE task DROP COLUMN refused_save_ms;"
		      "ALTER TABLE task DROP COLUMN refused_over;"
		      "UPDATE meta SET value = '1' WHERE key = 'schema'");
	again = load_one(path);
	task_set_text(view, &view->request_note, NULL);
	task_set_text(view, &view->refused_save.problem, NULL);
	view->refused_save.at_ms = 0;
	view->refused_save.over[0] = '\0';
	compare(view, again);
	task_view_unref(again);
	task_set_text(view, &view->request_note, "left out: seed");
	again = reload(path, view);
	compare(view, again);
	task_view_unref(view);
	task_view_unref(again);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_dir, tear_down_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_field), TEST(test_empty_fields),
		TEST(test_every_state), TEST(test_name_of_any_bytes),
		TEST(test_upgrade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
