/*
 * Bytes that are fetched although nobody reads: before their link dies (rescue), or as
 * soon as the task has succeeded (eager). plan.h says when and how much, this room
 * does it.
 *
 * Each output that is not whole yet has a keeper, on the backend's thread. Its time
 * comes, it opens the media and fetches one piece; then the one whose link dies first has
 * the next turn. Two are fetched at a time, and none while anybody waits for bytes,
 * unless its link dies soon. What fails is tried again, less and less often, until the
 * link is dead and the service has no other one: then the task's note says so.
 *
 * An output is whole when it is complete, durable and checked (media/stream/verify.c): from then
 * on it is a local file, whatever becomes of its link.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PREFETCH_H
#define SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PREFETCH_H

#include "backend/core_internal.h"

struct media;
struct media_file;
struct transfer;
struct prefetch_job;

/* --- for the other rooms of the backend --- */

void prefetch_init(struct backend *backend);
/* The first turn of the thread looks at everything that is known. */
void prefetch_start(struct backend *backend);
/* It is shown as succeeded, or has a new version of an output. */
void prefetch_task(struct backend *backend, uint64_t number);
/* A person asks for all of it: what was given up is not any more. */
void prefetch_again(struct backend *backend, uint64_t number);
/* The media is dropped (OUTPUT_COUNT: all of the task's). */
void prefetch_drop(struct backend *backend, uint64_t number, enum output_kind kind);
/* Without giving the media back: it is about to be destroyed. */
void prefetch_clear(struct backend *backend);
/* A request is made with the output's link. `file` may be NULL. */
void prefetch_count(struct backend *backend, uint64_t number, enum output_kind kind,
		    const char *url, struct media_file *file);
/* An answer with bytes of the file: what its head tells. */
void prefetch_heard(struct backend *backend, uint64_t number, enum output_kind kind,
		    struct media_file *file, const struct http_response *response);
/* Whether it is being fetched once more, since the bytes on disk are not as promised. */
bool prefetch_has_first(struct backend *backend, uint64_t number, enum output_kind kind);
/* It cannot be: what came first is shown again. 1: it is; 0: there is no such thing;
 * -ENOMEM. */
int prefetch_restore(struct backend *backend, uint64_t number, enum output_kind kind);

/* --- for media*.c --- */

/* Somebody waits for bytes: long pieces that can wait are stopped. */
void prefetch_yield(struct backend *backend);
/* The media was pumped: the next piece, or the end. */
void prefetch_go_on(struct media *media);
/* A transfer failed. Returns whether that was a piece, and is taken care of. */
bool prefetch_failed(struct media *media, const struct transfer *transfer,
		     const struct http_response *response, const char *why);
/* The disk takes no bytes: it is tried again in a while. */
void prefetch_no_disk(struct media *media, const char *why);
/* It has no room for the next piece, which was not asked for: looked at again soon. */
void prefetch_no_room(struct media *media);
/* It waits for that room. */
bool prefetch_lacks_room(const struct media *media);
/* It was given up for its readers. */
void prefetch_gave_up(struct media *media);
/* It is complete, durable and checked. */
void prefetch_whole(struct media *media);

#endif
