/*
 * Lost answers. When the answer to a create is lost, the service's task list may show
 * which task it created. The task's note lists the candidates, and the user decides
 * (`adopt ID`). Nothing is adopted automatically, because lists carry no prompt
 * (providers/README.md, 6.4). Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_ORDERS_LOST_ANSWER_H
#define SEEDANCEFS_BACKEND_ORDERS_LOST_ANSWER_H

#include "backend/core/core.h"

/* Makes backend->lost_answers. 0 or -ENOMEM. */
int lost_answers_create(struct backend *backend);
void lost_answers_destroy(struct backend *backend);

/* Requests the service's list, if it has one, repeatedly for ten minutes. */
void lost_answer_look(struct backend *backend, uint64_t number);

#endif
