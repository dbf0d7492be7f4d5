/*
 * Waiting on a connection's thread: for an event, for a time, or until the client
 * disconnects. Any thread.
 */
#ifndef SEEDANCE_SIM_SERVER_PATIENCE_H
#define SEEDANCE_SIM_SERVER_PATIENCE_H

#include <stdint.h>

#define PATIENCE_FOREVER (-1)

/*
 * 0: the time has passed, or the eventfd was written to. -ECONNRESET: the client has
 * disconnected. Others: -errno of poll.
 */
int patience_wait(int64_t ms, int event, int socket);

#endif
