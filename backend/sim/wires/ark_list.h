/*
 * GET .../tasks: filters and pages (providers/README.md, 6.4).
 */
#ifndef SEEDANCE_SIM_WIRES_ARK_LIST_H
#define SEEDANCE_SIM_WIRES_ARK_LIST_H

#include "backend/sim/wires/wire.h"

/* Appends {"items":[...],"total":n}; false with a refusal if the query is invalid. */
wire_answer ark_list_write;

#endif
