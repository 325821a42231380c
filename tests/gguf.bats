#!/usr/bin/env bats
# GGUF: the format, the block types, and models in it.
# shellcheck disable=SC2001,SC2094,SC2154

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# compare ...: tests/compare.c
compare() {
	"$BUILD/tests/compare" "$@"
}

# gguf NAME [OPTION...]: the model NAME of helper.bash as $BATS_TEST_TMPDIR/NAME.gguf.
gguf() {
	local name=$1 directory
	shift
	directory=$(model "$name") && "$BUILD/tests/mkgguf" "$@" "$directory" "$name.gguf"
}

# wide: a model whose rows are blocks of 256.
wide() {
	"$BUILD/tests/mkmodel" --dim 256 --heads 4 --kv-heads 2 --ffn 256 --vocab 60 --seed 4 wide
}

# pass MODEL IDS: the logits of all of them.
pass() {
	tok --ids --want all --chunk 7 "$2" | embed -x -m "$1" | block -l 0- -x -m "$1" | logits -x -m "$1"
}

# reference MODEL IDS: the same, in one frame.
reference() {
	local all=${2// /,} zeros
	zeros=$(sed 's/[0-9]*/0/g' <<<"$all")
	{
		"$BUILD/tests/frame" "ids:I32=$all" "seq:I32=$zeros" "pos:I32=$(seq -s, 0 $(($(wc -w <<<"$2") - 1)))" \
			"want:U8=${zeros//0/1}"
		end_frame
	} | embed -x -m "$1" | block -l 0- -x -m "$1" | logits -x -m "$1"
}

# same_rows A B: the two streams have the same logits, whatever their frames.
same_rows() {
	cmp <("$BUILD/tests/rows" logits <"$1") <("$BUILD/tests/rows" logits <"$2")
}

# Block types that lmutils calculates with, 32 and 256 elements.
types='Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q5_K Q6_K'

bits='F32 3eed9b88f0d61a6e
F16 9290f29cdd9737ed
Q4_0 510f5f0696fcf084
Q4_1 ab6e3b9dee0fb7e7
Q5_0 c0c54e1cd6bf08f0
Q5_1 a0dc118a5c2d2b82
Q8_0 3ccfa729be601b7f
Q4_K cc80e49b94202d78
Q5_K 0869391ffd813e93
Q6_K 81daf3f01b3a865d
BF16 b9eaa6728d5b5a80'

ids='1 5 9 30 2 17 44 8 31 12 59 3 3 21 40 6 11'

@test "gguf: broken files are refused with the reason, and nothing else is read" {
	run "$BUILD/tests/gguf"
	[ "$status" -eq 0 ] || fail "${lines[@]:0:10}"
}

@test "gguf: blocks are unpacked to the bits of every other build" {
	run "$BUILD/tests/quants" bits
	[ "$output" = "$bits" ] || fail "$output"
}

@test "gguf: blocks are unpacked to the same bits by every compiler and level of optimisation" {
	local compiler level
	for compiler in gcc clang; do
		command -v "$compiler" >/dev/null || continue
		for level in -O0 -O3 '-O3 -march=native'; do
			# shellcheck disable=SC2086,SC2154
			"$compiler" -std=c11 -D_GNU_SOURCE -ffp-contract=off $level -I"$root/common" -o quants \
				"$root/tests/quants.c" "$root"/common/{quants,safetensors,memory,hash,io,cli}.c -ljansson -lm
			run ./quants bits
			[ "$output" = "$bits" ] || fail "$compiler $level: $output"
		done
	done
}

@test "gguf: blocks are unpacked to ggml's bits, and all types have ggml's sizes" {
	skip_without_shared
	count=0
	for file in "$shared"/golden/quants/*.safetensors; do
		case $file in
		*.quantize.safetensors | */Q8_1.* | */Q8_K.*) continue ;;       # not in files
		esac
		"$BUILD/tests/quants" "$file" >>out
		count=$((count + 1))
	done
	cat out
	[ "$count" -ge 26 ]
	[ "$(grep -c ' elements$' out)" -ge 11 ]
}

@test "gguf: golden models of architecture llama, within 1e-5 of the reference" {
	skip_without_shared
	count=0
	for file in "$shared"/golden/gguf/*.gguf; do
		name=${file##*/} name=${name%.gguf}
		case $name in
		split-*-00001-of-*) of=llama-mha-F32 ;;
		split-*) continue ;;
		*IQ* | *Q2_K* | *Q3_K*) continue ;;     # types that are not supported yet
		mixtral*) continue ;;                   # experts
		*) of=$name ;;
		esac
		index=$(jq -r --arg name "$of" '.[$name] | "\(.arch) \(.model // "-")"' "$shared/golden/gguf/index.json")
		[ "${index% *}" = llama ] || continue
		reference=$shared/golden/gguf/$of.safetensors tensor=reference
		if [ "${index#* }" != - ]; then
			reference=$shared/golden/${index#* }/reference.safetensors tensor=logits
		fi
		pass "$file" "$(compare "$shared/golden/gguf/$of.safetensors" ids)" >logits
		compare "$reference" "$tensor" logits 1e-5 <logits || fail "$name"
		count=$((count + 1))
	done
	[ "$count" -ge 14 ]
}

@test "gguf: stories260k computes in a GGUF file what it does in its directory" {
	skip_without_shared
	reference "$shared/data/models/stories260k" "$ids" >reference
	pass "$shared/data/gguf/stories260K-F32.gguf" "$ids" >out
	compare reference logits logits 1e-5 <out
	lm -x --ids -n 60 -m "$shared/data/models/stories260k" '1 403 407' >reference
	lm -x --ids -n 60 -m "$shared/data/gguf/stories260K-F32.gguf" '1 403 407' | cmp - reference
}

@test "gguf: the types F32, F16 and BF16 compute what the directory does" {
	for name in f32 f16 bf16; do
		gguf "$name"
		reference "$(model "$name")" "$ids" >reference
		pass "$name.gguf" "$ids" >out
		compare reference logits logits 1e-5 <out
	done
}

@test "gguf: biases, shared keys, a tied head and llama3's rope" {
	gguf odd
	reference "$(model odd)" "$ids" >reference
	pass odd.gguf "$ids" >out
	compare reference logits logits 1e-5 <out
}

@test "gguf: linear and yarn rope" {
	for rope in linear yarn; do
		"$BUILD/tests/mkmodel" --rope "$rope" --seed 5 "$rope"
		"$BUILD/tests/mkgguf" "$rope" "$rope.gguf"
		reference "$rope" "$ids" >reference
		pass "$rope.gguf" "$ids" >out
		compare reference logits logits 1e-5 <out
	done
}

@test "gguf: with -x, blocks give the bits of the same numbers in F32" {
	wide
	for type in $types; do
		"$BUILD/tests/mkgguf" --type "$type" wide blocks.gguf
		"$BUILD/tests/mkgguf" --type "$type" --unpacked wide f32.gguf
		[ "$(stat -c %s blocks.gguf)" -lt $(($(stat -c %s f32.gguf) / 2)) ]
		pass f32.gguf "$ids" >reference
		pass blocks.gguf "$ids" >out
		same_rows reference out || fail "$type"
	done
}

@test "gguf: the chain, other chunks and one row at a time give the same bytes" {
	wide
	for type in Q4_1 Q6_K; do
		"$BUILD/tests/mkgguf" --type "$type" wide blocks.gguf
		export LM_MODEL=blocks.gguf
		tok --ids --want all "$ids" | embed | block -l 0- | logits >reference
		tok --ids --want all "$ids" | embed | attn -l 0 | ffn -l 0 | attn -l 1 | ffn -l 1 | logits | cmp - reference
		for chunk in 1 5; do
			tok --ids --want all --chunk "$chunk" "$ids" | embed | block -l 0- | logits >out
			same_rows reference out
		done
	done
}

@test "gguf: the model's hash is that of its file, with other weights another" {
	wide
	"$BUILD/tests/mkgguf" --type Q4_0 wide a.gguf
	"$BUILD/tests/mkgguf" --type Q4_1 wide b.gguf
	tok --ids "$ids" | embed -m a.gguf | attn -l 0 -m a.gguf >/dev/null
	run --separate-stderr bash -o pipefail -c "tok --ids '$ids' | embed -m a.gguf | attn -l 0 -m b.gguf"
	[ "$status" -eq 1 ]
	[[ $stderr == *'was made with model'* ]]
	cp a.gguf c.gguf
	size=$(stat -c %s c.gguf)
	printf x | dd of=c.gguf bs=1 seek=$((size - 100)) conv=notrunc status=none    # in the last ffn_down
	run --separate-stderr bash -o pipefail -c "tok --ids '$ids' | embed -m a.gguf | attn -l 0 -m c.gguf"
	[ "$status" -eq 1 ]
}

@test "gguf: a split model is the model" {
	directory=$(model f32)
	"$BUILD/tests/mkgguf" "$directory" f32.gguf
	"$BUILD/tests/mkgguf" --split 3 "$directory" parts
	[ -e parts-00003-of-00003.gguf ]
	pass f32.gguf "$ids" >reference
	pass parts-00001-of-00003.gguf "$ids" >out
	same_rows reference out
}

# refused MODEL WORDS...: embed says these in one line.
refused() {
	local status=0
	embed -m "$1" </dev/null >out 2>err || status=$?
	[ "$status" -eq 1 ] || fail "$1: status $status"
	one_line embed err
	grep -qF -- "${*:2}" err || fail "$1: $(cat err)"
}

@test "gguf: parts that are missing or do not belong together" {
	directory=$(model f32)
	"$BUILD/tests/mkgguf" --split 3 "$directory" parts
	refused parts-00002-of-00003.gguf 'part 2 of 3; name the first one'
	cp parts-00001-of-00003.gguf alone.gguf
	refused alone.gguf 'part 1 of 3, must be named ...-00001-of-00003.gguf'
	cp parts-00001-of-00003.gguf some-00001-of-00003.gguf
	refused some-00001-of-00003.gguf 'No such file or directory'
	cp parts-00003-of-00003.gguf some-00002-of-00003.gguf
	refused some-00001-of-00003.gguf 'says it is part 3 of 3'
	cp parts-00002-of-00003.gguf some-00002-of-00003.gguf
	"$BUILD/tests/mkgguf" --split 3 "$(model odd)" other
	cp other-00003-of-00003.gguf some-00003-of-00003.gguf
	refused some-00001-of-00003.gguf 'tensors in all parts, must be'
	cp parts-00001-of-00003.gguf twice-00001-of-00003.gguf
	cp parts-00002-of-00003.gguf twice-00002-of-00003.gguf
	sed 's/blk.1.ffn_up/blk.1.attn_v/' parts-00003-of-00003.gguf >twice-00003-of-00003.gguf
	refused twice-00001-of-00003.gguf 'is in two files'
}

@test "gguf: files that are no model, or not one that is supported" {
	printf 'hello\n' >text
	refused text 'not a model: neither a directory'
	mv text text.gguf
	refused text.gguf 'not a GGUF file'
	: >empty.gguf
	refused empty.gguf 'not a GGUF file'
	gguf f32
	head -c -40 f32.gguf >short.gguf
	refused short.gguf 'truncated: tensor '
	sed 's/general.architecture/general.architexture/' f32.gguf >bad.gguf
	refused bad.gguf 'no general.architecture'
	sed 's/general.architecture\(.\{12\}\)llama/general.architecture\1gpt99/' f32.gguf >bad.gguf
	refused bad.gguf "architecture 'gpt99' is not supported; these are: llama"
	sed 's/llama.block_count/llama.block_xxxxx/' f32.gguf >bad.gguf
	refused bad.gguf 'no llama.block_count'
	sed 's/blk.1.ffn_norm/blk.1.ffn_nurm/' f32.gguf >bad.gguf
	embed -m bad.gguf </dev/null >out 2>err || true
	ffn -m bad.gguf -l 1 </dev/null 2>err || true
	grep -q "no tensor 'blk.1.ffn_norm.weight' (needs \[48\])" err
	gguf f32 --u32 llama.expert_count=4
	refused f32.gguf 'llama.expert_count 4 is not supported'
	gguf f32 --u32 llama.vocab_size=7
	refused f32.gguf "tensor 'token_embd.weight' has shape [448, 48], needs [7, 48]"
	gguf f32 --u32 llama.attention.value_length=4
	refused f32.gguf 'llama.attention.value_length 4 is not supported'
	gguf f32 --u32 llama.attention.causal=0
	refused f32.gguf 'llama.attention.causal is a u32, must be a bool'
	gguf f32 --u32 llama.block_count=2
	refused f32.gguf "key 'llama.block_count' is there twice"
	wide
	"$BUILD/tests/mkgguf" --type Q3_K wide q3.gguf
	refused q3.gguf "tensor 'token_embd.weight' has type Q3_K, which is not supported"
}

@test "gguf: a file without the extension, and lm" {
	gguf f32
	mv f32.gguf plain
	lm -m plain --ids -n 5 --eos none "$ids" >out
	[ "$(wc -w <out)" -eq 5 ]
	lm -m plain --stages --print --ids "$ids" >out
	grep -q 'attn -l 1' out
}
