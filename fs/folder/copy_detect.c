#include "fs/folder/copy_detect.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "fs/tree/names.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>

/* From one file to the next: 1 to 5 ms were seen, which a busy machine stretches. Where
 * somebody listed the directory meanwhile, it may be a window that looks at what came, or
 * a person who goes on in a new folder. */
#define NEXT_MS 5000
#define NEXT_LISTED_MS 300
#define RECENT_MS 60000 /* a copier that goes on does so much sooner */

/* --- threads --- */

#define NAME_SIZE 16 /* the kernel keeps no more of a thread's name */

static void read_name(pid_t pid, char ret_name[NAME_SIZE])
{
	AUTOFREE char *path = text_format("/proc/%d/comm", (int)pid);
	AUTOFCLOSE FILE *comm = path ? fopen(path, "re") : NULL;

	if (!comm || !fgets(ret_name, NAME_SIZE, comm))
		*ret_name = '\0';
}

/* GLib's programs copy, and look at what came to show it, on threads of one pool: one may
 * do both. They are called pool-PROGRAM; Java's are pool-1-thread-1. */
static bool is_of_glib(pid_t pid)
{
	char name[NAME_SIZE];

	read_name(pid, name);
	return text_starts_with(name, "pool") &&
	       !(text_starts_with(name, "pool-") && isdigit((unsigned char)name[5]));
}

/* KDE's programs hand each file to any of their workers. */
static bool is_of_kde(pid_t pid)
{
	char name[NAME_SIZE];

	read_name(pid, name);
	return text_starts_with(name, "KIO::Worker");
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

/* --- what they do --- */

/* Whether it follows on what that thread did in the directory, which it made, before. */
static bool goes_on(const struct node *directory, pid_t pid)
{
	struct node *at = (struct node *)directory;
	int64_t most_ms = atomic_load(&at->is_listed) ? NEXT_LISTED_MS : NEXT_MS;

	return pid && atomic_load(&at->maker) == pid &&
	       clock_boot_ms() - atomic_load(&at->worked_ms) < most_ms;
}

static void work(struct node *directory)
{
	atomic_store(&directory->worked_ms, clock_boot_ms());
}

void copy_detect_made_directory(struct node *directory, pid_t pid)
{
	work(directory);
	atomic_store(&directory->is_listed, false);
	atomic_store(&directory->trigger_maker, 0);
	atomic_store(&directory->maker, pid);
}

void copy_detect_made(struct node *directory, const char *name, pid_t pid)
{
	bool is_copied = goes_on(directory, pid);

	if (is_copied)
		work(directory);
	if (!name_is_trigger(name))
		return;
	atomic_store(&directory->asking_ms, 0);
	atomic_store(&directory->is_copied, is_copied);
	atomic_store(&directory->trigger_ms, clock_boot_ms());
	atomic_store(&directory->trigger_maker, pid);
}

static void visit_work(void *context, struct node *parent, const char *name)
{
	const pid_t *pid = context;

	(void)name;
	if (*pid && atomic_load(&parent->maker) == *pid)
		work(parent);
}

void copy_detect_finished(struct nodes *nodes, struct node *node, pid_t pid)
{
	if (node->type == S_IFDIR && atomic_load(&node->maker) == pid)
		atomic_store(&node->maker, 0);
	nodes_each_name(nodes, node, visit_work, &pid);
}

static void visit_rewritten(void *context, struct node *parent, const char *name)
{
	(void)context;
	if (name_is_trigger(name))
		copy_detect_answered(parent);
}

void copy_detect_rewritten(struct nodes *nodes, struct node *file)
{
	nodes_each_name(nodes, file, visit_rewritten, NULL);
}

void copy_detect_answered(struct node *directory)
{
	atomic_store(&directory->trigger_maker, 0);
	atomic_store(&directory->asking_ms, 0);
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
		is_known = atomic_load(&directory->is_copied) && goes_on(directory, pid);
	else if (pid == maker)
		return COPIER_PERHAPS;
	return is_known ? COPIER_KNOWN : COPIER_NONE;
}

bool copy_detect_finds(struct node *directory, const char *name, pid_t pid)
{
	int64_t now_ms = clock_boot_ms();
	enum copier copier;

	if (!pid || !atomic_load(&directory->trigger_maker) || !name_tells_copy(name) ||
	    now_ms - atomic_load(&directory->trigger_ms) >= RECENT_MS)
		return true;
	copier = which_copier(directory, pid);
	if (copier == COPIER_PERHAPS)
		atomic_store(&directory->asking_ms, now_ms);
	return copier != COPIER_KNOWN;
}

void copy_detect_opened(struct node *directory, pid_t pid)
{
	if (atomic_load(&directory->trigger_maker) == pid)
		copy_detect_answered(directory);
}

void copy_detect_listed(struct node *directory, pid_t pid)
{
	atomic_store(&directory->lister, pid);
	if (atomic_load(&directory->maker) == pid)
		atomic_store(&directory->maker, 0);
	else
		atomic_store(&directory->is_listed, true);
	copy_detect_opened(directory, pid);
}

int64_t copy_detect_asks_ms(const struct node *directory)
{
	int64_t since_ms = atomic_load(&((struct node *)directory)->asking_ms);

	return since_ms ? clock_boot_ms() - since_ms : -1;
}
