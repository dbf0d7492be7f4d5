/*
 * Makes thumbnails of an output: starts seedance-thumbnailer, which decodes what comes
 * from outside, hands it the bytes that it asks for, and takes its pictures.
 *
 * The program gets a socket and nothing else: no environment, no other descriptor. It has
 * MAKER_MS, its bytes' way from the media host included; then it is killed.
 *
 * thumbnail_maker_run() waits for all that: one thread of its own calls it. The others
 * may be called by any thread.
 */
#ifndef SEEDANCEFS_FS_THUMBNAILS_MAKER_H
#define SEEDANCEFS_FS_THUMBNAILS_MAKER_H

#include "backend/backend.h"
#include "fs/thumbnails/cache.h"

#define MAKER_MS 10000

struct thumbnail_maker {
	struct backend *backend;
	int wake; /* eventfd: bytes came, or it is to stop */
	atomic_bool is_stopping, must_yield;
};

/* What a run may cost. */
struct thumbnail_effort {
	bool is_idle; /* nobody waits for it: it is nice, and gives way */
	/* Bytes that may be asked of the media host, in few requests, for a link may be
	 * good for only so many; what is here costs nothing. Counted down. UINT64_MAX:
	 * any. */
	uint64_t fetch_bytes;
};

struct thumbnail_pictures {
	void *png[THUMBNAIL_SIZES]; /* NULL: it did not come */
	size_t bytes[THUMBNAIL_SIZES];
};

int thumbnail_maker_init(struct thumbnail_maker *maker, struct backend *backend);
void thumbnail_maker_clear(struct thumbnail_maker *maker);
/* What runs ends soon, and nothing is begun any more. */
void thumbnail_maker_stop(struct thumbnail_maker *maker);

/* An idle run gives way, the one under way or the next, until this is taken back. */
void thumbnail_maker_yield(struct thumbnail_maker *maker, bool must_yield);

/*
 * All sizes of an output that is open. 0, or -errno: -ENOEXEC (the program is missing),
 * -ETIMEDOUT, -ECANCELED (it is to stop), -EAGAIN (it gave way), -EDQUOT (more would have
 * to be fetched than it may), -EINVAL (it is no picture, or none of the kinds that are
 * known). thumbnail_pictures_clear() in any case.
 */
int thumbnail_maker_run(struct thumbnail_maker *maker, struct media *media,
			struct thumbnail_effort *effort,
			struct thumbnail_pictures *ret_pictures);
void thumbnail_pictures_clear(struct thumbnail_pictures *pictures);

#endif
