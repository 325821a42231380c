#!/usr/bin/env bats
# toktrain.bats: tok --train, against what tokenizers' BpeTrainer (0.23.3) learned from the
# same texts.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# learned TEXT MERGES OPTION...: what is learned from a text, which goes to t.json.
learned() {
	local is
	printf %s "$1" | tok --train "${@:3}" >t.json 2>err || fail "$(cat err)"
	[ ! -s err ] || fail "$(cat err)"
	is=$(jq -r '[.model.merges[] | join(" ")] | join(", ")' t.json)
	[ "$is" = "$2" ] || fail "$1: $is"
}

@test "the pairs that are merged, and in which order" {
	learned "the cat sat on the mat; the cats sat, the mats sat on the cat" \
		"a t, h e, t he, Ġ the, c at, s at, Ġ cat, Ġ sat, m at, o n, Ġ mat, Ġ on" 270
	[ "$(jq -c '.model.vocab | [length, .["!"], .["ÿ"], .["Ġon"]]' t.json)" = "[268,0,187,267]" ]
	learned "aaaa aaa aa a aaaaaaaa" "a a, aa aa, Ġ aa, Ġ a, Ġ aaaa, Ġaa a, Ġaaaa aaaa" 270 --min-frequency 1
	learned "00000 0000 10000 000 100000000" "0 0, 00 00, Ġ 1" 272 --max-length 5
	learned "été 12345 12345 x12 été's don't don't" "Ã ©, 1 2, 4 5, d o, t Ã©, Ã© tÃ©, 12 3, do n" \
		280 --special '<|end|>' --pattern '\p{N}{1,3}|\p{L}+|\s+|[^\s\p{L}\p{N}]+'
	[ "$(jq -c '.model.vocab | [.["<|end|>"], .["!"], length]' t.json)" = "[0,1,265]" ]
	# a special token that the merges spell as well
	learned "abcabcabc ab bc abc cab" "a b, b c, Ġ c" 268 --min-frequency 0 --max-length 3 --special ab --special '<s>'
	[ "$(jq -c '.model.vocab | [.ab, .["<s>"], .["!"], length]' t.json)" = "[0,1,2,260]" ]
}

@test "no more tokens than asked for" {
	learned "the cat sat on the mat" "a t" 257
	learned "the cat sat on the mat" "" 256
	learned "" "" 300
}

@test "what was learned tokenizes, and comes back" {
	local text="the cat sat on the mat; the cats sat, the mats sat on the cat"
	learned "$text" "a t, h e, t he, Ġ the, c at, s at, Ġ cat, Ġ sat, m at, o n, Ġ mat, Ġ on" 270 >/dev/null
	[ "$(tok -m t.json --show "the cats" | sed -e 1d -e "s/^.*  '\\(.*\\)'\$/\\1/" | paste -sd '|')" = "the|Ġcat|s" ]
	[ "$(tok -m t.json "$text" | tok -m t.json -d)" = "$text" ]
	learned "$text" "$(jq -r '[.model.merges[] | join(" ")] | join(", ")' t.json)" 271 --special '<|end|>'
	[ "$(tok -m t.json "the<|end|>the" | tok -d --ids | cut -d ' ' -f 2)" = 0 ]
	learned "a1b22 a1 a 22" "2 2, Ġ a" 270 --pattern ' ?[a-z]+|\d+'
	[ "$(tok -m t.json --show " ab 22" | sed -e 1d -e "s/^.*  '\\(.*\\)'\$/\\1/" | paste -sd '|')" = "Ġa|b|Ġ|22" ]
}

@test "texts: each is cut by itself, and all count" {
	tok --train 260 "ab" "b a" "ab" >a.json
	printf 'ab\nb a\nab' | tok --train 260 --lines | cmp - a.json
	printf 'ab\0b a\0ab' | tok --train 260 -0 | cmp - a.json
	[ "$(jq -c .model.merges a.json)" = '[["a","b"]]' ]
	# a text is one string: its lines are not apart
	printf 'a\n\n\nb\n\n\n' | tok --train 300 >a.json
	[ "$(jq -c .model.merges a.json)" = '[["Ċ","Ċ"]]' ]
	printf 'ab\xff' | tok --train 256 >a.json 2>err
	[ "$(cat err)" = "tok: stdin: not UTF-8 at offset 2, U+FFFD is taken instead" ]
}

@test "the same text gives the same bytes" {
	tok --train 400 <"$root/README.md" >a.json
	tok --train 400 <"$root/README.md" | cmp - a.json
	[ "$(jq '.model.vocab | length' a.json)" -eq 400 ]
}

@test "progress on a terminal only" {
	skip_without_terminal
	tok --train 300 --min-frequency 1 <"$root/README.md" 2>err >a.json
	[ ! -s err ]
	script -qec "tok --train 300 <'$root/README.md' >out" /dev/null </dev/null >shown
	grep -qE '[0-9]+ words, 300 of 300 tokens' shown
	[ "$(jq '.model.vocab | length' out)" -eq 300 ]
}

@test "wrong options" {
	for case in "--train 255:--train: '255' is not an integer in [256, 16777216]" "--train x:--train: 'x' is not an integer in [256, 16777216]" \
		"--special x:--special: only with --train" "--pattern x:--pattern: only with --train" \
		"--train 300 --chat:--train: not with --chat" "--train 300 -d:--train: not with -d" \
		"--train 300 --plain:--train: not with --plain" "--train 300 --max-length 0:--max-length: '0' is not an integer in [1, 2147483647]"; do
		read -ra options <<<"${case%%:*}"
		run -2 tok "${options[@]}" text
		[ "${lines[0]}" = "tok: ${case#*:}" ] || fail "${lines[0]}"
	done
	run -1 tok --train 300 --pattern '(a' text
	[ "$output" = "tok: --pattern: unsupported regex '(a': ( without )" ] || fail "$output"
	run -1 tok --train 256 --special a text
	[ "$output" = "tok: 256 tokens do not suffice for the 256 bytes and 1 special tokens" ]
}

@test "vectors: bpe-train" {
	skip_without_shared
	dir=$shared/golden/tokenizers/bpe-train
	tok --train 600 --special '<|endoftext|>' <"$dir/text.txt" >t.json
	jq -r '.model.merges[] | join(" ")' t.json | cmp - <(grep -v '^#version' "$dir/merges.txt")
	jq -S .model.vocab t.json | cmp - <(jq -S . "$dir/vocab.json")
}
