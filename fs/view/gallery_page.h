/*
 * The gallery's page: fills cards into the template share/gallery.html, which is compiled
 * in. Pure; any thread.
 *
 * All inserted content remains plain text: names and prompts are cleaned and escaped,
 * paths are encoded. The page's own policy allows only the template's scripts and styles,
 * and links only to files.
 */
#ifndef SEEDANCEFS_FS_VIEW_GALLERY_PAGE_H
#define SEEDANCEFS_FS_VIEW_GALLERY_PAGE_H

#include "backend/backend.h"

/* All texts are borrowed and raw: neither cleaned nor escaped. */
struct gallery_card {
	uint64_t number; /* of the task; identifies the card across reloads */
	enum task_state state;
	int progress;	    /* per cent; -1: not reported */
	int64_t created_ms; /* wall clock; 0: unknown */
	bool has_video, is_simulated;
	const char *frame;  /* file name of the last frame in the folder; or NULL */
	const char *path;   /* of the folder, relative to the page */
	const char *prompt; /* or NULL */
	const char *note;   /* why it waits, or what failed; or NULL */
	const char *provider, *model; /* or NULL */
};

/* The page's text, with the cards in the given order; free() it. NULL without memory. */
char *gallery_page(const struct gallery_card *cards, size_t count);

#endif
