/*
 * The parts of one simulator, for the handlers of both ports. Constant while the ports
 * are open; each part states who may call it (all of them: any thread).
 */
#ifndef SEEDANCE_SIM_H
#define SEEDANCE_SIM_H

#include "backend/sim/server/faults.h"
#include "backend/sim/tasks/home.h"
#include "backend/sim/server/http.h"
#include "backend/sim/tasks/link.h"
#include "backend/sim/server/records.h"
#include "backend/sim/tasks/tasks.h"
#include "backend/sim/server/variants.h"

struct sim {
	const char *key; /* the required bearer token; NULL = anything */
	struct link_settings links;
	struct home *home;
	struct tasks *tasks;
	struct records *records;
	struct faults *faults;
	struct variants *variants;
};

#endif
