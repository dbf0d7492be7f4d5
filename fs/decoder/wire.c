#include "fs/decoder/wire.h"

#include "fs/decoder/protocol.h"

#include <errno.h>
#include <unistd.h>

static int read_whole(void *into, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = read(STDIN_FILENO, (char *)into + done, size - done);

		if (got == 0)
			return -EPIPE;
		if (got < 0 && errno != EINTR)
			return -errno;
		done += got > 0 ? (size_t)got : 0;
	}
	return 0;
}

static int write_whole(const void *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t put =
			write(STDIN_FILENO, (const char *)bytes + done, size - done);

		if (put < 0 && errno != EINTR)
			return -errno;
		done += put > 0 ? (size_t)put : 0;
	}
	return 0;
}

int wire_read(uint64_t offset, void *into, size_t size)
{
	struct thumbnailer_message ask = { .word = THUMBNAILER_READ, .offset = offset };
	int32_t count;
	int r;

	ask.size = size < THUMBNAILER_READ_MAX ? (uint32_t)size : THUMBNAILER_READ_MAX;
	r = write_whole(&ask, sizeof(ask));
	if (!r)
		r = read_whole(&count, sizeof(count));
	if (r || count <= 0)
		return r ? r : count;
	if ((uint32_t)count > ask.size)
		return -EPROTO;
	r = read_whole(into, (size_t)count);
	return r ? r : count;
}

int wire_send_picture(unsigned pixels, const void *png, size_t size)
{
	struct thumbnailer_message head = { .word = THUMBNAILER_PICTURE,
					    .size = (uint32_t)size,
					    .offset = pixels };
	int r = write_whole(&head, sizeof(head));

	return r ? r : write_whole(png, size);
}
