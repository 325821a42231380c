#!/usr/bin/env bats
# pipeline.bats: the stages together.  Different ways to the same result must
# give the same bytes.

load helper

setup() {
	setup_model
	cd "$BATS_TEST_TMPDIR" || return
	text="Once upon a time there was a little mouse who lived in a house by the sea. The cat saw the bird."
}

rows() {
	"$BUILD/tests/rows" "$@" | sort
}

frame() {
	"$BUILD/tests/frame" "$@"
}

sanitized() {
	grep -q __asan_init "$BUILD/bin/attn"
}

# each_stage PREFIX [OPTION...] <ids: saves what each stage writes, PREFIX.embed to PREFIX.logits.
each_stage() {
	local prefix=$1 l layers
	shift
	layers=$(jq '.num_hidden_layers // .n_layer' "$LM_MODEL/config.json")
	embed "$@" >"$prefix.embed"
	cp "$prefix.embed" "$prefix.x"
	for ((l = 0; l < layers; l++)); do
		attn -l "$l" "$@" <"$prefix.x" >"$prefix.attn.$l"
		ffn -l "$l" "$@" <"$prefix.attn.$l" >"$prefix.ffn.$l"
		cp "$prefix.ffn.$l" "$prefix.x"
	done
	logits "$@" <"$prefix.x" >"$prefix.logits"
	rm "$prefix.x"
}

# same_rows A B [SEQ]: the stages' values are the same in the streams saved as
# A.* (only its sequence SEQ) and B.*.
same_rows() {
	local file stage tensor
	for file in "$2".*; do
		stage=${file#"$2".}
		tensor=x
		[ "$stage" != logits ] || tensor=logits
		rows "$tensor" ${3:+"$3"} <"$1.$stage" >a
		rows "$tensor" ${3:+0} <"$file" >b
		[ -s b ]
		cmp a b || fail "$stage differs"
	done
}

@test "the chain of attn and ffn writes what block writes" {
	for name in teach f32 f16 bf16 odd gpt2 gpt2-bf16 gpt2-odd; do
		setup_model "$name"
		for options in "" -x; do
			words=(${options:+"$options"})
			tok --chunk 5 "$text" | embed >x
			chain "${words[@]}" <x >chain
			block -l 0- "${words[@]}" <x >block
			cmp chain block
			block -l 0 "${words[@]}" <x | block -l 1- "${words[@]}" | cmp - block
		done
	done
}

@test "the three types of a model are the same model with -x" {
	for name in f32 f16 bf16; do
		setup_model "$name"
		tok "$text" | each_stage "$name" -x
	done
	same_rows f32 f16
	same_rows f32 bf16
}

@test "chunks of 1, 7, 64 rows and the whole prompt give the same values" {
	for name in f32 bf16 odd teach gpt2 gpt2-bf16; do
		setup_model "$name"
		long=$text$text$text
		tok --want all --chunk 10000 "$long" | each_stage whole
		for chunk in 1 7 64; do
			tok --want all --chunk "$chunk" "$long" | each_stage chunk
			same_rows whole chunk
		done
	done
}

# Sixteen texts of different lengths, one a line.
texts() {
	local i
	for ((i = 1; i <= 16; i++)); do
		printf '%s\n' "${text:0:i*i/3+1}"
	done
}

@test "a sequence alone and in a batch of 16 has the same values" {
	for name in f32 bf16 gpt2 gpt2-odd; do
		setup_model "$name"
		texts >texts
		for chunk in 3 512; do
			tok --lines --chunk "$chunk" --want all <texts | each_stage batch
			for ((i = 0; i < 16; i++)); do
				sed -n "$((i + 1))p" texts | tr -d '\n' | tok --want all | each_stage alone
				same_rows batch alone "$i"
			done
		done
	done
}

@test "each of 16 prompts continues as it does alone" {
	texts >texts
	lm --lines -n 12 <texts >together
	while IFS= read -r line; do
		lm -n 12 "$line"
		echo
	done <texts >alone
	diff alone together
}

@test "a position that goes back cuts the sequence off there" {
	setup_model f32
	{
		frame ids:I32=1,400,300,301,302 seq:I32=0,0,0,0,0 pos:I32=0,1,2,3,4
		frame ids:I32=310,311 seq:I32=0,0 pos:I32=2,3
		end_frame
	} | each_stage back
	{
		frame ids:I32=1,400,310,311 seq:I32=0,0,0,0 pos:I32=0,1,2,3
		end_frame
	} | each_stage straight
	for stage in embed attn.0 ffn.0 attn.1 ffn.1; do
		rows x <"back.$stage" | sort -u >a
		rows x <"straight.$stage" >b
		[ "$(wc -l <b)" -eq 4 ]
		[ "$(comm -13 a b | wc -l)" -eq 0 ] || fail "$stage"
	done
}

@test "fork makes a sequence a copy of another" {
	setup_model bf16
	{
		frame ids:I32=1,400,300 seq:I32=0,0,0 pos:I32=0,1,2
		frame fork:I32:2=0,1,0,7 ids:I32=310,311,312 seq:I32=0,1,7 pos:I32=3,3,3
		frame ids:I32=320,320,320 seq:I32=7,1,0 pos:I32=4,4,4
		end_frame
	} | each_stage fork
	for id in 0:310 1:311 7:312; do
		{
			frame "ids:I32=1,400,300,${id#*:},320" seq:I32=0,0,0,0,0 pos:I32=0,1,2,3,4
			end_frame
		} | each_stage alone
		for stage in attn.0 ffn.1; do
			rows x "${id%:*}" <"fork.$stage" | tail -n 2 >a
			rows x 0 <"alone.$stage" | tail -n 2 >b
			cmp a b
		done
	done
}

@test "a fork of a long sequence shares nothing that is written later" {
	setup_model f32
	zeros=$(printf '0,%.0s' {1..600}) positions=$(seq -s , 0 599)
	ids=$(for ((i = 0; i < 600; i++)); do printf '%s,' $((i % 400 + 3)); done)
	{
		frame "ids:I32=${ids%,}" "seq:I32=${zeros%,}" "pos:I32=$positions"
		frame fork:I32:2=0,1 ids:I32=10,20 seq:I32=0,1 pos:I32=600,600
		frame ids:I32=30,30 seq:I32=0,1 pos:I32=601,601
		end_frame
	} | embed | block -l 0- -c 1000 >forked
	for last in 0:10 1:20; do
		{
			frame "ids:I32=$ids${last#*:},30" "seq:I32=${zeros}0,0" "pos:I32=$positions,600,601"
			end_frame
		} | embed | block -l 0- -c 1000 | "$BUILD/tests/rows" x 0 | tail -n 2 >alone
		"$BUILD/tests/rows" x "${last%:*}" <forked | tail -n 2 | diff alone - || fail "sequence ${last%:*}"
	done
}

@test "free forgets a sequence" {
	setup_model f32
	{
		frame ids:I32=1,400,300 seq:I32=0,0,0 pos:I32=0,1,2
		frame free:I32=0 ids:I32=1,401 seq:I32=0,0 pos:I32=0,1
		end_frame
	} | embed | block -l 0- | "$BUILD/tests/rows" x | tail -n 2 >freed
	{ frame ids:I32=1,401 seq:I32=0,0 pos:I32=0,1; end_frame; } | embed | block -l 0- | "$BUILD/tests/rows" x | diff - freed
	status=0
	{
		frame ids:I32=1,400,300 seq:I32=0,0,0 pos:I32=0,1,2
		frame free:I32=0
		frame ids:I32=301 seq:I32=0 pos:I32=3
		end_frame
	} | embed | attn -l 0 2>err >out || status=$?
	[ "$status" -eq 1 ]
	one_line attn err
}

@test "a gap is an error" {
	setup_model f32
	for last in "seq:I32=0 pos:I32=4" "seq:I32=1 pos:I32=1" "seq:I32=1 pos:I32=2147483647"; do
		read -ra words <<<"$last"
		for tool in "attn -l 0" "block -l 0-"; do
			status=0
			{
				frame ids:I32=1,400,300 seq:I32=0,0,0 pos:I32=0,1,2
				frame ids:I32=301 "${words[@]}"
				end_frame
			} | embed | $tool 2>err >out || status=$?
			[ "$status" -eq 1 ]
			one_line "${tool%% *}" err
		done
	done
}

@test "a sequence longer than the context, more sequences than allowed" {
	setup_model f32
	for options in "-c 4" "--sequences 1"; do
		read -ra words <<<"$options"
		status=0
		printf 'one two three\nfour five six\n' | tok --lines | embed | attn -l 0 "${words[@]}" >out 2>err || status=$?
		[ "$status" -eq 1 ]
		one_line attn err
	done
}

@test "tensors and metadata that a stage does not know are passed on" {
	setup_model f32
	{
		frame note=hello ids:I32=1,400 seq:I32=0,0 pos:I32=0,1 mine:F32:2=1,2,3,4 carry.a:U8=7,8
		end_frame
	} | embed | chain | logits >out
	header out | jq -e '.__metadata__.note == "hello" and .mine.shape == [2, 2] and (.["carry.a"].dtype == "U8") and
		(has("x") | not) and has("logits")'
}

@test "a header is JSON, its data begin at a multiple of 64, larger elements come first" {
	for stage in "" "| embed" "| embed | attn -l 0 --tap pattern" "| embed | block -l 0- | logits" \
		"| embed | block -l 0- | logits | sample -n 1"; do
		eval "tok --chunk 3 hello $stage" >out
		n=$(od -An -N8 -tu8 out)
		[ $(((n + 8) % 64)) -eq 0 ]
		header out | jq -e '.__metadata__.lmutils and ([.[]|select(.dtype)|.data_offsets[0]] | min == 0)'
		header out | jq -e '[to_entries[] | select(.value.dtype) | .value] | sort_by(.data_offsets[0]) |
			map({F32: 4, I32: 4, U8: 1}[.dtype]) == (map({F32: 4, I32: 4, U8: 1}[.dtype]) | sort | reverse)'
		tail -c 64 out | cmp - <(frame end=1 | tail -c 64)
	done
}

@test "a filter made of shell and jq" {
	# marks every frame
	cat >mark <<-'END'
		#!/bin/bash
		while n=$(head -c 8 | od -An -tu8) && [ -n "$n" ]; do
			header=$(head -c $n)
			bytes=$(jq '[.[] | .data_offsets[1]? // 0] | max' <<<"$header")
			header=$(jq -c '.__metadata__.mark = "seen"' <<<"$header")
			n=$(((${#header} + 8 + 63) / 64 * 64 - 8))
			printf "$(printf '\\x%02x' $((n & 255)) $((n >> 8 & 255)) $((n >> 16)) 0 0 0 0 0)"
			printf "%-${n}s" "$header"
			head -c "$bytes"
		done
	END
	tok --chunk 3 "$text" | embed | bash mark >marked
	header marked | jq -e '.__metadata__.mark == "seen"'
	block -l 0- <marked | logits | rows logits >a
	tok --chunk 3 "$text" | embed | block -l 0- | logits | rows logits | diff - a
	block -l 0- <marked >out
	header out | jq -e '.__metadata__.mark == "seen"'
}

@test "frames as other programs write them: other orders, no metadata, int8 padding" {
	setup_model f32
	head='{"want":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"extra":{"dtype":"I16","shape":[1],"data_offsets":[2,4]},'
	head+='"seq":{"dtype":"I32","shape":[2],"data_offsets":[4,12]},"pos":{"dtype":"I32","shape":[2],"data_offsets":[12,20]},'
	head+='"ids":{"dtype":"I32","shape":[2],"data_offsets":[20,28]}}'
	while [ $((${#head} % 8)) -ne 0 ]; do head+=' '; done
	{
		# shellcheck disable=SC2059
		printf "$(printf '\\x%02x' $((${#head} & 255)) $((${#head} >> 8)))\\0\\0\\0\\0\\0\\0"
		printf %s "$head"
		printf '\0\1' && printf 'ab' && printf '\0\0\0\0\0\0\0\0' && printf '\0\0\0\0\1\0\0\0' && printf '\1\0\0\0\220\1\0\0'
		end_frame
	} | embed | block -l 0- | logits >foreign
	{ frame ids:I32=1,400 seq:I32=0,0 pos:I32=0,1 want:U8=0,1; end_frame; } | embed | block -l 0- | logits >ours
	rows logits <foreign >a
	rows logits <ours | diff - a
	[ "$(wc -l <a)" -eq 1 ]
}

@test "a saved stream goes on another day" {
	tok "$text" | embed | block -l 0 >saved
	block -l 1- <saved | logits | cmp - <(tok "$text" | embed | block -l 0- | logits)
}

@test "without want every row is wanted" {
	{ frame ids:I32=1,400,300 seq:I32=0,0,0 pos:I32=0,1,2; end_frame; } | embed | block -l 0- | logits >out
	header out | jq -e '.logits.shape[0] == 3'
}

# The loop by hand, for a shell.
loop='mkfifo loop.$$ && { tok "The cat"; cat loop.$$; } | embed | attn -l 0 | ffn -l 0 | attn -l 1 | ffn -l 1 | logits |
	sample -n 8 | tee loop.$$ | tok -d; status=$?; rm loop.$$; exit $status'

@test "the loop by hand, in bash and in dash, lm, lm --stages, lm --print" {
	lm -n 8 "The cat" >lm
	[ -s lm ]
	lm --stages -n 8 "The cat" | cmp - lm
	printf 'The cat' | lm -n 8 | cmp - lm
	bash -o pipefail -c "$loop" | cmp - lm
	command -v dash >/dev/null || skip "no dash"
	dash -c "$loop" | cmp - lm
	for options in "" --stages; do
		for shell in bash dash; do
			# shellcheck disable=SC2086
			lm --print $options -n 8 "The cat" >print
			(unset LM_MODEL && "$shell" print) | cmp - lm
		done
	done
	lm --print -l 0-1 >print
	tok "The cat" | embed >x
	bash print <x | cmp - <(block -l 0-1 <x)
}

@test "200 loops in a row under pipefail" {
	lm -n 8 "The cat" >lm
	for ((i = 0; i < 200; i++)); do
		bash -o pipefail -c "$loop" >out || fail "loop $i: exit $?"
		cmp out lm
	done
	[ -z "$(find . -name 'loop*')" ]
}

@test "500 prompts at once" {
	for ((i = 0; i < 500; i++)); do
		printf '%s\n' "${text:i % 50:i % 40 + 1}"
	done >prompts
	timeout 120 lm --lines -n 3 <prompts >out
	[ "$(wc -l <out)" -eq 500 ]
	timeout 120 lm --stages --lines -n 3 <prompts | cmp - out
}

@test "temperature: the same seed gives the same text, alone and in a batch" {
	lm -t 2 -s 5 -n 12 "The cat" >a
	lm -t 2 -s 5 -n 12 "The cat" | cmp - a
	lm -t 2 -s 6 -n 12 "The cat" >b
	run ! cmp -s a b
	printf 'The cat\nA bird\n' | lm --lines -t 2 -s 5 -n 12 | head -n 1 | tr -d '\n' | cmp - a
}

# kill_one K: runs the pipeline with fifos, kills stage number K in mid-stream.
kill_one() {
	local k i pid status=0 pids=() stages=("tee ids" embed "attn -l 0" "ffn -l 0" "attn -l 1" "ffn -l 1" logits "sample -n 5" "tok -d")
	for ((i = 0; i <= ${#stages[@]}; i++)); do
		rm -f "f$i"
		mkfifo "f$i"
	done
	for ((i = 0; i < ${#stages[@]}; i++)); do
		exec {hold}>&-
		# shellcheck disable=SC2086
		${stages[i]} <"f$i" >"f$((i + 1))" 2>"err.$i" &
		pids[i]=$!
	done
	cat "f${#stages[@]}" >text &
	pids[i]=$!
	exec {hold}>f0
	for pid in "${pids[@]}"; do     # once it is another program, its fifos are open
		while [ "$(readlink "/proc/$pid/exe")" = "$(readlink "/proc/$$/exe")" ]; do
			sleep 0.01
		done
	done
	head -c "$2" frames >&"$hold"
	sleep 0.1
	kill -9 "${pids[$1]}"
	exec {hold}>&-
	wait "${pids[i - 1]}" || status=$?
	wait "${pids[@]}" || true
	[ "$status" -ne 0 ] || fail "killed ${stages[$1]}, and tok -d exits 0"
}

@test "kill -9 of any one stage: the last one exits non-zero" {
	tok --chunk 4 "$text" >frames
	[ "$(wc -c <frames)" -gt 2200 ]
	exec {hold}>/dev/null
	for ((k = 0; k < 9; k++)); do
		for bytes in 0 10 600 2000; do
			kill_one "$k" "$bytes"
		done
	done
}

@test "instruction sets give the same bytes" {
	for name in f32 f16 bf16 odd gpt2 gpt2-bf16 gpt2-odd; do
		setup_model "$name"
		tok "$text" | embed | LM_ISA=plain block -l 0- | LM_ISA=plain logits >plain
		count=0
		for isa in avx2 avx512 neon dotprod; do
			tok "$text" | embed | LM_ISA=$isa block -l 0- 2>err | LM_ISA=$isa logits >out 2>/dev/null ||
				{ grep -q 'not an instruction set' err && continue; }
			cmp out plain
			count=$((count + 1))
		done
	done
	[ "$count" -gt 0 ] || skip "only plain C here"
}

# What all that is computed with, bit for bit, wherever it runs.  A change of an
# order of summation or of a function changes these, and nothing else may.
@test "the bits of seven models' logits are those on record" {
	for name in f32 f16 bf16 odd gpt2 gpt2-bf16 gpt2-odd; do
		setup_model "$name"
		for options in "" -x; do
			# shellcheck disable=SC2086
			printf '%s %s\n' "$name$options" "$(tok --ids "$(seq -s ' ' 1 7 400)" | embed | chain $options |
				logits $options | rows logits)"
		done
	done >out
	diff "$root/tests/data/logits.txt" out
}

@test "gcc and clang, -O0, -O2 and -O3, build programs that write the same bytes" {
	! sanitized || skip "with sanitizers"
	setup_model odd
	tok "$text" >ids
	run_build() {
		PATH=$1/bin:$PATH each_stage out <ids && cat out.* | cksum
	}
	run_build "$BUILD" >expected
	count=0
	for cc in gcc clang; do
		command -v "$cc" >/dev/null || continue
		for level in -O0 -O2 -O3; do
			other=$BUILD/tests/$cc$level
			make -s -C "$root" BUILD="$other" CC="$cc" CFLAGS="$level" all >make.out 2>&1 || fail "$(cat make.out)"
			run_build "$other" | diff expected - || fail "$cc $level"
			count=$((count + 1))
		done
	done
	echo "$count builds"
	[ "$count" -ge 3 ]
}

@test "installation: every program, page and completion, with a prefix too, and away again" {
	# not another PREFIX: it is built in, and $BUILD must stay as it is
	make -s -C "$root" BUILD="$BUILD" DESTDIR="$PWD/root" install
	for tool in "${programs[@]}"; do
		[ -x "root/usr/local/bin/$tool" ]
		[ -f "root/usr/local/share/man/man1/$tool.1" ]
		[ -f "root/usr/local/share/bash-completion/completions/$tool" ]
	done
	root/usr/local/bin/tok hello | cmp - <(tok hello)
	make -s -C "$root" BUILD="$BUILD" DESTDIR="$PWD/root" uninstall
	[ -z "$(find root ! -type d)" ] || fail "left: $(find root ! -type d)"

	! sanitized || return 0
	# another BUILD: what a program is called by is built in
	make -s -C "$root" BUILD="$BUILD/tests/prefixed" CFLAGS=-O1 PROGPREFIX=g DESTDIR="$PWD/root" PREFIX=/usr install >make.out 2>&1 ||
		fail "$(cat make.out)"
	for tool in "${programs[@]}"; do
		[ -x "root/usr/bin/g$tool" ]
		grep -q "^\.Nm g$tool" "root/usr/share/man/man1/g$tool.1"
	done
	run ! grep -rE '^\.Xr (tok|embed|attn|ffn|logits|sample|block|lm|lmget) ' root/usr/share/man
	grep -q '^complete .* gtok gembed .* glm glmget glmtrain$' root/usr/share/bash-completion/completions/gtok
	root/usr/bin/glmget --help | grep -q '^usage: glmget '
	lm -n 8 "The cat" >lm
	PATH=$PWD/root/usr/bin:/usr/bin:/bin
	glm -n 8 "The cat" | cmp - lm
	glm --print -n 8 "The cat" >print
	grep -q gtok print
	bash print | cmp - lm
}

@test "a tap empties its file only when nothing is wrong with the command" {
	setup_model
	cd "$BATS_TEST_TMPDIR"
	echo precious >kept
	for wrong in "-l 99" "-l 0 --from k" "-l 0 --tap out=kept"; do
		# shellcheck disable=SC2086
		run attn $wrong --tap q=kept </dev/null
		[ "$status" -eq 2 ]
		[ "$(cat kept)" = precious ]
	done
}

@test "logits -k N leaves the N best and the log of the sum, and no logits" {
	setup_model
	cd "$BATS_TEST_TMPDIR"
	tok cat | embed | block -l 0- | logits -k 2 >top
	run --separate-stderr jq -rnc 'input | keys | join(" ")' < <(tail -c +9 top)
	[ "$output" = "__metadata__ ids pos seq top.ids top.logits top.lse want" ]
}

@test "a header that the next stage would refuse is not written" {
	setup_model
	cd "$BATS_TEST_TMPDIR"
	pad=$(printf '%1048450s' '' | tr ' ' a)
	json="{\"__metadata__\":{\"pad\":\"$pad\"},\"ids\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
	n=$((${#json} + (8 - ${#json} % 8) % 8))
	printf "$(printf '\\%03o' $((n & 255)) $((n >> 8 & 255)) $((n >> 16)))\0\0\0\0\0%-${n}s\0\0\0\0" "$json" >big
	run --separate-stderr embed <big
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[[ $stderr == "embed: stdout: frame 1: its header would have "* ]]
}

@test "a frame is written alike whatever came before it" {
	setup_model
	one() {         # one METADATA: a frame of one token
		local json
		json='{"__metadata__":{'$1'},"ids":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}'
		printf '%b%-120s' '\x78\0\0\0\0\0\0\0' "$json"
		printf '\3\0\0\0'
	}
	end() {
		printf '8\0\0\0\0\0\0\0%-56s' '{"__metadata__":{"end":"1"}}'
	}
	{ one '"b":"2","a":"1"'; end; } | embed >alone
	{ one '"a":"1","b":"2"'; one '"b":"2","a":"1"'; end; } | embed >after
	tail -c "$(stat -c %s alone)" after | cmp - alone
	{ one '"a":"1","b":"2"'; end; } | embed >other
	run ! cmp -s other alone
}

@test "what is not a number in a row comes through attention to the rows that see it" {
	setup_model
	tok --want all "the cat sat on the" | embed >frames
	size=$(head -c 8 frames | od -An -t u8 | tr -d ' ')
	x=$(tail -c +9 frames | head -c "$size" | jq -nc 'input | .x.data_offsets[0]')
	{ head -c $((8 + size + x)) frames; printf '\0\0\300\177'; tail -c +$((8 + size + x + 5)) frames; } |
		block -l 0- | logits -k 1 >out
	[ "$(stat -c %s frames)" -gt 1000 ]
	size=$(head -c 8 out | od -An -t u8 | tr -d ' ')
	tail -c +9 out | head -c "$size" | jq -nc 'input | .["top.lse"]' >lse
	from=$(jq '.data_offsets[0]' lse) to=$(jq '.data_offsets[1]' lse)
	tail -c +$((9 + size + from)) out | head -c $((to - from)) | od -An -v -t f4 -w4 >values
	[ "$(wc -l <values)" -ge 3 ]
	run ! grep -v nan values
}
