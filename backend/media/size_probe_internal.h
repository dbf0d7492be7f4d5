/*
 * Shared by the files of size probes: size_probe.c (their life) and size_answer.c (the
 * answers).
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_SIZE_PROBE_INTERNAL_H
#define SEEDANCEFS_BACKEND_MEDIA_SIZE_PROBE_INTERNAL_H

#include "backend/base/timers.h"
#include "backend/media/length_gauge.h"
#include "backend/media/size_probe.h"
#include "backend/media/store/media_file.h"
#include "backend/media/stream/media_answer.h"
#include "backend/tasks/task.h"

/*
 * What the kernel requests at once when a program reads 32 KiB, as ffprobe and
 * thumbnailers do.
 */
#define PROBE_BYTES 131072u

/* An output whose size is being determined. Backend thread only. */
struct size_probe {
	struct backend *backend;
	struct size_probe *next;
	uint64_t number;
	const char *id; /* the service's id of the task; shared */
	enum output_kind kind;
	uint32_t version;
	struct timer timer;
	struct http_call *call;
	struct media_file *file;		/* once the size is known */
	struct length_gauge *gauge;		/* while only the end of the download
						 * will tell it */
	uint64_t gauged;			/* bytes of the previous complete
						 * download */
	uint64_t received, end;			/* of the body */
	const char *objection;			/* why the answer is not usable */
	char said[MEDIA_ANSWER_SAID_BYTES + 1]; /* the text of a failure */
	size_t said_size;
	char *etag;
	unsigned failures, refusals;
	bool is_unreachable; /* the media host, at the last attempt … */
	char why[200];	     /* … for this reason */
	bool write_failed;   /* no space on disk: only the size is determined */
	int disk_error;	     /* … of a download of the complete file … */
	uint64_t wants_room; /* … which is retried when this much space is free */
	unsigned endless;    /* number of downloads larger than any video */
	enum gauged verdict; /* of a download whose end cannot be verified */
	bool asks_all;	     /* partial answers do not tell the size */
	bool wants_all;	     /* fetch the complete file when it is ready */
};

/* --- size_probe.c --- */
/* The size is known. Frees the probe. */
void size_probe_become_ready(struct size_probe *probe);
/* Sets what the task waits for, unless it has become `unknown`. */
void size_probe_set_waiting(const struct size_probe *probe, const char *waiting);
/* Retries later, after at least `least_ms`. May free the probe. */
void size_probe_retry_after(struct size_probe *probe, const char *why, int64_t least_ms);
/* The link has expired, or its host is unreachable: requests a new link. */
void size_probe_refused(struct size_probe *probe, const char *why);
void size_probe_unreachable(struct size_probe *probe, const char *why);

/* --- size_answer.c --- */
/*
 * Tells the user about a file whose end cannot be verified. Call it between tasks_begin()
 * and tasks_commit().
 */
void size_probe_put_doubt(const struct size_probe *probe, struct task_view *view);
/* http_options.sink and .done of a probe's call. */
int size_probe_take_bytes(void *context, const struct http_response *response,
			  const char *bytes, size_t size);
void size_probe_done(void *context, struct http_response *response);

#endif
