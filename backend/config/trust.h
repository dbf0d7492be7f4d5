/*
 * Which addresses a section's calls may reach. The service itself is where its owner
 * says. The links of a service are distrusted: they may lead to private and local
 * addresses only where the service is on such an address itself, and use plain http only
 * where it is on this machine.
 *
 * It learns from answers where the services are. One thread.
 */
#ifndef SEEDANCEFS_BACKEND_CONFIG_TRUST_H
#define SEEDANCEFS_BACKEND_CONFIG_TRUST_H

#include "backend/config/config.h"
#include "backend/http/http.h"

struct trust;

/* `config` must outlive it. 0 or -ENOMEM. */
int trust_create(const struct config *config, struct trust **ret_trust);
void trust_destroy(struct trust *trust);

/* For calls to the service itself. */
void trust_service(const struct provider_section *section, struct http_options *options);
/* For what it links to. */
void trust_media(const struct trust *trust, const struct provider_section *section,
		 struct http_options *options);
/* The lane (http/http.h) of what nobody reads at that moment: sizes, and inputs of
 * orders. */
const void *trust_media_lane(const struct trust *trust,
			     const struct provider_section *section);
/* The service answered: now it is known where it is. */
void trust_learn(struct trust *trust, const struct provider_section *section,
		 const struct http_response *response);

#endif
