/*
 * The answer to a size probe: reading its headers, taking its bytes, and judging the
 * result.
 */
#include "backend/media/size_probe_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/core/note.h"
#include "backend/media/prefetch/prefetch.h"
#include "backend/media/stream/files.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SIZE_MAX_BYTES (UINT64_C(16) << 30)
#define ROOM_BYTES (UINT64_C(1) << 20) /* margin beyond the bytes received */
#define ENDLESS_MS 3600000
#define GAUGE_MAX_BYTES (UINT64_C(2) << 30) /* an answer may have no end */

static int open_file(struct size_probe *probe, const struct http_response *response,
		     uint64_t size)
{
	AUTOFREE char *name = media_file_name(probe->kind, probe->version);
	AUTOCLOSE int directory = media_task_directory(probe->backend, probe->number);
	int r;

	if (!name)
		return -ENOMEM;
	r = text_set(&probe->etag, response->etag);
	if (!r)
		r = media_file_open(directory, name, size, response->etag, &probe->file);
	if (!r)
		prefetch_heard(probe->backend, probe->number, probe->kind, probe->file,
			       response);
	return r;
}

/* The answer states no length: its size is the number of bytes received until it ends. */
static int open_gauge(struct size_probe *probe)
{
	AUTOFREE char *name = media_file_name(probe->kind, probe->version);
	AUTOCLOSE int directory = media_task_directory(probe->backend, probe->number);

	if (!name)
		return -ENOMEM;
	if (directory < 0)
		return directory;
	log_info("event=media_without_length task=%" PRIu64, probe->number);
	size_probe_set_waiting(probe,
			       probe->kind == OUTPUT_VIDEO
				       ? "downloading the whole video, because the media "
					 "host does not report its size"
				       : "downloading the whole last frame, because the "
					 "media host does not report its size");
	return length_gauge_create(directory, name, &probe->gauge);
}

/* Evaluates the answer's headers; called once per answer. */
static int begin_answer(struct size_probe *probe, const struct http_response *response,
			const char *bytes, size_t bytes_size)
{
	struct answer_span span;
	uint64_t size;
	const char *why;

	switch (media_answer_tell(response, bytes, bytes_size, &size, &span, &why)) {
	case ANSWER_IS_ENDLESS:
		probe->disk_error = open_gauge(probe);
		return probe->disk_error;
	case ANSWER_HIDES_SIZE:
		probe->asks_all = true;
		break;
	case ANSWER_TELLS:
		if (size && size <= SIZE_MAX_BYTES) {
			probe->end = span.end;
			return open_file(probe, response, size);
		}
		break;
	case ANSWER_TELLS_NOTHING:
		break;
	}
	probe->objection = why;
	return -EPROTO;
}

static int take_head(struct size_probe *probe, const char *bytes, size_t size)
{
	uint64_t before = probe->received;
	bool is_surplus;

	if (before >= PROBE_BYTES)
		return -1; /* the server ignores the range; stop here */
	is_surplus = size > probe->end - before;
	if (is_surplus)
		size = (size_t)(probe->end - before);
	probe->received += size;
	if (!probe->write_failed)
		probe->write_failed =
			media_file_write(probe->file, before, bytes, size) != 0;
	if (!probe->write_failed) /* after a failed write the size is still known */
		media_file_mark(probe->file,
				before / MEDIA_BLOCK_BYTES * MEDIA_BLOCK_BYTES,
				probe->received);
	return is_surplus ? -1 : 0;
}

static int take_all(struct size_probe *probe, const char *bytes, size_t size)
{
	if (length_gauge_size(probe->gauge) + size > GAUGE_MAX_BYTES) {
		probe->objection = "the file is too large to be a video";
		probe->endless++;
		return -EFBIG;
	}
	probe->disk_error = length_gauge_add(probe->gauge, bytes, size);
	return probe->disk_error;
}

int size_probe_take_bytes(void *context, const struct http_response *response,
			  const char *bytes, size_t size)
{
	struct size_probe *probe = context;

	if (response->status != 200 && response->status != 206)
		return media_answer_keep_said(probe->said, &probe->said_size, bytes, size)
			       ? 0
			       : -1;
	if (!probe->file && !probe->gauge && begin_answer(probe, response, bytes, size))
		return -1;
	return (probe->gauge ? take_all : take_head)(probe, bytes, size);
}

/*
 * Marks the complete download in its map. Without a map, the download would be discarded
 * when the file is closed.
 */
static void mark_whole(struct size_probe *probe, const struct http_response *response,
		       uint64_t size)
{
	if (open_file(probe, response, size))
		return;
	if (media_file_descriptor(probe->file) >= 0) {
		media_file_mark(probe->file, 0, size);
		return;
	}
	probe->disk_error = -ENOSPC;
	probe->wants_room = size + ROOM_BYTES;
	media_file_unref(TAKE(probe->file));
}

void size_probe_put_doubt(const struct size_probe *probe, struct task_view *view)
{
	const char *name = probe->kind == OUTPUT_VIDEO ? "video" : "last frame";

	if (probe->verdict == GAUGED_INCOMPLETE)
		task_format_text(view, &view->note,
				 "the %s is incomplete, and a second download returned "
				 "the same %" PRIu64 " bytes",
				 name, media_file_size(probe->file));
	else if (probe->verdict == GAUGED_UNCONFIRMED)
		task_format_text(view, &view->note,
				 "the media host does not report the size of the %s; "
				 "the %" PRIu64
				 " bytes that it sent are taken as the whole file",
				 name, media_file_size(probe->file));
}

/* Keeps the download as the output's file if it is complete. */
static void take_gauge(struct size_probe *probe, const struct http_response *response)
{
	struct length_gauge *gauge = TAKE(probe->gauge);
	uint64_t size = length_gauge_size(gauge);
	bool has_ended = response->outcome == HTTP_ANSWERED;
	enum gauged gauged = GAUGED_PARTLY;

	if (has_ended)
		gauged = length_gauge_judge(gauge, response->is_framed,
					    size == probe->gauged);
	probe->gauged = has_ended ? size : 0;
	if (probe->disk_error)
		probe->wants_room = size + ROOM_BYTES;
	if (gauged == GAUGED_PARTLY) {
		length_gauge_abandon(gauge);
		return;
	}
	length_gauge_close(gauge);
	probe->verdict = gauged;
	mark_whole(probe, response, size);
}

/* Why the answer cannot be used. free() it; NULL without memory. */
static char *failure_text(const struct size_probe *probe,
			  const struct http_response *response)
{
	if (probe->disk_error)
		return text_format("the library's disk reports: %s",
				   strerror(-probe->disk_error));
	if (probe->objection)
		return text_dup(probe->objection);
	if (response->status >= 300)
		return text_format("HTTP status %d", response->status);
	if (response->failure)
		return text_dup(response->failure);
	return text_dup(probe->gauged ? "the download is incomplete, and the media host "
					"does not report the size"
				      : "the response has no usable size");
}

void size_probe_done(void *context, struct http_response *response)
{
	struct size_probe *probe = context;
	AUTOFREE char *why = NULL;

	probe->call = NULL;
	if (probe->gauge)
		take_gauge(probe, response);
	if (probe->file) {
		size_probe_become_ready(probe);
		return;
	}
	why = failure_text(probe, response);
	if (response->outcome == HTTP_NOT_SENT)
		size_probe_unreachable(probe, why ? why : "no connection");
	else if (media_answer_is_dead_link(response->status, probe->said))
		size_probe_refused(probe, why ? why : "no connection");
	else
		size_probe_retry_after(probe, why ? why : "no answer",
				       probe->endless > 1 ? ENDLESS_MS
							  : response->retry_after_ms);
}
