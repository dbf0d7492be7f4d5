/*
 * Bytes that are fetched although nobody reads: before their link dies (rescue), or as
 * soon as the task has succeeded (eager). plan.h says when and how much, this directory
 * does it.
 *
 * Each output that is not whole yet has a keeper, on the backend's thread. Its time
 * comes, it opens the media and fetches one piece; then the one whose link dies first has
 * the next turn. Two are fetched at a time, and none while anybody waits for bytes,
 * unless its link dies soon. What fails is tried again, less and less often, until the
 * link is dead and the service has no other one: then the task's note says so.
 *
 * An output is whole when it is complete, durable and checked (media/stream/verify.c):
 * from then on it is a local file, whatever becomes of its link.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PREFETCH_H
#define SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PREFETCH_H

#include "backend/core/core.h"
#include "backend/tasks/task.h"

struct http_response;
struct media_file;

/* Makes backend->prefetching, which listens to the streams. 0 or -ENOMEM. */
int prefetching_create(struct backend *backend);
/* Before the streams are destroyed. */
void prefetching_destroy(struct backend *backend);
/* The first turn of the thread looks at everything that is known. */
void prefetch_start(struct backend *backend);
/* It is shown as succeeded, or has a new version of an output. */
void prefetch_task(struct backend *backend, uint64_t number);
/* A person asks for all of it: what was given up is not any more. */
void prefetch_again(struct backend *backend, uint64_t number);
/* The media is about to be dropped (OUTPUT_COUNT: all of the task's). */
void prefetch_drop(struct backend *backend, uint64_t number, enum output_kind kind);
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

#endif
