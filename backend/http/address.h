/*
 * Which addresses are public: all except loopback, private, link-local, shared, multicast
 * and reserved ones, also when they are mapped into IPv6. Pure.
 */
#ifndef SEEDANCEFS_BACKEND_HTTP_ADDRESS_H
#define SEEDANCEFS_BACKEND_HTTP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* False for any family other than IPv4 and IPv6. */
bool address_is_public(const struct sockaddr *address);
/* The same for a text such as "192.0.2.1" or "2001:db8::1"; false for any other text. */
bool address_text_is_public(const char *text);

#endif
