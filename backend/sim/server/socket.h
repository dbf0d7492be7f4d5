/* The few direct uses of sockets in this program. Any thread. */
#ifndef SEEDANCE_SIM_SERVER_SOCKET_H
#define SEEDANCE_SIM_SERVER_SOCKET_H

#include <stdint.h>

/*
 * Listens on 127.0.0.1:port (0 = the kernel chooses). Errors: -errno of socket, bind,
 * listen.
 */
int socket_listen(uint16_t port, int *ret_fd, uint16_t *ret_port);

/*
 * Bytes that a TCP socket has accepted in total: acknowledged ones and those in its
 * queue.
 */
uint64_t socket_taken_bytes(int fd);

#endif
