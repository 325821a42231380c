#!/usr/bin/env bats
# lm.bats: the loop, native and printed: what it passes on, how it ends.
# That all ways to run it print the same text is in pipeline.bats.

load helper

setup() {
	setup_model
	mkdir "$BATS_TEST_TMPDIR/tmp"
	cd "$BATS_TEST_TMPDIR" || return
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	# all processes of a test carry it in their environment
	export LM_TEST=$BATS_TEST_TMPDIR
}

# An endless text, for those who must be in the middle of it.
endless=(-c 1000000 --eos none)

# mine: the programs of this toolkit that this test started and that still run.
mine() {
	local name pid names
	names=$(printf '%s|' "${tools[@]}" tee)cat
	for pid in $(grep -lzxF "LM_TEST=$LM_TEST" /proc/[0-9]*/environ 2>/dev/null | cut -d / -f 3); do
		name=$(cat "/proc/$pid/comm" 2>/dev/null) || continue
		[[ $name =~ ^($names)$ ]] && echo "$pid"
	done
	return 0
}

# stage WORDS: the process whose command line begins so.
stage() {
	local pid line
	for pid in $(mine); do
		line=$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) || continue
		line=${line##"$BUILD/bin/"}
		[ "$1" = tok ] && [[ $line == "tok -d "* ]] && continue
		[[ $line == "$1 "* ]] && echo "$pid" && return
	done
	fail "no process: $1"
}

# eventually COMMAND...: it succeeds within ten seconds.
eventually() {
	local i
	for ((i = 0; i < 500; i++)); do
		"$@" && return
		sleep 0.02
	done
	fail "not within 10 seconds: $*"
}

nothing_left() {
	[ -z "$(mine)" ] && [ -z "$(ls -A "$TMPDIR")" ]
}

fifo_gone() {
	[ -z "$(ls -A "$TMPDIR")" ]
}

# ends PID: sets status to its exit status, soon, and leaves nothing behind.
ends() {
	eventually ended "$1"
	status=0
	wait "$1" || status=$?
	eventually nothing_left
}

ended() {
	[ ! -e "/proc/$1" ] || grep -q '^State:.*zombie' "/proc/$1/status"
}

# printed [OPTION...] [PROMPT...]: the programs of the printed pipeline, without
# their directories, a stage a line.
printed() {
	PATH=/usr/bin:/bin "$BUILD/bin/lm" --print "$@" | sed "s|^\t*$BUILD/bin/||; s/ |\$//" |
		grep -E '^(tok|embed|attn|ffn|block|logits|sample)( |$)'
}

@test "the grouping, and --stages" {
	printed -n 3 hi | diff - <(printf '%s\n' "tok hi && cat <&3" embed "block -l 0-" logits "sample -n 3" "tok -d")
	printed --stages hi | diff - <(printf '%s\n' "tok hi && cat <&3" embed "attn -l 0" "ffn -l 0" "attn -l 1" "ffn -l 1" \
		logits sample "tok -d")
}

@test "options go to the stages they are for, in the order given" {
	printed --stages -p 0.9 -c 100 -t 0.5 -k 40 -x -p 0.8 -s 7 --eos 2,3 --stop 'a b' --chunk 5 --bare --plain --lines -0 \
		--sequences 9 | diff - <(cat <<-'END'
			tok --chunk 5 --bare --plain --lines -0 && cat <&3
			embed -x
			attn -l 0 -c 100 -x --sequences 9
			ffn -l 0 -x
			attn -l 1 -c 100 -x --sequences 9
			ffn -l 1 -x
			logits -x
			sample -p 0.9 -c 100 -t 0.5 -k 40 -p 0.8 -s 7 --eos 2,3 --stop 'a b' --sequences 9
			tok -d --lines -0
		END
		)
	printed --ids -x -c 7 1 | diff - <(printf '%s\n' "tok --ids 1 && cat <&3" "embed -x" "block -l 0- -x -c 7" "logits -x" \
		"sample -c 7" "tok -d --ids")
}

@test "all that sample chooses by goes to sample, and the printed pipeline says the same" {
	local options=(--ban '9,10' --bias '▁the=0.5' --window 40 --repetition-penalty 1.1 --presence-penalty 0.1 --frequency-penalty 0.1
		--dry '1,1.5,3' --dry-breaker . -t 2 -k 200 --typical 0.99 -p 0.99 --min-p 0.0001 --top-n-sigma 5 --xtc '0.3,0.2'
		--mirostat '6,0.2' --first '▁sat' --regex "( ?[a-z' ]*[.,]?)*" -s 3 -n 12)
	printed "${options[@]}" hi | grep '^sample' >sample
	eval "set -- $(cut -d' ' -f2- sample)"
	[ "$*" = "${options[*]}" ] || fail "$*"
	lm "${options[@]}" "The cat" >lm
	[[ "$(cat lm)" == ' sat'* ]]
	lm --stages "${options[@]}" "The cat" | cmp - lm
	sh -c "$(lm --print --stages "${options[@]}" "The cat")" | cmp - lm
}

@test "the order of sample's options is the order of operations" {
	for ((s = 0; s < 20; s++)); do
		lm -n 20 -t 3 -p 0.6 -s "$s" "The cat"
		echo
	done >warm
	for ((s = 0; s < 20; s++)); do
		lm -n 20 -p 0.6 -t 3 -s "$s" "The cat"
		echo
	done >cool
	run ! cmp -s warm cool
}

@test "--print quotes what a shell would not leave alone" {
	touch file
	for prompt in "it's" '"$HOME" `id` \' '-n' '--' '' '*' '~' 'a  b' $'two\nlines\n' 'é ☃' '#' 'x=y' '!!' '$(touch bad)' ';touch bad'; do
		lm -n 4 -- "$prompt" >lm
		for shell in bash dash; do
			command -v "$shell" >/dev/null || continue
			"$shell" -c "$(lm -n 4 --print -- "$prompt")" | cmp - lm || fail "$shell: $prompt"
		done
		printf '%s' "$prompt" | lm -n 4 | cmp - lm
	done
	[ ! -e bad ]
}

@test "--print names a program as the path finds it" {
	lm --print hi >bare
	run ! grep -F "$BUILD/bin" bare
	mkdir other
	printf '#!/bin/sh\n' >other/embed
	chmod +x other/embed
	PATH=$PWD/other:$PATH lm --print hi >print
	grep -qx "	$BUILD/bin/embed |" print
	grep -qx "	logits |" print
	ln -s "$BUILD/bin/embed" other/embed -f
	PATH=$PWD/other:$PATH lm --print hi | cmp - bare
}

@test "--print is a program for sh, also by eval, alone and in a pipeline" {
	lm -n 5 "The cat" >lm
	for shell in bash dash "bash --posix"; do
		command -v "${shell%% *}" >/dev/null || continue
		# shellcheck disable=SC2016
		text=$(lm --print -n 5 "The cat") $shell -c 'set -eu; eval "$text" >out; eval "$text" | cat >>out; trap' >traps
		cat lm lm | cmp - out
		[ ! -s traps ]
	done
	nothing_left
}

@test "--print -l: the chain of some layers, no loop" {
	lm --print -l 1 | diff - <(printf 'attn -l 1 |\nffn -l 1\n')
	lm --print -l -0 -c 9 -x | diff - <(printf 'attn -l 0 -c 9 -x |\nffn -l 0 -x\n')
	lm --print -l 0- | diff - <(printf 'attn -l 0 |\nffn -l 0 |\nattn -l 1 |\nffn -l 1\n')
	(model=$LM_MODEL && unset LM_MODEL && lm -m "$model" --print -l 1 | diff - <(printf 'attn -l 1 -m %s |\nffn -l 1 -m %s\n' "$model" "$model"))
	tok "The cat sat" | embed >x
	eval "$(lm --print -l 0-)" <x >chain
	block -l 0- <x | cmp - chain
	for wrong in "-l 0" "--print -l 2" "--print -l 1-0" "--print -l 0 hi"; do
		read -ra words <<<"$wrong"
		run -2 lm "${words[@]}"
	done
}

@test "a prompt from an operand, a file, standard input" {
	lm -n 6 "The cat" >lm
	[ -s lm ]
	printf 'The cat' >prompt
	lm -n 6 -f prompt | cmp - lm
	lm -n 6 --file prompt </dev/null | cmp - lm
	lm -n 6 <prompt | cmp - lm
	lm -n 6 - <prompt | cmp - lm
	lm -n 6 -f - <prompt | cmp - lm
	cp prompt './-a $b'
	lm -n 6 -f '-a $b' | cmp - lm
	for shell in bash dash; do
		command -v "$shell" >/dev/null || continue
		lm --print -n 6 -f '-a $b' | "$shell" | cmp - lm
		"$shell" -c "$(lm --print -n 6)" <prompt | cmp - lm
	done
	run -2 lm -f prompt hi
	run -1 lm -f nothing
	[ "$output" = "lm: nothing: No such file or directory" ]
}

@test "several prompts: each goes on as it does alone" {
	lm -n 5 "The cat" >a
	lm -n 5 "A bird" >b
	printf 'The cat\nA bird\n' >both
	lm -n 5 --lines <both | diff - <(cat a; echo; cat b; echo)
	tr '\n' '\0' <both | lm -n 5 -0 | tr '\0' '\n' | diff - <(cat a; echo; cat b; echo)
	lm -n 5 --lines --stages "The cat" "A bird" | diff - <(cat a; echo; cat b; echo)
	dash -c "$(lm --print -n 5 --lines)" <both | diff - <(cat a; echo; cat b; echo)
}

@test "--ids: numbers in, numbers out" {
	lm --ids -n 3 "1 20 30" >ids
	[ "$(wc -w <ids)" -eq 3 ]
	sh -c "$(lm --print --stages --ids -n 3 "1 20 30")" | cmp - ids
}

@test "a prompt longer than all pipes together" {
	for ((i = 0; i < 100; i++)); do printf 'The cat saw the bird. '; done >long
	for ((i = 0; i < 12; i++)); do cat long; echo; done >prompts
	timeout 200 lm --stages --lines -c 1000 -n 2 <prompts >out
	[ "$(wc -l <out)" -eq 12 ]
	[ "$(sort -u out | wc -l)" -eq 1 ]
}

@test "a context that is full is said" {
	lm -c 8 "The cat" >out 2>err
	[ -s out ]
	one_line sample err
	grep -q 'context of 8 positions is full' err
}

@test "one model for all, from -m" {
	model=$LM_MODEL
	lm -n 5 hi >lm
	LM_MODEL=/nonexistent lm -m "$model" -n 5 hi | cmp - lm
	LM_MODEL=/nonexistent lm -m "$model" --print -n 5 hi >print
	LM_MODEL=/nonexistent sh print | cmp - lm
	ln -s "$model" "it's mine"
	lm -m "it's mine" --stages -n 5 hi | cmp - lm
	lm -m "it's mine" --print -n 5 hi | sh | cmp - lm
}

@test "a stage that fails: its line, not those of the stages after it" {
	mkdir bin
	for tool in "${tools[@]}"; do cp "$BUILD/bin/$tool" bin; done
	for victim in tok embed attn ffn logits sample; do
		printf '#!/bin/sh\necho "%s: as asked" >&2\nexit 1\n' "$victim" >bin/new
		chmod +x bin/new
		mv "bin/$victim" saved
		mv bin/new "bin/$victim"
		run -1 --separate-stderr bin/lm --stages -n 3 hi
		[ -z "$output" ]
		[ "$(sort -u <<<"$stderr")" = "$victim: as asked" ] || fail "$victim: $stderr"
		rm "bin/$victim"
		run -1 --separate-stderr bin/lm --stages -n 3 hi
		grep -qx "lm: $PWD/bin/$victim: No such file or directory" <<<"$stderr"
		mv saved "bin/$victim"
	done
	eventually nothing_left
}

@test "the printed loop with a source that fails" {
	for shell in bash dash; do
		command -v "$shell" >/dev/null || continue
		lm --print --chunk 0 hi >print
		status=0
		timeout 20 "$shell" print >out 2>err || status=$?
		[ "$status" -eq 1 ]
		[ ! -s out ]
		nothing_left
	done
}

@test "no expression in a conversation, whose answers sample does not end, nor ids that there are not" {
	skip_without_terminal
	run script -qec "lm --chat --template mistral-v0.2 --regex x" /dev/null
	[[ $output == *'lm: --regex: not with a conversation'* ]] || fail "$output"
	run script -qec "lm --chat --template mistral-v0.2 --eos 99999999" /dev/null
	[[ $output == *'lm: --eos: 99999999: the model has the tokens 0 to '* ]] || fail "$output"
	lm --chat --template mistral-v0.2 --regex ' (sun|water)' hi | grep -qxE ' (sun|water)'
}

@test "wrong usage of a stage is wrong usage" {
	run -2 --separate-stderr lm --bias xyzzy=1 hi
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = "$(sample --bias xyzzy=1 2>&1 | head -n 1)" ]
	run ! grep "end frame" <<<"$stderr"
}

@test "wrong numbers are wrong usage of lm itself" {
	for option in "-t hot" "-n -1" "-s x" "-k 1.5" "-p 2" "--eos what" "--eos 1,"; do
		# shellcheck disable=SC2086
		run -2 lm --print $option "The cat"
		[[ $output == "lm: "*"usage: lm"* ]]
	done
}

@test "kill -9 of any stage: it ends, says which, and leaves nothing" {
	for victim in tok embed "attn -l 0" "ffn -l 0" "attn -l 1" "ffn -l 1" logits sample "tok -d"; do
		mkfifo in
		lm --stages "${endless[@]}" <in >out 2>err 3>&- &
		pid=$!
		exec 4>in
		rm in
		eventually stage "tok -d" >/dev/null 2>&1
		if [ "$victim" != tok ]; then
			printf 'The cat' >&4
			exec 4>&-
			eventually test -s out
		fi
		kill -9 "$(stage "$victim")"
		ends "$pid"
		exec 4>&-
		[ "$status" -eq 1 ] || fail "$victim: exit $status"
		[ "$(cat err)" = "lm: $victim: killed by signal 9" ] || fail "$victim: $(cat err)"
	done
}

@test "kill -9 of any process of the printed loop: it ends, not as a success" {
	for shell in bash dash; do
		command -v "$shell" >/dev/null || continue
		for victim in tok cat embed "attn -l 0" "ffn -l 1" logits sample tee "tok -d"; do
			mkfifo in
			"$shell" -c "$(lm --print --stages "${endless[@]}")" <in >out 2>/dev/null 3>&- &
			pid=$!
			exec 4>in
			rm in
			eventually stage tok >/dev/null 2>&1
			eventually fifo_gone
			if [ "$victim" != tok ]; then
				printf 'The cat' >&4
				exec 4>&-
				eventually test -s out
			fi
			kill -9 "$(stage "$victim")"
			ends "$pid"
			exec 4>&-
			[ "$status" -ne 0 ] || fail "$shell: $victim: exit 0"
		done
	done
}

@test "INT, TERM and HUP, to lm alone and to all: it dies of them" {
	set -m
	for signal in INT:130 TERM:143 HUP:129; do
		for all in "" -; do
			lm --stages "${endless[@]}" "The cat" >out 2>err 3>&- &
			pid=$!
			eventually test -s out
			kill -"${signal%:*}" -- "$all$pid"
			ends "$pid"
			[ "$status" -eq "${signal#*:}" ] || fail "$signal $all: exit $status"
			[ ! -s err ] || fail "$signal $all: $(cat err)"
			rm out
		done
	done
}

@test "an ignored signal stays ignored" {
	(trap '' HUP INT && exec lm --stages "${endless[@]}" "The cat") >out 2>err 3>&- &
	pid=$!
	eventually test -s out
	kill -HUP "$pid"
	kill -INT "$pid"
	sleep 0.2
	[ "$(mine | wc -l)" -eq 9 ] || fail "$(mine | wc -l) processes"
	kill -TERM "$pid"
	ends "$pid"
	[ "$status" -eq 143 ]
}

@test "kill -9 of lm: its stages follow" {
	lm --stages "${endless[@]}" "The cat" >out 2>err 3>&- &
	pid=$!
	eventually test -s out
	kill -9 "$pid"
	ends "$pid"
	[ "$status" -eq 137 ]
}

@test "a stopped stage does not keep the others" {
	lm --stages "${endless[@]}" "The cat" >out 2>err 3>&- &
	pid=$!
	eventually test -s out
	kill -STOP "$(stage "attn -l 1")"
	kill -9 "$(stage "tok -d")"
	ends "$pid"
	[ "$status" -eq 1 ]
	[ "$(cat err)" = "lm: tok -d: killed by signal 9" ]
}

@test "a reader that leaves: quiet, and soon" {
	for options in "" --stages; do
		# shellcheck disable=SC2016
		run bash -c 'lm $1 -c 1000000 --eos none "The cat" 2>err 3>&- | head -c 10 >out; echo "${PIPESTATUS[0]}"' - "$options"
		[ "$output" = 141 ]
		[ ! -s err ] || fail "$(cat err)"
		[ "$(wc -c <out)" -eq 10 ]
		eventually nothing_left
	done
	for shell in bash dash; do
		command -v "$shell" >/dev/null || continue
		timeout 20 "$shell" -c "$(lm --print "${endless[@]}" "The cat")" 2>/dev/null 3>&- | head -c 10 | cmp - out
		eventually nothing_left
	done
}

@test "a terminal that closes" {
	command -v script >/dev/null || skip "no script(1)"
	script -qec "lm --stages ${endless[*]} 'The cat'" /dev/null </dev/null >out 2>&1 3>&- &
	pid=$!
	eventually test -s out
	kill -9 "$pid"
	wait "$pid" || true
	eventually nothing_left
}

@test "on a terminal the text appears as it is made" {
	command -v script >/dev/null || skip "no script(1)"
	lm -n 6 "The cat" >lm
	script -qec "lm -n 6 'The cat'" /dev/null </dev/null | tr -d '\r' >shown
	{ cat lm; echo; } | cmp - shown
}

@test "no room for the text: exit 1, one line" {
	[ -e /dev/full ] || skip "no /dev/full"
	status=0
	lm -n 5 hi >/dev/full 2>err || status=$?
	[ "$status" -eq 1 ]
	one_line tok err
	status=0
	lm -n 5 hi >&- 2>err || status=$?
	[ "$status" -eq 1 ]
	one_line tok err
	eventually nothing_left
}

@test "the printed loop, 100 times under pipefail, and lm itself" {
	lm -n 4 "The cat" >lm
	text=$(lm --print --stages -n 4 "The cat")
	for ((i = 0; i < 100; i++)); do
		bash -o pipefail -c "$text" >out || fail "loop $i: exit $?"
		cmp out lm
		lm --stages -n 4 "The cat" | cmp - lm
	done
	nothing_left
}

@test "no prompt at all is an error, not a wait" {
	setup_model
	cd "$BATS_TEST_TMPDIR"
	for how in "lm --lines" "lm -0 -n 3" "lm --stages --lines"; do
		run timeout 20 $how </dev/null
		[ "$status" -eq 1 ]
		[[ $output == *"no text"* ]]
	done
	run timeout 20 sh -c "$(lm --print --lines)" </dev/null
	[ "$status" -eq 1 ]
}
