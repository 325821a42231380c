/*
 * rope.h: rotary position embeddings.
 *
 * Pairs of a query's or key's elements are rotated by an angle that grows with
 * the position, so that the product of a query and a key depends on how far
 * apart they are.  Pair i of a head of dimension n has the angle
 * position * inv_freq[i], inv_freq[i] = theta^(-2i/n).
 *
 * Su et al., RoFormer, arXiv:2104.09864; the ways to stretch the angles to
 * longer texts as in Hugging Face's modeling_rope_utils.py; YaRN,
 * arXiv:2309.00071.
 */
#ifndef LMUTILS_ROPE_H
#define LMUTILS_ROPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rope_type { ROPE_DEFAULT, ROPE_LINEAR, ROPE_DYNAMIC, ROPE_YARN, ROPE_LLAMA3 };

struct rope_config {
	enum rope_type type;
	double theta, factor;
	double original_context;        /* positions before stretching */
	double low_freq_factor, high_freq_factor;               /* llama3 */
	double beta_fast, beta_slow, attention_factor;          /* yarn; factor 0: derive it */
	double mscale, mscale_all_dim;                          /* yarn; 0: not given */
	bool truncate;                                          /* yarn */
	const float *factors;           /* [pairs], divisors of the frequencies, or NULL */
	bool interleaved;               /* pair i of a head is not (x[i], x[i + pairs]) but (x[2i], x[2i+1]) */
};

/*
 * Reads rope_parameters, or rope_theta and rope_scaling, from a configuration;
 * theta is the family's default, context the model's.  False with the reason
 * in why if it is not supported.
 */
bool rope_parse(struct rope_config *r, json_t *config, double theta, size_t context,
		char *why, size_t size);

struct rope {
	size_t pairs;                   /* head_dim / 2 */
	float *inv_freq;                /* [pairs], radians a position */
	float scale;                    /* of sine and cosine */
	bool interleaved;
};

/*
 * The frequencies for heads of head_dim elements.  context is what the model
 * was made for; length is the longest text to expect, on which the dynamic
 * type depends.
 */
void rope_init(struct rope *r, const struct rope_config *c, size_t head_dim, size_t context, size_t length);

/* cosines[pairs] and sines[pairs] of a position, times scale. */
void rope_angles(const struct rope *r, int32_t position, float *cosines, float *sines);

/* Rotates a head x[2 * pairs]; pair i is (x[i], x[i + pairs]), or (x[2i], x[2i+1]). */
void rope_rotate(const struct rope *r, const float *cosines, const float *sines, float *x);

void rope_free(struct rope *r);

#endif
