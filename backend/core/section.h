/*
 * Which section of the configuration a task belongs to. A task is bound to the section
 * that made it, by name, endpoint and key: it is never asked about as somebody else.
 */
#ifndef SEEDANCEFS_BACKEND_CORE_SECTION_H
#define SEEDANCEFS_BACKEND_CORE_SECTION_H

#include "backend/config/config.h"
#include "backend/tasks/task.h"

struct backend;

/* The section that made a task, if the configuration still has it unchanged (the same
 * address and key); else NULL. Any thread. */
const struct provider_section *backend_section_of(const struct backend *backend,
						  const struct task_view *view);
/* The same; and the task's note says so as long as there is none. */
const struct provider_section *backend_bind_section(struct backend *backend,
						    const struct task_view *view);
/* What the ledger calls a section's endpoint. */
const char *section_endpoint_name(const struct provider_section *section);

#endif
