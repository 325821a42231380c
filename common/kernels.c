/*
 * kernels.c: the inner loops, in the vectors of simd.h.  The Makefile compiles
 * this file once for each instruction set, with ISA set to its name.  Each
 * result is made in the order that numeric.h defines, whatever the size of the
 * vectors and of the tiles; the plain build is the definition.
 */
#include <math.h>
#include <string.h>

#include "activation.h"
#include "groups.h"
#include "kernels.h"
#include "simd.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define STRING_(a) #a
#define STRING(a) STRING_(a)

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- vectors ---- */

static float dot_f32(const float *a, const float *b, size_t n)
{
	struct f32x16 sum = f_set(0);
	size_t k = 0;
	for (; k + 16 <= n; k += 16)
		sum = f_fma(f_load(a + k), f_load(b + k), sum);
	if (k < n)
		sum = f_fma(f_load_part(a + k, n - k), f_load_part(b + k, n - k), sum);
	return f_sum(sum);
}

static float sum_f32(const float *x, size_t n)
{
	struct f32x16 sum = f_set(0);
	size_t k = 0;
	for (; k + 16 <= n; k += 16)
		sum = f_add(sum, f_load(x + k));
	if (k < n)
		sum = f_add(sum, f_load_part(x + k, n - k));
	return f_sum(sum);
}

static void add_scaled(float a, const float *x, float *y, size_t n)
{
	struct f32x16 scale = f_set(a);
	size_t k = 0;
	for (; k + 16 <= n; k += 16)
		f_store(y + k, f_fma(scale, f_load(x + k), f_load(y + k)));
	if (k < n)
		f_store_part(y + k, f_fma(scale, f_load_part(x + k, n - k), f_load_part(y + k, n - k)), n - k);
}

static void exp_shifted(const float *x, float shift, float *y, size_t n)
{
	for (size_t k = 0; k < n; k++)
		y[k] = exp_f32(x[k] - shift);
}

/* One loop for each activation, so that each can become vector instructions. */
static void activate_all(enum activation activation, const float *gate, const float *up, size_t n,
			 float *neurons)
{
	switch (activation) {
	case ACTIVATION_SILU:
		for (size_t k = 0; k < n; k++)
			neurons[k] = activate(ACTIVATION_SILU, gate[k]) * up[k];
		break;
	default:
		for (size_t k = 0; k < n; k++)
			neurons[k] = activate(activation, gate[k]) * up[k];
	}
}

static void unpack_f16(const uint16_t *h, size_t n, float *x)
{
	size_t k = 0;
	for (; k + 16 <= n; k += 16)
		f_store(x + k, f_load_f16(h + k));
	f_store_part(x + k, f_load_f16_part(h + k, n - k), n - k);
}

static void unpack_bf16(const uint16_t *b, size_t n, float *x)
{
	size_t k = 0;
	for (; k + 16 <= n; k += 16)
		f_store(x + k, f_load_bf16(b + k));
	f_store_part(x + k, f_load_bf16_part(b + k, n - k), n - k);
}

static void round_bf16(const float *x, size_t n, uint16_t *b)
{
	for (size_t k = 0; k < n; k++) {
		uint32_t bits, nan;
		memcpy(&bits, x + k, sizeof bits);
		nan = (bits & 0x7fffffff) > 0x7f800000;
		b[k] = (uint16_t)(nan ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
	}
}

/* ---- activations in blocks ---- */

/* The bits of the largest |x|: as integers, NaN is larger than infinity. */
static uint32_t largest(const float *x, size_t n)
{
	uint32_t max = 0;
	for (size_t k = 0; k < n; k++) {
		uint32_t bits;
		memcpy(&bits, x + k, sizeof bits);
		bits &= 0x7fffffff;
		max = bits > max ? bits : max;
	}
	return max;
}

/*
 * The scale for elements up to the one with these bits, and its inverse: such
 * that the largest becomes 127.  What has no number in it becomes NaN, what is
 * too small for a normal scale becomes zero.
 */
static float scale_for(uint32_t largest_bits, float *inverse)
{
	float max, d;
	memcpy(&max, &largest_bits, sizeof max);
	*inverse = 0;
	if (largest_bits >= 0x7f800000)
		return NAN;
	d = max / 127;
	if (d < FLT_MIN)
		return 0;
	*inverse = 1 / d;
	return d;
}

/* To the nearest integer, ties to even, of |x| < 2^22. */
static inline int32_t nearest(float x)
{
	float shifted = x + 0x1.8p23f;
	int32_t bits;
	memcpy(&bits, &shifted, sizeof bits);
	return bits - 0x4b400000;
}

/* The 32 elements x, fewer than that if the row ends, as block L of a. */
static void round_block(const float *x, size_t n, float inverse, size_t L, struct activations *a)
{
	int8_t q[32];
	for (size_t i = 0; i < n; i++)
		q[i] = (int8_t)(inverse == 0 ? 0 : nearest(x[i] * inverse));
	memset(q + n, 0, 32 - n);
	for (size_t i = 0; i < 32; i += 4)
		memcpy(a->q + group_place(L, i), q + i, 4);
	a->sum[0][L] = a->sum[1][L] = 0;
	for (size_t i = 0; i < 16; i++) {
		a->sum[0][L] += q[i];
		a->sum[1][L] += q[i + 16];
	}
}

static void round_32(const float *x, size_t n, struct activations *a)
{
	for (; n > 0; a++) {
		for (size_t L = 0; L < 8; L++) {
			size_t m = smaller(n, 32);
			float inverse;
			a->d[L] = m ? scale_for(largest(x, m), &inverse) : (inverse = 0);
			round_block(x, m, inverse, L, a);
			a->s[L] = a->d[L] * (float)(a->sum[0][L] + a->sum[1][L]);
			x += m;
			n -= m;
		}
	}
}

static void round_256(const float *x, size_t n, struct activations *a)
{
	for (; n > 0; a++) {
		float inverse;
		memset(a->d, 0, sizeof a->d);
		memset(a->s, 0, sizeof a->s);
		a->d[0] = scale_for(largest(x, smaller(n, 256)), &inverse);
		for (size_t L = 0; L < 8; L++) {
			size_t m = smaller(n, 32);
			round_block(x, m, inverse, L, a);
			x += m;
			n -= m;
		}
	}
}

/* ---- products of F32, F16 and BF16 ---- */

static const void *row_of(const void *rows, size_t bytes, size_t i)
{
	return (const unsigned char *)rows + i * bytes;
}

/* n <= 16 elements of a row from element k, as F32. */
INLINE struct f32x16 load_as_f32(enum dtype type, const void *row, size_t k, size_t n)
{
	switch (type) {
	case DTYPE_F16:
		return n == 16 ? f_load_f16((const uint16_t *)row + k) : f_load_f16_part((const uint16_t *)row + k, n);
	case DTYPE_BF16:
		return n == 16 ? f_load_bf16((const uint16_t *)row + k) : f_load_bf16_part((const uint16_t *)row + k, n);
	default:
		return n == 16 ? f_load((const float *)row + k) : f_load_part((const float *)row + k, n);
	}
}

/* W sums each to y[0] to y[W - 1]. */
INLINE void store_sums(int W, const struct f32x16 *sums, float *y)
{
	if (W == 4) {
		f_sum_4(sums, y);
		return;
	}
	for (int o = 0; o < W; o++)
		y[o] = f_sum(sums[o]);
}

/* Adds the products of n <= 16 elements from k to the sums of a tile. */
INLINE void step_f32(enum dtype type, const void *const *w, const void *const *x, size_t k, size_t n, int W,
		     int X, struct f32x16 sum[TILE_X][TILE_W])
{
	struct f32x16 b[TILE_W];
	UNROLL
	for (int o = 0; o < W; o++)
		b[o] = load_as_f32(type, w[o], k, n);
	UNROLL
	for (int i = 0; i < X; i++) {
		struct f32x16 a = load_as_f32(DTYPE_F32, x[i], k, n);
		UNROLL
		for (int o = 0; o < W; o++)
			sum[i][o] = f_fma(a, b[o], sum[i][o]);
	}
}

/* W rows of w from o on times X rows of x from i on. */
INLINE void tile_f32(const struct product *p, enum dtype type, size_t o, size_t i, int W, int X)
{
	struct f32x16 sum[TILE_X][TILE_W];
	const void *w[TILE_W], *x[TILE_X];
	size_t k = 0;
	UNROLL
	for (int a = 0; a < W; a++)
		w[a] = row_of(p->w, p->w_bytes, o + (size_t)a);
	UNROLL
	for (int b = 0; b < X; b++) {
		x[b] = row_of(p->x, p->x_bytes, i + (size_t)b);
		UNROLL
		for (int a = 0; a < W; a++)
			sum[b][a] = f_set(0);
	}
	for (; k + 16 <= p->in; k += 16)
		step_f32(type, w, x, k, 16, W, X, sum);
	if (k < p->in)
		step_f32(type, w, x, k, p->in - k, W, X, sum);
	UNROLL
	for (int b = 0; b < X; b++)
		store_sums(W, sum[b], p->y + (i + (size_t)b) * p->y_stride + o);
}

INLINE void step_bf16(const void *const *w, const void *const *x, size_t k, size_t n, int W, int X,
		      struct f32x16 sum[TILE_X][TILE_W])
{
	struct bf16x32 b[TILE_W];
	UNROLL
	for (int o = 0; o < W; o++) {
		const uint16_t *row = w[o];
		b[o] = n == 32 ? b_load(row + k) : b_load_part(row + k, n);
	}
	UNROLL
	for (int i = 0; i < X; i++) {
		struct bf16x32 a = b_load((const uint16_t *)x[i] + k);
		UNROLL
		for (int o = 0; o < W; o++)
			sum[i][o] = f_dot_bf16(sum[i][o], a, b[o]);
	}
}

INLINE void tile_bf16(const struct product *p, size_t o, size_t i, int W, int X)
{
	struct f32x16 sum[TILE_X][TILE_W];
	const void *w[TILE_W], *x[TILE_X];
	size_t k = 0;
	UNROLL
	for (int a = 0; a < W; a++)
		w[a] = row_of(p->w, p->w_bytes, o + (size_t)a);
	UNROLL
	for (int b = 0; b < X; b++) {
		x[b] = row_of(p->x, p->x_bytes, i + (size_t)b);
		UNROLL
		for (int a = 0; a < W; a++)
			sum[b][a] = f_set(0);
	}
	for (; k + 32 <= p->in; k += 32)
		step_bf16(w, x, k, 32, W, X, sum);
	if (k < p->in)
		step_bf16(w, x, k, p->in - k, W, X, sum);
	UNROLL
	for (int b = 0; b < X; b++)
		store_sums(W, sum[b], p->y + (i + (size_t)b) * p->y_stride + o);
}

/* The types of products, for which tile makes code of its own each. */
enum order { ORDER_F32, ORDER_F16, ORDER_BF16_AS_F32, ORDER_BF16 };

INLINE void tile(enum order order, const struct product *p, size_t o, size_t i, int W, int X)
{
	switch (order) {
	case ORDER_F32:
		tile_f32(p, DTYPE_F32, o, i, W, X);
		break;
	case ORDER_F16:
		tile_f32(p, DTYPE_F16, o, i, W, X);
		break;
	case ORDER_BF16_AS_F32:
		tile_f32(p, DTYPE_BF16, o, i, W, X);
		break;
	case ORDER_BF16:
		tile_bf16(p, o, i, W, X);
		break;
	}
}

/* W rows of w times all rows of x from i to end. */
INLINE void tiles(enum order order, const struct product *p, size_t o, size_t i, size_t end, int W)
{
	for (; i + TILE_X <= end; i += TILE_X)
		tile(order, p, o, i, W, TILE_X);
	for (; TILE_X > 2 && i + 2 <= end; i += 2)
		tile(order, p, o, i, W, 2);
	for (; TILE_X > 1 && i < end; i++)
		tile(order, p, o, i, W, 1);
}

#define NEAR (256 << 10)        /* bytes of x that stay in a core's own cache */

INLINE void product(enum order order, const struct product *p)
{
	size_t many = NEAR / p->x_bytes / TILE_X * TILE_X;
	if (many < TILE_X)
		many = TILE_X;
	for (size_t i = 0; i < p->n; i += many) {
		size_t o = 0, end = smaller(i + many, p->n);
		for (; o + TILE_W <= p->rows; o += TILE_W)
			tiles(order, p, o, i, end, TILE_W);
		for (; o < p->rows; o++)
			tiles(order, p, o, i, end, 1);
	}
}

static void product_f32(const struct product *p, enum dtype type)
{
	if (type == DTYPE_F16)
		product(ORDER_F16, p);
	else if (type == DTYPE_BF16)
		product(ORDER_BF16_AS_F32, p);
	else
		product(ORDER_F32, p);
}

static void product_bf16(const struct product *p)
{
	unsigned before = flush_on();
	product(ORDER_BF16, p);
	flush_off(before);
}

/* ---- products of weights in blocks ---- */

/* The same group of two rows of w; the vectors have a half for each. */
struct pair {
	uint8_t q[8][64];
	float d[16], m[16];                     /* blocks of 32 */
	int32_t low[16], high[16], minimum[16]; /* blocks of 256 */
};

/* The pairs of 8 rows at one group, and d and m of blocks of 256 as i_totals_8 orders them. */
struct panel {
	struct pair pair[4];
	float d[8], m[8];
};

#define PANEL_X 2               /* rows of x that a panel is multiplied with at a time */

static size_t groups_of(size_t in)
{
	return (in + 255) / 256;
}

/* Bytes and blocks of a group that begins at element k. */
INLINE size_t blocks_from(size_t in, size_t k)
{
	return smaller((in - k + 31) / 32, 8);
}

/* Adds one group's contribution to the sums of two rows: numeric.h, blocks of 32. */
INLINE struct f32x16 add_group_32(enum dtype type, struct f32x16 sum, struct i32x16 products,
				  struct f32x16 d, struct f32x16 m, const struct activations *x)
{
	sum = f_fma(f_from_i32(products), f_mul(d, f_load_twice(x->d)), sum);
	if (block_has_minimum(type))
		sum = f_fma(m, f_load_twice(x->s), sum);
	return sum;
}

/* What the products begin with, so that the offset of q is gone from their sum. */
INLINE struct i32x16 without_offset(enum dtype type, const int32_t *sum)
{
	if (block_offset(type) == 0)
		return i_set(0);
	return i_mul(i_load_twice(sum), i_set(-block_offset(type)));
}

/* Two rows of w, not unpacked before, times one row of x. */
INLINE void rows_32(enum dtype type, const unsigned char *w0, const unsigned char *w1, size_t in,
		    const struct activations *x, float y[2])
{
	struct f32x16 sum = f_set(0);
	for (size_t k = 0; k < in; k += 256, x++) {
		size_t count = blocks_from(in, k), at = k / 32 * block_bytes(type);
		struct group_32 a, b;
		if (count == 8) {
			a = group_load_32(type, w0 + at, 8);
			b = group_load_32(type, w1 + at, 8);
		} else {
			a = group_load_32(type, w0 + at, count);
			b = group_load_32(type, w1 + at, count);
		}
		struct i32x16 s = i_set(0), t = i_set(0);
		UNROLL
		for (int i = 0; i < 4; i++) {
			struct i8x64 q = q_load(x->q + 64 * i);
			s = i_dot(s, a.q[i], q);
			t = i_dot(t, b.q[i], q);
		}
		s = i_fold_2(s, t);
		if (block_offset(type)) {
			s = i_add(s, without_offset(type, x->sum[0]));
			s = i_add(s, without_offset(type, x->sum[1]));
		}
		sum = add_group_32(type, sum, s, f_pair(a.d, b.d), f_pair(a.m, b.m), x);
	}
	f_sum_ascending(sum, y);
}

INLINE void pack_q(const struct i8x64 a[4], const struct i8x64 b[4], struct pair *to)
{
	UNROLL
	for (int i = 0; i < 4; i++) {
		q_store(to->q[2 * i], q_low_halves(a[i], b[i]));
		q_store(to->q[2 * i + 1], q_high_halves(a[i], b[i]));
	}
}

INLINE void pack_32(enum dtype type, const unsigned char *w0, const unsigned char *w1, size_t count,
		    struct pair *to)
{
	struct group_32 a = group_load_32(type, w0, count), b = group_load_32(type, w1, count);
	pack_q(a.q, b.q, to);
	f_store(to->d, f_pair(a.d, b.d));
	f_store(to->m, f_pair(a.m, b.m));
}

/* Some pairs of rows of a panel, from `first` on, times PANEL_X rows of x. */
INLINE void tile_32(enum dtype type, const struct panel *panels, size_t groups, const struct activations *const *x,
		    int first, float y[PANEL_X][8])
{
	enum { P = TILE_PAIRS, X = PANEL_X };
	struct f32x16 sum[X][P];
	UNROLL
	for (int j = 0; j < X; j++)
		UNROLL
		for (int p = 0; p < P; p++)
			sum[j][p] = f_set(0);
	for (size_t g = 0; g < groups; g++) {
		const struct pair *pair = panels[g].pair + first;
		struct i32x16 s[X][P];
		UNROLL
		for (int j = 0; j < X; j++) {
			struct i32x16 start = without_offset(type, x[j][g].sum[0]);
			if (block_offset(type))
				start = i_add(start, without_offset(type, x[j][g].sum[1]));
			UNROLL
			for (int p = 0; p < P; p++)
				s[j][p] = start;
		}
		UNROLL
		for (int v = 0; v < 8; v++) {
			struct i8x64 q[P];
			UNROLL
			for (int p = 0; p < P; p++)
				q[p] = q_load(pair[p].q[v]);
			UNROLL
			for (int j = 0; j < X; j++) {
				struct i8x64 a = q_load_twice(x[j][g].q + 32 * v);
				UNROLL
				for (int p = 0; p < P; p++)
					s[j][p] = i_dot(s[j][p], q[p], a);
			}
		}
		UNROLL
		for (int j = 0; j < X; j++)
			UNROLL
			for (int p = 0; p < P; p++)
				sum[j][p] = add_group_32(type, sum[j][p], s[j][p], f_load(pair[p].d),
							 f_load(pair[p].m), &x[j][g]);
	}
	UNROLL
	for (int j = 0; j < X; j++) {
		if (P == 4) {
			f_sum_ascending_4(sum[j], y[j]);
			continue;
		}
		for (int p = 0; p < P; p++)
			f_sum_ascending(sum[j][p], y[j] + 2 * (first + p));
	}
}

/* Adds the integers of a block of 256 to the sums of 16 results: numeric.h. */
INLINE struct f32x16 add_group_256(enum dtype type, struct f32x16 sum, struct i32x16 products,
				   struct i32x16 minima, struct f32x16 d, struct f32x16 m, struct f32x16 x_d)
{
	sum = f_fma(f_from_i32(products), f_mul(d, x_d), sum);
	if (block_has_minimum(type))
		sum = f_fma(f_from_i32(minima), f_mul(m, x_d), sum);
	return sum;
}

INLINE void pack_256(enum dtype type, const unsigned char *const w[8], struct panel *to)
{
	for (int p = 0; p < 4; p++) {
		struct pair *pair = &to->pair[p];
		for (int h = 0; h < 2; h++) {
			struct group_256 g = group_load_256(type, w[2 * p + h]);
			for (int i = 0; i < 4; i++) {
				uint8_t q[64];
				q_store(q, g.q[i]);
				memcpy(pair->q[2 * i] + 32 * h, q, 32);
				memcpy(pair->q[2 * i + 1] + 32 * h, q + 32, 32);
			}
			memcpy(pair->low + 8 * h, g.low, sizeof g.low);
			memcpy(pair->high + 8 * h, g.high, sizeof g.high);
			memcpy(pair->minimum + 8 * h, g.minimum, sizeof g.minimum);
			to->d[4 * h + p] = g.d;
			to->m[4 * h + p] = -g.m;
		}
	}
}

/* 8 rows from `panels` times 2 rows of x, in sums of 16 results: lane b mod 8 of each in sum[b mod 8]. */
INLINE void tile_256(enum dtype type, const struct panel *panels, size_t groups,
		     const struct activations *const *rows, float y[PANEL_X][8])
{
	struct f32x16 sum[8], total;
	for (int lane = 0; lane < 8; lane++)
		sum[lane] = f_set(0);
	for (size_t g = 0; g < groups; g++) {
		const struct activations *x[PANEL_X] = {rows[0] + g, rows[1] + g};
		struct i32x16 s[8], m[8];
		float x_d[16];
		UNROLL
		for (int j = 0; j < 2; j++) {
			struct i32x16 low[4], high[4];
			UNROLL
			for (int p = 0; p < 4; p++) {
				low[p] = without_offset(type, x[j]->sum[0]);
				high[p] = without_offset(type, x[j]->sum[1]);
			}
			UNROLL
			for (int v = 0; v < 4; v++) {
				struct i8x64 a = q_load_twice(x[j]->q + 32 * v), b = q_load_twice(x[j]->q + 32 * (v + 4));
				UNROLL
				for (int p = 0; p < 4; p++) {
					low[p] = i_dot(low[p], q_load(panels[g].pair[p].q[v]), a);
					high[p] = i_dot(high[p], q_load(panels[g].pair[p].q[v + 4]), b);
				}
			}
			struct i32x16 part = i_add(i_load_twice(x[j]->sum[0]), i_load_twice(x[j]->sum[1]));
			UNROLL
			for (int p = 0; p < 4; p++) {
				const struct pair *pair = &panels[g].pair[p];
				s[4 * j + p] = i_add(i_mul(low[p], i_load(pair->low)), i_mul(high[p], i_load(pair->high)));
				m[4 * j + p] = i_mul(part, i_load(pair->minimum));
			}
			for (int k = 0; k < 8; k++)
				x_d[8 * j + k] = x[j]->d[0];
		}
		sum[g % 8] = add_group_256(type, sum[g % 8], i_totals_8(s), i_totals_8(m), f_load_twice(panels[g].d),
					   f_load_twice(panels[g].m), f_load(x_d));
	}
	total = sum[0];
	for (int lane = 1; lane < 8; lane++)
		total = f_add(total, sum[lane]);
	float results[16];
	f_store(results, total);
	for (int j = 0; j < 2; j++)
		for (int p = 0; p < 4; p++)
			for (int h = 0; h < 2; h++)
				y[j][2 * p + h] = results[8 * j + 4 * h + p];
}

/* Two rows of w times one row of x, blocks of 256. */
INLINE void rows_256(enum dtype type, const unsigned char *w0, const unsigned char *w1, size_t in,
		     const struct activations *x, float y[2])
{
	float sum[2][8] = {{0}};
	for (size_t g = 0; g < groups_of(in); g++, x++) {
		const unsigned char *w[2] = {w0 + g * block_bytes(type), w1 + g * block_bytes(type)};
		for (int h = 0; h < 2; h++) {
			struct group_256 a = group_load_256(type, w[h]);
			struct i32x16 low = i_set(0), high = i_set(0);
			UNROLL
			for (int i = 0; i < 2; i++) {
				low = i_dot(low, a.q[i], q_load(x->q + 64 * i));
				high = i_dot(high, a.q[i + 2], q_load(x->q + 64 * (i + 2)));
			}
			struct i32x16 s = i_fold_2(low, high), scale = i_load_pair(a.low, a.high), sums = i_load(x->sum[0]);
			if (block_offset(type))
				s = i_add(s, i_mul(sums, i_set(-block_offset(type))));
			int32_t products = i_total(i_mul(s, scale)), minima = 0;
			if (block_has_minimum(type))
				minima = i_total(i_mul(sums, i_load_twice(a.minimum)));
			float *lane = &sum[h][g % 8];
			*lane = fmaf((float)products, a.d * x->d[0], *lane);
			if (block_has_minimum(type))
				*lane = fmaf((float)minima, -a.m * x->d[0], *lane);
		}
	}
	for (int h = 0; h < 2; h++) {
		y[h] = sum[h][0];
		for (int lane = 1; lane < 8; lane++)
			y[h] += sum[h][lane];
	}
}

INLINE bool in_256(enum dtype type)
{
	return type == DTYPE_Q4_K || type == DTYPE_Q5_K || type == DTYPE_Q6_K;
}

/* Few rows of x: not worth unpacking for. */
INLINE void product_few(enum dtype type, const struct product *p)
{
	for (size_t o = 0; o < p->rows; o += 2) {
		const unsigned char *w0 = p->w + o * p->w_bytes;
		const unsigned char *w1 = o + 1 < p->rows ? w0 + p->w_bytes : w0;
		for (size_t i = 0; i < p->n; i++) {
			float y[2];
			if (in_256(type))
				rows_256(type, w0, w1, p->in, row_of(p->x, p->x_bytes, i), y);
			else
				rows_32(type, w0, w1, p->in, row_of(p->x, p->x_bytes, i), y);
			memcpy(p->y + i * p->y_stride + o, y, smaller(p->rows - o, 2) * sizeof *y);
		}
	}
}

/* 8 rows of w from o on, where there are as many, side by side. */
INLINE void pack(enum dtype type, const struct product *p, size_t o, struct panel *panels)
{
	const unsigned char *w[8];
	for (size_t r = 0; r < 8; r++)
		w[r] = p->w + smaller(o + r, p->rows - 1) * p->w_bytes;
	for (size_t g = 0; g < groups_of(p->in); g++) {
		size_t count = in_256(type) ? 1 : blocks_from(p->in, 256 * g);
		if (in_256(type))
			pack_256(type, w, &panels[g]);
		else
			for (size_t i = 0; i < 4; i++)
				pack_32(type, w[2 * i], w[2 * i + 1], count, &panels[g].pair[i]);
		for (size_t r = 0; r < 8; r++)
			w[r] += count * block_bytes(type);
	}
}

/* The packed rows of w times PANEL_X rows of x from i on. */
INLINE void tile_blocks(enum dtype type, const struct product *p, const struct panel *panels, size_t o, size_t i)
{
	size_t groups = groups_of(p->in);
	const struct activations *x[PANEL_X];
	float y[PANEL_X][8];
	UNROLL
	for (int j = 0; j < PANEL_X; j++)
		x[j] = row_of(p->x, p->x_bytes, i + (size_t)j);
	if (in_256(type))
		tile_256(type, panels, groups, x, y);
	else
		for (int pair = 0; pair < 4; pair += TILE_PAIRS)
			tile_32(type, panels, groups, x, pair, y);
	for (int j = 0; j < PANEL_X; j++)
		memcpy(p->y + (i + (size_t)j) * p->y_stride + o, y[j], smaller(p->rows - o, 8) * sizeof **y);
}

#define FEW 3

INLINE void product_of(enum dtype type, const struct product *p, struct panel *panels)
{
	if (p->n <= FEW) {
		product_few(type, p);
		return;
	}
	for (size_t o = 0; o < p->rows; o += 8) {
		size_t i = 0;
		pack(type, p, o, panels);
		for (; i + PANEL_X <= p->n; i += PANEL_X)
			tile_blocks(type, p, panels, o, i);
		if (i < p->n)
			product_few(type, &(struct product){
				.w = p->w + o * p->w_bytes, .w_bytes = p->w_bytes, .rows = smaller(p->rows - o, 8),
				.x = row_of(p->x, p->x_bytes, i), .n = 1, .in = p->in,
				.y = p->y + i * p->y_stride + o,
			});
	}
}

/* Code of its own for each type. */
static void product_blocks(const struct product *p, enum dtype type, void *room)
{
	switch (type) {
	case DTYPE_Q4_0:
		product_of(DTYPE_Q4_0, p, room);
		break;
	case DTYPE_Q4_1:
		product_of(DTYPE_Q4_1, p, room);
		break;
	case DTYPE_Q5_0:
		product_of(DTYPE_Q5_0, p, room);
		break;
	case DTYPE_Q5_1:
		product_of(DTYPE_Q5_1, p, room);
		break;
	case DTYPE_Q8_0:
		product_of(DTYPE_Q8_0, p, room);
		break;
	case DTYPE_Q4_K:
		product_of(DTYPE_Q4_K, p, room);
		break;
	case DTYPE_Q5_K:
		product_of(DTYPE_Q5_K, p, room);
		break;
	case DTYPE_Q6_K:
		product_of(DTYPE_Q6_K, p, room);
		break;
	default:
		break;
	}
}

static size_t blocks_room(size_t in)
{
	return groups_of(in) * sizeof(struct panel);
}

const struct kernels JOIN(kernels_, ISA) = {
	.name = STRING(ISA),
	.dot_f32 = dot_f32,
	.sum_f32 = sum_f32,
	.add_scaled = add_scaled,
	.exp_shifted = exp_shifted,
	.unpack_f16 = unpack_f16,
	.unpack_bf16 = unpack_bf16,
	.round_bf16 = round_bf16,
	.activate = activate_all,
	.round_32 = round_32,
	.round_256 = round_256,
	.product_f32 = product_f32,
	.product_bf16 = product_bf16,
	.product_blocks = product_blocks,
	.blocks_room = blocks_room,
};
