#include "fs/copier.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "fs/names.h"

#include <stdatomic.h>
#include <stdio.h>

/*
 * GLib's programs copy, and look at what came to show it, on threads of one pool (their
 * names tell): the same one may do both. They do not ask about a `status` that is there.
 */
static bool is_of_pool(pid_t pid)
{
	AUTOFREE char *path = text_format("/proc/%d/comm", (int)pid);
	AUTOFCLOSE FILE *comm = path ? fopen(path, "re") : NULL;
	char name[32];

	return comm && fgets(name, sizeof(name), comm) && text_starts_with(name, "pool");
}

void copier_made(struct node *directory, const char *name, pid_t pid)
{
	if (!name_is_trigger(name))
		return;
	atomic_store(&directory->asking_ms, 0);
	atomic_store(&directory->trigger_maker, pid);
}

void copier_found(struct node *directory, const char *name, pid_t pid)
{
	if (pid && atomic_load(&directory->trigger_maker) == pid &&
	    name_tells_copy(name) && !is_of_pool(pid))
		atomic_store(&directory->asking_ms, clock_boot_ms());
}

void copier_looked(struct node *directory, pid_t pid)
{
	if (atomic_load(&directory->trigger_maker) != pid)
		return;
	atomic_store(&directory->trigger_maker, 0);
	atomic_store(&directory->asking_ms, 0);
}

int64_t copier_asks_ms(const struct node *directory)
{
	int64_t since_ms = atomic_load(&((struct node *)directory)->asking_ms);

	return since_ms ? clock_boot_ms() - since_ms : -1;
}
