/*
 * The configuration: config.ini, and the same keys as mount options. Read once at start,
 * handed down as const. The only file that includes inih.
 */
#ifndef SEEDANCEFS_BACKEND_CONFIG_CONFIG_H
#define SEEDANCEFS_BACKEND_CONFIG_CONFIG_H

#include "backend/models/models.h"
#include "backend/providers/provider.h"

enum keep_policy {
	KEEP_LAZY,   /* bytes are fetched when they are read */
	KEEP_RESCUE, /* … and before their link dies */
	KEEP_EAGER,  /* … and as soon as the task has succeeded */
};

/* A [provider NAME] section: an account at a service. */
struct provider_section {
	char *name;
	const struct provider *provider;
	char *base_url; /* without a slash at the end */
	char *key;	/* NULL: none */
	char *key_name; /* where the key came from ("env ARK_API_KEY"), for messages and
			   the ledger */
	char *model;
	char *callback_url;
	int64_t poll_ms;
	unsigned max_active;
	bool is_simulator;
};

#define CONFIG_PROXY_ENVIRONMENT "environment" /* as http_proxy and its like say */

struct config {
	char *default_provider; /* NULL: the first section */
	int64_t settle_ms;
	int64_t read_timeout_ms; /* a read waits as long without a byte, then ends in EIO
				  */
	enum keep_policy keep;
	char *proxy; /* its address, or CONFIG_PROXY_ENVIRONMENT; NULL or "": none */
	unsigned submissions_per_hour;
	bool makes_thumbnails; /* in the desktop's cache, when a task succeeds */
	struct provider_section *sections;
	size_t section_count;
	struct models *models; /* what each model can do */
};

/*
 * Reads `path`; a missing file is fine unless it is required. Errors are whole lines for
 * people in *ret_error (free() it). Returns 0, -EINVAL, -ENOMEM or -errno of reading.
 */
int config_load(const char *path, bool is_required, struct config **ret_config,
		char **ret_error);
void config_destroy(struct config *config);

/* Sets a key of the main section, as a mount option does. -ENOENT: no such key. */
int config_set(struct config *config, const char *key, const char *value,
	       char **ret_error);

/*
 * Completes and checks what was read: types, addresses, keys (which are fetched here),
 * and reads models.json: the installed one, and the person's own.
 * Without any section, the simulator's are made: base_url is `simulator_url` + a path
 * each; pass NULL to learn (by -ENOENT) that a simulator is needed.
 */
int config_finish(struct config *config, const char *simulator_url, char **ret_error);
bool config_needs_simulator(const struct config *config);

/* The key file of the n-th section; NULL: it has none. */
const char *config_key_file(const struct config *config, size_t n);

/* The section of a name; NULL name: the default one. NULL when there is none. */
const struct provider_section *config_section(const struct config *config,
					      const char *name);

/*
 * Refuses a request, of the file `source`, that names no section: the problem lists those
 * that there are. Returns -EINVAL.
 */
int config_refuse_section(const struct config *config, const char *source,
			  const char *name, struct problem *problem);

/* The endpoint that a section describes; texts are borrowed from the section. */
struct endpoint config_endpoint(const struct provider_section *section);

/* Whether an address's host is a loopback name or address. */
bool config_is_loopback(const char *url);

#endif
