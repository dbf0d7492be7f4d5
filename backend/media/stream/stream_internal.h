/*
 * The inside of open media: what the files of this directory share.
 *
 *   media.c     which are open
 *   closing.c   what is done before one is closed
 *   files.c     the files on disk
 *   kept.c      how much of an output that is not open is on disk
 *   whole.c     fetching a whole file
 *   read.c      reads that wait for bytes
 *   window.c    what is fetched next: runs of readers, and windows ahead of them
 *   transfer.c  the ranges on their way: how they begin, their answers, their end
 *   intake.c    what they bring, and when they pause
 *   failure.c   what is done when one fails
 *   disk.c      what became of the bytes on their way to the disk
 *   verify.c    whether a whole file is what was promised
 *
 * Everything here runs on the backend's thread, but for what is said to be any thread's.
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

/* What is on disk of an output that is not open: kept.c. */
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
	struct opening *openings; /* what somebody is opening just now */
	struct kept_memo kept[KEPT_MEMOS];
	uint64_t kept_changes; /* media that were opened */

	/* Any thread. */
	atomic_bool has_written; /* the writer has news */
	struct command cancel;	 /* read.c: ends reads that were cancelled */
	atomic_bool is_cancel_sent;
};

/*
 * A range on its way. Backend thread only.
 *
 * One that follows a bulk reader asks for all that is missing up to the end of the file,
 * and takes it in up to its limit, which goes ahead of the reader: so no request's
 * latency ever stands between a reader and the wire. What lies behind the limit is
 * anybody's.
 */
struct transfer {
	struct transfer *next;
	struct media *media;
	struct http_call *call;
	char *url; /* the link that was asked */
	uint64_t start, position, end;
	uint64_t asked_end;	    /* of the request: `end` may have been cut since */
	uint64_t limit;		    /* it pauses here; at most `end` */
	int64_t paused_ms;	    /* boot clock, when it got there; 0: not there */
	struct media_chunk *chunk;  /* what came last, not staged yet; or NULL */
	uint64_t reserved;	    /* room on disk is asked for up to here */
	int64_t begun_ms, first_ms; /* boot clock: the request, its first bytes */
	bool is_background;	    /* nobody waits for it: background.h */
	bool yields;	/* who needs what it brings much later has a request of its own */
	bool is_ending; /* what comes behind it may begin */
	bool is_paused;
	bool is_held;	       /* a reader left: it stops if nobody reads on */
	bool is_streamed;      /* the whole file, by a server without ranges */
	bool is_checked;       /* the answer's head fits */
	bool is_changed;       /* it does not: the server has another file now */
	bool is_cut;	       /* the answer is shorter than what was asked for */
	bool is_redundant;     /* another one brings the whole file */
	const char *objection; /* why its bytes cannot be used; NULL: they can */
	uint64_t brought;      /* bytes that were missing before */
	char said[MEDIA_ANSWER_SAID_BYTES + 1]; /* a failure's text */
	size_t said_size;
	bool has_no_memory;
};

/* A reader that goes on in order. Backend thread only. */
struct run {
	uint64_t first;	 /* where it began */
	uint64_t next;	 /* where it is expected to read on */
	uint64_t window; /* bytes to have on their way for it */
	uint64_t grown;	 /* where it stood when the window grew last; 0: never */
	bool is_proven;	 /* it went on in order at least once: fetch ahead */
	bool is_bulk;	 /* it reads much: one request for all the rest */
	int64_t used_ms;
};

/* Media that is open. */
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
	struct media_read refused; /* in `arrived` once no read can be parked here */
	atomic_bool was_read;
	_Atomic uint64_t mark; /* a reader that gets here tells the backend: it goes on */

	/* Backend thread only. */
	struct media_read *waits; /* reads that are parked here */
	struct transfer *transfers;
	struct run runs[MEDIA_RUNS_MAX];
	struct timer retry, tick, linger;
	struct timer ahead;  /* a transfer is ending */
	uint64_t ahead_at;   /* where it ends */
	int64_t unused_ms;   /* boot clock, when it was closed last; 0: never */
	int64_t progress_ms; /* boot clock, when a block became whole last */
	int64_t overdue_ms;  /* boot clock, when reads had waited too long last */
	unsigned failures, refusals;
	bool again_is_bulk;
	uint64_t again_start, again_end; /* the range that failed last */
	char *etag;	  /* that the server told first, if it told none before */
	char *trouble;	  /* what went wrong last; NULL: bytes came since */
	bool is_linkless; /* … and the service had no link to it when it was asked */
	bool is_refreshing;
	bool wants_all;	  /* fetch the whole file, readers or not */
	bool is_stale;	  /* the server has another file now */
	bool needs_sync;  /* it became whole: made durable with the next tick, when its
			     readers are likely to be served */
	bool has_no_room; /* on disk, and the task's note says so */
	bool is_dropped;  /* its file was removed: who has it open reads on */
	struct prefetch_job
		*job;	     /* whose turn it is to fetch it, or NULL: background.h */
	struct check *check; /* its bytes are being compared, or NULL */
	struct timer check_timer; /* … the next slice */
	bool is_concluded;	  /* they were, now or earlier, or could not be */
};

/* --- media.c --- */
/* The first in the table. Only the backend's thread takes any out of it. */
struct media *media_first(struct backend *backend);
/* NULL: it is not open. The lock is held. */
struct media *media_find(struct backend *backend, uint64_t number, enum output_kind kind,
			 uint32_t version);
/* Nothing is under way. */
bool media_is_idle(struct media *media);
/* Somebody has it open. */
bool media_is_used(const struct media *media);

/* --- closing.c --- */
/* It must be out of the table. */
void media_destroy(struct media *media);
/* A good part of it came, and is not durable yet. */
bool media_is_worth_a_sync(const struct media *media);
void media_linger_due(void *context);
/* Closes it, in a while, if nobody has it open and nothing is under way any more. */
void media_close_unused(struct media *media);

/* --- files.c --- */
/* A descriptor of its file, or -errno. */
int media_open_bytes(struct media *media);

/* --- kept.c --- */
/* It is open, and will change. The lock is held. */
void media_kept_forget(const struct media *media);

/* --- read.c --- */
/* Before any read is cancelled. */
void media_reads_init(struct backend *backend);
/* Whether any read waits. */
bool media_has_waits(struct media *media);
/* Answers the waiting reads whose bytes are here. */
void media_answer_ready(struct media *media);
/* Ends all waiting reads with the result. */
void media_answer_all(struct media *media, int result);
/* The same with -EIO, and no read can be parked here again: the backend stops. */
void media_refuse_reads(struct media *media);
/* Once a second, while something is under way. */
void media_start_tick(struct media *media);
void media_tick_due(void *context);

/* --- window.c --- */
/* What a transfer brings from now on; what it brought before may be forgotten again. */
uint64_t media_next_of(const struct transfer *transfer);
/* A read was parked: it goes on with a run, whose window is kept on its way. */
void media_follow_read(struct media *media, uint64_t offset, uint64_t end);
/* A reader that finds everything present got as far as `offset`. */
void media_follow_reader(struct media *media, uint64_t offset);
/* A transfer is about to end: what a reader wants behind it begins. */
void media_ahead_due(void *context);

/* --- disk.c --- */
/* The disk takes no bytes: it has no room, or stands still. */
bool media_lacks_disk(const struct media *media);
/* The task's note says that it takes none of this media. */
bool media_is_noted(const struct media *media, const struct task_view *view);
/* Looks whether it does by now; what found no room is tried again. */
void media_retry_disk(struct media *media);

/* --- transfer.c --- */
/* [start, end), of which up to `limit` is taken in for now. */
int media_start_transfer(struct media *media, uint64_t start, uint64_t end,
			 uint64_t limit);
/* What they brought is kept. */
void media_stop_transfer(struct transfer *transfer);
void media_stop_transfers(struct media *media);
/* Those that nobody waits for any more. */
void media_stop_unwanted(struct media *media);
/* Those that are paused where no reader came for long. */
void media_stop_idle(struct media *media);
/* Those that are paused, and that no read waits for. Returns whether there were any. */
bool media_stop_paused(struct media *media);
/* A reader left: what goes ahead of one waits until somebody reads on. */
void media_hold_back(struct media *media);

/* --- intake.c --- */
/* Takes the next bytes of a transfer in. 0 or -ENOMEM. */
int media_take_in(struct transfer *transfer, const char *bytes, size_t size);
/* What came so far is of use, but for a block that is not whole yet. */
void media_stage_blocks(struct transfer *transfer);
/* It ends here, whether it came to its end or not. */
void media_stage_rest(struct transfer *transfer);
/* Whether a read waits for what it brings next. */
bool media_is_waited_for(const struct transfer *transfer);
bool media_must_pause(const struct transfer *transfer);
bool media_is_at_limit(const struct transfer *transfer);
/* Transfers that were paused go on, where they may. */
void media_resume(struct media *media);
/* Bytes that cannot be kept have only so much room in memory:
 * no more than these ahead. */
uint64_t media_most_ahead(const struct media *media);

/* --- failure.c --- */
/* It did not bring what it was to; it is gone but for this. */
void media_transfer_failed(struct media *media, const struct transfer *transfer,
			   const struct http_response *response);
/* What went wrong; with NULL, all is well again. */
void media_set_trouble(struct media *media, const char *trouble);
/* Ends all waiting reads with -EIO, and says why in the task's note. */
void media_give_up(struct media *media, const char *why);
/* … which is over. */
void media_clear_note(struct media *media);
/* Reads were ended since nothing came for too long: says so in the task's note. */
void media_note_overdue(struct media *media);
void media_retry_due(void *context);

/* --- verify.c --- */
/* With the tick: begins to check what is whole and durable. True while that goes on. */
bool media_check_go_on(struct media *media);
/* The next tick will. */
bool media_check_is_due(const struct media *media);
void media_check_due(void *context);
void media_check_clear(struct media *media);

#endif
