/* A task in the format of Ark's GET and list (providers/README.md, 6.3). Pure. */
#ifndef SEEDANCE_SIM_WIRES_ARK_ANSWER_H
#define SEEDANCE_SIM_WIRES_ARK_ANSWER_H

#include "backend/sim/tasks/link.h"

/*
 * `key` is NULL inside an array or at the top level. `id` is the task's own id, unless a
 * service that wraps Ark uses another one. `host` is the host of the links.
 */
void ark_answer_write(struct buffer *out, const char *key, const char *id,
		      const struct task *task, const struct link_settings *links,
		      const char *host);
/* As told by the task's echo. */
bool ark_answer_is_flex(const struct task *task);

#endif
