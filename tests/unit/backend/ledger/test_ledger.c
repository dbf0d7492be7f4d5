/* backend/ledger/ledger.h: what is saved comes back, numbers never repeat, and a copy is noticed. */
#include "tests/unit/unit.h"

#include "backend/base/log.h"
#include "backend/ledger/ledger.h"

#include <sqlite3.h>

#define LOADED_MAX 64

struct loaded {
	struct task_view *views[LOADED_MAX];
	size_t count;
	int64_t intents[LOADED_MAX];
	size_t intent_count;
	int result; /* to be returned by found() */
};

static struct ledger *open_ledger(const char *path, bool *ret_was_copied)
{
	struct ledger *ledger = NULL;
	bool was_copied = true;

	assert_int_equal(ledger_open(path, &ledger, &was_copied), 0);
	if (ret_was_copied)
		*ret_was_copied = was_copied;
	return ledger;
}

static int found_task(void *context, struct task_view *view)
{
	struct loaded *loaded = context;

	assert_true(loaded->count < LOADED_MAX);
	loaded->views[loaded->count++] = view;
	return loaded->result;
}

static int found_intent(void *context, int64_t intent_ms)
{
	struct loaded *loaded = context;

	assert_true(loaded->intent_count < LOADED_MAX);
	loaded->intents[loaded->intent_count++] = intent_ms;
	return loaded->result;
}

static void forget(struct loaded *loaded)
{
	for (size_t i = 0; i < loaded->count; i++)
		task_view_unref(loaded->views[i]);
	*loaded = (struct loaded){ 0 };
}

/* The one task of a ledger. */
static struct task_view *load_one(const char *path)
{
	struct ledger *ledger = open_ledger(path, NULL);
	struct loaded loaded = { 0 };

	assert_int_equal(ledger_load(ledger, found_task, &loaded), 0);
	assert_int_equal(loaded.count, 1);
	ledger_close(ledger);
	return loaded.views[0];
}

/* Saves one task with one ledger and loads it with another. */
static struct task_view *reload(const char *path, struct task_view *view)
{
	struct ledger *ledger = open_ledger(path, NULL);

	assert_int_equal(ledger_save(ledger, &view, 1), 0);
	ledger_close(ledger);
	return load_one(path);
}

/* Texts that JSON and SQL must not mind. */
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

/* File names are bytes as well: what was locked stays locked. */
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

static void test_order_of_numbers(void **state)
{
	static const uint64_t numbers[] = { 9, 1, 300, 4 }, sorted[] = { 1, 4, 9, 300 };
	AUTOFREE char *path = path_in(*state, "ledger");
	struct ledger *ledger = open_ledger(path, NULL);
	struct task_view *views[ARRAY_SIZE(numbers)];
	struct loaded loaded = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		views[i] = task_view_new(numbers[i]);
	assert_int_equal(ledger_save(ledger, views, ARRAY_SIZE(numbers)), 0);
	assert_int_equal(ledger_save(ledger, views, 0), 0);
	assert_int_equal(ledger_load(ledger, found_task, &loaded), 0);
	assert_int_equal(loaded.count, ARRAY_SIZE(numbers));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		assert_int_equal(loaded.views[i]->number, sorted[i]);
		task_view_unref(views[i]);
	}
	forget(&loaded);
	ledger_close(ledger);
}

/* What found() returns ends the loading and is passed on. */
static void test_found_says_no(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	struct ledger *ledger = open_ledger(path, NULL);
	struct task_view *views[] = { task_view_new(1), task_view_new(2) };
	struct loaded loaded = { .result = -ENOMEM };

	assert_int_equal(ledger_save(ledger, views, 2), 0);
	assert_int_equal(ledger_load(ledger, found_task, &loaded), -ENOMEM);
	assert_int_equal(loaded.count, 1);
	forget(&loaded);
	task_view_unref(views[0]);
	task_view_unref(views[1]);
	ledger_close(ledger);
}

static void test_numbers_never_repeat(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	uint64_t last = 0;

	for (unsigned i = 0; i < 5; i++) {
		struct ledger *ledger = open_ledger(path, NULL);
		uint64_t first = 0, again = 0;

		assert_int_equal(ledger_reserve_numbers(ledger, 10 + i, &first), 0);
		assert_true(first > last);
		assert_int_equal(ledger_reserve_numbers(ledger, 1, &again), 0);
		assert_true(again >= first + 10 + i);
		last = again;
		ledger_close(ledger);
	}
}

static void test_library_id(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	AUTOFREE char *other_path = path_in(*state, "other");
	struct ledger *ledger = open_ledger(path, NULL);
	struct ledger *other = open_ledger(other_path, NULL);
	AUTOFREE char *id = strdup(ledger_library_id(ledger));

	assert_int_equal(strlen(id), 32);
	assert_int_equal(strspn(id, "0123456789abcdef"), 32);
	assert_string_not_equal(id, ledger_library_id(other));
	ledger_close(ledger);
	ledger_close(other);
	ledger = open_ledger(path, NULL);
	assert_string_equal(ledger_library_id(ledger), id);
	ledger_close(ledger);
}

/* --- attempts --- */

static void save_attempt(struct ledger *ledger, unsigned attempt,
			 enum task_state task_state, int64_t intent_ms)
{
	struct task_view *view = task_view_new(1);

	view->attempt = attempt;
	view->state = task_state;
	view->intent_ms = intent_ms;
	assert_int_equal(ledger_save(ledger, &view, 1), 0);
	task_view_unref(view);
}

static size_t count_intents(struct ledger *ledger, int64_t since_ms,
			    struct loaded *loaded)
{
	*loaded = (struct loaded){ 0 };
	assert_int_equal(ledger_load_intents(ledger, since_ms, found_intent, loaded), 0);
	return loaded->intent_count;
}

static void test_attempts(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	struct ledger *ledger = open_ledger(path, NULL);
	struct loaded loaded;

	save_attempt(ledger, 0, TASK_PENDING, 0);
	assert_int_equal(count_intents(ledger, 0, &loaded), 0);
	save_attempt(ledger, 1, TASK_SUBMITTING, 1000);
	save_attempt(ledger, 1, TASK_FAILED, 1000);
	save_attempt(ledger, 2, TASK_SUBMITTING, 3000);
	save_attempt(ledger, 3, TASK_RUNNING, 2000);
	save_attempt(ledger, 3, TASK_PENDING,
		     9000); /* edited: that attempt's row stays */
	assert_int_equal(count_intents(ledger, 0, &loaded), 3);
	assert_int_equal(loaded.intents[0], 1000);
	assert_int_equal(loaded.intents[1], 2000);
	assert_int_equal(loaded.intents[2], 3000);
	ledger_close(ledger);
	ledger = open_ledger(path, NULL);
	assert_int_equal(count_intents(ledger, 0, &loaded), 3);
	assert_int_equal(count_intents(ledger, 2000, &loaded), 2);
	assert_int_equal(count_intents(ledger, 3001, &loaded), 0);
	ledger_close(ledger);
}

static void test_intents_found_says_no(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	struct ledger *ledger = open_ledger(path, NULL);
	struct loaded loaded = { .result = -ENOMEM };

	save_attempt(ledger, 1, TASK_QUEUED, 1000);
	save_attempt(ledger, 2, TASK_QUEUED, 2000);
	assert_int_equal(ledger_load_intents(ledger, 0, found_intent, &loaded), -ENOMEM);
	assert_int_equal(loaded.intent_count, 1);
	ledger_close(ledger);
}

/* --- copies --- */

static void copy_file(const char *from, const char *to)
{
	size_t size;
	AUTOFREE char *bytes = read_whole(from, &size);

	write_whole(to, bytes, size);
}

static void test_copy_is_noticed(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	AUTOFREE char *copy = path_in(*state, "copy");
	struct ledger *ledger;
	bool was_copied;

	ledger_close(open_ledger(path, &was_copied));
	assert_false(was_copied);
	ledger_close(open_ledger(path, &was_copied));
	assert_false(was_copied);
	copy_file(path, copy);
	ledger_close(open_ledger(copy, &was_copied));
	assert_true(was_copied);
	ledger = open_ledger(copy, &was_copied);
	assert_true(was_copied); /* until it is confirmed, whatever ended the program */
	assert_int_equal(ledger_confirm_home(ledger), 0);
	ledger_close(ledger);
	ledger_close(open_ledger(copy, &was_copied));
	assert_false(was_copied);
	ledger_close(open_ledger(path, &was_copied));
	assert_false(was_copied);
}

/* Moving within a filesystem keeps the inode: it is the same ledger. */
static void test_move_is_no_copy(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	AUTOFREE char *moved = path_in(*state, "moved");
	bool was_copied;

	ledger_close(open_ledger(path, NULL));
	assert_int_equal(rename(path, moved), 0);
	ledger_close(open_ledger(moved, &was_copied));
	assert_false(was_copied);
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

/* --- what cannot be opened --- */

static void test_not_openable(void **state)
{
	static const char junk[] =
		"This is not a database, whatever its name says. ....................";
	AUTOFREE char *junk_path = path_in(*state, "junk");
	AUTOFREE char *nowhere = path_in(*state, "no/such/directory");
	struct ledger *ledger = NULL;
	bool was_copied;
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_set_fd(quiet);
	write_whole(junk_path, junk, sizeof(junk));
	assert_int_equal(ledger_open(junk_path, &ledger, &was_copied), -EIO);
	assert_int_equal(ledger_open(nowhere, &ledger, &was_copied), -EIO);
	assert_int_equal(ledger_open(*state, &ledger, &was_copied), -EIO);
	assert_null(ledger);
	log_set_fd(2);
	close(quiet);
	ledger_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_dir, tear_down_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_field),
		TEST(test_empty_fields),
		TEST(test_every_state),
		TEST(test_name_of_any_bytes),
		TEST(test_order_of_numbers),
		TEST(test_found_says_no),
		TEST(test_numbers_never_repeat),
		TEST(test_library_id),
		TEST(test_attempts),
		TEST(test_intents_found_says_no),
		TEST(test_copy_is_noticed),
		TEST(test_move_is_no_copy),
		TEST(test_upgrade),
		TEST(test_not_openable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
