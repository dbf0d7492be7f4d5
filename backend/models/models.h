/*
 * models.json: the abilities of each model at each service, as data. Read once at start,
 * passed on as const. share/models.md documents the file.
 */
#ifndef SEEDANCEFS_BACKEND_MODELS_MODELS_H
#define SEEDANCEFS_BACKEND_MODELS_MODELS_H

#include <stddef.h>

struct models;

/*
 * Reads the installed file, then each of `overrides` (missing files are fine): a model or
 * service that appears again replaces the earlier one. Errors are complete lines for
 * people in *ret_error (free() it): file, position, reason. Returns 0, -EINVAL, -ENOMEM
 * or -errno of reading.
 */
int models_load(const char *installed, const char *const *overrides, size_t count,
		struct models **ret_models, char **ret_error);
/* The same for texts, for tests and the fuzzer. Pure. */
int models_parse(const char *name, const char *text, size_t size, struct models **models,
		 char **ret_error);
void models_destroy(struct models *models);

/*
 * The path of the installed file: share/models.json beside the running program, else in
 * the data directory of the installation. free() it; NULL without memory.
 */
char *models_installed_path(void);

#endif
