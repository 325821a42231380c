/*
 * elementary.c: exp, log, pow, erf, tanh, sin and cos, the same bits
 * everywhere.
 *
 * Each function reduces its argument to a short interval and evaluates a
 * polynomial there.  The coefficients minimise the largest relative error (of
 * erf beyond 1: absolute); they were computed with Remez' exchange algorithm
 * in 60 digits and rounded to double.
 */
#include <math.h>
#include <stdbool.h>

#include "elementary.h"

static uint64_t double_bits(double x)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof bits);
	return bits;
}

static double bits_double(uint64_t bits)
{
	double x;

	memcpy(&x, &bits, sizeof x);
	return x;
}

static uint32_t float_bits(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof bits);
	return bits;
}

/* c[0] + c[1] x + ... + c[n-1] x^(n-1), by Horner's rule. */
static double polynomial(const double *c, int n, double x)
{
	double p;

	p = c[n - 1];
	for (int i = n - 2; i >= 0; i--)
		p = p * x + c[i];
	return p;
}

/* e^x = 2^k e^r, where r = x - k log 2 and |r| <= log 2 / 2. */
double exp_f64(double x)
{
	static const double c[] = {
		1.0, 1.0,
		0x1.0000000000010p-1, 0x1.55555555554a2p-3,
		0x1.555555554f36ep-5, 0x1.1111111130d8ap-7,
		0x1.6c16c1878147cp-10, 0x1.a01a0110695efp-13,
		0x1.a01992d08ead1p-16, 0x1.71df450188012p-19,
		0x1.28b3121af94d7p-22, 0x1.ad6643a274fc0p-26,
	};
	const double magic = 0x1.8p52;
	double s, k, r;

	if (x != x)
		return x;
	if (x > 0x1.62e42fefa39efp9)            /* log of the largest double */
		return INFINITY;
	if (x < -708)
		return 0;
	s = x * 0x1.71547652b82fep0 + magic;
	k = s - magic;
	r = x - k * 0x1.62e42fee00000p-1;       /* log 2 in two parts: */
	r -= k * 0x1.a39ef35793c76p-33;         /* k times the first is exact */
	return polynomial(c, 12, r) * 2 * bits_double((double_bits(s) + 1022) << 52);
}

/*
 * x = 2^k m with sqrt(1/2) <= m < sqrt(2); log x = k log 2 + log m; and with
 * s = (m - 1) / (m + 1), log m = 2 artanh s = 2 (s + s^3/3 + s^5/5 + ...).
 */
double log_f64(double x)
{
	static const double c[] = {             /* (artanh(s) / s - 1) / s^2 */
		0x1.5555555555555p-2, 0x1.9999999999ee8p-3,
		0x1.249249241ef81p-3, 0x1.c71c7263ee1f2p-4,
		0x1.745cdb744b7dfp-4, 0x1.3b21109525cf5p-4,
		0x1.0f551d53ecc08p-4, 0x1.0fa06ea7f32d4p-4,
	};
	const uint64_t sqrt_half = 0x3fe6a09e667f3bcd;
	uint64_t bits;
	double k, m, s;

	bits = double_bits(x) - sqrt_half + (UINT64_C(1023) << 52);
	k = (int)(bits >> 52) - 1023;
	m = bits_double((bits & 0xfffffffffffff) + sqrt_half);
	s = (m - 1) / (m + 1);
	return k * 0x1.62e42fefa39efp-1 + 2 * (s + s * (s * s) * polynomial(c, 8, s * s));
}

double pow_f64(double x, double y)
{
	return exp_f64(y * log_f64(x));
}

float log_f32(float x)
{
	if (x != x || x == INFINITY)
		return x;
	if (x == 0)
		return -INFINITY;
	if (x < 0)
		return NAN;
	return (float)log_f64(x);
}

/* True if y is an odd integer.  Beyond 2^24 every float is an even one. */
static bool is_odd(float y)
{
	return y > -0x1p24f && y < 0x1p24f && (float)(int32_t)y == y && ((int32_t)y & 1);
}

float pow_f32(float x, float y)
{
	double ax;
	float p;
	bool negative;

	if (x == 1 || y == 0)
		return 1;
	if (x != x || y != y)
		return NAN;
	ax = x < 0 ? -x : x;
	negative = (float_bits(x) >> 31) && is_odd(y);
	if (y == INFINITY || y == -INFINITY) {
		if (ax == 1)
			return 1;
		return (ax > 1) == (y > 0) ? INFINITY : 0;
	}
	if (ax == 0 || ax == INFINITY)
		p = (ax == 0) == (y > 0) ? 0 : INFINITY;
	else if (x < 0 && y > -0x1p24f && y < 0x1p24f && (float)(int32_t)y != y)
		return NAN;
	else
		p = (float)pow_f64(ax, y);
	return negative ? -p : p;
}

/*
 * An odd polynomial up to 1, polynomials about 1.5 and 3 up to 4, and then 1,
 * to which erf rounds from 3.92 on.
 */
float erf_f32(float x)
{
	static const double a[] = {             /* erf(x) / x in x^2 */
		0x1.20dd750429b0fp+0, -0x1.812746b025a60p-2,
		0x1.ce2f21972266fp-4, -0x1.b82ce143f8064p-6,
		0x1.565b9e540ccb1p-8, -0x1.c02840bb96130p-11,
		0x1.f93f700b7d686p-14, -0x1.f05e3ec6532c6p-17,
		0x1.9a93e7517cba0p-20, -0x1.c09627beea692p-24,
	};
	static const double b[] = {             /* erf(x) in x - 3/2 */
		0x1.eea55571372d2p-1, 0x1.e723726a8bbfep-4,
		-0x1.6d5a95ce04897p-3, 0x1.1c2a02f4d2a5cp-3,
		-0x1.6d5a981334d09p-5, -0x1.e723dee04b1f2p-7,
		0x1.3ca4367282e07p-6, -0x1.36cb97e1a2e9dp-8,
		-0x1.35cc9912ec6c7p-9, 0x1.bf01c39b5b857p-10,
		-0x1.71a9ee55a77c3p-14, -0x1.f6a8bb294afc2p-13,
		0x1.103f91e030671p-14,
	};
	static const double c[] = {             /* erf(x) in x - 3 */
		0x1.fffd1ac413800p-1, 0x1.2408ea41c82c0p-13,
		-0x1.b60d5f2b30e18p-12, 0x1.9db744ba43b6bp-11,
		-0x1.11c85799d052dp-10, 0x1.0a7b822ba6432p-10,
		-0x1.82f27882b4832p-11, 0x1.9986da85cb094p-12,
		-0x1.1aa0dbb3e40e9p-13, 0x1.d47d406a68d54p-17,
		0x1.05912518191e9p-16, -0x1.6db04bec73641p-17,
		0x1.9c64e77d7f5edp-19, 0x1.fc269c8adf256p-23,
		-0x1.08db6592c9306p-21, 0x1.b1621abc481abp-24,
		0x1.c2c8f974374e2p-27,
	};
	double d, e;

	if (x != x)
		return x;
	d = x < 0 ? -x : x;
	if (d < 1)
		return (float)(x * polynomial(a, 10, d * d));
	if (d < 2)
		e = polynomial(b, 13, d - 1.5);
	else if (d < 4)
		e = polynomial(c, 17, d - 3);
	else
		e = 1;
	return (float)(x < 0 ? -e : e);
}

/* (e^2x - 1) / (e^2x + 1); near 0, where that cancels, Taylor's series. */
float tanh_f32(float x)
{
	static const double c[] = { 1.0, -1.0 / 3, 2.0 / 15, -17.0 / 315, 62.0 / 2835 };
	double d, t;

	if (x != x)
		return x;
	d = x < 0 ? -x : x;
	if (d < 0.0625)
		return (float)(x * polynomial(c, 5, d * d));
	t = 1 - 2 / (exp_f64(2 * (d < 20 ? d : 20)) + 1);
	return (float)(x < 0 ? -t : t);
}

/*
 * |x| = (n + f) pi/2 with f between -1/2 and 1/2: returns f pi/2, and n modulo 4
 * in *quadrant.  (Payne and Hanek, "Radian reduction for trigonometric
 * functions", SIGNUM Newsletter 18, 1983.)
 *
 * |x| = m 2^s with a whole m < 2^24.  Of 2/pi's binary digits, those that make
 * whole multiples of 4 of m 2^s 2/pi don't matter, nor do those below 2^-70.
 * That leaves a window of 96 digits, whose place depends on s alone, and
 * integer products.
 */
static double reduce(float x, unsigned *quadrant)
{
	static const uint32_t two_over_pi[] = { /* after 32 zeros, the fraction */
		0, 0xa2f9836e, 0x4e441529, 0xfc2757d1,
		0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab,
	};
	uint32_t m, window[3];
	uint64_t product;       /* in units of 2^-62 quadrants, modulo 4 */
	unsigned first, n;

	m = (float_bits(x) & 0x7fffff) | 0x800000;
	first = (float_bits(x) >> 23 & 0xff) - 150 - 2 + 32;
	for (unsigned i = 0; i < 3; i++) {
		const uint32_t *w = two_over_pi + first / 32 + i;

		window[i] = (uint32_t)(((uint64_t)w[0] << 32 | w[1]) >> (32 - first % 32));
	}
	product = ((uint64_t)(m * window[0]) << 32) + (uint64_t)m * window[1] +
	    ((uint64_t)m * window[2] >> 32);

	n = (unsigned)((product + (UINT64_C(1) << 61)) >> 62);
	*quadrant = n & 3;
	product -= (uint64_t)n << 62;
	return (double)(int64_t)product * 0x1.921fb54442d18p-62;
}

void sincos_f32(float x, float *s, float *c)
{
	static const double a[] = {             /* sin(r) / r in r^2 */
		0x1.fffffffffffd7p-1, -0x1.5555555550c70p-3,
		0x1.1111110bbd56cp-7, -0x1.a019f87c98942p-13,
		0x1.71d720263264ap-19, -0x1.a94ae01a57db7p-26,
	};
	static const double b[] = {             /* cos(r) in r^2 */
		0x1.fffffffffffffp-1, -0x1.fffffffffff67p-2,
		0x1.555555554dd8bp-5, -0x1.6c16c16337567p-10,
		0x1.a019f78f0066bp-16, -0x1.27df186bbcaabp-22,
		0x1.1b804bdc3f804p-29,
	};
	double r, sine, cosine;
	unsigned quadrant;

	if (x != x || x == INFINITY || x == -INFINITY) {
		*s = *c = NAN;
		return;
	}
	r = x;
	quadrant = 0;
	if (x >= 0.75f || x <= -0.75f) {
		r = reduce(x, &quadrant);
		if (x < 0) {
			r = -r;
			quadrant = -quadrant & 3;
		}
	}
	sine = r * polynomial(a, 6, r * r);
	cosine = polynomial(b, 7, r * r);
	switch (quadrant) {     /* sin(r + pi/2) = cos r, and so on */
	case 0:
		*s = (float)sine;
		*c = (float)cosine;
		break;
	case 1:
		*s = (float)cosine;
		*c = (float)-sine;
		break;
	case 2:
		*s = (float)-sine;
		*c = (float)-cosine;
		break;
	default:
		*s = (float)-cosine;
		*c = (float)sine;
		break;
	}
}

float sin_f32(float x)
{
	float s, c;

	sincos_f32(x, &s, &c);
	return s;
}

float cos_f32(float x)
{
	float s, c;

	sincos_f32(x, &s, &c);
	return c;
}
