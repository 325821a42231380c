#!/usr/bin/env bats
# streamfuzz.bats: broken streams, a sample of those of `make check-fuzz`.

load helper

@test "broken streams: exit 1 and one line, or a result; no crash, no hang, no partial frame" {
	run "$root/tests/stream-fuzz" --sample 100
	echo "$output"
	[ "$status" -eq 0 ]
}
