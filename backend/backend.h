/*
 * The task side, as the folder side sees it: tasks, orders and bytes. The only header of
 * backend/ that fs/ builds on (with the ones that it includes).
 *
 * One thread of its own drives every transfer and alone touches the ledger. All functions
 * here may be called from any thread, never wait for the network, and return 0 or -errno.
 * They change a task's state in memory at once, under one short lock, so that an edit and
 * a submission can never both win; the ledger follows on the backend's thread, and always
 * before anything leaves the machine.
 *
 * What it tells the folder side is in backend/core/events.h.
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
 * outlive the backend; `media_directory` is a descriptor of library_path/media, borrowed.
 */
int backend_create(const struct config *config, const char *library_path,
		   int media_directory, const struct backend_events *events,
		   struct backend **ret_backend);
int backend_start(struct backend *backend);
/* Ends the thread: every parked read is answered with -EIO, every change is saved. */
void backend_stop(struct backend *backend);
void backend_destroy(struct backend *backend);

/* A random name of this library: 32 hexadecimal digits. */
const char *backend_library_id(const struct backend *backend);
const struct config *backend_config(const struct backend *backend);

/* --- tasks --- */

/* A number for a task to come; it was never used before.
 * -EAGAIN when none is left just now. */
int backend_task_reserve(struct backend *backend, uint64_t *ret_number);
/* Adds a pending task under a reserved number. -EEXIST when it is known already. */
int backend_task_add(struct backend *backend, uint64_t number,
		     const struct task_place *place);
/* The same for one that waits for `submit`; `note` tells people why. */
int backend_task_add_held(struct backend *backend, uint64_t number,
			  const struct task_place *place, const char *note);
/*
 * The same for a number that a folder's mark tells and the ledger does not know: the
 * program was killed in between. In a library that was copied it waits for `submit`.
 */
int backend_task_recover(struct backend *backend, uint64_t number,
			 const struct task_place *place);
/*
 * Where its folder is now: a hint, which goes to the ledger with the next change. Another
 * directory (of a restored library) is a change in itself.
 */
void backend_task_set_place(struct backend *backend, uint64_t number,
			    const struct task_place *place);
/* Whether the library was copied or restored since it was last in use. */
bool backend_was_copied(const struct backend *backend);
/* Every folder of the library was seen once: a copied library is at home from now on. */
void backend_library_seen(struct backend *backend);
/* A reference to what is known of it now; NULL when there is no such task. */
struct task_view *backend_task_view(struct backend *backend, uint64_t number);
void backend_task_each(struct backend *backend,
		       void (*visit)(void *context, struct task_view *view),
		       void *context);

/*
 * A trigger or input file is about to be written: an order that has not left is
 * withdrawn, an ended attempt becomes a new pending one. -EACCES when the task is locked
 * (fs/README.md, "Locked once sent").
 */
int backend_task_edit(struct backend *backend, uint64_t number);
/* The change that backend_task_edit() returned 0 for is made:
 * until then nothing is ordered. */
void backend_task_edited(struct backend *backend, uint64_t number);
/*
 * An order that has not left is withdrawn, and one that is being made from its files is
 * not taken: its folder went to the trash. Nothing happens in other states.
 */
void backend_task_withdraw(struct backend *backend, uint64_t number);
/* How often it was edited so far:
 * taken before the folder is read, given with its order. */
uint64_t backend_task_edits(struct backend *backend, uint64_t number);

/*
 * Hands an order over; it goes out when the limits allow. Returns 0; 1 when nothing
 * changed since the attempt before, so that the task went back to the state it had;
 * -EAGAIN when the files were edited since they were read; -EALREADY when the task is not
 * pending; -ENOENT; -ENOMEM.
 */
int backend_task_order(struct backend *backend, const struct task_order *order);

/*
 * Judges a request as far as it goes, before its folder is looked at: -EINVAL with the
 * problem set when no section that is configured (the one that it names, if it does) has
 * a model that could do it. Else 0.
 */
int backend_judge_request(const struct backend *backend, struct request *request,
			  struct problem *problem);

/*
 * Fits a request to a section's service and model, as an order does before it leaves: 0,
 * -EINVAL with the problem set, or -ENOMEM. The request is changed.
 */
int backend_fit_request(const struct backend *backend,
			const struct provider_section *section, struct request *request,
			struct problem *problem);
/* Whether a sent request, as its task's view tells it, orders a last frame from that
 * section's service; and whether it orders a draft. Any thread. */
bool backend_gives_last_frame(const struct provider_section *section,
			      const char *described);
bool backend_makes_draft(const char *described);

/*
 * The folder's content is refused before anything is sent: `invalid`. -EAGAIN when the
 * files were edited since they were read; -EALREADY, -ENOENT.
 */
int backend_task_refuse(struct backend *backend, uint64_t number, uint64_t edits,
			const struct problem *problem, const char *digest,
			bool is_forced);

/*
 * The words of `status` but `submit`, which the folder side carries out itself: "retry",
 * "cancel", "fetch", "adopt" with an id. -EBUSY in a state where the word has no meaning,
 * -EINVAL for another word or an impossible id.
 */
int backend_task_control(struct backend *backend, uint64_t number, const char *word,
			 const char *argument);
/*
 * Attaches to a task made elsewhere, as the folder's request says: `provider` is a
 * section's name (NULL: the task's own, else the default one). -EAGAIN when the files
 * were edited since they were read; -EBUSY, -EINVAL (an impossible id), -ENXIO (no such
 * section).
 */
int backend_task_adopt(struct backend *backend, uint64_t number, uint64_t edits,
		       const char *provider, const char *id);
/* Whether `submit` may be written now: 0 (and the task is an order again), or -EBUSY. */
int backend_task_release(struct backend *backend, uint64_t number);
/* Marks a pending task's folder as a copy:
 * not an order. -EBUSY when it is not pending. */
int backend_task_archive(struct backend *backend, uint64_t number);
/* The same from what was read in the folder. -EAGAIN when it was edited since. */
int backend_task_archive_read(struct backend *backend, uint64_t number, uint64_t edits);
/* Another task's files come into the folder of one that is not sent, or ended: what its
 * own files say from now on goes out only by `submit` or `retry`. */
int backend_task_copy_came(struct backend *backend, uint64_t number);
/* A save of a pending task's trigger was refused; copied. NULL: that is over. -EBUSY when
 * it is not pending. */
int backend_task_set_refused_save(struct backend *backend, uint64_t number,
				  const struct refused_save *refused);
/* A person removed virtual files (HIDDEN_…): they stay away, and in a moment the outputs'
 * bytes are dropped. */
int backend_task_hide(struct backend *backend, uint64_t number, unsigned what);
/* Somebody wants to make what was removed: it is there again, but for outputs whose bytes
 * are gone. Nothing happens to what was not removed. */
int backend_task_unhide(struct backend *backend, uint64_t number, unsigned what);
/* What event task_finishing held back is shown; nothing happens to other tasks. */
void backend_task_show(struct backend *backend, uint64_t number);
/* The folder was removed: cancelled where the service can, its media dropped. */
int backend_task_remove(struct backend *backend, uint64_t number);

#endif
