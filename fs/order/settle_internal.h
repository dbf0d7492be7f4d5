/*
 * What the files of settling share. Not for others.
 */
#ifndef SEEDANCEFS_FS_ORDER_SETTLE_INTERNAL_H
#define SEEDANCEFS_FS_ORDER_SETTLE_INTERNAL_H

#include "fs/folder/filesystem.h"
#include "fs/order/settle.h"

/* A folder to be looked at, and what a person wrote to its `status` (README.md). */
struct settle_wish {
	uint64_t number;
	bool is_now;	/* `submit` or `retry`, and nothing happened there since: it does
			   not settle, and the same content is ordered again */
	bool is_wanted; /* one of them, and it did not go yet: the folder's temporary name
			   does not hold it */
};

/* Looks at a folder: orders it, or tells why not. Returns when to look again, in ms from
 * now; 0: when poked. The settler's thread. */
int64_t settle_look(struct filesystem *fs, const struct settle_wish *wish);

/* settle.c: a folder may have become ready without anything happening in it. `context` is
 * the settler; any thread. */
void settle_look_soon(void *context, uint64_t number);

#endif
