#!/usr/bin/env bats
# What measures: models made for it, the clocks, and the table (never its figures).
# shellcheck disable=SC2154

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	PATH=$BUILD/tests:$PATH
	unset LLAMA_BENCH LLAMA_SIMPLE BENCH_MODELS BENCH_SHAPES BENCH_SMOLLM2 BENCH_TYPES BENCH_WHO BENCH_WHAT \
		BENCH_THREADS BENCH_ROUNDS BENCH_TOKENS BENCH_PROMPT BENCH_CHUNK BENCH_CPUS
}

# A GGUF file in F32 whose rows are blocks of 256.
wide() {
	mkmodel --dim 256 --heads 4 --kv-heads 2 --ffn 256 --vocab 60 --seed 4 wide
	mkgguf wide wide.gguf
}

# pass MODEL: the logits of all of them, in one frame.
pass() {
	{
		frame ids:I32=5,17,3,44,29,8 seq:I32=0,0,0,0,0,0 pos:I32=0,1,2,3,4,5 want:U8=1,1,1,1,1,1
		end_frame
	} | embed -x -m "$1" | block -l 0- -x -m "$1" | logits -x -m "$1"
}

@test "retype: into F32 and back nothing changes" {
	wide
	retype wide.gguf F32 same.gguf
	pass wide.gguf >reference
	pass same.gguf >out
	cmp <(rows logits <reference) <(rows logits <out)
	for type in F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q5_K Q6_K; do
		retype wide.gguf "$type" blocks.gguf
		retype blocks.gguf F32 unpacked.gguf
		pass blocks.gguf >a
		pass unpacked.gguf >b
		cmp <(rows logits <a) <(rows logits <b) || fail "$type"
		[ "$(stat -c %s blocks.gguf)" -lt $(($(stat -c %s unpacked.gguf) * 6 / 10)) ]
	done
}

# numbers FILE: the last of a file in F32.
numbers() {
	tail -c 200000 "$1" | od -An -v -t f4 -w4
}

@test "retype: each type is as near to the numbers as its bits allow" {
	wide
	retype wide.gguf F32 f32.gguf
	# Half a step, or a whole one at the end of a range with no middle, over the largest.
	while read -r type bound; do
		retype wide.gguf "$type" blocks.gguf
		retype blocks.gguf F32 unpacked.gguf
		paste <(numbers f32.gguf) <(numbers unpacked.gguf) | awk -v bound="$bound" '
			function abs(x) { return x < 0 ? -x : x }
			{ largest = abs($1) > largest ? abs($1) : largest; worst = abs($1 - $2) > worst ? abs($1 - $2) : worst }
			END { print worst / largest; exit !(NR == 50000 && largest > 0 && worst <= bound * largest) }' ||
			fail "$type"
	done <<-END
		F16 0
		BF16 0
		Q8_0 0.0045
		Q6_K 0.018
		Q5_0 0.063
		Q5_1 0.034
		Q5_K 0.034
		Q4_0 0.126
		Q4_1 0.068
		Q4_K 0.068
	END
}

@test "retype: metadata stay, but for general.file_type; what can't be is said" {
	wide
	retype wide.gguf Q8_0 a.gguf
	retype a.gguf Q8_0 b.gguf
	cmp a.gguf b.gguf
	grep -q token59 a.gguf
	mkmodel --dim 96 --heads 4 --kv-heads 2 --ffn 96 --seed 4 narrow
	mkgguf narrow narrow.gguf
	run -1 --separate-stderr retype narrow.gguf Q4_K out.gguf
	[[ $stderr == *'must be a multiple of 256 for Q4_K' ]]
	run -2 --separate-stderr retype narrow.gguf Q9_9 out.gguf
	[[ $stderr == *"no type 'Q9_9'"* ]]
}

@test "mkrandom: the model runs, and its numbers stay in bounds" {
	mkrandom 135m Q4_0 random.gguf
	tok --ids 260 | embed -m random.gguf | block -l 0- -m random.gguf | logits -k 5 -m random.gguf >out
	header out >json
	offset=$(jq '."top.logits" | select(.shape == [1, 5]) | .data_offsets[0]' json)
	tail -c +$((9 + $(wc -c <json) + offset)) out | head -c 20 | od -An -t f4 -w4 >top
	[ "$(wc -l <top)" -eq 5 ]
	awk '!($1 > 0 && $1 < 100) { exit 1 }' top
	run -2 --separate-stderr mkrandom 7b Q4_0 out.gguf
	[[ $stderr == *"no shape '7b'"* ]]
}

@test "clockpipe: every figure, a number above zero, with one process and with many" {
	wide
	for option in '' -s '-c 5'; do
		# shellcheck disable=SC2086
		clockpipe -n 6 -p 20 $option wide.gguf >figures
		[ "$(cut -d' ' -f1 figures | tr '\n' ' ')" = 'prefill decode pss anonymous rss processes ' ]
		awk '!($2 > 0) { exit 1 }' figures
	done
	[ "$(clockpipe -n 1 -p 1 -s wide.gguf | tail -n 1)" = 'processes 7' ]
	run -1 clockpipe -n 1 nowhere.gguf
	[ "$output" = 'clockpipe: nowhere.gguf: No such file or directory' ]
}

@test "clockrun: output is passed on, and so is the status" {
	run -3 clockrun use sh -c 'echo said; exit 3'
	[ "$output" = said ]
	[ "$(cut -d' ' -f1 use | tr '\n' ' ')" = 'output end maxrss ' ]
	awk '!($2 > 0) { exit 1 }' use
}

@test "bench: a table of what there is" {
	wide
	export BENCH_MODELS=$PWD/wide.gguf BENCH_ROUNDS=2 BENCH_THREADS=1 BENCH_TOKENS=4 BENCH_PROMPT=8
	run -0 --separate-stderr "$root/tests/bench"
	[ "$(grep -v 'load average' <<<"$stderr")" = 'bench: LLAMA_BENCH is not set: ours only' ]
	[ "${#lines[@]}" -eq 5 ]
	for what in 'decode t/s' 'prefill t/s' 'first ms' 'memory MB'; do
		grep -Eq "^wide +1  $what +[0-9.]+ \([0-9.]+-[0-9.]+\) +[0-9.]+ \([0-9.]+-[0-9.]+\) +- +- +-\$" <<<"$output" || fail "$what"
	done
	run -0 --separate-stderr "$root/tests/bench" --pss
	grep -Eq '^wide +7( +[0-9.]+){4}$' <<<"$output"
}

@test "bench: beside a peer, in turns, with ratios" {
	wide
	cat >llama-bench <<-'END'
		#!/bin/sh
		echo build_commit,cpu_info,n_prompt,n_gen,avg_ns,avg_ts,stddev_ts
		echo '"x","a, b","8","0","1","0.000100","0"'
		echo '"x","a, b","0","4","1","1000000000.0","0"'
	END
	printf '#!/bin/sh\necho token\n' >llama-simple
	chmod +x llama-bench llama-simple
	export LLAMA_BENCH=$PWD/llama-bench BENCH_MODELS=$PWD/wide.gguf BENCH_ROUNDS=3 BENCH_TOKENS=4 BENCH_PROMPT=8 BENCH_WHO='block llama'
	cd "$root"
	run -0 --separate-stderr env BENCH_THREADS=1 tests/bench
	cd "$BATS_TEST_TMPDIR"
	[ -z "$(grep -v 'load average' <<<"$stderr")" ]
	grep -Eq '^wide +1  decode t/s .* 1000000000 \(1000000000-1000000000\) +0\.00 +-$' <<<"$output"
	grep -Eq '^wide +1  prefill t/s .* [1-9][0-9]*\.[0-9]+ +-$' <<<"$output"
	grep -Eq '^wide +1  first ms .* [0-9]+\.[0-9]+ +-$' <<<"$output"
}

@test "bench --tok: beside a peer, medians" {
	tok --train 300 <"$root/README.md" >t.json
	for ((i = 0; i < 40; i++)); do
		cat "$root/README.md"
	done >text
	printf '#!/bin/sh\ncd "${0%%/*}"\nread n <count\necho $((n + 1)) >count\n[ -f "$1" ] && [ -f "$2" ] && echo "0.00$n 0.5 0.25"\n' >peer
	echo 1 >count
	chmod +x peer
	bytes=$(wc -c <text)
	TOK_PEER=$PWD/peer BENCH_ROUNDS=3 run -0 "$root/tests/bench" --tok "$PWD/t.json" "$PWD/text"
	[ "${#lines[@]}" -eq 3 ]
	grep -Eq '^tok( +[0-9]+\.[0-9]+){3}$' <<<"${lines[1]}"
	[ "${lines[2]}" = "$(awk -v n="$bytes" 'BEGIN { printf "peer        2.0 %12.2f %12.2f", n / 5e5, n / 2.5e5 }')" ]
}

@test "bench --train: beside a peer, medians, for each number of threads" {
	"$BUILD/tests/mkmodel" --dim 8 --heads 2 --kv-heads 1 --ffn 12 --vocab 30 --bare tiny
	printf '#!/bin/sh\n[ -f "$1/config.json" ] && [ "$(wc -l <"$2")" -eq 192 ] && echo "$3"000\n' >peer
	chmod +x peer
	TRAIN_PEER=$PWD/peer BENCH_ROUNDS=1 run -0 "$root/tests/bench" --train "$PWD/tiny"
	[ "${#lines[@]}" -eq 5 ]
	grep -Eq '^lmtrain +1 +[1-9][0-9]*$' <<<"${lines[1]}"
	grep -Eq '^peer +2 +2000$' <<<"${lines[4]}"
}

@test "bench: without SmolLM2 it says so; a wrong option is wrong usage" {
	export BENCH_SMOLLM2=$PWD/nowhere.gguf BENCH_SHAPES=smollm2
	run -0 --separate-stderr "$root/tests/bench"
	grep -Fq 'nowhere.gguf: no SmolLM2 (lmget smollm2, or BENCH_SMOLLM2=FILE): random models only' <<<"$stderr"
	run -2 --separate-stderr "$root/tests/bench" --fast
}
