/* Lanes: calls that run a few at a time. */
#include "backend/http/http_internal.h"

#include <errno.h>
#include <stdlib.h>

static struct lane *find_or_add_lane(struct http *http, const void *key)
{
	struct lane *lane = http->lanes;

	while (lane && lane->key != key)
		lane = lane->next;
	if (lane)
		return lane;
	lane = calloc(1, sizeof(*lane));
	if (!lane)
		return NULL;
	lane->key = key;
	lane->end = &lane->waiting;
	lane->next = http->lanes;
	http->lanes = lane;
	return lane;
}

static void wait_in_lane(struct http_call *call)
{
	struct lane *lane = call->lane;

	call->is_waiting = true;
	call->previous = lane->end;
	*lane->end = call;
	lane->end = &call->next;
}

/* Sends the call, or queues it in its lane. 0 or -ENOMEM. */
int http_lane_begin(struct http_call *call)
{
	if (call->options.lane)
		call->lane = find_or_add_lane(call->http, call->options.lane);
	if (call->options.lane && !call->lane)
		return -ENOMEM;
	if (!call->lane ||
	    (!call->lane->waiting && call->lane->under_way < HTTP_LANE_CALLS))
		return http_call_send(call);
	wait_in_lane(call);
	return 0;
}

void http_lane_leave(struct http_call *call)
{
	if (call->lane && call->is_waiting && !call->next)
		call->lane->end = call->previous;
	else if (call->lane && !call->is_waiting && call->previous)
		call->lane->under_way--;
}

/* Waiting calls take the place of those that ended. */
void http_lanes_send_waiting(struct http *http)
{
	for (struct lane *lane = http->lanes; lane; lane = lane->next)
		while (lane->waiting && lane->under_way < HTTP_LANE_CALLS) {
			struct http_call *call = lane->waiting;

			http_call_unlink(call);
			call->is_waiting = false;
			if (http_call_send(call))
				http_call_finish(call, CURLE_OUT_OF_MEMORY);
		}
}

void http_lanes_destroy(struct http *http)
{
	while (http->lanes) {
		struct lane *lane = http->lanes;

		http->lanes = lane->next;
		while (lane->waiting)
			http_call_destroy(lane->waiting);
		free(lane);
	}
}
