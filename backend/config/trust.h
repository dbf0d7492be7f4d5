/*
 * Which addresses the calls of a section may reach. The service itself is trusted at its
 * configured address. Links from a service are not trusted: they may lead to private and
 * local addresses only if the service itself is on such an address, and may use plain
 * http only if the service runs on this machine.
 *
 * The answers of a service show whether its address is private. One thread at a time.
 */
#ifndef SEEDANCEFS_BACKEND_CONFIG_TRUST_H
#define SEEDANCEFS_BACKEND_CONFIG_TRUST_H

#include "backend/config/config.h"
#include "backend/http/http.h"

struct trust;

/* `config` must outlive it. 0 or -ENOMEM. */
int trust_create(const struct config *config, struct trust **ret_trust);
void trust_destroy(struct trust *trust);

/* Sets the options of calls to the service itself. */
void trust_service(const struct provider_section *section, struct http_options *options);
/* Sets the options of calls to addresses that the service links to. */
void trust_media(const struct trust *trust, const struct provider_section *section,
		 struct http_options *options);
/*
 * The lane (http/http.h) of transfers that no reader waits for: size probes, and inputs
 * of orders.
 */
const void *trust_media_lane(const struct trust *trust,
			     const struct provider_section *section);
/* Learns from an answer whether the service's address is private. */
void trust_learn(struct trust *trust, const struct provider_section *section,
		 const struct http_response *response);

#endif
