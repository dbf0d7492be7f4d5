#include "fs/decoder/picture.h"

#include "backend/base/cleanup.h"
#include "fs/decoder/wire.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#define PIECE_BYTES 32768
#define PIXELS_MAX (64ll << 20)
#define PACKETS_MAX 20 /* give up if they contain no frame */
/* The formats that services produce, and none that refers to other files. */
#define FORMATS "mov,matroska,png_pipe,jpeg_pipe,webp_pipe"
#define CODECS "h264,hevc,libdav1d,av1,vp9,vp8,mpeg4,mjpeg,png,webp"

/* The source of the file's bytes. */
struct source {
	uint64_t size, offset;
};

/* A file that is being read. */
struct reading {
	struct source source;
	AVIOContext *io;
	AVFormatContext *format;
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame;
	int stream;
};

static int source_read(void *context, uint8_t *into, int size)
{
	struct source *source = context;
	int got = source->offset < source->size
			  ? wire_read(source->offset, into, (size_t)size)
			  : 0;

	if (got > 0)
		source->offset += (uint64_t)got;
	if (got < 0)
		return AVERROR(-got);
	return got ? got : AVERROR_EOF;
}

static int64_t source_seek(void *context, int64_t offset, int whence)
{
	struct source *source = context;

	whence &= ~AVSEEK_FORCE;
	if (whence == AVSEEK_SIZE)
		return (int64_t)source->size;
	if (whence == SEEK_CUR)
		offset += (int64_t)source->offset;
	else if (whence == SEEK_END)
		offset += (int64_t)source->size;
	else if (whence != SEEK_SET)
		return AVERROR(EINVAL);
	if (offset < 0)
		return AVERROR(EINVAL);
	source->offset = (uint64_t)offset;
	return offset;
}

static void reading_clear(struct reading *reading)
{
	avcodec_free_context(&reading->codec);
	av_packet_free(&reading->packet);
	av_frame_free(&reading->frame);
	avformat_close_input(&reading->format);
	if (reading->io)
		av_freep(&reading->io->buffer);
	avio_context_free(&reading->io);
}

static int open_file(struct reading *reading)
{
	unsigned char *buffer = av_malloc(PIECE_BYTES);

	reading->io =
		buffer ? avio_alloc_context(buffer, PIECE_BYTES, 0, &reading->source,
					    source_read, NULL, source_seek)
		       : NULL;
	if (!reading->io) {
		av_free(buffer);
		return AVERROR(ENOMEM);
	}
	reading->format = avformat_alloc_context();
	if (!reading->format)
		return AVERROR(ENOMEM);
	reading->format->pb = reading->io;
	reading->format->flags |= AVFMT_FLAG_CUSTOM_IO;
	reading->format->format_whitelist = av_strdup(FORMATS);
	reading->format->codec_whitelist = av_strdup(CODECS);
	reading->format->protocol_whitelist = av_strdup("none");
	return avformat_open_input(&reading->format, NULL, NULL, NULL);
}

/* One thread: the filter refuses to create others. */
static int open_codec(struct reading *reading)
{
	const AVCodec *decoder = NULL;
	const AVStream *stream;
	int r = av_find_best_stream(reading->format, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder,
				    0);

	if (r < 0)
		return r;
	reading->stream = r;
	stream = reading->format->streams[r];
	reading->codec = decoder ? avcodec_alloc_context3(decoder) : NULL;
	reading->packet = av_packet_alloc();
	reading->frame = av_frame_alloc();
	if (!reading->codec || !reading->packet || !reading->frame)
		return AVERROR(ENOMEM);
	r = avcodec_parameters_to_context(reading->codec, stream->codecpar);
	if (r < 0)
		return r;
	reading->codec->thread_count = 1;
	reading->codec->max_pixels = PIXELS_MAX;
	reading->codec->codec_whitelist = av_strdup(CODECS);
	return avcodec_open2(reading->codec, decoder, NULL);
}

/* The next packet of the picture's stream. */
static int next_packet(struct reading *reading)
{
	int r;

	while (!(r = av_read_frame(reading->format, reading->packet)) &&
	       reading->packet->stream_index != reading->stream)
		av_packet_unref(reading->packet);
	return r;
}

/*
 * Decodes the frame of one packet alone. A decoder may otherwise wait for further packets
 * to learn the display order, and their bytes would have to be fetched. AVERROR_EOF: the
 * packet contains no frame.
 */
static int decode_packet(struct reading *reading)
{
	int r = avcodec_send_packet(reading->codec, reading->packet);

	av_packet_unref(reading->packet);
	if (!r)
		r = avcodec_send_packet(reading->codec, NULL);
	if (!r)
		r = avcodec_receive_frame(reading->codec, reading->frame);
	avcodec_flush_buffers(reading->codec);
	return r;
}

static int decode(struct reading *reading)
{
	int r = AVERROR_EOF;

	for (int packets = 0; packets < PACKETS_MAX; packets++) {
		int end = next_packet(reading);

		if (end < 0)
			return r < 0 && r != AVERROR_EOF ? r : end;
		r = decode_packet(reading);
		if (!r)
			break;
		if (r != AVERROR_EOF && r != AVERROR_INVALIDDATA)
			return r;
	}
	if (!r && !reading->frame->sample_aspect_ratio.num)
		reading->frame->sample_aspect_ratio =
			reading->format->streams[reading->stream]->sample_aspect_ratio;
	return r;
}

/* ffmpeg has error codes of its own besides the system's. */
static int system_error(int r)
{
	return r >= 0 ? 0 : r > -4096 ? r : -EINVAL;
}

int picture_read(uint64_t file_bytes, AVFrame **ret_frame)
{
	struct reading reading = { .source.size = file_bytes };
	int r = open_file(&reading);

	if (r >= 0)
		r = open_codec(&reading);
	if (r >= 0)
		r = decode(&reading);
	if (r >= 0)
		*ret_frame = TAKE(reading.frame);
	reading_clear(&reading);
	return system_error(r);
}

/* --- shrinking --- */

static int scaled(int64_t side, int64_t by, int64_t of)
{
	int64_t result = (side * by + of / 2) / of;

	return result < 1 ? 1 : result > INT_MAX ? INT_MAX : (int)result;
}

/* The displayed size, with no side longer than `pixels`. */
static void fit(const AVFrame *frame, unsigned pixels, int *ret_width, int *ret_height)
{
	AVRational shape = frame->sample_aspect_ratio;
	int width = frame->width, height = frame->height, longer;

	if (shape.num > 0 && shape.den > 0 && shape.num < 16 * (int64_t)shape.den &&
	    shape.den < 16 * (int64_t)shape.num)
		width = scaled(width, shape.num, shape.den);
	longer = width > height ? width : height;
	if (longer > (int)pixels) {
		width = scaled(width, pixels, longer);
		height = scaled(height, pixels, longer);
	}
	*ret_width = width;
	*ret_height = height;
}

static bool has_alpha(const AVFrame *frame)
{
	const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);

	return format && format->flags & (AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL);
}

static struct SwsContext *scaler(const AVFrame *from, const AVFrame *to)
{
	struct SwsContext *scaler =
		sws_getContext(from->width, from->height, from->format, to->width,
			       to->height, to->format,
			       SWS_AREA | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL,
			       NULL, NULL);
	int space = from->colorspace;

	if (space == AVCOL_SPC_UNSPECIFIED && from->height >= 720)
		space = AVCOL_SPC_BT709;
	if (scaler)
		sws_setColorspaceDetails(scaler, sws_getCoefficients(space),
					 from->color_range == AVCOL_RANGE_JPEG,
					 sws_getCoefficients(SWS_CS_DEFAULT), 1, 0,
					 1 << 16, 1 << 16);
	return scaler;
}

static int scale(const AVFrame *from, unsigned pixels, AVFrame **ret_to)
{
	AVFrame *to = av_frame_alloc();
	struct SwsContext *with = NULL;
	int r = to ? 0 : AVERROR(ENOMEM);

	if (!r) {
		to->format = has_alpha(from) ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24;
		fit(from, pixels, &to->width, &to->height);
		r = av_frame_get_buffer(to, 0);
	}
	if (r >= 0 && !(with = scaler(from, to)))
		r = AVERROR(EINVAL);
	if (r >= 0)
		r = sws_scale(with, (const uint8_t *const *)from->data, from->linesize, 0,
			      from->height, to->data, to->linesize);
	sws_freeContext(with);
	if (r < 0)
		av_frame_free(&to);
	else
		*ret_to = to;
	return r < 0 ? r : 0;
}

static int encode(AVCodecContext *codec, const AVFrame *frame, AVPacket *packet)
{
	int r;

	codec->width = frame->width;
	codec->height = frame->height;
	codec->pix_fmt = frame->format;
	codec->time_base = (AVRational){ 1, 1 };
	codec->thread_count = 1;
	codec->compression_level = 6; /* 9 takes five times as long and saves a tenth */
	av_opt_set(codec->priv_data, "pred", "mixed", 0); /* halves the size */
	r = avcodec_open2(codec, NULL, NULL);
	if (!r)
		r = avcodec_send_frame(codec, frame);
	return r ? r : avcodec_receive_packet(codec, packet);
}

static int take_bytes(const AVPacket *packet, void **ret_bytes, size_t *ret_size)
{
	*ret_bytes = malloc((size_t)packet->size);
	if (!*ret_bytes)
		return AVERROR(ENOMEM);
	memcpy(*ret_bytes, packet->data, (size_t)packet->size);
	*ret_size = (size_t)packet->size;
	return 0;
}

int picture_shrink(const AVFrame *frame, unsigned pixels, void **ret_png,
		   size_t *ret_bytes)
{
	const AVCodec *encoder = avcodec_find_encoder(AV_CODEC_ID_PNG);
	AVCodecContext *codec = encoder ? avcodec_alloc_context3(encoder) : NULL;
	AVPacket *packet = av_packet_alloc();
	AVFrame *small = NULL;
	int r = codec && packet ? scale(frame, pixels, &small) : AVERROR(ENOMEM);

	if (!r)
		r = encode(codec, small, packet);
	if (!r)
		r = take_bytes(packet, ret_png, ret_bytes);
	av_frame_free(&small);
	av_packet_free(&packet);
	avcodec_free_context(&codec);
	return system_error(r);
}
