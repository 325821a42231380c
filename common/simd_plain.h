/* simd_plain.h: the vectors of simd.h in plain C.  This defines what they compute. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

struct f32x16 {
	float v[16];
};

struct f32x8 {
	float v[8];
};

struct i32x16 {
	int32_t v[16];
};

struct bf16x32 {
	uint16_t v[32];
};

struct i8x64 {
	uint8_t v[64];
};

enum { TILE_W = 1, TILE_X = 1, TILE_PAIRS = 1 };

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

INLINE struct f32x8 f_load_8(const float *p)
{
	struct f32x8 r;
	memcpy(r.v, p, sizeof r.v);
	return r;
}

/* Lanes 0 to 7 and 8 to 15. */
INLINE struct f32x16 f_pair(struct f32x8 a, struct f32x8 b)
{
	struct f32x16 r;
	memcpy(r.v, a.v, sizeof a.v);
	memcpy(r.v + 8, b.v, sizeof b.v);
	return r;
}

/* 8 floats, twice. */
INLINE struct f32x16 f_load_twice(const float *p)
{
	struct f32x16 r;
	memcpy(r.v, p, 8 * sizeof *p);
	memcpy(r.v + 8, p, 8 * sizeof *p);
	return r;
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

INLINE struct f32x16 f_mul(struct f32x16 a, struct f32x16 b)
{
	for (int j = 0; j < 16; j++)
		a.v[j] *= b.v[j];
	return a;
}

/* a * b + c, rounded once. */
INLINE struct f32x16 f_fma(struct f32x16 a, struct f32x16 b, struct f32x16 c)
{
	for (int j = 0; j < 16; j++)
		c.v[j] = fmaf(a.v[j], b.v[j], c.v[j]);
	return c;
}

/* F16: 1 sign, 5 exponent, 10 mantissa bits; all values are exact in F32. */
INLINE float f16_value(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = h & 0x7fff, bits;
	float value = (float)rest * 0x1p-24f;                   /* denormal */
	memcpy(&bits, &value, sizeof bits);
	if (rest >= 0x7c00)
		bits = (rest << 13) + (224u << 23);             /* infinity, NaN */
	else if (rest >= 0x0400)
		bits = (rest << 13) + (112u << 23);
	bits |= sign;
	memcpy(&value, &bits, sizeof value);
	return value;
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

/* The sums of the lower 8 lanes and of the upper 8, each ascending. */
INLINE void f_sum_ascending(struct f32x16 a, float sums[2])
{
	sums[0] = a.v[0];
	sums[1] = a.v[8];
	for (int j = 1; j < 8; j++) {
		sums[0] += a.v[j];
		sums[1] += a.v[j + 8];
	}
}

/* Four such pairs of sums. */
INLINE void f_sum_ascending_4(const struct f32x16 a[4], float sums[8])
{
	for (int i = 0; i < 4; i++)
		f_sum_ascending(a[i], sums + 2 * i);
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

/* The value of a BF16 number; what is below the smallest normal one counts as zero. */
INLINE float bf16_value(uint16_t b)
{
	uint32_t bits = (uint32_t)(b & 0x7f80 ? b : b & 0x8000) << 16;
	float x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

/*
 * a * b + c rounded once, and zero of the same sign if that, rounded to 24
 * bits, is below the smallest normal number.  A sum in the last half step below
 * that number is rounded up to it by fmaf already; in double it is exact.
 */
INLINE float fma_flushed(float a, float b, float c)
{
	float r = fmaf(a, b, c);
	if (fabsf(r) > FLT_MIN || r != r)
		return r;
	if (fabsf(r) == FLT_MIN && fabs((double)a * b + c) >= FLT_MIN - 0x1p-151)
		return r;
	return copysignf(0, r);
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

/* Before and after a run of f_dot_bf16: where it needs a mode of the processor. */
INLINE unsigned flush_on(void)
{
	return 0;
}

INLINE void flush_off(unsigned before)
{
	(void)before;
}

INLINE struct i32x16 i_set(int32_t a)
{
	struct i32x16 r;
	for (int j = 0; j < 16; j++)
		r.v[j] = a;
	return r;
}

INLINE struct i32x16 i_load(const int32_t *p)
{
	struct i32x16 r;
	memcpy(r.v, p, sizeof r.v);
	return r;
}

/* 8 integers, twice. */
INLINE struct i32x16 i_load_twice(const int32_t *p)
{
	struct i32x16 r;
	memcpy(r.v, p, 8 * sizeof *p);
	memcpy(r.v + 8, p, 8 * sizeof *p);
	return r;
}

/* Lanes 0 to 7 and 8 to 15. */
INLINE struct i32x16 i_load_pair(const int32_t *a, const int32_t *b)
{
	struct i32x16 r;
	memcpy(r.v, a, 8 * sizeof *a);
	memcpy(r.v + 8, b, 8 * sizeof *b);
	return r;
}

INLINE struct i32x16 i_add(struct i32x16 a, struct i32x16 b)
{
	for (int j = 0; j < 16; j++)
		a.v[j] += b.v[j];
	return a;
}

INLINE struct i32x16 i_mul(struct i32x16 a, struct i32x16 b)
{
	for (int j = 0; j < 16; j++)
		a.v[j] *= b.v[j];
	return a;
}

/* Lanes j and j + 8 of a added, to lane j; those of b to lane j + 8. */
INLINE struct i32x16 i_fold_2(struct i32x16 a, struct i32x16 b)
{
	struct i32x16 r;
	for (int j = 0; j < 8; j++) {
		r.v[j] = a.v[j] + a.v[j + 8];
		r.v[j + 8] = b.v[j] + b.v[j + 8];
	}
	return r;
}

/*
 * The sums of the lower 8 lanes of each of the a, and of the upper 8: the half
 * h of a[i] to lane 8 (i / 4) + 4 h + i mod 4.
 */
INLINE struct i32x16 i_totals_8(const struct i32x16 a[8])
{
	struct i32x16 r;
	for (int i = 0; i < 8; i++)
		for (int h = 0; h < 2; h++) {
			int32_t sum = 0;
			for (int j = 0; j < 8; j++)
				sum += a[i].v[8 * h + j];
			r.v[8 * (i / 4) + 4 * h + i % 4] = sum;
		}
	return r;
}

/* The sum of all lanes. */
INLINE int32_t i_total(struct i32x16 a)
{
	int32_t sum = 0;
	for (int j = 0; j < 16; j++)
		sum += a.v[j];
	return sum;
}

INLINE struct f32x16 f_from_i32(struct i32x16 a)
{
	struct f32x16 r;
	for (int j = 0; j < 16; j++)
		r.v[j] = (float)a.v[j];
	return r;
}

INLINE struct i8x64 q_load(const void *p)
{
	struct i8x64 r;
	memcpy(r.v, p, sizeof r.v);
	return r;
}

/* 32 bytes, twice. */
INLINE struct i8x64 q_load_twice(const void *p)
{
	struct i8x64 r;
	memcpy(r.v, p, 32);
	memcpy(r.v + 32, p, 32);
	return r;
}

INLINE void q_store(void *p, struct i8x64 a)
{
	memcpy(p, a.v, sizeof a.v);
}

/* The lower halves of both, and the upper ones. */
INLINE struct i8x64 q_low_halves(struct i8x64 a, struct i8x64 b)
{
	memcpy(a.v + 32, b.v, 32);
	return a;
}

INLINE struct i8x64 q_high_halves(struct i8x64 a, struct i8x64 b)
{
	memcpy(b.v, a.v + 32, 32);
	return b;
}

INLINE void i_store(int32_t *p, struct i32x16 a)
{
	memcpy(p, a.v, sizeof a.v);
}

/* Adds to each lane four products of bytes, those of a unsigned, those of b signed. */
INLINE struct i32x16 i_dot(struct i32x16 sum, struct i8x64 a, struct i8x64 b)
{
	for (int j = 0; j < 16; j++)
		for (int i = 4 * j; i < 4 * j + 4; i++)
			sum.v[j] += a.v[i] * (int8_t)b.v[i];
	return sum;
}
