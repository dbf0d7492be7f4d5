/*
 * The state that the modules of the filesystem share. One object per mount;
 * daemon/filesystem_setup.h creates it. Each module's part is opaque to the others.
 *
 * Requests arrive on FUSE's workers. Each handler decodes the request, calls a module,
 * and replies exactly once. No handler waits for the network: a read of bytes that are
 * not available yet is parked. Folders settle on a thread of their own, and only that
 * thread reads the files of an order. No lock is held over I/O, a reply, or a call into
 * the backend.
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
	struct thumbnails *thumbnails; /* NULL: disabled */
	struct announce *announce;
	struct pollers *pollers;
	struct handles *handles;
	struct gallery *gallery;
	uid_t owner; /* the user who pays; only this user can order */
	gid_t group;
	bool is_root;
	void (*ready)(void *context); /* called once, when the kernel has connected */
	void *ready_context;
};

#endif
