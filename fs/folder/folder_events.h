/*
 * What a lower module tells a higher one: the only calls upwards in fs/. The daemon sets
 * the table before anything starts (daemon/filesystem_setup.c); every entry is set.
 */
#ifndef SEEDANCEFS_FS_FOLDER_FOLDER_EVENTS_H
#define SEEDANCEFS_FS_FOLDER_FOLDER_EVENTS_H

#include <stdint.h>

struct filesystem;

struct folder_events {
	/* What a folder waits for changed, which `status` says.
	 * Any thread; only queues. */
	void (*status_changed)(struct filesystem *fs, uint64_t number);
	/* The walk after the start has seen every folder. Only marks. */
	void (*walked)(struct filesystem *fs);
	/* A task's `status` has a new text: programs that poll it wake. Only the
	 * announcing thread. */
	void (*wake_pollers)(struct filesystem *fs, uint64_t number);
	/* The announcing thread is at work: pollers whose time came wake. Returns when
	 * (boot clock, ms) to call again, or INT64_MAX. */
	int64_t (*tick_pollers)(struct filesystem *fs, int64_t now_ms);
};

#endif
