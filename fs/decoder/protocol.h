/*
 * The protocol between seedance-thumbnailer and the mount: one stream socket, which is
 * the program's standard input. Numbers are in the machine's byte order. The program
 * sends requests, the mount answers, and the program exits when it is done.
 *
 *   seedance-thumbnailer SIZE     the size of the picture or video in bytes
 *
 * Nothing else is exchanged: the program opens no file and knows no file name.
 */
#ifndef SEEDANCEFS_FS_DECODER_PROTOCOL_H
#define SEEDANCEFS_FS_DECODER_PROTOCOL_H

#include <stdint.h>

#define THUMBNAILER_PROGRAM "seedance-thumbnailer"
#define THUMBNAILER_READ_MAX (1u << 20)

enum thumbnailer_word {
	/*
	 * Requests bytes of the file. The answer is an int32_t: the count of the bytes
	 * that follow it (fewer only at the end of the file), or -errno.
	 */
	THUMBNAILER_READ = 1,
	/*
	 * Sends a thumbnail: `size` bytes of PNG follow. `offset` is the limit for its
	 * longer side, in pixels. No answer.
	 */
	THUMBNAILER_PICTURE = 2,
};

struct thumbnailer_message {
	uint32_t word;
	uint32_t size; /* bytes */
	uint64_t offset;
};

#endif
