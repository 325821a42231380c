/* simd_256.h: the vectors of 8 lanes of simd.h with AVX2, which AVX-512 has too. */
struct f32x8 {
	__m256 v;
};

struct i32x8 {
	__m256i v;
};

struct i8x32 {
	__m256i v;
};

INLINE struct f32x8 f8_set(float a)
{
	return (struct f32x8){_mm256_set1_ps(a)};
}

INLINE struct f32x8 f8_load(const float *p)
{
	return (struct f32x8){_mm256_loadu_ps(p)};
}

INLINE void f8_store(float *p, struct f32x8 a)
{
	_mm256_storeu_ps(p, a.v);
}

INLINE struct f32x8 f8_add(struct f32x8 a, struct f32x8 b)
{
	return (struct f32x8){_mm256_add_ps(a.v, b.v)};
}

INLINE struct f32x8 f8_mul(struct f32x8 a, struct f32x8 b)
{
	return (struct f32x8){_mm256_mul_ps(a.v, b.v)};
}

INLINE struct f32x8 f8_fma(struct f32x8 a, struct f32x8 b, struct f32x8 c)
{
	return (struct f32x8){_mm256_fmadd_ps(a.v, b.v, c.v)};
}

INLINE struct f32x8 f8_from_i32(struct i32x8 a)
{
	return (struct f32x8){_mm256_cvtepi32_ps(a.v)};
}

INLINE short half_at(const unsigned char *p)
{
	short h;
	memcpy(&h, p, sizeof h);
	return h;
}

/* From 32 bits of each lane the lower 16. */
INLINE __m128i lower_halves(__m256i a)
{
#if defined(__AVX512VL__)
	return _mm256_cvtepi32_epi16(a);
#else
	a = _mm256_packus_epi32(_mm256_and_si256(a, _mm256_set1_epi32(0xffff)), _mm256_setzero_si256());
	return _mm256_castsi256_si128(_mm256_permute4x64_epi64(a, 0x08));
#endif
}

INLINE struct f32x8 f8_from_f16(struct i32x8 a, bool upper)
{
	return (struct f32x8){_mm256_cvtph_ps(lower_halves(upper ? _mm256_srli_epi32(a.v, 16) : a.v))};
}

INLINE struct f32x8 f8_rows_f16(const unsigned char *p, size_t stride)
{
	const unsigned char *p4 = p + 4 * stride;
	__m128i h = _mm_setr_epi16(half_at(p), half_at(p + stride), half_at(p + 2 * stride), half_at(p + 3 * stride),
				   half_at(p4), half_at(p4 + stride), half_at(p4 + 2 * stride),
				   half_at(p4 + 3 * stride));
	return (struct f32x8){_mm256_cvtph_ps(h)};
}

INLINE struct i32x8 i_set(int32_t a)
{
	return (struct i32x8){_mm256_set1_epi32(a)};
}

INLINE struct i32x8 i_load(const int32_t *p)
{
	return (struct i32x8){_mm256_loadu_si256((const void *)p)};
}

INLINE void i_store(int32_t *p, struct i32x8 a)
{
	_mm256_storeu_si256((void *)p, a.v);
}

/* 16 bytes at p and at q. */
INLINE __m256i load_two(const unsigned char *p, const unsigned char *q)
{
	__m128i a = _mm_loadu_si128((const void *)p), b = _mm_loadu_si128((const void *)q);
	return _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
}

/* 16 bytes of rows k and k + 4 side by side. */
INLINE void load_rows(const unsigned char *p, size_t stride, __m256i row[4])
{
	const unsigned char *p4 = p + 4 * stride;
	row[0] = load_two(p, p4);
	row[1] = load_two(p + stride, p4 + stride);
	row[2] = load_two(p + 2 * stride, p4 + 2 * stride);
	row[3] = load_two(p + 3 * stride, p4 + 3 * stride);
}

INLINE struct i32x8 i_rows(const unsigned char *p, size_t stride)
{
	__m256i row[4];
	load_rows(p, stride, row);
	return (struct i32x8){_mm256_unpacklo_epi64(_mm256_unpacklo_epi32(row[0], row[1]),
						    _mm256_unpacklo_epi32(row[2], row[3]))};
}

INLINE struct i32x8 i_add(struct i32x8 a, struct i32x8 b)
{
	return (struct i32x8){_mm256_add_epi32(a.v, b.v)};
}

INLINE struct i32x8 i_mul(struct i32x8 a, struct i32x8 b)
{
	return (struct i32x8){_mm256_mullo_epi32(a.v, b.v)};
}

INLINE struct i32x8 i_and(struct i32x8 a, int32_t mask)
{
	return (struct i32x8){_mm256_and_si256(a.v, _mm256_set1_epi32(mask))};
}

INLINE struct i32x8 i_or(struct i32x8 a, struct i32x8 b)
{
	return (struct i32x8){_mm256_or_si256(a.v, b.v)};
}

INLINE struct i32x8 i_right(struct i32x8 a, int n)
{
	return (struct i32x8){_mm256_srli_epi32(a.v, n)};
}

INLINE struct i32x8 i_left(struct i32x8 a, int n)
{
	return (struct i32x8){_mm256_slli_epi32(a.v, n)};
}

INLINE struct i32x8 i_byte(struct i32x8 a, int n)
{
	return (struct i32x8){_mm256_srai_epi32(_mm256_slli_epi32(a.v, 24 - 8 * n), 24)};
}

INLINE struct i8x32 q_load(const void *p)
{
	return (struct i8x32){_mm256_loadu_si256(p)};
}

INLINE void q_store(void *p, struct i8x32 a)
{
	_mm256_storeu_si256(p, a.v);
}

INLINE int word_at(const unsigned char *p)
{
	int w;
	memcpy(&w, p, sizeof w);
	return w;
}

INLINE struct i8x32 q_set(const void *p)
{
	return (struct i8x32){_mm256_set1_epi32(word_at(p))};
}

/* The 32-bit words of the rows are exchanged as in a 4 by 4 matrix, in both halves. */
INLINE void q_rows(const unsigned char *p, size_t stride, struct i8x32 q[4])
{
	__m256i row[4];
	load_rows(p, stride, row);
	__m256i a = _mm256_unpacklo_epi32(row[0], row[1]), b = _mm256_unpackhi_epi32(row[0], row[1]);
	__m256i c = _mm256_unpacklo_epi32(row[2], row[3]), d = _mm256_unpackhi_epi32(row[2], row[3]);
	q[0].v = _mm256_unpacklo_epi64(a, c);
	q[1].v = _mm256_unpackhi_epi64(a, c);
	q[2].v = _mm256_unpacklo_epi64(b, d);
	q[3].v = _mm256_unpackhi_epi64(b, d);
}

INLINE struct i32x8 i_from_bytes(struct i8x32 a)
{
	return (struct i32x8){a.v};
}

INLINE struct i8x32 q_bits(struct i8x32 a, int shift, int n)
{
	__m256i shifted = shift ? _mm256_srli_epi16(a.v, shift) : a.v;
	return (struct i8x32){_mm256_and_si256(shifted, _mm256_set1_epi8((char)((1 << n) - 1)))};
}

INLINE struct i8x32 q_above(struct i8x32 a, struct i8x32 b)
{
	return (struct i8x32){_mm256_or_si256(a.v, _mm256_slli_epi16(b.v, 4))};
}

/* Multiplied by 1 + 2^7 + 2^14 + 2^21, bit i is bit 8 i too. */
INLINE struct i8x32 q_spread(struct i32x8 a)
{
	__m256i bits = _mm256_and_si256(a.v, _mm256_set1_epi32(15));
	bits = _mm256_mullo_epi32(bits, _mm256_set1_epi32(0x00204081));
	return (struct i8x32){_mm256_and_si256(bits, _mm256_set1_epi32(0x01010101))};
}
