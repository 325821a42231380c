/*
 * elementary.h: our own exp, log, pow, erf, tanh, sin and cos.
 *
 * libm's differ between systems and versions in the last bit; these give the
 * same bits wherever float and double are IEEE 754 and the compiler neither
 * contracts nor reorders (-ffp-contract=off, no -ffast-math).  They are made of
 * + - * / on doubles and of operations on integers alone, without fused
 * multiply-add, which is slow where the hardware has none.
 *
 * A float function computes in double and rounds once, so its error is half a
 * unit in the last place (ulp) and very little more.  The errors stated here
 * are the largest over all 2^32 floats.  Infinities, zeros, overflow and
 * underflow (by way of denormal floats) are as in C99, annex F, but errno and
 * the exception flags mean nothing.  A NaN gives a NaN; its payload is not
 * promised.
 */
#ifndef LMUTILS_ELEMENTARY_H
#define LMUTILS_ELEMENTARY_H

#include <float.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0 || defined(__FAST_MATH__)
#error "float and double must be computed as such: no x87, no -ffast-math"
#endif

/*
 * e^x; error at most 0.5007 ulp.  It has no branches and compares integers
 * only, so that a loop over an array becomes vector instructions.
 *
 * With t = x / log 2 and k the integer nearest to t, e^x = 2^k 2^(t - k);
 * adding 1.5 * 2^52 to t leaves k in the low bits of the sum.  The polynomial
 * is 2^r for -1/2 <= r <= 1/2, to a relative error of 2^-34.5.
 */
static inline float exp_f32(float x)
{
	const double magic = 0x1.8p52;
	const int32_t infinity = 0x7f800000, limit = 0x42d00000;        /* 104 */
	double t, r, p, s;
	uint64_t power;
	int32_t bits, size;

	memcpy(&bits, &x, sizeof bits);          /* from -104 down e^x rounds to 0 */
	size = bits & 0x7fffffff;
	bits = ((size > limit) & (size <= infinity)) ? (bits ^ size) | limit : bits;
	memcpy(&x, &bits, sizeof x);

	t = x * 0x1.71547652b82fep0;            /* 1 / log 2 */
	s = t + magic;
	r = t - (s - magic);

	p = 0x1.fe17988364839p-17;
	p = p * r + 0x1.446a203d732d5p-13;
	p = p * r + 0x1.5d8a707a6bf48p-10;
	p = p * r + 0x1.3b29dc401232fp-7;
	p = p * r + 0x1.c6b08aaf36349p-5;
	p = p * r + 0x1.ebfbe0a4c09e3p-3;
	p = p * r + 0x1.62e42ff1162a0p-1;
	p = p * r + 0x1.ffffffffabb69p-1;

	memcpy(&power, &s, sizeof power);
	power = (power + 1023) << 52;           /* the bits of 2^k */
	memcpy(&s, &power, sizeof s);
	return (float)(p * s);
}

/* The natural logarithm; error at most 0.50001 ulp. */
float log_f32(float x);

/* x to the power y; error at most 0.500001 ulp (over 2^32 random pairs). */
float pow_f32(float x, float y);

/*
 * The error function, 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x;
 * error at most 0.50001 ulp.
 */
float erf_f32(float x);

/* The hyperbolic tangent; error at most 0.50001 ulp. */
float tanh_f32(float x);

/*
 * x in radians, of any size: the reduction modulo pi/2 is exact enough for
 * every float.  Error at most 0.50001 ulp.
 */
float sin_f32(float x);
float cos_f32(float x);

/* Both at once: *s = sin_f32(x), *c = cos_f32(x), with the same bits. */
void sincos_f32(float x, float *s, float *c);

/*
 * The same on doubles, with a relative error of at most 2^-50 (pow_f64: times
 * |y log x|, if that is more than 1), for what is computed once when a model is
 * opened.  exp_f64 gives 0 below -708; log_f64 and pow_f64 take a positive,
 * normal, finite x.
 */
double exp_f64(double x);
double log_f64(double x);
double pow_f64(double x, double y);

#endif
