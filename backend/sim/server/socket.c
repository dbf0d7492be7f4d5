#include "backend/sim/server/socket.h"

#include "backend/base/cleanup.h"

#include <linux/sockios.h>
#include <linux/tcp.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define BACKLOG 511

int socket_listen(uint16_t port, int *ret_fd, uint16_t *ret_port)
{
	AUTOCLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	socklen_t length = sizeof(address);

	if (fd < 0)
		return -errno;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)))
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, BACKLOG))
		return -errno;
	if (getsockname(fd, (struct sockaddr *)&address, &length))
		return -errno;
	*ret_port = ntohs(address.sin_port);
	*ret_fd = take_fd(&fd);
	return 0;
}

uint64_t socket_taken_bytes(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);
	int queued = 0;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length))
		return 0;
	if (ioctl(fd, SIOCOUTQ, &queued))
		queued = 0;
	return info.tcpi_bytes_acked + (uint64_t)queued;
}
