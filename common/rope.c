/* rope.c: rotary position embeddings.  See rope.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elementary.h"
#include "memory.h"
#include "rope.h"

static const double pi = 3.14159265358979323846;

static const struct {
	const char *name;
	enum rope_type type;
} types[] = {
	{"default", ROPE_DEFAULT}, {"linear", ROPE_LINEAR}, {"dynamic", ROPE_DYNAMIC},
	{"yarn", ROPE_YARN}, {"llama3", ROPE_LLAMA3},
};

/* A number of the object, or the default where it is absent or null. */
static bool number(json_t *object, const char *key, double otherwise, double *out)
{
	json_t *value = json_object_get(object, key);
	*out = otherwise;
	if (!value || json_is_null(value))
		return true;
	*out = json_number_value(value);
	return json_is_number(value) && isfinite(*out);
}

bool rope_parse(struct rope_config *r, json_t *config, double theta, size_t context,
		char *why, size_t size)
{
	/* transformers 5 has rope_parameters; before it were rope_theta and rope_scaling */
	json_t *p = json_object_get(config, "rope_parameters");
	if (!json_is_object(p))
		p = json_object_get(config, "rope_scaling");
	json_t *type = json_object_get(p, "rope_type");
	if (!type)
		type = json_object_get(p, "type");
	const char *name = type ? json_string_value(type) : "default";
	size_t i = 0, n = sizeof types / sizeof *types;
	while (i < n && !(name && strcmp(name, types[i].name) == 0))
		i++;
	if (i == n) {
		snprintf(why, size, "rope type '%.40s' is not supported", name ? name : "?");
		return false;
	}
	r->type = types[i].type;

	double given;
	r->factors = NULL;
	r->interleaved = false;
	json_t *truncate = json_object_get(p, "truncate");
	r->truncate = !json_is_false(truncate);
	if (!number(config, "rope_theta", theta, &theta) || !number(p, "rope_theta", theta, &r->theta) ||
	    !number(config, "original_max_position_embeddings", (double)context, &given) ||
	    !number(p, "original_max_position_embeddings", given, &r->original_context) ||
	    !number(p, "factor", 0, &r->factor) ||
	    !number(p, "low_freq_factor", 0, &r->low_freq_factor) ||
	    !number(p, "high_freq_factor", 0, &r->high_freq_factor) ||
	    !number(p, "beta_fast", 32, &r->beta_fast) || !number(p, "beta_slow", 1, &r->beta_slow) ||
	    !number(p, "attention_factor", 0, &r->attention_factor) ||
	    !number(p, "mscale", 0, &r->mscale) || !number(p, "mscale_all_dim", 0, &r->mscale_all_dim)) {
		snprintf(why, size, "a parameter of rope is not a number");
		return false;
	}
	if (r->type == ROPE_YARN && r->factor == 0)
		r->factor = (double)context / r->original_context;
	if (r->theta <= 1 || (r->type != ROPE_DEFAULT && r->factor <= 0) || r->original_context < 1 ||
	    (r->type == ROPE_YARN && (r->beta_fast <= 0 || r->beta_slow <= 0)) ||
	    (r->type == ROPE_LLAMA3 &&
	     (r->low_freq_factor <= 0 || r->high_freq_factor <= r->low_freq_factor))) {
		snprintf(why, size, "rope type '%s': theta or the factors are missing or impossible", name);
		return false;
	}
	return true;
}

/* theta^(2i / n), from which all types set out; in F32, as the references have it. */
static float frequency_divisor(double theta, size_t i, size_t n)
{
	return pow_f32((float)theta, (float)(2 * i) / (float)n);
}

/*
 * NTK-aware stretching: a larger theta, so that the slowest pair is stretched
 * by about factor and the fastest hardly at all.
 */
static double dynamic_theta(const struct rope_config *c, size_t n, size_t context, size_t length)
{
	if (length <= context)
		return c->theta;
	double stretch = c->factor * (double)length / (double)context - (c->factor - 1);
	return c->theta * pow_f32((float)stretch, (float)((double)n / (double)(n - 2)));
}

/*
 * llama3: pairs that turn often within the original context stay, those that
 * turn seldom are slowed by factor, between them it goes over smoothly.
 */
static float llama3(const struct rope_config *c, float inv_freq)
{
	float wavelength = (float)(2 * pi) / inv_freq;
	if (wavelength < (float)(c->original_context / c->high_freq_factor))
		return inv_freq;
	if (wavelength > (float)(c->original_context / c->low_freq_factor))
		return inv_freq / (float)c->factor;
	float smooth = ((float)c->original_context / wavelength - (float)c->low_freq_factor) /
		       (float)(c->high_freq_factor - c->low_freq_factor);
	return (1 - smooth) * inv_freq / (float)c->factor + smooth * inv_freq;
}

/* YaRN, section 3.2: the pair that makes this many turns within the original context. */
static double yarn_pair(const struct rope_config *c, double turns, size_t n)
{
	return (double)n * log_f32((float)(c->original_context / (turns * 2 * pi))) /
	       (2 * log_f32((float)c->theta));
}

static void yarn(const struct rope_config *c, size_t n, size_t pairs, float *inv_freq)
{
	double low = yarn_pair(c, c->beta_fast, n), high = yarn_pair(c, c->beta_slow, n);
	if (c->truncate) {
		low = floor(low);
		high = ceil(high);
	}
	low = fmax(low, 0);
	high = fmin(high, (double)n - 1);
	if (low == high)
		high += 0.001;
	for (size_t i = 0; i < pairs; i++) {
		float divisor = frequency_divisor(c->theta, i, n);
		float ramp = ((float)i - (float)low) / (float)(high - low);
		float keep = 1 - fminf(fmaxf(ramp, 0), 1);
		inv_freq[i] = 1 / ((float)c->factor * divisor) * (1 - keep) + 1 / divisor * keep;
	}
}

static double yarn_mscale(double factor, double mscale)
{
	return factor <= 1 ? 1 : 0.1 * mscale * log_f32((float)factor) + 1;
}

/* YaRN, section 3.4: sharper attention for longer texts. */
static float yarn_scale(const struct rope_config *c)
{
	if (c->attention_factor != 0)
		return (float)c->attention_factor;
	if (c->mscale != 0 && c->mscale_all_dim != 0)
		return (float)(yarn_mscale(c->factor, c->mscale) / yarn_mscale(c->factor, c->mscale_all_dim));
	return (float)yarn_mscale(c->factor, 1);
}

void rope_init(struct rope *r, const struct rope_config *c, size_t head_dim, size_t context, size_t length)
{
	size_t n = head_dim;
	r->pairs = n / 2;
	r->inv_freq = mem_array(r->pairs, sizeof *r->inv_freq);
	r->interleaved = c->interleaved;
	r->scale = c->type == ROPE_YARN ? yarn_scale(c) : 1;
	if (c->type == ROPE_YARN) {
		yarn(c, n, r->pairs, r->inv_freq);
		return;
	}
	double theta = c->type == ROPE_DYNAMIC ? dynamic_theta(c, n, context, length) : c->theta;
	for (size_t i = 0; i < r->pairs; i++) {
		float inv_freq = 1 / frequency_divisor(theta, i, n);
		if (c->type == ROPE_LINEAR)
			inv_freq /= (float)c->factor;
		if (c->type == ROPE_LLAMA3)
			inv_freq = llama3(c, inv_freq);
		r->inv_freq[i] = c->factors ? inv_freq / c->factors[i] : inv_freq;
	}
}

void rope_angles(const struct rope *r, int32_t position, float *cosines, float *sines)
{
	for (size_t i = 0; i < r->pairs; i++) {
		float angle = (float)position * r->inv_freq[i];
		cosines[i] = cos_f32(angle) * r->scale;
		sines[i] = sin_f32(angle) * r->scale;
	}
}

void rope_rotate(const struct rope *r, const float *cosines, const float *sines, float *x)
{
	size_t step = r->interleaved ? 2 : 1;
	float *y = r->interleaved ? x + 1 : x + r->pairs;
	for (size_t i = 0; i < r->pairs; i++, x += step, y += step) {
		float a = *x, b = *y;
		*x = a * cosines[i] - b * sines[i];
		*y = b * cosines[i] + a * sines[i];
	}
}

void rope_free(struct rope *r)
{
	free(r->inv_freq);
}
