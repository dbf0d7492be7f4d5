/*
 * The array `content` as Ark writes it, and those that took it over from Ark:
 * {"type":"image_url","image_url":{"url":"..."},"role":"..."} and its like. Pure.
 */
#ifndef SEEDANCE_SIM_WIRES_CONTENT_ITEMS_H
#define SEEDANCE_SIM_WIRES_CONTENT_ITEMS_H

#include "backend/base/json.h"
#include "backend/sim/wires/content.h"

/* In what a service's items differ from Ark's. */
struct content_rules {
	const char *const *types; /* the item types that there are, NULL-terminated */
	bool takes_assets;
	bool is_closed;	 /* an item has no members but those of its type */
	size_t text_max; /* characters of one text; 0 = any */
};

/* Reads and settles; the content borrows from the array. */
bool content_items_read(const struct json *array, const struct content_rules *rules,
			struct content *content, struct refusal *refusal);

#endif
