/* Each image, video and sound: how it is sent, and its limits. */
#include "backend/models/fit_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define LIST_MAX_BYTES 1024
#define TYPE_MAX_BYTES 100

static unsigned ways_of(const struct provider *provider, enum request_content_type type)
{
	return type == CONTENT_VIDEO   ? provider->video
	       : type == CONTENT_AUDIO ? provider->audio
				       : provider->image;
}

static const char *plural_of(enum request_content_type type)
{
	return type == CONTENT_VIDEO   ? "videos"
	       : type == CONTENT_AUDIO ? "audio files"
				       : "images";
}

static bool takes_kind(const struct provider *provider, unsigned type)
{
	return ways_of(provider, (enum request_content_type)type) != 0;
}

static bool is_data(const char *url)
{
	return text_starts_with(url, "data:");
}

/*
 * The forms in which an item can be sent. A local file has two forms; a URL can be sent
 * as a file, since the backend downloads it.
 */
static unsigned ways_that_do(const struct request_content *item)
{
	if (item->shot.number && item->file.fd < 0 && !item->url)
		return ~0u; /* known once the output exists */
	if (!item->url)
		return MEDIA_BY_DATA | MEDIA_BY_FILE;
	if (item->file.fd >= 0)
		return MEDIA_BY_URL | MEDIA_BY_FILE | MEDIA_BY_DATA;
	if (is_data(item->url))
		return MEDIA_BY_DATA;
	if (text_starts_with(item->url, "asset:"))
		return MEDIA_BY_ASSET;
	return MEDIA_BY_URL | MEDIA_BY_FILE;
}

static void add_ways(struct buffer *text, unsigned ways)
{
	static const struct {
		unsigned way;
		const char *word;
	} words[] = {
		{ MEDIA_BY_URL | MEDIA_BY_FILE, "https://…" },
		{ MEDIA_BY_DATA, "data:…" },
		{ MEDIA_BY_DATA | MEDIA_BY_FILE, "a file in the folder" },
		{ MEDIA_BY_ASSET, "asset://ID" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].way & ways)
			buffer_addf(text, "%s%s", text->size ? ", " : "", words[i].word);
}

static int refuse_way(struct fit *fit, size_t index, unsigned ways)
{
	const struct request_content *item = &fit->request->content[index];
	AUTOBUFFER allowed = BUFFER_INIT(LIST_MAX_BYTES);
	AUTOFREE char *name = fit_item_name(fit, index);

	add_ways(&allowed, ways);
	return fit_refuse(fit, "%s is %s; allowed for %s at %s: %s", name,
			  !item->url				  ? "a local file"
			  : is_data(item->url)			  ? "a data URL"
			  : text_starts_with(item->url, "asset:") ? "an asset URL"
								  : "a URL",
			  plural_of(item->type), fit->title, allowed.data);
}

int fit_check_kind(struct fit *fit, size_t index)
{
	enum request_content_type type = fit->request->content[index].type;
	AUTOFREE char *name = NULL, *others = NULL;

	if (takes_kind(fit->provider, type))
		return 0;
	name = fit_item_name(fit, index);
	others = fit_services_with(takes_kind, type);
	return fit_refuse(fit, "%s: %s does not support %s%s", name, fit->title,
			  plural_of(type), others);
}

static int check_way(struct fit *fit, size_t index)
{
	const struct request_content *item = &fit->request->content[index];
	unsigned ways = ways_of(fit->provider, item->type);
	int r = fit_check_kind(fit, index);

	if (r || ways & ways_that_do(item))
		return r;
	return refuse_way(fit, index, ways);
}

static int refuse_type(struct fit *fit, size_t index, const char *type,
		       const struct json *types)
{
	AUTOBUFFER allowed = BUFFER_INIT(LIST_MAX_BYTES);
	AUTOFREE char *name = fit_item_name(fit, index);

	fit_add_words(&allowed, types);
	return fit_refuse(fit, "%s has the type \"%.*s\"; allowed at %s: %s", name,
			  TYPE_MAX_BYTES, type, fit->title,
			  allowed.size ? allowed.data : "none");
}

static int check_bytes(struct fit *fit, size_t index, uint64_t bytes,
		       const struct json *limits)
{
	AUTOFREE char *name = NULL;
	int64_t most = INT64_MAX;

	json_to_int64(json_get(limits, "bytes"), &most);
	if (bytes <= (uint64_t)most)
		return 0;
	name = fit_item_name(fit, index);
	return fit_refuse(fit, "%s has %" PRIu64 " bytes; allowed at %s: up to %" PRId64,
			  name, bytes, fit->title, most);
}

static int check_sides(struct fit *fit, size_t index, const struct json *limits)
{
	const struct request_file *file = &fit->request->content[index].file;
	AUTOFREE char *name = NULL;
	int64_t least = 0, most = INT64_MAX;

	rules_narrow(json_get(limits, "side"), &least, &most);
	if (file->width >= least && file->width <= most && file->height >= least &&
	    file->height <= most)
		return 0;
	name = fit_item_name(fit, index);
	return fit_refuse(fit,
			  "%s is %u x %u pixels; allowed at %s: each side %" PRId64
			  " to %" PRId64,
			  name, file->width, file->height, fit->title, least, most);
}

/* Width divided by height; both limits are exclusive. */
static int check_aspect(struct fit *fit, size_t index, const struct json *limits)
{
	const struct request_file *file = &fit->request->content[index].file;
	const struct json *range = json_get(limits, "aspect");
	double aspect = (double)file->width / file->height;
	AUTOFREE char *name = NULL;
	double least, most;

	if (!range || !json_to_number(json_first(range), &least) ||
	    !json_to_number(json_next(json_first(range)), &most) ||
	    (aspect > least && aspect < most))
		return 0;
	name = fit_item_name(fit, index);
	return fit_refuse(fit,
			  "%s is %u x %u pixels, an aspect ratio of %.3g; allowed at %s: "
			  "more than %g and less than %g",
			  name, file->width, file->height, aspect, fit->title, least,
			  most);
}

static int check_file(struct fit *fit, size_t index, const struct json *limits)
{
	const struct request_file *file = &fit->request->content[index].file;
	const struct json *types = json_get(limits, "types");
	int r;

	if (file->mime && !rules_list_allows(types, file->mime))
		return refuse_type(fit, index, file->mime, types);
	r = check_bytes(fit, index, file->size, limits);
	if (r || !file->width || !file->height)
		return r;
	r = check_sides(fit, index, limits);
	return r ? r : check_aspect(fit, index, limits);
}

/* "data:image/png;base64,…": the type in lower case, as the services require. */
static int check_data(struct fit *fit, size_t index, const struct json *limits)
{
	const char *type = fit->request->content[index].url + 5;
	const struct json *types = json_get(limits, "types");
	const char *comma = strchr(type, ',');
	size_t length = strcspn(type, ";,");
	AUTOFREE char *word = strndup(type, length);
	AUTOFREE char *name = NULL;

	if (!word)
		return -ENOMEM;
	if (!comma || comma - type < 7 || strncmp(comma - 7, ";base64", 7)) {
		name = fit_item_name(fit, index);
		return fit_refuse(fit,
				  "%s is a data URL without \";base64,\"; allowed: "
				  "data:TYPE;base64,…",
				  name);
	}
	if (!rules_list_allows(types, word))
		return refuse_type(fit, index, word, types);
	return check_bytes(fit, index, (uint64_t)strlen(comma + 1) / 4 * 3, limits);
}

static int check_item(struct fit *fit, size_t index)
{
	const struct request_content *item = &fit->request->content[index];
	const struct json *limits =
		json_get(rules_service(&fit->rules, "media"), fit_kind_word(item->type));
	int r = check_way(fit, index);

	if (r)
		return r;
	if (item->file.fd >= 0)
		return check_file(fit, index, limits);
	if (item->url && is_data(item->url) && !item->shot.number)
		return check_data(fit, index, limits);
	return 0;
}

/* The minimum that an item adds to the body: base64 makes four bytes of three. */
static uint64_t bytes_in_body(const struct fit *fit, const struct request_content *item)
{
	unsigned ways = ways_of(fit->provider, item->type);

	if (item->file.fd >= 0 && !(ways & MEDIA_BY_FILE))
		return (item->file.size + 2) / 3 * 4;
	if (item->file.fd >= 0)
		return item->file.size;
	return item->url ? strlen(item->url) : 0;
}

static int check_body(struct fit *fit)
{
	int64_t most = INT64_MAX;
	uint64_t bytes = 0;

	for (size_t i = 0; i < fit->request->content_count; i++)
		if (fit_is_media(&fit->request->content[i]))
			bytes += bytes_in_body(fit, &fit->request->content[i]);
	json_to_int64(rules_service(&fit->rules, "body"), &most);
	if (bytes <= (uint64_t)most)
		return 0;
	return fit_refuse(
		fit,
		"the media total %" PRIu64
		" bytes as sent (base64 adds a third); allowed at %s: up to %" PRId64
		"; use smaller files, or https:// URLs",
		bytes, fit->title, most);
}

int fit_media(struct fit *fit)
{
	int r = 0;

	for (size_t i = 0; i < fit->request->content_count && !r; i++)
		if (fit_is_media(&fit->request->content[i]))
			r = check_item(fit, i);
	return r ? r : check_body(fit);
}
