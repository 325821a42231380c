/* simd_avx512.h: the vectors of simd.h with AVX-512 (F, BW, DQ, VL), VNNI and BF16. */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

struct f32x16 {
	__m512 v;
};

struct f32x8 {
	__m256 v;
};

struct i32x16 {
	__m512i v;
};

struct bf16x32 {
	__m512i v;
};

struct i8x64 {
	__m512i v;
};

enum { TILE_W = 4, TILE_X = 6, TILE_PAIRS = 4 };

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

INLINE struct f32x8 f_load_8(const float *p)
{
	return (struct f32x8){_mm256_loadu_ps(p)};
}

INLINE struct f32x16 f_pair(struct f32x8 a, struct f32x8 b)
{
	return (struct f32x16){_mm512_insertf32x8(_mm512_castps256_ps512(a.v), b.v, 1)};
}

INLINE struct f32x16 f_load_twice(const float *p)
{
	return (struct f32x16){_mm512_broadcast_f32x8(_mm256_loadu_ps(p))};
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

INLINE struct f32x16 f_mul(struct f32x16 a, struct f32x16 b)
{
	return (struct f32x16){_mm512_mul_ps(a.v, b.v)};
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

/* The eight rows' lane 0, lane 1 and so on as vectors of 8, which are added. */
INLINE void f_sum_ascending_4(const struct f32x16 a[4], float sums[8])
{
	const __m512i low = _mm512_setr_epi32(0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27);
	const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(4));
	const __m512i even = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
	const __m512i odd = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
	__m256 s = _mm256_setzero_ps();
	for (int part = 0; part < 2; part++) {
		__m512i pick = part ? high : low;
		__m512d t = _mm512_castps_pd(_mm512_permutex2var_ps(a[0].v, pick, a[1].v));
		__m512d u = _mm512_castps_pd(_mm512_permutex2var_ps(a[2].v, pick, a[3].v));
		__m512 lanes01 = _mm512_castpd_ps(_mm512_permutex2var_pd(t, even, u));
		__m512 lanes23 = _mm512_castpd_ps(_mm512_permutex2var_pd(t, odd, u));
		__m256 first = _mm512_castps512_ps256(lanes01);
		s = part ? _mm256_add_ps(s, first) : first;
		s = _mm256_add_ps(s, _mm512_extractf32x8_ps(lanes01, 1));
		s = _mm256_add_ps(s, _mm512_castps512_ps256(lanes23));
		s = _mm256_add_ps(s, _mm512_extractf32x8_ps(lanes23, 1));
	}
	_mm256_storeu_ps(sums, s);
}

INLINE void f_sum_ascending(struct f32x16 a, float sums[2])
{
	float lanes[16];
	_mm512_storeu_ps(lanes, a.v);
	sums[0] = lanes[0];
	sums[1] = lanes[8];
	for (int j = 1; j < 8; j++) {
		sums[0] += lanes[j];
		sums[1] += lanes[j + 8];
	}
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

INLINE void flush_off(unsigned before)
{
	(void)before;
}

INLINE struct i32x16 i_set(int32_t a)
{
	return (struct i32x16){_mm512_set1_epi32(a)};
}

INLINE struct i32x16 i_load(const int32_t *p)
{
	return (struct i32x16){_mm512_loadu_si512(p)};
}

INLINE struct i32x16 i_load_twice(const int32_t *p)
{
	return (struct i32x16){_mm512_broadcast_i32x8(_mm256_loadu_si256((const void *)p))};
}

INLINE struct i32x16 i_load_pair(const int32_t *a, const int32_t *b)
{
	__m512i low = _mm512_castsi256_si512(_mm256_loadu_si256((const void *)a));
	return (struct i32x16){_mm512_inserti32x8(low, _mm256_loadu_si256((const void *)b), 1)};
}

INLINE struct i32x16 i_add(struct i32x16 a, struct i32x16 b)
{
	return (struct i32x16){_mm512_add_epi32(a.v, b.v)};
}

INLINE struct i32x16 i_mul(struct i32x16 a, struct i32x16 b)
{
	return (struct i32x16){_mm512_mullo_epi32(a.v, b.v)};
}

INLINE struct i32x16 i_fold_2(struct i32x16 a, struct i32x16 b)
{
	return (struct i32x16){_mm512_add_epi32(_mm512_shuffle_i64x2(a.v, b.v, 0x44),
						_mm512_shuffle_i64x2(a.v, b.v, 0xee))};
}

/* Of four vectors, in each 128 bits the sums of theirs. */
INLINE __m512i sums_within(const struct i32x16 a[4])
{
	__m512i s01 = _mm512_add_epi32(_mm512_unpacklo_epi32(a[0].v, a[1].v),
				       _mm512_unpackhi_epi32(a[0].v, a[1].v));
	__m512i s23 = _mm512_add_epi32(_mm512_unpacklo_epi32(a[2].v, a[3].v),
				       _mm512_unpackhi_epi32(a[2].v, a[3].v));
	return _mm512_add_epi32(_mm512_unpacklo_epi64(s01, s23), _mm512_unpackhi_epi64(s01, s23));
}

INLINE struct i32x16 i_totals_8(const struct i32x16 a[8])
{
	__m512i s = sums_within(a), t = sums_within(a + 4);
	return (struct i32x16){_mm512_add_epi32(_mm512_shuffle_i32x4(s, t, 0x88),
						_mm512_shuffle_i32x4(s, t, 0xdd))};
}

INLINE int32_t i_total(struct i32x16 a)
{
	return _mm512_reduce_add_epi32(a.v);
}

INLINE struct f32x16 f_from_i32(struct i32x16 a)
{
	return (struct f32x16){_mm512_cvtepi32_ps(a.v)};
}

INLINE struct i8x64 q_load(const void *p)
{
	return (struct i8x64){_mm512_loadu_si512(p)};
}

INLINE struct i8x64 q_load_twice(const void *p)
{
	return (struct i8x64){_mm512_broadcast_i64x4(_mm256_loadu_si256(p))};
}

INLINE void q_store(void *p, struct i8x64 a)
{
	_mm512_storeu_si512(p, a.v);
}

INLINE struct i8x64 q_low_halves(struct i8x64 a, struct i8x64 b)
{
	return (struct i8x64){_mm512_shuffle_i64x2(a.v, b.v, 0x44)};
}

INLINE struct i8x64 q_high_halves(struct i8x64 a, struct i8x64 b)
{
	return (struct i8x64){_mm512_shuffle_i64x2(a.v, b.v, 0xee)};
}

INLINE void i_store(int32_t *p, struct i32x16 a)
{
	_mm512_storeu_si512(p, a.v);
}

INLINE struct i32x16 i_dot(struct i32x16 sum, struct i8x64 a, struct i8x64 b)
{
	return (struct i32x16){_mm512_dpbusd_epi32(sum.v, a.v, b.v)};
}
