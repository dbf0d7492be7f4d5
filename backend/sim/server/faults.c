#include "backend/sim/server/faults.h"

#include "backend/base/cleanup.h"
#include "backend/base/json_write.h"
#include "backend/sim/server/patience.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

struct waiter {
	int event;
	struct waiter *next;
};

struct faults {
	pthread_mutex_t lock;
	/* guarded by lock */
	struct fault *first;
	struct waiter *waiters;
	uint64_t next_id;
	uint64_t era; /* counts faults_clear(): older faults are cleared */
	bool is_ending;
};

int faults_create(struct faults **ret_faults)
{
	struct faults *faults = calloc(1, sizeof(*faults));

	if (!faults)
		return -ENOMEM;
	pthread_mutex_init(&faults->lock, NULL);
	faults->next_id = 1;
	*ret_faults = faults;
	return 0;
}

void faults_destroy(struct faults *faults)
{
	if (!faults)
		return;
	faults_clear(faults);
	pthread_mutex_destroy(&faults->lock);
	free(faults);
}

struct fault *fault_create(void)
{
	struct fault *fault = calloc(1, sizeof(*fault));

	if (!fault)
		return NULL;
	fault->references = 1;
	fault->times = 1;
	fault->action.truncate_at = -1;
	fault->action.stall_at = -1;
	fault->action.stall_ms = FAULT_FOREVER;
	fault->action.flip_byte_at = -1;
	return fault;
}

static void fault_destroy(struct fault *fault)
{
	struct fault_action *action = &fault->action;

	for (size_t i = 0; i < action->header_count; i++) {
		free(action->headers[i].name);
		free(action->headers[i].value);
	}
	free(action->body);
	free(action->error_code);
	free(action->error_message);
	free(action->etag);
	free(fault->wire);
	free(fault->task);
	free(fault->media);
	free(fault->text);
	free(fault);
}

static void unref_locked(struct fault *fault)
{
	if (--fault->references == 0)
		fault_destroy(fault);
}

void fault_unref(struct faults *faults, struct fault *fault)
{
	if (!fault)
		return;
	if (!faults) {
		unref_locked(fault);
		return;
	}
	SCOPED_LOCK(&faults->lock);
	unref_locked(fault);
}

struct fault *fault_ref(struct faults *faults, struct fault *fault)
{
	SCOPED_LOCK(&faults->lock);

	fault->references++;
	return fault;
}

uint64_t faults_add(struct faults *faults, struct fault *fault)
{
	SCOPED_LOCK(&faults->lock);
	struct fault **end = &faults->first;

	while (*end)
		end = &(*end)->next;
	*end = fault;
	fault->id = faults->next_id++;
	fault->era = faults->era;
	return fault->id;
}

static bool is_for(const char *wanted, const char *is)
{
	return !wanted || (is && !strcmp(wanted, is));
}

static bool fits(const struct fault *fault, const struct fault_target *target)
{
	return fault->on == target->on && is_for(fault->wire, target->wire) &&
	       is_for(fault->task, target->task) && is_for(fault->media, target->media);
}

/*
 * The lock is held. `link` points at the fault; the caller takes over the list's
 * reference.
 */
static struct fault *unlink_fault(struct fault **link)
{
	struct fault *fault = *link;

	*link = fault->next;
	fault->next = NULL;
	return fault;
}

struct fault *faults_take(struct faults *faults, const struct fault_target *target)
{
	SCOPED_LOCK(&faults->lock);
	struct fault **link = &faults->first;
	struct fault *fault;

	while (*link && !fits(*link, target))
		link = &(*link)->next;
	fault = *link;
	if (!fault)
		return NULL;
	if (fault->times > 0 && --fault->times == 0)
		return unlink_fault(link);
	fault->references++;
	return fault;
}

static void wake_waiters(struct faults *faults)
{
	for (struct waiter *waiter = faults->waiters; waiter; waiter = waiter->next)
		eventfd_write(waiter->event, 1);
}

/* The lock is held. */
static void clear_locked(struct faults *faults)
{
	while (faults->first)
		unref_locked(unlink_fault(&faults->first));
	faults->era++;
	wake_waiters(faults);
}

void faults_clear(struct faults *faults)
{
	SCOPED_LOCK(&faults->lock);

	clear_locked(faults);
}

void faults_end(struct faults *faults)
{
	SCOPED_LOCK(&faults->lock);

	faults->is_ending = true;
	clear_locked(faults);
}

static void put_fault(struct buffer *out, const struct fault *fault)
{
	json_write_open(out, NULL, '{');
	json_write_int64(out, "id", (int64_t)fault->id);
	json_write_string(out, "on", request_kind_name(fault->on));
	json_write_string(out, "wire", fault->wire);
	json_write_string(out, "task", fault->task);
	json_write_string(out, "kind", fault->media);
	json_write_int64(out, "times", fault->times);
	json_write_raw(out, "action", fault->text ? fault->text : "{}");
	json_write_close(out, '}');
}

void faults_list(struct faults *faults, struct buffer *out)
{
	SCOPED_LOCK(&faults->lock);

	json_write_open(out, NULL, '{');
	json_write_open(out, "faults", '[');
	for (const struct fault *fault = faults->first; fault; fault = fault->next)
		put_fault(out, fault);
	json_write_close(out, ']');
	json_write_close(out, '}');
}

/* The lock is held. 0, or the reason to stop waiting. */
static int check_over(const struct faults *faults, const struct fault *fault)
{
	if (faults->is_ending)
		return -ESHUTDOWN;
	return fault->era != faults->era ? -ECANCELED : 0;
}

static int register_waiter(struct faults *faults, const struct fault *fault,
			   struct waiter *waiter)
{
	SCOPED_LOCK(&faults->lock);
	int r = check_over(faults, fault);

	if (r)
		return r;
	waiter->next = faults->waiters;
	faults->waiters = waiter;
	return 0;
}

static int unregister_waiter(struct faults *faults, const struct fault *fault,
			     struct waiter *waiter)
{
	SCOPED_LOCK(&faults->lock);
	struct waiter **link = &faults->waiters;

	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
	return check_over(faults, fault);
}

int faults_wait(struct faults *faults, struct fault *fault, int64_t ms, int socket)
{
	AUTOCLOSE int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct waiter waiter = { .event = event };
	int r, over;

	if (event < 0)
		return -errno;
	r = register_waiter(faults, fault, &waiter);
	if (r)
		return r;
	r = patience_wait(ms, event, socket);
	over = unregister_waiter(faults, fault, &waiter);
	return over ? over : r;
}
