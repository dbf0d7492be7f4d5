/*
 * The pieces of a file that is fetched although nobody reads, and what is learnt of its
 * link on the way.
 */
#include "backend/media/prefetch/prefetch_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/media/prefetch/prefetch.h"
#include "backend/media/store/media_file.h"

#include <errno.h>
#include <string.h>

#define QUIET_MS 1000
#define SYNC_MS 120000	      /* what is not durable by then is looked at again */
#define STOP_BYTES (4u << 20) /* a piece with less to go is not stopped */
#define STOP_REQUESTS 32      /* used with the link: from here on no piece is stopped */

/* --- pieces --- */

/* The last missing byte's end. */
static uint64_t missing_end(const struct media_file *file)
{
	uint64_t size = media_file_size(file), at = 0, end = 0;

	while ((at = media_file_next_missing(file, at)) < size)
		at = end = media_file_next_present(file, at);
	return end;
}

/* Where a link is nearly used up, one request fetches the rest, what is here among it. */
static int start_piece(struct prefetch_job *job, struct media *media)
{
	const struct media_file *file = media_file_of(media);
	uint64_t start = media_file_next_missing(file, 0),
		 end = media_file_next_present(file, start),
		 most = start + prefetch_piece_bytes(media_file_size(file));
	int r;

	if (job->requests >= KEEP_REQUESTS_LOW)
		end = missing_end(file);
	else if (end > most)
		end = most;
	r = media_start_piece(media, start, end, job->requests < STOP_REQUESTS);
	if (!r)
		job->is_fetching = true;
	return r;
}

/* At most. */
static uint64_t piece_bytes(const struct prefetch_job *job, const struct media *media)
{
	const struct media_file *file = media_file_of(media);
	uint64_t size = media_file_size(file), left = size - media_file_kept(file);
	uint64_t piece = prefetch_piece_bytes(size);

	return job->requests >= KEEP_REQUESTS_LOW || left < piece ? left : piece;
}

/* It is made durable and checked with the media's ticks, which end in prefetch_whole(). */
static void finish(struct prefetch_job *job, struct media *media)
{
	job->failures = 0;
	job->is_complete = true;
	job->lacks_room = false;
	media_make_durable(media);
	prefetch_job_release(job, SYNC_MS);
}

void prefetch_pumped(struct media *media)
{
	struct prefetch_job *job = media_job(media);
	struct media_file *file = media_file_of(media);

	if (!job)
		return;
	if (media_file_is_complete(file)) {
		finish(job, media);
	} else if (media_has_piece(media)) {
		return;
	} else if (job->is_fetching) {
		job->failures = 0;
		prefetch_job_release(job, 0);
	} else if (media_has_transfers(media) && job->requests < KEEP_REQUESTS_LOW) {
		return; /* a reader's: comes back at its end */
	} else if (!media_may_request(media)) {
		prefetch_job_release(job, QUIET_MS);
	} else if (media_file_next_missing(file, 0) >= media_file_size(file)) {
		return; /* the last of it is on its way to the disk */
	} else if (!media_file_has_room(file, piece_bytes(job, media))) {
		prefetch_no_room(job); /* before the link is used */
	} else {
		job->lacks_room = false;
		if (start_piece(job, media))
			prefetch_job_retry(job, 0);
	}
}

bool prefetch_lacks_room(const struct media *media)
{
	struct media_id id = media_id(media);
	const struct prefetch_job *job =
		prefetch_job_find(media_backend(media), id.number, id.kind);

	return job && job->lacks_room;
}

static void stop_piece(struct prefetch_job *job)
{
	if (prefetch_job_is_urgent(job) || job->requests >= STOP_REQUESTS)
		return;
	if (media_stop_pieces(job->media, STOP_BYTES + 1))
		prefetch_job_release(job, 0);
}

void prefetch_reader_waits(struct backend *backend)
{
	backend->prefetching->read_ms = clock_boot_ms();
	for (struct prefetch_job *job = backend->prefetching->jobs; job; job = job->next)
		if (job->media)
			stop_piece(job);
}

/* --- what is learnt on the way --- */

uint64_t prefetch_link_number(const char *url)
{
	uint64_t number = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (const char *at = url ? url : ""; *at; at++)
		number = (number ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
	return number;
}

void prefetch_count(struct backend *backend, uint64_t number, enum output_kind kind,
		    const char *url, struct media_file *file)
{
	struct prefetch_job *job = prefetch_job_find(backend, number, kind);
	uint64_t link = prefetch_link_number(url);
	unsigned in_file = file ? media_file_count_requests(file, link, 1) : 0;

	if (!job && backend->config->keep != KEEP_LAZY)
		job = prefetch_job_add(backend, number, kind);
	if (!job)
		return;
	if (job->link != link)
		job->requests = 0;
	job->link = link;
	job->requests++;
	if (file && in_file < job->requests)
		media_file_count_requests(file, link, job->requests - in_file);
	else if (in_file > job->requests)
		job->requests = in_file;
	if (job->requests < KEEP_REQUESTS_LOW || job->has_begun || job->media)
		return;
	job->at_ms = clock_boot_ms();
	prefetch_set_timer(backend, 0);
}

void prefetch_heard(struct backend *backend, uint64_t number, enum output_kind kind,
		    struct media_file *file, const struct http_response *response)
{
	struct prefetch_job *job = prefetch_job_find(backend, number, kind);

	if (response->expected_digest)
		media_file_set_expected_digest(file, response->expected_digest);
	if (job && response->date_ms)
		job->ahead_ms = response->date_ms - clock_wall_ms();
}
