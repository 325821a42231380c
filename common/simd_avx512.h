/* simd_avx512.h: the vectors of simd.h with AVX-512 (F, BW, DQ, VL), VNNI and BF16. */
#include <stdint.h>
#include <string.h>

#include "simd_256.h"

struct f32x16 {
	__m512 v;
};

struct bf16x32 {
	__m512i v;
};

enum { TILE_W = 4, TILE_X = 6, TILE_Q = 6, STRIPS = 2, STRIP_X = 6, DOT = 1, Q_OFFSET = 128 };

INLINE __mmask16 first_lanes(size_t n)
{
	return (__mmask16)((1u << n) - 1);
}

INLINE struct f32x16 f_set(float a)
{
	return (struct f32x16){_mm512_set1_ps(a)};
}

INLINE struct f32x16 f_load_part(const float *p, size_t n)
{
	return (struct f32x16){_mm512_maskz_loadu_ps(first_lanes(n), p)};
}

INLINE struct f32x16 f_load(const float *p)
{
	return (struct f32x16){_mm512_loadu_ps(p)};
}

INLINE void f_store_part(float *p, struct f32x16 a, size_t n)
{
	_mm512_mask_storeu_ps(p, first_lanes(n), a.v);
}

INLINE void f_store(float *p, struct f32x16 a)
{
	_mm512_storeu_ps(p, a.v);
}

INLINE struct f32x16 f_add(struct f32x16 a, struct f32x16 b)
{
	return (struct f32x16){_mm512_add_ps(a.v, b.v)};
}

INLINE struct f32x16 f_fma(struct f32x16 a, struct f32x16 b, struct f32x16 c)
{
	return (struct f32x16){_mm512_fmadd_ps(a.v, b.v, c.v)};
}

INLINE struct f32x16 f_load_f16_part(const uint16_t *p, size_t n)
{
	return (struct f32x16){_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(n), p))};
}

INLINE struct f32x16 f_load_f16(const uint16_t *p)
{
	return (struct f32x16){_mm512_cvtph_ps(_mm256_loadu_si256((const void *)p))};
}

INLINE struct f32x16 from_bf16(__m256i b)
{
	return (struct f32x16){_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(b), 16))};
}

INLINE struct f32x16 f_load_bf16_part(const uint16_t *p, size_t n)
{
	return from_bf16(_mm256_maskz_loadu_epi16(first_lanes(n), p));
}

INLINE struct f32x16 f_load_bf16(const uint16_t *p)
{
	return from_bf16(_mm256_loadu_si256((const void *)p));
}

/*
 * Two vectors' halves side by side are added at once, then four vectors'
 * quarters; what is left of each is in its own 128 bits.
 */
INLINE void f_sum_4(const struct f32x16 a[4], float *sums)
{
	__m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(a[0].v, a[1].v, 0x44),
				  _mm512_shuffle_f32x4(a[0].v, a[1].v, 0xee));
	__m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(a[2].v, a[3].v, 0x44),
				  _mm512_shuffle_f32x4(a[2].v, a[3].v, 0xee));
	__m512 s = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
	s = _mm512_add_ps(s, _mm512_permute_ps(s, 0x4e));
	s = _mm512_add_ps(s, _mm512_permute_ps(s, 0xb1));
	const __m512i firsts = _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
	_mm_storeu_ps(sums, _mm512_castps512_ps128(_mm512_permutexvar_ps(firsts, s)));
}

INLINE float f_sum(struct f32x16 a)
{
	__m256 h = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
	__m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
	q = _mm_add_ps(q, _mm_movehl_ps(q, q));
	return _mm_cvtss_f32(_mm_add_ss(q, _mm_shuffle_ps(q, q, 1)));
}

INLINE struct bf16x32 b_load_part(const uint16_t *p, size_t n)
{
	return (struct bf16x32){_mm512_maskz_loadu_epi16((__mmask32)((UINT64_C(1) << n) - 1), p)};
}

INLINE struct bf16x32 b_load(const uint16_t *p)
{
	return (struct bf16x32){_mm512_loadu_si512(p)};
}

INLINE struct f32x16 f_dot_bf16(struct f32x16 sum, struct bf16x32 a, struct bf16x32 b)
{
	return (struct f32x16){_mm512_dpbf16_ps(sum.v, (__m512bh)a.v, (__m512bh)b.v)};
}

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

INLINE struct i8x32 q_offset(struct i8x32 a)
{
	return (struct i8x32){_mm256_xor_si256(a.v, _mm256_set1_epi8((char)0x80))};
}

INLINE struct i32x8 i_dot(struct i32x8 sum, const struct i8x32 a[DOT], const struct i8x32 b[DOT], int bits)
{
	(void)bits;
	return (struct i32x8){_mm256_dpbusd_epi32(sum.v, a->v, b->v)};
}
