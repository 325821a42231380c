/*
 * groups_avx512.h: the groups of groups.h with AVX-512.  A group is read whole,
 * and permutations of its 16-bit words put every lane's bytes in place.
 */

/* Words w0 + 32 i to w0 + 32 i + 31 of a group of n. */
INLINE __m512i group_words(const unsigned char *p, size_t from, size_t n)
{
	if (n >= from + 32)
		return _mm512_loadu_si512(p + 2 * from);
	size_t rest = n > from ? n - from : 0;
	return _mm512_maskz_loadu_epi16((__mmask32)((UINT64_C(1) << rest) - 1), p + 2 * from);
}

/* Those of the words 0 to 95 in three vectors that index names. */
INLINE __m512i group_pick(const __m512i words[3], __m512i index)
{
	__m512i r = _mm512_permutex2var_epi16(words[0], index, words[1]);
	return _mm512_mask_permutexvar_epi16(r, _mm512_cmpge_epu16_mask(index, _mm512_set1_epi16(64)), index,
					     words[2]);
}

/* From 4 bits in each lane, one in each of its bytes. */
INLINE __m512i bits_to_bytes(__m512i bits)
{
	bits = _mm512_mullo_epi32(_mm512_and_si512(bits, _mm512_set1_epi32(15)), _mm512_set1_epi32(0x00204081));
	return _mm512_and_si512(bits, _mm512_set1_epi32(0x01010101));
}

/* Blocks of 32 bytes without nibbles, turned by unpacking. */
INLINE struct group_32 group_load_q8_0(const unsigned char *p, size_t count)
{
	struct group_32 g;
	__m512i row[4], t[4];
	uint16_t d[8] = {0};
	for (size_t L = 0; L < count; L++)
		memcpy(&d[L], p + 34 * L, 2);
	for (size_t k = 0; k < 4; k++) {
		__m256i a = _mm256_setzero_si256(), b = a;
		if (k < count)
			a = _mm256_loadu_si256((const void *)(p + 34 * k + 2));
		if (k + 4 < count)
			b = _mm256_loadu_si256((const void *)(p + 34 * (k + 4) + 2));
		row[k] = _mm512_xor_si512(_mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1),
					  _mm512_set1_epi8((char)0x80));
	}
	for (int k = 0; k < 2; k++) {
		__m512i even = k ? _mm512_unpackhi_epi32(row[0], row[1]) : _mm512_unpacklo_epi32(row[0], row[1]);
		__m512i odd = k ? _mm512_unpackhi_epi32(row[2], row[3]) : _mm512_unpacklo_epi32(row[2], row[3]);
		t[2 * k] = _mm512_unpacklo_epi64(even, odd);
		t[2 * k + 1] = _mm512_unpackhi_epi64(even, odd);
	}
	g.q[0].v = _mm512_shuffle_i32x4(t[0], t[1], 0x88);
	g.q[1].v = _mm512_shuffle_i32x4(t[2], t[3], 0x88);
	g.q[2].v = _mm512_shuffle_i32x4(t[0], t[1], 0xdd);
	g.q[3].v = _mm512_shuffle_i32x4(t[2], t[3], 0xdd);
	g.d.v = _mm256_cvtph_ps(_mm_loadu_si128((const void *)d));
	g.m.v = _mm256_setzero_ps();
	return g;
}

INLINE struct group_32 group_load_32(enum dtype type, const unsigned char *p, size_t count)
{
	if (type == DTYPE_Q8_0)
		return group_load_q8_0(p, count);
	size_t size = block_bytes(type) / 2, n = count * size;  /* in words */
	bool minimum = block_has_minimum(type), fifth = type == DTYPE_Q5_0 || type == DTYPE_Q5_1;
	short at = 1 + minimum + 2 * fifth;                     /* of the nibbles in a block */
	__m512i words[3] = {group_words(p, 0, n), group_words(p, 32, n), group_words(p, 64, n)};
	struct group_32 g;

	/* word w of 32: v = w / 16, block w mod 16 / 2, half w mod 2 */
	const __m512i w = _mm512_set_epi16(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15,
					   14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	const __m512i half = _mm512_and_si512(w, _mm512_set1_epi16(1));
	const __m512i block = _mm512_and_si512(_mm512_srli_epi16(w, 1), _mm512_set1_epi16(7));
	const __m512i start = _mm512_mullo_epi16(block, _mm512_set1_epi16((short)size));
	const __m512i v = _mm512_srli_epi16(w, 4);
	const __m512i first = _mm512_add_epi16(_mm512_add_epi16(start, half),
					       _mm512_add_epi16(_mm512_slli_epi16(v, 1), _mm512_set1_epi16(at)));
	for (int i = 0; i < 2; i++) {
		const __m512i nibble = _mm512_set1_epi8(15);
		__m512i q = group_pick(words, _mm512_add_epi16(first, _mm512_set1_epi16((short)(4 * i))));
		g.q[i].v = _mm512_and_si512(q, nibble);
		g.q[i + 2].v = _mm512_and_si512(_mm512_srli_epi16(q, 4), nibble);
	}
	if (fifth) {
		const __m512i index = _mm512_add_epi16(_mm512_add_epi16(start, half),
						       _mm512_set1_epi16((short)(1 + minimum)));
		__m512i bits = group_pick(words, index);
		for (int i = 0; i < 4; i++) {
			__m512i shift = _mm512_inserti64x4(_mm512_set1_epi32(8 * i), _mm256_set1_epi32(8 * i + 4), 1);
			__m512i bytes = bits_to_bytes(_mm512_srlv_epi32(bits, shift));
			g.q[i].v = _mm512_or_si512(g.q[i].v, _mm512_slli_epi32(bytes, 4));
		}
	}
	/* the blocks' d, then their m */
	const __m512i scales = _mm512_add_epi16(
		_mm512_mullo_epi16(_mm512_and_si512(w, _mm512_set1_epi16(7)), _mm512_set1_epi16((short)size)),
		_mm512_and_si512(_mm512_srli_epi16(w, 3), _mm512_set1_epi16(1)));
	__m512 dm = _mm512_cvtph_ps(_mm512_castsi512_si256(group_pick(words, scales)));
	g.d.v = _mm512_castps512_ps256(dm);
	g.m.v = _mm512_extractf32x8_ps(dm, 1);
	return g;
}

/* Lane L of 8, twice; the vectors v even and odd. */
INLINE __m512i part_lanes(void)
{
	return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7);
}

INLINE void group_load_q6_k(const unsigned char *p, struct group_256 *g)
{
	const __m512i lane = part_lanes(), one = _mm512_set1_epi32(1);
	const __m512i half = _mm512_srli_epi32(lane, 2), part = _mm512_and_si512(lane, _mm512_set1_epi32(3));
	const __m512i odd = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi32(1), 1);
	const __m512i nibbles = _mm512_add_epi32(_mm512_slli_epi32(half, 4),
						 _mm512_slli_epi32(_mm512_and_si512(part, one), 3));
	__m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + 64), upper = _mm512_loadu_si512(p + 128);
	for (int i = 0; i < 4; i++) {
		__m512i v = _mm512_add_epi32(odd, _mm512_set1_epi32(2 * i));
		__m512i q = _mm512_permutex2var_epi32(a, _mm512_add_epi32(nibbles, v), b);
		__m512i u = _mm512_permutexvar_epi32(_mm512_add_epi32(_mm512_slli_epi32(half, 3), v), upper);
		q = _mm512_srlv_epi32(q, _mm512_slli_epi32(_mm512_srli_epi32(part, 1), 2));
		u = _mm512_srlv_epi32(u, _mm512_slli_epi32(part, 1));
		g->q[i].v = _mm512_or_si512(_mm512_and_si512(q, _mm512_set1_epi8(15)),
					    _mm512_slli_epi32(_mm512_and_si512(u, _mm512_set1_epi8(3)), 4));
	}
	__m256i scales = _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)(p + 192)));
	_mm256_storeu_si256((void *)g->low, _mm256_srai_epi32(_mm256_slli_epi32(scales, 16), 16));
	_mm256_storeu_si256((void *)g->high, _mm256_srai_epi32(scales, 16));
	g->d = block_f16(p + 208);
}

INLINE struct group_256 group_load_256(enum dtype type, const unsigned char *p)
{
	struct group_256 g = {.d = 0};
	if (type == DTYPE_Q6_K) {
		group_load_q6_k(p, &g);
		return g;
	}
	const __m512i lane = part_lanes();
	const __m512i odd = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi32(1), 1);
	const __m512i nibbles = _mm512_slli_epi32(_mm512_srli_epi32(lane, 1), 3);
	const __m512i shift = _mm512_slli_epi32(_mm512_and_si512(lane, _mm512_set1_epi32(1)), 2);
	const unsigned char *q = p + (type == DTYPE_Q4_K ? 16 : 48);
	__m512i a = _mm512_loadu_si512(q), b = _mm512_loadu_si512(q + 64);
	for (int i = 0; i < 4; i++) {
		__m512i v = _mm512_add_epi32(odd, _mm512_set1_epi32(2 * i));
		__m512i n = _mm512_permutex2var_epi32(a, _mm512_add_epi32(nibbles, v), b);
		n = _mm512_and_si512(_mm512_srlv_epi32(n, shift), _mm512_set1_epi8(15));
		if (type == DTYPE_Q5_K) {
			__m512i fifth = _mm512_castsi256_si512(_mm256_loadu_si256((const void *)(p + 16)));
			fifth = _mm512_srlv_epi32(_mm512_permutexvar_epi32(v, fifth), lane);
			n = _mm512_or_si512(n, _mm512_slli_epi32(_mm512_and_si512(fifth, _mm512_set1_epi8(1)), 4));
		}
		g.q[i].v = n;
	}
	struct block_256 scales;
	block_scales(p + 4, &scales);
	for (int L = 0; L < 8; L++) {
		g.low[L] = scales.scale[2 * L];
		g.minimum[L] = scales.minimum[L];
	}
	memcpy(g.high, g.low, sizeof g.high);
	g.d = block_f16(p);
	g.m = block_f16(p + 2);
	return g;
}
