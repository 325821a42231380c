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
