/*
 * Streams: the bytes of outputs, for readers and for callers that want complete files.
 * media.h has the functions for any thread. Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STREAM_STREAM_H
#define SEEDANCEFS_BACKEND_MEDIA_STREAM_STREAM_H

#include "backend/core/core.h"
#include "backend/media/stream/media.h"

struct http_response;
struct media_file;

/* Creates backend->streaming, with its writer. 0 or -errno. */
int streaming_create(struct backend *backend);
/* Starts the writer's thread. */
int streaming_start(struct backend *backend);
/*
 * Ends transfers and the writer, answers parked reads with -EIO, and makes received bytes
 * durable.
 */
void streaming_stop(struct backend *backend);
/* The same for a backend that was never started. */
void streaming_stop_writer(struct backend *backend);
/* Call it when no media is open. */
void streaming_destroy(struct backend *backend);

/* Handles the writer's notifications, if there are any. */
void media_written(struct backend *backend);

/* Fetches an output completely, if it is ready, with or without readers. */
void media_fetch_output(struct backend *backend, const struct task_view *view,
			enum output_kind kind);
/*
 * A descriptor of an output that is complete on disk: 0. Otherwise the output is fetched,
 * starting with the first call that sets `begins`: -EAGAIN in the meantime; -ENODATA:
 * given up, since the service has no link; -EIO: given up for another reason; or another
 * -errno. *ret_why is the latest failure (free() it), or NULL.
 */
int media_whole(struct backend *backend, const struct task_view *view,
		enum output_kind kind, bool begins, int *ret_fd, char **ret_why);

/* A transfer that did not bring its bytes. */
struct media_failure {
	const struct http_response *response;
	const char *why;
	uint64_t brought;   /* bytes that were missing before */
	bool is_background; /* background.h */
	bool is_refused;    /* the link has expired, or leads to something else */
};

/* What streams report to background fetching (background.h). */
struct stream_events {
	/* A request uses the output's link. */
	void (*link_used)(struct backend *backend, uint64_t number, enum output_kind kind,
			  const char *url, struct media_file *file);
	/* The headers of an answer that carries bytes of the file. */
	void (*head_came)(struct backend *backend, uint64_t number, enum output_kind kind,
			  struct media_file *file, const struct http_response *response);
	/* A reader waits for bytes of some media. */
	void (*reader_waits)(struct backend *backend);
	/*
	 * All transfers that readers need are running: a piece may start, or the file is
	 * complete.
	 */
	void (*pumped)(struct media *media);
	/* Returns true if that was a piece, which the callee has handled. */
	bool (*failed)(struct media *media, const struct media_failure *failure);
	/* The output was given up for its readers. */
	void (*gave_up)(struct media *media, const char *why);
	/* The disk rejects the bytes. */
	void (*disk_failed)(struct media *media, const char *why);
	/* Whether a piece waits for free space on disk. */
	bool (*lacks_room)(const struct media *media);
	/* The file is complete, durable and verified. */
	void (*whole)(struct media *media);
};

/* Call it before the start. */
void streaming_set_events(struct backend *backend, const struct stream_events *events);

#endif
