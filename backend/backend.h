/*
 * The backend's interface for the folder side: tasks, orders and bytes. It is the only
 * header of backend/ that fs/ builds on (with the headers that it includes).
 *
 * The backend's own thread drives every transfer, and only it accesses the ledger. The
 * functions here may be called from any thread, never wait for the network, and return 0
 * or -errno. They change a task's state in memory immediately, under one short lock, so
 * that either an edit or a submission wins, never both. The backend's thread saves the
 * change in the ledger, always before a request is sent.
 *
 * backend/core/events.h contains the events that the backend reports to the folder side.
 */
#ifndef SEEDANCEFS_BACKEND_BACKEND_H
#define SEEDANCEFS_BACKEND_BACKEND_H

#include "backend/config/config.h"
#include "backend/core/events.h"
#include "backend/core/section.h"
#include "backend/http/link.h"
#include "backend/media/prefetch/deadline.h"
#include "backend/media/store/view.h"
#include "backend/media/stream/media.h"
#include "backend/orders/task_order.h"
#include "backend/request/parse_cache.h"
#include "backend/request/request.h"
#include "backend/tasks/prompt.h"
#include "backend/tasks/task.h"
#include "backend/tasks/task_json.h"

struct backend;

/*
 * Opens the ledger at library_path/ledger.sqlite3 and loads every task. `config` must
 * outlive the backend. `media_directory` is a borrowed descriptor of library_path/media.
 */
int backend_create(const struct config *config, const char *library_path,
		   int media_directory, const struct backend_events *events,
		   struct backend **ret_backend);
int backend_start(struct backend *backend);
/* Ends the thread. Every parked read is answered with -EIO, and every change is saved. */
void backend_stop(struct backend *backend);
void backend_destroy(struct backend *backend);

/* The library's random name: 32 hexadecimal digits. */
const char *backend_library_id(const struct backend *backend);
const struct config *backend_config(const struct backend *backend);

/* --- tasks --- */

/* Takes a task number that was never used. -EAGAIN if none is available at the moment. */
int backend_task_reserve(struct backend *backend, uint64_t *ret_number);
/* Adds a pending task under a reserved number. -EEXIST if the number has a task. */
int backend_task_add(struct backend *backend, uint64_t number,
		     const struct task_place *place);
/* As backend_task_add(), for a task that waits for `submit`. `note` tells users why. */
int backend_task_add_held(struct backend *backend, uint64_t number,
			  const struct task_place *place, const char *note);
/*
 * As backend_task_add(), for a number that a folder's mark contains but the ledger does
 * not: the program was killed between writing the two. In a copied library the task waits
 * for `submit`.
 */
int backend_task_recover(struct backend *backend, uint64_t number,
			 const struct task_place *place);
/*
 * Sets the current place of the task's folder. The place is a hint, which is saved with
 * the next change; only a different directory (of a restored library) is saved as a
 * change.
 */
void backend_task_set_place(struct backend *backend, uint64_t number,
			    const struct task_place *place);
/* Whether the library was copied or restored since it was last in use. */
bool backend_was_copied(const struct backend *backend);
/*
 * Every folder of the library was visited: a copied library counts as an ordinary one
 * from now on.
 */
void backend_library_seen(struct backend *backend);
/* A reference to the task's current view; NULL if there is no such task. */
struct task_view *backend_task_view(struct backend *backend, uint64_t number);
void backend_task_each(struct backend *backend,
		       void (*visit)(void *context, struct task_view *view),
		       void *context);

/*
 * Call it before writing a trigger or input file. It withdraws an order that was not
 * sent, and turns an ended attempt into a new pending one. -EACCES if the task is locked
 * (fs/README.md, "Locked once sent").
 */
int backend_task_edit(struct backend *backend, uint64_t number);
/*
 * Call it after the change for which backend_task_edit() returned 0. Until then the task
 * is not ordered.
 */
void backend_task_edited(struct backend *backend, uint64_t number);
/*
 * The folder went to the trash: withdraws an order that was not sent, and invalidates one
 * that is being built from the folder's files. No effect in other states.
 */
void backend_task_withdraw(struct backend *backend, uint64_t number);
/*
 * The task's edit count. Take it before reading the folder, and pass it with the order.
 */
uint64_t backend_task_edits(struct backend *backend, uint64_t number);

/*
 * Passes an order to the backend, which sends it when the limits allow. Returns 0; 1 if
 * the content is that of the previous attempt, so that the task returned to its previous
 * state; -EAGAIN if the files were edited after they were read; -EALREADY if the task is
 * not pending; -ENOENT; -ENOMEM.
 */
int backend_task_order(struct backend *backend, const struct task_order *order);

/*
 * Checks what the request alone shows, before its folder is read. Returns -EINVAL with
 * the problem set if no configured section (only the named one, if the request names one)
 * has a model that supports the request; else 0.
 */
int backend_judge_request(const struct backend *backend, struct request *request,
			  struct problem *problem);

/*
 * Fits a request to a section's service and model, as is done with an order before
 * sending. 0, -EINVAL with the problem set, or -ENOMEM. The request is changed.
 */
int backend_fit_request(const struct backend *backend,
			const struct provider_section *section, struct request *request,
			struct problem *problem);
/*
 * Whether a sent request, as described in the task's view, orders a last frame from that
 * section's service; and whether it orders a draft. Any thread.
 */
bool backend_gives_last_frame(const struct provider_section *section,
			      const char *described);
bool backend_makes_draft(const char *described);

/*
 * Rejects the folder's content before anything is sent: the task becomes `invalid`.
 * -EAGAIN if the files were edited after they were read; -EALREADY, -ENOENT.
 */
int backend_task_refuse(struct backend *backend, uint64_t number, uint64_t edits,
			const struct problem *problem, const char *digest,
			bool is_forced);

/*
 * Carries out a word written to `status`: "retry", "cancel", "fetch", or "adopt" with an
 * id. The folder side handles `submit` itself. -EBUSY if the word has no meaning in the
 * task's state, -EINVAL for another word or a malformed id.
 */
int backend_task_control(struct backend *backend, uint64_t number, const char *word,
			 const char *argument);
/*
 * Attaches to a task created elsewhere, as the folder's request says. `provider` is a
 * section's name (NULL: the task's own section, else the default one). -EAGAIN if the
 * files were edited after they were read; -EBUSY, -EINVAL (malformed id), -ENXIO (no such
 * section).
 */
int backend_task_adopt(struct backend *backend, uint64_t number, uint64_t edits,
		       const char *provider, const char *id);
/*
 * Prepares a task for `submit`: it is an order again. 0, or -EBUSY if it is not pending.
 */
int backend_task_release(struct backend *backend, uint64_t number);
/*
 * Marks a pending task's folder as a copy, which is not ordered. -EBUSY if it is not
 * pending.
 */
int backend_task_archive(struct backend *backend, uint64_t number);
/*
 * As backend_task_archive(), based on files that were read. -EAGAIN if they were edited
 * since.
 */
int backend_task_archive_read(struct backend *backend, uint64_t number, uint64_t edits);
/*
 * Files of another task were copied into the folder of a task that is unsent or has
 * ended. From now on its content is sent only by `submit` or `retry`.
 */
int backend_task_copy_came(struct backend *backend, uint64_t number);
/*
 * Records that a save of a pending task's trigger was rejected. The argument is copied;
 * NULL clears the record. -EBUSY if the task is not pending.
 */
int backend_task_set_refused_save(struct backend *backend, uint64_t number,
				  const struct refused_save *refused);
/*
 * A user removed virtual files (HIDDEN_…). They stay hidden, and the bytes of outputs are
 * dropped a little later.
 */
int backend_task_hide(struct backend *backend, uint64_t number, unsigned what);
/*
 * A program tries to create removed files. They reappear, except outputs whose bytes were
 * dropped. No effect on files that were not removed.
 */
int backend_task_unhide(struct backend *backend, uint64_t number, unsigned what);
/* Shows a success that event task_finishing held back. No effect on other tasks. */
void backend_task_show(struct backend *backend, uint64_t number);
/* The folder was removed: cancels the task if the service can, and drops its media. */
int backend_task_remove(struct backend *backend, uint64_t number);

#endif
