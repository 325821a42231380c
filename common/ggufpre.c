/* ggufpre.c: how BPE vocabularies of GGUF files want text cut.  See ggufpre.h. */
#include <string.h>

#include "bytes.h"
#include "ggufpre.h"

/* What many of the patterns share. */
#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)"
#define CONTRACTION "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
#define SPACES "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"

static const struct gguf_pre table[] = {
	{
		.names = "default",
		.regexes = {
			"[\\p{P}\\$\\+<=>\\^~\\|]+",
			GPT2,
			"\\p{N}+",
			"[0-9][0-9][0-9]",
		},
	},
	{
		.names = "minicpm5",
		.regexes = {
			"\\p{N}{1,3}",
			CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}+| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
			SPACES,
		},
		.ignore_merges = true,
	},
	{
		.names = "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
		.regexes = {
			CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
			SPACES,
		},
		.ignore_merges = true, .add_bos = true,
	},
	{
		.names = "deepseek-llm",
		.regexes = {
			"[\r\n]",
			"\\s?[A-Za-z\\x{b5}\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{1ba}\\x{1bc}-\\x{1bf}"
			"\\x{1c4}-\\x{293}\\x{295}-\\x{2af}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37b}-\\x{37d}"
			"\\x{37f}\\x{386}\\x{388}-\\x{38a}\\x{38c}\\x{38e}-\\x{3a1}\\x{3a3}-\\x{3f5}\\x{3f7}-"
			"\\x{481}\\x{48a}-\\x{52f}\\x{531}-\\x{556}\\x{10a0}-\\x{10c5}\\x{13a0}-\\x{13f5}"
			"\\x{13f8}-\\x{13fd}\\x{1c90}-\\x{1cba}\\x{1cbd}-\\x{1cbf}\\x{1d00}-\\x{1d2b}\\x{1d6b}-"
			"\\x{1d77}\\x{1d79}-\\x{1d9a}\\x{1e00}-\\x{1f15}\\x{1f18}-\\x{1f1d}\\x{1f20}-\\x{1f45}"
			"\\x{1f48}-\\x{1f4d}\\x{1f50}-\\x{1f57}\\x{1f59}\\x{1f5b}\\x{1f5d}\\x{1f5f}-\\x{1f7d}"
			"\\x{1f80}-\\x{1fb4}\\x{1fb6}-\\x{1fbc}\\x{1fbe}\\x{1fc2}-\\x{1fc4}\\x{1fc6}-\\x{1fcc}"
			"\\x{1fd0}-\\x{1fd3}\\x{1fd6}-\\x{1fdb}\\x{1fe0}-\\x{1fec}\\x{1ff2}-\\x{1ff4}\\x{1ff6}-"
			"\\x{1ffc}\\x{2102}\\x{2107}\\x{210a}-\\x{2113}\\x{2115}\\x{2119}-\\x{211d}\\x{2124}"
			"\\x{2126}\\x{2128}\\x{212a}-\\x{212d}\\x{212f}-\\x{2134}\\x{2139}\\x{213c}-\\x{213f}"
			"\\x{2145}-\\x{2149}\\x{214e}\\x{2183}\\x{2184}\\x{2c00}-\\x{2c7b}\\x{2c7e}-\\x{2ce4}"
			"\\x{2ceb}-\\x{2cee}\\x{2cf2}\\x{2cf3}\\x{a640}-\\x{a66d}\\x{a680}-\\x{a69b}\\x{a722}-"
			"\\x{a76f}\\x{a771}-\\x{a787}\\x{a78b}-\\x{a78e}\\x{ab70}-\\x{abbf}\\x{fb00}-\\x{fb06}"
			"\\x{fb13}-\\x{fb17}\\x{ff21}-\\x{ff3a}\\x{ff41}-\\x{ff5a}\\x{10400}-\\x{1044f}"
			"\\x{104b0}-\\x{104d3}\\x{104d8}-\\x{104fb}\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}"
			"\\x{118a0}-\\x{118df}\\x{1e900}-\\x{1e943}]+",
			"\\s?[!-/:-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}\\x{3000}-"
			"\\x{3002}]+",
			"\\s+$",
			"[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+",
			"\\p{N}+",
		},
	},
	{
		.names = "deepseek-coder",
		.regexes = {
			"[\r\n]",
			"\\s?\\p{L}+",
			"\\s?\\p{P}+",
			"[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+",
			"\\p{N}",
		},
	},
	{
		.names = "deepseek-v3 hunyuan-dense hy_v4 joyai-llm",
		.regexes = {
			"\\p{N}{1,3}",
			"[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+",
			"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
			"[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|"
			"\\s+(?!\\S)|\\s+",
		},
	},
	{
		.names = "spark2_5",
		.regexes = {
			"\\p{N}{1,3}",
			"[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+",
			"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
			"[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+|[\r\n]|\\s+(?!\\S)|\\s+",
			"\\p{N}",
		},
	},
	{
		.names = "youtu",
		.regexes = {
			"[\\x{ac00}-\\x{d7a3}\\x{3131}-\\x{318e}]+|"
			"[\\x{ff01}\\x{2026}\\x{201c}\\x{201d}\\x{2018}\\x{2019}\\x{2014}\\x{ff1a}\\x{ff1b}"
			"\\x{ff0c}\\x{3001}-\\x{303f}\\x{fe30}-\\x{fe4f}]+|[\\x{3105}-\\x{312f}]+|"
			"[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+",
			"[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" CONTRACTION "?|[^\\r\\n\\p{L}\\p{N}]?"
			UPPER "+" LOWER "*" CONTRACTION "?|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES,
		},
		.ignore_merges = true,
	},
	{
		.names = "falcon",
		.regexes = {
			"[\\p{P}\\$\\+<=>\\^~\\|`]+",
			GPT2,
			"[0-9][0-9][0-9]",
		},
	},
	{
		.names = "mpt gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de a.x-4.0 mellum "
			"modern-bert olmo jais exaone4 trillion granite-docling",
		.regexes = {
			GPT2,
		},
	},
	{
		.names = "starcoder refact command-r smollm codeshell exaone minerva-7b mellum2",
		.regexes = {
			"\\p{N}",
			GPT2,
		},
	},
	{
		.names = "jais-2",
		.regexes = {
			CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
			"\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|"
			"\\s{32}(?!\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}",
		},
	},
	{
		.names = "jina-v1-en jina-v2-code roberta-bpe",
		.regexes = {
			GPT2,
		},
		.add_sep = true,
	},
	{
		.names = "qwen2",
		.regexes = {
			CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
			SPACES,
		},
		.qwen_nfc = true,
	},
	{
		.names = "deepseek-r1-qwen kormo f2llmv2 stablelm2 megrez hunyuan grok-2 solar-open",
		.regexes = {
			CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
			SPACES,
		},
	},
	{
		.names = "qwen35",
		.regexes = {
			CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}|"
			" ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" SPACES,
		},
		.qwen_nfc = true,
	},
	{
		.names = "dbrx smaug-bpe chatglm-bpe",
		.regexes = {
			CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
			SPACES,
		},
	},
	{
		.names = "poro-chat bloom gpt3-finnish",
		.regexes = {
			" ?[^(\\s|.,!?\\x{2026}\\x{3002}\\x{ff0c}\\x{3001}\\x{964}\\x{6d4}\\x{60c})]+",
		},
	},
	{
		.names = "glm4 glm5",
		.regexes = {
			CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
			SPACES,
		},
		.ignore_merges = true,
	},
	{
		.names = "viking",
		.regexes = {
			" ?[^(\\s|.,!?\\x{2026}\\x{3002}\\x{ff0c}\\x{3001}\\x{964}\\x{6d4}\\x{60c})]+",
			"\\p{N}",
		},
	},
	{
		.names = "tekken",
		.regexes = {
			"[^\\r\\n\\p{L}\\p{N}]?[^\\P{L}a-z]*[^\\P{L}A-Z]+|"
			"[^\\r\\n\\p{L}\\p{N}]?[^\\P{L}a-z]+[^\\P{L}A-Z]*|\\p{N}|"
			" ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES,
		},
		.ignore_merges = true, .add_bos = true,
	},
	{
		.names = "exaone-moe",
		.regexes = {
			CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}|"
			" ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
		},
	},
	{
		.names = "chameleon",
		.regexes = {
			"<sentinel:[0-9]+>",
			"(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
			"([\\t\\n]|    |  )",
			"\\p{N}",
			"[\\p{P}!-/:-@\\[-`{-~]",
			GPT2,
		},
		.add_bos = true,
	},
	{
		.names = "gpt-4o llama4 kanana2 talkie minimax-m2",
		.regexes = {
			"[^\\r\\n\\p{L}\\p{N}]?[^\\P{L}a-z]*[^\\P{L}A-Z]+" CONTRACTION
			"?|[^\\r\\n\\p{L}\\p{N}]?[^\\P{L}a-z]+[^\\P{L}A-Z]*" CONTRACTION
			"?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES,
		},
	},
	{
		.names = "granite-embed-multi-97m",
		.regexes = {
			"[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}&&[^a-z]]*[\\p{L}\\p{M}&&[^A-Z]]+" CONTRACTION
			"?|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}&&[^a-z]]+[\\p{L}\\p{M}&&[^A-Z]]*" CONTRACTION
			"?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES,
		},
		.ignore_merges = true,
	},
	{
		.names = "tiny_aya cohere2moe",
		.regexes = {
			"\\d{1,3}(?=(?:\\d{3})*\\b)",
			"[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" CONTRACTION "?|[^\\r\\n\\p{L}\\p{N}]?"
			UPPER "+" LOWER "*" CONTRACTION "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES,
		},
	},
	{
		.names = "superbpe",
		.regexes = {
			"\\p{N}+",
			"(?=(\\d{3})+(?!\\d))",
		},
	},
	{
		.names = "bailingmoe bailingmoe2 llada-moe",
		.regexes = {
			"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
			" ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
		},
	},
	{
		.names = "seed-coder",
		.regexes = {
			CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|"
			SPACES,
		},
	},
	{
		.names = "kimi-k2",
		.regexes = {
			"[\\p{Han}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*["
			"\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
			"[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+[\\p{Ll}"
			"\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}|"
			" ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES,
		},
	},
	{
		.names = "gemma4 granite-embed-multi-311m",
		.regexes = {
			"[^\\n]+|[\\n]+",
		},
		.always_bos = true, .characters = true, .whole_newlines = true,
	},
	{
		.names = "sarvam-moe",
		.regexes = {
			"[^\\n]+|[\\n]+",
		},
		.characters = true,
	},
	{
		.names = "ufakzeka",
		.regexes = {
			"[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES,
		},
	},
	{
		.names = "afmoe",
		.regexes = {
			"\\p{N}{1,3}(?=(?:\\p{N}{3})*(?!\\p{N}))",
			"[\\x{4e00}-\\x{9fff}\\x{3400}-\\x{4dbf}\\x{8c48}-\\x{faff}\\x{3040}-\\x{309f}\\x{30a0}"
			"-\\x{30ff}\\x{ff65}-\\x{ff9f}\\x{2f00}-\\x{2fdf}\\x{e40}-\\x{e7f}\\x{e80}-\\x{eff}"
			"\\x{1780}-\\x{17ff}\\x{1000}-\\x{109f}\\x{aa60}-\\x{aa7f}\\x{a9e0}-\\x{a9ff}\\x{ac00}-"
			"\\x{d7af}\\x{1100}-\\x{11ff}]+",
			"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
			"[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|" SPACES,
		},
	},
	{
		.names = "laguna",
		.regexes = {
			"[^\\n]+|[\\n]+",
			CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
			SPACES,
		},
	},
};

const struct gguf_pre *gguf_pre_find(struct gguf_string name)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (words_have(table[i].names, name.bytes, name.n))
			return &table[i];
	return NULL;
}
