/*
 * The filesystem: what its modules share. One object a mount; daemon/filesystem_setup.h
 * makes it. Each module's part is opaque to the others.
 *
 * Requests come in on FUSE's own workers; each handler decodes, calls a module, and
 * replies exactly once. No handler waits for the network: a read whose bytes are not here
 * is parked. Folders settle on one thread of their own, which alone reads what a folder
 * orders. No lock is held over I/O, a reply, or a call into the backend.
 */
#ifndef SEEDANCEFS_FS_FOLDER_FILESYSTEM_H
#define SEEDANCEFS_FS_FOLDER_FILESYSTEM_H

#include "backend/backend.h"
#include "fs/folder/folder_events.h"
#include "fs/tree/node.h"
#include "fs/tree/tree.h"

#include <stdbool.h>

struct folders;
struct due_queue;
struct settler;
struct parked_reads;
struct thumbnails;
struct handles;
struct announce;
struct pollers;
struct gallery;

struct filesystem {
	/* Set before start. */
	struct backend *backend;
	int library; /* descriptor of the library's directory */
	struct tree tree;
	struct nodes nodes;
	struct folders *folders;
	struct folder_events events;
	struct due_queue *due;
	struct parse_cache *parse_cache;
	struct settler *settler;
	struct parked_reads *parked;
	struct thumbnails *thumbnails; /* NULL: there are none */
	struct announce *announce;
	struct pollers *pollers;
	struct handles *handles;
	struct gallery *gallery;
	uid_t owner; /* who pays: only this user orders */
	gid_t group;
	bool is_root;
	void (*ready)(void *context); /* the kernel has begun to talk to us; once */
	void *ready_context;
};

#endif
