/*
 * poll(), select() and epoll on an open `status`: it wakes when a person would see
 * something new there (announce/announce.h).
 *
 * An open `status` is readable until it was read to its end, and again after each change.
 * A program that looks for the end of a file by polling (ssh, socat, pv) finds it: once
 * for each open, what was read to its end is readable again after a second, and the read
 * gives no bytes. Every other file is always ready.
 */
#ifndef SEEDANCEFS_FS_KERNEL_OPS_POLL_H
#define SEEDANCEFS_FS_KERNEL_OPS_POLL_H

#include "fs/kernel/handle.h"

/*
 * `got` bytes at an offset were read of an open `status`, which is `size` long; `changes`
 * (announce_changes()) is of before. Who reads on in the middle reads the text that he
 * began (ops_read.c): what changed since is still new to him. The handle's lock is held.
 */
void polled_was_read(struct polled *polled, unsigned changes, off_t offset, size_t got,
		     size_t size);

#endif
