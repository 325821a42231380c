#!/usr/bin/env bats
# tok.bats: text to tokens and back.

load helper

setup() {
	setup_model
	cd "$BATS_TEST_TMPDIR" || return
}

# tokenizer [FILTER]: a small tokenizer.json, changed by a jq filter, as t.json.
tokenizer() {
	jq -n '
		def bytes: [range(256) | "<0x" + (. / 16 | floor | ("0123456789ABCDEF")[.:. + 1]) +
			(. % 16 | ("0123456789ABCDEF")[.:. + 1]) + ">"];
		(["<unk>", "<s>", "</s>"] + bytes + ["▁", "a", "b", "c", "é", "ab", "▁a", "bc", "▁ab", "abc"]) as $v |
		{version: "1.0", added_tokens: [range(3) | {id: ., content: $v[.], single_word: false, lstrip: false,
			rstrip: false, normalized: false, special: true}],
		 normalizer: null,
		 pre_tokenizer: {type: "Metaspace", replacement: "▁", prepend_scheme: "first", split: true},
		 post_processor: {type: "TemplateProcessing", single: [{SpecialToken: {id: "<s>", type_id: 0}},
			{Sequence: {id: "A", type_id: 0}}], pair: [], special_tokens: {"<s>": {id: "<s>", ids: [1], tokens: ["<s>"]}}},
		 decoder: {type: "Sequence", decoders: [{type: "Replace", pattern: {String: "▁"}, content: " "},
			{type: "ByteFallback"}, {type: "Fuse"}, {type: "Strip", content: " ", start: 1, stop: 0}]},
		 model: {type: "BPE", unk_token: "<unk>", fuse_unk: true, byte_fallback: true,
			vocab: ($v | to_entries | map({(.value): .key}) | add),
			merges: [["a", "b"], ["▁", "a"], ["b", "c"], ["▁", "ab"], ["ab", "c"]]}}' |
		jq "${1:-.}" >t.json
}

# pieces TEXT [OPTION...]: the pieces of a text by t.json, joined by |.
pieces() {
	printf %s "$1" | tok -m t.json --bare --show "${@:2}" | sed -e 1d -e "s/^.*  '\\(.*\\)'\$/\\1/" | paste -sd '|'
}

# same TEXT PIECES [OPTION...]
same() {
	local is
	is=$(pieces "$1" "${@:3}")
	[ "$is" = "$2" ] || fail "'$1': $is instead of $2"
}

# refused FILTER REASON: t.json so changed is refused with one line that says so.
refused() {
	tokenizer "$1"
	status=0
	tok -m t.json abc >out 2>err || status=$?
	[ "$status" -eq 1 ] || fail "$1: exit $status: $(cat err)"
	[ ! -s out ] || fail "$1: output"
	[ "$(cat err)" = "tok: t.json: $2" ] || fail "$1: $(cat err)"
}

# sentencepiece [KEY=NUMBER...]: a small tokenizer.model as t.model; t35=1 adds the bytes.
sentencepiece() {
	{
		printf '%s\n' '2 0 <unk>' '3 0 <s>' '3 0 </s>' '4 0 <sep>' '1 -1 ab' '1 -2 ▁a' '1 -3 ▁ab' '1 -3 bc' '5 -4 abc' '1 -5 abcd' \
			'1 -6 ▁' '1 -7 a' '1 -8 b' '1 -9 c' '1 -10 d'
		[[ " $* " != *" t35=1 "* ]] || echo 6
	} | "$BUILD/tests/mksentencepiece" "$@" >t.model
}

# spm TEXT PIECES: as same, of t.model
spm() {
	local is
	is=$(printf %s "$1" | tok -m t.model --bare --show "${@:3}" | sed -e 1d -e "s/^.*  '\\(.*\\)'\$/\\1/" | paste -sd '|')
	[ "$is" = "$2" ] || fail "'$1': $is instead of $2"
}

# vectors TOKENIZER FILE: compares with vectors, all of them.
vectors() {
	"$BUILD/tests/tokvec" "$1" "$2" "$shared" >out || fail "$2: $(head -n 20 out; tail -n 1 out)"
}

@test "the lowest rank first, and the leftmost of equals" {
	tokenizer
	same abc '▁ab|c'                # ▁a is merge 1, a b merge 0: ab, ▁ab
	same "b abc" '▁|b|▁ab|c'
	same bcabc '▁|bc|abc'
	tokenizer '.model.merges = [["b", "c"], ["a", "b"], ["ab", "c"]]'
	same aabc '▁|a|a|bc'
	same ababab '▁|ab|ab|ab'
	tokenizer '.model.vocab.aa = 400 | .model.merges = [["a", "a"]]'
	same aaaaa '▁|aa|aa|a'
}

@test "merges as strings, as older files have them" {
	tokenizer '.model.merges = [.model.merges[] | join(" ")]'
	same "abc abc" '▁ab|c|▁ab|c'
}

@test "Metaspace: prepend always, first, never; with and without split" {
	tokenizer '.pre_tokenizer.prepend_scheme = "always"'
	same 'ab</s>ab' '▁ab|</s>|▁ab'
	tokenizer
	same 'ab</s>ab' '▁ab|</s>|ab'
	same '▁ab' '▁ab'
	tokenizer '.pre_tokenizer.prepend_scheme = "never"'
	same 'ab</s>ab ab' 'ab|</s>|ab|▁ab'
	tokenizer '.pre_tokenizer = {type: "Metaspace", replacement: "▁", add_prefix_space: false}'
	same 'ab' 'ab'
	tokenizer '.model.vocab["b▁"] = 400 | .model.merges = [["b", "▁"]]'
	same 'b b' '▁|b|▁|b'
	tokenizer '.model.vocab["b▁"] = 400 | .model.merges = [["b", "▁"]] | .pre_tokenizer.split = false'
	same 'b b' '▁|b▁|b'
}

@test "Prepend and Replace instead of Metaspace" {
	tokenizer '.pre_tokenizer = null | .normalizer = {type: "Sequence", normalizers: [{type: "Prepend", prepend: "▁"},
		{type: "Replace", pattern: {String: " "}, content: "▁"}]}'
	same 'ab ab</s>ab' '▁ab|▁ab|</s>|▁ab'
}

@test "byte fallback, unknown tokens, and fusing them" {
	tokenizer
	same 'aéß' '▁a|é|<0xC3>|<0x9F>'
	tokenizer '.model.byte_fallback = false'
	same 'xya z' '▁|<unk>|a|▁|<unk>'
	tokenizer '.model.byte_fallback = false | .model.fuse_unk = false'
	same 'xya' '▁|<unk>|<unk>|a'
	tokenizer '.model.byte_fallback = false | .model.unk_token = null'
	same 'xya' '▁a'
	tokenizer 'del(.model.vocab["<0x9F>"])'
	same 'ß' '▁|<unk>'
}

@test "added tokens: longest, lstrip, rstrip, single_word, normalized" {
	local add='def add($c; $o): .added_tokens += [{id: (.added_tokens | length + 400), content: $c, single_word: false,
		lstrip: false, rstrip: false, normalized: false, special: false} + $o];'
	tokenizer "$add"' add("ab"; {}) | add("abca"; {})'
	same 'babcbab' '▁|b|ab|c|b|ab'
	same 'babcaab' '▁|b|abca|ab'
	tokenizer "$add"' add("<l>"; {lstrip: true}) | add("<r>"; {rstrip: true})'
	same $'a \xe3\x80\x80<l> a' '▁a|<l>|▁a'
	same $'a <r>\xe2\x80\x83 \n a' '▁a|▁|<r>|a'
	tokenizer "$add"' add("ab"; {single_word: true})'
	same 'ab cab ab, éab ab' 'ab|▁|c|ab|▁|ab|<0x2C>|▁|é|ab|▁|ab'
	tokenizer "$add"' add("a b"; {normalized: true}) | .pre_tokenizer = null |
		.normalizer = {type: "Replace", pattern: {String: " "}, content: "▁"}'
	same 'ca▁bc' 'c|a▁b|c'
}

@test "special tokens: in text, --plain, and when decoding" {
	tokenizer
	same 'a</s>' '▁a|</s>'
	same 'a</s>' '▁a|<0x3C>|<0x2F>|<0x73>|<0x3E>' --plain
	[ "$(tok -m t.json 'a</s>b' | tok -m t.json -d)" = ab ]
	[ "$(tok -m t.json 'a</s>b' | tok -m t.json -d --plain)" = '<s> a</s>b' ]
}

@test "BOS and templates, and --bare" {
	tokenizer
	[ "$(tok -m t.json ab | tok -d --ids)" = "1 267" ]
	[ "$(tok -m t.json --bare ab | tok -d --ids)" = "267" ]
	tokenizer '.post_processor.single += [{SpecialToken: {id: "<s>", type_id: 0}}]'
	[ "$(tok -m t.json ab | tok -d --ids)" = "1 267 1" ]
	tokenizer '.post_processor = null'
	[ "$(tok -m t.json ab | tok -d --ids)" = "267" ]
	# Of several steps, the last but for ByteLevel may add tokens.
	local plain='{type: "TemplateProcessing", single: [{Sequence: {id: "A", type_id: 0}}], pair: [], special_tokens: {}}'
	local byte='{type: "ByteLevel", trim_offsets: true}' bert='{type: "BertProcessing", cls: ["<s>", 1], sep: ["</s>", 2]}'
	local steps
	for steps in ".post_processor, $byte" "$byte, $plain, .post_processor" "$plain, {type: \"Sequence\", processors: [.post_processor]}"; do
		tokenizer ".post_processor = {type: \"Sequence\", processors: [$steps]}"
		[ "$(tok -m t.json ab | tok -d --ids)" = "1 267" ] || fail "$steps"
	done
	tokenizer ".post_processor = {type: \"Sequence\", processors: [$plain, $bert, $byte]}"
	[ "$(tok -m t.json ab | tok -d --ids)" = "1 267 2" ]
	for steps in ".post_processor, $bert" "$bert, $byte, .post_processor" "$bert, $bert" ".post_processor, $plain"; do
		refused ".post_processor = {type: \"Sequence\", processors: [$steps]}" \
			"unsupported post_processor 'Sequence of a template after one that adds tokens'"
	done
	tokenizer ".post_processor = $plain"
	run tok -m t.json ''
	[ "$status" -eq 1 ]
	[ "$output" = "tok: operand 1: no tokens" ]
}

@test "what is not supported or broken is named in one line" {
	refused '.pre_tokenizer.type = "Jieba"' "unsupported pre_tokenizer 'Jieba'"
	refused '.normalizer = {type: "Append"}' "unsupported normalizer 'Append'"
	refused '.decoder.decoders[2].type = "Join"' "unsupported decoder 'Join'"
	refused '.post_processor.type = "Other"' "unsupported post_processor 'Other'"
	refused '.model.type = "WordLevel"' "unsupported model 'WordLevel'"
	refused '.model.dropout = 0.1' "unsupported model 'BPE with dropout'"
	refused '.pre_tokenizer = {type: "Split", pattern: {Regex: "a"}, behavior: "x"}' "unsupported behavior 'x'"
	refused '.normalizer = {type: "Replace", pattern: {Regex: "(a"}, content: ""}' "unsupported regex '(a': ( without )"
	refused '.model.vocab.a = -1' "the id of 'a' is -1, not in [0, 16777215]"
	refused '.model.vocab.a = 4294967295' "the id of 'a' is 4294967295, not in [0, 16777215]"
	refused '.model.merges += [["a", "x"]]' "merge 5, 'a' and 'x': the second is not in the vocabulary"
	refused '.model.merges[0] = ["a", "é"]' "merge 0, 'a' and 'é': the result is not in the vocabulary"
	refused '.model.merges[0] = "a b c"' "merge 0, 'a b c', is not two pieces"
	refused '.post_processor.special_tokens["<s>"].ids = [999]' "post_processor: no token has the id 999 of '<s>'"
	refused '.post_processor.special_tokens["<s>"].ids = [range(4096) | 1]' "unsupported post_processor 'template of more than 4096 tokens'"
	refused '[]' "not a tokenizer.json (not an object)"
	refused '{}' "not a tokenizer.json (no 'model')"
	tokenizer
	head -c 100 t.json >half.json
	run tok -m half.json a
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	printf '\n\n' >blank
	run tok -m blank a
	[ "$output" = "tok: blank: not a SentencePiece model (broken field)" ]
	mkdir empty
	run tok -m empty a
	[ "$output" = "tok: empty: no tokenizer.json, tokenizer.model, spiece.model, tekken.json, vocab.json or vocab.txt in it" ]
}

@test "deep JSON is refused, not followed" {
	printf '%0100000d' 0 | tr 0 '[' >deep
	run tok -m deep a
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
}

# broken TEXT LINE REASON: a tokenizer.json of this text is refused.
broken() {
	printf "$1" >broken.json
	run tok -m broken.json a
	[ "$status" -eq 1 ]
	[ "$output" = "tok: broken.json: line $2: $3" ] || fail "$1: $output"
}

@test "vocabulary and merges, however they are written in JSON" {
	printf '{ "model" :\n{"merges":[ ["\\u0061" , "\\ud83d\\ude00"], "b c" ] ,"x": [{"vocab": 1}, "}"], "vocab"\r\n: {"a":0,
		"\\"\\\\\\/\\b\\f\\n\\r\\t":5,"b":1,"c":2,"bc": 3,"\\uD83D\\uDE00":4, "a😀":6, "":7, "\\u0000é":8,"a":9},
		"type":"BPE"}, "added_tokens": []}' >j.json
	[ "$(tok -m j.json --bare 'a😀bca' | tok -d --ids)" = "6 3 9" ]
	tok --ids 5 | tok -m j.json -d | cmp - <(printf '"\\/\b\f\n\r\t')
	tok --ids 8 | tok -m j.json -d | cmp - <(printf '\0é')
	[ -z "$(tok --ids 0 | tok -m j.json -d)" ]      # the later of two alike counts; 0 is a gap now
	run bash -o pipefail -c 'tok --ids 10 | tok -m j.json -d'
	[ "$output" = "tok: j.json: no token has the id 10" ]
	printf '{"model": {"type": "BPE", "vocab": {"a":5, "b":5, "b":7}, "merges":[]}, "added_tokens": []}' >j.json
	[ "$(tok -m j.json ab | tok -m j.json -d)" = 'a b' ]
	broken '{"model": {"type": "BPE", "vocab":\n\n{"a":01}}}' 3 'not an integer'
	broken '{"model": {"type": "BPE", "vocab": {"a":1.0}, "merges":[]}}' 1 'not an integer'
	broken '{"model": {"type": "BPE", "vocab": {"a":99999999999999999999}, "merges":[]}}' 1 'a number that is too large'
	broken '{"model": {"type": "BPE", "vocab": {"a":1,}, "merges":[]}}' 1 "'\"' expected"
	broken '{"model": {"type": "BPE", "vocab": {"a" 1}, "merges":[]}}' 1 "':' expected"
	broken '{"model": {"type": "BPE", "vocab": {"\\ud800":1}, "merges":[]}}' 1 'half a surrogate pair'
	broken '{"model": {"type": "BPE", "vocab": {"\\q":1}, "merges":[]}}' 1 'invalid escape'
	broken '{"model": {"type": "BPE", "vocab": {"\xff":1}, "merges":[]}}' 1 'a string that is not UTF-8'
	broken '{"model": {"type": "BPE", "vocab": {"a\tb":1}, "merges":[]}}' 1 'a control character in a string'
	broken '{"model": {"type": "BPE", "vocab": {"a":1}, "merges":[["a"]]}}' 1 'merge 0 is not two pieces'
	broken '{"model": {"type": "BPE", "vocab": {"a":1}, "merges":[["a","a","a"]]}}' 1 'merge 0 is not two pieces'
	broken '{"model": {"type": "BPE", "vocab": {"a":1}, "merges":[1]}}' 1 'merge 0 is not two pieces'
	broken '{"model": {"type": "BPE", "vocab": {"a":1' 1 "a value expected"
	broken '{"model": {"type": "BPE", "vocab": {"a' 1 "a string without an end"
	broken '{"model": 1, "x"}' 1 "':' expected"
	broken '{} {}' 1 'more than one value'
}

# kept OPTION...: what is on standard input comes back byte for byte.
kept() {
	cat >kept.in
	tok --bytes "$@" <kept.in | tok -d --bytes "$@" | cmp - kept.in
}

# A text with every byte, much that is no UTF-8, and what tokenizers change or take for marks.
any_bytes() {
	local i
	printf '  a\xe2\x96\x81b  <s></s>ab e\xcc\x81 \xed\xb2\x80 \xed\xa0\x80 \xf4\x90\x80\x80 <0x41>\xe2\x96'
	for i in {0..255}; do
		# shellcheck disable=SC2059
		printf "\\x$(printf %02x "$i")"
	done
	printf ' \xff '
}

@test "--bytes: no byte is lost, and none comes back changed" {
	tokenizer
	any_bytes | kept -m t.json
	printf ' ' | kept -m t.json
	tokenizer '.normalizer = {type: "NFKC"}'
	printf 'a\xef\xac\x81 \xff' | kept -m t.json
	tokenizer '.normalizer = {type: "Lowercase"}'
	printf 'AB \xff' | kept -m t.json
	# of the special tokens nothing is found, as with --plain
	tokenizer
	[ "$(tok -m t.json --bytes 'a<s>' | tok -d --ids)" = "$(tok -m t.json --plain 'a<s>' | tok -d --ids)" ]
	# what is UTF-8 has the ids that it always has
	[ "$(tok -m t.json --bytes 'ab abc' | tok -d --ids)" = "$(tok -m t.json 'ab abc' | tok -d --ids)" ]
	[ "$(printf 'a\xffb' | tok -m t.json --bytes | tok -d --ids)" = "1 265 258 261" ]            # ▁a, the byte, b
	[ "$(tok --ids '1 258' | tok -m t.json -d)" = $'\xef\xbf\xbd' ]
	[ "$(tok --ids '1 258' | tok -m t.json -d --bytes)" = $'\xff' ]
	# where there are no tokens for bytes, that is said, and nothing written
	tokenizer '.model.byte_fallback = false'
	printf 'ab\xff' >in
	status=0
	tok -m t.json --bytes <in >out 2>err || status=$?
	[ "$status" -eq 1 ]
	[ ! -s out ]
	[ "$(cat err)" = "tok: t.json: cannot keep all bytes: at offset 2 the text would come back changed" ] || fail "$(cat err)"
	printf 'ab' | kept -m t.json
	run -2 tok --bytes --chat a
	[ "${lines[0]}" = "tok: --chat: not with --bytes" ]
	run -2 tok --bytes --ids 1
	[ "${lines[0]}" = "tok: --ids: not with --bytes" ]
}

@test "merges in a circle come to an end" {
	tokenizer '.model.vocab = {"a": 0, "": 1} | .added_tokens = [] | .post_processor = null | .model.merges = [["a", ""], ["", "a"], ["", ""]]'
	[ "$(tok -m t.json --ids "0 0" | tok -d --ids)" = "0 0" ]
	[ "$(printf aaaa | tok -m t.json | tok -d --ids)" = "0 0 0 0" ]
}

@test "decoding: bytes wait for each other, and none is lost" {
	tokenizer
	ids() { tok --ids "$1" | tok -m t.json -d; }
	[ "$(ids "1 260 198 172 260")" = aéa ]
	[ "$(ids "1 260 198 260")" = $'a\xef\xbf\xbda' ]
	[ "$(ids "1 260 243 162 155 131")" = $'a\xf0\x9f\x98\x80' ]
	[ "$(ids "1 260 243 162 155 13")" = $'a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd' ]
	run bash -o pipefail -c 'tok --ids "1 9999" | tok -m t.json -d'
	[ "$status" -eq 1 ]
	[ "$output" = "tok: t.json: no token has the id 9999" ]
}

@test "decoding without a decoder, and with Metaspace" {
	tokenizer '.decoder = null'
	[ "$(tok -m t.json "ab abc" | tok -m t.json -d)" = '▁ab ▁ab c' ]
	tokenizer '.decoder = {type: "Metaspace", replacement: "▁", prepend_scheme: "always"}'
	[ "$(tok -m t.json "ab abc" | tok -m t.json -d)" = 'ab abc' ]
}

@test "tokenizer.model: scores, unused pieces, user-defined symbols" {
	sentencepiece
	spm 'ab' '▁ab'
	spm 'bab' '▁|b|ab'
	spm 'babc' '▁|b|ab|c'          # abc is unused: taken apart again
	spm 'babcd' '▁|b|abcd'
	spm 'a<sep>b' '▁a|<sep>|b'
	spm 'a</s>' '▁a|<unk>'          # special tokens in the text are text
	spm '  a   b  ' '▁a|▁|b'
	[ "$(tok -m t.model ab | tok -d --ids)" = "1 6" ]
}

@test "tokenizer.model: byte fallback, spaces, suffixes, a map of characters" {
	sentencepiece t35=1
	spm 'aé' '▁a|<0xC3>|<0xA9>'
	sentencepiece n4=0
	spm ' a  b ' '▁|▁a|▁|▁|b|▁'
	[ "$(tok -m t.model ' a  b ' | tok -m t.model -d; echo .)" = ' a  b .' ]
	sentencepiece n3=0
	spm 'a b' 'a|▁|b'
	sentencepiece t24=1
	spm 'b a' 'b|▁a|▁'
	sentencepiece map
	spm 'cA' '▁|c|ab'
	spm 'aBb' '▁ab'
	sentencepiece t3=4
	spm 'ab' '▁|a|b'
}

@test "tokenizer.model: tokenizer_config.json may leave out BOS, or add EOS" {
	mkdir dir
	sentencepiece
	mv t.model dir/tokenizer.model
	[ "$(tok -m dir ab | tok -d --ids)" = "1 6" ]
	echo '{"add_bos_token": false}' >dir/tokenizer_config.json
	[ "$(tok -m dir ab | tok -d --ids)" = "6" ]
	echo '{"add_eos_token": true}' >dir/tokenizer_config.json
	[ "$(tok -m dir ab | tok -d --ids)" = "1 6 2" ]
}

@test "tokenizer.model: what is broken or not supported" {
	sentencepiece t3=3
	run tok -m t.model a
	[ "$output" = "tok: t.model: unsupported model_type 'word'" ]
	printf '1 0 a\n' | "$BUILD/tests/mksentencepiece" >t.model
	run tok -m t.model a
	[ "$output" = "tok: t.model: no piece for the unknown" ]
	printf '2 0 u\n1 0 a\n1 0 a\n' | "$BUILD/tests/mksentencepiece" >t.model
	run tok -m t.model a
	[ "$output" = "tok: t.model: piece 2 'a' is there twice" ]
	printf '2 0 u\n1 nan a\n' | "$BUILD/tests/mksentencepiece" >t.model
	run tok -m t.model a
	[ "$output" = "tok: t.model: the score of piece 1 is not a number" ]
	printf '2 0 u\n6 0 <0x0A>\n' | "$BUILD/tests/mksentencepiece" t35=1 >t.model
	run tok -m t.model a
	[ "$output" = "tok: t.model: byte_fallback without the piece <0x00>" ]
	sentencepiece map
	for n in 1 20 100 1000; do
		head -c "-$n" t.model >short
		run tok -m short a
		[ "$status" -eq 1 ]
		[ "${#lines[@]}" -eq 1 ]
	done
}

@test "not UTF-8: U+FFFD for each maximal part, and a warning with the offset" {
	printf 'ab\xe4\xb8\xc0\xafc' | tok >is 2>err
	[ "$(cat err)" = "tok: stdin: not UTF-8 at offset 2, U+FFFD is taken instead" ]
	printf 'ab\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdc' | tok | cmp - is
}

@test "the text comes back: operands, stdin, newlines, NULs, every byte that is UTF-8" {
	for text in "" " " "a" " a" "a  b " $'line\nline\n' "naïve 🍓 文字" "▁"; do
		printf %s "$text" >text
		[ "$text" = "▁" ] && printf ' ' >want || cp text want
		tok <text | tok -d | cmp - want
		[ -z "$text" ] || tok -- "$text" | tok -d | cmp - want
	done
	printf 'a\0b\0' >text
	tok <text | tok -d | cmp - text
}

@test "frames: all but the last tokens in chunks, then the last ones; --want" {
	rows() { tok -d --show | sed 1d | awk '{ print $1 ":" $3 }' | paste -sd ' '; }
	tok --ids "1 2 3" "4" "5 6" >x
	[ "$(rows <x)" = "0:1 0:2 2:5 0:3 1:4 2:6" ]
	tok --ids --chunk 2 "1 2 3" "4" "5 6" | rows | grep -qx "0:1 0:2 2:5 0:3 1:4 2:6"
	header x >h
	[ "$(jq -c '[.ids.shape, .seq.shape, .pos.shape, .want.shape, .want.dtype, .__metadata__.stage]' h)" = '[[3],[3],[3],[3],"U8","tok"]' ]
	tok --ids --chunk 2 "1 2 3" "4" "5 6" >y
	header y >h
	[ "$(jq -c .ids.shape h)" = '[2]' ]
	tok --ids --want all "1 2 3" >z
	cmp -s x z && fail "--want all changes nothing"
	tail -c 64 x | grep -q '"end":"1"'
}

@test "--ids and back, --lines, -0" {
	echo "3 1 2" | tok --ids | tok -d --ids | grep -qx "3 1 2"
	printf '3 1 2\n7\n' >lines
	tok --ids --lines <lines | tok -d --ids | cmp - lines
	printf 'one two\nthree\n' >lines
	tok --lines <lines | tok -d --lines | cmp - lines
	printf 'one two\nthree' | tok --lines | tok -d --lines | cmp - lines
	printf 'one\ntwo\0three\0' >nul
	tok -0 <nul | tok -d -0 | cmp - nul
	[ "$(tok one two | tok -d)" = $'one\ntwo' ]
	for bad in x 1x -1 2147483648 1,2 1.5; do
		run tok --ids -- "$bad"
		[ "$status" -eq 1 ]
		[ "$output" = "tok: operand 1: '$bad' is not an id in [0, 2147483647]" ] || fail "$output"
	done
	LM_MODEL=/nonexistent tok --ids 1 | LM_MODEL=/nonexistent tok -d --ids | grep -qx 1
}

# frames [ARGUMENT,...]...: a stream of frames.
frames() {
	local f words
	for f; do
		read -ra words <<<"$f"
		"$BUILD/tests/frame" "${words[@]}"
	done
	end_frame
}

# decoded WANT FRAME...: what tok -d --ids makes of frames.
decoded() {
	local is
	is=$(frames "${@:2}" | tok -d --ids | paste -sd /)
	[ "$is" = "$1" ] || fail "$is instead of $1"
}

@test "-d: sequences one after the other, whatever their order; free; fork; truncation" {
	decoded "1 3 5/2 4" "ids:I32=1,2 seq:I32=0,1 pos:I32=0,0" "ids:I32=3,4 seq:I32=0,1 pos:I32=1,1" "ids:I32=5 seq:I32=0 pos:I32=2"
	decoded "2/1" "ids:I32=1,2 seq:I32=7,3 pos:I32=0,0"
	decoded "1/3/2" "ids:I32=1,2 seq:I32=0,1 pos:I32=0,0" "free:I32=0 ids:I32=3 seq:I32=0 pos:I32=0"
	decoded "1 2 3" "ids:I32=1,2 seq:I32=0,0 pos:I32=0,1" "ids:I32=3 seq:I32=0 pos:I32=1"
	decoded "1 2/3" "ids:I32=1,2 seq:I32=0,0 pos:I32=5,6" "fork:I32:2=0,1 ids:I32=3 seq:I32=1 pos:I32=7"
	decoded "1" "ids:I32=1 seq:I32=0 pos:I32=0" "free:I32=3,0"
	run bash -o pipefail -c '
		{ "$BUILD/tests/frame" ids:I32=1 seq:I32=0 pos:I32=0; "$BUILD/tests/frame" ids:I32=1 seq:I32=0 pos:I32=2; } | tok -d --ids'
	[ "$status" -eq 1 ]
	[[ $output == *"tok: stdin: frame 2: sequence 0 goes on at position 2 instead of 1" ]]
}

@test "-d: a text that goes on keeps its blank; one that forks, its half character" {
	local cat e
	cat=$(tok --bare cat | tok -d --ids)
	[ "$(frames "ids:I32=$cat seq:I32=0 pos:I32=0" | tok -d)" = cat ]
	[ "$(frames "ids:I32=$cat seq:I32=0 pos:I32=3" | tok -d)" = " cat" ]
	e="ids:I32=198 seq:I32=0 pos:I32=1"
	[ "$(frames "$e" "fork:I32:2=0,1 ids:I32=172,178 seq:I32=0,1 pos:I32=2,2" | tok -d)" = $'é\nï' ]
}

@test "-d: text appears as frames arrive" {
	mkfifo frames text
	tok -d <frames >text 3>&- &
	exec 7>frames 8<text
	tok --bare "The cat" | head -c -64 >&7
	read -r -t 10 -n 7 -u 8 seen
	[ "$seen" = "The cat" ]
	end_frame >&7
	exec 7>&- 8<&-
	wait
}

@test "wrong usage: exit 2" {
	for args in "--want some" "--chunk 0" "--chunk x" "-d operand" "-Z"; do
		read -ra words <<<"$args"
		status=0
		tok "${words[@]}" </dev/null >out 2>err || status=$?
		[ "$status" -eq 2 ] || fail "$args: exit $status"
		grep -q '^usage: tok ' err || fail "$args: no usage"
		[ ! -s out ]
	done
}

@test "a word of a megabyte takes no longer than many of them" {
	tokenizer
	head -c 1000000 /dev/zero | tr '\0' a >long
	timeout 60 tok -m t.json <long | tok -m t.json -d | cmp - long
	sentencepiece t35=1
	head -c 300000 /dev/zero | tr '\0' a >long
	timeout 60 tok -m t.model <long | tok -m t.model -d | cmp - long
}

@test "vectors: llama2, stories260k, babyllama105, phi-3-mini" {
	skip_without_shared
	vectors "$shared/data/tokenizers/llama2/tokenizer.model" "$shared/golden/tokenizers/llama2/vectors.jsonl"
	vectors "$shared/data/tokenizers/llama2/tokenizer.model" "$shared/golden/tokenizers/llama2/decode.jsonl"
	for name in stories260k babyllama105; do
		vectors "$shared/data/models/$name" "$shared/golden/tokenizers/$name/vectors.jsonl"
		vectors "$shared/data/models/$name" "$shared/golden/tokenizers/$name/decode.jsonl"
	done
	vectors "$shared/data/tokenizers/phi-3-mini" "$shared/golden/tokenizers/phi-3-mini/vectors.jsonl"
	vectors "$shared/data/tokenizers/phi-3-mini" "$shared/golden/tokenizers/phi-3-mini/decode.jsonl"
}

@test "vectors: spm-bpe, spm-bpe-unk, metaspace-*" {
	skip_without_shared
	for dir in "$shared"/golden/tokenizers/{spm-bpe,spm-bpe-unk,metaspace-*}; do
		vectors "$dir" "$dir/vectors.jsonl"
		vectors "$dir" "$dir/decode.jsonl"
	done
}

@test "vectors of llama.cpp: llama-spm, phi-3" {
	skip_without_shared
	for pair in llama-spm:llama2 phi-3:phi-3-mini; do
		files=$shared/data/vectors/ggml-vocab-${pair%:*}.gguf
		jq -cn --rawfile texts "$files.inp" --rawfile ids "$files.out" '
			($texts | split("\n__ggml_vocab_test__\n")) as $texts | ($ids | rtrimstr("\n") | split("\n")) as $ids |
			range($ids | length) | {text: $texts[.], ids: ($ids[.] | split(" ") | map(select(. != "") | tonumber))}' >v.jsonl
		[ "$(wc -l <v.jsonl)" -gt 40 ]
		vectors "$shared/data/tokenizers/${pair#*:}" v.jsonl
	done
}
