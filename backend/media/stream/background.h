/*
 * Fetching an open media file in the background, piece by piece, on behalf of a job. A
 * piece is a transfer that no reader waits for; it ends in one of the events of stream.h.
 * Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STREAM_BACKGROUND_H
#define SEEDANCEFS_BACKEND_MEDIA_STREAM_BACKGROUND_H

#include "backend/media/stream/stream.h"

struct prefetch_job;

/* Identifies a version of an output. */
struct media_id {
	uint64_t number;
	enum output_kind kind;
	uint32_t version;
};
struct media_id media_id(const struct media *media);
struct backend *media_backend(const struct media *media);
struct media_file *media_file_of(const struct media *media);

/*
 * Sets the job that fetches the media; NULL: none. The job takes over transfers that
 * readers started and abandoned.
 */
void media_set_job(struct media *media, struct prefetch_job *job);
struct prefetch_job *media_job(const struct media *media);

/* Starts whatever is due next, which may lead to any event of stream.h. */
void media_pump(struct media *media);

/* Whether another request may start now. */
bool media_may_request(const struct media *media);
bool media_has_transfers(const struct media *media);
/*
 * Fetches [start, end). `yields`: readers that need bytes near its end start requests of
 * their own. 0 or -errno.
 */
int media_start_piece(struct media *media, uint64_t start, uint64_t end, bool yields);
bool media_has_piece(const struct media *media);
/* Stops pieces that have at least that many bytes left. False: there were none. */
bool media_stop_pieces(struct media *media, uint64_t bytes_least);

/* Whether somebody waits for bytes of it, or wants the complete file now. */
bool media_is_wanted(struct media *media);
/* Whether any media is being read. */
bool media_any_is_read(struct backend *backend);

/* The file is complete: makes it durable and verifies it. */
void media_make_durable(struct media *media);
/* There is a newer version: this one is not fetched further. */
void media_set_stale(struct media *media);
/*
 * Sets the task's note: the disk accepts no bytes, and why. It is removed once the disk
 * does.
 */
void media_note_no_room(struct media *media, const char *why);

#endif
