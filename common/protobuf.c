/* protobuf.c: fields of a protocol buffer message.  See protobuf.h. */
#include "protobuf.h"

/* Seven bits a byte, the lowest first; the top bit says that more follow. */
static bool read_varint(struct protobuf *p, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64 && p->at < p->end; shift += 7) {
		unsigned char c = (unsigned char)*p->at++;
		*value |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return true;
	}
	return false;
}

static bool read_fixed(struct protobuf *p, unsigned bytes, uint64_t *value)
{
	*value = 0;
	if (p->end - p->at < (ptrdiff_t)bytes)
		return false;
	for (unsigned i = 0; i < bytes; i++)
		*value |= (uint64_t)(unsigned char)*p->at++ << 8 * i;
	return true;
}

static bool read_bytes(struct protobuf *p, struct protobuf_field *f)
{
	if (!read_varint(p, &f->value) || f->value > (uint64_t)(p->end - p->at))
		return false;
	f->data = p->at;
	f->n = (size_t)f->value;
	p->at += f->n;
	return true;
}

static bool read_field(struct protobuf *p, struct protobuf_field *f)
{
	uint64_t key;
	if (!read_varint(p, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX)
		return false;
	*f = (struct protobuf_field){.number = (uint32_t)(key >> 3), .wire = key & 7};
	switch (f->wire) {
	case PROTOBUF_VARINT:
		return read_varint(p, &f->value);
	case PROTOBUF_FIXED64:
		return read_fixed(p, 8, &f->value);
	case PROTOBUF_BYTES:
		return read_bytes(p, f);
	case PROTOBUF_FIXED32:
		return read_fixed(p, 4, &f->value);
	default:
		return false;   /* groups, long out of use */
	}
}

bool protobuf_next(struct protobuf *p, struct protobuf_field *f)
{
	if (p->broken || p->at == p->end)
		return false;
	p->broken = !read_field(p, f);
	return !p->broken;
}
