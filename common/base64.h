/*
 * base64.h: bytes written as letters, digits, + and /.
 *
 * Source: RFC 4648, section 4.
 */
#ifndef LMUTILS_BASE64_H
#define LMUTILS_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"

/* Adds the bytes that n characters stand for; false if they are not base64, or none. */
bool base64_decode(const char *s, size_t n, struct bytes *out);

#endif
