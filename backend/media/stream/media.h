/*
 * Open media: the bytes of one version of an output, for its readers. Any thread may call
 * these functions; none waits for the network.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STREAM_MEDIA_H
#define SEEDANCEFS_BACKEND_MEDIA_STREAM_MEDIA_H

#include "backend/tasks/task.h"

#include <stdatomic.h>

struct backend;
struct media;
struct media_view;

/*
 * A read that waits for bytes. The caller embeds it in its own record of the request and
 * sets `done`. backend_media_park() takes over the record; `done` returns it.
 */
struct media_read {
	/*
	 * Result 0 (the bytes are here) or -errno. Called exactly once for each
	 * backend_media_park() that returned 0, without any lock: on the backend's
	 * thread, or within backend_stop(). Must not wait.
	 */
	void (*done)(struct media_read *read, int result);

	/* Any thread: 0, or the -errno that media_read_cancel() requests. */
	_Atomic int cancelled;

	/* Belongs to the backend while it is parked. */
	struct media_read *next;
	uint64_t offset, end;
	int64_t since_ms; /* boot clock: parked, or its last progress */
};

/* Opens a version of an output. -ESTALE if it is not the current version; -ENOENT. */
int backend_media_open(struct backend *backend, uint64_t number, enum output_kind kind,
		       uint32_t version, struct media **ret_media);
/* Takes another reference, for callers that use the bytes longer than the opener. */
void backend_media_ref(struct backend *backend, struct media *media);
/*
 * After the last close it stays open for two seconds, so that a reader that reopens it
 * continues. Its transfers stop immediately, and its file is closed immediately when the
 * output is removed.
 */
void backend_media_close(struct backend *backend, struct media *media);
/* Closes it for a reader: bytes are no longer fetched ahead of it. */
void backend_media_leave(struct backend *backend, struct media *media);
uint64_t backend_media_size(const struct media *media);
/*
 * The descriptor of its file, for a reader that does not come here for bytes, if the file
 * is complete on disk. Valid as long as the media is open. -ENODATA.
 */
int backend_media_descriptor(struct media *media);

/*
 * Locates the bytes of a range within the file: 0, and the caller clears the view;
 * -EAGAIN if some of them are missing; -ENOMEM. Does not involve the backend's thread,
 * except for an occasional hint that a sequential reader approaches the end of the
 * present bytes.
 */
int backend_media_view(struct backend *backend, struct media *media, uint64_t offset,
		       size_t size, struct media_view *ret_view);

/*
 * Parks a read until its bytes are here, it fails, its deadline passes, it is cancelled,
 * or the backend stops. The media stays open until then. 0; or -ENOMEM, or -EIO (the
 * backend has stopped), and the caller keeps the record.
 */
int backend_media_park(struct backend *backend, struct media *media, uint64_t offset,
		       size_t size, struct media_read *read);
/*
 * Cancels reads: media_read_cancel() marks each, then one backend_media_end_cancelled()
 * ends those that are still parked. The first is a plain store and may be called under a
 * lock; the caller keeps the record alive meanwhile.
 */
void media_read_cancel(struct media_read *read, int result);
void backend_media_end_cancelled(struct backend *backend);

/* Bytes of an output that are on disk; for `kept:`. Opens nothing. */
uint64_t backend_media_kept(struct backend *backend, const struct task_view *view,
			    enum output_kind kind);

#endif
