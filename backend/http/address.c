#include "backend/http/address.h"

#include "backend/base/bytes.h"
#include "backend/base/cleanup.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#define IPV4(a, b) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16)

/* The networks that the internet does not route, or not to one host. */
static const struct {
	uint32_t address;
	unsigned prefix;
} special_ipv4[] = {
	{ IPV4(0, 0), 8 },    { IPV4(10, 0), 8 },     { IPV4(100, 64), 10 },
	{ IPV4(127, 0), 8 },  { IPV4(169, 254), 16 }, { IPV4(172, 16), 12 },
	{ IPV4(192, 0), 24 }, { IPV4(192, 168), 16 }, { IPV4(198, 18), 15 },
	{ IPV4(224, 0), 3 },
};

static bool is_public_ipv4(uint32_t address)
{
	for (size_t i = 0; i < ARRAY_SIZE(special_ipv4); i++)
		if ((address ^ special_ipv4[i].address) >>
			    (32 - special_ipv4[i].prefix) ==
		    0)
			return false;
	return true;
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
