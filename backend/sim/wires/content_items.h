/*
 * The array `content` in the format of Ark and of services that adopted it:
 * {"type":"image_url","image_url":{"url":"..."},"role":"..."} and similar items. Pure.
 */
#ifndef SEEDANCE_SIM_WIRES_CONTENT_ITEMS_H
#define SEEDANCE_SIM_WIRES_CONTENT_ITEMS_H

#include "backend/base/json.h"
#include "backend/sim/wires/content.h"

/* How a service's items differ from Ark's. */
struct content_rules {
	const char *const *types; /* the allowed item types, NULL-terminated */
	bool takes_assets;
	bool is_closed;	 /* rejects members that do not belong to the item's type */
	size_t text_max; /* maximum characters of one text; 0 = no limit */
};

/* Reads and settles; the content borrows from the array. */
bool content_items_read(const struct json *array, const struct content_rules *rules,
			struct content *content, struct refusal *refusal);

#endif
