/*
 * Prefetching: bytes that are fetched without a reader, before their link expires
 * (rescue) or as soon as the task has succeeded (eager). plan.h decides when and how
 * much.
 *
 * Each output that is not whole has a job, on the backend's thread. When it is due, the
 * job opens the media and fetches one piece; the next turn goes to the job whose link
 * expires first. Two outputs are fetched at a time, and none while somebody waits for
 * bytes, unless a link expires soon. Failures are retried with growing delays, until the
 * link has expired and the service has no other one; then the task's note says so.
 *
 * An output is whole when it is complete, durable and verified (media/stream/verify.c).
 * From then on it is a local file, independent of its link.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PREFETCH_H
#define SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PREFETCH_H

#include "backend/core/core.h"
#include "backend/tasks/task.h"

struct http_response;
struct media_file;

/* Creates backend->prefetching, which subscribes to the streams. 0 or -ENOMEM. */
int prefetching_create(struct backend *backend);
/* Call it before the streams are destroyed. */
void prefetching_destroy(struct backend *backend);
/* Makes the first turn of the thread examine all known tasks. */
void prefetch_start(struct backend *backend);
/* A task was revealed, or has a new version of an output. */
void prefetch_task(struct backend *backend, uint64_t number);
/* The user asked for the complete output: retries what was given up. */
void prefetch_again(struct backend *backend, uint64_t number);
/* The media is about to be deleted (OUTPUT_COUNT: all of the task's). */
void prefetch_drop(struct backend *backend, uint64_t number, enum output_kind kind);
/* A request uses the output's link. `file` may be NULL. */
void prefetch_count(struct backend *backend, uint64_t number, enum output_kind kind,
		    const char *url, struct media_file *file);
/* The headers of an answer that carries bytes of the file. */
void prefetch_heard(struct backend *backend, uint64_t number, enum output_kind kind,
		    struct media_file *file, const struct http_response *response);
/*
 * Whether the output is being fetched a second time, since its bytes did not match the
 * expected digest.
 */
bool prefetch_has_first(struct backend *backend, uint64_t number, enum output_kind kind);
/*
 * The second download failed: shows the first one again. 1: it is shown; 0: there is
 * none; -ENOMEM.
 */
int prefetch_restore(struct backend *backend, uint64_t number, enum output_kind kind);

#endif
