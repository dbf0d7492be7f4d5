/*
 * The section of the configuration that a task belongs to. A task is bound by name,
 * endpoint and key to the section that created it. It is never polled with another
 * account.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_SECTION_H
#define SEEDANCEFS_BACKEND_CORE_SECTION_H

#include "backend/config/config.h"
#include "backend/tasks/task.h"

struct backend;

/*
 * The section that created the task, if the configuration still contains it with the same
 * address and key; else NULL. Any thread.
 */
const struct provider_section *backend_section_of(const struct backend *backend,
						  const struct task_view *view);
/*
 * As backend_section_of(). The task's note reports a missing section until the section is
 * back.
 */
const struct provider_section *backend_bind_section(struct backend *backend,
						    const struct task_view *view);
/* The name of a section's endpoint in the ledger. */
const char *section_endpoint_name(const struct provider_section *section);

#endif
