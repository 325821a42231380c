#!/usr/bin/env bats
# gpt2.bats: the family of GPT-2, and with it what it has and Llama has not:
# LayerNorm, learned positions, fused and transposed matrices, no gate.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# compare ...: tests/compare.c
compare() {
	"$BUILD/tests/compare" "$@"
}

# make NAME [OPTION...]: a small GPT-2 as directory NAME.
make() {
	"$BUILD/tests/mkmodel" --family gpt2 --vocab 40 --context 20 "${@:2}" "$1"
}

# What the golden numbers are of; mkmodel makes the same bytes everywhere.
declare -gA golden=(
	[tanh]='--dim 24 --heads 3 --ffn 96 --tied --seed 11'
	[odd]='--dim 20 --heads 4 --ffn 33 --layers 3 --activation tanh --bare --unscaled --scale-by-layer --shards 3 --dtype bf16 --seed 12'
	[erf]='--dim 15 --heads 5 --ffn 60 --activation gelu --dtype f16 --tied --seed 13'
)

# make_golden NAME [OPTION...]
make_golden() {
	local words
	read -ra words <<<"${golden[$1]}"
	make "$1" "${words[@]}" "${@:2}"
}

ids='5 15 39 37 9 35 35 9 1 0'

# pass MODEL [OPTION...]: the logits of all ids.
pass() {
	tok --ids --want all --chunk 4 "$ids" | embed -m "$1" | block -l 0- -m "$1" "${@:2}" | logits -m "$1" "${@:2}"
}

same_logits() {
	cmp <("$BUILD/tests/rows" logits <"$1") <("$BUILD/tests/rows" logits <"$2")
}

# data/gpt2.safetensors: what Hugging Face's GPT2LMHeadModel (transformers 5.23)
# computes from these models in float64: ids; pattern, of the last layer; logits.
@test "gpt2: three models give the reference's numbers within 1e-5" {
	reference=$root/tests/data/gpt2.safetensors
	for name in "${!golden[@]}"; do
		make_golden "$name"
		export LM_MODEL=$name
		last=$(($(jq .n_layer "$name/config.json") - 1))
		tok --ids --want all --chunk 3 "$(compare "$reference" "$name.ids")" | embed | block -x -l "0-$((last - 1))" |
			attn -x -l "$last" --tap pattern >attn
		compare "$reference" "$name.pattern" "attn.$last.pattern" 1e-5 <attn
		ffn -x -l "$last" <attn | logits -x >logits
		compare "$reference" "$name.logits" logits 1e-5 <logits
	done
}

@test "gpt2: transposed, upright and in a GGUF file it gives the same bytes" {
	for type in f32 f16 bf16; do
		make lying --dim 24 --heads 3 --ffn 96 --seed 1 --dtype "$type"
		make upright --dim 24 --heads 3 --ffn 96 --seed 1 --dtype "$type" --upright
		make bare --dim 24 --heads 3 --ffn 96 --seed 1 --dtype "$type" --bare --shards 5
		"$BUILD/tests/mkgguf" upright upright.gguf
		"$BUILD/tests/mkgguf" --split 2 lying lying
		! cmp -s lying/model.safetensors upright/model.safetensors || fail 'the same file'
		for options in '' -x; do
			# shellcheck disable=SC2086
			for model in lying upright bare upright.gguf lying-00001-of-00002.gguf; do
				pass "$model" $options >"out"
				[ "$model" != lying ] || cp out lying.out
				same_logits lying.out out || fail "$model $type $options"
			done
		done
		rm -r lying upright bare
	done
}

@test "gpt2: a square matrix lies as the others do" {
	make lying --dim 16 --heads 2 --ffn 16 --seed 2
	make upright --dim 16 --heads 2 --ffn 16 --seed 2 --upright
	pass lying >a
	pass upright >b
	same_logits a b
}

@test "gpt2: fused matrices of blocks are cut between rows" {
	"$BUILD/tests/mkmodel" --family gpt2 --dim 64 --heads 4 --ffn 96 --vocab 64 --context 32 --tied m
	for type in Q8_0 Q4_0 Q5_1; do
		"$BUILD/tests/mkgguf" --type "$type" m blocks.gguf
		"$BUILD/tests/mkgguf" --type "$type" --unpacked m f32.gguf
		pass f32.gguf -x >reference
		pass blocks.gguf -x >out
		same_logits reference out || fail "$type"
	done
}

@test "gpt2: halves of a stage joined give the bytes of the whole" {
	LM_MODEL=$(model gpt2)
	export LM_MODEL
	tok --ids --want all --chunk 4 '1 400 300 310 44 300 2 7' | embed >x
	attn -l 0 <x >whole
	for point in q v scores z out; do
		attn -l 0 --until "$point" <x | attn -l 0 --from "$point" | cmp - whole
	done
	ffn -l 0 <whole >after
	for point in up neurons out; do
		ffn -l 0 --until "$point" <whole >half
		ffn -l 0 --from "$point" <half | cmp - after
	done
	ffn -l 0 --until up <whole >half
	run ! grep -q 'ffn.0.gate' half
}

@test "gpt2: any number of threads gives the same bytes" {
	LM_MODEL=$(model gpt2-bf16)
	export LM_MODEL
	tok --want all --chunk 100 "$(seq -s ' ' 100 190)" | embed >x
	LM_THREADS=1 block -l 0- <x | LM_THREADS=1 logits >one
	for threads in 2 3 8; do
		LM_THREADS=$threads block -l 0- <x | LM_THREADS=$threads logits | cmp - one
	done
}

@test "gpt2: there is no gate to be named" {
	LM_MODEL=$(model gpt2)
	export LM_MODEL
	for option in '--tap gate' '--tap gate=file' '--until gate' '--from gate'; do
		# shellcheck disable=SC2086
		run --separate-stderr ffn -l 0 $option </dev/null
		[ "$status" -eq 2 ]
		[ "${stderr_lines[0]}" = "ffn: no point gate: this model's network has no gate" ]
	done
	[ ! -e file ]
}

@test "gpt2: positions end where the model's do" {
	make m --dim 24 --heads 3 --ffn 96
	export LM_MODEL=$PWD/m
	twenty=$(seq -s ' ' 1 20)
	tok --ids "$twenty" | embed | block -l 0- >/dev/null
	run --separate-stderr bash -o pipefail -c "tok --ids '$twenty 21' | embed >/dev/null"
	[ "$status" -eq 1 ]
	[ "$stderr" = 'embed: stdin: frame 2: row 0: position 20, must be in [0, 19]' ]
	# lm stops there, also if more is asked for
	for context in '' '-c 20' '-c 4000'; do
		# shellcheck disable=SC2086
		run --separate-stderr lm --ids --eos none -n 100 $context '1 2 3'
		[ "$(wc -w <<<"$output")" -eq 17 ] || fail "$context: $output"
		[[ $stderr == *'context of 20 positions is full' ]]
	done
	# and a context that is shorter is obeyed
	run --separate-stderr lm --ids --eos none -n 100 -c 9 '1 2 3'
	[ "$(wc -w <<<"$output")" -eq 6 ]
	# a stage that gets rows from elsewhere says so too
	tok --ids '1 2 3' | embed >x
	"$BUILD/tests/frame" seq:I32=0 pos:I32=20 x:F32:24="$(yes 1 | head -n 24 | paste -sd ,)" >>x
	run --separate-stderr attn -l 0 -c 4000 <x
	[ "$status" -eq 1 ]
	[[ $stderr == *'frame '*': sequence 0: position 20, the context of 20 positions is full (-c)' ]]
}

@test "gpt2: the same token at another place is another vector" {
	LM_MODEL=$(model gpt2)
	export LM_MODEL
	frame() {
		"$BUILD/tests/frame" ids:I32="$1" seq:I32="$2" pos:I32="$3"
		end_frame
	}
	frame 7,7,8 0,1,2 5,5,5 | embed >same
	frame 7 0 6 | embed >moved
	"$BUILD/tests/rows" x <same | awk '{print $3}' >values
	[ "$(sed -n 1p values)" = "$(sed -n 2p values)" ]
	[ "$(sed -n 1p values)" != "$(sed -n 3p values)" ]
	run ! grep -q "$(sed -n 1p values)" <("$BUILD/tests/rows" x <moved)
	"$BUILD/tests/frame" ids:I32=7 seq:I32=0 | cat - <(end_frame) >placeless
	run --separate-stderr embed <placeless
	[ "$status" -eq 1 ]
	[ "$stderr" = "embed: stdin: frame 1: no tensor 'pos'" ]
}

@test "gpt2: every bend is the function that lmmodel(5) writes down" {
	make m --dim 24 --heads 3 --ffn 12
	values=-21,-6.5,-3,-1.25,-0.5,0,0.001,0.5,1.25,3,6.5,21
	{
		"$BUILD/tests/frame" x:F32:24="$(yes 1 | head -n 24 | paste -sd ,)" ffn.0.up:F32:12=$values
		end_frame
	} >up
	while IFS=: read -r names function; do
		expected=$(jq -nr "def tanh: (. * 2 | exp) as \$e | (\$e - 1) / (\$e + 1); [$values] | map($function) | map(tostring) | join(\",\")")
		"$BUILD/tests/frame" expected:F32:12="$expected" >expected
		for name in $names; do
			sed -i "s/\"activation_function\": \"[^\"]*\"/\"activation_function\": \"$name\"/" m/config.json
			ffn -m m -l 0 --from up --until neurons <up >out
			compare expected expected ffn.0.neurons 3e-7 <out || fail "$name"
		done
	done <<'END'
silu swish:. / (1 + (-. | exp))
gelu_new gelu_fast gelu_pytorch_tanh gelu_python_tanh gelu_accurate:. / 2 * (1 + (0.7978845608028654 * (. + 0.044715 * . * . * .) | tanh))
quick_gelu:. / (1 + (-1.702 * . | exp))
relu:if . > 0 then . else 0 end
relu2:if . > 0 then . * . else 0 end
relu6:if . > 6 then 6 elif . > 0 then . else 0 end
leaky_relu:if . > 0 then . else . / 100 end
tanh:tanh
sigmoid:1 / (1 + (-. | exp))
mish:. * (1 + exp | log | tanh)
hardswish:. * ([[. + 3, 0] | max, 6] | min) / 6
sqrtsoftplus:if . > 20 then . else 1 + exp | log end | sqrt
linear:.
END
}

# The values are those of transformers' ACT2FN (5.23) in float64.
@test "gpt2: bends by the error function are those of the reference; bends with parameters are refused" {
	make m --dim 24 --heads 3 --ffn 12
	{
		"$BUILD/tests/frame" x:F32:24="$(yes 1 | head -n 24 | paste -sd ,)" ffn.0.up:F32:12=-21,-1.5,-0.5,0,0.25,0.5,0.75,1,1.5,3,9.5,21
		end_frame
	} >up
	while IFS=: read -r name expected; do
		"$BUILD/tests/frame" expected:F32:12="$expected" >expected
		sed -i "s/\"activation_function\": \"[^\"]*\"/\"activation_function\": \"$name\"/" m/config.json
		ffn -m m -l 0 --from up --until neurons <up >out
		compare expected expected ffn.0.neurons 2e-7 <out || fail "$name"
	done <<'END'
gelu:-0,-0.100210802,-0.154268769,0,0.149676581,0.345731231,0.580029486,0.841344746,1.3997892,2.99595031,9.5,21
gelu_python:-0,-0.100210802,-0.154268769,0,0.149676581,0.345731231,0.580029486,0.841344746,1.3997892,2.99595031,9.5,21
gelu_10:-0,-0.100210802,-0.154268769,0,0.149676581,0.345731231,0.580029486,0.841344746,1.3997892,2.99595031,9.5,10
laplace:0,2.55351296e-15,9.38338117e-06,0.00609445962,0.0525730903,0.231421148,0.560426887,0.850429649,0.997528541,1,1,1
END
	for name in prelu xielu; do
		sed -i "s/\"activation_function\": \"[^\"]*\"/\"activation_function\": \"$name\"/" m/config.json
		run -1 ffn -m m -l 0 --from up --until neurons <up
		[[ $output == *": activation_function '$name' is not supported" ]] || fail "$output"
	done
}

@test "gpt2: what a configuration leaves out is what the reference takes" {
	make m --dim 24 --heads 3 --ffn 96 --tied
	pass m >reference
	jq 'del(.activation_function, .layer_norm_epsilon, .n_inner, .scale_attn_weights, .tie_word_embeddings,
		.scale_attn_by_inverse_layer_idx) | .reorder_and_upcast_attn = true' m/config.json >less
	mv less m/config.json
	pass m >out
	same_logits reference out
}

@test "gpt2: sizes that a configuration leaves out, or names as other families do" {
	make sizes --dim 24 --heads 12 --layers 12 --ffn 96 --vocab 50257 --context 1024 --tied
	make width --dim 768 --heads 12 --ffn 16 --dtype bf16 --tied
	for model in sizes width; do
		pass $model >$model.reference
		mv $model/config.json $model.json
	done
	jq 'del(.n_head, .n_layer, .n_positions, .vocab_size)' sizes.json >sizes/config.json
	jq 'del(.n_head) | .n_embd = null' width.json >width/config.json
	for model in sizes width; do
		pass $model >out
		same_logits $model.reference out
	done
	make m --dim 24 --heads 3 --ffn 96 --tied
	pass m >reference
	jq 'with_entries(.key |= ({n_embd: "hidden_size", n_layer: "num_hidden_layers",
		n_head: "num_attention_heads", n_positions: "max_position_embeddings"}[.] // .))' m/config.json >other
	[ "$(jq '[.hidden_size, .num_attention_heads, .max_position_embeddings] | @csv' -r other)" = 24,3,20 ]
	# transformers takes them before those of its own
	jq '.n_embd = 48 | .n_head = 4' other >m/config.json
	pass m >out
	same_logits reference out
}

@test "gpt2: broken models: exit 1 and one line that says what" {
	make good --dim 24 --heads 3 --ffn 96
	tok --ids '1 2 3' | embed -m good >x
	broken() {
		run --separate-stderr block -m m -l 0- -f <x
		[ "$status" -eq 1 ] || fail "$1: exit $status: $stderr"
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "$1: $stderr"
		[[ $stderr == *"$2"* ]] || fail "$1: $stderr"
	}
	while IFS=@ read -r change says; do
		rm -rf m
		cp -R good m
		jq "$change" good/config.json >m/config.json
		broken "$change" "$says"
	done <<'END'
.n_head = 5@5 heads cannot share 24 elements evenly
.n_head = 0@n_head must be an integer in [1, 268435456]
.n_head = 300000000@n_head must be an integer in [1, 268435456]
.n_embd = 48@tensor 'transformer.h.0.ln_1.weight' has shape [24], needs [48]
.n_embd = 268435456 | .n_head = 1@tensor 'transformer.h.0.ln_1.weight' has shape [24], needs [268435456]
.n_inner = 95@tensor 'transformer.h.0.mlp.c_fc.weight' has shape [24, 96], needs [24, 95]
.n_layer = 3@no tensor 'transformer.h.2.attn.c_attn.bias', which other layers have
del(.n_embd)@tensor 'transformer.h.0.ln_1.weight' has shape [24], needs [768]
.hidden_size = 48@tensor 'transformer.h.0.ln_1.weight' has shape [24], needs [48]
.hidden_size = "24"@hidden_size must be an integer in [1, 268435456]
.activation_function = "sigh"@activation_function 'sigh' is not supported
.activation_function = 1@activation_function '' is not supported
.add_cross_attention = true@add_cross_attention true is not supported
.scale_attn_weights = 1@scale_attn_weights must be true or false
.scale_attn_by_inverse_layer_idx = "no"@scale_attn_by_inverse_layer_idx must be true or false
.layer_norm_epsilon = -1@layer_norm_epsilon must be a number in [0, 1)
END
	# tensors that are not there: renamed, which the header does not mind
	while IFS=@ read -r name says; do
		rm -rf m
		cp -R good m
		LC_ALL=C sed -i "s/\"transformer.$name\"/\"transformer.${name/h./i.}\"/" m/model.safetensors
		! cmp -s m/model.safetensors good/model.safetensors || fail "no change: $name"
		broken "$name" "$says"
	done <<'END'
h.1.ln_1.weight@no tensor 'transformer.h.1.ln_1.weight' (needs [24])
h.1.ln_1.bias@no tensor 'transformer.h.1.ln_1.bias' (needs [24])
h.0.attn.c_attn.weight@no tensor 'transformer.h.0.attn.c_attn.weight' (needs [24, 72])
h.0.attn.c_attn.bias@no tensor 'transformer.h.0.attn.c_attn.bias', which other layers have
h.1.attn.c_attn.bias@no tensor 'transformer.h.1.attn.c_attn.bias', which other layers have
h.1.mlp.c_proj.bias@no tensor 'transformer.h.1.mlp.c_proj.bias' (needs [24])
h.1.mlp.c_proj.weight@no tensor 'transformer.h.1.mlp.c_proj.weight'
END
}

@test "gpt2: the golden GGUF file, within 1e-5 of the reference" {
	skip_without_shared
	file=$shared/golden/gguf/gpt2-tanh-F32
	ids=$(compare "$file.safetensors" ids)
	pass "$file.gguf" -x >out
	compare "$shared/golden/models/gpt2-tanh/reference.safetensors" logits logits 1e-5 <out
	compare "$file.safetensors" logits logits 1e-3 <out
}

@test "gpt2: a trained minGPT sorts letters" {
	[ -d "$shared/data/models/gpt-nano-sort" ] || skip "no test data at $shared (see LM_SHARED)"
	mkdir m
	ln -s "$shared/data/models/gpt-nano-sort/gpt-nano-sort.safetensors" m/model.safetensors
	echo '{"model_type": "gpt2", "n_embd": 48, "n_layer": 3, "n_head": 3, "vocab_size": 3, "n_positions": 11,
		"activation_function": "gelu_new", "tie_word_embeddings": false}' >m/config.json
	for letters in '2 1 0 1 0 2' '0 0 0 0 0 0' '1 2 1 2 1 2' '0 2 0 2 0 1' '1 1 1 0 2 2' '2 0 0 0 1 0'; do
		# the last of the sorted letters has no place left
		tr ' ' '\n' <<<"$letters" | sort | head -n 5 | paste -sd ' ' >sorted
		lm -m m --ids -n 5 "$letters" | diff sorted -
	done
}
