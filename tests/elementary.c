/*
 * elementary: checks common/elementary.h.
 *
 *	elementary error        the stated errors, over floats a stride apart
 *	elementary special      infinities, zeros, NaNs, and what is exact
 *	elementary bits         prints a checksum of results: the same everywhere
 *
 * The reference is the C library's functions on doubles, whose own error is
 * about 2^-29 of a float's last place.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "elementary.h"

#define STRIDE 4093     /* a prime: all exponents, and all parts of the mantissa */

static float vector_exp(float x)
{
	return exp_f32(x);
}

static const struct function {
	const char *name;
	float (*ours)(float);
	double (*reference)(double);
	double error;           /* stated, in ulp */
} functions[] = {
	{"exp", vector_exp, exp, 0.5007},
	{"log", log_f32, log, 0.50001},
	{"erf", erf_f32, erf, 0.50001},
	{"tanh", tanh_f32, tanh, 0.50001},
	{"sin", sin_f32, sin, 0.50001},
	{"cos", cos_f32, cos, 0.50001},
};
#define FUNCTIONS (sizeof functions / sizeof *functions)

static int failures;

static void check(bool good, const char *what, double x, double y, double got, double want)
{
	if (good)
		return;
	failures++;
	printf("%s of %a, %a: got %a, want %a\n", what, x, y, got, want);
}

static float float_of(uint32_t bits)
{
	float x;

	memcpy(&x, &bits, sizeof x);
	return x;
}

static uint32_t bits_of(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof bits);
	return isnan(x) ? 0x7fc00000 : bits;
}

/* |got - want| in units of the last place of a float near want. */
static double ulps(float got, double want)
{
	int exponent;

	if (isnan(want) || isinf((float)want) || want == 0 || !isfinite(got))
		return bits_of(got) == bits_of((float)want) ? 0 : INFINITY;
	frexp(want, &exponent);
	return fabs(got - want) / ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

/* A fixed sequence of 64 random bits (SplitMix64). */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Pairs: half of them any floats, half with a result that a float can hold. */
static void random_pair(uint64_t *state, unsigned i, float *x, float *y)
{
	uint64_t r = next_random(state);

	*x = float_of((uint32_t)r);
	if (i % 2)
		*y = float_of((uint32_t)(r >> 32));
	else
		*y = (float)((double)(r >> 32) * 0x1p-32 - 0.5) * 64;
	if (i % 4 == 0)
		*y = (float)(int)*y;
}

static void test_error(void)
{
	uint64_t state = 1;
	double e;

	for (size_t i = 0; i < FUNCTIONS; i++) {
		const struct function *f = &functions[i];

		for (uint64_t b = 0; b <= UINT32_MAX; b += STRIDE) {
			float x = float_of((uint32_t)b);

			e = ulps(f->ours(x), f->reference(x));
			check(e <= f->error, f->name, x, 0, f->ours(x), f->reference(x));
		}
	}
	for (unsigned i = 0; i < 1000000; i++) {
		float x, y;

		random_pair(&state, i, &x, &y);
		check(ulps(pow_f32(x, y), pow(x, y)) <= 0.500001, "pow", x, y, pow_f32(x, y), pow(x, y));
	}
	for (unsigned i = 0; i < 1000000; i++) {
		double x = ((double)next_random(&state) * 0x1p-64 - 0.5) * 1400, y = fabs(x) + 0x1p-20, z;

		e = fabs((double)(exp_f64(x) / expl(x) - 1));
		check(e <= 0x1p-50, "exp_f64", x, 0, exp_f64(x), exp(x));
		e = fabs((double)(log_f64(y) / logl(y) - 1));
		check(e <= 0x1p-50, "log_f64", y, 0, log_f64(y), log(y));
		z = x / 1024;
		e = fabs((double)(pow_f64(y, z) / powl(y, z) - 1));
		check(e <= 0x1p-50 * fmax(1, fabs(z * log(y))), "pow_f64", y, z, pow_f64(y, z), pow(y, z));
	}
}

static void test_special(void)
{
	static const float values[] = {
		0, -0.0f, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1.5, -1.5, 0x1p-149f, -0x1p-149f,
		FLT_MAX, -FLT_MAX, INFINITY, -INFINITY, NAN, 0x1p24f, 0x1.fffffep23f,
		-0x1.fffffep23f, 0x1.000001p22f, 0x1p31f, 0x1p32f, 0x1.000002p0f, 0x1.fffffep-1f,
		0x1p20f, 0x1p30f, 88.72284f, -103.97208f, -103.9721f, 104, -104, 3.92f, 33,
	};
	const size_t n = sizeof values / sizeof *values;
	float s, c;

	for (size_t i = 0; i < n; i++) {
		float x = values[i];

		for (size_t k = 0; k < FUNCTIONS; k++) {
			const struct function *f = &functions[k];

			check(ulps(f->ours(x), f->reference(x)) <= f->error, f->name, x, 0, f->ours(x),
			      f->reference(x));
		}
		for (size_t j = 0; j < n; j++)
			check(ulps(pow_f32(x, values[j]), pow(x, values[j])) <= 0.500001, "pow", x, values[j],
			      pow_f32(x, values[j]), pow(x, values[j]));
		sincos_f32(x, &s, &c);
		check(bits_of(s) == bits_of(sin_f32(x)), "sincos", x, 0, s, sin_f32(x));
		check(bits_of(c) == bits_of(cos_f32(x)), "sincos", x, 0, c, cos_f32(x));
	}
	check(exp_f32(0) == 1, "exp", 0, 0, exp_f32(0), 1);
	check(exp_f64(0) == 1, "exp_f64", 0, 0, exp_f64(0), 1);
	check(exp_f64(-INFINITY) == 0, "exp_f64", -INFINITY, 0, exp_f64(-INFINITY), 0);
	check(exp_f64(INFINITY) == INFINITY, "exp_f64", INFINITY, 0, exp_f64(INFINITY), INFINITY);
	check(isnan(exp_f64(NAN)), "exp_f64", NAN, 0, exp_f64(NAN), NAN);
	check(log_f64(1) == 0, "log_f64", 1, 0, log_f64(1), 0);
}

static uint64_t hash(uint64_t h, float x)
{
	return (h ^ bits_of(x)) * 0x100000001b3;
}

static void print_bits(void)
{
	uint64_t h, state = 2;

	for (size_t i = 0; i < FUNCTIONS; i++) {
		h = 0xcbf29ce484222325;
		for (uint64_t b = 0; b <= UINT32_MAX; b += STRIDE)
			h = hash(h, functions[i].ours(float_of((uint32_t)b)));
		printf("%s %016llx\n", functions[i].name, (unsigned long long)h);
	}
	h = 0xcbf29ce484222325;
	for (unsigned i = 0; i < 1000000; i++) {
		float x, y;

		random_pair(&state, i, &x, &y);
		h = hash(h, pow_f32(x, y));
	}
	printf("pow %016llx\n", (unsigned long long)h);

	/* exp once more, as the vector instructions that a loop may become. */
	h = 0xcbf29ce484222325;
	for (uint64_t b = 0; b <= UINT32_MAX - 64 * STRIDE; b += 64 * STRIDE) {
		float x[64];

		for (uint32_t i = 0; i < 64; i++)
			x[i] = float_of((uint32_t)b + i * STRIDE);
		for (int i = 0; i < 64; i++)
			x[i] = exp_f32(x[i]);
		for (int i = 0; i < 64; i++)
			h = hash(h, x[i]);
	}
	printf("vector %016llx\n", (unsigned long long)h);
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (strcmp(what, "error") == 0) {
		test_error();
	} else if (strcmp(what, "special") == 0) {
		test_special();
	} else if (strcmp(what, "bits") == 0) {
		print_bits();
	} else {
		fputs("usage: elementary error | special | bits\n", stderr);
		return 2;
	}
	return failures > 0;
}
