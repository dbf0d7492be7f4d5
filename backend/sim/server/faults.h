/*
 * Faults that a test has ordered, and the waiting that they cause.
 *
 * A fault is for one kind of request (and, if asked, one task or one kind of media) and
 * is used up after `times` requests. The first one that fits is taken. What a request has
 * taken stays valid until fault_unref(), but faults_clear() tells it to stop waiting. Any
 * thread.
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

/* Set before the fault is added, constant afterwards.
 * -1 = not asked for, where 0 means something. */
struct fault_action {
	int64_t delay_ms;
	enum fault_when hang, close;
	int status; /* 0 = the real answer */
	struct fault_header headers[FAULT_HEADERS_MAX];
	size_t header_count;
	char *body;	       /* NULL = the service's own words */
	const char *body_type; /* a literal */
	char *error_code,
		*error_message; /* for those words; NULL = what fits the status */
	int64_t error_number;	/* SenseAudio's ref_code; 0 = the same */
	/* media only; headers may come with the real answer there */
	bool ignore_range, no_content_length;
	int64_t shift_range;
	int64_t truncate_at;  /* -1 = not */
	int64_t stall_at;     /* -1 = not */
	int64_t stall_ms;     /* FAULT_FOREVER = until cleared */
	int64_t rate;	      /* bytes a second, 0 = full speed */
	int64_t flip_byte_at; /* -1 = not */
	char *etag;
};

/* What a request is, for the choice of its fault; NULL = it has none. */
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
	char *text; /* the action as it was ordered, JSON */
	/* faults.c's own, guarded by its lock */
	uint64_t id;
	unsigned references;
	uint64_t era;
	struct fault *next;
};

struct faults;

int faults_create(struct faults **ret_faults);
void faults_destroy(struct faults *faults);

/* An empty fault with nothing asked for;
 * fault_unref(NULL, fault) releases it before faults_add(). */
struct fault *fault_create(void);
/* Takes the fault over; returns its id. */
uint64_t faults_add(struct faults *faults, struct fault *fault);
/* The first that fits, or NULL. The caller has a reference. */
struct fault *faults_take(struct faults *faults, const struct fault_target *target);
struct fault *fault_ref(struct faults *faults, struct fault *fault);
void fault_unref(struct faults *faults, struct fault *fault);
/* Forgets all faults and releases all that waits. */
void faults_clear(struct faults *faults);
/* The same for ever: the program ends. */
void faults_end(struct faults *faults);
void faults_list(struct faults *faults, struct buffer *out);

/*
 * Waits for `ms` (FAULT_FOREVER: until cleared).
 * 0: the time is over. -ECANCELED: the faults were cleared. -ECONNRESET: the client has
 * gone. -ESHUTDOWN: the program ends. Others: -errno of eventfd or poll.
 */
int faults_wait(struct faults *faults, struct fault *fault, int64_t ms, int socket);

#endif
