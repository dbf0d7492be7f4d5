/*
 * Callbacks from lower modules to higher ones: the only upward calls in fs/. The daemon
 * fills the table before anything starts (daemon/filesystem_setup.c); every entry is set.
 */
#ifndef SEEDANCEFS_FS_FOLDER_FOLDER_EVENTS_H
#define SEEDANCEFS_FS_FOLDER_FOLDER_EVENTS_H

#include <stdint.h>

struct filesystem;

struct folder_events {
	/*
	 * The reason why a folder waits has changed; `status` shows it. Any thread; only
	 * queues.
	 */
	void (*status_changed)(struct filesystem *fs, uint64_t number);
	/* The recovery walk has seen every folder. Only sets a flag. */
	void (*walked)(struct filesystem *fs);
	/*
	 * A task's `status` has a new text: wakes programs that poll it. Only on the
	 * announcing thread.
	 */
	void (*wake_pollers)(struct filesystem *fs, uint64_t number);
	/*
	 * Runs on the announcing thread: wakes pollers whose time has come. Returns when
	 * (boot clock, ms) to call it again, or INT64_MAX.
	 */
	int64_t (*tick_pollers)(struct filesystem *fs, int64_t now_ms);
};

#endif
