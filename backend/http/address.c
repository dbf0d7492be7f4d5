#include "backend/http/address.h"

#include "backend/base/bytes.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static bool is_public_ipv4(uint32_t address)
{
	unsigned a = address >> 24, b = address >> 16 & 255;

	return !(a == 0 || a == 10 || a == 127 || a >= 224 ||
		 (a == 100 && b >= 64 && b < 128) || (a == 169 && b == 254) ||
		 (a == 172 && b >= 16 && b < 32) || (a == 192 && b == 168) ||
		 (a == 192 && b == 0 && (address >> 8 & 255) == 0) ||
		 (a == 198 && (b == 18 || b == 19)));
}

bool address_is_public(const struct sockaddr *address)
{
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	const struct in6_addr *v6;

	if (address->sa_family == AF_INET)
		return is_public_ipv4(
			ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr));
	if (address->sa_family != AF_INET6)
		return false;
	v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
	if (IN6_IS_ADDR_V4MAPPED(v6) || IN6_IS_ADDR_V4COMPAT(v6))
		return is_public_ipv4(bytes_be32(v6->s6_addr + 12));
	if (!memcmp(v6->s6_addr, nat64, sizeof(nat64)))
		return is_public_ipv4(bytes_be32(v6->s6_addr + 12));
	if (v6->s6_addr[0] == 0x20 && v6->s6_addr[1] == 0x02) /* 6to4 */
		return is_public_ipv4(bytes_be32(v6->s6_addr + 2));
	return (v6->s6_addr[0] & 0xe0) == 0x20; /* global unicast: 2000::/3 */
}

bool address_text_is_public(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return address_is_public((const struct sockaddr *)&v4);
	if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		return address_is_public((const struct sockaddr *)&v6);
	return false;
}
