# world.bats: the text that the default model is trained on, and the questions about it.
load helper

kinds=(agreement bites counting facts mixed names pairs pronouns repeats spelling stories)

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	PATH=$BUILD/examples:$PATH
}

@test "world: the same seed gives the same text, another one another text" {
	world -n 200 -s 3 >a
	world -n 200 -s 3 >b
	world -n 200 -s 4 >c
	cmp a b
	run ! cmp -s a c
	world -n 50 -s 3 | cmp - <(head -n 50 a)
}

@test "world: a document is a line of every kind, and has a label where that is wanted" {
	for kind in "${kinds[@]}"; do
		world -k "$kind" -n 20 --label >out
		[ "$(wc -l <out)" -eq 20 ]
		[ "$(cut -f 1 out | sort -u)" = "$kind" ]
		cut -f 2 out | awk 'length == 0 || /[^ -~]|[{}()|<>$^~]|  / { exit 1 }' || fail "$kind: $(cat out)"
	done
	world -n 3000 --label | cut -f 1 | sort -u >all
	printf '%s\n' "${kinds[@]}" | cmp - all
}

@test "world: no text answers a question, neither while searching nor at the end" {
	world -n 20000 -s 1 >text
	for task in agreement bites facts pronouns; do
		for final in '' --final; do
			world -q "$task" $final -n 200 -s 5 >questions
			[ "$(wc -l <questions)" -ge 150 ]
			awk -F '\t' 'NF != 4 || $2 !~ /^ ./ || $3 !~ /^ ./ || $2 == $3 || $1 ~ / $/ { exit 1 }' questions
			cut -f 1,2 questions | tr -d '\t' >asked
			run -1 grep -F -w -f asked text
		done
	done
}

@test "world: the questions of the end are others" {
	for task in agreement analogies bites facts pronouns; do
		world -q "$task" -n 500 | sort >search
		world -q "$task" --final -n 500 | sort >final
		[ "$(sort -u search | wc -l)" -eq "$(wc -l <search)" ]
		[ -z "$(comm -12 search final)" ]
	done
}

@test "world: there are as many questions as are asked for of the model" {
	for task in agreement:500 bites:1000 pronouns:300 facts:500; do
		for final in '' --final; do
			[ "$(world -q "${task%:*}" $final -n 1000 | wc -l)" -ge "${task#*:}" ]
		done
	done
	world -q agreement -n 1000 | cut -f 4 | sort | uniq -c >classes
	awk '$2 == "attractor" { a = $1 } $2 == "plain" { p = $1 } END { exit !(a > 0.4 * (a + p)) }' classes
	for class in capital gender number tense; do
		[ "$(world -q analogies -n 3000 | grep -c "	$class\$")" -ge 300 ]
	done
	[ "$(world -q concepts -n 1000 | cut -f 2 | sort -u | wc -l)" -ge 5 ]
}

@test "world: both words of a pair are used equally often" {
	world -k pairs -n 12000 | tr -cs A-Za-z '\n' | sort | uniq -c >words
	while read -r a b; do
		awk -v a="$a" -v b="$b" '$2 == a { m = $1 } $2 == b { n = $1 }
			END { exit !(m > 80 && n > 80 && m < 1.4 * n && n < 1.4 * m) }' words || fail "$a $b: $(grep -w -e "$a" -e "$b" words)"
	done <<-END
		king queen
		uncle aunt
		France Paris
		Peru Lima
		apple apples
		knife knives
		walked walks
		went goes
	END
}

@test "world: random words are as much of the text as is wanted" {
	for r in 0 40 100; do
		world -r "$r" -n 1000 --label | cut -f 1 | grep -c repeats >n || :
		awk -v r="$r" '{ exit !($1 >= 9 * r && $1 <= 11 * r) }' n
	done
}

@test "world: the entropy is reported by kind" {
	world -n 300 -e >/dev/null 2>sums
	[ "$(wc -l <sums)" -eq 12 ]
	awk 'NR > 1 && !($2 > 0 && $3 > $2 && $4 > 0 && $5 > 0 && $5 < 3) { exit 1 }' sums
	[ "$(awk 'NR > 1 { n += $2 } END { print n }' sums)" -eq 300 ]
}

@test "world: what is wrong is one line" {
	for bad in '-k x' '-q x' '-n 0' '-n x' '-s -1' '-r 101' '-z' 'operand' '-q facts -k facts' '-q facts -e' '-k mixed -r 100'; do
		# shellcheck disable=SC2086
		run -2 world $bad
	done
	run -1 world -d "$BATS_TEST_TMPDIR"
	[ "$output" = "world: $BATS_TEST_TMPDIR/words: no .tsv files" ]
	cp -R "$root/examples/world/words" "$root/examples/world/text" .
	echo 'facts.x	The {s:nothing} is.' >>text/facts.tsv
	run -1 bash -c 'world -d . -k facts -n 1000 2>&1 >/dev/null'
	[ "$output" = 'world: The {s:nothing} is.: no such table: s:nothing' ]
	printf 'word\tother\none\tsame\n' >words/single.tsv
	echo 'bites.x	The {s:single} is <{s.other}>.' >>text/bites.tsv
	run -1 bash -c 'world -d . -k bites -n 1000 2>&1 >/dev/null'
	[ "$output" = 'world: The {s:single} is <{s.other}>.: no other row has another answer: {s.other}' ]
	echo 'pairs.x	A {s:single/word=a/word=b/word=c/word=d/word=e}.' >>text/pairs.tsv
	run -1 bash -c 'world -d . -k pairs -n 1000 2>&1 >/dev/null'
	[ "$output" = 'world: A {s:single/word=a/word=b/word=c/word=d/word=e}.: too many conditions: word=a/word=b/word=c/word=d/word=e' ]
	world --help | awk 'length > 79 || NR > 24 { exit 1 }'
}
