/*
 * The picture in a file: the picture itself, or a video's first frame. Only this file
 * uses ffmpeg's libraries.
 */
#ifndef SEEDANCEFS_FS_DECODER_PICTURE_H
#define SEEDANCEFS_FS_DECODER_PICTURE_H

#include <stddef.h>
#include <stdint.h>

struct AVFrame;

/* Reads the file (wire.h) and decodes it. 0 or -errno; av_frame_free() the frame. */
int picture_read(uint64_t file_bytes, struct AVFrame **ret_frame);

/*
 * Encodes the frame as a PNG. No side is longer than `pixels`, and it is never larger
 * than the frame. Does not take the frame. free() *ret_png. 0 or -errno.
 */
int picture_shrink(const struct AVFrame *frame, unsigned pixels, void **ret_png,
		   size_t *ret_bytes);

#endif
