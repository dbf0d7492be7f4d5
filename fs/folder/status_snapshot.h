/*
 * The snapshot of a `status`: the text that getattr and read serve, and when it is too
 * old.
 *
 * Rendering takes no lock, so that several may render at once, each from its own view of
 * the task. They count themselves first; a text is shown only if it is newer than the one
 * that is there in both: the task's revision, and who began later, which stands for all
 * that has no revision (why a folder waits, what is kept, the countdown). So the text
 * never goes back, and who rendered one and finds it refused by another that is no newer
 * in one of them renders again.
 *
 * The caller's lock guards it. All times are of the boot clock.
 */
#ifndef SEEDANCEFS_FS_FOLDER_STATUS_SNAPSHOT_H
#define SEEDANCEFS_FS_FOLDER_STATUS_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Zeros are one that nobody rendered yet. */
struct snapshot {
	char *text; /* NULL: none yet */
	struct timespec mtime;
	uint64_t revision;  /* of the view that it is made from */
	uint64_t turn;	    /* of who rendered it */
	uint64_t last_turn; /* of who began last */
	uint64_t outdated;  /* up to this turn all are too old */
	int64_t began_ms;   /* when it was begun */
};

/* Whether it may be served to who has a view of this revision. */
bool snapshot_is_fresh(const struct snapshot *snapshot, uint64_t revision,
		       int64_t now_ms);
/* Before anything of a text is looked at, but for the view: its turn. */
uint64_t snapshot_begin(struct snapshot *snapshot);
/* What it says may be different now: what was begun until here is too old. */
void snapshot_outdate(struct snapshot *snapshot);

/*
 * Shows a text, begun at a time and made from a view of this revision; takes it. False:
 * what is there is newer in one way and older in another one: take a new view, and render
 * again. True: what is there now is this text, or a newer one.
 */
bool snapshot_show(struct snapshot *snapshot, uint64_t turn, uint64_t revision,
		   int64_t began_ms, char *text);

void snapshot_clear(struct snapshot *snapshot);

#endif
