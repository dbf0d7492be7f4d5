/*
 * The inside of the backend: what its rooms share. Not for fs/.
 *
 * One turn of the thread (core_run() in backend.c):
 *   transfers → the writer's news → commands from other threads → timers → orders that
 * may go out (intents) → one commit of all that changed → only then are requests of new
 * intents sent, and the folder side is told.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_INTERNAL_H
#define SEEDANCEFS_BACKEND_CORE_INTERNAL_H

#include "backend/backend.h"
#include "backend/http/http.h"
#include "backend/ledger/ledger.h"
#include "backend/media/store/stage.h"
#include "backend/media/store/writer.h"
#include "backend/tasks/task_table.h"
#include "backend/tasks/task_timers.h"
#include "backend/base/timers.h"

#include <pthread.h>

/* Something for the backend's thread to do; embedded first in what it carries. */
struct command {
	struct command *next;
	void (*run)(struct backend *backend, struct command *command); /* frees it */
};

struct order;
struct task_poll;
struct size_probe;
struct search;
struct opening;
struct prefetch_job;
struct reveal;
struct removal;

/* What is on disk of an output that is not open: media/kept.c. */
struct kept_memo {
	uint64_t number; /* 0: none */
	enum output_kind kind;
	uint32_t version;
	uint64_t bytes;
};

#define KEPT_MEMOS 4096

struct backend {
	/* Set before start. */
	const struct config *config;
	char *library_path;
	int media_directory;
	struct backend_events events;
	struct tasks *tasks;
	struct http *http; /* but for http_wake(): backend thread only */
	struct media_writer *writer;
	struct media_pool chunks; /* has a lock of its own */

	/* Guarded by command_lock. */
	pthread_mutex_t command_lock;
	pthread_cond_t numbers_came;
	struct command *commands, **commands_end;
	bool is_stopping;

	/* Guarded by media_lock. */
	pthread_mutex_t media_lock;
	pthread_cond_t media_opened;
	struct media *media;
	struct opening *openings; /* what somebody is opening just now */
	struct kept_memo kept[KEPT_MEMOS];
	uint64_t kept_changes; /* media that were opened */

	/* Any thread. */
	atomic_bool has_written; /* the writer has news */

	/* Backend thread only (the creator's, before start). */
	struct ledger *ledger;
	struct timers timers;
	struct timer ledger_retry;
	bool ledger_is_failing;
	bool is_seen;	      /* every folder of a copied library was: to be put down */
	struct order *orders; /* in the order they came */
	struct task_poll *task_polls;
	struct size_probe *size_probes;
	struct task_timers held_back; /* successes, and when they are shown at last */
	struct task_timers removals;  /* … and when the bytes go */
	struct search *searches;
	struct prefetch_job *prefetch_jobs;
	struct timer prefetch_timer;
	bool prefetch_starts;	  /* everything that is known is to be looked at */
	int64_t prefetch_plan_ms; /* boot clock: the keepers' times are reckoned anew */
	int64_t read_ms;	  /* boot clock: somebody waited for bytes */
	int64_t *intents; /* wall clock of the creates sent in the last hour, oldest first
			   */
	size_t intent_count;
	unsigned random_state;
	bool *private_sections; /* by the section's place: config/trust.c */

	pthread_t thread;
	bool is_started;

	/* Set before start. */
	bool was_copied; /* the library was, since it was last at home */
};

/* Hands a command over; it runs on the backend's thread. Never fails. */
void core_send(struct backend *backend, struct command *command);
/* The same for what needs the task's number alone. 0 or -ENOMEM. */
int core_send_task(struct backend *backend, uint64_t number,
		   void (*act)(struct backend *backend, uint64_t number));

/* A pseudo-random spread of `ms` by up to a tenth, so that tasks do not poll in step. */
int64_t core_jitter(struct backend *backend, int64_t ms);

/* The section that made a task,
 * if the configuration still has it unchanged; else NULL. */
const struct provider_section *core_section_of(const struct backend *backend,
					       const struct task_view *view);
/* The same; and the task's note says so as long as there is none. */
const struct provider_section *core_bind(struct backend *backend,
					 const struct task_view *view);
/* What the ledger calls a section's endpoint. */
const char *core_endpoint_name(const struct provider_section *section);

/* --- config/trust.c: whom a section's calls may reach --- */
/* For calls to the service itself. */
void trust_service(const struct provider_section *section, struct http_options *options);
/* For what it links to. */
void trust_media(const struct backend *backend, const struct provider_section *section,
		 struct http_options *options);
/* The lane (http/http.h) of what nobody reads at that moment: sizes, and inputs of orders. */
const void *trust_media_lane(const struct backend *backend,
			     const struct provider_section *section);
/* The service answered: now it is known where it is. */
void trust_learn(struct backend *backend, const struct provider_section *section,
		 const struct http_response *response);

/* Sets a task's waiting or note text if it differs. */
void core_set_waiting(struct backend *backend, uint64_t number, const char *waiting);
void core_set_note(struct backend *backend, uint64_t number, const char *note);

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
void media_stop(
	struct backend *backend); /* ends transfers, answers parked reads with -EIO */
/* The writer has stopped: what it wrote is made durable. */
void media_sync(struct backend *backend);
/* Looks at the writer's news, if there are any. */
void media_written(struct backend *backend);
void media_clear(struct backend *backend); /* nobody has any open any more */

#endif
