/*
 * tokenizer_scripts.c: the pre-tokenizer UnicodeScripts, which cuts a text where its
 * script changes.
 *
 * Source: tokenizers, src/pre_tokenizers/unicode_scripts.
 */
#include <string.h>

#include "tokenizer_json.h"

/* Those that it tells apart.  The Japanese syllabaries count as Han, and so does the sign U+30FC. */
static const char *const classes[] = {
	"\\p{Latin}", "\\p{Common}&&[^\\x{30fc}]", "\\p{Han}\\p{Hiragana}\\p{Katakana}\\x{30fc}", "\\p{Inherited}",
	"\\p{Cyrillic}", "\\p{Greek}", "\\p{Arabic}", "\\p{Hebrew}", "\\p{Hangul}", "\\p{Devanagari}", "\\p{Thai}",
	"\\p{Adlam}", "\\p{Ahom}", "\\p{Anatolian_Hieroglyphs}", "\\p{Armenian}", "\\p{Avestan}", "\\p{Balinese}",
	"\\p{Bamum}", "\\p{Bassa_Vah}", "\\p{Batak}", "\\p{Bengali}", "\\p{Bhaiksuki}", "\\p{Bopomofo}",
	"\\p{Brahmi}", "\\p{Braille}", "\\p{Buginese}", "\\p{Buhid}", "\\p{Canadian_Aboriginal}", "\\p{Carian}",
	"\\p{Caucasian_Albanian}", "\\p{Chakma}", "\\p{Cham}", "\\p{Cherokee}", "\\p{Coptic}", "\\p{Cuneiform}",
	"\\p{Cypriot}", "\\p{Deseret}", "\\p{Duployan}", "\\p{Egyptian_Hieroglyphs}", "\\p{Elbasan}",
	"\\p{Ethiopic}", "\\p{Georgian}", "\\p{Glagolitic}", "\\p{Gothic}", "\\p{Grantha}", "\\p{Gujarati}",
	"\\p{Gurmukhi}", "\\p{Hanunoo}", "\\p{Hatran}", "\\p{Imperial_Aramaic}", "\\p{Inscriptional_Pahlavi}",
	"\\p{Inscriptional_Parthian}", "\\p{Javanese}", "\\p{Kaithi}", "\\p{Kannada}", "\\p{Kayah_Li}",
	"\\p{Kharoshthi}", "\\p{Khmer}", "\\p{Khojki}", "\\p{Khudawadi}", "\\p{Lao}", "\\p{Lepcha}", "\\p{Limbu}",
	"\\p{Linear_A}", "\\p{Linear_B}", "\\p{Lisu}", "\\p{Lycian}", "\\p{Lydian}", "\\p{Mahajani}",
	"\\p{Malayalam}", "\\p{Mandaic}", "\\p{Manichaean}", "\\p{Marchen}", "\\p{Meetei_Mayek}",
	"\\p{Mende_Kikakui}", "\\p{Meroitic_Cursive}", "\\p{Meroitic_Hieroglyphs}", "\\p{Miao}", "\\p{Modi}",
	"\\p{Mongolian}", "\\p{Mro}", "\\p{Multani}", "\\p{Myanmar}", "\\p{Nabataean}", "\\p{New_Tai_Lue}",
	"\\p{Newa}", "\\p{Nko}", "\\p{Ogham}", "\\p{Ol_Chiki}", "\\p{Old_Hungarian}", "\\p{Old_Italic}",
	"\\p{Old_North_Arabian}", "\\p{Old_Permic}", "\\p{Old_Persian}", "\\p{Old_South_Arabian}",
	"\\p{Old_Turkic}", "\\p{Oriya}", "\\p{Osage}", "\\p{Osmanya}", "\\p{Pahawh_Hmong}", "\\p{Palmyrene}",
	"\\p{Pau_Cin_Hau}", "\\p{Phags_Pa}", "\\p{Phoenician}", "\\p{Psalter_Pahlavi}", "\\p{Rejang}", "\\p{Runic}",
	"\\p{Samaritan}", "\\p{Saurashtra}", "\\p{Sharada}", "\\p{Shavian}", "\\p{Siddham}", "\\p{SignWriting}",
	"\\p{Sinhala}", "\\p{Sora_Sompeng}", "\\p{Sundanese}", "\\p{Syloti_Nagri}", "\\p{Syriac}", "\\p{Tagalog}",
	"\\p{Tagbanwa}", "\\p{Tai_Le}", "\\p{Tai_Tham}", "\\p{Tai_Viet}", "\\p{Takri}", "\\p{Tamil}", "\\p{Tangut}",
	"\\p{Telugu}", "\\p{Thaana}", "\\p{Tibetan}", "\\p{Tifinagh}", "\\p{Tirhuta}", "\\p{Ugaritic}", "\\p{Vai}",
	"\\p{Warang_Citi}", "\\p{Yi}",
};

/* What is of no script goes with what is before it. */
#define NONE "[\\x20\\p{Cn}\\p{Co}]"

static void add(struct bytes *regex, const char *s)
{
	bytes_add(regex, s, strlen(s));
}

/* A run of each script is a piece, and what of none is before the first is left out. */
void tokenizer_json_scripts(struct tokenizer *t, const json_t *step)
{
	struct bytes regex = {0};
	(void)step;
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
		add(&regex, i ? "|(?!" NONE ")[" : "(?!" NONE ")[");
		add(&regex, classes[i]);
		add(&regex, "](?:[");
		add(&regex, classes[i]);
		add(&regex, "]|" NONE ")*");
	}
	tokenizer_add_split(t, regex.data, regex.n, SPLIT_REMOVED)->invert = true;
	bytes_free(&regex);
}
