/*
 * The picture in a file: the picture itself, or a video's first frame. All that touches
 * ffmpeg's libraries is here.
 */
#ifndef SEEDANCEFS_FS_DECODER_PICTURE_H
#define SEEDANCEFS_FS_DECODER_PICTURE_H

#include <stddef.h>
#include <stdint.h>

struct AVFrame;

/* Reads (wire.h) and decodes it. 0 or -errno; av_frame_free() it. */
int picture_read(uint64_t file_bytes, struct AVFrame **ret_frame);

/*
 * A PNG of it, no side longer than `pixels`, never larger than the picture is. Frees
 * nothing; free() *ret_png. 0 or -errno.
 */
int picture_shrink(const struct AVFrame *frame, unsigned pixels, void **ret_png,
		   size_t *ret_bytes);

#endif
