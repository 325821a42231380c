#!/usr/bin/env bats
# contract.bats: what all programs have in common, tried with all of them.

load helper

# A model's programs, and for each what it reads.
declare -gA input=(
	[tok]=text [embed]=ids [attn]=x [ffn]=x [logits]=x [sample]=logits [block]=x [lm]=text [lmget]=text
)
stages=(embed attn ffn logits sample block)

setup_file() {
	setup_model
	cd "$BATS_FILE_TMPDIR" || return
	printf 'The cat sat on the mat.' >text
	tok --chunk 4 <text >ids
	embed <ids >x
	chain <x | logits >logits
}

setup() {
	setup_model
	cd "$BATS_TEST_TMPDIR" || return
	in=$BATS_FILE_TMPDIR
}

# try TOOL [ARGUMENT...]: runs it with its usual options; out, err and status.
try() {
	local tool=$1 words
	shift
	read -ra words <<<"${work[$tool]}"
	status=0
	"$tool" "${words[@]}" "$@" >out 2>err || status=$?
}

expect_status() {
	[ "$status" -eq "$1" ] || fail "$tool: exit $status instead of $1: $(cat err)"
}

# The options of --help, of the manual page and of the source's table (of a
# script: of its call of getopt), one a line.
help_options() {
	"$1" --help | sed -n '/^  *-/p' | grep -oE -e '(^|[ ,])--?[[:alnum:]][-[:alnum:]]*' | tr -d ' ,' | sort -u
}

man_options() {
	awk '/^\.It Fl/ {
		flag = 0
		for (i = 2; i <= NF; i++)
			if ($i == "Fl")
				flag = 1
			else if ($i ~ /^(Ar|Cm|Ns|Op|No)$/)
				flag = 0
			else if (flag && $i != ",")
				print "-" $i
	}' "$root/man/man1/$1.1" | sort -u
}

table_options() {
	local script=$root/cmd/$1.sh
	if [ -f "$script" ]; then
		{
			sed -n 's/.*getopt -n .* -o \([a-zA-Z0-9:]*\) .*/\1/p' "$script" | tr -d : | sed 's/./-&\n/g'
			sed -n 's/.*getopt -n .* -l \([-a-z0-9:,]*\) .*/\1/p' "$script" | tr -d : | tr , '\n' | sed 's/^/--/'
		} | sed '/^$/d' | sort -u
		return
	fi
	{
		sed -nE "s/^\t\{\"([-a-z0-9]+)\", [a-z_]+, NULL, ([^}]*)\},.*/--\1 \2/p" "$root/cmd/$1.c" |
			sed -E "s/ '(.)'\$/\n-\1/; s/ [A-Z_]+\$//"
		printf '%s\n' -h --help -V --version
	} | sort -u
}

@test "--help: stdout, exit 0, 24 lines of 79 columns" {
	for tool in "${programs[@]}"; do
		for option in --help -h; do
			status=0
			"$tool" "$option" >out 2>err || status=$?
			expect_status 0
			[ ! -s err ] || fail "$tool: $(cat err)"
			head -n 1 out | grep -q "^usage: $tool " || fail "$tool: $(head -n 1 out)"
			[ "$(wc -l <out)" -le 24 ] || fail "$tool: $(wc -l <out) lines"
			[ "$(wc -L <out)" -le 79 ] || fail "$tool: $(wc -L <out) columns"
		done
	done
}

@test "--version" {
	for tool in "${programs[@]}"; do
		for option in --version -V; do
			status=0
			"$tool" "$option" >out 2>err || status=$?
			expect_status 0
			grep -qxE "$tool \(lmutils\) [0-9.]+" out || fail "$tool: $(cat out)"
			[ "$(wc -l <out)" -eq 1 ]
		done
	done
}

@test "help and version need no model, and end at once" {
	for tool in "${programs[@]}"; do
		LM_MODEL=/nonexistent "$tool" -h <&- >out
		LM_MODEL=/nonexistent "$tool" -V <&- >out
	done
}

@test "a wrong option: exit 2, the line, the usage, nothing on stdout" {
	for tool in "${programs[@]}"; do
		for option in --no-such-option -Y -m --model; do
			status=0
			"$tool" "$option" >out 2>err <"$in/${input[$tool]}" || status=$?
			expect_status 2
			[ ! -s out ] || fail "$tool $option: $(cat out)"
			head -n 1 err | grep -q "^$tool: " || fail "$tool $option: $(cat err)"
			sed -n 2p err | grep -q "^usage: $tool " || fail "$tool $option: $(cat err)"
		done
	done
}

@test "numbers in options: exit 2 with the value and the range" {
	for case in "attn -l x" "attn -l -1" "attn -l 2" "attn -l 1e0" "attn -l 0x" "attn -l" "ffn -l 99999999999999999999" \
		"block -l 1-0" "block -l 0-2" "block -l x-" "attn -l 0 -c 0" "attn -l 0 -c nan" "logits -k 0" "logits -k 1.5" \
		"tok --chunk 0" "tok --chunk 9999999" "sample -n -1" "sample -n x" "sample -k 0" "sample -p 2" "sample -p nan" \
		"sample -t -1" "sample -t inf" "sample -s x" "tok --want some" "attn -l 0 --tap nothing" "attn -l 0 --until all" \
		"lm -n x" "lm -t x" "lm --print -l 5"; do
		read -ra words <<<"$case"
		tool=${words[0]}
		status=0
		"${words[@]}" >out 2>err <"$in/${input[$tool]}" || status=$?
		[ "$status" -eq 2 ] || fail "$case: exit $status: $(cat err)"
		[ ! -s out ] || fail "$case: wrote something"
		# what lm passes on, the stage refuses
		[ "$tool" != lm ] || tool='[a-z]*'
		sed -n 2p err | grep -q "^usage: $tool " || fail "$case: $(cat err)"
	done
}

@test "the options of --help, of the manual page and of the program are the same" {
	for tool in "${programs[@]}"; do
		help_options "$tool" >help
		table_options "$tool" >table
		man_options "$tool" >page
		diff help table || fail "$tool: --help (<) and the program (>) differ"
		diff help page || fail "$tool: --help (<) and the manual page (>) differ"
	done
}

@test "usage is the manual page's synopsis" {
	for tool in "${programs[@]}"; do
		"$tool" --help | sed '/^$/,$d' | grep -oE -e '--?[[:alnum:]][-[:alnum:]]*' | sort -u >usage
		help_options "$tool" >help
		# bundled options are one word there: -fhVx
		while read -r word; do
			case $word in
			--*) grep -qx -e "$word" help ;;
			-[a-zA-Z0-9]) grep -qx -e "$word" help ;;
			*) for ((i = 1; i < ${#word}; i++)); do grep -qx -e "-${word:i:1}" help || break; done; ((i == ${#word})) ;;
			esac || fail "$tool: $word of the usage line is not an option"
		done <usage
	done
}

@test "completion knows the options and the points" {
	bash -n "$root/cmd/completion.bash"
	cat >complete.bash <<-'END'
		source "$1"
		_lmutils "$2" "$3" "$4"
		printf '%s\n' "${COMPREPLY[@]}"
	END
	for tool in "${programs[@]}"; do
		bash complete.bash "$root/cmd/completion.bash" "$tool" - "$tool" | sort -u >completed
		help_options "$tool" >help
		diff help completed || fail "$tool"
		bash -c 'source "$1" && complete -p "$2"' - "$root/cmd/completion.bash" "$tool" >/dev/null
	done
	bash complete.bash "$root/cmd/completion.bash" attn "" --tap >completed
	grep -qx pattern completed
}

@test "each tool does its work" {
	for tool in "${tools[@]}"; do
		try "$tool" <"$in/${input[$tool]}"
		expect_status 0
		[ -s out ] || fail "$tool: no output"
		[ ! -s err ] || fail "$tool: $(cat err)"
	done
}

@test "-- ends the options, - is standard input" {
	for tool in "${stages[@]}"; do
		try "$tool" <"$in/${input[$tool]}"
		mv out expected
		for words in "--" "-" "-- -"; do
			read -ra words <<<"$words"
			try "$tool" "${words[@]}" <"$in/${input[$tool]}"
			expect_status 0
			cmp out expected
		done
		try "$tool" no-such-file <"$in/${input[$tool]}"
		expect_status 2
	done
	tok - <"$in/text" | cmp - <(tok -- "$(cat "$in/text")")
	tok -- -d >out
	tok -d <out | cmp - <(printf %s -d)
	lm -n 2 - <"$in/text" >out
	lm -n 2 -- "$(cat "$in/text")" | cmp - out
}

@test "a full device: exit 1 and one line, for help, version and data" {
	[ -w /dev/full ] || skip "no /dev/full"
	for tool in "${programs[@]}"; do
		for option in --help --version; do
			status=0
			"$tool" "$option" >/dev/full 2>err || status=$?
			expect_status 1
			one_line "$tool" err
		done
	done
	for tool in "${tools[@]}"; do
		read -ra words <<<"${work[$tool]}"
		status=0
		"$tool" "${words[@]}" >/dev/full 2>err <"$in/${input[$tool]}" || status=$?
		expect_status 1
		[ "$tool" = lm ] || one_line "$tool" err
		[ -s err ] || fail "$tool: says nothing"
	done
	for option in -d --show; do
		status=0
		if [ "$option" = -d ]; then
			tok -d <"$in/ids" >/dev/full 2>err || status=$?
		else
			tok --show hello >/dev/full 2>err || status=$?
		fi
		tool=tok expect_status 1
		one_line tok err
	done
}

@test "a closed stdout: exit 1 and a line" {
	for tool in "${programs[@]}"; do
		status=0
		"$tool" --help >&- 2>err || status=$?
		expect_status 1
		one_line "$tool" err
	done
	for tool in "${tools[@]}"; do
		read -ra words <<<"${work[$tool]}"
		status=0
		"$tool" "${words[@]}" >&- 2>err <"$in/${input[$tool]}" || status=$?
		expect_status 1
		[ -s err ] || fail "$tool: says nothing"
	done
}

@test "a closed stdin: exit 1 and a line" {
	for tool in "${tools[@]}"; do
		try "$tool" <&-
		expect_status 1
		[ -s err ] || fail "$tool: says nothing"
	done
}

@test "a directory as stdin: exit 1 and a line" {
	for tool in "${tools[@]}"; do
		try "$tool" <.
		expect_status 1
		[ -s err ] || fail "$tool: says nothing"
	done
}

@test "SIGPIPE ends a tool quietly" {
	for tool in "${stages[@]}" tok; do
		read -ra words <<<"${work[$tool]}"
		for ((i = 0; i < 60; i++)); do cat "$in/${input[$tool]}"; done >much
		set +e
		"$tool" "${words[@]}" <much 2>err | head -c 1 >/dev/null
		status=${PIPESTATUS[0]}
		set -e
		[ "$status" -eq 141 ] || [ "$status" -eq 0 ] || fail "$tool: exit $status: $(cat err)"
		[ ! -s err ] || fail "$tool: $(cat err)"
	done
}

@test "empty input: a stream must end with an end frame" {
	for tool in "${stages[@]}"; do
		try "$tool" </dev/null
		expect_status 1
		one_line "$tool" err
		[ ! -s out ] || fail "$tool: wrote something"
	done
	status=0
	tok -d </dev/null >out 2>err || status=$?
	tool=tok expect_status 1
	one_line tok err
}

@test "a stream of nothing but its end is passed on" {
	end_frame >end
	for tool in "${stages[@]}"; do
		try "$tool" <end
		expect_status 0
		[ "$(header out | jq -r '.__metadata__.end')" = 1 ] || fail "$tool"
		[ "$(jq length < <(header out))" -eq 1 ] || fail "$tool"
	done
	tok -d <end >out
	[ ! -s out ]
}

@test "without an end frame: exit 1, and none is written" {
	for tool in "${stages[@]}"; do
		size=$(stat -c %s "$in/${input[$tool]}")
		for cut in 1 7 8 9 100 200; do
			head -c $((size - cut)) "$in/${input[$tool]}" >short
			try "$tool" <short
			expect_status 1
			one_line "$tool" err
			run ! grep -q '"end"' out
		done
	done
}

@test "end frames in mid-stream are passed on, and hold back nothing that looks like success" {
	for tool in embed attn ffn logits block; do
		cat "$in/${input[$tool]}" "$in/${input[$tool]}" >twice
		try "$tool" <twice
		expect_status 0
		mv out whole
		[ "$(grep -ao '"end":"1"' whole | wc -l)" -eq 2 ] || fail "$tool: not two end frames"
		# the second part is broken: what is out must not end with an end frame
		head -c -10 twice >short
		try "$tool" <short
		expect_status 1
		tail -c 128 out >last
		run ! grep -q '"end"' last
	done
}

@test "corrupt frames: exit 1 and one line" {
	for tool in "${stages[@]}" tok; do
		for bad in 'hello, this is not a stream at all, is it?' '\x08\0\0\0\0\0\0\0{}      ' '\xff\xff\xff\xff\xff\xff\xff\xff' \
			'\x10\0\0\0\0\0\0\0{"a":[[[[[[[[[[[' '\x08\0\0\0\0\0\0\0notjson!' '\0\0\0\0\0\0\0\0'; do
			# shellcheck disable=SC2059
			{ printf "$bad"; [ "$bad" = '\x08\0\0\0\0\0\0\0{}      ' ] || end_frame; } >bad
			if [ "$tool" = tok ]; then
				status=0
				tok -d <bad >out 2>err || status=$?
			else
				try "$tool" <bad
			fi
			expect_status 1
			one_line "$tool" err
			[ "$tool" = tok ] || run ! grep -q '"end"' out
		done
	done
}

@test "no binary on a terminal" {
	skip_without_terminal
	for tool in "${stages[@]}" tok; do
		file=$in/${input[$tool]}
		script -qec "$tool ${work[$tool]} <'$file'" /dev/null </dev/null >out 2>err || fail "$tool: $(cat out)"
		tr -d '\r' <out >text
		[ -s text ] || fail "$tool: shows nothing"
		run ! grep -qaP '[^\t\n\x20-\x7e\x80-\xff]' text
		iconv -f UTF-8 -t UTF-8 text >/dev/null || fail "$tool: not UTF-8"
		[ "$(wc -L <text)" -le 100 ] || fail "$tool: lines of $(wc -L <text) columns"
	done
}

@test "no model: exit 1 and advice" {
	for tool in "${tools[@]}"; do
		for option in "-m /nonexistent" "-m /dev/null" "-m $BATS_TEST_TMPDIR"; do
			read -ra words <<<"$option"
			try "$tool" "${words[@]}" <"$in/${input[$tool]}"
			expect_status 1
			one_line "$tool" err
			[ ! -s out ] || fail "$tool: wrote something"
		done
	done
}

@test "-m goes before \$LM_MODEL" {
	good=$LM_MODEL
	export LM_MODEL=/nonexistent
	for tool in "${tools[@]}"; do
		try "$tool" -m "$good" <"$in/${input[$tool]}"
		expect_status 0
	done
}

@test "frames of another model are refused, unless -f" {
	other=$(model f32)
	tok -m "$other" hello | embed -m "$other" >x
	for tool in attn ffn logits block; do
		try "$tool" <x
		expect_status 1
		one_line "$tool" err
	done
	model f32 >/dev/null
	cp -R "$other" copy
	sed -i 's/"max_position_embeddings": 512/"max_position_embeddings": 500/' copy/config.json
	for tool in attn ffn logits block; do
		try "$tool" -m copy <x
		expect_status 1
		try "$tool" -m copy -f <x
		expect_status 0
	done
}

@test "broken models: exit 1 and one line that says what" {
	good=$(model f32)
	broken() {
		for tool in embed attn ffn logits block; do
			try "$tool" -m m <"$in/${input[$tool]}"
			[ "$status" -eq 1 ] || fail "$tool: ${1:-}: exit $status: $(cat err)"
			one_line "$tool" err
			[ ! -s out ] || fail "$tool: wrote something"
		done
		rm -rf m
		cp -R "$good" m
	}
	cp -R "$good" m
	rm m/config.json && broken
	rm m/model.safetensors && broken
	: >m/config.json && broken
	echo '[]' >m/config.json && broken
	echo '{' >m/config.json && broken
	: >m/model.safetensors && broken
	truncate -s 4 m/model.safetensors && broken
	truncate -s 1000 m/model.safetensors && broken
	truncate -s -1 m/model.safetensors && broken
	truncate -s +1 m/model.safetensors && broken
	printf '\377' | dd of=m/model.safetensors bs=1 seek=7 conv=notrunc status=none && broken
	for change in 's/"llama"/"lama"/' 's/: 48,/: 47,/' 's/: 48,/: 0,/' 's/: 48,/: -1,/' 's/: 48,/: 1e3,/' 's/: 48,/: "48",/' \
		's/: 48,/: 99999999999999999999,/' 's/"num_key_value_heads": 2/"num_key_value_heads": 3/' \
		's/"head_dim": 12/"head_dim": 13/' 's/"hidden_act": "silu"/"hidden_act": "sigh"/' \
		's/"rms_norm_eps": 1e-05/"rms_norm_eps": "small"/' 's/"rope_theta": [0-9.]*/"rope_theta": -1/' \
		's/"rope_theta": [0-9.]*/"rope_scaling": {"rope_type": "new"}/' 's/"attention_bias": false/"attention_bias": 1/'; do
		sed -i "$change" m/config.json
		cmp -s m/config.json "$good/config.json" && fail "no change: $change"
		broken "$change"
	done
}

@test "no files are left behind, no processes either" {
	mkdir empty
	cd empty
	for tool in "${tools[@]}"; do
		TMPDIR=$PWD "$tool" --help >/dev/null
		read -ra words <<<"${work[$tool]}"
		TMPDIR=$PWD "$tool" "${words[@]}" <"$in/${input[$tool]}" >/dev/null
	done
	[ -z "$(ls -A)" ] || fail "left: $(ls -A)"
}

@test "under another name a tool says that name" {
	for tool in "${programs[@]}"; do
		ln -s "$(command -v "$tool")" "g$tool"
		"./g$tool" --help | head -n 1 >out || true
		./"g$tool" -V >out
		grep -q "^g$tool (lmutils)" out || fail "$(cat out)"
	done
}

@test "an empty \$LM_MODEL is no model; without it there is the one that ships" {
	mkdir -p "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/share/lmutils"
	cp "$BUILD/bin/tok" "$BATS_TEST_TMPDIR/bin"
	ln -s "$(model f32)" "$BATS_TEST_TMPDIR/share/lmutils/model"
	(unset LM_MODEL && "$BATS_TEST_TMPDIR/bin/tok" cat) | cmp - <(tok -m "$(model f32)" cat)
	LM_MODEL='' run -1 "$BATS_TEST_TMPDIR/bin/tok" cat
	[[ $output == "tok: no model: "* ]]
}
