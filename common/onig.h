/*
 * onig.h: a regular expression of Oniguruma's as one of PCRE2's.  See regex.h.
 */
#ifndef LMUTILS_ONIG_H
#define LMUTILS_ONIG_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"

/* Translates n bytes into *out; on failure false, and the reason in why[size]. */
bool onig_translate(const char *pattern, size_t n, struct bytes *out, char *why, size_t size);

#endif
