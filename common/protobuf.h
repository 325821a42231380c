/*
 * protobuf.h: reading the fields of a protocol buffer message.
 *
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
#ifndef LMUTILS_PROTOBUF_H
#define LMUTILS_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf {
	const char *at, *end;   /* what is left of the message */
	bool broken;            /* it is not well-formed; nothing more is read */
};

enum protobuf_wire { PROTOBUF_VARINT = 0, PROTOBUF_FIXED64 = 1, PROTOBUF_BYTES = 2, PROTOBUF_FIXED32 = 5 };

struct protobuf_field {
	uint32_t number;
	enum protobuf_wire wire;
	uint64_t value;         /* of a number, its bits */
	const char *data;       /* of PROTOBUF_BYTES: strings, messages */
	size_t n;
};

/* The next field; false at the end or where the message is broken. */
bool protobuf_next(struct protobuf *p, struct protobuf_field *f);

#endif
