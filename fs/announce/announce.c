#include "fs/announce/announce_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/sorted.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#define WATCH_MS 10000

int announce_create(struct filesystem *fs, struct announce **ret_announce)
{
	struct announce *announce = calloc(1, sizeof(*announce));

	if (!announce)
		return -ENOMEM;
	announce->fs = fs;
	announce->end = &announce->first;
	announce->mounts = -1;
	pthread_mutex_init(&announce->lock, NULL);
	announce->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (announce->wake < 0) {
		int r = -errno;

		announce_destroy(announce);
		return r;
	}
	*ret_announce = announce;
	return 0;
}

void announce_destroy(struct announce *announce)
{
	if (!announce)
		return;
	for (size_t i = 0; i < announce->count; i++)
		free(announce->items[i]);
	free(announce->items);
	cleanup_close(&announce->wake);
	cleanup_close(&announce->mounts);
	pthread_mutex_destroy(&announce->lock);
	free(announce);
}

/* --- the table and the queue; the lock is held --- */

static int compare_number(const void *key, const void *item)
{
	return sorted_compare_numbers(*(const uint64_t *)key,
				      (*(struct told *const *)item)->number);
}

static size_t find_place(const struct announce *announce, uint64_t number)
{
	return sorted_place(&number, announce->items, announce->count,
			    sizeof(*announce->items), compare_number);
}

struct told *told_find(const struct announce *announce, uint64_t number)
{
	size_t at = find_place(announce, number);

	if (at < announce->count && announce->items[at]->number == number)
		return announce->items[at];
	return NULL;
}

static bool grow(struct announce *announce)
{
	size_t capacity = announce->capacity ? announce->capacity * 2 : 64;
	struct told **items;

	if (announce->count < announce->capacity)
		return true;
	items = realloc(announce->items, capacity * sizeof(struct told *));
	if (!items)
		return false;
	announce->items = items;
	announce->capacity = capacity;
	return true;
}

/* NULL: no memory. */
struct told *told_find_or_add(struct announce *announce, uint64_t number)
{
	struct told *told = told_find(announce, number);
	size_t at = find_place(announce, number);

	if (told)
		return told;
	told = grow(announce) ? calloc(1, sizeof(*told)) : NULL;
	if (!told)
		return NULL;
	told->number = number;
	told->kept = -1;
	told->due_ms = NEVER;
	memmove(&announce->items[at + 1], &announce->items[at],
		(announce->count - at) * sizeof(struct told *));
	announce->items[at] = told;
	announce->count++;
	return told;
}

static void enqueue(struct announce *announce, struct told *told)
{
	if (told->is_queued)
		return;
	told->is_queued = true;
	told->next = NULL;
	*announce->end = told;
	announce->end = &told->next;
}

/* Removes the record that `at` points at. */
void told_dequeue(struct announce *announce, struct told **at)
{
	struct told *told = *at;

	*at = told->next;
	if (!told->next)
		announce->end = at;
	told->is_queued = false;
}

void announce_wake(struct announce *announce)
{
	const uint64_t one = 1;

	if (write(announce->wake, &one, sizeof(one)) < 0)
		return; /* it already holds wakes */
}

/* --- called by other modules --- */

void announce_changed(struct announce *announce, uint64_t number)
{
	struct told *told;

	pthread_mutex_lock(&announce->lock);
	told = told_find_or_add(announce, number);
	if (told) { /* without memory the task's next change is announced */
		told->due_ms = 0;
		enqueue(announce, told);
	}
	pthread_mutex_unlock(&announce->lock);
	announce_wake(announce);
}

void announce_watch(struct announce *announce, uint64_t number)
{
	struct told *told;

	pthread_mutex_lock(&announce->lock);
	told = told_find(announce, number);
	if (told) {
		told->watch_until_ms = clock_boot_ms() + WATCH_MS;
		told->due_ms = 0;
		enqueue(announce, told);
	}
	pthread_mutex_unlock(&announce->lock);
	if (told)
		announce_wake(announce);
}

void announce_removed(struct announce *announce, uint64_t number, enum virtual_kind kind)
{
	SCOPED_LOCK(&announce->lock);
	struct told *told = told_find(announce, number);
	uint8_t others = (uint8_t)~KIND_BIT(kind);

	if (!told)
		return;
	told->known[kind] = 0;
	told->shown &= others;
	told->appears &= others;
	told->changed &= others;
	told->gone &= others;
}

void announce_forget(struct announce *announce, uint64_t number)
{
	SCOPED_LOCK(&announce->lock);
	size_t at = find_place(announce, number);
	struct told *told = told_find(announce, number);

	if (!told)
		return;
	announce->page_is_outdated = true; /* its card disappears */
	for (struct told **queued = &announce->first; *queued; queued = &(*queued)->next)
		if (*queued == told) {
			told_dequeue(announce, queued);
			break;
		}
	announce->count--;
	memmove(&announce->items[at], &announce->items[at + 1],
		(announce->count - at) * sizeof(struct told *));
	free(told);
}

void announce_handed(struct announce *announce, uint64_t number, enum virtual_kind kind,
		     uint32_t version)
{
	SCOPED_LOCK(&announce->lock);
	struct told *told = told_find(announce, number);

	/* A look-up may have started before the file disappeared. */
	if (told && (kind != VIRTUAL_ERROR || version > told->error_gone))
		told->known[kind] = version;
}

unsigned announce_changes(struct announce *announce, uint64_t number)
{
	SCOPED_LOCK(&announce->lock);
	const struct told *told = told_find(announce, number);

	return told ? told->changes : 0;
}

int64_t announce_listed_ms(struct announce *announce, uint64_t number)
{
	SCOPED_LOCK(&announce->lock);
	const struct told *told = told_find(announce, number);

	return told ? told->listed_ms : 0;
}

bool announce_is_ours(const struct announce *announce, pid_t pid)
{
	return pid > 0 && pid == atomic_load(&announce->pid);
}

bool announce_current(struct announce *announce, struct announce_job *ret_job)
{
	SCOPED_LOCK(&announce->lock);

	*ret_job = announce->job;
	return announce->job.id != 0;
}
