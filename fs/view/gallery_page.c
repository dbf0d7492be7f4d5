#include "fs/view/gallery_page.h"

#include "backend/base/base64.h"
#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/text.h"
#include "fs/view/gallery_template.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define PAGE_CEILING (256u << 20)
#define NAME_MAX_BYTES 300
#define NOTE_MAX_BYTES 300
#define RELOAD_LEAST_S 4
#define RELOAD_AT_REST_S 12    /* only a new order can change it */
#define CARDS_PER_RELOAD_S 250 /* a long page takes longer to read */

struct page {
	struct buffer text;
	const struct gallery_card *cards;
	size_t count, unfinished;
};

/* --- texts --- */

static void add_escaped(struct buffer *text, const char *raw)
{
	for (; *raw; raw++) {
		size_t plain = strcspn(raw, "&<>\"'");

		buffer_append(text, raw, plain);
		raw += plain;
		if (!*raw)
			return;
		buffer_addf(text, "&#%d;", *raw);
	}
}

/* A text from outside, on one line. */
static void add_text(struct buffer *text, const char *raw, size_t max_bytes)
{
	AUTOFREE char *clean = text_clean(raw, max_bytes);

	add_escaped(text, clean ? clean : "");
}

/* A path as a URL relative to the page, safe for any bytes in the path. */
static void add_path(struct buffer *text, const char *path, const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";

	for (; *path; path++) {
		if (strchr(plain, *path))
			buffer_append(text, path, 1);
		else
			buffer_addf(text, "%%%02X", (unsigned char)*path);
	}
	buffer_addf(text, "/%s", name);
}

/* --- cards --- */

static bool is_unfinished(enum task_state state)
{
	return state == TASK_PENDING || task_is_active(state);
}

static void add_screen(struct buffer *text, const struct gallery_card *card)
{
	buffer_add(text, "<div class=\"screen\">");
	if (card->frame) {
		buffer_add(text,
			   "<img loading=\"lazy\" decoding=\"async\" alt=\"\" src=\"");
		add_path(text, card->path, card->frame);
		buffer_add(text, "\">");
	} else {
		buffer_add(text, "<div class=\"none\"></div>");
	}
	if (card->has_video) {
		buffer_add(text, "<video controls preload=\"none\" playsinline src=\"");
		add_path(text, card->path, "video.mp4");
		if (card->frame) {
			buffer_add(text, "\" data-poster=\"");
			add_path(text, card->path, card->frame);
		}
		buffer_add(text, "\"></video><span class=\"play\"></span>");
	}
	buffer_add(text, "</div>\n");
}

/*
 * The folder's name as a link to it, with its parent directories in a lighter style
 * before it.
 */
static void add_name(struct buffer *text, const struct gallery_card *card)
{
	const char *slash = strrchr(card->path, '/');
	AUTOFREE char *above =
		slash ? strndup(card->path, (size_t)(slash + 1 - card->path)) : NULL;

	buffer_add(text, "<h2><a href=\"");
	add_path(text, card->path, "");
	buffer_add(text, "\">");
	if (above) {
		buffer_add(text, "<small>");
		add_text(text, above, NAME_MAX_BYTES);
		buffer_add(text, "</small>");
	}
	add_text(text, slash ? slash + 1 : card->path, NAME_MAX_BYTES);
	buffer_add(text, "</a></h2>");
}

static void add_state(struct buffer *text, const struct gallery_card *card)
{
	bool tells = task_is_active(card->state) && card->progress >= 0;
	int percent = card->progress > 100 ? 100 : card->progress;

	buffer_addf(text, "<span class=\"state\">%s", task_state_word(card->state));
	if (tells)
		buffer_addf(text, " %d%%", percent);
	buffer_add(text, "</span></div>\n");
	if (tells)
		buffer_addf(text, "<progress max=\"100\" value=\"%d\"></progress>\n",
			    percent);
}

static void add_paragraph(struct buffer *text, const char *head, const char *raw,
			  size_t max_bytes)
{
	if (!raw || !*raw)
		return;
	buffer_addf(text, "<p %s>", head);
	add_text(text, raw, max_bytes);
	buffer_add(text, "</p>\n");
}

static void add_created(struct buffer *text, int64_t created_ms)
{
	time_t seconds = (time_t)(created_ms / 1000);
	char local[40], machine[40];
	struct tm tm;

	if (!created_ms || !gmtime_r(&seconds, &tm))
		return;
	strftime(machine, sizeof(machine), "%Y-%m-%dT%H:%M:%SZ", &tm);
	localtime_r(&seconds, &tm);
	strftime(local, sizeof(local), "%Y-%m-%d %H:%M", &tm);
	buffer_addf(text, "<time datetime=\"%s\">%s</time>", machine, local);
}

/* When it was made, and by which provider and model. */
static void add_made(struct buffer *text, const struct gallery_card *card)
{
	buffer_add(text, "<p class=\"made\">");
	add_created(text, card->created_ms);
	if (card->model && *card->model) {
		buffer_add(text, " · ");
		add_text(text, card->model, NAME_MAX_BYTES);
	}
	if (card->provider && *card->provider) {
		buffer_add(text, " · ");
		add_text(text, card->provider, NAME_MAX_BYTES);
		buffer_add(text, card->is_simulated ? " (simulator)" : "");
	}
	buffer_add(text, "</p>\n");
}

static void add_card(struct buffer *text, const struct gallery_card *card)
{
	buffer_addf(text, "<article id=\"task-%" PRIu64 "\" class=\"%s\">\n",
		    card->number, task_state_word(card->state));
	add_screen(text, card);
	buffer_add(text, "<div class=\"text\">\n<div class=\"head\">");
	add_name(text, card);
	add_state(text, card);
	add_paragraph(text, "class=\"prompt\" tabindex=\"0\"", card->prompt,
		      SIZE_MAX / 2);
	add_paragraph(text, "class=\"note\"", card->note, NOTE_MAX_BYTES);
	add_made(text, card);
	buffer_add(text, "</div>\n</article>\n");
}

/* --- the template's placeholders --- */

/* The digest of the template's text between two markers, as a source for the policy. */
static void add_digest(struct buffer *text, const char *begin, const char *end)
{
	const char *from = strstr(gallery_template, begin);
	const char *to = from ? strstr(from, end) : NULL;
	char hex[SHA256_HEX], base64[BASE64_SIZE(SHA256_BYTES)];
	unsigned char bytes[SHA256_BYTES];

	if (!to)
		return;
	from += strlen(begin);
	if (digest_bytes(DIGEST_SHA256, from, (size_t)(to - from), hex))
		return;
	for (size_t i = 0; i < sizeof(bytes); i++)
		sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
	base64_encode(bytes, sizeof(bytes), base64);
	buffer_addf(text, "'sha256-%s'", base64);
}

static void put_policy(struct page *page)
{
	buffer_add(&page->text,
		   "default-src 'none'; base-uri 'none'; form-action 'none'; "
		   "img-src 'self' file:; media-src 'self' file:; style-src ");
	add_digest(&page->text, "<style>", "</style>");
	buffer_add(&page->text, "; script-src ");
	add_digest(&page->text, "<script>", "</script>");
}

static size_t reload_s(const struct page *page)
{
	bool is_at_rest = page->count && !page->unfinished;

	return (is_at_rest ? RELOAD_AT_REST_S : RELOAD_LEAST_S) +
	       page->count / CARDS_PER_RELOAD_S;
}

static void put_reload(struct page *page)
{
	buffer_addf(&page->text, "%zu", reload_s(page));
}

/* For browsers without scripts. */
static void put_refresh(struct page *page)
{
	buffer_addf(&page->text,
		    "<noscript><meta http-equiv=\"refresh\" content=\"%zu\">"
		    "</noscript>\n",
		    2 * reload_s(page));
}

static void put_title(struct page *page)
{
	buffer_add(&page->text, page->unfinished ? "Seedance …" : "Seedance");
}

static size_t count_state(const struct page *page, enum task_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < page->count; i++)
		count += page->cards[i].state == state;
	return count;
}

/* "12 tasks: 9 succeeded, 1 running, 2 pending" */
static void put_summary(struct page *page)
{
	static const enum task_state states[] = {
		TASK_SUCCEEDED, TASK_RUNNING, TASK_QUEUED,  TASK_SUBMITTING,
		TASK_PENDING,	TASK_FAILED,  TASK_EXPIRED, TASK_CANCELLED,
		TASK_INVALID,	TASK_UNKNOWN,
	};
	const char *before = ": ";

	if (!page->count) {
		buffer_add(&page->text, "No tasks yet");
		return;
	}
	buffer_addf(&page->text, "%zu %s", page->count,
		    page->count == 1 ? "task" : "tasks");
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		size_t count = count_state(page, states[i]);

		if (!count)
			continue;
		buffer_addf(&page->text, "%s%zu %s", before, count,
			    task_state_word(states[i]));
		before = ", ";
	}
}

static void put_cards(struct page *page)
{
	static const char empty[] =
		"<div class=\"empty\">\n<p>Make your first video.</p>\n<p>Create a "
		"folder next to this page, and describe the video in a file called "
		"prompt.txt inside it. The task appears here a moment "
		"later.</p>\n<pre>mkdir cat\necho 'A kitten yawning at the camera' &gt; "
		"cat/prompt.txt</pre>\n</div>\n";

	if (!page->count)
		buffer_add(&page->text, empty);
	for (size_t i = 0; i < page->count; i++)
		add_card(&page->text, &page->cards[i]);
}

static const struct {
	const char *name;
	void (*put)(struct page *page);
} places[] = {
	{ "policy}}", put_policy },   { "refresh}}", put_refresh },
	{ "title}}", put_title },     { "reload}}", put_reload },
	{ "summary}}", put_summary }, { "cards}}", put_cards },
};

/* Fills a placeholder. Returns where the template continues. */
static const char *fill(struct page *page, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (text_starts_with(name, places[i].name)) {
			places[i].put(page);
			return name + strlen(places[i].name);
		}
	return name;
}

char *gallery_page(const struct gallery_card *cards, size_t count)
{
	struct page page = { .text = BUFFER_INIT(PAGE_CEILING),
			     .cards = cards,
			     .count = count };
	const char *at = gallery_template, *next;
	char *text;

	for (size_t i = 0; i < count; i++)
		page.unfinished += is_unfinished(cards[i].state);
	while ((next = strstr(at, "{{"))) {
		buffer_append(&page.text, at, (size_t)(next - at));
		at = fill(&page, next + 2);
	}
	buffer_add(&page.text, at);
	text = buffer_take(&page.text);
	buffer_clear(&page.text);
	return text;
}
