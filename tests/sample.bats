#!/usr/bin/env bats
# sample: the choice of tokens, when sequences end, and what it writes.

load helper

# Nothing in this file depends on a model, unless a test sets one.
setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# ---- making frames, and looking into them ----

i32() {
	local n
	for n; do
		printf '%b' "$(printf '\\x%02x' $((n & 255)) $((n >> 8 & 255)) $((n >> 16 & 255)) $((n >> 24 & 255)))"
	done
}

f32() {
	local x
	for x; do
		case $x in
		-3) printf '\0\0\100\300' ;;
		-1) printf '\0\0\200\277' ;;
		0) printf '\0\0\0\0' ;;
		1) printf '\0\0\200\077' ;;
		2) printf '\0\0\0\100' ;;
		3) printf '\0\0\100\100' ;;
		4) printf '\0\0\200\100' ;;
		nan) printf '\0\0\300\177' ;;
		inf) printf '\0\0\200\177' ;;
		-inf) printf '\0\0\200\377' ;;
		*) fail "f32: no $x" ;;
		esac
	done
}

# frame ROW...: a frame of rows 'SEQ POS [LOGIT...]', wanted if there are
# logits.  $free: sequences; $fork: pairs of them; $meta: metadata, as JSON.
frame() {
	local row word vocab=0 m=0 at=0 n json seq=() pos=() want='' logits=() free=${free-} fork=${fork-} meta=${meta-}
	for row; do
		read -ra word <<<"$row"
		seq+=("${word[0]}") pos+=("${word[1]}")
		if [ ${#word[@]} -gt 2 ]; then
			want+='\1' m=$((m + 1)) vocab=$((${#word[@]} - 2)) logits+=("${word[@]:2}")
		else
			want+='\0'
		fi
	done
	read -ra free <<<"$free"
	read -ra fork <<<"$fork"
	tensor() {      # NAME TYPE SHAPE BYTES
		json+=",\"$1\":{\"dtype\":\"$2\",\"shape\":[$3],\"data_offsets\":[$at,$((at += $4))]}"
	}
	json="{\"__metadata__\":{$meta}"
	tensor logits F32 "$m,$vocab" $((4 * m * vocab))
	tensor ids I32 $# $((4 * $#))
	tensor seq I32 $# $((4 * $#))
	tensor pos I32 $# $((4 * $#))
	tensor free I32 ${#free[@]} $((4 * ${#free[@]}))
	tensor fork I32 $((${#fork[@]} / 2)),2 $((4 * ${#fork[@]}))
	tensor want U8 $# $#
	json+='}'
	n=$(((${#json} + 7) / 8 * 8))
	printf '%b%-*s' "$(printf '\\x%02x\\x%02x' $((n & 255)) $((n >> 8)))\\0\\0\\0\\0\\0\\0" $n "$json"
	f32 "${logits[@]}"
	i32 "${seq[@]}" "${seq[@]}" "${pos[@]}" "${free[@]}" "${fork[@]}"
	printf '%b' "$want"
}

# rows <STREAM: for each frame a line 'free SEQ...' if it has that tensor, and a
# line 'SEQ POS ID WANT' for each row; 'end' for an end frame.
rows() {
	local file=$BATS_TEST_TMPDIR/rows at=0 size n json
	cat >"$file"
	size=$(wc -c <"$file")
	bytes() {       # NAME OD-FORMAT: a tensor's values
		local from to
		read -r from to < <(jq -r --arg name "$1" '.[$name].data_offsets | "\(.[0]) \(.[1])"' <<<"$json")
		od -An -v "$2" -w"${2: -1}" -j $((at + 8 + n + from)) -N $((to - from)) "$file" | tr -d ' '
	}
	while [ "$at" -lt "$size" ]; do
		n=$(od -An -tu8 -j "$at" -N 8 "$file") n=${n// /}
		json=$(tail -c +$((at + 9)) "$file" | head -c "$n")
		if [ "$(jq -r '.__metadata__.end' <<<"$json")" = 1 ]; then
			echo end
		else
			[ "$(jq 'has("free")' <<<"$json")" = false ] || echo "free $(bytes free -td4 | paste -sd' ')"
			paste -d' ' <(bytes seq -td4) <(bytes pos -td4) <(bytes ids -td4) <(bytes want -tu1)
		fi
		at=$((at + 8 + n + $(jq '[.[].data_offsets[1]?] | max // 0' <<<"$json")))
	done
}

# sampled [OPTION...] <FRAMES: what sample makes of frames and an end frame.
sampled() {
	cat - <(end_frame) | sample "$@" >out 2>err || fail "sample: exit status $?: $(cat err)"
	rows <out
}

# is TEXT: the output of the latest run, with blanks between words only.
is() {
	[ "$output" = "$1" ] || fail "$output"
}

# ---- the choice ----

@test "sample: the generator, the steps and the draws are right" {
	local what
	for what in random steps naive rows draws; do
		run "$BUILD/tests/sampling" $what
		[ "$status" -eq 0 ] || fail "$what: ${lines[*]:0:10}"
	done
}

@test "sample: without options the likeliest token, and the lowest id among equals" {
	frame '0 0 1 3 2' >f
	run sampled <f
	is $'0 1 1 1\nend'
	frame '0 0 1 3 3 3' >f
	run sampled <f
	is $'0 1 1 1\nend'
	run sampled -t 0 -s 5 <f
	is $'0 1 1 1\nend'
}

@test "sample: the steps leave what Hugging Face's and llama.cpp's leave of 1000 rows" {
	local what
	for what in huggingface llamacpp mirostat; do
		[ "$(wc -l <"$root/tests/data/sampling/$what")" -eq 1000 ]
		run "$BUILD/tests/sampling" $what "$root/tests/data/sampling/$what"
		[ "$status" -eq 0 ] || fail "$what: ${lines[*]:0:10}"
		# a row that is wrong is found
		sed '500s/^./x/; 500s/^x[0-9a-f]*/12345678/' "$root/tests/data/sampling/$what" >wrong
		run -1 "$BUILD/tests/sampling" $what wrong
	done
}

# ids [OPTION...]: the candidates that are left of the logits 4 3 2 1 0.
ids() {
	cat <(frame '0 0 4 3 2 1 0') <(end_frame) | sample --show "$@" | jq -c '[.candidates[].id]'
}

@test "sample: the order of the options is the order of the steps" {
	[ "$(ids -t 1)" = '[0,1,2,3,4]' ]
	[ "$(ids -p 0.9)" = '[0,1,2]' ]
	[ "$(ids -p 0.9 -t 4)" = '[0,1,2]' ]
	[ "$(ids -t 4 -p 0.9)" = '[0,1,2,3,4]' ]
	[ "$(ids -k 2 -p 0.7)" = '[0]' ]
	[ "$(ids -p 0.7 -k 2)" = '[0,1]' ]
	[ "$(ids -t 4 -k 3 -t 0.25 -p 0.9)" = '[0,1]' ]
	[ "$(ids --temperature=4 --top-k=3 --top-p=0.1)" = '[0]' ]
}

@test "sample: a token depends on seed, sequence and position alone" {
	local row='0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0' i batch=() alone
	for i in {0..9}; do
		batch+=("$((i / 2)) $((3 + i % 2)) $row")
	done
	frame "${batch[@]}" | sampled -t 1 -s 7 >all
	[ "$(cut -d' ' -f3 all | sort -u | wc -l)" -gt 4 ] || fail "$(cat all)"
	for i in 0 3 8; do
		alone=$(frame "${batch[i]}" | sampled -t 1 -s 7 | head -n 1)
		[ "$alone" = "$(sed -n $((i + 1))p all)" ] || fail "row $i: $alone"
	done
	frame "${batch[@]}" | sampled -t 1 -s 8 >other
	run ! cmp -s all other
	frame "${batch[@]}" | sampled -t 1 >default
	frame "${batch[@]}" | sampled -t 1 -s 0 | cmp - default
}

@test "sample: the N best logits give the token that all of them give" {
	setup_model
	local p
	tok --want all --ids 1 2 3 4 5 6 7 8 9 10 11 12 | embed | block -l 0- | logits >all.lm
	tok --want all --ids 1 2 3 4 5 6 7 8 9 10 11 12 | embed | block -l 0- | logits -k 5 >best.lm
	for p in '' '-k 5' '-t 0.9 -k 5' '-k 5 -t 2' '-t 3 -k 5 -p 0.8'; do
		# shellcheck disable=SC2086
		cmp <(sample --eos none $p <all.lm) <(sample --eos none $p <best.lm)
	done
}

@test "sample: penalties and biases alone leave the choice to the largest score" {
	frame '0 0 1 3 2' >f
	[ "$(sampled --bias 2=1.5 <f)" = $'0 1 2 1\nend' ]
	[ "$(sampled --bias 2=0.5,2=0.6,1=-1 <f)" = $'0 1 2 1\nend' ]
	[ "$(ids --bias 4=9)" = '[4]' ]
	[ "$(ids --bias 4=9 -t 1)" = '[4,0,1,2,3]' ]
	[ "$(ids --min-p 0.1 --bias 4=9)" = '[0,1,2]' ]
	[ "$(ids --typical 0.2)" = '[1]' ]
	[ "$(ids --typical 0.3)" = '[0,1]' ]
	[ "$(ids --top-n-sigma 1)" = '[0,1]' ]
	[ "$(ids --xtc 1,0.2)" = '[1,2,3,4]' ]
	[ "$(ids --xtc 0,0.2)" = '[0,1,2,3,4]' ]
	[ "$(ids --mirostat 1)" = '[0]' ]
	[ "$(ids --mirostat 2)" = '[0,1,2]' ]
}

# ---- what a sequence has said ----

# heard IDS SEQS POSITIONS WANTED [TENSOR...]: a frame with these rows, and the
# logits 5 4 3 2 1 for each wanted row.
heard() {
	local m
	m=$(tr -cd 1 <<<"$4" | wc -c)
	"$BUILD/tests/frame" ids:I32="$1" seq:I32="$2" pos:I32="$3" want:U8="$4" \
		logits:F32:5="$(for ((; m > 0; m--)); do printf '5,4,3,2,1%s' "$([ "$m" = 1 ] || echo ,)"; done)" "${@:5}"
}

@test "sample: penalties know the tokens of all frames, back to where a sequence began" {
	# what is there is avoided: the choice is the first that is not
	{ heard 0,1,2 0,0,0 0,1,2 0,0,0; heard 1 0 3 1; heard 3 0 4 1; } >f
	[ "$(sampled --presence-penalty 9 <f)" = $'0 4 3 1\n0 5 4 1\nend' ]
	[ "$(sampled --window 1 --presence-penalty 9 <f)" = $'0 4 0 1\n0 5 0 1\nend' ]
	[ "$(sampled --window 2 --frequency-penalty 9 <f)" = $'0 4 0 1\n0 5 0 1\nend' ]
	[ "$(sampled --window 0 --repetition-penalty 100 <f)" = $'0 4 0 1\n0 5 0 1\nend' ]
	[ "$(sampled --repetition-penalty 100 <f)" = $'0 4 3 1\n0 5 4 1\nend' ]
	# several wanted rows in a frame: each knows those before it alone
	heard 0,1,2 0,0,0 0,1,2 1,1,1 >f
	[ "$(sampled --presence-penalty 9 <f)" = $'0 1 1 1\n0 2 2 1\n0 3 3 1\nend' ]
	# going back forgets; a fork takes along; free forgets all
	{ heard 0,1,2 0,0,0 0,1,2 0,0,1; heard 4 0 1 1; } >f
	[ "$(sampled --presence-penalty 9 <f)" = $'0 3 3 1\n0 2 1 1\nend' ]
	{ heard 0,1,2 0,0,0 0,1,2 0,0,1; heard 3,4 7,0 3,3 1,1 fork:I32:2=0,7; heard 3 0 0 1 free:I32=0; } >f
	[ "$(sampled --presence-penalty 9 <f)" = $'0 3 3 1\n7 4 4 1\n0 4 3 1\n0 1 0 1\nend' ]
}

@test "sample: what looks back needs all ids" {
	"$BUILD/tests/frame" seq:I32=0 pos:I32=0 logits:F32:2=1,2 >f
	end_frame >>f
	refuses "stdin: frame 1: no tensor 'ids'" --presence-penalty 1 <f
	{ heard 0 0 0 0; heard 1 0 2 1; end_frame; } >f
	refuses 'stdin: frame 2: sequence 0: position 2, must be at most 1: the tokens before it are needed' \
		--dry 1 --dry-breaker none <f
	sample <f >/dev/null
	{ heard 0,1 0,0 0,1 0,1; end_frame; } >f
	refuses 'stdin: frame 1: sequence 0: position 1, the context of 1 positions is full (-c)' -c 1 --mirostat 3 <f
}

@test "sample: DRY makes it hard to go on with a repetition" {
	heard 0,1,2,0,1 0,0,0,0,0 0,1,2,3,4 0,0,0,0,1 >f
	# 0 1 was followed by 2
	[ "$(cat f <(end_frame) | sample --dry-breaker none --dry 1,2,1 -t 1 --show | jq -c '[.candidates[].id]')" = '[0,1,3,2,4]' ]
	[ "$(sampled --dry-breaker none --bias 2=2.5 --dry 1,2,2 <f)" = $'0 5 0 1\nend' ]
	[ "$(sampled --dry-breaker none --bias 2=2.5 --dry 1,2,3 <f)" = $'0 5 2 1\nend' ]
	run -2 sample --dry 1 <f
	[ "${lines[0]}" = 'sample: --dry: needs the tokenizer of a model (-m), or --dry-breaker none' ]
	setup_model
	[ "$(lm -n 9 --dry 9 'a b c d a b c')" != "$(lm -n 9 'a b c d a b c')" ]
	[ "$(lm -n 3 --dry 9 'a b c d. a b')" != "$(lm -n 3 'a b c d. a b')" ]
	[ "$(lm -n 3 --dry 9 --dry-breaker b 'a b c d. a b')" = "$(lm -n 3 'a b c d. a b')" ]
}

@test "sample: mirostat's state goes back with its sequence" {
	{ heard 0 0 0 1; for i in {1..9}; do heard "$((i % 5))" 0 "$i" 1; done; } >f
	sampled --mirostat 1,0.5 --seed 3 <f >once
	# the loop: what it chose comes back
	local ids=() pos=() i
	loop() {
		local id=0
		ids=()
		for ((i = 0; i < 10; i++)); do
			heard "$id" 0 "$i" 1
			id=${1:i:1}
		done
	}
	# the tokens are a fixed point of feeding them back
	local chosen=0000000000 next
	for ((i = 0; i < 12; i++)); do
		next=$(loop "$chosen" | sampled --mirostat 1,0.5 --seed 3 | sed '$d' | cut -d' ' -f3 | tr -d '\n')
		[ "$next" != "$chosen" ] || break
		chosen=$next
	done
	[ "$next" = "$chosen" ] || fail "$next, $chosen"
	[ "$(fold -w1 <<<"$chosen" | sort -u | wc -l)" -gt 1 ] || fail "$chosen"
	# and so they are when each is asked for twice
	{ heard 0 0 0 1; for ((i = 0; i < 9; i++)); do heard "${chosen:i:1}" 0 "$((i + 1))" 1; heard "${chosen:i:1}" 0 "$((i + 1))" 1; done; } |
		sampled --mirostat 1,0.5 --seed 3 | sed '$d' | cut -d' ' -f2,3 | uniq | cut -d' ' -f2 | tr -d '\n' >twice
	[ "$(cat twice)" = "$chosen" ]
}

# ---- what may come ----

@test "sample: tokens that are banned, and those that come first" {
	frame '0 0 1 3 2' >f
	[ "$(sampled --ban 1 <f)" = $'0 1 2 1\nend' ]
	[ "$(sampled --ban 2,1 <f)" = $'0 1 0 1\nend' ]
	{ cat f; end_frame; } >g
	refuses 'stdin: frame 1: row 0 of the logits: sequence 0, position 1: no token may come (--ban, --first)' --ban 0,1,2 <g
	refuses 'stdin: frame 1: row 0 of the logits: sequence 0, position 1: no token may come (--ban, --first)' --first 3 <g
	{ heard 0 0 0 1; heard 4 0 1 1; heard 2 0 2 1; heard 0 0 3 1; } >f
	[ "$(sampled --first 4,2 <f)" = $'0 1 4 1\n0 2 2 1\n0 3 0 1\n0 4 0 1\nend' ]
	[ "$(sampled -t 1 -k 1 --first 4,2 <f)" = $'0 1 4 1\n0 2 2 1\n0 3 0 1\n0 4 0 1\nend' ]
	# what was given and not chosen begins a new text
	{ heard 0 0 0 1; heard 4 0 1 1; heard 1 0 2 1; } >f
	[ "$(sampled --first 4,2 <f)" = $'0 1 4 1\n0 2 2 1\n0 3 4 1\nend' ]
}

@test "sample: tokens by their pieces and texts" {
	setup_model
	[ "$(lm -n 3 --first '▁sun' --first '▁the' 'The cat')" = "$(lm -n 3 --first ' sun, the' 'The cat')" ]
	[[ "$(lm -n 3 --first '▁sun, the' 'The cat')" == ' sun the'* ]]
	[[ "$(lm -n 1 --bias '▁water=99' 'The cat')" == ' water' ]]
	[[ "$(lm -n 1 --bias '▁water=99' --ban ' water' 'The cat')" != ' water' ]]
	run -2 lm --bias xyzzy=1 hi
	[[ $output == *"--bias: 'xyzzy' is neither an id nor the piece or text of a token"* ]] || fail "$output"
	LM_MODEL='' run -2 sample --ban x </dev/null
	[ "${lines[0]}" = "sample: --ban: 'x': needs the tokenizer of a model (-m)" ]
}

@test "sample: tokens that the model does not have: exit 2, here and in lm" {
	setup_model
	local vocab option value form
	vocab=$(jq .vocab_size "$LM_MODEL/config.json")
	tok hi | embed | block -l 0- | logits >scores
	while read -r option value; do
		run -2 --separate-stderr sample "$option" "${value//N/$vocab}" <scores
		[ "${stderr_lines[0]}" = "sample: $option: $vocab: the model has the tokens 0 to $((vocab - 1))" ] || fail "$option: $stderr"
		[ -z "$output" ]
		for form in '-n 1' '--print' '--chat --template mistral-v0.2 -n 1'; do
			# shellcheck disable=SC2086
			run -2 --separate-stderr lm $form "$option" "${value//N/$vocab}" hi
			[ "${stderr_lines[0]}" = "lm: $option: $vocab: the model has the tokens 0 to $((vocab - 1))" ] || fail "$form: $stderr"
		done
		sample -n 1 "$option" "${value//N/$((vocab - 1))}" <scores >out
		# the model is not known: neither are its tokens
		LM_MODEL='' sample -f "$option" "${value//N/9$vocab}" <scores 2>err >out || grep -q 'no token may come' err || fail "$(cat err)"
	done <<'END'
--ban 3,N
--bias 5=1,N=2
--first N
--eos 2,N
END
}

# automaton EXPRESSION TEXT ANSWER...: what it says of texts.
automaton() {
	local expression=$1 text
	shift
	while [ $# -gt 0 ]; do
		text=$(printf '%b\0' "$1" | "$BUILD/tests/automaton" "$expression")
		[ "$text" = "$2" ] || fail "$expression: '$1': $text"
		shift 2
	done
}

@test "sample: expressions: what matches, and what may be the beginning of a match" {
	automaton 'abc' '' more ab more abc match abd no abcd no
	automaton '(a|b)*c?' '' 'match more' ab 'match more' abc match abcb no
	automaton 'a{2,3}' a more aa 'match more' aaa match aaaa no
	automaton 'a{2}b{1,}c{,1}d{0}' aa more aab 'match more' aabb 'match more' aabc match aad no
	automaton '[^]a-c]x|[]]' dx match ax no ']' match '\n' more
	automaton '.' '\n' no 'é' match '\xc3' more '\xc3\xa9' match '\xff' no '\xed\xa0' no '\xe2\x98' more
	automaton '[à-ï]+☃' '\xc3\xa9' more '\xc3\xb0' no 'é☃' match 'é\xe2' more 'é\xe3' no
	automaton '\d\D\w\W\s\S' '1aa- x' match '1aa-' more 'a' no
	automaton '\x41\x{1F600}\u00e9\t\.' 'A😀é\t.' match 'A\xf0\x9f' more
	automaton '\p{Lu}\p{Ll}*\P{L}\pN' 'Ébé-5' match 'é' no
	automaton '[[:alpha:][:digit:]_-]+' 'a1_-' 'match more' ' ' no
	automaton '^a$|^(?:b|(?<name>c))$' a match b match c match d no
	automaton 'a*?b+?' aab 'match more'
	automaton '{"a": [0-9]+}' '{"a": 12}' match '{"a": ' more
	automaton '(a*)*' '' 'match more' aaaa 'match more'
	automaton '' '' match a no
}

@test "sample: expressions that are refused or too large: a line at once" {
	local wrong
	for wrong in '(' ')' '[a' '[z-a]' '*' 'a{3,2}' 'a{1000000}' '\1' '\b' 'a\' '(?=a)' '(?<=a)' '(?!a)' '(?i)a' '(?>a)' '(*F)' \
		'a++' 'a^' '$a' '\p{Greek}' '\p{Xx}' '\x{110000}' '\q' '[[:nope:]]' '[^\s\S]' $'\xff' '(x{1000}){10000}' \
		'(((((){90000}){90000}){90000}){90000})' "$(printf '(%.0s' {1..1000})" "a$(printf '*%.0s' {1..1000})"; do
		run -2 timeout 20 sample --regex "$wrong" </dev/null
		[[ ${lines[0]} == "sample: --regex: '"*"': at byte "* && ${lines[1]} == 'usage: sample '* ]] || fail "$wrong: $output"
	done
	run -2 sample --regex a --regex b </dev/null
	[ "${lines[0]}" = 'sample: --regex: given twice' ]
	run -2 lm --regex '(' hi
	[[ ${lines[0]} == "lm: --regex: '('"* ]]
	frame '0 0 1 2' >f
	run -2 sample --regex a <f
	[ "${lines[0]}" = 'sample: --regex: needs the tokenizer of a model (-m)' ]
	# too many states while it runs
	setup_model
	run -1 --separate-stderr timeout 60 lm --regex '(\p{L}{1,9}|[a-z]|b|é){25}' -t 9 hi
	[[ $stderr == "sample: expression '(\p{L}{1,9}|"*"': "*"for a token)" ]] || fail "$stderr"
	# many in principle, few in fact
	run -1 --separate-stderr timeout 60 lm -n 30 --regex '((a|b|[^c])*a(a|[^d]){30})+' -t 9 hi
	[ "$stderr" = 'sample: sequence 0: ends before its text matches --regex' ] || fail "$stderr"
	timeout 60 lm -n 30 --regex '(((.*)*)*)*' hi >/dev/null
	timeout 60 lm -n 30 --regex '\p{Lu}\p{L}{1,30}(\p{L}*\p{L}*\p{L}*)*' -t 2 hi >/dev/null
}

@test "sample: --regex: the text made matches, whole" {
	setup_model
	local s text
	[ "$(lm --regex ' (sun|water) é☃' 'The cat')" != '' ]
	[[ "$(lm --regex ' (sun|water) é☃' 'The cat')" =~ ^\ (sun|water)\ é☃$ ]]
	[ "$(lm --regex ' water' 'The cat')" = ' water' ]
	[[ "$(lm --regex '[0-9]{3}' 'The cat')" =~ ^[0-9]{3}$ ]]
	for s in {1..12}; do
		text=$(lm -t 4 -s "$s" --regex '( [a-z]{2,9}){2,3}[.!]' 'The cat')
		[[ $text =~ ^(\ [a-z]{2,9}){2,3}[.!]$ ]] || fail "$s: $text"
		echo "$text"
	done >texts
	[ "$(sort -u texts | wc -l)" -gt 6 ]
	# characters that are several tokens
	LC_ALL=C.UTF-8
	for s in {1..6}; do
		text=$(lm -t 4 -s "$s" --regex '[à-ïα-ω☃-★😀-😎]{5}' 'The cat')
		[[ ${#text} -eq 5 && -z $(LC_ALL=C tr -d '\200-\377' <<<"$text") ]] || fail "$s: $text"
	done
	# in a conversation's place: after the template's own marks
	[ "$(lm --stages --regex ' water| sun' 'The cat')" = "$(lm --regex ' water| sun' 'The cat')" ]
	sh -c "$(lm --print --regex " (it's|is) \\d" 'The cat')" | cmp - <(lm --regex " (it's|is) \\d" 'The cat')
}

@test "sample: --regex: a token that ends the text exactly where it matches" {
	setup_model
	local end b
	end=$(jq '[.eos_token_id] | flatten | .[0]' "$LM_MODEL/config.json")
	tok "The cat" | embed | block -l 0- | logits >scores
	has_end() { sample --show -t 1 --regex "$1" "${@:2}" <scores | jq ".candidates | any(.id == $end)"; }
	[ "$(has_end 'b*')" = true ]
	[ "$(has_end 'b+')" = false ]
	[ "$(has_end '')" = true ]
	[ "$(sample --show -t 1 --regex '' <scores | jq '.candidates | length')" -eq 1 ]
	# without such a token the text ends where it can't go on
	[ "$(lm --eos none --regex ' water' 'The cat')" = ' water' ]
	[ "$(lm --eos none --regex ' (sun)+' -n 3 'The cat')" = ' sunsunsun' ] || [ "$(lm --eos none --regex ' (sun)+' -n 3 'The cat' | head -c 4)" = ' sun' ]
	# and so it does if that is banned
	[ "$(lm --ban "$end" --regex ' water' 'The cat')" = ' water' ]
	[ "$(lm --eos "$end,9" --ban "9,$end" --regex ' [0-9]{3}' 'The cat' | wc -c)" -eq 4 ]
	refuses 'stdin: frame 2: row 0 of the logits: sequence 0, position 3: no token may come without leaving --regex' \
		--eos none --regex '' <scores
	b=$(sample --show -t 1 --regex 'b' <scores | jq -c '[.candidates[].id]')
	[ "$(jq length <<<"$b")" -ge 1 ]
	refuses 'stdin: frame 2: row 0 of the logits: sequence 0, position 3: no token may come without leaving --regex' \
		--ban "$(jq -r 'map(tostring) | join(",")' <<<"$b")" --regex 'b' <scores
}

@test "sample: --regex: a text that is cut off before it matches" {
	setup_model
	local says='sample: sequence 0: ends before its text matches --regex' options
	# by -n, by a text, with its first token
	for options in '-n 2' '-n 1' '--stop 1' '-n 0'; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr lm $options --regex '1[0-9]{9}' 'The cat'
		[ "$stderr" = "$says" ] || fail "$options: $stderr"
		[[ 1234567890 == "${output:0:1}"* || -z $output ]] || fail "$options: $output"
	done
	# the stages by themselves, a process each, and printed
	run -1 --separate-stderr lm --stages -n 2 --regex '1[0-9]{9}' 'The cat'
	[ "$stderr" = "$says" ]
	run -0 --separate-stderr sh -c "$(lm --print -n 2 --regex '1[0-9]{9}' 'The cat')"      # the status is that of tok -d
	[ "$stderr" = "$says" ] || fail "$stderr"
	# by the context
	run -1 --separate-stderr lm -c 6 --regex '1[0-9]{9}' 'The cat'
	[ "${stderr_lines[1]}" = "$says" ] || fail "$stderr"
	[ "${#stderr_lines[@]}" -eq 2 ]
	# of several sequences, those that it happens to
	printf 'The %s\n' cat dog bird mouse >lines
	run -1 --separate-stderr lm --lines -f lines -t 9 -n 3 --regex ' sun'
	[ "${#lines[@]}" -eq 4 ]
	[ "$(grep -cvx ' sun' <<<"$output")" -eq "${#stderr_lines[@]}" ] || fail "$output: $stderr"
	[[ "${#stderr_lines[@]}" == [123] ]] || fail "$output"
	# not where it matches
	run -0 --separate-stderr lm -n 2 --regex '1[0-9]*' 'The cat'
	[ "$stderr" = '' ]
	run -0 --separate-stderr lm -n 0 --regex '1*' 'The cat'
	[ "$stderr" = '' ]
	run -0 --separate-stderr lm --stop 1 --regex ' *1' 'The cat'
}

# looped STREAM OPTION...: what sample writes in the loop that begins with it.
looped() {
	local stream=$1
	shift
	rm -f loop
	mkfifo loop
	{ cat "$stream"; cat loop; } | embed | block -l 0- | logits | sample "$@" | tee loop
}

@test "sample: a sequence of 16, with all that has a state, is the same as alone" {
	setup_model
	local i steps=(--window 60 --repetition-penalty 1.2 --presence-penalty 0.2 --frequency-penalty 0.1 --dry '1,1.5,1'
		-t 2 --xtc '0.5,0.05' --mirostat '5,0.4' --regex '( ?[a-z.]{1,5})*' --bias '20=1' --ban 9 -s 4 -n 14)
	for i in {1..16}; do
		echo "The cat sat on the mat. The $(((i * 7) % 5)) $i cat sat"
	done | tok --lines --chunk 7 >prompts
	looped prompts "${steps[@]}" >together
	for i in {0..15}; do
		"$BUILD/tests/only" "$i" <prompts >one
		looped one "${steps[@]}" >alone
		cmp <("$BUILD/tests/rows" ids "$i" <together) <("$BUILD/tests/rows" ids "$i" <alone) || fail "sequence $i"
		"$BUILD/tests/rows" ids "$i" <alone
	done >all
	[ "$(wc -l <all)" -gt 60 ]
	# and each of these has a part in it
	for i in 2 4 6 8 12 14; do
		looped prompts "${steps[@]:0:i}" "${steps[@]:i+2}" >other
		run ! cmp -s other together
	done
	looped prompts "${steps[@]:0:10}" "${steps[@]:12}" -t 2 >other
}

# ---- what is written ----

@test "sample: writes frames of the kind that tok writes" {
	setup_model
	tok --ids '1 2 3' | embed | block -l 0- | logits | sample >f
	header f >header.json
	[ "$(jq -c '.__metadata__ | keys' header.json)" = '["lmutils","model","stage"]' ]
	[ "$(jq -r .__metadata__.stage header.json)" = sample ]
	[ "$(jq -c 'del(.__metadata__) | map_values(.dtype + "\(.shape)")' header.json)" = \
		'{"ids":"I32[1]","seq":"I32[1]","pos":"I32[1]","want":"U8[1]"}' ] || fail "$(cat header.json)"
}

@test "sample: a token for each wanted row; frames without one have no answer" {
	{ frame '0 0' '0 1'; frame '0 2' '1 0 1 2' '0 3 2 1' '1 1'; frame; frame '1 2 1 2'; } >f
	run sampled <f
	is $'1 1 1 1\n0 4 0 1\n1 3 1 1\nend'
}

@test "sample: end frames on the way are not passed on" {
	{ end_frame; frame '0 0 1 2'; end_frame; end_frame; frame '0 1 1 2'; } >f
	run sampled <f
	is $'0 1 1 1\n0 2 1 1\nend'
}

# ---- the end of a sequence ----

@test "sample: -n: the row of the last token asks for nothing, and the end is told in the next frame" {
	{ frame '0 0 1 2' '1 0 2 1'; frame '1 1 1 2'; } >f
	run sampled -n 1 <f
	is $'0 1 1 0\n1 1 0 0\nend'
	{ frame '0 0 1 2'; frame '0 1 1 2' '1 0 1 2'; frame '0 2' '1 1 1 2'; frame '1 2 1 2'; } >f
	run sampled -n 2 <f
	is $'0 1 1 1\n0 2 1 0\n1 1 1 1\nfree 0\n1 2 1 0\nend'
	run sampled -n 0 <f
	is end
}

@test "sample: an end-of-sequence token ends its sequence" {
	{ frame '0 0 1 2 0' '1 0 2 1 0'; frame '0 1' '1 1 0 1 2'; frame '1 2 3 1 1'; } >f
	run sampled --eos 1,2 <f
	is $'0 1 1 0\n1 1 0 1\nfree 0\n1 2 2 0\nend'
	run sampled --eos none <f
	is $'0 1 1 1\n1 1 0 1\n1 2 2 1\n1 3 0 1\nend'
}

@test "sample: the model's end-of-sequence tokens, unless --eos gives others" {
	setup_model
	local eos
	eos=$(jq '[.eos_token_id] | flatten | .[0]' "$LM_MODEL/config.json")
	frame "0 0 $(for ((i = 0; i < eos; i++)); do printf '0 '; done) 3" >f
	[ "$(sampled <f)" = "0 1 $eos 0"$'\nend' ]
	[ "$(sampled --eos none <f)" = "0 1 $eos 1"$'\nend' ]
	[ "$(sampled --eos "$((eos + 1))" <f)" = "0 1 $eos 1"$'\nend' ]
}

@test "sample: a full context ends a sequence and is said" {
	{ frame '0 3 1 2' '1 0 1 2'; frame '0 4 1 2' '1 1 1 2'; } >f
	run sampled -c 6 <f
	is $'0 4 1 1\n1 1 1 1\n0 5 1 0\n1 2 1 1\nend'
	[ "$(cat err)" = 'sample: sequence 0: context of 6 positions is full' ]
	run sampled -c 3 <f             # nothing fits behind a row that is beyond the context
	is $'1 1 1 1\n1 2 1 0\nend'
	[ "$(wc -l <err)" -eq 3 ] || fail "$(cat err)"
	cat f <(end_frame) >g
	run -1 bash -c 'sample -c 5 -n 4 <g >out'
	[[ $output == 'sample: sequence 0: context of 5 positions is full'* ]] || fail "$output"
	run rows <out
	is $'0 4 1 0\n1 1 1 1\n1 2 1 1\nend'
	run sampled -c 5 -n 1 <f
	is $'0 4 1 0\n1 1 1 0\nend'
}

@test "sample: free and fork on the way in" {
	{ frame '0 0 1 2' '1 0 1 2'; fork='0 5' free=1 frame '0 1 1 2' '5 1 2 1'; free='0 5' frame '1 0 1 2'; } >f
	run sampled -n 3 <f
	is $'0 1 1 1\n1 1 1 1\n0 2 1 1\n5 2 0 1\n1 1 1 1\nend'
	run sampled -n 2 <f             # 5 has the token of 0 before the fork
	is $'0 1 1 1\n1 1 1 1\n0 2 1 0\n5 2 0 0\nend'
}

@test "sample: a sequence that goes back gives back its tokens" {
	{ frame '0 0 1 2'; frame '0 1 1 2'; frame '0 1 2 1'; frame '0 2 1 2'; frame '0 3 1 2'; } >f
	run sampled -n 3 <f
	is $'0 1 1 1\n0 2 1 1\n0 2 0 1\n0 3 1 1\n0 4 1 0\nend'
}

@test "sample: more sequences than --sequences are an error" {
	{ frame '0 0 1 2' '1 0 1 2'; end_frame; } >f
	sample --sequences 2 <f >/dev/null
	run -1 bash -c 'sample --sequences 1 <f'
	[[ $output == *'sequence 1, must be in [0, 0] (--sequences)'* ]] || fail "$output"
}

@test "sample: --stop ends a sequence when its text contains the text" {
	setup_model
	[ "$(lm -n 9 'a b c d a b c')" = ' d a b c d a b c d' ]
	[ "$(lm -n 9 --stop 'b c' 'a b c d a b c')" = ' d a b c' ]
	[ "$(lm -n 9 --stop x --stop ' a' --stop 'a b' 'a b c d a b c')" = ' d a' ]
	[ "$(lm -n 2 --stop 'b c' 'a b c d a b c')" = ' d a' ]
	[ "$(lm -n 3 --stop 'a b c' 'a b c d a b c')" = ' d a b' ]      # the prompt does not count
	[ "$(lm -n 9 --stop 'b c' --lines <<<$'a b c d a b c\nb c d a b')" = $' d a b c\n c d a b c' ]
}

@test "sample: tokens are the same in a batch as alone" {
	setup_model
	local line
	printf '%s\n' 'Once upon' 'a b c d a b' 'the' 'there was a' >prompts
	lm --lines -n 12 <prompts >together
	while read -r line; do
		lm --lines -n 12 <<<"$line"
	done <prompts >alone
	cmp together alone
}

@test "sample: reads its input to the end, so that its writer is not killed" {
	frame '0 0 1 2' >f
	{ cat f; for _ in {1..500}; do frame '0 1'; done; end_frame; } >long
	bash -o pipefail -c 'cat long long | sample -n 1 >out'
	run rows <out
	is $'0 1 1 0\nend'
	run -1 bash -c 'head -c -1 long | sample -n 1 >out'
}

# ---- for people and for jq ----

@test "sample: --show: a table for people, JSON for jq" {
	setup_model
	{ frame '0 0 3 1 2' '4 7 0 0 0'; end_frame; } >f
	run sample --show=table -t 1 -k 2 <f
	is 'sequence 0, position 1:
        id   logprob        p  piece
*        0   -0.4076   0.7311  "<unk>"
         2   -1.4076   0.2689  "</s>"
sequence 4, position 8:
        id   logprob        p  piece
         0   -1.0986   0.5000  "<unk>"
*        1   -1.0986   0.5000  "<s>"'
	sample --show -t 1 -k 2 <f >json
	sample --show=json -t 1 -k 2 <f | cmp - json
	run jq -c '[.seq, .pos, .id, (.candidates | length), .candidates[1].id, .candidates[1].piece,
		(.candidates[1].p * 1000 | round), (.candidates[0].logprob * 1000 | round)]' json
	is '[0,1,0,2,2,"</s>",269,-408]
[4,8,1,2,1,"<s>",500,-1099]'
}

@test "sample: on a terminal, the tokens" {
	setup_model
	{ frame '0 0 3 1 2' '4 7 0 1 0'; end_frame; } >f
	run script -qec 'sample --eos none <f' /dev/null
	[ "${output//$'\r'/}" = "  seq   pos       id  piece
    0     1        0  '<unk>'
    4     8        1  '<s>'" ] || fail "$output"
	run script -qec 'sample --show <f' /dev/null
	[[ $output == 'sequence 0, position 1:'* ]] || fail "$output"
}

# ---- errors ----

# refuses OBJECT-AND-REASON [OPTION...] <STREAM: exit 1, that line, and no end frame.
refuses() {
	local reason=$1 status=0
	shift
	sample "$@" >out 2>err || status=$?
	[ "$status" -eq 1 ] || fail "exit status $status"
	[ "$(cat err)" = "sample: $reason" ] || fail "$(cat err)"
	[ "$(rows <out | tail -n 1)" != end ] || fail 'an end frame was written'
}

@test "sample: rows that can't be used are errors" {
	refuses 'stdin: frame 2: row 1 of the logits: a logit is NaN' \
		< <(frame '0 0 1 2'; frame '0 1 1 2' '1 1 nan 2'; end_frame)
	refuses 'stdin: frame 1: row 0 of the logits: a logit is infinite' < <(frame '0 0 1 inf'; end_frame)
	refuses 'stdin: frame 1: row 0 of the logits: all logits are -infinity' \
		< <(frame '0 0 -inf -inf'; end_frame)
	frame '0 0 -inf -1 -inf -3' >f
	[ "$(sampled <f)" = $'0 1 1 1\nend' ]
}

@test "sample: frames without logits are errors, and so is a stream without an end" {
	setup_model
	tok hi | refuses "stdin: frame 2: no tensor 'logits' or 'top.ids'"
	refuses 'stdin: the stream stops after 1 frames without an end frame' < <(frame '0 0 1 2')
	[ "$(rows <out)" = '0 1 1 1' ]
}

@test "sample: a frame of another model is refused, unless -f" {
	setup_model
	{ meta='"model":"0123456789abcdef"' frame '0 0 1 2'; end_frame; } >f
	run -1 sample <f
	[[ $output == *'frame 1 was made with model 0123456789abcdef, this is '*' (-f to go on)' ]] || fail "$output"
	sample -f <f >out
	header out | jq -e '.__metadata__.model == "0123456789abcdef"'
	LM_MODEL='' sample <f | cmp - out
}

@test "sample: wrong usage" {
	local wrong
	for wrong in '-t -1' '-t nan' '-t inf' '-t 1e7' '-k 0' '-k 1.5' '-p 1.1' '-p -0.1' '-p x' '-n -1' '-s -1' \
		'--eos 1,' '--eos ,' '--eos -1' '--eos x' '--show=xml' '-c 0' '--sequences 0' 'operand' \
		"$(printf -- '-k 9 %.0s' {1..65})"; do
		# shellcheck disable=SC2086
		run -2 sample $wrong </dev/null
		[[ ${lines[0]} == 'sample: '* && ${lines[1]} == 'usage: sample '* ]] || fail "$wrong: $output"
	done
	run -2 sample --stop '' </dev/null
	[ "${lines[0]}" = 'sample: --stop: the text is empty' ]
}
