/*
 * What seedance-thumbnailer and the mount say to each other: one stream socket, the
 * program's standard input; numbers in the machine's own order. The program asks, the
 * mount answers; the program ends when it is done.
 *
 *   seedance-thumbnailer SIZE     the size of the picture or video in bytes
 *
 * Nothing else crosses: the program opens no file and knows no name.
 */
#ifndef SEEDANCEFS_FS_DECODER_PROTOCOL_H
#define SEEDANCEFS_FS_DECODER_PROTOCOL_H

#include <stdint.h>

#define THUMBNAILER_PROGRAM "seedance-thumbnailer"
#define THUMBNAILER_READ_MAX (1u << 20)

enum thumbnailer_word {
	/* These bytes of the file are wanted. The answer is an int32_t, the count of the
	 * bytes that follow it (fewer only at the end of the file), or -errno. */
	THUMBNAILER_READ = 1,
	/* A thumbnail, `size` bytes of PNG, follows; `offset` is its longest side at
	 * most, in pixels. Not answered. */
	THUMBNAILER_PICTURE = 2,
};

struct thumbnailer_message {
	uint32_t word;
	uint32_t size; /* bytes */
	uint64_t offset;
};

#endif
