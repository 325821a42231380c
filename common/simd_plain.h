/* simd_plain.h: the vectors of simd.h in plain C.  This defines what they compute. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "blocks.h"

#include "simd_bf16.h"

struct f32x16 {
	float v[16];
};

struct bf16x32 {
	uint16_t v[32];
};

struct f32x8 {
	float v[8];
};

struct i32x8 {
	int32_t v[8];
};

struct i8x32 {
	uint8_t v[32];
};

enum { TILE_W = 1, TILE_X = 1, TILE_Q = 1, STRIPS = 1, STRIP_X = 1, DOT = 1, Q_OFFSET = 128 };

INLINE struct f32x16 f_set(float a)
{
	struct f32x16 r;
	for (int j = 0; j < 16; j++)
		r.v[j] = a;
	return r;
}

INLINE struct f32x16 f_load_part(const float *p, size_t n)
{
	struct f32x16 r = {{0}};
	memcpy(r.v, p, n * sizeof *p);
	return r;
}

INLINE struct f32x16 f_load(const float *p)
{
	return f_load_part(p, 16);
}

INLINE void f_store_part(float *p, struct f32x16 a, size_t n)
{
	memcpy(p, a.v, n * sizeof *p);
}

INLINE void f_store(float *p, struct f32x16 a)
{
	f_store_part(p, a, 16);
}

INLINE struct f32x16 f_add(struct f32x16 a, struct f32x16 b)
{
	for (int j = 0; j < 16; j++)
		a.v[j] += b.v[j];
	return a;
}

/* a * b + c, rounded once. */
INLINE struct f32x16 f_fma(struct f32x16 a, struct f32x16 b, struct f32x16 c)
{
	for (int j = 0; j < 16; j++)
		c.v[j] = fmaf(a.v[j], b.v[j], c.v[j]);
	return c;
}

INLINE struct f32x16 f_load_f16_part(const uint16_t *p, size_t n)
{
	struct f32x16 r = {{0}};
	for (size_t j = 0; j < n; j++)
		r.v[j] = f16_value(p[j]);
	return r;
}

INLINE struct f32x16 f_load_f16(const uint16_t *p)
{
	return f_load_f16_part(p, 16);
}

INLINE struct f32x16 f_load_bf16_part(const uint16_t *p, size_t n)
{
	struct f32x16 r = {{0}};
	for (size_t j = 0; j < n; j++) {
		uint32_t bits = (uint32_t)p[j] << 16;
		memcpy(&r.v[j], &bits, sizeof bits);
	}
	return r;
}

INLINE struct f32x16 f_load_bf16(const uint16_t *p)
{
	return f_load_bf16_part(p, 16);
}

/* The sum of the lanes: halves are added, 8, 4, 2, 1. */
INLINE float f_sum(struct f32x16 a)
{
	for (int half = 8; half > 0; half /= 2)
		for (int j = 0; j < half; j++)
			a.v[j] += a.v[j + half];
	return a.v[0];
}

/* Four such sums. */
INLINE void f_sum_4(const struct f32x16 a[4], float *sums)
{
	for (int i = 0; i < 4; i++)
		sums[i] = f_sum(a[i]);
}

INLINE struct bf16x32 b_load_part(const uint16_t *p, size_t n)
{
	struct bf16x32 r = {{0}};
	memcpy(r.v, p, n * sizeof *p);
	return r;
}

INLINE struct bf16x32 b_load(const uint16_t *p)
{
	return b_load_part(p, 32);
}

/* Adds to each lane the product of its upper elements, then of its lower. */
INLINE struct f32x16 f_dot_bf16(struct f32x16 sum, struct bf16x32 a, struct bf16x32 b)
{
	for (int j = 0; j < 16; j++) {
		float odd = fma_flushed(bf16_value(a.v[2 * j + 1]), bf16_value(b.v[2 * j + 1]), sum.v[j]);
		sum.v[j] = fma_flushed(bf16_value(a.v[2 * j]), bf16_value(b.v[2 * j]), odd);
	}
	return sum;
}

/*
 * Before and after a run of f_dot_bf16: where it needs a mode of the processor.
 * The sums go through f_finished before flush_off, so that the compiler leaves
 * their last additions within the mode; what follows is as ever.
 */
INLINE unsigned flush_on(void)
{
	return 0;
}

INLINE struct f32x16 f_finished(struct f32x16 a)
{
	return a;
}

INLINE void flush_off(unsigned before)
{
	(void)before;
}

INLINE struct f32x8 f8_set(float a)
{
	struct f32x8 r;
	for (int j = 0; j < 8; j++)
		r.v[j] = a;
	return r;
}

INLINE struct f32x8 f8_load(const float *p)
{
	struct f32x8 r;
	memcpy(r.v, p, sizeof r.v);
	return r;
}

INLINE void f8_store(float *p, struct f32x8 a)
{
	memcpy(p, a.v, sizeof a.v);
}

INLINE struct f32x8 f8_add(struct f32x8 a, struct f32x8 b)
{
	for (int j = 0; j < 8; j++)
		a.v[j] += b.v[j];
	return a;
}

INLINE struct f32x8 f8_mul(struct f32x8 a, struct f32x8 b)
{
	for (int j = 0; j < 8; j++)
		a.v[j] *= b.v[j];
	return a;
}

INLINE struct f32x8 f8_fma(struct f32x8 a, struct f32x8 b, struct f32x8 c)
{
	for (int j = 0; j < 8; j++)
		c.v[j] = fmaf(a.v[j], b.v[j], c.v[j]);
	return c;
}

INLINE struct f32x8 f8_from_i32(struct i32x8 a)
{
	struct f32x8 r;
	for (int j = 0; j < 8; j++)
		r.v[j] = (float)a.v[j];
	return r;
}

/* The F16 numbers in the lower (upper) halves of 32 bits. */
INLINE struct f32x8 f8_from_f16(struct i32x8 a, bool upper)
{
	struct f32x8 r;
	for (int j = 0; j < 8; j++)
		r.v[j] = f16_value((uint16_t)((uint32_t)a.v[j] >> (upper ? 16 : 0)));
	return r;
}

/* The F16 numbers at p, p + stride ... p + 7 stride (bytes). */
INLINE struct f32x8 f8_rows_f16(const unsigned char *p, size_t stride)
{
	struct f32x8 r;
	for (size_t j = 0; j < 8; j++) {
		uint16_t h;
		memcpy(&h, p + j * stride, sizeof h);
		r.v[j] = f16_value(h);
	}
	return r;
}

INLINE struct i32x8 i_set(int32_t a)
{
	struct i32x8 r;
	for (int j = 0; j < 8; j++)
		r.v[j] = a;
	return r;
}

INLINE struct i32x8 i_load(const int32_t *p)
{
	struct i32x8 r;
	memcpy(r.v, p, sizeof r.v);
	return r;
}

INLINE void i_store(int32_t *p, struct i32x8 a)
{
	memcpy(p, a.v, sizeof a.v);
}

/* The 32 bits at p, p + stride ... p + 7 stride; there must be 16 bytes at each. */
INLINE struct i32x8 i_rows(const unsigned char *p, size_t stride)
{
	struct i32x8 r;
	for (size_t j = 0; j < 8; j++)
		memcpy(&r.v[j], p + j * stride, sizeof *r.v);
	return r;
}

INLINE struct i32x8 i_add(struct i32x8 a, struct i32x8 b)
{
	for (int j = 0; j < 8; j++)
		a.v[j] += b.v[j];
	return a;
}

INLINE struct i32x8 i_mul(struct i32x8 a, struct i32x8 b)
{
	for (int j = 0; j < 8; j++)
		a.v[j] *= b.v[j];
	return a;
}

INLINE struct i32x8 i_and(struct i32x8 a, int32_t mask)
{
	for (int j = 0; j < 8; j++)
		a.v[j] &= mask;
	return a;
}

INLINE struct i32x8 i_or(struct i32x8 a, struct i32x8 b)
{
	for (int j = 0; j < 8; j++)
		a.v[j] |= b.v[j];
	return a;
}

/* Shifts by n bits: zeros come in. */
INLINE struct i32x8 i_right(struct i32x8 a, int n)
{
	for (int j = 0; j < 8; j++)
		a.v[j] = (int32_t)((uint32_t)a.v[j] >> n);
	return a;
}

INLINE struct i32x8 i_left(struct i32x8 a, int n)
{
	for (int j = 0; j < 8; j++)
		a.v[j] = (int32_t)((uint32_t)a.v[j] << n);
	return a;
}

/* Byte n of each lane with its sign. */
INLINE struct i32x8 i_byte(struct i32x8 a, int n)
{
	for (int j = 0; j < 8; j++)
		a.v[j] = (int8_t)((uint32_t)a.v[j] >> (8 * n));
	return a;
}

INLINE struct i8x32 q_load(const void *p)
{
	struct i8x32 r;
	memcpy(r.v, p, sizeof r.v);
	return r;
}

INLINE void q_store(void *p, struct i8x32 a)
{
	memcpy(p, a.v, sizeof a.v);
}

/* Four bytes to every lane. */
INLINE struct i8x32 q_set(const void *p)
{
	struct i8x32 r;
	for (int j = 0; j < 8; j++)
		memcpy(r.v + 4 * j, p, 4);
	return r;
}

/*
 * 16 bytes from each of p, p + stride ... p + 7 stride, turned: lane j of q[v]
 * has bytes 4 v to 4 v + 3 of row j.
 */
INLINE void q_rows(const unsigned char *p, size_t stride, struct i8x32 q[4])
{
	for (size_t j = 0; j < 8; j++)
		for (size_t v = 0; v < 4; v++)
			memcpy(q[v].v + 4 * j, p + j * stride + 4 * v, 4);
}

/* The lanes as integers. */
INLINE struct i32x8 i_from_bytes(struct i8x32 a)
{
	struct i32x8 r;
	memcpy(r.v, a.v, sizeof r.v);
	return r;
}

/* n bits of each byte from `shift` on. */
INLINE struct i8x32 q_bits(struct i8x32 a, int shift, int n)
{
	for (int i = 0; i < 32; i++)
		a.v[i] = (uint8_t)(a.v[i] >> shift & ((1 << n) - 1));
	return a;
}

/* a + b * 16, of bytes below 16. */
INLINE struct i8x32 q_above(struct i8x32 a, struct i8x32 b)
{
	for (int i = 0; i < 32; i++)
		a.v[i] = (uint8_t)(a.v[i] | b.v[i] << 4);
	return a;
}

/* Signed bytes, Q_OFFSET added: 128, or 0 where i_dot takes the bytes of 8 bits as signed. */
INLINE struct i8x32 q_offset(struct i8x32 a)
{
	for (int i = 0; i < 32; i++)
		a.v[i] ^= 0x80;
	return a;
}

/* The lowest 4 bits of each lane, one to each of its bytes. */
INLINE struct i8x32 q_spread(struct i32x8 a)
{
	struct i8x32 r;
	for (int i = 0; i < 32; i++)
		r.v[i] = (uint8_t)(a.v[i / 4] >> i % 4 & 1);
	return r;
}

/*
 * Adds to each lane the four products of its bytes of a and b, of DOT vectors
 * at once.  Those of a are unsigned, of so many bits, or made by q_offset (8
 * bits); those of b are from -127 to 127.
 */
INLINE struct i32x8 i_dot(struct i32x8 sum, const struct i8x32 a[DOT], const struct i8x32 b[DOT], int bits)
{
	(void)bits;
	for (int i = 0; i < 32; i++)
		sum.v[i / 4] += a->v[i] * (int8_t)b->v[i];
	return sum;
}
