/* simd_avx2.h: the vectors of simd.h with AVX2, FMA and F16C: of 16 lanes in two halves. */
#include <stdint.h>
#include <string.h>

#include "simd_256.h"

struct f32x16 {
	__m256 low, high;
};

struct bf16x32 {
	__m256i low, high;
};

enum { TILE_W = 2, TILE_X = 3, TILE_Q = 1, STRIPS = 1, STRIP_X = 4, DOT = 4, Q_OFFSET = 0 };

INLINE struct f32x16 f_set(float a)
{
	return (struct f32x16){_mm256_set1_ps(a), _mm256_set1_ps(a)};
}

/* A mask of the first n of lanes from `first` on. */
INLINE __m256i lanes_below(size_t n, int first)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n - first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE struct f32x16 f_load_part(const float *p, size_t n)
{
	return (struct f32x16){_mm256_maskload_ps(p, lanes_below(n, 0)),
			       _mm256_maskload_ps(p + 8, lanes_below(n, 8))};
}

INLINE struct f32x16 f_load(const float *p)
{
	return (struct f32x16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}

INLINE void f_store_part(float *p, struct f32x16 a, size_t n)
{
	_mm256_maskstore_ps(p, lanes_below(n, 0), a.low);
	_mm256_maskstore_ps(p + 8, lanes_below(n, 8), a.high);
}

INLINE void f_store(float *p, struct f32x16 a)
{
	_mm256_storeu_ps(p, a.low);
	_mm256_storeu_ps(p + 8, a.high);
}

INLINE struct f32x16 f_add(struct f32x16 a, struct f32x16 b)
{
	return (struct f32x16){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}

INLINE struct f32x16 f_fma(struct f32x16 a, struct f32x16 b, struct f32x16 c)
{
	return (struct f32x16){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}

INLINE struct f32x16 f_load_f16(const uint16_t *p)
{
	return (struct f32x16){_mm256_cvtph_ps(_mm_loadu_si128((const void *)p)),
			       _mm256_cvtph_ps(_mm_loadu_si128((const void *)(p + 8)))};
}

INLINE struct f32x16 f_load_f16_part(const uint16_t *p, size_t n)
{
	uint16_t all[16] = {0};
	memcpy(all, p, n * sizeof *p);
	return f_load_f16(all);
}

INLINE __m256 from_bf16(const uint16_t *p)
{
	__m256i lanes = _mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)p));
	return _mm256_castsi256_ps(_mm256_slli_epi32(lanes, 16));
}

INLINE struct f32x16 f_load_bf16(const uint16_t *p)
{
	return (struct f32x16){from_bf16(p), from_bf16(p + 8)};
}

INLINE struct f32x16 f_load_bf16_part(const uint16_t *p, size_t n)
{
	uint16_t all[16] = {0};
	memcpy(all, p, n * sizeof *p);
	return f_load_bf16(all);
}

INLINE float f_sum(struct f32x16 a)
{
	__m256 h = _mm256_add_ps(a.low, a.high);
	__m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
	q = _mm_add_ps(q, _mm_movehl_ps(q, q));
	return _mm_cvtss_f32(_mm_add_ss(q, _mm_shuffle_ps(q, q, 1)));
}

INLINE void f_sum_4(const struct f32x16 a[4], float *sums)
{
	for (int i = 0; i < 4; i++)
		sums[i] = f_sum(a[i]);
}

INLINE struct bf16x32 b_load(const uint16_t *p)
{
	return (struct bf16x32){_mm256_loadu_si256((const void *)p), _mm256_loadu_si256((const void *)(p + 16))};
}

INLINE struct bf16x32 b_load_part(const uint16_t *p, size_t n)
{
	uint16_t all[32] = {0};
	memcpy(all, p, n * sizeof *p);
	return b_load(all);
}

/* The upper and the lower BF16 number of each lane as F32. */
INLINE __m256 upper_bf16(__m256i a)
{
	return _mm256_castsi256_ps(_mm256_and_si256(a, _mm256_set1_epi32((int)0xffff0000)));
}

INLINE __m256 lower_bf16(__m256i a)
{
	return _mm256_castsi256_ps(_mm256_slli_epi32(a, 16));
}

INLINE __m256 dot_bf16(__m256 sum, __m256i a, __m256i b)
{
	sum = _mm256_fmadd_ps(upper_bf16(a), upper_bf16(b), sum);
	return _mm256_fmadd_ps(lower_bf16(a), lower_bf16(b), sum);
}

INLINE struct f32x16 f_dot_bf16(struct f32x16 sum, struct bf16x32 a, struct bf16x32 b)
{
	return (struct f32x16){dot_bf16(sum.low, a.low, b.low), dot_bf16(sum.high, a.high, b.high)};
}

/*
 * FTZ and DAZ: results that are below the smallest normal number when rounded,
 * and such operands, count as zeros of the same sign.  No load moves up across
 * this, and so no operation on what is loaded.
 */
INLINE unsigned flush_on(void)
{
	unsigned before, flush;
	__asm__ volatile("stmxcsr %0" : "=m"(before));
	flush = before | 0x8040;
	__asm__ volatile("ldmxcsr %0" : : "m"(flush) : "memory");
	return before;
}

INLINE struct f32x16 f_finished(struct f32x16 a)
{
	__asm__ volatile("" : "+x"(a.low), "+x"(a.high));
	return a;
}

INLINE void flush_off(unsigned before)
{
	__asm__ volatile("ldmxcsr %0" : : "m"(before) : "memory");
}

INLINE struct i8x32 q_offset(struct i8x32 a)
{
	return a;
}

/* Products in pairs: 2 * 128 * 127 at most, which 16 bits hold; maddubs takes one operand as unsigned. */
INLINE __m256i pairs(struct i8x32 a, struct i8x32 b, int bits)
{
	if (bits == 8)
		return _mm256_maddubs_epi16(_mm256_abs_epi8(a.v), _mm256_sign_epi8(b.v, a.v));
	return _mm256_maddubs_epi16(a.v, b.v);
}

/* Adds pairs of 16 bits to each lane. */
INLINE struct i32x8 add_pairs(struct i32x8 sum, __m256i pairs)
{
	return (struct i32x8){_mm256_add_epi32(sum.v, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))};
}

/* 16 bits also hold the sum of four pairs of 5 bits (8 * 31 * 127), of two of 6. */
INLINE struct i32x8 i_dot(struct i32x8 sum, const struct i8x32 a[DOT], const struct i8x32 b[DOT], int bits)
{
	__m256i p[DOT];
	UNROLL
	for (int v = 0; v < DOT; v++)
		p[v] = pairs(a[v], b[v], bits);
	if (bits <= 5) {
		p[0] = _mm256_add_epi16(_mm256_add_epi16(p[0], p[1]), _mm256_add_epi16(p[2], p[3]));
		return add_pairs(sum, p[0]);
	}
	if (bits == 6) {
		sum = add_pairs(sum, _mm256_add_epi16(p[0], p[1]));
		return add_pairs(sum, _mm256_add_epi16(p[2], p[3]));
	}
	UNROLL
	for (int v = 0; v < DOT; v++)
		sum = add_pairs(sum, p[v]);
	return sum;
}
