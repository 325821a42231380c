# helper.bash: what every test file begins with.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

root=$(cd -- "${BASH_SOURCE[0]%/*}/.." && pwd)
BUILD=${BUILD:-$root/build}
shared=${LM_SHARED:-$root/../shared}
# shellcheck disable=SC2034
tools=(tok embed attn ffn logits sample block lm)
# Those that read no stream; and all.
# shellcheck disable=SC2034
scripts=(lmget lmtrain)
# shellcheck disable=SC2034
programs=("${tools[@]}" "${scripts[@]}")
PATH=$BUILD/bin:$PATH
export BUILD PATH LC_ALL=C
unset LM_ISA
export LM_MODEL= # no model, not the default one either, unless a test names it

# Options with which a tool does its work on the models below.
# shellcheck disable=SC2034
declare -gA work=(
	[tok]='' [embed]='' [attn]='-l 0' [ffn]='-l 0' [logits]='' [sample]='' [block]='-l 0-' [lm]='-n 3'
)

# fail MESSAGE...: ends a test, saying why.
fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# model NAME: prints the directory of a model of the tests, which it makes if
# that has not been done in this run.  teach: the model of mkmodel --induction;
# f32, f16, bf16: the same random model, of 2 layers, in three types; odd: one
# with biases, shards, shared keys and stretched positions; gpt2, gpt2-bf16: a
# GPT-2 in two types, and gpt2-odd: one of the less usual kind.
model() {
	local models=$BUILD/tests/models made
	if [ ! -d "$models/$1" ]; then
		mkdir -p "$models"
		made=$(mktemp -d "$models/.$1.XXXXXX")
		case $1 in
		teach) "$BUILD/tests/mkmodel" --induction "$made" ;;
		f32 | f16 | bf16) "$BUILD/tests/mkmodel" --dtype "$1" --seed 1 "$made" ;;
		odd) "$BUILD/tests/mkmodel" --layers 3 --dim 40 --heads 6 --kv-heads 1 --head-dim 20 --ffn 50 \
			--dtype bf16 --tied --attention-bias --mlp-bias --shards 3 --rope llama3 --seed 2 "$made" ;;
		gpt2 | gpt2-bf16) "$BUILD/tests/mkmodel" --family gpt2 --ffn 192 --tied --context 600 \
			--dtype "$([ "$1" = gpt2 ] && echo f32 || echo bf16)" --seed 5 "$made" ;;
		gpt2-odd) "$BUILD/tests/mkmodel" --family gpt2 --layers 3 --dim 35 --heads 5 --ffn 50 --context 400 \
			--activation tanh --bare --unscaled --scale-by-layer --shards 3 --seed 6 "$made" ;;
		tiny) "$BUILD/tests/mkmodel" --dim 8 --heads 2 --kv-heads 1 --ffn 12 --seed 3 "$made" ;;
		*) fail "model: no $1" ;;
		esac || return
		chmod 755 "$made"
		mv -T "$made" "$models/$1" 2>/dev/null || rm -rf "$made"        # another test was first
	fi
	printf '%s\n' "$models/$1"
}

# setup_model [NAME]: makes it (teach) the model of all programs.
setup_model() {
	LM_MODEL=$(model "${1:-teach}")
	export LM_MODEL
}

skip_without_shared() {
	[ -d "$shared/golden" ] || skip "no test data at $shared (see LM_SHARED)"
}

skip_without_terminal() {
	script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "script(1) gives no terminal here"
}

# chain [OPTION...]: the layers of $LM_MODEL, a process each, with these options.
chain() {
	local layers l command=
	layers=$(jq '.num_hidden_layers // .n_layer' "$LM_MODEL/config.json")
	for ((l = 0; l < layers; l++)); do
		command+="${command:+ | }attn -l $l $* | ffn -l $l $*"
	done
	eval "$command"
}

# same FILE TEXT PIECES [OPTION...]: the pieces of a text by a tokenizer's file, joined by |.
same() {
	local is
	is=$(printf %s "$2" | tok -m "$1" --bare --show "${@:4}" | sed -e 1d -e "s/^.*  '\\(.*\\)'\$/\\1/" | paste -sd '|')
	[ "$is" = "$3" ] || fail "'$2': $is instead of $3"
}

# refused FILE REASON: a tokenizer's FILE is refused with one line that says so.
refused() {
	run -1 tok -m "$1" abc
	# shellcheck disable=SC2154
	[ "$output" = "tok: $1: $2" ] || fail "$1: $output"
}

# vectors FILE VECTORS: all of them are equal.
vectors() {
	"$BUILD/tests/tokvec" "$1" "$2" "$shared" >out || fail "$1, $2: $(head -n 20 out; tail -n 1 out)"
	[ "$(tail -n 1 out | cut -d ' ' -f 1)" -gt 10 ]
}

# end_frame: the end of a stream.
end_frame() {
	printf '8\0\0\0\0\0\0\0%-56s' '{"__metadata__":{"end":"1"}}'
}

# header FILE: the JSON of the first frame's header.
header() {
	local n
	n=$(od -An -N8 -tu8 "$1")
	tail -c +9 "$1" | head -c "${n// /}"
}

# one_line TOOL FILE: FILE is one line of the form "TOOL: object: reason".
one_line() {
	if [ "$(wc -l <"$2")" -ne 1 ] || ! grep -q "^$1: .*[^.]\$" "$2"; then
		fail "$1: not one line 'tool: object: reason': $(cat "$2")"
	fi
}
