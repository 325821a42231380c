#!/usr/bin/env bats
# The inner loops for each instruction set against those in plain C; pipeline.bats
# compares the bytes of whole pipelines.
load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

@test "every instruction set gives the bits of plain C" {
	for seed in 1 20 300; do
		"$BUILD/tests/kernels" "$seed" 15 >out
		run ! grep -Evx '[a-z0-9]+: [1-9][0-9]{3,} results as in plain C' out
	done
	[ -s out ] || skip "only plain C here"
}

@test "LM_ISA that is no instruction set here" {
	setup_model
	tok once | embed >frames
	for isa in plainer PLAIN sse 'avx2 ' "$(seq -s x 200)"; do
		LM_ISA=$isa run --separate-stderr block -l 0- <frames
		[ "$status" -eq 1 ]
		[ -z "$output" ]
		[[ $stderr == "block: LM_ISA: '${isa:0:20}' is not an instruction set of this program and machine; the best is "* ]]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
	LM_ISA="" block -l 0- <frames >out
	block -l 0- <frames >again
	cmp out again
}

@test "the same bytes with any number of threads, and where none can be started" {
	setup_model
	{ tok "$(printf 'the cat %.0s' {1..14})"; tok "$(printf 'a dog %.0s' {1..200})"; } | embed >frames
	for threads in 1 2 3 8 64; do
		for stage in "attn -l 0" "ffn -l 1" "block -l 0-"; do
			$stage -j $threads <frames >"out.$threads.${stage%% *}"
			cmp "out.1.${stage%% *}" "out.$threads.${stage%% *}"
		done
		LM_THREADS=$threads block -l 0- <frames | logits -j $threads >"out.$threads"
		cmp out.1 "out.$threads"
	done
	printf '%s\n' '#include <errno.h>' '#include <pthread.h>' \
		'int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *d)' \
		'{ (void)t; (void)a; (void)f; (void)d; return EAGAIN; }' >none.c
	${CC:-cc} -shared -fPIC -o none.so none.c || skip "no shared objects"
	block -l 0- -j 8 <frames >alone
	LD_PRELOAD=./none.so block -l 0- -j 8 <frames >none || skip "cannot preload"
	cmp alone none
}

@test "LM_ISA and LM_THREADS are looked at before the stream" {
	setup_model
	LM_ISA=bad run ! ffn -l 0 </dev/null
	[[ $output == *LM_ISA* ]]
	LM_THREADS=none run ! ffn -l 0 </dev/null
	[[ $output == *LM_THREADS* ]]
}
