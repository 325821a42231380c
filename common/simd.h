/*
 * simd.h: the vectors in which kernels.c is written, of 16 or 8 lanes of 32
 * bits, for the instruction set it is compiled for.  Every operation gives each
 * lane the same bits in all of them; simd_plain.h, in C alone, defines which.
 *
 *	f32x16	16 floats		bf16x32	32 BF16 numbers, two a lane
 *	f32x8	8 floats		i8x32	32 bytes, four a lane
 *	i32x8	8 integers
 *
 * A *_part takes or gives the first n lanes only; the others are zero.  Each
 * header also says how large a tile of a matrix product its registers hold:
 * rows of W (or strips of 8) and of x at once; and of how many vectors i_dot
 * takes the products.
 */
#ifndef LMUTILS_SIMD_H
#define LMUTILS_SIMD_H

#define INLINE static inline __attribute__((always_inline))

/* Loops over the vectors of a tile: unrolled, so that these stay in registers. */
#if ISA_IS_PLAIN
#define UNROLL
#elif defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#if ISA_IS_PLAIN
#include "simd_plain.h"
#elif defined(__AVX512F__)
#include <immintrin.h>
#include "simd_avx512.h"
#elif defined(__AVX2__)
#include <immintrin.h>
#include "simd_avx2.h"
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#include "simd_neon.h"
#endif

#endif
