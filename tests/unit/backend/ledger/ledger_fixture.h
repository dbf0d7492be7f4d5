/*
 * What the tests of the ledger share: saving tasks with one ledger, loading them with another.
 */
#ifndef SEEDANCEFS_TESTS_UNIT_BACKEND_LEDGER_LEDGER_FIXTURE_H
#define SEEDANCEFS_TESTS_UNIT_BACKEND_LEDGER_LEDGER_FIXTURE_H

#include "tests/unit/unit.h"

#include "backend/ledger/ledger.h"

#define LOADED_MAX 64

struct loaded {
	struct task_view *views[LOADED_MAX];
	size_t count;
	int64_t intents[LOADED_MAX];
	size_t intent_count;
	int result; /* to be returned by found() */
};

static inline struct ledger *open_ledger(const char *path, bool *ret_was_copied)
{
	struct ledger *ledger = NULL;
	bool was_copied = true;

	assert_int_equal(ledger_open(path, &ledger, &was_copied), 0);
	if (ret_was_copied)
		*ret_was_copied = was_copied;
	return ledger;
}

static inline int found_task(void *context, struct task_view *view)
{
	struct loaded *loaded = context;

	assert_true(loaded->count < LOADED_MAX);
	loaded->views[loaded->count++] = view;
	return loaded->result;
}

static inline void forget(struct loaded *loaded)
{
	for (size_t i = 0; i < loaded->count; i++)
		task_view_unref(loaded->views[i]);
	*loaded = (struct loaded){ 0 };
}

/* The one task of a ledger. */
static inline struct task_view *load_one(const char *path)
{
	struct ledger *ledger = open_ledger(path, NULL);
	struct loaded loaded = { 0 };

	assert_int_equal(ledger_load(ledger, found_task, &loaded), 0);
	assert_int_equal(loaded.count, 1);
	ledger_close(ledger);
	return loaded.views[0];
}

/* Saves one task with one ledger and loads it with another. */
static inline struct task_view *reload(const char *path, struct task_view *view)
{
	struct ledger *ledger = open_ledger(path, NULL);

	assert_int_equal(ledger_save(ledger, &view, 1), 0);
	ledger_close(ledger);
	return load_one(path);
}

#endif
