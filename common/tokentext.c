/* tokentext.c: the texts of all tokens.  See tokentext.h. */
#include <stdlib.h>

#include "memory.h"
#include "tokentext.h"

struct token_texts *token_texts_new(const struct tokenizer *t)
{
	struct token_texts *texts = mem_zero(1, sizeof *texts);
	texts->count = tokenizer_size(t);
	texts->ends = mem_array(texts->count, sizeof *texts->ends);
	for (size_t id = 0; id < texts->count; id++) {
		tokenizer_text(t, (int32_t)id, &texts->text);
		texts->ends[id] = texts->text.n;
	}
	return texts;
}

void token_texts_free(struct token_texts *texts)
{
	if (!texts)
		return;
	bytes_free(&texts->text);
	free(texts->ends);
	free(texts);
}

const char *token_text(const struct token_texts *texts, int32_t id, size_t *n)
{
	*n = 0;
	if (id < 0 || (size_t)id >= texts->count)
		return "";
	size_t start = id > 0 ? texts->ends[id - 1] : 0;
	*n = texts->ends[id] - start;
	return *n ? texts->text.data + start : "";
}
