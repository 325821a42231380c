#!/usr/bin/env bats
# man.bats: the manual pages.

load helper

setup() {
	cd "$root" || return
	pages=(man/man*/*.[157])
}

@test "mandoc has nothing to say about them" {
	command -v mandoc >/dev/null || skip "no mandoc"
	# It does not see that the pages refer to each other; the next test does.
	mandoc -Tlint -W base "${pages[@]}" 2>/dev/null |
		grep -v -e 'referenced manual not found' -e 'operating system explicitly specified' >"$BATS_TEST_TMPDIR/lint" || true
	[ ! -s "$BATS_TEST_TMPDIR/lint" ] || fail "$(cat "$BATS_TEST_TMPDIR/lint")"
}

@test "there is one for every program, and references lead to one" {
	for tool in "${programs[@]}"; do
		[ -f "man/man1/$tool.1" ] || fail "no $tool.1"
		grep -q "^\.Nm $tool\$" "man/man1/$tool.1"
	done
	[ -f man/man5/lmstream.5 ]
	[ -f man/man5/lmmodel.5 ]
	# of other packages
	others=' bash dash od head tail cat tee cmp jq mkfifo ssh curl wc cut sort grep sed awk mkdir sh printf xxd cksum sha256sum '
	others+='strtod safetensors getopt pipe signal less script time mmap cc diff comm unzip '
	while read -r name section; do
		[ -f "man/man$section/$name.$section" ] || [[ $others == *" $name "* ]] || fail "no page $name($section)"
	done < <(sed -nE 's/^\.Xr ([^ ]+) ([0-9]).*/\1 \2/p' "${pages[@]}" | sort -u)
}

@test "they have the sections of style(7), in mdoc's order" {
	for tool in "${programs[@]}"; do
		page=man/man1/$tool.1
		sed -n 's/^\.Sh //p' "$page" >"$BATS_TEST_TMPDIR/sections"
		for section in NAME SYNOPSIS DESCRIPTION ENVIRONMENT 'EXIT STATUS' EXAMPLES DIAGNOSTICS 'SEE ALSO'; do
			grep -qx "$section" "$BATS_TEST_TMPDIR/sections" || fail "$tool: no $section"
		done
		order='NAME SYNOPSIS DESCRIPTION ENVIRONMENT FILES EXIT_STATUS EXAMPLES DIAGNOSTICS SEE_ALSO STANDARDS HISTORY AUTHORS CAVEATS BUGS'
		last=0
		while read -r section; do
			at=$(tr ' ' '\n' <<<"$order" | grep -nx "${section// /_}" | cut -d : -f 1)
			[ -n "$at" ] || fail "$tool: $section"
			[ "$at" -gt "$last" ] || fail "$tool: $section comes too late"
			last=$at
		done <"$BATS_TEST_TMPDIR/sections"
	done
}

@test "examples print what they say" {
	for page in "${pages[@]}"; do
		tests/man-examples "$page" || failed="${failed-} $page"
	done
	[ -z "${failed-}" ] || fail "differ, see tests/man-examples --write:$failed"
}

@test "the filters of lmstream(5) work" {
	setup_model
	cd "$BATS_TEST_TMPDIR" || return
	# extract FILE: the literal display after ".Pa FILE" of the section EXAMPLES
	extract() {
		awk -v file="$1" '$0 == ".Pa " file {found = 1} found && /^\.Ed/ {exit} show {print}
			found && /^\.Bd -literal/ {show = 1}' "$root/man/man5/lmstream.5" |
			sed -e 's/\\&//g' -e "s/\\\\(aq/'/g" -e 's/\\-/-/g' -e 's/\\e/\\/g'
	}
	tok --chunk 2 "The cat sat" | embed >x
	extract scale.c >scale.c
	[ -s scale.c ]
	"${CC:-cc}" -o scale scale.c
	./scale 1 <x | cmp - x
	./scale 0 <x | block -l 0- >/dev/null
	run ! cmp -s <(./scale 2 <x) x
	./scale 2 <x | ./scale 0.5 | cmp - x
	run ./scale 1 < <(head -c 700 x)
	[ "$status" -ne 0 ]
	run ./scale 1 < <(head -c -64 x)
	[ "$status" -eq 1 ]
	extract showheader.sh >showheader.sh
	[ -s showheader.sh ]
	sh showheader.sh <x 2>headers | cmp - x
	[ "$(wc -l <headers)" -eq "$(grep -ao '"lmutils"' x | wc -l)" ]
	run sh showheader.sh < <(head -c -64 x)
	[ "$status" -eq 1 ]
	extract scale.py >scale.py
	[ -s scale.py ]
	if python3 -c 'import safetensors.numpy' 2>/dev/null; then
		python3 scale.py 2 <x | block -l 0- | logits >py
		./scale 2 <x | block -l 0- | logits >c
		cmp <("$BUILD/tests/rows" logits <py) <("$BUILD/tests/rows" logits <c)
	fi
}

@test "scripts are clean for shellcheck" {
	command -v shellcheck >/dev/null || skip "no shellcheck"
	shellcheck tests/run tests/bench tests/stream-fuzz tests/man-examples cmd/*.sh cmd/completion.bash .ci/run
	shellcheck tests/helper.bash
	shellcheck -S warning -e SC2154,SC2034 tests/*.bats
	for script in examples/*; do
		if [ -f "$script" ] && head -n 1 "$script" | grep -q '^#!.*sh$'; then
			shellcheck -x -P SCRIPTDIR "$script"
		fi
	done
}
