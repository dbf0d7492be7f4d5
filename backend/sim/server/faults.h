/*
 * Faults that a test has ordered, and the delays that they cause.
 *
 * A fault applies to one kind of request (optionally to one task or one kind of media)
 * and expires after `times` requests. The first fault that matches is used. A request
 * holds its fault until fault_unref(), but faults_clear() ends its waiting. Any thread.
 */
#ifndef SEEDANCE_SIM_SERVER_FAULTS_H
#define SEEDANCE_SIM_SERVER_FAULTS_H

#include "backend/base/buffer.h"
#include "backend/sim/server/records.h"

#include <stdbool.h>
#include <stdint.h>

#define FAULT_HEADERS_MAX 16
#define FAULT_FOREVER (-1)

enum fault_when { FAULT_NEVER, FAULT_BEFORE, FAULT_AFTER };

struct fault_header {
	char *name;
	char *value;
};

/*
 * Set before the fault is added, constant afterwards. -1 = unset, where 0 is a valid
 * value.
 */
struct fault_action {
	int64_t delay_ms;
	enum fault_when hang, close;
	int status; /* 0 = the real answer */
	struct fault_header headers[FAULT_HEADERS_MAX];
	size_t header_count;
	char *body;	       /* NULL = the service's own words */
	const char *body_type; /* a literal */
	char *error_code,
		*error_message; /* for the service's words; NULL = those of the status */
	int64_t error_number;	/* SenseAudio's ref_code; 0 = the service's own */
	/* media only; there, headers may be added to the real answer */
	bool ignore_range, no_content_length;
	int64_t shift_range;
	int64_t truncate_at;  /* -1 = off */
	int64_t stall_at;     /* -1 = off */
	int64_t stall_ms;     /* FAULT_FOREVER = until cleared */
	int64_t rate;	      /* bytes per second, 0 = unlimited */
	int64_t flip_byte_at; /* -1 = off */
	char *etag;
};

/* The properties of a request by which its fault is chosen; NULL = none. */
struct fault_target {
	enum request_kind on;
	const char *wire, *task, *media;
};

struct fault {
	enum request_kind on;
	char *wire;  /* a wire format's name; NULL = any */
	char *task;  /* NULL = any */
	char *media; /* NULL = any */
	int64_t times;
	struct fault_action action;
	char *text; /* the action as ordered, JSON */
	/* private to faults.c, guarded by its lock */
	uint64_t id;
	unsigned references;
	uint64_t era;
	struct fault *next;
};

struct faults;

int faults_create(struct faults **ret_faults);
void faults_destroy(struct faults *faults);

/*
 * A fault without an action. Before faults_add(), fault_unref(NULL, fault) releases it.
 */
struct fault *fault_create(void);
/* Takes the fault over; returns its id. */
uint64_t faults_add(struct faults *faults, struct fault *fault);
/* The first fault that matches, or NULL. The caller gets a reference. */
struct fault *faults_take(struct faults *faults, const struct fault_target *target);
struct fault *fault_ref(struct faults *faults, struct fault *fault);
void fault_unref(struct faults *faults, struct fault *fault);
/* Removes all faults and wakes every request that waits. */
void faults_clear(struct faults *faults);
/* The same for good: the program is about to end. */
void faults_end(struct faults *faults);
void faults_list(struct faults *faults, struct buffer *out);

/*
 * Waits for `ms` (FAULT_FOREVER: until cleared). 0: the time has passed. -ECANCELED: the
 * faults were cleared. -ECONNRESET: the client has disconnected. -ESHUTDOWN: the program
 * ends. Others: -errno of eventfd or poll.
 */
int faults_wait(struct faults *faults, struct fault *fault, int64_t ms, int socket);

#endif
