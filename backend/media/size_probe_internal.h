/*
 * The inside of a size probe: size_probe.c (its life) and size_answer.c (what comes).
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_SIZE_PROBE_INTERNAL_H
#define SEEDANCEFS_BACKEND_MEDIA_SIZE_PROBE_INTERNAL_H

#include "backend/base/timers.h"
#include "backend/media/length_gauge.h"
#include "backend/media/size_probe.h"
#include "backend/media/store/media_file.h"
#include "backend/media/stream/media_answer.h"
#include "backend/tasks/task.h"

/* What the kernel asks for at once when somebody reads 32 KiB, as ffprobe and
 * thumbnailers do. */
#define PROBE_BYTES 131072u

/* One output whose size is being learnt. Backend thread only. */
struct size_probe {
	struct backend *backend;
	struct size_probe *next;
	uint64_t number;
	enum output_kind kind;
	uint32_t version;
	struct timer timer;
	struct http_call *call;
	struct media_file *file;		/* once the size is known */
	struct length_gauge *gauge;		/* while only its end will tell it */
	uint64_t gauged;			/* bytes that the last one took in */
	uint64_t received, end;			/* of the answer's bytes */
	const char *objection;			/* why the answer cannot be used */
	char said[MEDIA_ANSWER_SAID_BYTES + 1]; /* a failure's text */
	size_t said_size;
	char *etag;
	unsigned failures, refusals;
	bool is_unreachable; /* the media host, at the last try … */
	char why[200];	     /* … for this reason */
	bool write_failed;   /* no room on disk: the size is all that is learnt */
	int disk_error;	     /* … of a file that is brought in whole … */
	uint64_t wants_room; /* … which is asked for again when there is so much */
	unsigned endless;    /* times that more came than any video has */
	bool asks_all;	     /* its parts do not tell the size */
	bool wants_all;	     /* fetch it whole when it is ready */
};

/* --- size_probe.c --- */
/* Its size is known. The probe is gone afterwards. */
void size_probe_become_ready(struct size_probe *probe);
/* Asks again later, after `least_ms` at the least. May drop the probe. */
void size_probe_retry_after(struct size_probe *probe, const char *why, int64_t least_ms);
/* The link is dead, or its host cannot be reached: asks for a fresh link. */
void size_probe_refused(struct size_probe *probe, const char *why);
void size_probe_unreachable(struct size_probe *probe, const char *why);

/* --- size_answer.c --- */
/* http_options.sink and .done of a probe's call. */
int size_probe_take_bytes(void *context, const struct http_response *response,
			  const char *bytes, size_t size);
void size_probe_done(void *context, struct http_response *response);

#endif
