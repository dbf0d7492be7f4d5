/*
 * The page of the gallery: cards into the template of share/gallery.html, which is
 * compiled in. Pure; any thread.
 *
 * Nothing that is put in can be more than text: names and prompts are cleaned and
 * escaped, paths are encoded, and the page's own policy allows no script or style but the
 * template's, and no address but files.
 */
#ifndef SEEDANCEFS_FS_VIEW_GALLERY_PAGE_H
#define SEEDANCEFS_FS_VIEW_GALLERY_PAGE_H

#include "backend/backend.h"

/* All texts are borrowed, and as they came: neither cleaned nor escaped. */
struct gallery_card {
	uint64_t number; /* of the task: the same card after each reload */
	enum task_state state;
	int progress;	    /* per cent; -1: none is told */
	int64_t created_ms; /* wall clock; 0: not known */
	bool has_video, is_simulated;
	const char *frame;  /* the last frame's file name in the folder; or NULL */
	const char *path;   /* of the folder, from the page's */
	const char *prompt; /* or NULL */
	const char *note;   /* why it waits, or what went wrong; or NULL */
	const char *provider, *model; /* or NULL */
};

/* The page's text, cards in the order given; free() it. NULL without memory. */
char *gallery_page(const struct gallery_card *cards, size_t count);

#endif
