/*
 * normalform.h: the normalization forms of Unicode: NFC (composed), NFD
 * (decomposed), and the same with compatibility characters taken apart, NFKC
 * and NFKD.
 *
 * Source: Unicode Standard Annex #15.
 */
#ifndef LMUTILS_NORMALFORM_H
#define LMUTILS_NORMALFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"

/* Adds the form of n bytes of valid UTF-8; O(n log n) even for a megabyte of marks on one letter. */
void normalform(const char *s, size_t n, bool composed, bool compatibility, struct bytes *out);

#endif
