/*
 * The inside of the backend: what its rooms share. Not for fs/.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_INTERNAL_H
#define SEEDANCEFS_BACKEND_CORE_INTERNAL_H

#include "backend/backend.h"
#include "backend/config/trust.h"
#include "backend/core/core.h"
#include "backend/core/note.h"
#include "backend/core/section.h"
#include "backend/http/http.h"
#include "backend/ledger/ledger.h"
#include "backend/media/store/stage.h"
#include "backend/media/store/writer.h"
#include "backend/tasks/task_table.h"

struct order;

/* --- orders/sender.c: orders and intents --- */
bool sender_is_sending(const struct backend *backend); /* a create is on its way */
void sender_turn(struct backend *backend); /* marks what may go out as `submitting` */
void sender_send(struct backend *backend); /* their intents are durable: send */
void sender_unsend(
	struct backend *backend); /* their intents are not durable: pending again */
void sender_add(struct backend *backend, struct order *order);
void sender_clear(struct backend *backend);
int sender_load_intents(struct backend *backend);

/* --- polling/poll.c: polling --- */
/* Polls a task from `delay_ms` on. Safe to call again: the earlier time counts. */
void poll_task(struct backend *backend, uint64_t number, int64_t delay_ms);
/* The view wants it cancelled: asks the service, after looking whether it still can. */
void poll_cancel(struct backend *backend, uint64_t number);
/* It succeeded: a cancel that was asked for came too late. In tasks_begin() … */
void poll_end_cancel(struct task_view *view);
/* Takes over what a service said of a task. */
void poll_observe(struct backend *backend, uint64_t number, struct observation *seen);
/*
 * Asks for the task once more, for fresh links; `done` is told 0 when the service
 * answered and the view's links are what it said, else -ENODATA (it gave no link),
 * -ENOENT (it says that there is no such task) or -EIO.
 */
void poll_refresh(struct backend *backend, uint64_t number,
		  void (*done)(void *context, int result), void *context);
/* Forgets who waits for a refresh. */
void poll_forget(struct backend *backend, void *context);
void poll_clear(struct backend *backend);

/* --- orders/lost_answer.c: which task a lost answer was about --- */
/* Looks into the service's list, if it has one, and tells what is there in the note. */
void lost_answer_look(struct backend *backend, uint64_t number);
void lost_answer_clear(struct backend *backend);

/* --- media/size_probe.c: an output's size, before it is shown --- */
/*
 * Learns the sizes of a task's outputs that are not ready; then it is `succeeded`. With
 * `wants_all` they are fetched whole afterwards.
 */
void size_probe_task(struct backend *backend, uint64_t number, bool wants_all);
bool size_probe_is_under_way(const struct backend *backend, uint64_t number);
/* The task is removed: nothing more of it is shown. */
void size_probe_drop(struct backend *backend, uint64_t number);
void size_probe_clear(struct backend *backend);

/* --- media/reveal.c: a success is shown, when the folder side has done its part --- */
/* All that is to be known of its outputs is known: shows it now, or a little later. */
void reveal_task(struct backend *backend, uint64_t number);
bool reveal_is_held(const struct backend *backend, uint64_t number);
void reveal_init(struct backend *backend);

/* --- media/removal.c: what a person removes --- */
/* The bytes of removed outputs go now. */
void removal_finish(struct backend *backend, uint64_t number);
void removal_init(struct backend *backend);

/* --- media/stream/media.c (and media_*.c): bytes --- */
/* The name of an output's file below the media directory's folder of its task. */
char *media_file_name(enum output_kind kind, uint32_t version);
/* Opens (or makes) the folder of a task's media; a descriptor or -errno. */
int media_task_directory(struct backend *backend, uint64_t number);
/* Removes a task's media files: one output's, or all with kind OUTPUT_COUNT. */
void media_drop(struct backend *backend, uint64_t number, enum output_kind kind);
/* Removes the files of the versions before that one. */
void media_drop_older(struct backend *backend, uint64_t number, enum output_kind kind,
		      uint32_t version);
/* The bytes of a version that are on disk, without opening it. */
uint64_t media_look(struct backend *backend, uint64_t number, enum output_kind kind,
		    uint32_t version, uint64_t size, const char *etag);
/* Fetches everything of a task. */
void media_fetch(struct backend *backend, uint64_t number);
/*
 * A descriptor of an output that is whole on disk: 0. Otherwise it is fetched, which
 * `begins` with the first call: -EAGAIN while it goes on; -ENODATA: it was given up, for
 * the service has no link to it any more; -EIO: given up for something else; or another
 * -errno. What went wrong last is *ret_why (free() it), NULL if nothing did.
 */
int media_whole(struct backend *backend, const struct task_view *view,
		enum output_kind kind, bool begins, int *ret_fd, char **ret_why);
void media_reads_init(struct backend *backend);
void media_stop(
	struct backend *backend); /* ends transfers, answers parked reads with -EIO */
/* The writer has stopped: what it wrote is made durable. */
void media_sync(struct backend *backend);
/* Looks at the writer's news, if there are any. */
void media_written(struct backend *backend);
void media_clear(struct backend *backend); /* nobody has any open any more */

#endif
