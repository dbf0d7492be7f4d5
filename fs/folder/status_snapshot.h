/*
 * The snapshot of `status`: the text that getattr and read serve, and when it is
 * outdated.
 *
 * Rendering takes no lock, so several threads may render at once, each from its own view
 * of the task. Each takes a turn number first. A text is shown only if its turn is later
 * than the shown text's, and the revision of its view is not older. The turn covers
 * everything that has no revision (why a folder waits, cached bytes, the countdown). So
 * the text never goes backwards. If a text is newer in one respect and older in the
 * other, the thread renders again.
 *
 * The caller's lock guards it. All times are of the boot clock.
 */
#ifndef SEEDANCEFS_FS_FOLDER_STATUS_SNAPSHOT_H
#define SEEDANCEFS_FS_FOLDER_STATUS_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* All zero: nothing was rendered yet. */
struct snapshot {
	char *text; /* NULL: none yet */
	struct timespec mtime;
	uint64_t revision;  /* of the view that it was rendered from */
	uint64_t turn;	    /* the turn in which it was rendered */
	uint64_t last_turn; /* the last turn that was taken */
	uint64_t outdated;  /* all turns up to this one are outdated */
	int64_t began_ms;   /* when its rendering started */
};

/* Whether it may be served to a reader with a view of this revision. */
bool snapshot_is_fresh(const struct snapshot *snapshot, uint64_t revision,
		       int64_t now_ms);
/* Takes a turn. Call it before reading anything for a text, except the view. */
uint64_t snapshot_begin(struct snapshot *snapshot);
/* Its facts may have changed: all turns taken so far are outdated. */
void snapshot_outdate(struct snapshot *snapshot);

/*
 * Shows a text that was started at `began_ms` from a view of this revision; takes
 * ownership. Returns true if the snapshot is now this text or a newer one. False: the
 * snapshot is newer in one respect and older in the other; take a new view and render
 * again.
 */
bool snapshot_show(struct snapshot *snapshot, uint64_t turn, uint64_t revision,
		   int64_t began_ms, char *text);

void snapshot_clear(struct snapshot *snapshot);

#endif
