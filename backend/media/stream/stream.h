/*
 * Streams: the bytes of outputs, for those who read them, and for those who want them
 * whole. media.h has what any thread may call. Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STREAM_STREAM_H
#define SEEDANCEFS_BACKEND_MEDIA_STREAM_STREAM_H

#include "backend/core/core.h"
#include "backend/media/stream/media.h"

struct http_response;
struct media_file;

/* Makes backend->streaming, with its writer. 0 or -errno. */
int streaming_create(struct backend *backend);
/* The writer's thread. */
int streaming_start(struct backend *backend);
/* Ends transfers and the writer, answers parked reads with -EIO, and makes what came
 * durable. */
void streaming_stop(struct backend *backend);
/* The same for a backend that was never started. */
void streaming_stop_writer(struct backend *backend);
/* Nobody has any media open any more. */
void streaming_destroy(struct backend *backend);

/* Looks at the writer's news, if there are any. */
void media_written(struct backend *backend);

/* Fetches an output whole, if it is ready; readers or not. */
void media_fetch_output(struct backend *backend, const struct task_view *view,
			enum output_kind kind);
/*
 * A descriptor of an output that is whole on disk: 0. Otherwise it is fetched, which
 * `begins` with the first call: -EAGAIN while it goes on; -ENODATA: it was given up, for
 * the service has no link to it any more; -EIO: given up for something else; or another
 * -errno. What went wrong last is *ret_why (free() it), NULL if nothing did.
 */
int media_whole(struct backend *backend, const struct task_view *view,
		enum output_kind kind, bool begins, int *ret_fd, char **ret_why);

/* A transfer that did not bring what it was to. */
struct media_failure {
	const struct http_response *response;
	const char *why;
	uint64_t brought;   /* bytes that were missing before */
	bool is_background; /* background.h */
	bool is_refused;    /* the link is dead, or leads to something else */
};

/* What streams tell whoever fetches in the background (background.h): one table. */
struct stream_events {
	/* A request is made with the output's link. */
	void (*link_used)(struct backend *backend, uint64_t number, enum output_kind kind,
			  const char *url, struct media_file *file);
	/* An answer with bytes of the file: its head. */
	void (*head_came)(struct backend *backend, uint64_t number, enum output_kind kind,
			  struct media_file *file, const struct http_response *response);
	/* A reader waits for bytes of some media. */
	void (*reader_waits)(struct backend *backend);
	/* What readers wait for is on its way: a piece may begin, or all is here. */
	void (*pumped)(struct media *media);
	/* True: that was a piece, and is taken care of. */
	bool (*failed)(struct media *media, const struct media_failure *failure);
	/* It was given up for its readers. */
	void (*gave_up)(struct media *media, const char *why);
	/* The disk takes no bytes. */
	void (*disk_failed)(struct media *media, const char *why);
	/* Whether a piece waits for room on disk. */
	bool (*lacks_room)(const struct media *media);
	/* It is complete, durable and checked. */
	void (*whole)(struct media *media);
};

/* Before start. */
void streaming_set_events(struct backend *backend, const struct stream_events *events);

#endif
