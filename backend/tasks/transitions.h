/*
 * The changes of a task's state: the table defines the effect of each event in each
 * state.
 *
 *              pe su qu ru fi sc fa ex ca in un
 *   sending    su  !  !  !  !  !  !  !  !  !  !   about to be sent: the intent is saved
 *   unsent      ! pe  !  !  !  !  !  !  !  !  !   the request certainly did not arrive
 *   withdrawn  ca ca  !  !  !  !  !  !  !  !  !   nothing was sent, and nothing will be
 *   refused    in in  !  !  !  !  !  !  !  !  !   by our checks or by the service
 *   lost       un un  !  !  !  !  !  !  !  !  -   the request may have been accepted
 *   accepted    ? qu  !  !  !  !  ?  ?  ?  ?  !   the service returned an id
 *   queued      !  !  - qu  !  !  ?  ?  ?  ?  -   the service's report, like the next six
 *   running     !  ! ru  -  !  !  ?  ?  ?  ?  -
 *   succeeded   !  ! fi fi  -  -  ?  ?  ?  ?  -
 *   booked      !  ! sc sc sc  -  ?  ?  ?  ?  -   succeeded, but its folder was removed
 *   failed      !  ! fa fa  ?  !  -  !  !  !  -
 *   expired     !  ! ex ex  ?  !  !  -  !  !  -
 *   cancelled   !  ! ca ca  ?  !  !  !  -  !  -
 *   gone        -  ! un un un  -  -  -  -  -  -   the service no longer knows the task
 *   shown       !  !  ! sc sc  -  ?  ?  ?  ! sc   the outputs' sizes are known
 *   reopened    !  ! pe pe pe  ! pe pe pe pe pe   the user edits or retries
 *   restored    <  !  !  !  !  !  !  !  !  !  !   the edit changed nothing
 *   adopted    qu  ! qu qu qu  ! qu qu  ! qu qu   the user names a task of the service
 *
 * The columns are the first letters of the states (su: submitting, sc: succeeded). `fi`
 * is `running` after the service reported success (is_finished): the outputs' sizes are
 * being determined. `-`: allowed, the state stays. `<`: returns to the state before the
 * edit. `!` and `?`: not allowed; the event is logged, and the state stays (`!`) or
 * becomes `unknown` (`?`). The data that came with such an event is kept: the caller sets
 * id, links and usage in the same change.
 *
 * Reasons:
 * - pe, su: such a report is about an earlier attempt. The answer to the create decides
 *   about the current one.
 * - fi + failed, expired or cancelled: the service contradicts itself. The video may be
 *   there and billed: its links are still tried (un + shown), and nothing is ordered again.
 * - sc + anything: the outputs were opened at their true size, and a local copy stays
 *   valid, whatever the service reports later.
 * - fa, ex, ca, in + queued, running, succeeded or accepted: it may be billed, so a state
 *   whose advice is to retry would be false. `unknown` advises to adopt its id, which
 *   brings a paid video back.
 * - fa, ex, ca among each other: no video was created in any case; the first state stays.
 * - un + anything: the user decides (adopt, retry), except that outputs that can be
 *   opened are shown.
 * - gone after an end: services delete old tasks.
 * - qu, ru, fi + reopened or adopted: only for a task whose section the configuration no
 *   longer has (status_commands.c), which cannot be polled.
 */
#ifndef SEEDANCEFS_BACKEND_TASKS_TRANSITIONS_H
#define SEEDANCEFS_BACKEND_TASKS_TRANSITIONS_H

#include "backend/tasks/task.h"

enum task_event {
	TASK_IS_SENDING,
	TASK_IS_UNSENT,
	TASK_IS_WITHDRAWN,
	TASK_IS_REFUSED,
	TASK_IS_LOST,
	TASK_IS_ACCEPTED,
	TASK_SAYS_QUEUED,
	TASK_SAYS_RUNNING,
	TASK_SAYS_SUCCEEDED,
	TASK_IS_BOOKED,
	TASK_SAYS_FAILED,
	TASK_SAYS_EXPIRED,
	TASK_SAYS_CANCELLED,
	TASK_IS_GONE,
	TASK_IS_SHOWN,
	TASK_IS_REOPENED,
	TASK_IS_RESTORED,
	TASK_IS_ADOPTED,
	TASK_EVENT_COUNT,
};

/* "sending", "unsent", …: as in the table, and in the log. */
const char *task_event_word(enum task_event event);
/*
 * Converts a state reported by the service, QUEUED … CANCELLED, to an event of this task.
 */
enum task_event task_event_said(const struct task_view *view, enum task_state said);

/* Whether the event is allowed in the view's state. */
bool task_allows(const struct task_view *view, enum task_event event);

/*
 * Changes the state according to the table. Call it between tasks_begin() and
 * tasks_commit(), which logs an event that is not allowed. Returns whether the event is
 * allowed. If the task becomes `unknown` because it is not, its problem gives the reason.
 */
bool task_move(struct task_view *view, enum task_event event);

#endif
