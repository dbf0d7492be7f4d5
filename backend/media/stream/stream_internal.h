/*
 * Shared by the files of this directory.
 *
 *   media.c     the table of open media
 *   closing.c   what happens before a media is closed
 *   files.c     the files on disk
 *   kept.c      how much of a closed output is on disk
 *   whole.c     fetching a complete file
 *   read.c      reads that wait for bytes
 *   window.c    what to fetch next: runs of readers, and windows ahead of them
 *   transfer.c  running transfers: their start, their answers, their end
 *   intake.c    received bytes, and pausing
 *   failure.c   failed transfers
 *   disk.c      the results of writing to disk
 *   verify.c    comparing a complete file with its expected digest
 *
 * Everything runs on the backend's thread, unless a function is documented for any
 * thread.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STREAM_STREAM_INTERNAL_H
#define SEEDANCEFS_BACKEND_MEDIA_STREAM_STREAM_INTERNAL_H

#include "backend/base/timers.h"
#include "backend/core/command.h"
#include "backend/media/store/media_file.h"
#include "backend/media/store/stage.h"
#include "backend/media/stream/background.h"
#include "backend/media/stream/files.h"
#include "backend/media/stream/media.h"
#include "backend/media/stream/media_answer.h"
#include "backend/tasks/task.h"

#include <stdatomic.h>

#define MEDIA_RUNS_MAX 16
#define KEPT_MEMOS 4096

struct opening;

/* The bytes on disk of an output that is not open: kept.c. */
struct kept_memo {
	uint64_t number; /* 0: none */
	enum output_kind kind;
	uint32_t version;
	uint64_t bytes;
};

#define KEPT_MEMOS 4096

/* backend->streaming */
struct streaming {
	/* Set before start. */
	struct media_writer *writer;
	struct media_pool chunks; /* has a lock of its own */
	const struct stream_events *events;

	/* Guarded by lock. */
	pthread_mutex_t lock;
	pthread_cond_t opened;
	struct media *media;
	struct opening *openings; /* opens in progress */
	struct kept_memo kept[KEPT_MEMOS];
	uint64_t kept_changes; /* counts media that were opened */

	/* Any thread. */
	atomic_bool has_written; /* the writer has a notification */
	struct command cancel;	 /* read.c: ends cancelled reads */
	atomic_bool is_cancel_sent;
};

/*
 * A running transfer. Backend thread only.
 *
 * A transfer for a bulk reader requests everything that is missing up to the end of the
 * file, and takes it in up to its limit, which stays ahead of the reader: so the latency
 * of a request never stalls the reader. Bytes beyond the limit may be fetched by other
 * transfers.
 */
struct transfer {
	struct transfer *next;
	struct media *media;
	struct http_call *call;
	char *url; /* the link that it uses */
	uint64_t start, position, end;
	uint64_t asked_end;	    /* of the request; `end` may have been reduced
				     * since */
	uint64_t limit;		    /* it pauses here; at most `end` */
	int64_t paused_ms;	    /* boot clock, when it reached the limit; 0: it has
				     * not */
	struct media_chunk *chunk;  /* the latest bytes, not staged yet; or NULL */
	uint64_t reserved;	    /* disk space is reserved up to here */
	int64_t begun_ms, first_ms; /* boot clock: the request, and its first bytes */
	bool is_background;	    /* no reader waits for it: background.h */
	bool yields;	/* readers that need bytes near its end start requests of their
			 * own */
	bool is_ending; /* the transfer after it may start */
	bool is_paused;
	bool is_held;	       /* a reader has left: it stops unless somebody continues */
	bool is_streamed;      /* the complete file, from a server without ranges */
	bool is_checked;       /* the answer's headers fit */
	bool is_changed;       /* they do not: the server has a different file now */
	bool is_cut;	       /* the answer is shorter than requested */
	bool is_redundant;     /* another transfer brings the complete file */
	const char *objection; /* why its bytes are not usable; NULL: they are */
	uint64_t brought;      /* bytes that were missing before */
	char said[MEDIA_ANSWER_SAID_BYTES + 1]; /* the text of a failure */
	size_t said_size;
	bool has_no_memory;
};

/* A sequential reader. Backend thread only. */
struct run {
	uint64_t first;	 /* where it started */
	uint64_t next;	 /* where it is expected to continue */
	uint64_t window; /* bytes to keep in flight for it */
	uint64_t grown;	 /* its position when the window last grew; 0: never */
	bool is_proven;	 /* it has read sequentially at least once: read ahead */
	bool is_bulk;	 /* it reads much: one request for the rest of the file */
	int64_t used_ms;
};

/* An open media. */
struct media {
	/* Set when opened. */
	struct backend *backend;
	uint64_t number;
	enum output_kind kind;
	uint32_t version;
	struct media_file *file;

	/* Guarded by the lock of backend->streaming. */
	struct media *next;
	unsigned users;

	/* Any thread. */
	_Atomic(struct media_read *) arrived; /* parked, not yet in `waits` */
	struct media_read refused; /* in `arrived` once reads can no longer be parked
				    * here */
	atomic_bool was_read;
	_Atomic uint64_t mark; /* a reader that reaches this offset notifies the
			        * backend */

	/* Backend thread only. */
	struct media_read *waits; /* reads that are parked here */
	struct transfer *transfers;
	struct run runs[MEDIA_RUNS_MAX];
	struct timer retry, tick, linger;
	struct timer ahead;  /* a transfer is ending */
	uint64_t ahead_at;   /* where that transfer ends */
	int64_t unused_ms;   /* boot clock of the last close; 0: never */
	int64_t progress_ms; /* boot clock, when a block was last completed */
	int64_t overdue_ms;  /* boot clock, when reads last timed out */
	unsigned failures, refusals;
	bool again_is_bulk;
	uint64_t again_start, again_end; /* the last range that failed */
	char *etag;	  /* the server's first ETag, if the task's had none */
	char *trouble;	  /* the latest failure; NULL: bytes arrived since */
	bool is_linkless; /* … and the service had no link for it when asked */
	bool is_refreshing;
	bool wants_all;	  /* fetch the complete file, with or without readers */
	bool is_stale;	  /* the server has a different file now */
	bool needs_sync;  /* it is complete: made durable at the next tick, after its
			   * readers have been served */
	bool has_no_room; /* on disk, and the task's note says so */
	bool is_dropped;  /* its file was removed: open readers continue */
	struct prefetch_job *job; /* the job that fetches it, or NULL: background.h */
	struct check *check;	  /* the comparison of its bytes in progress, or NULL */
	struct timer check_timer; /* … the next slice */
	bool is_concluded;	  /* they were compared, or could not be */
};

/* --- media.c --- */
/* The first one in the table. Only the backend's thread removes any. */
struct media *media_first(struct backend *backend);
/* NULL: it is not open. The lock is held. */
struct media *media_find(struct backend *backend, uint64_t number, enum output_kind kind,
			 uint32_t version);
/* Whether no transfer is running. */
bool media_is_idle(struct media *media);
/* Whether somebody has it open. */
bool media_is_used(const struct media *media);

/* --- closing.c --- */
/* It must have been removed from the table. */
void media_destroy(struct media *media);
/* Whether a considerable part of it has arrived and is not durable yet. */
bool media_is_worth_a_sync(const struct media *media);
void media_linger_due(void *context);
/* Closes it after a delay, if nobody has it open and no transfer is running. */
void media_close_unused(struct media *media);

/* --- files.c --- */
/* A descriptor of its file, or -errno. */
int media_open_bytes(struct media *media);

/* --- kept.c --- */
/* It is open and about to change. The lock is held. */
void media_kept_forget(const struct media *media);

/* --- read.c --- */
/* Call it before any read is cancelled. */
void media_reads_init(struct backend *backend);
/* Whether any read waits. */
bool media_has_waits(struct media *media);
/* Answers waiting reads whose bytes are here. */
void media_answer_ready(struct media *media);
/* Ends all waiting reads with this result. */
void media_answer_all(struct media *media, int result);
/* The same with -EIO; afterwards no read can be parked here: the backend stops. */
void media_refuse_reads(struct media *media);
/* Ticks once a second while transfers are running. */
void media_start_tick(struct media *media);
void media_tick_due(void *context);

/* --- window.c --- */
/* A read was parked: assigns it to a run and keeps the run's window in flight. */
void media_follow_read(struct media *media, uint64_t offset, uint64_t end);
/* A reader that finds all bytes present has reached `offset`. */
void media_follow_reader(struct media *media, uint64_t offset);
/* A transfer is about to end: starts what a reader needs after it. */
void media_ahead_due(void *context);

/* --- disk.c --- */
/* Whether the disk rejects bytes: it is full or stalls. */
bool media_lacks_disk(const struct media *media);
/* Whether the task's note says that the disk rejects this media. */
bool media_is_noted(const struct media *media, const struct task_view *view);
/* Checks whether the disk accepts bytes again, and retries those that found no space. */
void media_retry_disk(struct media *media);

/* --- transfer.c --- */
/* [start, end), of which up to `limit` is taken in for now. */
int media_start_transfer(struct media *media, uint64_t start, uint64_t end,
			 uint64_t limit);
/* Keeps the bytes that they brought. */
void media_stop_transfer(struct transfer *transfer);
void media_stop_transfers(struct media *media);
/* Stops transfers that nobody waits for. */
void media_stop_unwanted(struct media *media);
/* Stops paused transfers that no reader has reached for a while. */
void media_stop_idle(struct media *media);
/* Stops paused transfers that no read waits for. Returns whether there were any. */
bool media_stop_paused(struct media *media);
/* A reader has left: pauses read-ahead until somebody continues. */
void media_hold_back(struct media *media);

/* --- intake.c --- */
/* Takes in the next bytes of a transfer. 0 or -ENOMEM. */
int media_take_in(struct transfer *transfer, const char *bytes, size_t size);
/* Stages all complete blocks that have arrived. */
void media_stage_blocks(struct transfer *transfer);
/* The transfer ends here, completely or not. */
void media_stage_rest(struct transfer *transfer);
/* Whether a read waits for its next bytes. */
bool media_is_waited_for(const struct transfer *transfer);
bool media_must_pause(const struct transfer *transfer);
bool media_is_at_limit(const struct transfer *transfer);
/* Resumes paused transfers where that is allowed. */
void media_resume(struct media *media);
/* Bytes that cannot be stored have limited space in memory: the maximum read-ahead. */
uint64_t media_most_ahead(const struct media *media);

/* --- failure.c --- */
/* The transfer did not bring its bytes; it is about to be freed. */
void media_transfer_failed(struct media *media, const struct transfer *transfer,
			   const struct http_response *response);
/* Sets the latest failure; NULL clears it. */
void media_set_trouble(struct media *media, const char *trouble);
/* Ends all waiting reads with -EIO, and sets the reason as the task's note. */
void media_give_up(struct media *media, const char *why);
/* … removes that note. */
void media_clear_note(struct media *media);
/* Reads timed out: sets the task's note. */
void media_note_overdue(struct media *media);
void media_retry_due(void *context);

/* --- verify.c --- */
/*
 * At the tick: starts comparing a complete, durable file. True while that is in progress.
 */
bool media_check_go_on(struct media *media);
/* Whether the next tick will start it. */
bool media_check_is_due(const struct media *media);
void media_check_due(void *context);
void media_check_clear(struct media *media);

#endif
