#include "fs/folder/status_snapshot.h"

#include <stdlib.h>
#include <string.h>

#define SNAPSHOT_MS 1000 /* it is rendered at most once in this time */

bool snapshot_is_fresh(const struct snapshot *snapshot, uint64_t revision, int64_t now_ms)
{
	return snapshot->text && snapshot->revision >= revision &&
	       snapshot->turn > snapshot->outdated &&
	       now_ms - snapshot->began_ms < SNAPSHOT_MS;
}

uint64_t snapshot_begin(struct snapshot *snapshot)
{
	return ++snapshot->last_turn;
}

void snapshot_outdate(struct snapshot *snapshot)
{
	snapshot->outdated = snapshot->last_turn;
}

/* A new text gets a later mtime than all before: caches rely on it. */
static void take_text(struct snapshot *snapshot, char *text)
{
	struct timespec now, *last = &snapshot->mtime;

	if (snapshot->text && !strcmp(snapshot->text, text)) {
		free(text);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec < last->tv_sec ||
	    (now.tv_sec == last->tv_sec && now.tv_nsec <= last->tv_nsec)) {
		now = *last;
		if (++now.tv_nsec == 1000000000)
			now = (struct timespec){ .tv_sec = last->tv_sec + 1 };
	}
	free(snapshot->text);
	snapshot->text = text;
	snapshot->mtime = now;
}

bool snapshot_show(struct snapshot *snapshot, uint64_t turn, uint64_t revision,
		   int64_t began_ms, char *text)
{
	bool is_later = !snapshot->text || turn > snapshot->turn;
	bool is_as_new = !snapshot->text || revision >= snapshot->revision;

	if (!is_later || !is_as_new) {
		free(text);
		return !is_later && revision <= snapshot->revision;
	}
	snapshot->turn = turn;
	snapshot->revision = revision;
	snapshot->began_ms = began_ms;
	take_text(snapshot, text);
	return true;
}

void snapshot_clear(struct snapshot *snapshot)
{
	free(snapshot->text);
	snapshot->text = NULL;
}
