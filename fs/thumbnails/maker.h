/*
 * Makes thumbnails of an output. It starts seedance-thumbnailer, which decodes the
 * untrusted file, sends it the bytes that it requests, and receives its pictures.
 *
 * The program gets one socket and nothing else: no environment, no other descriptor. It
 * is killed after MAKER_MS, which includes the time to fetch its bytes from the media
 * host.
 *
 * thumbnail_maker_run() blocks for all of that, so a dedicated thread calls it. Any
 * thread may call the other functions.
 */
#ifndef SEEDANCEFS_FS_THUMBNAILS_MAKER_H
#define SEEDANCEFS_FS_THUMBNAILS_MAKER_H

#include "backend/backend.h"
#include "fs/thumbnails/cache.h"

#define MAKER_MS 10000

struct thumbnail_maker {
	struct backend *backend;
	int wake; /* eventfd: bytes arrived, or the run must stop */
	atomic_bool is_stopping, must_yield;
};

/* What a run may cost. */
struct thumbnail_effort {
	bool is_idle; /* nothing waits for the result: low priority, and it yields */
	/*
	 * Bytes that may be fetched from the media host, in few requests, since a link
	 * may allow only so many. Bytes on disk cost nothing. Counted down. UINT64_MAX:
	 * no limit.
	 */
	uint64_t fetch_bytes;
};

struct thumbnail_pictures {
	void *png[THUMBNAIL_SIZES]; /* NULL: not received */
	size_t bytes[THUMBNAIL_SIZES];
};

int thumbnail_maker_init(struct thumbnail_maker *maker, struct backend *backend);
void thumbnail_maker_clear(struct thumbnail_maker *maker);
/* Ends the current run soon, and starts no other. */
void thumbnail_maker_stop(struct thumbnail_maker *maker);

/* An idle run, the current or the next one, yields until this is revoked. */
void thumbnail_maker_yield(struct thumbnail_maker *maker, bool must_yield);

/*
 * Makes all sizes of an open output. Returns 0 or -errno: -ENOEXEC (the program is
 * missing), -ETIMEDOUT, -ECANCELED (stopped), -EAGAIN (yielded), -EDQUOT (it would have
 * to fetch more than it may), -EINVAL (not a picture or video of a known type). Call
 * thumbnail_pictures_clear() in any case.
 */
int thumbnail_maker_run(struct thumbnail_maker *maker, struct media *media,
			struct thumbnail_effort *effort,
			struct thumbnail_pictures *ret_pictures);
void thumbnail_pictures_clear(struct thumbnail_pictures *pictures);

#endif
