/*
 * Compares a complete file with its expected digest: it is read once, in slices, when it
 * is durable. The result is stored beside the map and reported to stream_events.
 */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/http/expected_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define SLICE_BYTES (4u << 20) /* a few milliseconds of the thread */
#define STEP_BYTES (64u << 10)

struct check {
	int fd;
	struct digest *digest;
	char hex[SHA256_HEX]; /* the expected digest */
	uint64_t offset;
};

void media_check_clear(struct media *media)
{
	struct check *check = TAKE(media->check);

	timer_clear(&media->backend->timers, &media->check_timer);
	if (!check)
		return;
	cleanup_close(&check->fd);
	digest_destroy(check->digest);
	free(check);
}

static void conclude(struct media *media, enum media_check result)
{
	media_check_clear(media);
	media->is_concluded = true;
	if (media_file_check(media->file) == result ||
	    !media_file_set_check(media->file, result))
		media->backend->streaming->events->whole(
			media); /* else the job returns to it */
}

/* Returns 0 at the end of the slice or of the file; -errno. */
static int read_slice(struct media *media, struct check *check)
{
	uint64_t size = media_file_size(media->file), end = check->offset + SLICE_BYTES;
	char bytes[STEP_BYTES];

	while (check->offset < size && check->offset < end) {
		uint64_t left = size - check->offset;
		ssize_t n = pread(check->fd, bytes,
				  left < sizeof(bytes) ? (size_t)left : sizeof(bytes),
				  (off_t)check->offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		digest_add(check->digest, bytes, (size_t)n);
		check->offset += (uint64_t)n;
	}
	return 0;
}

void media_check_due(void *context)
{
	struct media *media = context;
	struct check *check = media->check;
	char hex[SHA256_HEX];

	int r = read_slice(media, check);

	if (r) {
		log_warn("event=check_failed task=%" PRIu64, media->number);
		media_check_clear(media);
		media_file_forget(media->file, -r);
	} else if (check->offset < media_file_size(media->file)) {
		timer_set(&media->backend->timers, &media->check_timer, clock_boot_ms());
	} else {
		digest_finish(check->digest, hex);
		conclude(media, strcmp(hex, check->hex) ? MEDIA_WRONG : MEDIA_RIGHT);
	}
}

/* -ENODATA: there is no expected digest, or this machine cannot compute its kind. */
static int begin(struct media *media)
{
	enum digest_kind kind;
	const char *hex;
	struct check *check;

	if (expected_digest_parse(media_file_expected_digest(media->file), &kind, &hex))
		return -ENODATA;
	check = calloc(1, sizeof(*check));
	if (!check)
		return -ENOMEM;
	media->check = check;
	check->fd = media_open_bytes(media);
	check->digest = digest_create_of(kind);
	snprintf(check->hex, sizeof(check->hex), "%s", hex);
	if (check->fd >= 0 && check->digest) {
		timer_set(&media->backend->timers, &media->check_timer, clock_boot_ms());
		return 0;
	}
	media_check_clear(media);
	return -ENOMEM;
}

bool media_check_is_due(const struct media *media)
{
	return !media->is_concluded && !media->is_stale && !media->is_dropped &&
	       media_file_is_complete(media->file) && media_file_is_synced(media->file);
}

bool media_check_go_on(struct media *media)
{
	enum media_check known = media_file_check(media->file);
	int r;

	if (media->check)
		return true;
	if (!media_check_is_due(media))
		return false;
	r = known == MEDIA_UNCHECKED ? begin(media) : -ENODATA;
	if (r == -ENODATA)
		conclude(media, known == MEDIA_UNCHECKED ? MEDIA_RIGHT : known);
	else if (r)
		media->is_concluded = true; /* for now: the job returns to it */
	return !r;
}
