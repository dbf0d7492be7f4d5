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
#include "backend/media/removal.h"
#include "backend/media/reveal.h"
#include "backend/media/size_probe.h"
#include "backend/media/store/stage.h"
#include "backend/media/store/writer.h"
#include "backend/orders/lost_answer.h"
#include "backend/orders/sender.h"
#include "backend/polling/poll.h"
#include "backend/tasks/task_table.h"

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
