#include "backend/tasks/transitions.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"

#include <assert.h>
#include <string.h>

/* A cell: the next state, or one of these. */
enum {
	FINISHED = TASK_UNKNOWN + 1, /* `running`, and is_finished */
	COLUMNS,
	STAY = COLUMNS,
	BACK,  /* to the state before the edit */
	NO,    /* not allowed: the state stays */
	DOUBT, /* not allowed: `unknown` */
};

/* Short names of the states, for the table. */
enum {
	PEND = TASK_PENDING,
	SUBM = TASK_SUBMITTING,
	QUEU = TASK_QUEUED,
	RUNN = TASK_RUNNING,
	SUCC = TASK_SUCCEEDED,
	FAIL = TASK_FAILED,
	EXPI = TASK_EXPIRED,
	CANC = TASK_CANCELLED,
	INVA = TASK_INVALID,
	UNKN = TASK_UNKNOWN,
	FINI = FINISHED,
};

/* By event and state, in the order of enum task_state; FINISHED is the last column. */
/* clang-format off */
static const unsigned char table[TASK_EVENT_COUNT][COLUMNS] = {
	/*                       PEND  SUBM  QUEU  RUNN  SUCC   FAIL   EXPI   CANC   INVA  UNKN  FINI */
	[TASK_IS_SENDING]     = { SUBM, NO,   NO,   NO,   NO,   NO,    NO,    NO,    NO,    NO,   NO },
	[TASK_IS_UNSENT]      = { NO,   PEND, NO,   NO,   NO,   NO,    NO,    NO,    NO,    NO,   NO },
	[TASK_IS_WITHDRAWN]   = { CANC, CANC, NO,   NO,   NO,   NO,    NO,    NO,    NO,    NO,   NO },
	[TASK_IS_REFUSED]     = { INVA, INVA, NO,   NO,   NO,   NO,    NO,    NO,    NO,    NO,   NO },
	[TASK_IS_LOST]        = { UNKN, UNKN, NO,   NO,   NO,   NO,    NO,    NO,    NO,    STAY, NO },
	[TASK_IS_ACCEPTED]    = { DOUBT, QUEU, NO,  NO,   NO,   DOUBT, DOUBT, DOUBT, DOUBT, NO,   NO },
	[TASK_SAYS_QUEUED]    = { NO,   NO,   STAY, QUEU, NO,   DOUBT, DOUBT, DOUBT, DOUBT, STAY, NO },
	[TASK_SAYS_RUNNING]   = { NO,   NO,   RUNN, STAY, NO,   DOUBT, DOUBT, DOUBT, DOUBT, STAY, NO },
	[TASK_SAYS_SUCCEEDED] = { NO,   NO,   FINI, FINI, STAY, DOUBT, DOUBT, DOUBT, DOUBT, STAY, STAY },
	[TASK_IS_BOOKED]      = { NO,   NO,   SUCC, SUCC, STAY, DOUBT, DOUBT, DOUBT, DOUBT, STAY, SUCC },
	[TASK_SAYS_FAILED]    = { NO,   NO,   FAIL, FAIL, NO,   STAY,  NO,    NO,    NO,    STAY, DOUBT },
	[TASK_SAYS_EXPIRED]   = { NO,   NO,   EXPI, EXPI, NO,   NO,    STAY,  NO,    NO,    STAY, DOUBT },
	[TASK_SAYS_CANCELLED] = { NO,   NO,   CANC, CANC, NO,   NO,    NO,    STAY,  NO,    STAY, DOUBT },
	[TASK_IS_GONE]        = { STAY, NO,   UNKN, UNKN, STAY, STAY,  STAY,  STAY,  STAY,  STAY, UNKN },
	[TASK_IS_SHOWN]       = { NO,   NO,   NO,   SUCC, STAY, DOUBT, DOUBT, DOUBT, NO,    SUCC, SUCC },
	[TASK_IS_REOPENED]    = { NO,   NO,   PEND, PEND, NO,   PEND,  PEND,  PEND,  PEND,  PEND, PEND },
	[TASK_IS_RESTORED]    = { BACK, NO,   NO,   NO,   NO,   NO,    NO,    NO,    NO,    NO,   NO },
	[TASK_IS_ADOPTED]     = { QUEU, NO,   QUEU, QUEU, NO,   QUEU,  QUEU,  NO,    QUEU,  QUEU, QUEU },
};
/* clang-format on */

static const char *const words[TASK_EVENT_COUNT] = {
	[TASK_IS_SENDING] = "sending",
	[TASK_IS_UNSENT] = "unsent",
	[TASK_IS_WITHDRAWN] = "withdrawn",
	[TASK_IS_REFUSED] = "refused",
	[TASK_IS_LOST] = "lost",
	[TASK_IS_ACCEPTED] = "accepted",
	[TASK_SAYS_QUEUED] = "queued",
	[TASK_SAYS_RUNNING] = "running",
	[TASK_SAYS_SUCCEEDED] = "succeeded",
	[TASK_IS_BOOKED] = "booked",
	[TASK_SAYS_FAILED] = "failed",
	[TASK_SAYS_EXPIRED] = "expired",
	[TASK_SAYS_CANCELLED] = "cancelled",
	[TASK_IS_GONE] = "gone",
	[TASK_IS_SHOWN] = "shown",
	[TASK_IS_REOPENED] = "reopened",
	[TASK_IS_RESTORED] = "restored",
	[TASK_IS_ADOPTED] = "adopted",
};

const char *task_event_word(enum task_event event)
{
	return words[event];
}

enum task_event task_event_said(const struct task_view *view, enum task_state said)
{
	static const enum task_event events[] = {
		[TASK_QUEUED] = TASK_SAYS_QUEUED,
		[TASK_RUNNING] = TASK_SAYS_RUNNING,
		[TASK_SUCCEEDED] = TASK_SAYS_SUCCEEDED,
		[TASK_FAILED] = TASK_SAYS_FAILED,
		[TASK_EXPIRED] = TASK_SAYS_EXPIRED,
		[TASK_CANCELLED] = TASK_SAYS_CANCELLED,
	};

	assert(said >= TASK_QUEUED && said <= TASK_CANCELLED);
	if (said == TASK_SUCCEEDED && view->is_removed)
		return TASK_IS_BOOKED;
	return events[said];
}

static unsigned cell_of(const struct task_view *view, enum task_event event)
{
	bool is_finished = view->state == TASK_RUNNING && view->is_finished;

	return table[event][is_finished ? FINISHED : view->state];
}

bool task_allows(const struct task_view *view, enum task_event event)
{
	unsigned cell = cell_of(view, event);

	return cell != NO && cell != DOUBT;
}

static void enter(struct task_view *view, enum task_state state)
{
	if (view->state == state)
		return;
	view->state = state;
	view->since_ms = clock_wall_ms();
	if (state == TASK_UNKNOWN)
		memcpy(view->doubtful_digest, view->digest,
		       sizeof(view->doubtful_digest));
	if (state != TASK_PENDING)
		task_clear_refused_save(view);
}

/* The previous state as users saw it: a finished task was reported as succeeded. */
static const char *word_before(const struct task_view *view)
{
	return task_state_word(view->is_finished ? TASK_SUCCEEDED : view->state);
}

static void enter_doubt(struct task_view *view, enum task_event event)
{
	task_set_problem(
		view, PROBLEM_SERVER,
		"the service reported \"%s\" after \"%s\": the task may be billed",
		event == TASK_IS_BOOKED || event == TASK_IS_SHOWN
			? task_state_word(TASK_SUCCEEDED)
			: words[event],
		word_before(view));
	view->next_ms = 0;
	view->wants_cancel = false;
	view->listing_ms = clock_wall_ms();
	task_set_text(view, &view->waiting, NULL);
	task_set_text(view, &view->note, NULL);
	enter(view, TASK_UNKNOWN);
}

/*
 * tasks_commit() logs it without the table's lock. Only the first breach of a change
 * counts.
 */
static void note_breach(struct task_view *view, enum task_event event)
{
	if (view->breach.event)
		return;
	view->breach.event = words[event];
	view->breach.from = word_before(view);
}

bool task_move(struct task_view *view, enum task_event event)
{
	unsigned cell = cell_of(view, event);

	switch (cell) {
	case STAY:
		return true;
	case NO:
		note_breach(view, event);
		return false;
	case DOUBT:
		note_breach(view, event);
		enter_doubt(view, event);
		break;
	case BACK:
		enter(view, view->previous_state);
		break;
	case FINISHED:
		enter(view, TASK_RUNNING);
		break;
	default:
		enter(view, (enum task_state)cell);
		break;
	}
	view->is_finished = cell == FINISHED;
	return cell != DOUBT;
}
