/* What a folder orders, assembled by the folder side. */
#ifndef SEEDANCEFS_BACKEND_ORDERS_TASK_ORDER_H
#define SEEDANCEFS_BACKEND_ORDERS_TASK_ORDER_H

#include "backend/base/digest.h"
#include "backend/request/request.h"
#include "backend/tasks/task.h"

struct task_order {
	uint64_t number;
	uint64_t edits;		 /* backend_task_edits() before the files were read */
	struct request *request; /* taken, in every case */
	char digest[SHA256_HEX]; /* of trigger and inputs, to recognise a mere rewrite */
	bool is_forced; /* `submit` or `retry`: sent even if the digest is equal */
	const struct locked_file *locked; /* borrowed */
	size_t locked_count;
	struct task_place place; /* borrowed */
};

#endif
