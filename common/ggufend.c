/* ggufend.c: the tokens with which models end what they say.  See ggufend.h. */
#include <string.h>

#include "ggufend.h"

bool gguf_is_end(struct gguf_string token)
{
	static const char *const ends[] = {
		"<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
		"<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]",
		"<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>",
		("<\xef\xbd\x9c" "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>"),
	};
	if (token.n < 4 || !strchr("<_[", token.bytes[0]))
		return false;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (gguf_equal(token, ends[i]))
			return true;
	return false;
}
