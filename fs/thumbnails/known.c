/*
 * What is known of each task since the start: which versions of its outputs have
 * thumbnails, and under which folder. On the thumbnails' thread.
 */
#include "backend/base/cleanup.h"
#include "backend/base/sorted.h"
#include "fs/thumbnails/thumbnails_internal.h"

#include <string.h>

#define TRIES_MAX 3

static int compare_number(const void *key, const void *item)
{
	return sorted_compare_numbers(*(const uint64_t *)key,
				      ((const struct known *)item)->number);
}

static size_t place_of(const struct thumbnails *thumbnails, uint64_t number)
{
	return sorted_place(&number, thumbnails->known, thumbnails->known_count,
			    sizeof(*thumbnails->known), compare_number);
}

struct known *thumbnails_find(struct thumbnails *thumbnails, uint64_t number)
{
	size_t at = place_of(thumbnails, number);

	return at < thumbnails->known_count && thumbnails->known[at].number == number
		       ? &thumbnails->known[at]
		       : NULL;
}

struct known *thumbnails_know(struct thumbnails *thumbnails, uint64_t number)
{
	struct known *known = thumbnails_find(thumbnails, number);
	size_t at, count = thumbnails->known_count;

	if (known)
		return known;
	known = realloc(thumbnails->known, (count + 1) * sizeof(*known));
	if (!known)
		return NULL;
	thumbnails->known = known;
	at = place_of(thumbnails, number);
	memmove(known + at + 1, known + at, (count - at) * sizeof(*known));
	known[at] = (struct known){ .number = number };
	thumbnails->known_count++;
	return &known[at];
}

void thumbnails_forget(struct thumbnails *thumbnails, uint64_t number)
{
	struct known *known = thumbnails_find(thumbnails, number);
	size_t behind;

	if (!known)
		return;
	free(known->folder);
	behind = (size_t)(thumbnails->known + thumbnails->known_count - known) - 1;
	memmove(known, known + 1, behind * sizeof(*known));
	thumbnails->known_count--;
}

void thumbnails_forget_all(struct thumbnails *thumbnails)
{
	for (size_t i = 0; i < thumbnails->known_count; i++)
		free(thumbnails->known[i].folder);
	free(thumbnails->known);
	thumbnails->known = NULL;
	thumbnails->known_count = 0;
}

bool thumbnails_is_shown(const struct task_view *view, enum output_kind kind)
{
	unsigned hidden = kind == OUTPUT_VIDEO ? HIDDEN_VIDEO : HIDDEN_LAST_FRAME;

	return view->outputs[kind].is_ready && !(view->hidden & hidden);
}

static unsigned whole_outputs(const struct task_view *view)
{
	unsigned wholes = 0;

	for (int kind = 0; kind < OUTPUT_COUNT; kind++)
		if (view->outputs[kind].is_whole)
			wholes |= 1u << kind;
	return wholes;
}

void thumbnails_note(struct known *known, const struct task_view *view)
{
	known->is_lacking = false;
	for (int kind = 0; kind < OUTPUT_COUNT; kind++)
		if (thumbnails_is_shown(view, (enum output_kind)kind))
			known->versions[kind] = view->outputs[kind].version;
}

/* Another version has not been tried yet. */
static bool is_tried(const struct known *known, const struct task_view *view)
{
	for (int kind = 0; kind < OUTPUT_COUNT; kind++)
		if (known->tried_versions[kind] != view->outputs[kind].version)
			return false;
	return known->is_lacking;
}

void thumbnails_note_lack(struct known *known, const struct task_view *view)
{
	known->tries = is_tried(known, view) ? known->tries + 1 : 1;
	known->is_lacking = true;
	known->wholes = whole_outputs(view);
	for (int kind = 0; kind < OUTPUT_COUNT; kind++)
		known->tried_versions[kind] = view->outputs[kind].version;
}

bool thumbnails_is_hopeless(const struct known *known, const struct task_view *view)
{
	return is_tried(known, view) &&
	       (known->tries >= TRIES_MAX || known->wholes == whole_outputs(view));
}
