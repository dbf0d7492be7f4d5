/*
 * Numbers in the bytes of file formats and addresses, at any alignment.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_BYTES_H
#define SEEDANCEFS_BACKEND_BASE_BYTES_H

#include <stdint.h>

static inline uint16_t bytes_be16(const unsigned char *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint16_t bytes_le16(const unsigned char *at)
{
	return (uint16_t)(at[1] << 8 | at[0]);
}

static inline uint32_t bytes_le24(const unsigned char *at)
{
	return (uint32_t)at[2] << 16 | bytes_le16(at);
}

static inline uint32_t bytes_be32(const unsigned char *at)
{
	return (uint32_t)bytes_be16(at) << 16 | bytes_be16(at + 2);
}

static inline uint32_t bytes_le32(const unsigned char *at)
{
	return (uint32_t)bytes_le16(at + 2) << 16 | bytes_le16(at);
}

static inline void bytes_put_be32(unsigned char *at, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(number >> (24 - 8 * i));
}

#endif
