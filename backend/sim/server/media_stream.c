#include "backend/sim/server/media_stream.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"

#include <errno.h>

#define RATE_STEPS_PER_SECOND 20

struct media_stream {
	struct faults *faults;
	struct fault *fault;
	int socket;
	int fd;
	uint64_t offset; /* where the body begins in the file */
	int64_t start_ms;
	bool has_stalled;
};

bool media_stream_is_needed(const struct fault_action *action)
{
	return action->truncate_at >= 0 || action->stall_at >= 0 || action->rate > 0 ||
	       action->flip_byte_at >= 0 || action->no_content_length;
}

/* When faults_clear() ends the wait, the stream goes on as if the time had passed. */
static int wait_for(struct media_stream *stream, int64_t ms)
{
	int r = faults_wait(stream->faults, stream->fault, ms, stream->socket);

	return r == -ECANCELED ? 0 : r;
}

static size_t up_to(size_t room, uint64_t position, int64_t mark)
{
	if (mark < 0 || position >= (uint64_t)mark || room <= (uint64_t)mark - position)
		return room;
	return (size_t)((uint64_t)mark - position);
}

static int stall(struct media_stream *stream, uint64_t position)
{
	const struct fault_action *action = &stream->fault->action;

	if (stream->has_stalled || action->stall_at < 0 ||
	    position < (uint64_t)action->stall_at)
		return 0;
	stream->has_stalled = true;
	return wait_for(stream, action->stall_ms);
}

static int slow_down(struct media_stream *stream, uint64_t position)
{
	int64_t rate = stream->fault->action.rate;
	int64_t due =
		rate ? stream->start_ms + (int64_t)(position * 1000 / (uint64_t)rate) : 0;
	int64_t now = clock_boot_ms();

	return rate && due > now ? wait_for(stream, due - now) : 0;
}

static size_t limit(const struct media_stream *stream, uint64_t position, size_t room)
{
	const struct fault_action *action = &stream->fault->action;

	if (action->rate && room > (size_t)action->rate / RATE_STEPS_PER_SECOND + 1)
		room = (size_t)action->rate / RATE_STEPS_PER_SECOND + 1;
	room = up_to(room, position, action->stall_at);
	return up_to(room, position, action->truncate_at);
}

static void flip(const struct media_stream *stream, uint64_t from, char *bytes,
		 size_t size)
{
	int64_t at = stream->fault->action.flip_byte_at;

	if (at >= 0 && (uint64_t)at >= from && (uint64_t)at - from < size)
		bytes[(uint64_t)at - from] ^= 0x55;
}

static ssize_t stream_read(void *context, uint64_t position, char *bytes, size_t room)
{
	struct media_stream *stream = context;
	const struct fault_action *action = &stream->fault->action;
	uint64_t from = stream->offset + position;
	ssize_t n;
	int r;

	if (action->truncate_at >= 0 && position >= (uint64_t)action->truncate_at)
		return -ECONNABORTED;
	r = stall(stream, position);
	if (!r)
		r = slow_down(stream, position);
	if (r)
		return r;
	n = pread(stream->fd, bytes, limit(stream, position, room), (off_t)from);
	if (n > 0)
		flip(stream, from, bytes, (size_t)n);
	return n < 0 ? -errno : n;
}

static void stream_destroy(void *context)
{
	struct media_stream *stream = context;

	close(stream->fd);
	fault_unref(stream->faults, stream->fault);
	free(stream);
}

int media_stream_open(struct faults *faults, struct fault *fault, int socket, int *fd,
		      uint64_t offset, uint64_t size, struct http_stream *ret)
{
	struct media_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return -ENOMEM;
	*stream = (struct media_stream){ faults, fault_ref(faults, fault),
					 socket, take_fd(fd),
					 offset, clock_boot_ms(),
					 false };
	*ret = (struct http_stream){ stream_read, stream_destroy, stream, size,
				     fault->action.no_content_length };
	return 0;
}
