/* tokenizer_spm.c: a tokenizer from a tokenizer.model of SentencePiece. */
#include "tokenizer_json.h"

/* What tokenizer_config.json beside a tokenizer.model says, or otherwise. */
static bool configured(const json_t *config, const char *key, bool otherwise)
{
	const json_t *value = json_object_get(config, key);
	return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

void tokenizer_load_sentencepiece(struct tokenizer *t, const char *directory)
{
	struct sentencepiece *sp = sentencepiece_open(t->path);
	json_t *config = directory ? tokenizer_config(directory) : NULL;
	t->sentencepiece = sp;
	t->model = sentencepiece_model(sp);
	tokenizer_add_normalizer(t, NORMALIZER_SENTENCEPIECE)->sentencepiece = sp;
	tokenizer_add_decoder(t, DECODE_SENTENCEPIECE);
	tokenizer_load_specials(t, directory, config, NULL, 0);
	if (sp->bos >= 0 && configured(config, "add_bos_token", sp->adds_bos))
		ids_add(&t->template, sp->bos);
	ids_add(&t->template, TEMPLATE_TEXT);
	if (sp->eos >= 0 && configured(config, "add_eos_token", sp->adds_eos))
		ids_add(&t->template, sp->eos);
	json_decref(config);
}
