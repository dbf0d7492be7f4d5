#include "fs/copier.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "fs/names.h"

#include <stdatomic.h>
#include <stdio.h>

#define NEXT_MS 2000	/* from one file to the next: 1 to 5 ms were seen */
#define RECENT_MS 60000 /* a copier that goes on does so much sooner */

/* --- threads --- */

static bool has_name(pid_t pid, const char *prefix)
{
	AUTOFREE char *path = text_format("/proc/%d/comm", (int)pid);
	AUTOFCLOSE FILE *comm = path ? fopen(path, "re") : NULL;
	char name[32];

	return comm && fgets(name, sizeof(name), comm) && text_starts_with(name, prefix);
}

/* GLib's programs copy, and look at what came to show it, on threads of one pool: one may
 * do both. */
static bool is_of_glib(pid_t pid)
{
	return has_name(pid, "pool");
}

/* KDE's programs hand each file to any of their workers. */
static bool is_of_kde(pid_t pid)
{
	return has_name(pid, "KIO::Worker");
}

static pid_t process_of(pid_t pid)
{
	AUTOFREE char *path = text_format("/proc/%d/status", (int)pid);
	AUTOFCLOSE FILE *status = path ? fopen(path, "re") : NULL;
	char line[128];
	int process = 0;

	while (status && !process && fgets(line, sizeof(line), status))
		sscanf(line, "Tgid: %d", &process);
	return process;
}

/* --- which new directory a thread is at --- */

/* By thread, each as the thread and the directory; one that shares its place with another
 * is forgotten. */
static _Atomic uint64_t at_work[1024];

static _Atomic uint64_t *place_of(pid_t pid)
{
	return &at_work[(size_t)pid % ARRAY_SIZE(at_work)];
}

static uint64_t work_at(const struct node *directory, pid_t pid)
{
	return (uint64_t)pid << 32 | (uint32_t)directory->inode;
}

static bool is_at_work(pid_t pid)
{
	return pid && atomic_load_explicit(place_of(pid), memory_order_relaxed) >> 32 ==
			      (uint64_t)pid;
}

static bool is_at(const struct node *directory, pid_t pid)
{
	return atomic_load_explicit(place_of(pid), memory_order_relaxed) ==
	       work_at(directory, pid);
}

void copier_turned(const struct node *where, pid_t pid)
{
	if (is_at_work(pid) && (!where || !is_at(where, pid)))
		atomic_store_explicit(place_of(pid), 0, memory_order_relaxed);
}

/* --- what they do --- */

/* Whether it follows at once on what that thread did there before. */
static bool is_next(const struct node *directory, pid_t pid)
{
	int64_t worked_ms = atomic_load(&((struct node *)directory)->worked_ms);

	return is_at(directory, pid) && clock_boot_ms() - worked_ms < NEXT_MS;
}

static void work(struct node *directory)
{
	atomic_store(&directory->worked_ms, clock_boot_ms());
}

void copier_made_directory(struct node *directory, pid_t pid)
{
	work(directory);
	atomic_store_explicit(place_of(pid), work_at(directory, pid),
			      memory_order_relaxed);
}

void copier_made(struct node *directory, const char *name, pid_t pid)
{
	bool is_copied = is_next(directory, pid);

	if (is_copied)
		work(directory);
	if (!name_is_trigger(name))
		return;
	atomic_store(&directory->asking_ms, 0);
	atomic_store(&directory->is_copied, is_copied);
	atomic_store(&directory->trigger_ms, clock_boot_ms());
	atomic_store(&directory->trigger_maker, pid);
}

static void visit_finished(void *context, struct node *parent, const char *name)
{
	const pid_t *pid = context;

	(void)name;
	if (is_at(parent, *pid))
		work(parent);
}

void copier_finished(struct nodes *nodes, struct node *file, pid_t pid)
{
	if (is_at_work(pid))
		nodes_each_name(nodes, file, visit_finished, &pid);
}

enum copier {
	COPIER_NONE,
	COPIER_PERHAPS, /* or a script that looks whether something is there */
	COPIER_KNOWN,
};

static enum copier which_copier(struct node *directory, pid_t pid)
{
	pid_t maker = atomic_load(&directory->trigger_maker);
	bool is_known = false;

	if (is_of_kde(pid))
		is_known = pid == maker || (pid != atomic_load(&directory->lister) &&
					    process_of(pid) == process_of(maker));
	else if (pid == maker && is_of_glib(pid))
		is_known = atomic_load(&directory->is_copied) && is_next(directory, pid);
	else if (pid == maker)
		return COPIER_PERHAPS;
	return is_known ? COPIER_KNOWN : COPIER_NONE;
}

bool copier_finds(struct node *directory, const char *name, pid_t pid)
{
	int64_t now_ms = clock_boot_ms();
	enum copier copier;

	if (!pid || !atomic_load(&directory->trigger_maker) || !name_tells_copy(name) ||
	    now_ms - atomic_load(&directory->trigger_ms) >= RECENT_MS)
		return true;
	copier = which_copier(directory, pid);
	if (copier != COPIER_NONE)
		atomic_store(&directory->asking_ms, now_ms);
	return copier != COPIER_KNOWN;
}

void copier_opened(struct node *directory, pid_t pid)
{
	if (atomic_load(&directory->trigger_maker) != pid)
		return;
	if (atomic_load(&directory->asking_ms) && is_of_glib(pid))
		return; /* libfm looks into the file, to ask with its icon */
	atomic_store(&directory->trigger_maker, 0);
	atomic_store(&directory->asking_ms, 0);
}

void copier_listed(struct node *directory, pid_t pid)
{
	copier_turned(NULL, pid);
	atomic_store(&directory->lister, pid);
	if (!atomic_load(&directory->asking_ms)) /* KDE's do other work meanwhile */
		copier_opened(directory, pid);
}

int64_t copier_asks_ms(const struct node *directory)
{
	int64_t since_ms = atomic_load(&((struct node *)directory)->asking_ms);

	return since_ms ? clock_boot_ms() - since_ms : -1;
}
