#include "backend/ledger/lists_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

char *ledger_print_outputs(const struct task_view *view)
{
	AUTOJSON *list = json_new_array();

	for (int i = 0; i < OUTPUT_COUNT; i++) {
		const struct output *output = &view->outputs[i];
		struct json *item = json_new_object();

		if (json_put_bool(item, "ready", output->is_ready) ||
		    json_put_bool(item, "dead", output->is_dead) ||
		    json_put_bool(item, "whole", output->is_whole) ||
		    json_put_bool(item, "lost", output->is_lost) ||
		    json_put_bool(item, "refetched", output->is_refetched) ||
		    json_put_bool(item, "removed", output->is_removed) ||
		    json_put_int64(item, "size", (int64_t)output->size) ||
		    json_put_int64(item, "version", output->version) ||
		    json_put_int64(item, "mtime", output->mtime) ||
		    json_put_string(item, "url", output->url) ||
		    json_put_string(item, "etag", output->etag)) {
			json_free(item);
			return NULL;
		}
		if (json_push(list, item))
			return NULL;
	}
	return json_print(list);
}

static void read_output(const struct json *item, struct task_view *view,
			struct output *output)
{
	int64_t number = 0;

	json_to_bool(json_get(item, "ready"), &output->is_ready);
	json_to_bool(json_get(item, "dead"), &output->is_dead);
	json_to_bool(json_get(item, "whole"), &output->is_whole);
	json_to_bool(json_get(item, "lost"), &output->is_lost);
	json_to_bool(json_get(item, "refetched"), &output->is_refetched);
	json_to_bool(json_get(item, "removed"), &output->is_removed);
	if (json_to_int64(json_get(item, "size"), &number))
		output->size = (uint64_t)number;
	if (json_to_int64(json_get(item, "version"), &number))
		output->version = (uint32_t)number;
	json_to_int64(json_get(item, "mtime"), &output->mtime);
	task_set_text(view, &output->url, json_get_string(item, "url"));
	task_set_text(view, &output->etag, json_get_string(item, "etag"));
}

/*
 * A text that is not JSON counts as no list. -ENOMEM is reported, because the text may be
 * a list.
 */
static int parse_list(const char *text, struct json **ret_list)
{
	return text && json_parse(text, strlen(text), ret_list, NULL) == -ENOMEM ? -ENOMEM
										 : 0;
}

int ledger_read_outputs(const char *text, struct task_view *view)
{
	AUTOJSON *list = NULL;
	const struct json *item;
	int i = 0;

	if (parse_list(text, &list))
		return -ENOMEM;
	for (item = json_first(list); item && i < OUTPUT_COUNT; item = json_next(item))
		read_output(item, view, &view->outputs[i++]);
	return view->failure;
}

/* File names can contain any bytes, but JSON texts are UTF-8. */
static char *hex_of(const char *name)
{
	size_t size = strlen(name ? name : "");
	char *hex = malloc(2 * size + 1);

	if (!hex)
		return NULL;
	for (size_t i = 0; i < size; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)name[i]);
	hex[2 * size] = '\0';
	return hex;
}

/* *ret_name is NULL if the text is not hexadecimal. 0 or -ENOMEM. */
static int name_of_hex(const char *hex, char **ret_name)
{
	size_t digits = strlen(hex);
	char *name;

	*ret_name = NULL;
	if (digits % 2 || strspn(hex, "0123456789abcdef") != digits)
		return 0;
	name = calloc(1, digits / 2 + 1);
	if (!name)
		return -ENOMEM;
	for (size_t i = 0; i < digits / 2; i++)
		name[i] = (char)strtoul((char[]){ hex[2 * i], hex[2 * i + 1], '\0' },
					NULL, 16);
	*ret_name = name;
	return 0;
}

/*
 * Device and inode numbers are stored as texts, because JSON numbers are exact to 53 bits
 * only.
 */
char *ledger_print_locked(const struct task_view *view)
{
	AUTOJSON *list = json_new_array();

	for (size_t i = 0; i < view->locked_count; i++) {
		const struct locked_file *file = &view->locked[i];
		AUTOFREE char *inode =
			text_format("%" PRIu64 ":%" PRIu64, file->device, file->inode);
		AUTOFREE char *hex = hex_of(file->name);
		struct json *item = json_new_object();

		if (!hex || !inode || json_put_string(item, "name_hex", hex) ||
		    json_put_string(item, "inode", inode)) {
			json_free(item);
			return NULL;
		}
		if (json_push(list, item))
			return NULL;
	}
	return json_print(list);
}

struct locked_list {
	struct locked_file *files;
	size_t count;
};

static void clear_list(struct locked_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->files[i].name);
	free(list->files);
}

static int add_locked(struct locked_list *list, const struct json *item)
{
	const char *inode = json_get_string(item, "inode");
	const char *hex = json_get_string(item, "name_hex");
	const char *name = json_get_string(item, "name"); /* of earlier versions */
	struct locked_file file = { 0 }, *grown;

	if (!inode ||
	    sscanf(inode, "%" SCNu64 ":%" SCNu64, &file.device, &file.inode) != 2)
		return 0;
	grown = realloc(list->files, (list->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->files = grown;
	if (hex ? name_of_hex(hex, &file.name) : text_set(&file.name, name))
		return -ENOMEM;
	grown[list->count++] = file;
	return 0;
}

int ledger_read_locked(const char *text, struct task_view *view)
{
	__attribute__((cleanup(clear_list))) struct locked_list list = { 0 };
	AUTOJSON *array = NULL;
	int r = parse_list(text, &array);

	for (const struct json *item = json_first(array); !r && item;
	     item = json_next(item))
		r = add_locked(&list, item);
	if (r)
		return r;
	task_set_locked(view, list.files, list.count);
	return view->failure;
}
