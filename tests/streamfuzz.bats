#!/usr/bin/env bats
# streamfuzz.bats: broken streams, a sample of those of `make check-fuzz`.

load helper

@test "broken streams: exit 1 and one line, or a result; no crash, no hang, no partial frame" {
	sample=100
	! grep -q __asan_init "$BUILD/bin/attn" || sample=1000    # much slower
	run "$root/tests/stream-fuzz" --sample "$sample"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "any bytes are a text" {
	setup_model
	cd "$BATS_TEST_TMPDIR" || return
	for ((i = 0; i < 60; i++)); do
		tail -c +"$((i * 6007 + i))" "$LM_MODEL/model.safetensors" | head -c "$((i * 5))" >bytes
		for options in "" --lines -0 --plain; do
			# shellcheck disable=SC2086
			tok $options <bytes >ids 2>err || { one_line tok err && continue; }
			embed <ids >/dev/null
			# shellcheck disable=SC2086
			tok -d $options <ids >text
			iconv -f UTF-8 -t UTF-8 text >/dev/null
		done
		tok --ids <bytes >ids 2>err || one_line tok err
	done
	head -c 300 "$LM_MODEL/model.safetensors" | tail -c 100 | lm -n 1 2>err >out || fail "$(cat err)"
}
