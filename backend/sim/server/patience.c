#include "backend/sim/server/patience.h"

#include "backend/base/clock.h"

#include <errno.h>
#include <poll.h>

#define LONGEST_POLL_MS 60000

int patience_wait(int64_t ms, int event, int socket)
{
	struct pollfd polled[] = { { .fd = event, .events = POLLIN },
				   { .fd = socket, .events = POLLRDHUP } };
	int64_t deadline_ms = ms < 0 ? -1 : clock_boot_ms() + ms;

	for (;;) {
		int64_t left = deadline_ms < 0 ? -1 : deadline_ms - clock_boot_ms();
		int n = poll(polled, 2,
			     left < -1		      ? 0
			     : left > LONGEST_POLL_MS ? LONGEST_POLL_MS
						      : (int)left);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			return polled[0].revents ? 0 : -ECONNRESET;
		if (deadline_ms >= 0 && clock_boot_ms() >= deadline_ms)
			return 0;
	}
}
