/*
 * poll(), select() and epoll on an open `status`. They wake when its text shows something
 * new to a person (announce/announce.h).
 *
 * An open `status` is readable until it has been read to its end, and again after each
 * change. Some programs (ssh, socat, pv) detect the end of a file by polling. For them, a
 * text that was read to its end becomes readable again after one second, once per open,
 * and the read returns no bytes. Every other file is always ready.
 */
#ifndef SEEDANCEFS_FS_KERNEL_OPS_POLL_H
#define SEEDANCEFS_FS_KERNEL_OPS_POLL_H

#include "fs/kernel/handle.h"

/*
 * Notes a read of an open `status` that is `size` bytes long: it returned `got` bytes at
 * `offset`. `changes` is announce_changes() from before the read. A reader that continues
 * in the middle reads the text that it started (ops_read.c); changes since then are still
 * new to it. The handle's lock is held.
 */
void polled_was_read(struct polled *polled, unsigned changes, off_t offset, size_t got,
		     size_t size);

#endif
