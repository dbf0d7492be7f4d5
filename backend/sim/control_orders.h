/*
 * Orders to the control port, read into what they ask for. Pure.
 *
 * Each returns true if the order was good; else the complaint is a sentence for the
 * answer.
 */
#ifndef SEEDANCE_SIM_CONTROL_ORDERS_H
#define SEEDANCE_SIM_CONTROL_ORDERS_H

#include "backend/sim/faults.h"
#include "backend/sim/json.h"
#include "backend/sim/tasks.h"

/* POST /faults. *ret_fault is the caller's: faults_add() or fault_unref(NULL, ...). */
bool control_read_fault(const struct json *order, struct buffer *complaint,
			struct fault **ret_fault);
/* POST /tasks/{id}. The change borrows its texts from the order. */
bool control_read_change(const struct json *order, struct buffer *complaint,
			 struct task_change *ret);
/* POST /hold. */
bool control_read_hold(const struct json *order, struct buffer *complaint,
		       enum task_state *ret);

#endif
