# lib.sh: what the experiments of this directory share.
# shellcheck shell=bash
#
# A script reads this file and calls `options LETTERS "$@"`.  The comment that it
# begins with is its help text.  Programs are those on PATH.
set -e -u -o pipefail
shopt -s inherit_errexit
export LC_ALL=C

program=${0##*/}
here=${BASH_SOURCE[0]%/*}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# ---- options and messages ----

die() {
	printf '%s: %s\n' "$program" "$*" >&2
	exit 1
}

# What the options mean; a script has some of them.
options_help="\
-c CONTROL  the directory of a model to take as the control
-f          ask the final questions, at which nobody looked in training
-h          print this help and exit
-m MODEL    the directory of the model, instead of \$LM_MODEL
-n NUMBER   how many
-s SEED     which ones, by chance
DIRECTORY   where to make it
LOG         a file of what lmtrain wrote, instead of standard input
QUESTIONS   a file of them, instead of the world's"

# synopsis OPTIONS: the usage line of a script that has these.
synopsis() {
	local line="usage: $program [-" value
	[[ $1 != *f* ]] || line+=f
	line+=h]
	for value in 'c control' 'm model' 'n number' 's seed'; do
		[[ $1 != *${value%% *}* ]] || line+=" [-$value]"
	done
	[[ $1 != *D* ]] || line+=' directory'
	[[ $1 != *L* ]] || line+=' [log]'
	[[ $1 != *Q* ]] || line+=' [questions]'
	printf '%s\n' "$line"
}

# help OPTIONS: the first comment of the script, and what its options mean.
help() {
	synopsis "$1"
	sed -n '2,/^[^#]*$/s/^# \{0,1\}//p' "$0"
	printf '\n'
	grep -E "^-?[$1]( |IRECTORY|OG|UESTIONS)" <<<"$options_help" | sed 's/^/  /'
}

usage_error() {
	printf '%s: %s\n' "$program" "$2" >&2
	synopsis "$1" >&2
	exit 2
}

# options OPTIONS ARGUMENT...: takes the arguments.  OPTIONS are the letters of
# those that the script has, and those of its operand: Q questions, L log, which
# are files to be read, or D directory, which must be given.
# Sets control, final, number, operand, seed, and LM_MODEL for all programs.
options() {
	local accepted=h$1 option
	shift
	control='' final='' number='' seed='' operand=''
	while getopts :c:fhm:n:s: option; do
		[[ $option = [:?] || $accepted = *$option* ]] || usage_error "$accepted" "-$option: unknown option"
		case $option in
		c) control=$OPTARG ;;
		f) final=--final ;;
		h) help "$accepted" && exit ;;
		m) export LM_MODEL=$OPTARG ;;
		n | s)
			[[ $OPTARG =~ ^[1-9][0-9]{0,8}$ ]] ||
				usage_error "$accepted" "-$option: '$OPTARG' is not a number in [1, 999999999]"
			[ "$option" = s ] || number=$OPTARG
			[ "$option" = n ] || seed=$OPTARG
			;;
		:) usage_error "$accepted" "-$OPTARG: an argument is missing" ;;
		*) usage_error "$accepted" "-$OPTARG: unknown option" ;;
		esac
	done
	shift $((OPTIND - 1))
	if [ $# -gt 0 ] && [[ $accepted = *[DLQ]* ]]; then
		operand=$1
		shift
	fi
	[ $# -eq 0 ] || usage_error "$accepted" "$1: unexpected operand"
	[[ $accepted != *D* ]] || [ -n "$operand" ] || usage_error "$accepted" 'which directory?'
	[[ $accepted = *D* ]] || [ -z "$operand" ] || [ "$operand" = - ] || [ -r "$operand" ] || die "$operand: cannot be read"
}

# world OPTION...: the program that writes the text and asks the questions.
world() {
	local path
	path=$(type -P world) || path=$here/../build/examples/world
	[ -x "$path" ] || die 'world: not found (make build/examples/world)'
	"$path" "$@"
}

# ask TASK N: questions about a task, from the file that was named, or N of the
# world's own, which its text never answers.
ask() {
	if [ -n "$operand" ]; then
		awk -v n="$number" '!n || NR <= n' "$operand"
	else
		world -q "$1" -n "${number:-$2}" ${seed:+-s "$seed"} ${final:+"$final"}
	fi
}

# ---- streams as text ----

# In awk: number k, from 0, of a row of table.
# shellcheck disable=SC2034
f32='BEGIN {
	for (i = 0; i < 256; i++) {
		byte[sprintf("%02X", i)] = i
		power[i] = 2 ^ (i - 150)
	}
}
function f32(row, k,   high, middle, e, m) {
	row = substr(row, 8 * k + 1, 8)
	middle = byte[substr(row, 5, 2)]
	high = byte[substr(row, 7)]
	e = high % 128 * 2 + int(middle / 128)
	m = middle % 128 * 65536 + byte[substr(row, 3, 2)] * 256 + byte[substr(row, 1, 2)]
	return (high < 128 ? 1 : -1) * (e ? (8388608 + m) * power[e] : m * power[1])
}
'

# number8: the first 8 bytes of the input as a number.
number8() {
	od -An -N 8 -t u8 | tr -d ' '
}

# table TENSOR...: reads a stream (lmstream(5)) and prints a line for each row
# of each frame that has these tensors, with a field for each of them: a number,
# or of those of type F32 the whole row in hexadecimal.  od would print these as
# fractions, but takes a hundred times as long, and few of them are ever looked at.
table() {
	local dir size from bytes width type columns
	dir=$(mktemp -d "$tmp/table.XXXXXX")
	while head -c 8 >"$dir/size" && [ -s "$dir/size" ]; do
		head -c "$(number8 <"$dir/size")" >"$dir/header"
		# shellcheck disable=SC2016
		jq -r --args '. as $tensors | ([.[].data_offsets[1]? // 0] | max // 0),
			([$ARGS.positional[] | $tensors[.]] | select(all(. != null and .shape[0] > 0)) | .[] |
			.data_offsets as [$from, $to] | "\($from) \($to - $from) \(($to - $from) / .shape[0]) \(.dtype)")' \
			"$@" <"$dir/header" >"$dir/places"
		{
			read -r size
			head -c "$size" <&3 >"$dir/data"
			columns=()
			while read -r from bytes width type; do
				columns+=("$dir/${#columns[@]}")
				case $type in
				U8) od -An -v -j "$from" -N "$bytes" -t u1 -w1 "$dir/data" ;;
				I32) od -An -v -j "$from" -N "$bytes" -t d4 -w"$width" "$dir/data" ;;
				F32) { head -c "$from" >/dev/null; head -c "$bytes"; } <"$dir/data" |
					basenc --base16 -w $((2 * width)) ;;
				esac >"${columns[-1]}"
			done
		} 3<&0 <"$dir/places"
		[ ${#columns[@]} -eq 0 ] || paste -d ' ' "${columns[@]}"
	done
	rm -rf "$dir"
}

# frame "TENSOR [SHAPE]"...: the beginning of a frame of tensors of type F32; their
# numbers must follow.
frame() {
	local header
	header=$(jq -cn --args 'reduce ($ARGS.positional[] | split(" ")) as [$name, $shape] ({at: 0, header: {}};
		($shape | fromjson) as $shape | (4 * reduce $shape[] as $n (1; . * $n)) as $bytes |
		.header[$name] = {dtype: "F32", shape: $shape, data_offsets: [.at, .at + $bytes]} | .at += $bytes) |
		.header' "$@")
	while [ $((${#header} % 8)) -ne 0 ]; do
		header+=' '
	done
	printf '%016X' ${#header} | sed 's/\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)/\8\7\6\5\4\3\2\1/' | basenc -d --base16
	printf '%s' "$header"
}

# floats: numbers, a line each, as F32.
floats() {
	awk '{
		x = $1 < 0 ? -$1 : $1 + 0
		e = x ? int(log(x) / log(2) + 1000) - 1000 : -127
		m = int(x / 2 ^ e * 8388608 + 0.5)      # 2^23 to 2^24, or not, since log is rounded too
		if (m >= 16777216) { m = int(m / 2); e++ }
		if (m < 8388608) { m *= 2; e-- }
		if (e < -126) { m = 8388608; e = -127 }         # too small: 0
		m -= 8388608
		printf "%02X%02X%02X%02X", m % 256, int(m / 256) % 256, (e + 127) % 2 * 128 + int(m / 65536), ($1 < 0) * 128 + int((e + 127) / 2)
	}' | basenc -d --base16
}

# end_frame: the end of a stream.
end_frame() {
	printf '8\0\0\0\0\0\0\0%-56s' '{"__metadata__":{"end":"1"}}'
}

# ids: the ids of each line of text, without what the tokenizer puts around it.
ids() {
	tok --bare --lines | tok -d --ids
}

# continued: the ids of each line of text as it goes on behind a letter, since some
# tokenizers put a blank before a text.
continued() {
	local n
	n=$(printf 'a\n' | ids | wc -w)
	sed 's/^/a/' | ids | cut -d ' ' -f $((n + 1))-
}

# sequences: the ids of each line of text with that, as many as the model takes.
sequences() {
	tok --lines | tok -d --ids | cut -d ' ' -f "1-$(config max_position_embeddings n_positions)"
}

# ---- controls ----

# A model that has learned nothing: each weight matrix holds the same numbers as
# the model's own, but shuffled.  What is left is their size and spread.

# noise [SEED]: bytes by chance, the same ones each time (Park and Miller, 1988).
noise() {
	awk -v x="${1:-1}" 'BEGIN {
		for (;;) {
			x = x * 48271 % 2147483647
			printf "%04X\n", int(x / 32768)
		}
	}' 2>/dev/null | basenc -d --base16 2>/dev/null
}

# shuffle WIDTH: puts elements of so many bytes in another order.
shuffle() {
	basenc --base16 -w $((2 * $1)) | shuf --random-source=<(noise) | basenc -d --base16
}

# config KEY [KEY OF GPT-2]: a number of the model's configuration.
config() {
	local dir
	dir=$(model_dir)
	jq -r --arg key "$1" --arg other "${2:-}" '.[$key] // .[$other]' "$dir/config.json"
}

# model_dir: the directory of the model.
model_dir() {
	local dir=${LM_MODEL-}
	if [ -z "${LM_MODEL+set}" ]; then
		dir=$(command -v tok)
		dir=${dir%/*}/../share/lmutils/model
	fi
	[ -f "$dir/config.json" ] || die "$dir: not a model's directory"
	printf '%s\n' "$dir"
}

# untrained: makes the control, unless one was named.
untrained() {
	local model bytes width
	[ -z "$control" ] || return 0
	control=$tmp/control
	model=$(model_dir)
	[ -f "$model/model.safetensors" ] || die "$model: no model.safetensors to be shuffled (-c)"
	mkdir "$control"
	cp "$model"/*.json "$control"
	{
		head -c 8 | tee "$tmp/size"
		head -c "$(number8 <"$tmp/size")" | tee "$tmp/header"
		jq -r '[.[] | select(.dtype)] | sort_by(.data_offsets[0])[] |
			"\(.data_offsets[1] - .data_offsets[0]) \({F32: 4}[.dtype] // 2)"' "$tmp/header" >"$tmp/sizes"
		while read -r bytes width <&3; do
			head -c "$bytes" | shuffle "$width"
		done 3<"$tmp/sizes"
	} <"$model/model.safetensors" >"$control/model.safetensors"
}

# ---- counting ----

# share: of lines "1 CLASS" and "0 CLASS", how many are 1, in all and by class.
share() {
	awk '{
		hits += $1
		if (!($2 in n))
			class[++classes] = $2
		n[$2]++
		hit[$2] += $1
	}
	END {
		printf "%d of %d, %.1f %%", hits, NR, NR ? 100 * hits / NR : 0
		for (c = 1; classes > 1 && c <= classes; c++)
			printf "%s%s %d of %d%s", (c == 1 ? " (" : ", "), class[c], hit[class[c]], n[class[c]],
				(c == classes ? ")" : "")
		print ""
	}'
}

# ---- the loss ----

# losses IDS: reads the stream after the last layer, in which each row is wanted,
# of the sequences that are the lines of the file IDS.  Prints "SEQ POS NATS" for
# each token but the first of a sequence: -log of the probability that it had.
losses() {
	cat >"$tmp/x"
	logits -k 1 <"$tmp/x" | table top.lse >"$tmp/lse"
	logits <"$tmp/x" | table seq pos logits | paste -d ' ' "$tmp/lse" - | awk "$f32"'
		NR == FNR {
			for (i = 1; i <= NF; i++)
				id[NR - 1, i - 1] = $i
			next
		}
		($2, $3 + 1) in id { print $2, $3 + 1, f32($1, 0) - f32($4, id[$2, $3 + 1]) }' "$1" -
}

# ---- looking inside ----

# silence LAYER HEAD: between attn --until z and attn --from z: this head finds nothing, 0.
silence() {
	local from bytes total
	while head -c 8 >"$tmp/z.size" && [ -s "$tmp/z.size" ]; do
		head -c "$(number8 <"$tmp/z.size")" >"$tmp/z.header"
		cat "$tmp/z.size" "$tmp/z.header"
		jq -r --arg z "attn.$1.z" '(.[$z].data_offsets // [0, 0]) as [$from, $to] |
			"\($from) \($to - $from) \([.[].data_offsets[1]? // 0] | max // 0)"' \
			"$tmp/z.header" >"$tmp/z.place"
		read -r from bytes total <"$tmp/z.place"
		head -c "$from"
		head -c "$bytes" | basenc --base16 -w $((8 * head_size)) |
			awk -v heads="$heads" -v head="$2" '(NR - 1) % heads == head { gsub(/./, "0") } { print }' |
			basenc -d --base16
		head -c $((total - from - bytes))
	done
}

# attention LAYER: attn, which saves its pattern in $tmp/pattern.LAYER, without
# the head named by off="LAYER HEAD".
attention() {
	if [ "$1" = "${off% *}" ]; then
		attn -l "$1" --tap pattern="$tmp/pattern.$1" --until z | silence "$1" "${off#* }" | attn -l "$1" --from z
	else
		attn -l "$1" --tap pattern="$tmp/pattern.$1"
	fi
}

# watched LAYER: the layers from this one on, with attention.
watched() {
	if [ "$1" -lt "$layers" ]; then
		attention "$1" | ffn -l "$1" | watched $(($1 + 1))
	else
		cat
	fi
}

# looks TARGETS: for lines "SEQ POS KEY", how much of its attention each head has
# in these rows on these keys, on the average; after watched.  Prints "SHARE
# LAYER HEAD", the largest share first.
looks() {
	local l
	for ((l = 0; l < layers; l++)); do
		table seq pos "attn.$l.pattern" <"$tmp/pattern.$l" | awk -v heads="$heads" -v layer=$l "$f32"'
			NR == FNR {
				key[$1, $2] = $3
				next
			}
			($1, $2) in key {
				keys = length($3) / 8 / heads
				for (h = 0; h < heads; h++)
					sum[h] += f32($3, h * keys + key[$1, $2])
				n++
			}
			END {
				for (h = 0; h < heads; h++)
					print n ? sum[h] / n : 0, layer, h
			}' "$1" -
	done | sort -k 1,1gr -s
}

# look_inside: sets what the functions above ask for.
look_inside() {
	layers=$(config num_hidden_layers n_layer)
	heads=$(config num_attention_heads n_head)
	head_size=$(config head_dim)
	[ "$head_size" != null ] || head_size=$(($(config hidden_size n_embd) / heads))
	off=
}

# repeats N: makes N sequences of each period from 2 to 40: words of the world by
# chance, each a token, and the same words again, in $tmp/ids.  Sets begin, how many tokens the tokenizer puts
# before a text.  For each token of a second copy, its line in $tmp/after names the
# place after its previous occurrence, and that in $tmp/before the place before it.
repeats() {
	local longest=40 special
	world -k repeats -n 300 | tr ' ' '\n' | grep -x '[a-z]*' | sort -u | sed 's/^/ /' | continued |
		awk 'NF == 1' >"$tmp/words"
	[ -s "$tmp/words" ] || die 'the vocabulary has no words'
	special=$(printf '\n' | tok --lines 2>/dev/null | tok -d --ids 2>/dev/null) || special=
	begin=$(wc -w <<<"$special")
	shuf -r -n $(($1 * (longest * (longest + 1) / 2 - 1))) --random-source=<(noise "$seed") "$tmp/words" |
		awk -v begin="$special" -v times="$1" 'BEGIN { period = 2 } {
			copy = copy " " $1
			if (++n == period) {
				print begin copy copy
				copy = ""
				n = 0
				if (++made % times == 0)
					period++
			}
		}' >"$tmp/ids"
	awk -v begin="$begin" '{
		period = (NF - begin) / 2
		for (i = begin + period; i < NF; i++)
			print NR - 1, i, i - period + 1
	}' "$tmp/ids" >"$tmp/after"
	awk '{ print $1, $2, $2 - 1 }' "$tmp/after" >"$tmp/before"
}

# ---- questions with two answers ----

# answers: for the questions in $tmp/questions, the ids of the tokens that the two
# answers begin with, and the class.
answers() {
	cut -f 2 "$tmp/questions" | continued | cut -d ' ' -f 1 >"$tmp/right"
	cut -f 3 "$tmp/questions" | continued | cut -d ' ' -f 1 >"$tmp/wrong"
	awk -F '\t' '{ print ($4 == "" ? "none" : $4) }' "$tmp/questions" | paste -d ' ' "$tmp/right" "$tmp/wrong" -
}

# prefers ANSWERS: prints for each prompt whether the model gives the right
# answer's first token a higher logit than the wrong one's.
prefers() {
	tok --lines <"$tmp/prompts" | embed | block --sequences "$(wc -l <"$1")" -l - | logits | table logits |
		paste -d ' ' "$1" - | awk "$f32"'{ print (f32($4, $1) > f32($4, $2)), $3 }'
}

# two_choices TASK N: asks N questions of a task, and prints how many the model
# answers rightly, and the controls.
two_choices() {
	local right untrained dealt
	ask "$1" "$2" >"$tmp/questions"
	cut -f 1 "$tmp/questions" >"$tmp/prompts"
	answers >"$tmp/answers"
	awk '$1 == $2 { print NR; exit 1 }' "$tmp/answers" >"$tmp/same" ||
		die "question $(cat "$tmp/same"): both answers begin with the same token"
	shuf --random-source=<(noise) "$tmp/answers" >"$tmp/dealt"
	right=$(prefers "$tmp/answers" | share)
	dealt=$(prefers "$tmp/dealt" | share)
	untrained
	untrained=$(LM_MODEL=$control prefers "$tmp/answers" | share)
	printf '%s: %s; control: %s; answers of other questions: %s\n' "$1" "$right" "$untrained" "$dealt"
}
