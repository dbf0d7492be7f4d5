/*
 * Every change of a task's state: one table says what each event does in each state.
 *
 *              pe su qu ru fi sc fa ex ca in un
 *   sending    su  !  !  !  !  !  !  !  !  !  !   an order leaves: its intent is next
 *   unsent      ! pe  !  !  !  !  !  !  !  !  !   it certainly did not arrive
 *   withdrawn  ca ca  !  !  !  !  !  !  !  !  !   nothing was sent, nothing will be
 *   refused    in in  !  !  !  !  !  !  !  !  !   by our checks or by the service
 *   lost       un un  !  !  !  !  !  !  !  !  -   it may have been accepted
 *   accepted    ? qu  !  !  !  !  ?  ?  ?  ?  !   the service gave an id
 *   queued      !  !  - qu  !  !  ?  ?  ?  ?  -   the service says so, as in the next six
 *   running     !  ! ru  -  !  !  ?  ?  ?  ?  -
 *   succeeded   !  ! fi fi  -  -  ?  ?  ?  ?  -
 *   booked      !  ! sc sc sc  -  ?  ?  ?  ?  -   it succeeded, and its folder is gone
 *   failed      !  ! fa fa  ?  !  -  !  !  !  -
 *   expired     !  ! ex ex  ?  !  !  -  !  !  -
 *   cancelled   !  ! ca ca  ?  !  !  !  -  !  -
 *   gone        -  ! un un un  -  -  -  -  -  -   it no longer knows the task
 *   shown       !  !  ! sc sc  -  ?  ?  ?  ! sc   the outputs' sizes are known
 *   reopened    !  ! pe pe pe  ! pe pe pe pe pe   a person edits or retries
 *   restored    <  !  !  !  !  !  !  !  !  !  !   the edit changed nothing
 *   adopted    qu  ! qu qu qu  ! qu qu  ! qu qu   a person names a task of the service
 *
 * States by their first letters (su: submitting, sc: succeeded); `fi` is `running` after
 * the service said "succeeded" (is_finished): the outputs' sizes are being learnt.
 * `-`: allowed, the state stays. `<`: back to the state before the edit. `!` and `?` are
 * not allowed: they are logged, and the state stays (`!`) or becomes `unknown` (`?`).
 * What came with such an event is kept all the same: the caller sets id, links and usage
 * in the same change.
 *
 * Why these:
 * - pe, su: what is heard there is about an earlier attempt. The create's own answer
 *   decides about this one.
 * - fi + failed, expired or cancelled: the service contradicts itself. The video may be
 *   there and billed: its links are still tried (un + shown), and nothing is ordered again.
 * - sc + anything: the outputs were opened at their true size, and a local copy stays
 *   true, whatever the service says later.
 * - fa, ex, ca, in + queued, running, succeeded or accepted: it may be billed, so a state
 *   whose advice is to retry would be false. `unknown` advises to adopt its id, which
 *   brings a paid video back.
 * - fa, ex, ca among each other: nothing was made in any case; the first word stays.
 * - un + anything: a person decides (adopt, retry), except that outputs which can be
 *   opened are shown.
 * - gone after an end: services forget old tasks.
 * - qu, ru, fi + reopened or adopted: only for a task whose section the configuration no
 *   longer has (status_commands.c), which nobody can ask about.
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
/* What a service says, QUEUED … CANCELLED, as an event of this task. */
enum task_event task_event_said(const struct task_view *view, enum task_state said);

/* Whether the event is allowed in the view's state. */
bool task_allows(const struct task_view *view, enum task_event event);

/*
 * Changes the state as the table says; in tasks_begin() … tasks_commit(), which logs what
 * is not allowed. Returns whether it is allowed. Where the task becomes `unknown` because
 * it is not, its problem tells why.
 */
bool task_move(struct task_view *view, enum task_event event);

#endif
