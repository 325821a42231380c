#!/usr/bin/env bats
# tokfiles.bats: the files besides tokenizer.json, tokenizer.model and GGUF in which
# tokenizers are: vocab.json with merges.txt, tiktoken's ranks, tekken.json.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# pair DIRECTORY [CLASS [KEY VALUE]...]: vocab.json, merges.txt and perhaps tokenizer_config.json.
pair() {
	mkdir -p "$1"
	jq -n '[range(33; 127), range(161; 173), range(174; 256)] as $printable |
		["<s>", "<pad>", "</s>", "<unk>"] + ($printable + [range(256; 324)] | map([.] | implode)) +
		["ab", "Ġa", "Ġab", "12", "Ã©", "<mask>", "<|endoftext|>"] | to_entries | map({(.value): .key}) | add' >"$1/vocab.json"
	printf '#version: 0.2\na b\nĠ a\nĠ ab\n1 2\r\nÃ ©' >"$1/merges.txt"
	[ $# -lt 2 ] || jq -n --arg c "$2" "{tokenizer_class: \$c} + ${3:-null}" >"$1/tokenizer_config.json"
}

@test "vocab.json and merges.txt" {
	pair plain
	same plain "ab ab 12 é" "ab|Ġab|Ġ|12|Ġ|Ã©"
	same plain/vocab.json "ab ab" "ab|Ġab"
	same plain "a<|endoftext|>b" "a|<|endoftext|>|b"
	same plain "a<|endoftext|>b" "a|<|||e|n|d|o|f|t|e|x|t|||>|b" --plain
	same plain "a<s>" "a|<|s|>"
	[ "$(tok -m plain "ab é" | tok -m plain -d)" = "ab é" ]
	[ "$(tok -m plain ab | tok -d --ids)" = "$(jq '.ab' plain/vocab.json)" ]
	pair prefix GPT2Tokenizer '{add_prefix_space: true, eos_token: "12", bos_token: {content: "<unk>", rstrip: true}}'
	same prefix "ab" "Ġab"
	same prefix "a12 b" "Ġa|12|Ġ|b"
	same prefix "a<unk>  b" "Ġa|<unk>|Ġ|b"
	pair qwen Qwen2Tokenizer '{added_tokens_decoder: {"259": {content: "ab", special: true}, "300": {content: "<new>", special: false}}}'
	same qwen $'e\xcc\x81' "Ã©"
	same qwen "12" "1|2"                    # single digits
	same qwen "<new>ab" "<new>|ab" --plain
	[ "$(tok -m qwen "<new>" | tok -d --ids)" = "$(($(jq length qwen/vocab.json)))" ]
	pair roberta RobertaTokenizer
	[ "$(tok -m roberta "ab" | tok -m roberta -d --plain)" = "<s>ab</s>" ]
	[ "$(tok -m roberta --bare "ab" | tok -d --ids)" = "$(jq '.ab' plain/vocab.json)" ]
	# the files beside: tokens with ids, in their order, and names of special ones (transformers 5.23)
	pair beside GPT2Tokenizer '{add_bos_token: true, extra_special_tokens: {x: "<x>"}}'
	echo '{"<b>": 268, "  ": 267}' >beside/added_tokens.json
	echo '{"additional_special_tokens": ["<b>", "<c>"]}' >beside/special_tokens_map.json
	[ "$(tok -m beside "a  <b><c><x>" | tok -d --ids)" = "266 68 267 268 270 269" ]
	[ "$(tok -m beside "a  <b><c>" | tok -m beside -d)" = "a  <b>" ]
	jq '.added_tokens_decoder = {"267": {content: "<b>", special: true}}' beside/tokenizer_config.json >v
	mv v beside/tokenizer_config.json
	[ "$(tok -m beside "a<b><x>" | tok -d --ids)" = "266 68 267 268" ]
	[ "$(tok -m beside "a  <b><x>" | tok -m beside -d)" = "a  " ]
	pair neox GPTNeoXTokenizer
	same neox $'e\xcc\x81' "Ã©"
	pair none Qwen2Tokenizer
	jq 'del(.["<|endoftext|>"])' none/vocab.json >v
	mv v none/vocab.json
	[ "$(tok -m none "<|endoftext|>" | tok -d --ids)" = 266 ]
	pair other ''
	run -1 tok -m other a
	[ "$output" = "tok: other/vocab.json: unsupported tokenizer_class (without a tokenizer.json) ''" ]
	pair other LlamaTokenizer
	run -1 tok -m other a
	[ "$output" = "tok: other/vocab.json: unsupported tokenizer_class (without a tokenizer.json) 'LlamaTokenizer'" ]
	rm plain/merges.txt
	run -1 tok -m plain a
	[ "$output" = "tok: plain/merges.txt: No such file or directory" ]
	printf 'a b c\n' >plain/merges.txt
	run -1 tok -m plain a
	[ "$output" = "tok: plain/merges.txt: merge 0, 'a b c', is not two pieces" ]
	printf 'a x\n' >plain/merges.txt
	run -1 tok -m plain a
	[ "$output" = "tok: plain/merges.txt: merge 0, 'a' and 'x': the result is not in the vocabulary" ]
}

@test "tokens added beside a tokenizer.model" {
	mkdir sp
	printf '2 0 <unk>\n3 0 <s>\n3 0 </s>\n1 -1 ▁a\n1 -2 ▁\n1 -3 a\n1 -4 b\n' | "$BUILD/tests/mksentencepiece" >sp/tokenizer.model
	echo '{"<|x|>": 7}' >sp/added_tokens.json
	jq -n '{added_tokens_decoder: {"1": {content: "<s>", special: true}, "7": {content: "<|x|>", special: true}}}' >sp/tokenizer_config.json
	[ "$(tok -m sp "a<|x|>b<s>" | tok -d --ids)" = "1 3 7 4 6 0" ]         # <s> is text, unknown
	[ "$(tok -m sp "a<|x|>b" | tok -m sp -d)" = "a b" ]
	[ "$(tok -m sp "a<|x|>b" | tok -m sp -d --plain)" = "a<|x|> b" ]
}

# bytes: the 256 bytes in base64, a line each, as ranks 0 to 255.
bytes() {
	local i
	for i in {0..255}; do
		# shellcheck disable=SC2059
		printf "\\x$(printf %02x "$i")" | base64 -w 0
		echo " $i"
	done
}

# ranks COUNT TEXT...: so many of them: the bytes, the texts, and some that no text here has.
ranks() {
	bytes
	printf '%s\n' "${@:2}" | jq -Rr '@base64 + " \(255 + input_line_number)"'
	jq -nr --argjson from $((255 + $#)) --argjson to "$1" 'range($from; $to) | ("\u0001 \(.)" | @base64) + " \(.)"'
}

@test "ranks of tiktoken, known by their number" {
	ranks 50256 ab bc abc ' a' >r50k
	[ "$(wc -l <r50k)" -eq 50256 ]
	same r50k "abc" "abc"                   # a whole piece that is a token is not taken apart
	same r50k "abcd bab" "abc|d|Ġ|b|ab"
	same r50k "xbc ab" "x|bc|Ġ|ab"          # ab has a lower rank than " a"
	same r50k "<|endoftext|>a" "<|endoftext|>|a"
	[ "$(tok -m r50k "<|endoftext|>" | tok -d --ids)" = 50256 ]
	[ "$(tok -m r50k "a<|endoftext|>" | tok -m r50k -d)" = "a<|endoftext|>" ]       # as tiktoken does
	ranks 128000 ab >llama3
	[ "$(tok -m llama3 "ab<|eot_id|><|reserved_special_token_246|>" | tok -d --ids)" = "128000 256 128009 128255" ]
	head -n 1000 r50k >few
	run -1 tok -m few a
	[[ "$output" == "tok: few: 1000 ranks; what to cut text at is known for these only: r50k_base (GPT-2): 50256, "* ]]
	{ cat few; echo 'YWI= 9999'; } >twice
	refused twice "token 1001 is there twice"
	{ cat few; echo 'YWI= 99 9'; } >line
	refused line "line 1001: not a token in base64 and its rank"
	{ cat few; echo 'YW= 2000'; } >base
	refused base "token 1001: not base64"
	{ cat few; echo 'enp6 7'; } >id
	refused id "token 1001: another one has the id 7"
	sed 's/^IQ== /ISEh /' r50k >none
	refused none "no token for the byte 0x21"
}

# tekken FILTER: a small tekken.json, as t.json.
tekken() {
	{
		bytes
		printf 'YWI= 256\nYWJj 257\nZGQ= 258\n'
	} | jq -Rn '[inputs | split(" ") | {rank: (.[1] | tonumber), token_bytes: .[0], token_str: null}] as $v |
		{config: {pattern: "[a-c]+|[^a-c]", default_vocab_size: 268, default_num_special_tokens: 10, version: "v3"},
		 vocab: $v}' | jq "$1" >t.json
}

@test "tekken.json" {
	tekken .
	same t.json "abcd ab" "abc|d|Ġ|ab"
	[ "$(tok -m t.json "abcd</s>" | tok -d --ids)" = "1 267 110 70 57 125 72" ]     # ids after those of special tokens
	same t.json dd "d|d"                    # beyond default_vocab_size, and cut by the pattern
	[ "$(tok --ids "1 267 9" | tok -m t.json -d)" = abc ]
	[ "$(tok --ids "1 267 2 9" | tok -m t.json -d --plain)" = "<s>abc</s><SPECIAL_9>" ]
	tekken '.special_tokens = [{rank: 9, token_str: "[X]", is_control: true}]'
	[ "$(tok --ids "1 267 9" | tok -m t.json -d --plain)" = "<s>abc[X]" ]
	mkdir model
	mv t.json model/tekken.json
	same model "abc" "abc"
	tekken '.special_tokens = [{rank: 10, token_str: "[X]"}]'
	run -1 tok -m t.json a
	[[ "$output" == "tok: t.json: line "*": special_tokens: a rank that is not in [0, 10)" ]]
	tekken 'del(.config.pattern)'
	refused t.json "not a tekken.json (no config with a 'pattern', or no 'vocab')"
	tekken '.config.default_num_special_tokens = 300'
	refused t.json "default_num_special_tokens or default_vocab_size make no sense"
	tekken 'del(.vocab[5].token_bytes)'
	run -1 tok -m t.json a
	[[ "$output" == "tok: t.json: line "*": a token without rank or token_bytes" ]]
}

@test "vectors: gpt2 and qwen2 from vocab.json, tiktoken, tekken" {
	skip_without_shared
	local data=$shared/data/tokenizers golden=$shared/golden/tokenizers
	for pair in gpt2:$data/gpt2 qwen2:$data/qwen2 tiktoken-r50k:$data/tiktoken/r50k_base.tiktoken \
		tiktoken-cl100k:$data/tiktoken/cl100k_base.tiktoken; do
		vectors "${pair#*:}" "$golden/${pair%%:*}/vectors.jsonl"
		vectors "${pair#*:}" "$golden/${pair%%:*}/decode.jsonl"
	done
	vectors "$golden/tekken/tekken.json" "$golden/tekken/vectors.jsonl"
}
