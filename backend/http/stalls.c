/*
 * Stalls: calls whose body does not arrive, or arrives too slowly. curl's own rule counts
 * whole seconds, and counts every byte of a header as progress.
 */
#include "backend/http/http_internal.h"

#include "backend/base/clock.h"

#define SLOWEST_BYTES 1024 /* per second */

static int64_t stall_due_ms(const struct http_call *call)
{
	int64_t from_ms = call->heard_ms;

	if (call->window_ms && call->window_ms < from_ms)
		from_ms = call->window_ms;
	return from_ms + call->options.stall_ms;
}

/* Whether the call ended. After a window that brought enough, the next one starts. */
static bool end_if_stalled(struct http_call *call, int64_t now_ms)
{
	int64_t stall_ms = call->options.stall_ms;
	bool is_silent = now_ms - call->heard_ms >= stall_ms;
	bool is_slow = call->window_bytes * 1000 <
		       (uint64_t)(now_ms - call->window_ms) * SLOWEST_BYTES;

	if (!stall_ms || call->is_paused || now_ms < stall_due_ms(call))
		return false;
	if (!is_silent && !is_slow) {
		call->window_ms = now_ms;
		call->window_bytes = 0;
		return false;
	}
	snprintf(call->error, sizeof(call->error),
		 is_silent ? "no data for %g s" : "almost no data for %g s",
		 (double)stall_ms / 1000);
	http_call_finish(call, CURLE_OPERATION_TIMEDOUT);
	return true;
}

/* A callback may start and cancel calls: so after each end the search starts over. */
void http_end_stalled(struct http *http)
{
	int64_t now_ms = clock_boot_ms();
	struct http_call *call = http->calls;

	while (call)
		call = end_if_stalled(call, now_ms) ? http->calls : call->next;
}

int64_t http_next_stall_ms(const struct http *http, int64_t timeout_ms)
{
	int64_t now_ms = clock_boot_ms();

	for (const struct http_call *call = http->calls; call; call = call->next)
		if (call->options.stall_ms && !call->is_paused &&
		    stall_due_ms(call) - now_ms < timeout_ms)
			timeout_ms = stall_due_ms(call) - now_ms;
	return timeout_ms > 0 ? timeout_ms : 0;
}
