/* The program's side of protocol.h, on standard input. */
#ifndef SEEDANCEFS_FS_DECODER_WIRE_H
#define SEEDANCEFS_FS_DECODER_WIRE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Reads from the file. Returns the count of bytes, 0 at the end of the file, or -errno.
 */
int wire_read(uint64_t offset, void *into, size_t size);
/* Sends a thumbnail. 0 or -errno. */
int wire_send_picture(unsigned pixels, const void *png, size_t size);

#endif
