#!/usr/bin/env bats
# bytelevel.bats: byte-level tokenizers, their regular expressions, and the
# vocabularies of GGUF files.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# alphabet: the characters that stand for bytes, a line each.
alphabet() {
	jq -rn '[range(33; 127), range(161; 173), range(174; 256)] as $printable |
		($printable + [range(256; 324)]) | map([.] | implode) | .[]'
}

# tokenizer [FILTER]: a small byte-level tokenizer.json, changed by a jq filter, as t.json.
tokenizer() {
	alphabet | jq -R . | jq -s '
		(["<s>", "</s>"] + . + ["ab", "Ġa", "Ġab", "12", "abc", "Ã©"]) as $v |
		{added_tokens: [range(2) | {id: ., content: $v[.], single_word: false, lstrip: false, rstrip: false,
			normalized: false, special: true}],
		 normalizer: null,
		 pre_tokenizer: {type: "ByteLevel", add_prefix_space: false, use_regex: true},
		 post_processor: {type: "ByteLevel", trim_offsets: false},
		 decoder: {type: "ByteLevel"},
		 model: {type: "BPE", vocab: ($v | to_entries | map({(.value): .key}) | add),
			merges: [["a", "b"], ["Ġ", "a"], ["Ġ", "ab"], ["1", "2"], ["Ã", "©"]]}}' |
		jq "${1:-.}" >t.json
}

# split PATTERN [BEHAVIOR [INVERT]]: the filter for a Split before the bytes.
split() {
	jq -n --arg p "$1" --arg b "${2:-Isolated}" --argjson i "${3:-false}" '
		{type: "Sequence", pretokenizers: [{type: "Split", pattern: {Regex: $p}, behavior: $b, invert: $i},
			{type: "ByteLevel", add_prefix_space: false, use_regex: false}]}'
}

# same TEXT PIECES [OPTION...]: the pieces of a text by $file, else t.json, joined by |.
same() {
	local is
	is=$(printf %s "$1" | tok -m "${file:-t.json}" --bare --show "${@:3}" | sed -e 1d -e "s/^.*  '\\(.*\\)'\$/\\1/" | paste -sd '|')
	[ "$is" = "$2" ] || fail "'$1': $is instead of $2"
}

# refused FILE REASON: FILE is refused with one line that says so.
refused() {
	local status=0
	timeout 60 tok -m "$1" abc >out 2>err || status=$?
	[ "$status" -eq 1 ] || fail "$1: exit $status: $(cat err)"
	[ ! -s out ] || fail "$1: output"
	[ "$(cat err)" = "tok: $1: $2" ] || fail "$1: $(cat err)"
}

# matches PATTERN TEXT MATCHES
matches() {
	local is
	is=$("$BUILD/tests/regex" "$1" "$2" 2>&1) || true
	[ "$is" = "$3" ] || fail "$1 in '$2': $is instead of $3"
}

# vocabulary MODEL [KEY=VALUE...]: a small vocabulary of a GGUF file, as v.gguf.
vocabulary() {
	{
		printf '%s\n' '3 0 <s>' '3 0 </s>' '4 0 <tool>' '3 0 <|im_end|>'
		if [ "$1" = gpt2 ]; then
			alphabet | sed 's/^/1 0 /'
			printf '%s\n' '1 0 ab' '1 0 Ġa' '1 0 Ġab' '1 0 12' '1 0 abc' '1 0 Ġa1' 'm a b' 'm Ġ a' 'm Ġ ab' 'm 1 2'
		else
			printf '%s\n' '2 0 <unk>' '1 -1 ab' '1 -2 ▁a' '1 -3 ▁ab' '1 -6 ▁' '1 -7 a' '1 -8 b' '5 -4 abc' '1 -5 abcd' '1 -9 c' '1 -9 d'
			for b in {0..255}; do
				printf '6 0 <0x%02X>\n' "$b"
			done
		fi
	} | "$BUILD/tests/mkvocab" "$@" >v.gguf
}

# vectors TOKENIZER FILE: compares with vectors, all of them.
vectors() {
	"$BUILD/tests/tokvec" "$1" "$2" "$shared" >out || fail "$2: $(head -n 20 out; tail -n 1 out)"
}

@test "ByteLevel: its regex, a space before, and bytes" {
	tokenizer
	same "ab ab" 'ab|Ġab'
	same "ab  ab" 'ab|Ġ|Ġab'
	same $'ab\n' 'ab|Ċ'
	same "é" 'Ã©'
	same "a'll1212" "a|'|l|l|12|12"
	tokenizer '.pre_tokenizer.add_prefix_space = true'
	same "ab</s>ab" 'Ġab|</s>|Ġab'
	same " ab" 'Ġab'
	tokenizer '.pre_tokenizer.use_regex = false | .model.vocab["bĠ"] = 400 | .model.merges = [["b", "Ġ"]]'
	same "ab ab" 'a|bĠ|a|b'
}

@test "--bytes with a byte-level vocabulary, and a normalizer before it" {
	local i
	tokenizer '.normalizer = {type: "NFC"}'
	{
		printf 'e\xcc\x81 ab<s>\xe4\xb8 \xe2\x96\x81'
		for i in {0..255}; do
			# shellcheck disable=SC2059
			printf "\\x$(printf %02x "$i")"
		done
	} >in
	tok -m t.json --bytes <in | tok -m t.json -d --bytes | cmp - in
	[ "$(printf 'ab\xff' | tok -m t.json --bytes | tok -d --ids)" = "$(jq '.model.vocab | .ab, .["ÿ"]' t.json | paste -sd ' ')" ]
	# a byte that has no token
	tokenizer 'del(.model.vocab["ÿ"])'
	printf 'ab\xff' >in
	run -1 tok -m t.json --bytes <in
	[ "$output" = "tok: t.json: cannot keep all bytes: what is at offset 2 would be lost" ]
}

@test "sequences come out in their order, also where the first is one token" {
	tokenizer
	printf 'a\nb ab\nab\n' >in
	tok -m t.json --lines <in | tok -m t.json -d --lines | cmp - in
	tok -m t.json --lines --chunk 1 <in | tok -m t.json -d --lines | cmp - in
	[ "$(tok -m t.json a "b ab" | tok -d --ids | head -n 1)" = "$(tok -m t.json a | tok -d --ids)" ]
}

@test "steps that make more and more of a text come to an end" {
	local grow='[range(12) | {type: "Replace", pattern: {String: "a"}, content: "aaaaaaaaaa"}]'
	tokenizer ".normalizer = {type: \"Sequence\", normalizers: $grow}"
	run -1 tok -m t.json a
	[ "$output" = "tok: a text becomes more than 65600 bytes long when it is normalized" ] || fail "$output"
	tokenizer ".normalizer = {type: \"Sequence\", normalizers: ($grow | map(.pattern = {Regex: \"a\"}))}"
	run -1 tok -m t.json a
	[ "$output" = "tok: a text becomes more than 65600 bytes long when it is normalized" ] || fail "$output"
	tokenizer ".decoder = {type: \"Sequence\", decoders: $grow}"
	tok -m t.json a >a
	run -1 tok -m t.json -d <a
	[ "$output" = "tok: t.json: the text of token $(jq .model.vocab.a t.json) is longer than 67108864 bytes" ] || fail "$output"
}

@test "ignore_merges, and characters without an id" {
	tokenizer
	same "abc" 'ab|c'
	tokenizer '.model.ignore_merges = true'
	same "abc" 'abc'
	tokenizer 'del(.model.vocab["Ċ"])'
	same $'a\nb' 'a|b'
}

@test "Split: what becomes of the matches" {
	for row in Isolated/false/'a|,|,|b|,' Removed/false/'a|b' Contiguous/false/'a|,,|b|,' MergedWithPrevious/false/'a,|,|b,' \
		MergedWithNext/false/'a|,|,b|,' Removed/true/',|,|,' MergedWithPrevious/true/'a|,|,b|,'; do
		IFS=/ read -r behavior invert pieces <<<"$row"
		tokenizer ".pre_tokenizer = $(split , "$behavior" "$invert") |
			.model.vocab[\",,\"] = 400 | .model.vocab[\"a,\"] = 401 | .model.vocab[\"b,\"] = 402 | .model.vocab[\",b\"] = 403 |
			.model.merges = [[\",\", \",\"], [\"a\", \",\"], [\",\", \"b\"], [\"b\", \",\"]]"
		same 'a,,b,' "$pieces"
		tokenizer ".pre_tokenizer = $(split x "$behavior" "$invert") | .pre_tokenizer.pretokenizers[0].pattern = {String: \",\"} |
			.model.vocab[\",,\"] = 400 | .model.vocab[\"a,\"] = 401 | .model.vocab[\"b,\"] = 402 | .model.vocab[\",b\"] = 403 |
			.model.merges = [[\",\", \",\"], [\"a\", \",\"], [\",\", \"b\"], [\"b\", \",\"]]"
		same 'a,,b,' "$pieces"
	done
}

@test "Digits, Punctuation, Whitespace, WhitespaceSplit, CharDelimiterSplit" {
	local byte='{type: "ByteLevel", add_prefix_space: false, use_regex: false}'
	step() { tokenizer ".pre_tokenizer = {type: \"Sequence\", pretokenizers: [$1, $byte]} | .model.vocab[\",a\"] = 400 |
		.model.merges += [[\",\", \"a\"]]"; }
	step '{type: "Digits", individual_digits: true}'
	same 'a12' 'a|1|2'
	step '{type: "Digits"}'
	same 'a12' 'a|12'
	step '{type: "Punctuation"}'
	same ',ab' ',|ab'
	step '{type: "Whitespace"}'
	same ',ab a' ',|ab|a'
	step '{type: "WhitespaceSplit"}'
	same $',ab\xc2\xa0a\t' ',|ab|a'
	step '{type: "CharDelimiterSplit", delimiter: "b"}'
	same 'abab' 'a|a'
}

@test "normalizers: forms, lower case, accents, strip, a regex" {
	tokenizer '.normalizer = {type: "NFC"}'
	same $'e\xcc\x81' 'Ã©'
	tokenizer '.normalizer = {type: "NFD"}'
	same 'é' 'e|Ì|ģ'
	tokenizer '.normalizer = {type: "NFKC"}'
	same 'ａｂ' 'ab'
	tokenizer '.normalizer = {type: "Sequence", normalizers: [{type: "NFD"}, {type: "StripAccents"}, {type: "Lowercase"}]}'
	same 'ÁB' 'ab'
	tokenizer '.normalizer = {type: "Strip", strip_left: true, strip_right: false}'
	same ' ab ' 'ab|Ġ'
	tokenizer '.normalizer = {type: "Replace", pattern: {Regex: "[b-d]+"}, content: "b"}'
	same 'adcad' 'ab|ab'
	# Marks come into order, a hundred thousand of them as well.
	tokenizer '.normalizer = {type: "NFD"}'
	same $'a\xcc\x81\xcc\xa3' 'a|Ì|£|Ì|ģ'
	{ printf a; for ((i = 0; i < 50000; i++)); do printf '\xcc\x81\xcc\xa3'; done; } >marks
	timeout 60 tok -m t.json <marks | tok -d --ids | wc -w | grep -qx 200001
}

@test "RobertaProcessing, prefixes and suffixes" {
	tokenizer '.post_processor = {type: "RobertaProcessing", sep: ["</s>", 1], cls: ["<s>", 0]}'
	[ "$(tok -m t.json "" | tok -d --ids)" = "0 1" ]
	tokenizer '.pre_tokenizer = {type: "WhitespaceSplit"} | .decoder = {type: "BPEDecoder", suffix: "</w>"} | .post_processor = null |
		.model = {type: "BPE", unk_token: "?", end_of_word_suffix: "</w>", vocab: {"?": 0, "a": 1, "a</w>": 2, "b</w>": 3, "ab</w>": 4},
			merges: [["a", "b</w>"]]} | .added_tokens = []'
	same 'ab a aab c' 'ab</w>|a</w>|a|ab</w>|?'
	[ "$(tok -m t.json 'ab a aab' | tok -m t.json -d)" = 'ab a aab' ]
	tokenizer '.pre_tokenizer = {type: "WhitespaceSplit"} | .post_processor = null |
		.model = {type: "BPE", unk_token: "?", continuing_subword_prefix: "##", vocab: {"?": 0, "a": 1, "##a": 2, "##b": 3, "ab": 4},
			merges: [["a", "##b"]]} | .added_tokens = []'
	same 'ab aab a' 'ab|a|##a|##b|a'
}

@test "decoding: bytes wait for their character, and none is lost" {
	tokenizer
	id() { jq -r --arg p "$1" '.model.vocab[$p]' t.json; }
	ids() { tok --ids "$1" | tok -m t.json -d; }
	[ "$(ids "$(id Ã) $(id ©)")" = é ]
	[ "$(ids "$(id Ã) $(id a)")" = $'\xef\xbf\xbda' ]
	[ "$(ids "$(id a) $(id Ã)")" = $'a\xef\xbf\xbd' ]
	head -c 300 /dev/urandom | iconv -f latin1 -t utf8 >text
	tok -m t.json <text | tok -m t.json -d | cmp - text
	tokenizer '.added_tokens[1].content = "</s>\u4e00" | .model.vocab["</s>\u4e00"] = 1'
	[ "$(ids 1; tok --ids 1 | tok -m t.json -d --plain)" = '</s>一' ]
}

@test "regular expressions as Oniguruma reads them" {
	matches '\w+' $'a_\xc2\xb2 \xcc\x81' $'<a_\xc2\xb2><\xcc\x81>'
	matches '\w+|[^\w\s]+' 'x², ,½ ¼' '<x²><,><,½><¼>'
	matches '[\w]+|[[:word:]]+' 'x²y½' '<x><y>'
	matches '[\W]+|[^\w]+' 'x²y½' '<²><½>'
	matches '[^\W]+|[\p{Word}&&[^a]]+|[²&&\P{Word}]' 'x²y½' '<x><²><y>'
	matches '\p{Word}+|[\d[\w]]+' 'x² ½' '<x²><½>'
	matches '\b[^x]' 'x² ,½' '< ><½>'
	matches '\s' $'\xe1\xa0\x8e\xc2\x85' $'<\xc2\x85>'
	matches '\h+' 'xf00g' '<f00>'
	matches 'a{2}+' aaaaa '<aaaa>'
	matches 'a{,2}b' aaab '<aab>'
	matches '(?m).+' $'a\nb' $'<a\nb>'
	matches '^.' $'ab\ncd' '<a><c>'
	matches 'a(?i)b|c' 'aB AC aC' '<aB><aC>'
	matches '[a[bc]&&[^b]]+' abca '<a><ca>'
	matches '[^a&&[^b]]+' xaby '<x><by>'
	matches '\p{Han}+|\p{Letter}' 'a一二' '<a><一二>'
	matches '\p{^L}+' 'a12b' '<12>'
	matches '[[:alpha:]]+' 'é1' '<é>'
	matches '(?=(\d{3})+(?!\d))' 1234567 '<><>'
	matches '\bab\b' 'ab xab ab' '<ab><ab>'
	matches '\x41|\u0042|\x{43}|\v' $'ABC\v' $'<A><B><C><\v>'
	matches '(?#x)a**' aa '<aa>'
	matches '\Qa' Qa '<Qa>'
}

@test "regular expressions that are none, or take too long" {
	for row in 'a(|( without )' ')|) without (' '[a|[ without ]' '\p{Nope}|no property '"'Nope'" '*a|* after nothing' 'a{2,1}|{2,1}' \
		'\|\ at the end' '(?~a)|(?~'; do
		matches "${row%%|*}" x "regex: ${row%%|*}: ${row#*|}"
	done
	tokenizer ".pre_tokenizer = $(split '(?a')"
	refused t.json "unsupported regex '(?a': (?a"
	printf '%0300d' 0 | tr 0 '(' >deep
	matches "$(cat deep)" x "regex: $(cat deep): too many ( in each other"
	printf '%0300d' 0 | tr 0 '[' >deep
	matches "$(cat deep)" x "regex: $(cat deep): too many [ in each other"
	for pattern in '(a+)+$' '(a|aa)+$' '(a*)*[bc]' '(\w+\s?)+[!?]$'; do
		tokenizer ".pre_tokenizer = $(split "$pattern")"
		printf '%0200d-' 0 | tr 0 a >text
		status=0
		timeout 60 tok -m t.json <text >out 2>err || status=$?
		[ "$status" -eq 1 ] || fail "$pattern: exit $status"
		[ ! -s out ]
		grep -q "^tok: pattern '.*': too much work for a text of 201 bytes" err
		one_line tok err
	done
}

@test "a word of a megabyte, for the regexes that are in use" {
	head -c 1000000 /dev/zero | tr '\0' a >long
	head -c 1000000 /dev/zero | tr '\0' ' ' >spaces
	for pre in qwen2 gpt-4o tekken deepseek-v3 kimi-k2; do
		vocabulary gpt2 pre=$pre
		for text in long spaces; do
			timeout 60 tok -m v.gguf <$text | tok -m v.gguf -d | cmp - $text
		done
	done
}

@test "GGUF, BPE: pre, BOS and EOS, special tokens" {
	file=v.gguf
	vocabulary gpt2 pre=smollm bos_token_id=0 eos_token_id=3
	same 'ab12 ab<|im_end|><tool>' 'ab|1|2|Ġab|<|im_end|>|<tool>'
	same '<tool></s>' '<tool>|<|/|s|>' --plain
	[ "$(tok -m v.gguf 'ab<tool></s>' | tok -m v.gguf -d)" = 'ab<tool>' ]
	[ "$(tok -m v.gguf 'ab</s>' | tok -m v.gguf -d --plain)" = 'ab</s>' ]
	vocabulary gpt2 pre=gpt-2 bos_token_id=0 add_bos_token=true eos_token_id=3 add_eos_token=true
	[ "$(tok -m v.gguf 12 | tok -d --ids)" = "0 $(tok -m v.gguf --bare 12 | tok -d --ids) 3" ]
	vocabulary gpt2 pre=llama-bpe bos_token_id=0
	same abc abc                    # implied by the name: ignore_merges,
	[ "$(tok -m v.gguf --show abc | wc -l)" -eq 3 ]         # and a BOS
	vocabulary gpt2
	same '1212' '12|1|2'           # "default": three digits, then what is left
	vocabulary gpt2 pre=qwen2 architecture=qwen2
	same $'e\xcc\x81' 'Ã|©'
	vocabulary gpt2 pre=qwen2 architecture=llama
	same $'e\xcc\x81' 'e|Ì|ģ'
}

@test "GGUF, BPE of characters: spaces, bytes, newlines" {
	file=v.gguf
	local model newlines
	# characters MODEL [KEY=VALUE...]
	characters() {
		{
			printf '%s\n' '3 0 <bos>' '3 0 <eos>' '4 0 <tool>' '1 0 a' '1 0 b' '1 0 ▁' '1 0 \n' '1 0 ab' '1 0 ▁ab' '1 0 b▁' \
				'1 0 \n\n' '1 0 \n\n\n' '1 0 ba' 'm a b' 'm ▁ ab' 'm b ▁' 'm \n \n'
			for b in {0..255}; do
				printf '6 0 <0x%02X>\n' "$b"
			done
		} | "$BUILD/tests/mkvocab" "$@" bos_token_id=0 eos_token_id=1 >v.gguf
	}
	for model in gemma4 'gpt2 pre=gemma4' 'gpt2 pre=granite-embed-multi-311m' 'gpt2 pre=sarvam-moe'; do
		characters $model
		same 'ab ab ba' 'ab|▁ab|▁|b|a'
		same 'b b<tool> é' 'b▁|b|<tool>|▁|<0xC3>|<0xA9>'
		[ "$(tok -m v.gguf --bare ' ab  é<tool>a' | tok -m v.gguf -d)" = ' ab  é<tool>a' ] || fail "$model"
		# Whole where llama.cpp knows it from Gemma 4's; otherwise, what the merges make.
		newlines='3 11 3 10'
		[[ $model != *sarvam* ]] || newlines='3 10 6 3 10'
		[ "$(tok -m v.gguf --bare $'a\n\n\na\n\n' | tok -d --ids)" = "$newlines" ] || fail "$model"
	done
	characters gemma4 add_bos_token=false
	[ "$(tok -m v.gguf ab | tok -d --ids)" = '0 7' ]
	characters gpt2 pre=sarvam-moe
	[ "$(tok -m v.gguf ab | tok -d --ids)" = 7 ]
}

@test "GGUF, SentencePiece: spaces, bytes, special tokens" {
	file=v.gguf
	vocabulary llama
	same 'ab' '▁ab'
	same 'abcd abc' '▁ab|c|d|▁ab|c'
	same 'a<tool>b' '▁a|<tool>|▁|b'
	same 'aé' '▁a|<0xC3>|<0xA9>'
	same '</s>' '▁|<0x3C>|<0x2F>|<0x73>|<0x3E>' --plain
	[ "$(tok -m v.gguf ab | tok -d --ids)" = "1 7" ]        # BOS is 1 unless the file says otherwise
	for text in "ab" " ab" "a  b é " "▁x"; do
		[ "$(tok -m v.gguf "$text" | tok -m v.gguf -d)" = "${text//▁/ }" ] || fail "$text"
	done
	vocabulary llama add_space_prefix=false add_bos_token=false
	same 'ab' 'ab'
	[ "$(tok -m v.gguf ' ab' | tok -m v.gguf -d)" = ' ab' ]
}

@test "GGUF: what is broken or not supported" {
	vocabulary gpt2 pre=nope
	refused v.gguf "tokenizer.ggml.pre 'nope' is not supported"
	vocabulary rwkv
	refused v.gguf "tokenizer.ggml.model 'rwkv' is not supported; these are: bert, gemma4, gpt2, llama, t5"
	vocabulary gpt2 bos_token_id=9999 add_bos_token=true
	refused v.gguf "tokenizer.ggml.bos_token_id 9999: there are 266 tokens"
	printf '1 0 a\nm a b\n' | "$BUILD/tests/mkvocab" gpt2 >v.gguf
	refused v.gguf "merge 0, 'a b': the second is not in the vocabulary"
	printf '1 0 a\nm ab\n' | "$BUILD/tests/mkvocab" gpt2 >v.gguf
	refused v.gguf "merge 0, 'ab', is not two pieces"
	printf '1 0 a\n' | "$BUILD/tests/mkvocab" gpt2 >v.gguf
	refused v.gguf "no tokenizer.ggml.merges"
	printf '9 0 a\n' | "$BUILD/tests/mkvocab" llama >v.gguf
	refused v.gguf "tokenizer.ggml.token_type of token 0 is not in [0, 6]"
	printf '1 0 \xff\n' | "$BUILD/tests/mkvocab" llama >v.gguf
	refused v.gguf "token 0 is not UTF-8"
	printf '6 0 <0xZZ>\n' | "$BUILD/tests/mkvocab" llama >v.gguf
	refused v.gguf "piece 0 '<0xZZ>' is not a byte"
	printf '' | "$BUILD/tests/mkvocab" llama >v.gguf
	refused v.gguf "no tokenizer.ggml.tokens"
}

@test "GGUF: a token of an undefined type is a normal one" {
	file=v.gguf
	printf '%s\n' '1 0 a' '1 0 b' '0 0 ab' 'm a b' | "$BUILD/tests/mkvocab" gpt2 >v.gguf
	same aab 'a|ab'
	[ "$(tok -m v.gguf aab | tok -m v.gguf -d)" = aab ]
	printf '%s\n' '2 0 <unk>' '1 -1 a' '1 -2 b' '0 0 ab' | "$BUILD/tests/mkvocab" llama add_space_prefix=false add_bos_token=false >v.gguf
	same aab 'a|ab'
	[ "$(tok -m v.gguf aab | tok -m v.gguf -d)" = aab ]
}

@test "GGUF: tokens that are there twice, and merges in a circle" {
	file=v.gguf
	printf '%s\n' '1 0 a' '1 0 b' '1 0 a' '1 0 ab' 'm a b' | "$BUILD/tests/mkvocab" gpt2 >v.gguf
	[ "$(tok -m v.gguf aab | tok -d --ids)" = "2 3" ]
	printf '%s\n' '1 -1 a' '1 -2 b' '1 0 a' | "$BUILD/tests/mkvocab" llama add_space_prefix=false add_bos_token=false >v.gguf
	[ "$(tok -m v.gguf ab | tok -d --ids)" = "2 1" ]
	printf '%s\n' '1 0 a' '1 0 ' 'm a ' 'm a ' 'm  a' | "$BUILD/tests/mkvocab" gpt2 >v.gguf
	run timeout 60 tok -m v.gguf aaaa
	[ "$status" -le 1 ]
}

@test "mutated vocabularies: success, or one line" {
	export ASAN_OPTIONS=detect_leaks=0
	vocabulary gpt2 pre=qwen2 bos_token_id=0 add_bos_token=true architecture=qwen2
	"$BUILD/tests/vocabfuzz" v.gguf 400 1 >out || fail "$(cat out)"
	vocabulary llama
	"$BUILD/tests/vocabfuzz" v.gguf 400 2 >out || fail "$(cat out)"
	tokenizer ".pre_tokenizer = $(split '[\p{L}&&[^a-z]]+|\w{2,3}+|(?i:x)(?=\s)')"
	jq -c . t.json >c.json
	"$BUILD/tests/vocabfuzz" c.json 400 3 >out || fail "$(cat out)"
}

@test "vectors: smollm2, bpe-*, pre-*" {
	skip_without_shared
	for dir in "$shared"/golden/tokenizers/{smollm2,bpe-[a-su-z]*,pre-*}; do
		vectors "$dir" "$dir/vectors.jsonl"
		[ ! -f "$dir/decode.jsonl" ] || vectors "$dir" "$dir/decode.jsonl"
	done
}

# skeleton NAME: a skeleton.json with vocab.json and merges.txt, as NAME.json.
skeleton() {
	local data=$shared/data/tokenizers/$1
	jq --slurpfile v "$data/vocab.json" --rawfile m "$data/merges.txt" '.model.vocab = $v[0] |
		.model.merges = ($m | split("\n") | map(select(. != "" and (startswith("#version") | not))))' \
		"$shared/golden/tokenizers/$1/skeleton.json" >"$1.json"
}

@test "vectors: gpt2 and qwen2, those of llama.cpp too" {
	skip_without_shared
	for name in gpt2 qwen2; do
		skeleton $name
		vectors $name.json "$shared/golden/tokenizers/$name/vectors.jsonl"
		vectors $name.json "$shared/golden/tokenizers/$name/decode.jsonl"
	done
	vectors "$shared/data/gguf/ggml-vocab-gpt-2.gguf" "$shared/golden/tokenizers/gpt2/vectors.jsonl"
	for pair in gpt-2:gpt2.json qwen2:qwen2.json gpt-2:$shared/data/gguf/ggml-vocab-gpt-2.gguf; do
		files=$shared/data/vectors/ggml-vocab-${pair%%:*}.gguf
		jq -cn --rawfile texts "$files.inp" --rawfile ids "$files.out" '
			($texts | split("\n__ggml_vocab_test__\n")) as $texts | ($ids | rtrimstr("\n") | split("\n")) as $ids |
			range($ids | length) | {text: $texts[.], ids: ($ids[.] | split(" ") | map(select(. != "") | tonumber))}' >v.jsonl
		[ "$(wc -l <v.jsonl)" -gt 40 ]
		vectors "${pair#*:}" v.jsonl
	done
}

@test "vectors: gguf-llama-spm, gguf-spm" {
	skip_without_shared
	for pair in gguf-llama-spm:$shared/data/gguf/ggml-vocab-llama-spm.gguf gguf-spm:$shared/golden/tokenizers/gguf-spm/vocab.gguf; do
		vectors "${pair#*:}" "$shared/golden/tokenizers/${pair%%:*}/vectors.jsonl"
		vectors "${pair#*:}" "$shared/golden/tokenizers/${pair%%:*}/decode.jsonl"
	done
}

@test "vectors: gguf-pre, every name" {
	skip_without_shared
	dir=$shared/golden/tokenizers/gguf-pre
	jq -c '.text as $text | .by_pre[] | .ids as $ids | .pre[] | {pre: ., text: $text, ids: $ids}' "$dir/vectors.jsonl" >all.jsonl
	for name in $(jq -r 'keys_unsorted[]' "$dir/patterns.json"); do
		"$BUILD/tests/setpre" "$dir/vocab.gguf" "$name" >v.gguf
		grep -F "{\"pre\":\"$name\"," all.jsonl >v.jsonl
		[ "$(wc -l <v.jsonl)" -gt 100 ]
		vectors v.gguf v.jsonl
	done
}
