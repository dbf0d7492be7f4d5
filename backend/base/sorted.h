/*
 * Places in sorted arrays: bsearch(3), which also tells where a missing item belongs.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_SORTED_H
#define SEEDANCEFS_BACKEND_BASE_SORTED_H

#include <stddef.h>
#include <stdint.h>

/* The index of the first item that is not before the key, or `count`. */
size_t sorted_place(const void *key, const void *items, size_t count, size_t item_size,
		    int (*compare)(const void *key, const void *item));

static inline int sorted_compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

#endif
