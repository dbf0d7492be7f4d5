/*
 * Lost answers: after a create whose answer was lost, the service's own list may show
 * which task it was. The task's note tells the person, who decides (`adopt ID`); nothing
 * is adopted by itself, for lists carry no prompt (providers/README.md, 6.4). Backend
 * thread only.
 */
#ifndef SEEDANCEFS_BACKEND_ORDERS_LOST_ANSWER_H
#define SEEDANCEFS_BACKEND_ORDERS_LOST_ANSWER_H

#include "backend/core/core.h"

/* Makes backend->lost_answers. 0 or -ENOMEM. */
int lost_answers_create(struct backend *backend);
void lost_answers_destroy(struct backend *backend);

/* Looks into the service's list, if it has one, again and again for ten minutes. */
void lost_answer_look(struct backend *backend, uint64_t number);

#endif
