#include "backend/sim/render/film.h"

#include "backend/base/cleanup.h"
#include "backend/sim/render/wrap.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define PROMPT_LINES 9
#define ARGUMENT_CEILING 8192

/* The first three include Chinese, Japanese and Korean. */
static const char *const fonts[] = {
	"/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
	"/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
	"/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
	"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
	"/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
	"/usr/share/fonts/dejavu/DejaVuSans.ttf",
	"/usr/share/fonts/TTF/DejaVuSans.ttf",
	"/usr/share/fonts/truetype/freefont/FreeSans.ttf",
	"/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
	"/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
};

const char *film_font(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(fonts); i++)
		if (access(fonts[i], R_OK) == 0)
			return fonts[i];
	return NULL;
}

void film_command_clear(struct film_command *command)
{
	for (size_t i = 0; i < command->count; i++)
		free(command->arguments[i]);
	*command = (struct film_command){ .count = 0 };
}

__attribute__((format(printf, 2, 3))) static void add(struct film_command *command,
						      const char *format, ...)
{
	AUTOBUFFER text = BUFFER_INIT(ARGUMENT_CEILING);
	va_list arguments;

	va_start(arguments, format);
	buffer_vaddf(&text, format, arguments);
	va_end(arguments);
	if (command->count == FILM_ARGUMENTS_MAX)
		command->error = -E2BIG;
	if (command->error)
		return;
	command->arguments[command->count] = buffer_take(&text);
	if (!command->arguments[command->count])
		command->error = -ENOMEM;
	else
		command->count++;
}

static void add_all(struct film_command *command, const char *const *words)
{
	for (; *words; words++)
		add(command, "%s", *words);
}

/* If no frame arrives in the end, ffmpeg shall fail: the first frame was not usable. */
static void add_start(struct film_command *command)
{
	static const char *const words[] = {
		"ffmpeg",   "-nostdin",	 "-hide_banner",
		"-v",	    "error",	 "-y",
		"-threads", "1",	 "-filter_complex_threads",
		"1",	    "-abort_on", "empty_output_stream",
		NULL
	};

	*command = (struct film_command){ .count = 0 };
	add_all(command, words);
}

/* A dark colour derived from the task's id, so that films can be told apart. */
static uint32_t colour(const char *id)
{
	uint32_t hash = 2166136261u;

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619u;
	return 0x101820 + (hash & 0x5f5f5f);
}

static void add_source(struct film_command *command, const struct task *task,
		       bool with_background)
{
	const struct picture *picture = &task->picture;

	if (with_background) {
		add(command, "-i");
		add(command, "%s", picture->background);
		return;
	}
	add(command, "-f");
	add(command, "lavfi");
	add(command, "-i");
	add(command, "color=c=0x%06x:s=%dx%d:r=%d", colour(task->id), picture->width,
	    picture->height, FILM_FPS);
}

static void add_box_and_sound(struct film_command *command, const struct picture *picture)
{
	/* Bounded, so that a broken first frame cannot make ffmpeg wait forever. */
	double seconds = (double)picture->frames / FILM_FPS;
	int side = picture->height / 10 + 2;

	add(command, "-f");
	add(command, "lavfi");
	add(command, "-i");
	add(command, "color=c=0xe8a020:s=%dx%d:r=%d:d=%.5f", side, side, FILM_FPS,
	    seconds);
	if (!picture->has_audio)
		return;
	add(command, "-f");
	add(command, "lavfi");
	add(command, "-i");
	add(command, "sine=frequency=330:sample_rate=48000:d=%.5f", seconds);
}

static bool has_text(const struct picture *picture)
{
	return picture->prompt && picture->prompt[strspn(picture->prompt, " \t\r\n")];
}

static void add_still(struct buffer *graph, const struct picture *picture)
{
	const char *font = film_font();
	int height = picture->height, width = picture->width;
	int unit = height < width ? height : width;

	buffer_addf(
		graph,
		"[0:v]trim=end_frame=1,"
		"scale=%d:%d:force_original_aspect_ratio=increase,crop=%d:%d,setsar=1,"
		"format=yuv420p,",
		width, height, width, height);
	buffer_addf(graph,
		    "drawtext=fontfile=%s:text=SIMULATED:expansion=none:fontsize=%d:"
		    "fontcolor=white:borderw=2:bordercolor=black:x=(w-tw)/2:y=h/14,",
		    font ? font : "", unit / 8);
	buffer_addf(
		graph,
		"drawtext=fontfile=%s:textfile=" FILM_PROMPT_FILE
		":expansion=none:fontsize=%d:fontcolor=white:box=%d:boxcolor=black@0.4:"
		"boxborderw=%d:x=(w-tw)/2:y=(h-th)/2,",
		font ? font : "", unit / 20, has_text(picture), unit / 40);
	buffer_addf(graph, "loop=-1:1:0,setpts=N/%d/TB,fps=%d[still];", FILM_FPS,
		    FILM_FPS);
}

static void add_graph(struct film_command *command, const struct picture *picture)
{
	AUTOBUFFER graph = BUFFER_INIT(ARGUMENT_CEILING);
	const char *font = film_font();
	int unit = picture->height < picture->width ? picture->height : picture->width;

	add_still(&graph, picture);
	buffer_addf(&graph,
		    "[still][1:v]overlay=x='mod(t*W/5,W-w)':y=H-h-H/20,"
		    "drawtext=fontfile=%s:text='%%{n}':fontsize=%d:fontcolor=white:x=w/"
		    "40:y=h-th-h/40[v]",
		    font ? font : "", unit / 18);
	if (picture->has_audio)
		buffer_add(&graph, ";[2:a]volume=0.1[a]");
	add(command, "-filter_complex");
	add(command, "%s", graph.data ? graph.data : "");
	add(command, "-map");
	add(command, "[v]");
}

static void add_codecs(struct film_command *command, const struct picture *picture)
{
	static const char *const video[] = { "-c:v",	  "libx264", "-preset",
					     "ultrafast", "-g",	     "48",
					     "-pix_fmt",  "yuv420p", NULL };
	static const char *const audio[] = { "-map", "[a]", "-c:a", "aac",
					     "-b:a", "64k", NULL };

	add_all(command, video);
	if (picture->has_audio)
		add_all(command, audio);
	add(command, "-frames:v");
	add(command, "%d", picture->frames);
	add(command, "-t");
	add(command, "%.5f", (double)picture->frames / FILM_FPS);
}

int film_video(const struct task *task, bool with_background, struct film_command *ret)
{
	static const char *const output[] = { "-movflags", "+faststart",    "-f",
					      "mp4",	   FILM_VIDEO_PART, NULL };

	add_start(ret);
	add_source(ret, task, with_background);
	add_box_and_sound(ret, &task->picture);
	add_graph(ret, &task->picture);
	add_codecs(ret, &task->picture);
	add_all(ret, output);
	return ret->error;
}

int film_last_frame(const struct task *task, struct film_command *ret)
{
	static const char *const output[] = { "-frames:v", "1",	 "-c:v",
					      "png",	   "-f", "image2",
					      "-update",   "1",	 FILM_FRAME_PART,
					      NULL };

	add_start(ret);
	add(ret, "-ss");
	add(ret, "%.5f", (task->picture.frames - 1.5) / FILM_FPS);
	add(ret, "-i");
	add(ret, "%s", media_file_name(MEDIA_VIDEO));
	add_all(ret, output);
	return ret->error;
}

int film_check(struct film_command *ret)
{
	static const char *const output[] = { "-c:v", "libx264", "-preset", "ultrafast",
					      "-c:a", "aac",	 "-f",	    "null",
					      "-",    NULL };
	const char *font = film_font();

	add_start(ret);
	add(ret, "-f");
	add(ret, "lavfi");
	add(ret, "-i");
	add(ret, "color=s=64x64:r=24:d=0.1,drawtext=fontfile=%s:text=x",
	    font ? font : "");
	add(ret, "-f");
	add(ret, "lavfi");
	add(ret, "-i");
	add(ret, "sine=d=0.1");
	add_all(ret, output);
	return ret->error;
}

int film_prompt(const struct picture *picture, struct buffer *out)
{
	int unit = picture->height < picture->width ? picture->height : picture->width;
	size_t columns = (size_t)(picture->width * 32 / (unit ? unit : 1));

	return wrap_text(picture->prompt ? picture->prompt : "", columns, PROMPT_LINES,
			 out);
}
