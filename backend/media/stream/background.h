/*
 * Fetching an open media in the background, piece by piece, for the one whose turn it is:
 * its job. A piece is a transfer that no reader waits for; it ends in one of the events
 * of stream.h. Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STREAM_BACKGROUND_H
#define SEEDANCEFS_BACKEND_MEDIA_STREAM_BACKGROUND_H

#include "backend/media/stream/stream.h"

struct prefetch_job;

/* Which version of which output it is. */
struct media_id {
	uint64_t number;
	enum output_kind kind;
	uint32_t version;
};
struct media_id media_id(const struct media *media);
struct backend *media_backend(const struct media *media);
struct media_file *media_file_of(const struct media *media);

/* Whose turn it is to fetch it; NULL: nobody's. What readers began, and nobody reads on,
 * is the job's then. */
void media_set_job(struct media *media, struct prefetch_job *job);
struct prefetch_job *media_job(const struct media *media);

/* Does what is to be done next, which may end in any event of stream.h. */
void media_pump(struct media *media);

/* A request of its own may begin now. */
bool media_may_request(const struct media *media);
bool media_has_transfers(const struct media *media);
/* Fetches [start, end). `yields`: who needs what it brings much later has a request of
 * its own. 0 or -errno. */
int media_start_piece(struct media *media, uint64_t start, uint64_t end, bool yields);
bool media_has_piece(const struct media *media);
/* Stops the pieces with at least so many bytes to go. False: there were none. */
bool media_stop_pieces(struct media *media, uint64_t bytes_least);

/* Somebody waits for bytes of it, or wants it whole now. */
bool media_is_wanted(struct media *media);
/* Somebody reads any media. */
bool media_any_is_read(struct backend *backend);

/* It is complete: it is made durable, and checked. */
void media_make_durable(struct media *media);
/* There is another version of it: no more of this one is fetched. */
void media_set_stale(struct media *media);
/* The task's note says that the disk takes none of it, and why, until it does. */
void media_note_no_room(struct media *media, const char *why);

#endif
