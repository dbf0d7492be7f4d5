/*
 * Open media: the bytes of one version of an output, as its readers see them. Any thread
 * may call these; none waits for the network.
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
 * sets `done`. backend_media_park() takes the record over; `done` hands it back.
 */
struct media_read {
	/*
	 * Result 0 (the bytes are here) or -errno. Called exactly once for each
	 * backend_media_park() that returned 0, without any lock: on the backend's
	 * thread, or within backend_stop(). Must not wait.
	 */
	void (*done)(struct media_read *read, int result);

	/* Any thread: 0, or the -errno that media_read_cancel() wants it to end with. */
	_Atomic int cancelled;

	/* The backend's while it is parked. */
	struct media_read *next;
	uint64_t offset, end;
	int64_t since_ms; /* boot clock: parked, or its last progress */
};

/* Opens a version of an output. -ESTALE when it is not the present one; -ENOENT. */
int backend_media_open(struct backend *backend, uint64_t number, enum output_kind kind,
		       uint32_t version, struct media **ret_media);
/* Opens it once more: for whoever uses its bytes longer than the one that opened it. */
void backend_media_ref(struct backend *backend, struct media *media);
/*
 * After the last close it stays open for two seconds: who opens it again goes on. Its
 * transfers stop at once, and its file is closed at once when the output is removed.
 */
void backend_media_close(struct backend *backend, struct media *media);
/* The same, by a reader: what was fetched ahead of it stops. */
void backend_media_leave(struct backend *backend, struct media *media);
uint64_t backend_media_size(const struct media *media);
/* The descriptor of its file if it is whole on disk,
 * for as long as it is open; -ENODATA. */
int backend_media_descriptor(const struct media *media);

/*
 * Where the bytes of a range within the file are: 0, and the view is to be cleared;
 * -EAGAIN when some of them are not here; -ENOMEM. Never touches the backend's thread,
 * but for a hint now and then that a sequential reader gets near the end of what is here.
 */
int backend_media_view(struct backend *backend, struct media *media, uint64_t offset,
		       size_t size, struct media_view *ret_view);

/*
 * Parks a read until its bytes are here, it fails, its deadline passes, it is cancelled,
 * or the backend stops. The media stays open until then. 0; or -ENOMEM, or -EIO (the
 * backend has stopped), and the record stays the caller's.
 */
int backend_media_park(struct backend *backend, struct media *media, uint64_t offset,
		       size_t size, struct media_read *read);
/*
 * Cancels reads: media_read_cancel() marks each, then one backend_media_end_cancelled()
 * ends those that are still parked. The first is a store and may be called under a lock;
 * the caller keeps the record from being freed meanwhile.
 */
void media_read_cancel(struct media_read *read, int result);
void backend_media_end_cancelled(struct backend *backend);

/* Bytes of an output that are on disk; for `kept:`. Opens nothing. */
uint64_t backend_media_kept(struct backend *backend, const struct task_view *view,
			    enum output_kind kind);

#endif
