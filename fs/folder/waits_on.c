#include "fs/folder/waits_on.h"

#include "backend/base/cleanup.h"
#include "fs/folder/folder_internal.h"

#include <errno.h>

#define CHAIN_MAX 65536

/* The task that a folder waits for; only a pending one waits. */
static uint64_t waits_on_of(struct filesystem *fs, uint64_t number)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);
	SCOPED_LOCK(&fs->folders->lock);
	const struct folder *folder = folders_find(fs->folders, number);

	return folder && view && view->state == TASK_PENDING ? folder->waits_on : 0;
}

/*
 * No loop is recorded, but a folder that becomes pending again may keep its earlier
 * entry. The count limits the search.
 */
static bool leads_to(struct filesystem *fs, uint64_t from, uint64_t number)
{
	for (unsigned i = 0; from && from != number && i < CHAIN_MAX; i++)
		from = waits_on_of(fs, from);
	return from == number;
}

static void set_waits_on(struct filesystem *fs, uint64_t number, uint64_t waits_on,
			 uint64_t loops_by)
{
	SCOPED_LOCK(&fs->folders->lock);
	struct folder *folder = folders_find(fs->folders, number);

	if (folder) {
		folder->waits_on = waits_on;
		folder->loops_by = loops_by;
	}
}

int folder_set_waits_on(struct filesystem *fs, uint64_t number, uint64_t waits_on)
{
	bool is_loop = waits_on && leads_to(fs, waits_on, number);

	set_waits_on(fs, number, is_loop ? 0 : waits_on, is_loop ? waits_on : 0);
	return is_loop ? -ELOOP : 0;
}

void folder_waits_no_more(struct filesystem *fs, uint64_t number)
{
	SCOPED_LOCK(&fs->folders->lock);
	struct folder *folder = folders_find(fs->folders, number);

	if (folder)
		folder->waits_on = 0;
}

static uint64_t loops_by_of(struct filesystem *fs, uint64_t number)
{
	SCOPED_LOCK(&fs->folders->lock);
	const struct folder *folder = folders_find(fs->folders, number);

	return folder ? folder->loops_by : 0;
}

bool folder_left_loop(struct filesystem *fs, uint64_t number)
{
	uint64_t loops_by = loops_by_of(fs, number);

	if (!loops_by || leads_to(fs, loops_by, number))
		return false;
	set_waits_on(fs, number, 0, 0);
	return true;
}

/* The next folder after `after` that waits for a task; 0: none. */
static uint64_t next_waiting(struct folders *folders, uint64_t after, uint64_t waits_on)
{
	SCOPED_LOCK(&folders->lock);

	for (size_t i = folders_find_place(folders, after + 1); i < folders->count; i++)
		if (folders->items[i]->waits_on == waits_on)
			return folders->items[i]->number;
	return 0;
}

static uint64_t next_in_loop(struct folders *folders, uint64_t after)
{
	SCOPED_LOCK(&folders->lock);

	for (size_t i = folders_find_place(folders, after + 1); i < folders->count; i++)
		if (folders->items[i]->loops_by)
			return folders->items[i]->number;
	return 0;
}

void folder_each_in_loop(struct filesystem *fs,
			 void (*visit)(void *context, uint64_t number), void *context)
{
	uint64_t at = 0;

	while ((at = next_in_loop(fs->folders, at)))
		visit(context, at);
}

void folder_each_waiting(struct filesystem *fs, uint64_t number,
			 void (*visit)(void *context, uint64_t number), void *context)
{
	uint64_t at = 0;

	while ((at = next_waiting(fs->folders, at, number)))
		visit(context, at);
}
