/*
 * seedance-thumbnailer: reads a picture or a video, and sends thumbnails (protocol.h).
 *
 * It is a program of its own because it decodes untrusted files. It has no key, no file
 * name, and only one socket.
 */
#include "backend/base/cleanup.h"
#include "fs/decoder/confine.h"
#include "fs/decoder/picture.h"
#include "fs/decoder/wire.h"

#include <libavutil/frame.h>
#include <libavutil/log.h>

static int make(uint64_t file_bytes)
{
	static const unsigned sizes[] = { 128, 256, 512, 1024 };
	AVFrame *frame = NULL;
	int r = picture_read(file_bytes, &frame);

	for (size_t i = 0; !r && i < ARRAY_SIZE(sizes); i++) {
		AUTOFREE void *png = NULL;
		size_t bytes = 0;

		r = picture_shrink(frame, sizes[i], &png, &bytes);
		if (!r)
			r = wire_send_picture(sizes[i], png, bytes);
	}
	av_frame_free(&frame);
	return r;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	av_log_set_level(AV_LOG_QUIET);
	if (confine())
		return 3;
	return make(strtoull(argv[1], NULL, 10)) ? 1 : 0;
}
