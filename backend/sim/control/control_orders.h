/*
 * Parses orders to the control port. Pure.
 *
 * Each function returns true if the order is valid; else the complaint is a sentence for
 * the answer.
 */
#ifndef SEEDANCE_SIM_CONTROL_CONTROL_ORDERS_H
#define SEEDANCE_SIM_CONTROL_CONTROL_ORDERS_H

#include "backend/base/json.h"
#include "backend/sim/server/faults.h"
#include "backend/sim/tasks/tasks.h"
#include "backend/sim/wires/wire.h"

/* POST /faults. The caller owns *ret_fault: faults_add() or fault_unref(NULL, ...). */
bool control_read_fault(const struct json *order, struct buffer *complaint,
			struct fault **ret_fault);
/* POST /tasks/{id}. The change borrows its texts from the order. */
bool control_read_change(const struct json *order, struct buffer *complaint,
			 struct task_change *ret);
/* POST /hold. */
bool control_read_hold(const struct json *order, struct buffer *complaint,
		       enum task_state *ret);
/* POST /variants/{wire}: changes the named values. */
bool control_read_variants(const struct json *order, const struct wire *wire,
			   struct buffer *complaint, int64_t values[VARIANTS_MAX]);
/* "<wire>":{...} */
void control_write_variants(struct buffer *out, const struct wire *wire,
			    const int64_t values[VARIANTS_MAX]);

#endif
