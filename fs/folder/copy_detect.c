#include "fs/folder/copy_detect.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "fs/folder/folder_internal.h"
#include "fs/tree/names.h"

#include <fnmatch.h>
#include <stdatomic.h>
#include <stdio.h>

/*
 * From one file to the next: 1 to 5 ms were measured; a busy machine takes longer. If
 * another program has listed the directory meanwhile, the lookup may come from a window
 * that inspects new files, or from a person who continues in a new folder.
 */
#define NEXT_MS 5000
#define NEXT_LISTED_MS 300
#define RECENT_MS 60000 /* a copier continues much sooner */

/* --- programs --- */

enum program {
	PROGRAM_OTHER,
	PROGRAM_GLIB, /* copies and inspects new files for display on one thread pool */
	PROGRAM_KDE,  /* hands each file to any of its workers */
};

/* By thread name; the first matching pattern counts. */
static const struct {
	const char *thread;
	enum program program;
} programs[] = {
	{ "pool-[0-9]*", PROGRAM_OTHER }, /* Java: pool-1-thread-1 */
	{ "pool*", PROGRAM_GLIB },	  /* pool-nautilus, pool-spawner, pool */
	{ "KIO::Worker*", PROGRAM_KDE },
};

#define NAME_SIZE 16 /* the kernel keeps at most this much of a thread's name */

static void read_name(pid_t pid, char ret_name[NAME_SIZE])
{
	AUTOFREE char *path = text_format("/proc/%d/comm", (int)pid);
	AUTOFCLOSE FILE *comm = path ? fopen(path, "re") : NULL;

	if (!comm || !fgets(ret_name, NAME_SIZE, comm))
		*ret_name = '\0';
}

static enum program program_of(pid_t pid)
{
	char name[NAME_SIZE];

	read_name(pid, name);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (!fnmatch(programs[i].thread, name, 0))
			return programs[i].program;
	return PROGRAM_OTHER;
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

/* --- actions --- */

static struct copy_trace *trace_of(const struct node *directory)
{
	return &directory_state(directory)->trace;
}

/*
 * Whether this thread made the directory, still copies into it, and continues soon
 * enough.
 */
static bool goes_on(struct copy_trace *trace, pid_t pid)
{
	int64_t most_ms = atomic_load(&trace->is_listed) ? NEXT_LISTED_MS : NEXT_MS;

	return pid && atomic_load(&trace->maker) == pid &&
	       clock_boot_ms() - atomic_load(&trace->worked_ms) < most_ms;
}

static void work(struct copy_trace *trace)
{
	atomic_store(&trace->worked_ms, clock_boot_ms());
}

static void made_directory(struct copy_trace *trace, pid_t pid)
{
	work(trace);
	atomic_store(&trace->is_listed, false);
	atomic_store(&trace->trigger_maker, 0);
	atomic_store(&trace->maker, pid);
}

static void made_name(struct copy_trace *trace, const char *name, pid_t pid)
{
	bool is_copied = goes_on(trace, pid);

	if (is_copied)
		work(trace);
	if (!name_is_trigger(name))
		return;
	atomic_store(&trace->asking_ms, 0);
	atomic_store(&trace->is_copied, is_copied);
	atomic_store(&trace->trigger_ms, clock_boot_ms());
	atomic_store(&trace->trigger_maker, pid);
}

static void forget_trigger(struct copy_trace *trace)
{
	atomic_store(&trace->trigger_maker, 0);
	atomic_store(&trace->asking_ms, 0);
}

static void visit_rewritten(void *context, struct node *parent, const char *name)
{
	(void)context;
	if (name_is_trigger(name))
		forget_trigger(trace_of(parent));
}

static void visit_work(void *context, struct node *parent, const char *name)
{
	const pid_t *pid = context;
	struct copy_trace *trace = trace_of(parent);

	(void)name;
	if (*pid && atomic_load(&trace->maker) == *pid)
		work(trace);
}

static void set_attributes(struct nodes *nodes, struct node *node, pid_t pid)
{
	if (node->type == S_IFDIR && atomic_load(&trace_of(node)->maker) == pid)
		atomic_store(&trace_of(node)->maker, 0);
	nodes_each_name(nodes, node, visit_work, &pid);
}

static void opened(struct copy_trace *trace, pid_t pid)
{
	if (atomic_load(&trace->trigger_maker) == pid)
		forget_trigger(trace);
}

static void listed(struct copy_trace *trace, pid_t pid)
{
	atomic_store(&trace->lister, pid);
	if (atomic_load(&trace->maker) == pid)
		atomic_store(&trace->maker, 0);
	else
		atomic_store(&trace->is_listed, true);
	opened(trace, pid);
}

/* --- lookups --- */

enum copier {
	COPIER_NONE,
	COPIER_PERHAPS, /* or a script that checks for a file */
	COPIER_KNOWN,
};

static enum copier which_copier(struct copy_trace *trace, pid_t pid)
{
	pid_t maker = atomic_load(&trace->trigger_maker);
	enum program program = program_of(pid);
	bool is_known = false;

	if (program == PROGRAM_KDE)
		is_known = pid == maker || (pid != atomic_load(&trace->lister) &&
					    process_of(pid) == process_of(maker));
	else if (pid == maker && program == PROGRAM_GLIB)
		is_known = atomic_load(&trace->is_copied) && goes_on(trace, pid);
	else if (pid == maker)
		return COPIER_PERHAPS;
	return is_known ? COPIER_KNOWN : COPIER_NONE;
}

static bool finds(struct copy_trace *trace, const char *name, pid_t pid)
{
	int64_t now_ms = clock_boot_ms();
	enum copier copier;

	if (!pid || !atomic_load(&trace->trigger_maker) || !name_tells_copy(name) ||
	    now_ms - atomic_load(&trace->trigger_ms) >= RECENT_MS)
		return true;
	copier = which_copier(trace, pid);
	if (copier == COPIER_PERHAPS)
		atomic_store(&trace->asking_ms, now_ms);
	return copier != COPIER_KNOWN;
}

bool copy_detect(struct nodes *nodes, const struct copy_event *event)
{
	struct node *node = event->node;

	switch (event->action) {
	case COPY_MADE_DIRECTORY:
		made_directory(trace_of(node), event->pid);
		break;
	case COPY_MADE_NAME:
		made_name(trace_of(node), event->name, event->pid);
		break;
	case COPY_REWROTE:
		nodes_each_name(nodes, node, visit_rewritten, NULL);
		break;
	case COPY_SET_ATTRIBUTES:
		set_attributes(nodes, node, event->pid);
		break;
	case COPY_OPENED:
		opened(trace_of(node), event->pid);
		break;
	case COPY_LISTED:
		listed(trace_of(node), event->pid);
		break;
	case COPY_DECIDED:
		forget_trigger(trace_of(node));
		break;
	case COPY_LOOKED_UP:
		return finds(trace_of(node), event->name, event->pid);
	}
	return true;
}

int64_t copy_detect_asks_ms(const struct node *directory)
{
	int64_t since_ms = atomic_load(&trace_of(directory)->asking_ms);

	return since_ms ? clock_boot_ms() - since_ms : -1;
}
