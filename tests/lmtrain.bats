#!/usr/bin/env bats
# lmtrain.bats: training: gradients, steps, checkpoints, what is written.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# configuration [DIM HEADS KV_HEADS HEAD_DIM FFN VOCAB TIED]: a directory `new` with a configuration and no weights.
configuration() {
	mkdir -p new
	jq -n --argjson d "${1:-16}" --argjson h "${2:-4}" --argjson kv "${3:-2}" --argjson hd "${4:-4}" --argjson f "${5:-24}" \
		--argjson v "${6:-40}" --argjson tied "${7:-true}" '{model_type: "llama", hidden_act: "silu", hidden_size: $d, intermediate_size: $f,
		num_hidden_layers: 2, num_attention_heads: $h, num_key_value_heads: $kv, head_dim: $hd, vocab_size: $v,
		max_position_embeddings: 600, rms_norm_eps: 1e-5, rope_theta: 100, tie_word_embeddings: $tied, eos_token_id: 1}' >new/config.json
}

# lines N LENGTH VOCAB: random sequences of ids.
lines() {
	awk -v n="$1" -v length_="$2" -v vocab="$3" 'BEGIN {
		srand(5)
		for (i = 0; i < n; i++) {
			line = ""
			for (k = 0; k < 1 + rand() * length_; k++)
				line = line (k ? " " : "") int(rand() * vocab)
			print line
		}
	}'
}

# learn DIRECTORY [OPTION...]: trains `new` on the ids of the file text.
learn() {
	lmtrain -m new -o "$1" --ids --lines -b 600 -e 10 "${@:2}" <text
}

# slopes ACTIVATION OPTION...: the gradients of a model of mkmodel's with these options, against differences.
slopes() {
	local text=("3 1 4 1 5 9 2 6 5 3 5" "8" "9 7 9 3" "2 3") result
	rm -rf slopes
	"$BUILD/tests/mkmodel" --dim 12 --heads 4 --head-dim 4 --ffn 10 --vocab 16 --seed 7 --bare "${@:2}" slopes
	jq --arg name "$1" '.hidden_act = $name' slopes/config.json >config && mv config slopes/config.json
	printf '%s\n' "${text[@]}" | lmtrain -m slopes --ids --lines --bare --gradients g
	result=$("$BUILD/tests/gradients" slopes g "${text[@]}")
	awk '{exit !($1 > 1500 && $2 < 1e-4)}' <<<"$result" || fail "$*: $result"
}

@test "every gradient is the slope of the loss: central differences in double precision" {
	slopes silu --kv-heads 2 --tied
	slopes silu --kv-heads 4
	slopes silu --kv-heads 1 --tied --attention-bias --mlp-bias
}

@test "the same with the other activations that can be trained" {
	for activation in gelu gelu_new relu relu2 linear; do
		slopes $activation --kv-heads 2 --tied
	done
}

@test "the logits on the way forward are the stages', bit for bit" {
	local m ids
	ids=$(awk 'BEGIN {srand(3); for (i = 0; i < 530; i++) printf "%d ", rand() * 448}')
	"$BUILD/tests/mkmodel" --context 600 --dtype f32 --seed 1 plain
	"$BUILD/tests/mkmodel" --context 600 --layers 3 --dim 40 --heads 6 --kv-heads 1 --head-dim 20 --ffn 50 --tied \
		--attention-bias --mlp-bias --shards 3 --rope llama3 --seed 2 odd
	for m in plain odd; do
		"$BUILD/tests/trainlogits" $m "7 8 9" "$ids" >trained
		for text in "7 8 9" "$ids"; do
			tok --ids --want all "$text" | embed -m $m | block -l 0- -m $m | logits -m $m |
				"$BUILD/tests/tensor" logits
		done >staged
		cmp trained staged
	done
}

@test "what golden training computed: loss, gradients, weights after one and five steps" {
	skip_without_shared
	local dir case rows note
	for dir in "$shared"/golden/train/*/; do
		case=${dir%/}
		note=$case/note.json
		"$BUILD/tests/compare" "$case/reference.safetensors" input_ids >ids
		"$BUILD/tests/compare" "$case/reference.safetensors" lengths | tr ' ' '\n' | grep . >lengths
		paste -d ' ' lengths ids | awk '{for (i = 2; i <= $1 + 1; i++) printf "%s ", $i; print ""}' >rows
		rows=$(awk '{n += NF - 1} END {print n}' rows)
		lmtrain -m "$case" --ids --lines --bare -b "$rows" --gradients g <rows
		"$BUILD/tests/trained" "$case/reference.safetensors" grad. g 1.5e-5
		for step in 1 5; do
			rm -rf out
			# shellcheck disable=SC2046
			lmtrain -m "$case" --ids --lines --bare -b "$rows" -o out --until $step <rows $(jq -r '
				"-n \(.lr_rule.total_steps) -r \(.lr_rule.peak) --least \(.lr_rule.min) --warmup \(.lr_rule.warmup_steps)",
				"--betas \(.adamw.beta1),\(.adamw.beta2) --epsilon \(.adamw.eps) --decay \(.adamw.weight_decay)",
				"--clip \(.clip.max_norm)"' "$note")
			"$BUILD/tests/trained" "$case/reference.safetensors" after$step. out/model.safetensors 1e-5
		done
	done
}

@test "the same bytes with 1, 2 and 7 threads and every instruction set" {
	local isa
	configuration 32 4 2 8 48 60
	lines 60 50 60 >text
	learn one -n 6 -j 1 --validate text
	learn two -n 6 -j 2 --validate text
	learn seven -n 6 -j 7 --validate text
	for isa in plain avx2 avx512 neon dotprod; do   # those that there are here
		LM_ISA=$isa learn "isa-$isa" -n 6 --validate text 2>err || { grep -q LM_ISA err && rm -rf "isa-$isa"; }
	done
	[ -d isa-plain ]
	for dir in two seven isa-*; do
		for file in model.safetensors training.safetensors log.tsv; do
			cmp "one/$file" "$dir/$file"
		done
	done
}

@test "killed at any moment it goes on to the same bytes" {
	local pid i kills=0
	configuration 32 4 2 8 48 60
	lines 80 60 60 >text
	learn whole -n 60 --save 3 --validate text
	for ((i = 0; i < 200; i++)); do
		lmtrain -m new -o parts --ids --lines -b 600 -e 10 -n 60 --save 3 --validate text <text 2>/dev/null 3>&- &
		pid=$!
		sleep "$(awk -v i=$i -v r=$RANDOM 'BEGIN {print r / 32768 * (0.1 + i / 50)}')"
		kill -9 $pid 2>/dev/null && kills=$((kills + 1))
		wait $pid 2>/dev/null && break
	done
	[ "$kills" -gt 2 ]
	for file in model.safetensors training.safetensors log.tsv config.json; do
		cmp whole/$file parts/$file
	done
}

@test "ended in steps by hand, it is the same as in one go" {
	configuration
	lines 40 40 40 >text
	learn whole -n 20
	learn parts -n 20 --until 3
	learn parts -n 20 --until 11
	learn parts -n 20
	cmp whole/training.safetensors parts/training.safetensors
	cmp whole/log.tsv parts/log.tsv
	# and once more changes nothing
	cp -r parts again
	learn again -n 20
	cmp whole/model.safetensors again/model.safetensors
}

@test "another text, other options or another configuration are not taken for the same training" {
	configuration
	lines 40 40 40 >text
	learn out -n 5 2>/dev/null
	run -1 --separate-stderr learn out -n 6
	# shellcheck disable=SC2154
	[[ $stderr == "lmtrain: out/training.safetensors: was made with other options, another text"* ]]
	run -1 learn out -n 5 -r 2e-3
	head -n 39 text >less
	mv less text
	run -1 learn out -n 5
}

@test "a step and a sequence have no more rows than they may" {
	configuration
	lines 40 40 40 >text
	rows() {
		awk -F '\t' 'NR > 1 && $2 > most {most = $2} END {print most}' "$1/log.tsv"
	}
	lmtrain -m new -o out --ids -b 64 -n 3 <text    # one document
	[ "$(rows out)" = 64 ]
	lmtrain -m new -o long --ids -b 64 -c 100 -n 3 <text
	[ "$(rows long)" = 100 ]
	lmtrain -m new -o short --ids -b 64 -c 48 -n 3 <text
	[ "$(rows short)" = 48 ]
	# a model with more positions than a step can have rows
	jq '.max_position_embeddings = 131072' new/config.json >config && mv config new/config.json
	yes 5 | head -n 70000 | lmtrain -m new -o wide --ids --lines -n 1
	[ "$(rows wide)" = 4096 ]
}

@test "a document ends once" {
	configuration
	echo "2 3 4" >text
	learn out -n 1
	[ "$(cut -f 2 out/log.tsv | tail -n 1)" = 3 ]
	echo "2 3 4 1" >text
	learn already -n 1
	cmp out/model.safetensors already/model.safetensors
	learn bare -n 1 --bare
	cmp out/model.safetensors bare/model.safetensors
	jq 'del(.eos_token_id)' new/config.json >config && mv config new/config.json
	echo "2 3 4" >text
	learn endless -n 1
	[ "$(cut -f 2 endless/log.tsv | tail -n 1)" = 2 ]
}

@test "it learns: what follows what" {
	configuration 32 2 1 16 64 20
	awk 'BEGIN {for (i = 0; i < 200; i++) {line = ""; for (k = i; k < i + 12; k++) line = line " " 2 + k * 7 % 18; print line}}' >text
	learn out -n 150 -b 512 -r 1e-2 --warmup 10 --validate text 2>err
	awk 'END {exit !($4 < 0.3 && $6 < 0.3)}' out/log.tsv || fail "$(tail -n 1 out/log.tsv)"
	grep -q '^lmtrain: step 150 of 150: loss 0.[0-9]*, validation 0.[0-9]*, [0-9]* tokens/s, 0:00:00 left$' err
	# the first of a row is a guess, the others follow
	printf '%s\n' "2 9 16 5" "8 15 4" "17 6" | tok --ids --lines | embed -m out | block -l 0- -m out | logits -m out |
		sample -m out | tok -d --ids --lines >next
	[ "$(paste -sd ' ' next)" = "12 11 13" ] || fail "$(cat next)"
}

@test "from random weights, by the seed, and from a model's own" {
	configuration
	lines 40 40 40 >text
	learn zero -n 0
	learn same -n 0
	learn other -n 0 -s 1
	cmp zero/model.safetensors same/model.safetensors
	run ! cmp -s zero/model.safetensors other/model.safetensors
	lmtrain -m zero -n 0 -o copy
	cmp zero/model.safetensors copy/model.safetensors
	lmtrain -m zero -n 0 -o fresh --fresh -s 1
	cmp other/model.safetensors fresh/model.safetensors
	# names without their prefix, as files of the inner model have them
	cp -r zero inner
	sed -i 's/"model\.\([^"]*"\)/"\1      /g' inner/model.safetensors
	run ! cmp -s zero/model.safetensors inner/model.safetensors
	lmtrain -m inner -n 0 -o outer
	cmp zero/model.safetensors outer/model.safetensors
	# BF16
	lmtrain -m zero -n 0 -o half --type BF16
	[ "$(header half/model.safetensors | jq -r '.["model.norm.weight"].dtype')" = BF16 ]
	# what is not known by weights goes along, whichever kind it is
	for file in generation_config.json tokenizer.model spiece.model tekken.json vocab.json merges.txt vocab.txt tokenizer_config.json \
		special_tokens_map.json added_tokens.json chat_template.jinja chat_template.json; do
		echo '{}' >"zero/$file"
	done
	lmtrain -m zero -n 0 -o all
	for file in zero/*.json zero/*.txt zero/*.jinja zero/*.model; do
		cmp "$file" "all/${file#*/}"
	done
}

@test "stopped by a signal, it keeps what it has done" {
	configuration
	lines 200 60 40 >text
	lmtrain -m new -o out --ids --lines -b 64 -n 100000 <text 2>err 3>&- &
	pid=$!
	until [ -e out/log.tsv ] && [ "$(wc -l <out/log.tsv)" -gt 3 ]; do sleep 0.05; done
	# no other may meddle
	run -1 learn out -n 100000
	[ "$output" = "lmtrain: out: another lmtrain is at work there" ]
	kill -TERM $pid
	wait $pid || status=$?
	[ "$status" = 1 ]
	grep -q '^lmtrain: stopped after step [0-9]*; the same command goes on from there$' err
	[ "$(tail -n 1 out/log.tsv | cut -f 1)" = "$(header out/training.safetensors | jq -r .__metadata__.step)" ]
}

@test "on a terminal progress is one line, which is ended" {
	configuration
	lines 40 40 40 >text
	script -qec 'lmtrain -m new -o out --ids --lines -n 20 --until 7 <text; echo end' /dev/null </dev/null | tr '\r' '\n' >terminal
	[ "$(grep -c ': step [1-7] of 20: loss ' terminal)" = 7 ] || fail "$(cat terminal)"
	[ "$(grep -x end terminal)" = end ] || fail "$(cat terminal)"
	script -qec 'lmtrain -m new -o bad --ids --lines -n 20 -r 1e9 <text' /dev/null </dev/null | tr '\r' '\n' >terminal || true
	grep -q '^lmtrain: step [0-9]*: the loss is .*: try a smaller rate (-r)$' terminal || fail "$(cat terminal)"
}

@test "bad input" {
	configuration
	local m
	m=$(model gpt2)
	echo "1 2 3" >text
	run -2 lmtrain -m new -o out <text
	[[ $output == "lmtrain: how many steps? -n is missing"* ]]
	run -2 lmtrain -m new -n 3 <text
	"$BUILD/tests/mkgguf" "$(model tiny)" tiny.gguf
	run -1 lmtrain -m tiny.gguf -n 3 -o out <text
	[ "$output" = "lmtrain: tiny.gguf: is a GGUF file; needed is a directory with config.json" ]
	run -1 lmtrain -m "$m" -n 3 -o out <text
	[ "$output" = "lmtrain: $m: model_type 'gpt2' is not supported here" ]
	run -1 bash -c 'echo 1 2 40 | lmtrain -m new -o out -n 3 --ids'
	[ "$output" = "lmtrain: stdin: document 1: id 40, must be in [0, 39]" ]
	run -1 bash -c 'echo 1 | lmtrain -m new -o out -n 3 --ids --bare'
	[ "$output" = "lmtrain: stdin: nothing to predict: no document has two tokens" ]
	run -1 lmtrain -m new -o new -n 3 --ids <text
	[ "$output" = "lmtrain: new: holds a model that was not made here; name another directory" ]
	run -1 lmtrain -m new -o out -n 3 --ids --validate nowhere <text
	[ "$output" = "lmtrain: nowhere: No such file or directory" ]
	lmtrain -m new -o out -n 3 --ids <text
	run -1 lmtrain -m out -o ./out/ -n 3 --ids <text
	[ "$output" = "lmtrain: ./out/: holds what this training begins with; name another directory" ]
	head -c 500 out/training.safetensors >short
	cp short out/training.safetensors
	run -1 lmtrain -m new -o out -n 3 --ids <text
	[[ $output == "lmtrain: out/training.safetensors: "* ]]
}
