#!/usr/bin/env bats
# golden.bats: models against what a reference computes from them.  The models
# are not part of this repository; see LM_SHARED in helper.bash.

load helper

# The golden models of the families that are supported.
models() {
	for config in "$shared"/golden/models/*/config.json; do
		case $(jq -r .model_type "$config") in
		llama | gpt2) dirname "$config" ;;
		esac
	done
}

setup() {
	skip_without_shared
	cd "$BATS_TEST_TMPDIR" || return
}

# compare ...: tests/compare.c
compare() {
	"$BUILD/tests/compare" "$@"
}

# What depends on the length of the whole pass must be told of it.
context() {
	if grep -q '"dynamic"' "$LM_MODEL/config.json"; then
		printf '%s\n' "$1"
	else
		printf '%s\n' 4096
	fi
}

# pass IDS: the stream after every stage, in files.
pass() {
	local c l layers
	c=$(context "$(wc -w <<<"$1")")
	layers=$(jq '.num_hidden_layers // .n_layer' "$LM_MODEL/config.json")
	tok --ids --want all --chunk 7 "$1" | embed -x >x
	cp x embed
	for ((l = 0; l < layers; l++)); do
		attn -l "$l" -c "$c" -x --tap pattern <x >"mid.$l"
		ffn -l "$l" -x <"mid.$l" >x
		cp x "layer.$l"
	done
	logits -x <x >logits
}

@test "every stage of every golden model of a supported family, within 1e-5 of the reference" {
	count=0
	while IFS= read -r LM_MODEL; do
		export LM_MODEL
		name=${LM_MODEL##*/}
		reference=$LM_MODEL/reference.safetensors
		tolerance=$(jq '.tolerance // 1e-5' "$LM_MODEL/note.json")
		layers=$(jq '.num_hidden_layers // .n_layer' "$LM_MODEL/config.json")
		pass "$(compare "$reference" input_ids)"
		compare "$reference" embed x "$tolerance" <embed
		for ((l = 0; l < layers; l++)); do
			compare "$reference" "mid.$l" x "$tolerance" <"mid.$l"
			compare "$reference" "layer.$l" x "$tolerance" <"layer.$l"
			compare "$reference" "pattern.$l" "attn.$l.pattern" "$tolerance" <"mid.$l"
		done
		compare "$reference" logits logits "$tolerance" <logits
		for ((i = 1; i < 10; i++)); do
			ids=$(compare "$reference" "input_ids.$i" 2>/dev/null) || break
			pass "$ids"
			compare "$reference" "logits.$i" logits "$tolerance" <logits
		done
		echo "# $name"
		count=$((count + 1))
	done < <(models)
	[ "$count" -ge 11 ]
}

@test "every such model continues as the reference does" {
	while IFS= read -r LM_MODEL; do
		export LM_MODEL
		reference=$LM_MODEL/reference.safetensors
		read -ra ids <<<"$(compare "$reference" input_ids)"
		compare "$reference" greedy >expected
		if grep -q '"dynamic"' "$LM_MODEL/config.json"; then
			for ((i = 0; i < 32; i++)); do
				n=${#ids[@]}
				ids+=("$(tok --ids --bare "${ids[*]}" | embed -x | block -l 0- -c "$n" -x | logits -x |
					sample -n 1 -c 4096 --eos none | tok -d --ids | tr -d '\n')")
			done
			printf '%s\n' "${ids[*]: -32}" >out
		else
			lm -x --ids -n 32 -c 4096 --eos none "${ids[*]}" | tr -s '\n' ' ' | sed 's/ $//; a\' >out
		fi
		diff <(tr -s ' ' '\n' <expected) <(tr -s ' ' '\n' <out) >differences ||
			fail "$LM_MODEL: $(cat out), not $(cat expected)"
	done < <(models)
}

@test "stories260k tells its published story" {
	export LM_MODEL=$shared/data/models/stories260k
	awk '/^```/ && story {exit} /^Once upon a time/ {story = 1} story' "$LM_MODEL/published-output.md" >story
	[ -s story ]
	n=$(tok --bare "$(cat story)" | tok -d --ids | wc -w)
	prompt='Once upon a time'
	tokens=$((n - $(tok --bare "$prompt" | tok -d --ids | wc -w)))
	lm --stages -n "$tokens" "$prompt" >out
	lm -n "$tokens" "$prompt" | cmp - out
	{ printf %s "$prompt"; cat out; echo; } | diff - story
}
