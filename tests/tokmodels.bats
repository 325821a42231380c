#!/usr/bin/env bats
# tokmodels.bats: Unigram and WordPiece, in all files that have them, and the steps around them.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# tokenizer MODEL [FILTER]: the first tokenizer.json of that model in the data of the tests, changed by a jq filter, as t.json.
tokenizer() {
	jq -c --arg m "$1" 'select(.tokenizer.model.type == $m).tokenizer' "$root/tests/data/tokenizers.jsonl" | head -n 1 |
		jq "${2:-.}" >t.json
}

# sentencepiece [KEY=NUMBER...]: a unigram tokenizer.model as t.model.
sentencepiece() {
	printf '%s\n' '2 0 <unk>' '3 0 <s>' '3 0 </s>' '4 0 ab' '1 -1 ▁' '1 -2 a' '1 -2.5 b' '1 -3 c' '1 -3 ▁a' '1 -4 bc' '1 -6 abc' '5 9 cc' |
		"$BUILD/tests/mksentencepiece" t3=1 "$@" >t.model
}

# wordlist: BERT's pieces, as vocab.txt.
wordlist() {
	printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' a ab '##b' '##bc' e é 中 , "'" . don t '[unused1]' >vocab.txt
}

# gguf MODEL [KEY=VALUE...]: a vocabulary as v.gguf.
gguf() {
	if [ "$1" = bert ]; then
		printf '%s\n' '3 0 [PAD]' '3 0 [UNK]' '3 0 [CLS]' '3 0 [SEP]' '1 0 ▁a' '1 0 ▁ab' '1 0 b' '1 0 bc' '1 0 ▁e' '1 0 ▁,' '1 0 [unused1]'
	else
		printf '%s\n' '3 0 <pad>' '3 0 </s>' '2 0 <unk>' '4 0 <x>' '1 -1 ▁' '1 -2 a' '1 -2.5 b' '1 -3 ▁a' '1 -6 ab'
	fi | "$BUILD/tests/mkvocab" "$@" >v.gguf
}

@test "small tokenizers: what Hugging Face's tokenizers makes of them" {
	local count
	count=$(wc -l <"$root/tests/data/tokenizers.jsonl")
	[ "$count" -ge 6 ]
	for ((i = 1; i <= count; i++)); do
		sed -n "${i}p" "$root/tests/data/tokenizers.jsonl" >line
		jq .tokenizer line >t.json
		jq -c '.vectors[]' line >v.jsonl
		vectors t.json v.jsonl
	done
}

@test "Unigram: the highest sum, and of equals the first" {
	tokenizer Unigram '.pre_tokenizer = null | .added_tokens = []'
	same t.json abc 'ab|c'                  # -8.5: abc is -9, a bc -9
	same t.json abbc 'ab|bc'
	tokenizer Unigram '.pre_tokenizer = null | .added_tokens = [] | .model.vocab += [["abcab", -1]]'
	same t.json abcab abcab
	same t.json abcabc 'abcab|c'
	tokenizer Unigram '.pre_tokenizer = null | .added_tokens = [] | .model.vocab = [["<unk>", 0], ["a", -1], ["aa", -2]]'
	same t.json aa aa                       # the pieces are tried from left to right, the one that begins first wins
	same t.json aaa 'a|aa'
	tokenizer Unigram '.pre_tokenizer = null | .added_tokens = [] | .model.vocab += [["ab", 5]]'
	[ "$(tok -m t.json --bare ab | tok -d --ids)" = 20 ]    # the later of two that are alike
}

@test "Unigram: unknown characters in a row are one, or bytes" {
	tokenizer Unigram '.pre_tokenizer = null | .added_tokens = []'
	same t.json 'axxß☃bß' 'a|xx|<unk>|b|<unk>'
	tokenizer Unigram '.pre_tokenizer = null | .added_tokens = [] | .model.byte_fallback = true | .model.vocab += [["<0xC3>", -1], ["<0x9F>", -1]]'
	same t.json 'aßb' 'a|<0xC3>|<0x9F>|b'
	same t.json 'aß☃b' 'a|<unk>|b'          # all of it, or none
	tokenizer Unigram '.pre_tokenizer = null | .added_tokens = [] | .model.unk_id = null'
	same t.json ab ab
	run -1 tok -m t.json ß
	[ "$output" = "tok: a character is unknown, and the model has no piece for the unknown" ]
}

@test "WordPiece: the longest piece, then the longest that goes on; or unknown as a whole" {
	tokenizer WordPiece
	same t.json 'aa abcb abx' 'a|##a|abc|##b|[UNK]'
	same t.json 'A,É!' 'a|,|e|!'
	tokenizer WordPiece '.model.max_input_chars_per_word = 3'
	same t.json 'aaa aaaa' 'a|##a|##a|[UNK]'
	tokenizer WordPiece '.model.continuing_subword_prefix = ""'
	same t.json 'aab' 'a|ab'
	tokenizer WordPiece '.model.unk_token = "none" | del(.model.max_input_chars_per_word)'
	same t.json "$(printf 'a%.0s' {1..100})" "a$(printf '|##a%.0s' {1..99})"
	run -1 tok -m t.json x
	[ "$output" = "tok: a word is unknown, and the model has no piece for the unknown" ]
}

@test "older files do not name the model" {
	tokenizer Unigram 'del(.model.type)'
	same t.json abc '▁ab|c'
	tokenizer WordPiece 'del(.model.type)'
	same t.json aa 'a|##a'
	tokenizer WordPiece 'del(.model.type, .model.continuing_subword_prefix)'
	refused t.json "unsupported model 'without type and merges'"
}

@test "WordPiece's decoder: spaces, and English without them before its marks" {
	tokenizer WordPiece
	[ "$(tok -m t.json "do not do, don't ." | tok -m t.json -d)" = "do not do, don ' t." ]
	tokenizer WordPiece '.decoder.cleanup = false'
	[ "$(tok -m t.json "do not, abcb ." | tok -m t.json -d)" = "do not , abcb ." ]
}

@test "scores as Rust rounds them" {
	tokenizer Unigram '.pre_tokenizer = null | .added_tokens = [] | .model.vocab = [["<unk>", 0], ["a", -0.5e1], ["b", -25E-1], ["ab", -7.5], ["ba", -7.499999999999999999999]]'
	same t.json ab ab
	for score in 1e400 -1e309 '"1"' null 01 1. .5 -; do
		jq -n '{model: {type: "Unigram", unk_id: 0, vocab: [["<unk>", 77]]}}' | sed "s/77/$score/" >bad.json
		run -1 tok -m bad.json abc
		[[ $output == "tok: bad.json: line "*": "*"number"* ]] || fail "$score: $output"
	done
}

@test "what is broken is named in one line" {
	tokenizer Unigram '.model.unk_id = 20'
	refused t.json "unk_id 20: there are 20 pieces"
	tokenizer Unigram '.model.vocab = {}'
	refused t.json "model: 'vocab' is not a list"
	tokenizer Unigram '.model.vocab[3] = ["a", 1, 2]'
	run -1 tok -m t.json abc
	[[ $output == "tok: t.json: line "*": piece 3 is not a string and a score" ]]
	tokenizer Unigram '.model.vocab[3][0] = "a" * 9000'
	run -1 tok -m t.json abc
	[[ $output == *": piece 3 has 9000 bytes, at most 1024 are possible" ]]
	tokenizer Unigram '.model.vocab = [] | .model.unk_id = null | .pre_tokenizer = null | .added_tokens = []'
	same t.json "" ""
	tokenizer WordPiece '.model.vocab = []'
	refused t.json "model: 'vocab' is not an object"
	tokenizer WordPiece '.normalizer = {type: "Precompiled", precompiled_charsmap: "x"}'
	refused t.json "broken precompiled_charsmap of 1 bytes"
	tokenizer WordPiece '.normalizer = {type: "Precompiled", precompiled_charsmap: "/////w=="}'
	refused t.json "broken precompiled_charsmap of 8 bytes"
	tokenizer WordPiece '.pre_tokenizer = {type: "FixedLength", length: 0}'
	refused t.json "unsupported pre_tokenizer 'FixedLength of 0'"
	tokenizer WordPiece '.decoder = {type: "CTC", pad_token: "", word_delimiter_token: ""}'
	refused t.json "unsupported decoder 'CTC without a word_delimiter_token'"
	tokenizer WordPiece '.model.type = "WordLevel"'
	refused t.json "unsupported model 'WordLevel'"
}

@test "tokenizer.model: Unigram" {
	sentencepiece
	same t.model 'abc a' '▁|ab|c|▁a'        # a user-defined symbol is taken before all
	same t.model 'cc ☃☃b' '▁|c|c|▁|<unk>|b'
	[ "$(tok -m t.model 'abc a' | tok -m t.model -d)" = 'abc a' ]
	[ "$(tok -m t.model a | tok -d --ids)" = 8 ]            # nothing around it
	sentencepiece n1=1 t24=1
	same t.model 'a a' 'a|▁a|▁'
	sentencepiece t3=3
	refused t.model "unsupported model_type 'word'"
	mkdir -p config
	sentencepiece
	cp t.model config/spiece.model
	echo '{"add_eos_token": true, "add_bos_token": true}' >config/tokenizer_config.json
	[ "$(tok -m config a | tok -d --ids)" = '1 8 2' ]
	{ printf '%s\n' '3 0 <s>' '1 -1 a' && echo 6; } | "$BUILD/tests/mksentencepiece" t3=1 t35=1 >t.model
	same t.model 'aé' '<0xE2>|<0x96>|<0x81>|a|<0xC3>|<0xA9>'        # with bytes, nothing is unknown
	{ printf '%s\n' '2 0 <unk>' '3 0 <s>' '1 -1 a' && echo 6; } | "$BUILD/tests/mksentencepiece" t3=1 t35=1 >t.model
	same t.model 'aé' '<0xE2>|<0x96>|<0x81>|a|<0xC3>|<0xA9>'
	[ "$(tok -m t.model 'aé' | tok -m t.model -d)" = ▁aé ]  # bytes are no space
}

@test "vocab.txt: alone, by its lines, and in a directory" {
	wordlist
	same vocab.txt 'Ab, abb É中ax' "ab|,|ab|##b|e|中|[UNK]"
	[ "$(tok -m vocab.txt ab | tok -d --ids)" = "2 6 3" ]
	same vocab.txt 'a[MASK]b' 'a|[MASK]|[UNK]'
	same vocab.txt 'a[MASK]' 'a|[UNK]|[UNK]|[UNK]' --plain
	[ "$(tok -m vocab.txt "don't a." | tok -m vocab.txt -d)" = "don ' t a." ]
	sed 's/$/\r/' vocab.txt >pieces
	same pieces 'abbc' 'ab|##bc'
	mkdir -p model
	cp vocab.txt model
	echo '{"do_lower_case": false, "tokenize_chinese_chars": false, "tokenizer_class": "BertTokenizerFast", "unk_token": "e"}' >model/tokenizer_config.json
	same model 'É é A 中a' 'e|é|e|e'
	echo '{"strip_accents": false, "cls_token": {"content": "[PAD]"}}' >model/tokenizer_config.json
	same model 'É' 'é'
	[ "$(tok -m model a | tok -d --ids)" = "0 5 3" ]
	echo '{"tokenizer_class": "BertJapaneseTokenizer"}' >model/tokenizer_config.json
	run -1 tok -m model a
	[ "$output" = "tok: model/vocab.txt: unsupported tokenizer_class (without a tokenizer.json) 'BertJapaneseTokenizer'" ]
	printf '[UNK]\n\xff\n' >vocab.txt
	refused vocab.txt "line 2: not UTF-8"
	: >vocab.txt
	refused vocab.txt "no pieces"
}

@test "GGUF: bert and t5" {
	gguf bert unknown_token_id=1 cls_token_id=2 seperator_token_id=3
	same v.gguf 'abbc, É [unused1]' 'ab|##bc|,|e|[UNK]|[UNK]|[UNK]'
	same v.gguf 'a[SEP]' 'a|[SEP]'
	[ "$(tok -m v.gguf ab | tok -d --ids)" = "2 5 3" ]
	[ "$(tok -m v.gguf 'ab abb,' | tok -m v.gguf -d)" = "ab abb," ]
	gguf bert unknown_token_id=1 normalizer.lowercase=false add_bos_token=false add_sep_token=false
	same v.gguf 'A a' '[UNK]|a'
	[ "$(tok -m v.gguf a | tok -d --ids)" = 4 ]
	gguf t5 add_space_prefix=true remove_extra_whitespaces=true
	same v.gguf ' a  ab ' '▁a|▁a|b'
	same v.gguf 'a☃☃<x>a' '▁a|<unk>|<x>|▁a'
	[ "$(tok -m v.gguf a | tok -d --ids)" = '7 1' ]
	[ "$(tok -m v.gguf 'a ab' | tok -m v.gguf -d)" = 'a ab' ]
	gguf t5 precompiled_charsmap=1
	refused v.gguf "broken tokenizer.ggml.precompiled_charsmap"
	gguf rwkv
	refused v.gguf "tokenizer.ggml.model 'rwkv' is not supported; these are: bert, gemma4, gpt2, llama, t5"
}

@test "a megabyte without a space, of letters, marks and emoji" {
	tokenizer Unigram
	cp t.json u.json
	tokenizer WordPiece '.model.max_input_chars_per_word = 10000000'
	sentencepiece
	wordlist
	gguf bert unknown_token_id=1 cls_token_id=2 seperator_token_id=3
	head -c 1000000 /dev/zero | tr '\0' a >letters
	{ printf a && head -c 500000 /dev/zero | sed 's/\x0/\xcc\x81/g'; } >marks
	head -c 250000 /dev/zero | sed 's/\x0/\xf0\x9f\x98\x80/g' >emoji
	for file in u.json t.json t.model vocab.txt v.gguf; do
		for text in letters marks emoji; do
			timeout 60 tok -m "$file" <"$text" | tok -m "$file" -d >out || fail "$file, $text"
		done
	done
	timeout 60 tok -m t.model <letters | tok -m t.model -d | cmp - letters
	timeout 60 tok -m t.json <letters | tok -m t.json -d | cmp - letters
}

@test "mutated vocabularies: success, or one line" {
	tokenizer Unigram
	jq -c . t.json >u.json
	tokenizer WordPiece
	jq -c . t.json >w.json
	sentencepiece
	wordlist
	gguf t5 add_space_prefix=true
	local seed=0
	for file in u.json w.json t.model vocab.txt v.gguf; do
		"$BUILD/tests/vocabfuzz" "$file" 300 $((++seed)) >out || fail "$file: $(cat out)"
	done
	gguf bert unknown_token_id=1
	"$BUILD/tests/vocabfuzz" v.gguf 300 9 >out || fail "$(cat out)"
}

# both FILE FOLDER: a folder's vectors, texts and ids.
both() {
	vectors "$1" "$shared/golden/tokenizers/$2/vectors.jsonl"
	vectors "$1" "$shared/golden/tokenizers/$2/decode.jsonl"
}

@test "vectors: bert-base-uncased as tokenizer.json, vocab.txt and GGUF; wordpiece-cased; bert-bge of llama.cpp" {
	skip_without_shared
	local list=$shared/data/tokenizers/bert-base-uncased/vocab.txt gguf=$shared/data/gguf/ggml-vocab-bert-bge.gguf
	jq --rawfile v "$list" '.model.vocab = ($v | rtrimstr("\n") | split("\n") | to_entries | map({(.value): .key}) | add)' \
		"$shared/golden/tokenizers/bert-base-uncased/skeleton.json" >bert.json
	for file in bert.json "$list" "${list%/*}" "$gguf"; do
		both "$file" bert-base-uncased
	done
	both "$shared/golden/tokenizers/wordpiece-cased/tokenizer.json" wordpiece-cased
	local files=$shared/data/vectors/ggml-vocab-bert-bge.gguf
	jq -cn --rawfile texts "$files.inp" --rawfile ids "$files.out" '
		($texts | split("\n__ggml_vocab_test__\n")) as $texts | ($ids | rtrimstr("\n") | split("\n")) as $ids |
		range($ids | length) | {text: $texts[.], ids: ($ids[.] | split(" ") | map(select(. != "") | tonumber))}' >bge.jsonl
	[ "$(wc -l <bge.jsonl)" -gt 40 ]
	vectors "$gguf" bge.jsonl
}

@test "vectors: t5-small, unigram, unigram-bytes" {
	skip_without_shared
	both "$shared/data/tokenizers/t5-small/tokenizer.json" t5-small
	both "$shared/golden/tokenizers/unigram/tokenizer.json" unigram
	both "$shared/golden/tokenizers/unigram-bytes/tokenizer.json" unigram-bytes
}

@test "vectors: t5-small-spiece, botchan-unigram, spm-unigram, spm-unigram-bytes, gguf-ugm" {
	skip_without_shared
	both "$shared/data/tokenizers/t5-small/spiece.model" t5-small-spiece
	both "$shared/data/tokenizers/test_model.model" botchan-unigram
	both "$shared/golden/tokenizers/spm-unigram/tokenizer.model" spm-unigram
	both "$shared/golden/tokenizers/spm-unigram-bytes/tokenizer.model" spm-unigram-bytes
	both "$shared/golden/tokenizers/gguf-ugm/vocab.gguf" gguf-ugm
}
