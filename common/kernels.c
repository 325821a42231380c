/*
 * kernels.c: the inner loops, in the vectors of simd.h.  The Makefile compiles
 * this file once for each instruction set, with ISA set to its name.  Each
 * result is made in the order that numeric.h defines, whatever the size of the
 * vectors and of the tiles; the plain build is the definition.
 */
#include <math.h>
#include <string.h>

#include "activation.h"
#include "kernels.h"
#include "simd.h"
#include "strips.h"

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

/* 16 V elements (or the rest) from e on of Q rows from i on, keys j to end: numeric.h, weigh_all. */
INLINE void weigh_tile(const struct weighing *w, size_t i, size_t e, size_t j, size_t end, int Q, int V, size_t rest)
{
	const float *weights = w->weights + i * w->row + j * w->step, *v = w->v + j * w->v_stride + e;
	float *z = w->z + i * w->z_stride + e;
	bool add = w->add || j > 0;
	struct f32x16 sum[TILE_Q][4];
	UNROLL
	for (int q = 0; q < Q; q++)
		UNROLL
		for (int i = 0; i < V; i++)
			if (add)
				sum[q][i] = rest ? f_load_part(z + (size_t)q * w->z_stride, rest)
						 : f_load(z + (size_t)q * w->z_stride + 16 * i);
			else
				sum[q][i] = f_set(0);
	for (; j < end; j++, v += w->v_stride, weights += w->step) {
		struct f32x16 value[4];
		UNROLL
		for (int i = 0; i < V; i++)
			value[i] = rest ? f_load_part(v, rest) : f_load(v + 16 * i);
		UNROLL
		for (int q = 0; q < Q; q++) {
			struct f32x16 weight = f_set(weights[(size_t)q * w->row]);
			UNROLL
			for (int i = 0; i < V; i++)
				sum[q][i] = f_fma(weight, value[i], sum[q][i]);
		}
	}
	UNROLL
	for (int q = 0; q < Q; q++)
		UNROLL
		for (int i = 0; i < V; i++)
			if (rest)
				f_store_part(z + (size_t)q * w->z_stride, sum[q][i], rest);
			else
				f_store(z + (size_t)q * w->z_stride + 16 * i, sum[q][i]);
}

INLINE void weigh_rows(const struct weighing *w, size_t i, size_t j, size_t end, int Q)
{
	size_t e = 0;
	for (; e + 64 <= w->d; e += 64)
		weigh_tile(w, i, e, j, end, Q, 4, 0);
	for (; e + 16 <= w->d; e += 16)
		weigh_tile(w, i, e, j, end, Q, 1, 0);
	if (e < w->d)
		weigh_tile(w, i, e, j, end, Q, 1, w->d - e);
}

#define WEIGH_KEYS 256          /* of v that stay near while all rows of z take them */

static void weigh(const struct weighing *w)
{
	size_t j = 0;
	do {                    /* once without any keys, too: then the sums are 0 */
		size_t i = 0, end = smaller(j + WEIGH_KEYS, w->keys);
		for (; i + TILE_Q <= w->n; i += TILE_Q)
			weigh_rows(w, i, j, end, TILE_Q);
		for (; TILE_Q > 2 && i + 2 <= w->n; i += 2)
			weigh_rows(w, i, j, end, 2);
		for (; TILE_Q > 1 && i < w->n; i++)
			weigh_rows(w, i, j, end, 1);
		j = end;
	} while (j < w->keys);
}

/* In 16 lanes; all begin with the first element, so that a NaN there is the largest. */
static float max_f32(const float *x, size_t n)
{
	float lanes[16];
	size_t k = 0;
	for (int j = 0; j < 16; j++)
		lanes[j] = x[0];
	for (; k + 16 <= n; k += 16)
		for (int j = 0; j < 16; j++)
			lanes[j] = x[k + (size_t)j] > lanes[j] ? x[k + (size_t)j] : lanes[j];
	for (; k < n; k++)
		lanes[0] = x[k] > lanes[0] ? x[k] : lanes[0];
	for (int j = 1; j < 16; j++)
		lanes[0] = lanes[j] > lanes[0] ? lanes[j] : lanes[0];
	return lanes[0];
}

static void exp_shifted(const float *x, float shift, float *y, size_t n)
{
	for (size_t k = 0; k < n; k++)
		y[k] = exp_f32(x[k] - shift);
}

/* One loop for each activation, so that each can become vector instructions. */
static void activate_all(enum activation activation, const float *x, const float *factors, size_t n,
			 float *neurons)
{
	switch (activation) {
	case ACTIVATION_SILU:
		for (size_t k = 0; k < n; k++)
			neurons[k] = activate(ACTIVATION_SILU, x[k]);
		break;
	case ACTIVATION_GELU_TANH:
		for (size_t k = 0; k < n; k++)
			neurons[k] = activate(ACTIVATION_GELU_TANH, x[k]);
		break;
	default:
		for (size_t k = 0; k < n; k++)
			neurons[k] = activate(activation, x[k]);
	}
	for (size_t k = 0; factors && k < n; k++)
		neurons[k] *= factors[k];
}

static void gate_backward(enum activation activation, const float *gate, const float *up, const float *dneurons,
			  size_t n, float *dgate, float *dup)
{
	switch (activation) {
	case ACTIVATION_SILU:
		for (size_t k = 0; k < n; k++) {
			dgate[k] = dneurons[k] * up[k] * slope(ACTIVATION_SILU, gate[k]);
			dup[k] = dneurons[k] * activate(ACTIVATION_SILU, gate[k]);
		}
		break;
	default:
		for (size_t k = 0; k < n; k++) {
			dgate[k] = dneurons[k] * up[k] * slope(activation, gate[k]);
			dup[k] = dneurons[k] * activate(activation, gate[k]);
		}
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

/* 32 elements times `inverse`, to the nearest, as part of a block. */
static void round_part(const float *x, float d, float inverse, size_t block, struct activations *a)
{
	for (size_t i = 0; i < 32; i++)
		a->q[i] = (int8_t)(inverse == 0 ? 0 : nearest(x[i] * inverse));
	for (size_t half = 0; half < 2; half++) {
		a->sum[half] = 0;
		for (size_t i = 16 * half; i < 16 * half + 16; i++)
			a->sum[half] += a->q[i];
	}
	a->d = d;
	a->s = d * (float)(a->sum[0] + a->sum[1]);
	a->block = (int32_t)block;
}

/* A block of n elements to n / 32 structures; the largest |x|. */
static float round_block(const float *x, size_t n, size_t block, struct activations *a)
{
	uint32_t bits = largest(x, n);
	float inverse, max, d = scale_for(bits, &inverse);
	for (size_t k = 0; k < n; k += 32)
		round_part(x + k, d, inverse, block, a++);
	memcpy(&max, &bits, sizeof max);
	return max;
}

/* What the rounding of a block has left over. */
static void left_over(const float *x, size_t n, const struct activations *a, float *rest)
{
	for (size_t k = 0; k < n; k++)
		rest[k] = fmaf(-a[k / 32].d, (float)a[k / 32].q[k % 32], x[k]);
}

/* A row in blocks of `size` elements: numeric.h. */
static void round_row(const float *x, size_t n, size_t size, struct activations *a)
{
	struct activations *again = a + n / 32;
	float limit = 25 * (dot_f32(x, x, n) / (float)n), rest[256];
	for (size_t b = 0; b < n / size; b++, x += size, a += size / 32) {
		float max = round_block(x, size, b, a);
		if (max * max > limit && max < INFINITY) {
			left_over(x, size, a, rest);
			round_block(rest, size, b, again);
			again += size / 32;
		}
	}
	again->block = -1;
}

static void round_32(const float *x, size_t n, struct activations *a)
{
	round_row(x, n, 32, a);
}

static void round_256(const float *x, size_t n, struct activations *a)
{
	round_row(x, n, 256, a);
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
	unsigned before = flush_on();
	for (; k + 32 <= p->in; k += 32)
		step_bf16(w, x, k, 32, W, X, sum);
	if (k < p->in)
		step_bf16(w, x, k, p->in - k, W, X, sum);
	UNROLL
	for (int b = 0; b < X; b++)
		UNROLL
		for (int a = 0; a < W; a++)
			sum[b][a] = f_finished(sum[b][a]);
	flush_off(before);
	UNROLL
	for (int b = 0; b < X; b++)
		UNROLL
		for (int a = 0; a < W; a++)
			sum[b][a] = f_finished(sum[b][a]);
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

#define NEAR (512 << 10)        /* bytes of x that stay in a core's own cache */

/* So many rows of x, a multiple of the rows of a tile. */
static size_t rows_near(const struct product *p, size_t tile_rows)
{
	size_t tiles = NEAR / p->x_bytes / tile_rows;
	return tiles ? tiles * tile_rows : tile_rows;
}

INLINE void product(enum order order, const struct product *p)
{
	for (size_t i = 0, end; i < p->n; i = end) {
		size_t o = 0;
		end = smaller(i + rows_near(p, TILE_X), p->n);
		/* for one row of x, memory counts: then w is read from one end to the other */
		for (; p->n > 1 && o + TILE_W <= p->rows; o += TILE_W)
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
	product(ORDER_BF16, p);
}

/* ---- products of weights in blocks ---- */

#define FEW 3                   /* rows of x for which weights are not unpacked */

/* Those of a row that are rounded a second time. */
static const struct activations *second_terms(const struct activations *x, size_t in)
{
	return x + in / 32;
}

/*
 * Rows of w are taken in strips of 8, a row a lane.  Those at the end that do
 * not fill one make a strip each, with all lanes alike.
 */
struct strip {
	const unsigned char *w;
	size_t stride, row, rows;       /* bytes from lane to lane; where the results go */
};

static size_t strips_of(size_t rows)
{
	return rows / STRIP + rows % STRIP;
}

static struct strip strip_at(const struct product *p, size_t i)
{
	size_t full = p->rows / STRIP;
	struct strip s = {.stride = p->w_bytes, .row = i * STRIP, .rows = STRIP};
	if (i >= full)
		s = (struct strip){.row = full * STRIP + (i - full), .rows = 1};
	s.w = p->w + s.row * p->w_bytes;
	return s;
}

INLINE bool in_256(enum dtype type)
{
	return type == DTYPE_Q4_K || type == DTYPE_Q5_K || type == DTYPE_Q6_K;
}

/* Of DOT vectors, each lane of each four bytes of x. */
INLINE void set_all(const int8_t *x, struct i8x32 *q)
{
	UNROLL
	for (int v = 0; v < DOT; v++)
		q[v] = q_set(x + 4 * v);
}

/* Adds the products with 16 bytes of x to those of a strip. */
INLINE struct i32x8 add_products(enum dtype type, struct i32x8 sum, const struct i8x32 *q, const int8_t *x)
{
	struct i8x32 b[DOT];
	UNROLL
	for (int v = 0; v < 4; v += DOT) {
		set_all(x + 4 * v, b);
		sum = i_dot(sum, q + v, b, block_bits(type));
	}
	return sum;
}

/* What sums of products begin with, so that the offset of q is gone from them. */
INLINE struct i32x8 less_offset(enum dtype type, int32_t sum_of_x)
{
	return i_set(-(type == DTYPE_Q8_0 ? Q_OFFSET : block_offset(type)) * sum_of_x);
}

/* Adds a block of 32 to the sums of 8 rows: numeric.h says how. */
INLINE struct f32x8 add_32(enum dtype type, struct f32x8 sum, struct i32x8 products, struct f32x8 d, struct f32x8 m,
			   const struct activations *x)
{
	sum = f8_fma(f8_from_i32(products), f8_mul(d, f8_set(x->d)), sum);
	if (block_has_minimum(type))
		sum = f8_fma(m, f8_set(x->s), sum);
	return sum;
}

/* The products of half a part each, times their scales. */
INLINE struct i32x8 scaled(enum dtype type, struct i32x8 low, struct i32x8 high, struct i32x8 scale_low,
			   struct i32x8 scale_high)
{
	if (type != DTYPE_Q6_K)         /* the scales are the same */
		return i_mul(i_add(low, high), scale_low);
	return i_add(i_mul(low, scale_low), i_mul(high, scale_high));
}

/* Adds a block of 256. */
INLINE struct f32x8 add_256(enum dtype type, struct f32x8 sum, struct i32x8 products, struct i32x8 minima,
			    struct f32x8 d, struct f32x8 m, const struct activations *x)
{
	sum = f8_fma(f8_from_i32(products), f8_mul(d, f8_set(x->d)), sum);
	if (block_has_minimum(type))
		sum = f8_fma(f8_from_i32(minima), f8_mul(m, f8_set(x->d)), sum);
	return sum;
}

INLINE void store_strip(const struct product *p, const struct strip *s, size_t i, struct f32x8 sums)
{
	float *y = p->y + i * p->y_stride + s->row;
	if (s->rows == STRIP) {
		f8_store(y, sums);
		return;
	}
	float all[STRIP];
	f8_store(all, sums);
	memcpy(y, all, s->rows * sizeof *y);
}

#define AHEAD 4096              /* bytes to ask for before they are needed, at least */

/*
 * Asks for the part b of the bytes from p on, of so many bytes each, which will
 * be needed soon: in the nearest cache, or for longer ways in the one behind it,
 * which can wait for more at a time.
 */
INLINE void ask_for(const unsigned char *p, size_t bytes, size_t b, bool far)
{
	for (size_t at = b * bytes; at < (b + 1) * bytes; at += 64)
		if (far)
			__builtin_prefetch(p + at, 0, 2);
		else
			__builtin_prefetch(p + at);
}

/* Adds the product of a block of 32 of a strip, as it is stored, with one of activations. */
INLINE struct f32x8 add_strip_32(enum dtype type, struct f32x8 sum, const unsigned char *w, size_t stride,
				 const struct activations *x)
{
	struct strip_32 block;
	strip_load_32(type, w, stride, &block);
	struct i32x8 low = add_products(type, less_offset(type, x->sum[0] + x->sum[1]), block.q, x->q);
	struct i32x8 products = i_add(low, add_products(type, i_set(0), block.q + 4, x->q + 16));
	return add_32(type, sum, products, block.d, block.m, x);
}

INLINE struct f32x8 add_strip_256(enum dtype type, struct f32x8 sum, const unsigned char *w, size_t stride,
				  const struct activations *x, const unsigned char *next)
{
	struct strip_scales scales;
	struct i32x8 products = i_set(0), minima = i_set(0);
	strip_load_scales(type, w, stride, &scales);
	UNROLL
	for (int part = 0; part < 8; part++) {
		const struct activations *a = x + part;
		struct i8x32 q[8];
		ask_for(next, block_bytes(type), (size_t)part, true);
		strip_load_part(type, w, stride, part, q);
		struct i32x8 low = add_products(type, less_offset(type, a->sum[0]), q, a->q);
		struct i32x8 high = add_products(type, less_offset(type, a->sum[1]), q + 4, a->q + 16);
		products = i_add(products, scaled(type, low, high, scales.low[part], scales.high[part]));
		minima = i_add(minima, i_mul(scales.minimum[part], i_set(a->sum[0] + a->sum[1])));
	}
	return add_256(type, sum, products, minima, scales.d, scales.m, x);
}

/* The same for any type; asks for the strip's worth of bytes at next. */
INLINE struct f32x8 add_strip(enum dtype type, struct f32x8 sum, const unsigned char *w, size_t stride,
			      const struct activations *x, const unsigned char *next)
{
	if (in_256(type))
		return add_strip_256(type, sum, w, stride, x, next);
	ask_for(next, STRIP * block_bytes(type), 0, false);
	return add_strip_32(type, sum, w, stride, x);
}

/* A strip as it is stored times row i of x. */
INLINE void strip_times(enum dtype type, const struct product *p, const struct strip *s, size_t i)
{
	size_t parts = in_256(type) ? 8 : 1, bytes = block_bytes(type), strip = STRIP * p->w_bytes;
	size_t ahead = strip < AHEAD ? 2 * strip : strip;
	const struct activations *x = row_of(p->x, p->x_bytes, i), *again = second_terms(x, p->in);
	struct f32x8 sum[8];
	for (int lane = 0; lane < 8; lane++)
		sum[lane] = f8_set(0);
	for (size_t b = 0; b < p->in / 32 / parts; b++, x += parts) {
		const unsigned char *next = s->w + ahead + b * STRIP * bytes;
		sum[b % 8] = add_strip(type, sum[b % 8], s->w + b * bytes, s->stride, x, next);
	}
	for (; again->block >= 0; again += parts) {
		size_t b = (size_t)again->block;
		const unsigned char *w = s->w + b * bytes;
		sum[b % 8] = add_strip(type, sum[b % 8], w, s->stride, again, w);
	}
	for (int lane = 1; lane < 8; lane++)
		sum[0] = f8_add(sum[0], sum[lane]);
	store_strip(p, s, i, sum[0]);
}

/* A block of 32, or a part of one of 256, of a strip, unpacked for many rows of x. */
struct packed {
	uint8_t q[8][32];
	float d[8], m[8];                       /* of a block of 256: in its first part */
};

/* Of a part of a block of 256. */
struct packed_scales {
	int32_t low[8], high[8], minimum[8];
};

static size_t packed_of(size_t in)
{
	return in / 32;
}

INLINE void pack(enum dtype type, const struct strip *s, size_t in, struct packed *to, struct packed_scales *to_scales)
{
	const unsigned char *w = s->w;
	if (!in_256(type)) {
		for (size_t b = 0; b < in / 32; b++, to++, w += block_bytes(type)) {
			struct strip_32 block;
			strip_load_32(type, w, s->stride, &block);
			UNROLL
			for (int v = 0; v < 8; v++)
				q_store(to->q[v], block.q[v]);
			f8_store(to->d, block.d);
			f8_store(to->m, block.m);
		}
		return;
	}
	for (size_t b = 0; b < in / 256; b++, to += 8, w += block_bytes(type)) {
		struct strip_scales scales;
		strip_load_scales(type, w, s->stride, &scales);
		f8_store(to->d, scales.d);
		f8_store(to->m, scales.m);
		UNROLL
		for (int part = 0; part < 8; part++) {
			struct i8x32 q[8];
			strip_load_part(type, w, s->stride, part, q);
			UNROLL
			for (int v = 0; v < 8; v++)
				q_store(to[part].q[v], q[v]);
			i_store(to_scales->low, scales.low[part]);
			i_store(to_scales->high, scales.high[part]);
			i_store(to_scales->minimum, scales.minimum[part]);
			to_scales++;
		}
	}
}

/* Adds four vectors of packed strips, from one on, times X rows of x. */
INLINE void packed_products(enum dtype type, const struct packed *const *w, const struct activations *const *x,
			    int from, int S, int X, struct i32x8 sum[STRIPS][STRIP_X])
{
	UNROLL
	for (int v = from; v < from + 4; v += DOT) {
		struct i8x32 q[STRIPS][DOT], b[DOT];
		UNROLL
		for (int s = 0; s < S; s++)
			UNROLL
			for (int d = 0; d < DOT; d++)
				q[s][d] = q_load(w[s]->q[v + d]);
		UNROLL
		for (int j = 0; j < X; j++) {
			set_all(x[j]->q + 4 * v, b);
			UNROLL
			for (int s = 0; s < S; s++)
				sum[s][j] = i_dot(sum[s][j], q[s], b, block_bits(type));
		}
	}
}

/* The sums of a tile; lane b mod 8 for block b. */
struct sums {
	struct f32x8 lane[8][STRIPS][STRIP_X];
};

/* Adds a block of S strips times X rows of x to a lane of their sums. */
INLINE void add_packed_32(enum dtype type, const struct packed *const *w, const struct activations *const *x, int S,
			  int X, struct f32x8 sum[STRIPS][STRIP_X])
{
	struct i32x8 products[STRIPS][STRIP_X];
	UNROLL
	for (int j = 0; j < X; j++)
		UNROLL
		for (int s = 0; s < S; s++)
			products[s][j] = less_offset(type, x[j]->sum[0] + x[j]->sum[1]);
	packed_products(type, w, x, 0, S, X, products);
	packed_products(type, w, x, 4, S, X, products);
	UNROLL
	for (int j = 0; j < X; j++)
		UNROLL
		for (int s = 0; s < S; s++)
			sum[s][j] = add_32(type, sum[s][j], products[s][j], f8_load(w[s]->d), f8_load(w[s]->m), x[j]);
}

/* The same for a block of 256 of one strip. */
INLINE void add_packed_256(enum dtype type, const struct packed *w, const struct packed_scales *scales,
			   const struct activations *const *x, int X, struct f32x8 sum[STRIPS][STRIP_X])
{
	struct i32x8 products[STRIP_X], minima[STRIP_X];
	UNROLL
	for (int j = 0; j < X; j++)
		products[j] = minima[j] = i_set(0);
	for (int part = 0; part < 8; part++) {
		const struct packed *at = w + part;
		const struct activations *a[STRIP_X];
		struct i32x8 low[STRIPS][STRIP_X], high[STRIPS][STRIP_X];
		struct i32x8 scale_low = i_load(scales[part].low), scale_high = i_load(scales[part].high);
		UNROLL
		for (int j = 0; j < X; j++) {
			a[j] = x[j] + part;
			low[0][j] = less_offset(type, a[j]->sum[0]);
			high[0][j] = less_offset(type, a[j]->sum[1]);
		}
		packed_products(type, &at, a, 0, 1, X, low);
		packed_products(type, &at, a, 4, 1, X, type == DTYPE_Q6_K ? high : low);
		UNROLL
		for (int j = 0; j < X; j++) {
			products[j] = i_add(products[j], scaled(type, low[0][j], high[0][j], scale_low, scale_high));
			if (block_has_minimum(type))
				minima[j] = i_add(minima[j], i_mul(i_load(scales[part].minimum),
								   i_set(a[j]->sum[0] + a[j]->sum[1])));
		}
	}
	UNROLL
	for (int j = 0; j < X; j++)
		sum[0][j] = add_256(type, sum[0][j], products[j], minima[j], f8_load(w->d), f8_load(w->m), x[j]);
}

/* Packed strips at some block, times X rows of x. */
INLINE void add_packed(enum dtype type, const struct packed *packed, const struct packed_scales *scales, size_t in,
		       size_t block, const struct activations *const *x, int S, int X,
		       struct f32x8 sum[STRIPS][STRIP_X])
{
	const struct packed *w[STRIPS];
	if (in_256(type)) {
		add_packed_256(type, packed + 8 * block, scales + 8 * block, x, X, sum);
		return;
	}
	UNROLL
	for (int s = 0; s < S; s++)
		w[s] = packed + (size_t)s * packed_of(in) + block;
	add_packed_32(type, w, x, S, X, sum);
}

/* S packed strips times the second terms of row j of a tile. */
INLINE void add_second(enum dtype type, const struct packed *packed, const struct packed_scales *scales, size_t in,
		       const struct activations *again, int j, int S, struct sums *sums)
{
	for (; again->block >= 0; again += in_256(type) ? 8 : 1) {
		struct f32x8 (*lane)[STRIP_X] = sums->lane[again->block % 8], sum[STRIPS][STRIP_X];
		for (int s = 0; s < S; s++)
			sum[s][0] = lane[s][j];
		add_packed(type, packed, scales, in, (size_t)again->block, &again, S, 1, sum);
		for (int s = 0; s < S; s++)
			lane[s][j] = sum[s][0];
	}
}

/* S packed strips times X rows of x from i on. */
INLINE void packed_times(enum dtype type, const struct product *p, const struct strip *strips,
			 const struct packed *packed, const struct packed_scales *scales, size_t i, int S, int X)
{
	size_t parts = in_256(type) ? 8 : 1;
	const struct activations *x[STRIP_X];
	struct sums sums;
	for (int lane = 0; lane < 8; lane++)
		for (int s = 0; s < S; s++)
			for (int j = 0; j < X; j++)
				sums.lane[lane][s][j] = f8_set(0);
	for (int j = 0; j < X; j++)
		x[j] = row_of(p->x, p->x_bytes, i + (size_t)j);
	for (size_t b = 0; b < p->in / 32 / parts; b++) {
		add_packed(type, packed, scales, p->in, b, x, S, X, sums.lane[b % 8]);
		UNROLL
		for (int j = 0; j < X; j++)
			x[j] += parts;
	}
	for (int j = 0; j < X; j++)     /* x[j] is at the row's second terms now */
		add_second(type, packed, scales, p->in, x[j], j, S, &sums);
	for (int s = 0; s < S; s++)
		for (int j = 0; j < X; j++) {
			struct f32x8 total = sums.lane[0][s][j];
			for (int lane = 1; lane < 8; lane++)
				total = f8_add(total, sums.lane[lane][s][j]);
			store_strip(p, &strips[s], i + (size_t)j, total);
		}
}

INLINE void product_of(enum dtype type, const struct product *p, struct packed *room)
{
	struct packed_scales *scales = (struct packed_scales *)(room + STRIPS * packed_of(p->in));
	const int S = in_256(type) ? 1 : STRIPS;        /* strips at a time */
	size_t count = strips_of(p->rows), together = (size_t)S;
	if (p->n <= FEW) {              /* not worth unpacking for */
		for (size_t t = 0; t < count; t++) {
			struct strip s = strip_at(p, t);
			for (size_t i = 0; i < p->n; i++)
				strip_times(type, p, &s, i);
		}
		return;
	}
	for (size_t from = 0, to; from < p->n; from = to) {
		to = smaller(from + rows_near(p, STRIP_X), p->n);
		for (size_t t = 0; t < count; t += together) {
			struct strip strips[STRIPS];
			size_t i = from;
			for (size_t s = 0; s < together; s++) {         /* the last one again, if one is missing */
				strips[s] = strip_at(p, smaller(t + s, count - 1));
				pack(type, &strips[s], p->in, room + s * packed_of(p->in), scales);
			}
			for (; i + STRIP_X <= to; i += STRIP_X)
				packed_times(type, p, strips, room, scales, i, S, STRIP_X);
			for (; STRIP_X > 1 && i < to; i++)
				packed_times(type, p, strips, room, scales, i, S, 1);
		}
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
	return packed_of(in) * (STRIPS * sizeof(struct packed) + sizeof(struct packed_scales));
}

const struct kernels JOIN(kernels_, ISA) = {
	.name = STRING(ISA),
	.dot_f32 = dot_f32,
	.sum_f32 = sum_f32,
	.max_f32 = max_f32,
	.add_scaled = add_scaled,
	.weigh = weigh,
	.exp_shifted = exp_shifted,
	.unpack_f16 = unpack_f16,
	.unpack_bf16 = unpack_bf16,
	.round_bf16 = round_bf16,
	.activate = activate_all,
	.gate_backward = gate_backward,
	.round_32 = round_32,
	.round_256 = round_256,
	.product_f32 = product_f32,
	.product_bf16 = product_bf16,
	.product_blocks = product_blocks,
	.blocks_room = blocks_room,
};
