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
