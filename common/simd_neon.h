/*
 * simd_neon.h: the vectors of simd.h with the Advanced SIMD of AArch64, in
 * registers of 4 lanes, and its products of bytes (DotProd) where there are such.
 */
#include <stdint.h>
#include <string.h>

#include "simd_bf16.h"

struct f32x16 {
	float32x4_t v[4];
};

struct bf16x32 {
	uint32x4_t v[4];
};

struct f32x8 {
	float32x4_t v[2];
};

struct i32x8 {
	int32x4_t v[2];
};

struct i8x32 {
	uint8x16_t v[2];
};

enum { TILE_W = 2, TILE_X = 2, TILE_Q = 1, STRIPS = 1, STRIP_X = 4, DOT = 4, Q_OFFSET = 0 };

INLINE struct f32x16 f_set(float a)
{
	float32x4_t all = vdupq_n_f32(a);
	return (struct f32x16){{all, all, all, all}};
}

INLINE struct f32x16 f_load(const float *p)
{
	return (struct f32x16){{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
}

INLINE struct f32x16 f_load_part(const float *p, size_t n)
{
	float all[16] = {0};
	memcpy(all, p, n * sizeof *p);
	return f_load(all);
}

INLINE void f_store(float *p, struct f32x16 a)
{
	UNROLL
	for (int i = 0; i < 4; i++)
		vst1q_f32(p + 4 * i, a.v[i]);
}

INLINE void f_store_part(float *p, struct f32x16 a, size_t n)
{
	float all[16];
	f_store(all, a);
	memcpy(p, all, n * sizeof *p);
}

INLINE struct f32x16 f_add(struct f32x16 a, struct f32x16 b)
{
	UNROLL
	for (int i = 0; i < 4; i++)
		a.v[i] = vaddq_f32(a.v[i], b.v[i]);
	return a;
}

INLINE struct f32x16 f_fma(struct f32x16 a, struct f32x16 b, struct f32x16 c)
{
	UNROLL
	for (int i = 0; i < 4; i++)
		c.v[i] = vfmaq_f32(c.v[i], a.v[i], b.v[i]);
	return c;
}

INLINE float32x4_t from_f16(uint16x4_t h)
{
	return vcvt_f32_f16(vreinterpret_f16_u16(h));
}

INLINE struct f32x16 f_load_f16(const uint16_t *p)
{
	return (struct f32x16){{from_f16(vld1_u16(p)), from_f16(vld1_u16(p + 4)), from_f16(vld1_u16(p + 8)),
				from_f16(vld1_u16(p + 12))}};
}

INLINE struct f32x16 f_load_f16_part(const uint16_t *p, size_t n)
{
	uint16_t all[16] = {0};
	memcpy(all, p, n * sizeof *p);
	return f_load_f16(all);
}

INLINE float32x4_t from_bf16(uint16x4_t b)
{
	return vreinterpretq_f32_u32(vshll_n_u16(b, 16));
}

INLINE struct f32x16 f_load_bf16(const uint16_t *p)
{
	return (struct f32x16){{from_bf16(vld1_u16(p)), from_bf16(vld1_u16(p + 4)), from_bf16(vld1_u16(p + 8)),
				from_bf16(vld1_u16(p + 12))}};
}

INLINE struct f32x16 f_load_bf16_part(const uint16_t *p, size_t n)
{
	uint16_t all[16] = {0};
	memcpy(all, p, n * sizeof *p);
	return f_load_bf16(all);
}

INLINE float f_sum(struct f32x16 a)
{
	float32x4_t q = vaddq_f32(vaddq_f32(a.v[0], a.v[2]), vaddq_f32(a.v[1], a.v[3]));
	float32x2_t d = vadd_f32(vget_low_f32(q), vget_high_f32(q));
	return vget_lane_f32(d, 0) + vget_lane_f32(d, 1);
}

INLINE void f_sum_4(const struct f32x16 a[4], float *sums)
{
	for (int i = 0; i < 4; i++)
		sums[i] = f_sum(a[i]);
}

INLINE struct bf16x32 b_load(const uint16_t *p)
{
	struct bf16x32 r;
	UNROLL
	for (int i = 0; i < 4; i++)
		r.v[i] = vreinterpretq_u32_u16(vld1q_u16(p + 8 * i));
	return r;
}

INLINE struct bf16x32 b_load_part(const uint16_t *p, size_t n)
{
	uint16_t all[32] = {0};
	memcpy(all, p, n * sizeof *p);
	return b_load(all);
}

/* F32 numbers that were BF16; those below the smallest normal one become zero. */
INLINE float32x4_t only_normal(uint32x4_t bits)
{
	uint32x4_t normal = vtstq_u32(bits, vdupq_n_u32(0x7f800000));
	return vreinterpretq_f32_u32(vandq_u32(bits, vorrq_u32(normal, vdupq_n_u32(0x80000000))));
}

INLINE float32x4_t upper_bf16(uint32x4_t a)
{
	return only_normal(vandq_u32(a, vdupq_n_u32(0xffff0000)));
}

INLINE float32x4_t lower_bf16(uint32x4_t a)
{
	return only_normal(vshlq_n_u32(a, 16));
}

/* Below 2^24 where 0 < |x| <= the smallest normal number: what may have to become zero. */
INLINE uint32x4_t smallness(float32x4_t x)
{
	return vsubq_u32(vshlq_n_u32(vreinterpretq_u32_f32(x), 1), vdupq_n_u32(1));
}

/* f_dot_bf16 lane by lane, for the few with small sums: FPCR's FZ would flush before rounding. */
static __attribute__((noinline)) void dot_small_bf16(float sum[16], const uint16_t a[32], const uint16_t b[32])
{
	for (int j = 0; j < 16; j++) {
		float odd = fma_flushed(bf16_value(a[2 * j + 1]), bf16_value(b[2 * j + 1]), sum[j]);
		sum[j] = fma_flushed(bf16_value(a[2 * j]), bf16_value(b[2 * j]), odd);
	}
}

INLINE void b_store(uint16_t *p, struct bf16x32 a)
{
	UNROLL
	for (int i = 0; i < 4; i++)
		vst1q_u16(p + 8 * i, vreinterpretq_u16_u32(a.v[i]));
}

INLINE struct f32x16 f_dot_bf16(struct f32x16 sum, struct bf16x32 a, struct bf16x32 b)
{
	struct f32x16 r;
	uint32x4_t least = vdupq_n_u32(UINT32_MAX);
	UNROLL
	for (int i = 0; i < 4; i++) {
		float32x4_t odd = vfmaq_f32(sum.v[i], upper_bf16(a.v[i]), upper_bf16(b.v[i]));
		r.v[i] = vfmaq_f32(odd, lower_bf16(a.v[i]), lower_bf16(b.v[i]));
		least = vminq_u32(least, vminq_u32(smallness(odd), smallness(r.v[i])));
	}
	if (vminvq_u32(least) >= 1u << 24)
		return r;
	float sums[16];
	uint16_t all_a[32], all_b[32];
	f_store(sums, sum);
	b_store(all_a, a);
	b_store(all_b, b);
	dot_small_bf16(sums, all_a, all_b);
	return f_load(sums);
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

INLINE struct f32x8 f8_set(float a)
{
	return (struct f32x8){{vdupq_n_f32(a), vdupq_n_f32(a)}};
}

INLINE struct f32x8 f8_load(const float *p)
{
	return (struct f32x8){{vld1q_f32(p), vld1q_f32(p + 4)}};
}

INLINE void f8_store(float *p, struct f32x8 a)
{
	vst1q_f32(p, a.v[0]);
	vst1q_f32(p + 4, a.v[1]);
}

INLINE struct f32x8 f8_add(struct f32x8 a, struct f32x8 b)
{
	return (struct f32x8){{vaddq_f32(a.v[0], b.v[0]), vaddq_f32(a.v[1], b.v[1])}};
}

INLINE struct f32x8 f8_mul(struct f32x8 a, struct f32x8 b)
{
	return (struct f32x8){{vmulq_f32(a.v[0], b.v[0]), vmulq_f32(a.v[1], b.v[1])}};
}

INLINE struct f32x8 f8_fma(struct f32x8 a, struct f32x8 b, struct f32x8 c)
{
	return (struct f32x8){{vfmaq_f32(c.v[0], a.v[0], b.v[0]), vfmaq_f32(c.v[1], a.v[1], b.v[1])}};
}

INLINE struct f32x8 f8_from_i32(struct i32x8 a)
{
	return (struct f32x8){{vcvtq_f32_s32(a.v[0]), vcvtq_f32_s32(a.v[1])}};
}

INLINE struct f32x8 f8_from_f16(struct i32x8 a, bool upper)
{
	struct f32x8 r;
	UNROLL
	for (int i = 0; i < 2; i++) {
		uint32x4_t lanes = vreinterpretq_u32_s32(a.v[i]);
		r.v[i] = from_f16(upper ? vshrn_n_u32(lanes, 16) : vmovn_u32(lanes));
	}
	return r;
}

INLINE struct f32x8 f8_rows_f16(const unsigned char *p, size_t stride)
{
	uint16_t h[8];
	UNROLL
	for (size_t j = 0; j < 8; j++)
		memcpy(h + j, p + j * stride, sizeof *h);
	return (struct f32x8){{from_f16(vld1_u16(h)), from_f16(vld1_u16(h + 4))}};
}

INLINE struct i32x8 i_set(int32_t a)
{
	return (struct i32x8){{vdupq_n_s32(a), vdupq_n_s32(a)}};
}

INLINE struct i32x8 i_load(const int32_t *p)
{
	return (struct i32x8){{vld1q_s32(p), vld1q_s32(p + 4)}};
}

INLINE void i_store(int32_t *p, struct i32x8 a)
{
	vst1q_s32(p, a.v[0]);
	vst1q_s32(p + 4, a.v[1]);
}

INLINE struct i32x8 i_rows(const unsigned char *p, size_t stride)
{
	int32_t w[8];
	UNROLL
	for (size_t j = 0; j < 8; j++)
		memcpy(w + j, p + j * stride, sizeof *w);
	return i_load(w);
}

INLINE struct i32x8 i_add(struct i32x8 a, struct i32x8 b)
{
	return (struct i32x8){{vaddq_s32(a.v[0], b.v[0]), vaddq_s32(a.v[1], b.v[1])}};
}

INLINE struct i32x8 i_mul(struct i32x8 a, struct i32x8 b)
{
	return (struct i32x8){{vmulq_s32(a.v[0], b.v[0]), vmulq_s32(a.v[1], b.v[1])}};
}

INLINE struct i32x8 i_and(struct i32x8 a, int32_t mask)
{
	int32x4_t all = vdupq_n_s32(mask);
	return (struct i32x8){{vandq_s32(a.v[0], all), vandq_s32(a.v[1], all)}};
}

INLINE struct i32x8 i_or(struct i32x8 a, struct i32x8 b)
{
	return (struct i32x8){{vorrq_s32(a.v[0], b.v[0]), vorrq_s32(a.v[1], b.v[1])}};
}

/* Shifts by n bits to the left, or by -n to the right. */
INLINE int32x4_t shifted(int32x4_t a, int n)
{
	return vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(a), vdupq_n_s32(n)));
}

INLINE struct i32x8 i_right(struct i32x8 a, int n)
{
	return (struct i32x8){{shifted(a.v[0], -n), shifted(a.v[1], -n)}};
}

INLINE struct i32x8 i_left(struct i32x8 a, int n)
{
	return (struct i32x8){{shifted(a.v[0], n), shifted(a.v[1], n)}};
}

INLINE struct i32x8 i_byte(struct i32x8 a, int n)
{
	a = i_left(a, 24 - 8 * n);
	return (struct i32x8){{vshrq_n_s32(a.v[0], 24), vshrq_n_s32(a.v[1], 24)}};
}

INLINE struct i8x32 q_load(const void *p)
{
	const uint8_t *bytes = p;
	return (struct i8x32){{vld1q_u8(bytes), vld1q_u8(bytes + 16)}};
}

INLINE void q_store(void *p, struct i8x32 a)
{
	uint8_t *bytes = p;
	vst1q_u8(bytes, a.v[0]);
	vst1q_u8(bytes + 16, a.v[1]);
}

INLINE struct i8x32 q_set(const void *p)
{
	uint32_t w;
	memcpy(&w, p, sizeof w);
	uint8x16_t all = vreinterpretq_u8_u32(vdupq_n_u32(w));
	return (struct i8x32){{all, all}};
}

INLINE uint32x4_t row_at(const unsigned char *p)
{
	return vreinterpretq_u32_u8(vld1q_u8(p));
}

/* The first (second) 64 bits of a and of b. */
INLINE uint8x16_t firsts(uint32x4_t a, uint32x4_t b)
{
	return vreinterpretq_u8_u64(vtrn1q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
}

INLINE uint8x16_t seconds(uint32x4_t a, uint32x4_t b)
{
	return vreinterpretq_u8_u64(vtrn2q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
}

/* The 32-bit words of four rows are exchanged as in a 4 by 4 matrix, twice. */
INLINE void q_rows(const unsigned char *p, size_t stride, struct i8x32 q[4])
{
	UNROLL
	for (int half = 0; half < 2; half++, p += 4 * stride) {
		uint32x4_t a = row_at(p), b = row_at(p + stride);
		uint32x4_t c = row_at(p + 2 * stride), d = row_at(p + 3 * stride);
		uint32x4_t even_ab = vtrn1q_u32(a, b), odd_ab = vtrn2q_u32(a, b);
		uint32x4_t even_cd = vtrn1q_u32(c, d), odd_cd = vtrn2q_u32(c, d);
		q[0].v[half] = firsts(even_ab, even_cd);
		q[1].v[half] = firsts(odd_ab, odd_cd);
		q[2].v[half] = seconds(even_ab, even_cd);
		q[3].v[half] = seconds(odd_ab, odd_cd);
	}
}

INLINE struct i32x8 i_from_bytes(struct i8x32 a)
{
	return (struct i32x8){{vreinterpretq_s32_u8(a.v[0]), vreinterpretq_s32_u8(a.v[1])}};
}

INLINE struct i8x32 q_bits(struct i8x32 a, int shift, int n)
{
	UNROLL
	for (int i = 0; i < 2; i++)
		a.v[i] = vandq_u8(vshlq_u8(a.v[i], vdupq_n_s8((int8_t)-shift)), vdupq_n_u8((uint8_t)((1 << n) - 1)));
	return a;
}

INLINE struct i8x32 q_above(struct i8x32 a, struct i8x32 b)
{
	UNROLL
	for (int i = 0; i < 2; i++)
		a.v[i] = vorrq_u8(a.v[i], vshlq_n_u8(b.v[i], 4));
	return a;
}

INLINE struct i8x32 q_offset(struct i8x32 a)
{
	return a;
}

/* The lowest byte of each lane to all its bytes, then another bit of each. */
INLINE struct i8x32 q_spread(struct i32x8 a)
{
	static const uint8_t lowest[16] = {0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12};
	static const uint8_t bit[16] = {1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8};
	struct i8x32 r;
	UNROLL
	for (int i = 0; i < 2; i++) {
		uint8x16_t bytes = vqtbl1q_u8(vreinterpretq_u8_s32(a.v[i]), vld1q_u8(lowest));
		r.v[i] = vandq_u8(vtstq_u8(bytes, vld1q_u8(bit)), vdupq_n_u8(1));
	}
	return r;
}

#if defined(__ARM_FEATURE_DOTPROD)

/* All bytes are signed: those of a have less than 8 bits, or a sign. */
INLINE int32x4_t dot_bytes(int32x4_t sum, const int8x16_t a[DOT], const int8x16_t b[DOT], int bits)
{
	(void)bits;
	UNROLL
	for (int v = 0; v < DOT; v++)
		sum = vdotq_s32(sum, a[v], b[v]);
	return sum;
}

#else

/*
 * Adds pairs of products of V vectors to each lane.  16 bits hold the sum of
 * all four vectors' pairs of 5 bits (8 * 31 * 127), of two of 6 bits, of one of 8.
 */
INLINE int32x4_t add_pairs(int32x4_t sum, const int8x16_t *a, const int8x16_t *b, int V)
{
	int16x8_t low = vmull_s8(vget_low_s8(a[0]), vget_low_s8(b[0])), high = vmull_high_s8(a[0], b[0]);
	UNROLL
	for (int v = 1; v < V; v++) {
		low = vmlal_s8(low, vget_low_s8(a[v]), vget_low_s8(b[v]));
		high = vmlal_high_s8(high, a[v], b[v]);
	}
	return vpadalq_s16(sum, vpaddq_s16(low, high));
}

INLINE int32x4_t dot_bytes(int32x4_t sum, const int8x16_t a[DOT], const int8x16_t b[DOT], int bits)
{
	int V = bits <= 5 ? 4 : bits == 6 ? 2 : 1;
	UNROLL
	for (int v = 0; v < DOT; v += V)
		sum = add_pairs(sum, a + v, b + v, V);
	return sum;
}

#endif

INLINE struct i32x8 i_dot(struct i32x8 sum, const struct i8x32 a[DOT], const struct i8x32 b[DOT], int bits)
{
	UNROLL
	for (int i = 0; i < 2; i++) {
		int8x16_t half_a[DOT], half_b[DOT];
		UNROLL
		for (int v = 0; v < DOT; v++) {
			half_a[v] = vreinterpretq_s8_u8(a[v].v[i]);
			half_b[v] = vreinterpretq_s8_u8(b[v].v[i]);
		}
		sum.v[i] = dot_bytes(sum.v[i], half_a, half_b, bits);
	}
	return sum;
}
