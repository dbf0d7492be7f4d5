/*
 * The service port, which clients talk to. Each request is logged, meets the fault
 * ordered for it (if any), and goes to its wire format or to the media.
 */
#ifndef SEEDANCE_SIM_SERVER_SERVICE_H
#define SEEDANCE_SIM_SERVER_SERVICE_H

#include "backend/sim/sim.h"

/* A handler for http_server_open(); the simulator must outlive the server. */
struct http_handler service_handler(struct sim *sim);

#endif
