#!/usr/bin/env bats
# The elementary functions: as exact as the header says, and the same bits
# whatever compiled them.

load helper

bits='exp f9f58ee083b52c23
log 7309fe55bd965308
erf 5b82011d7feac447
tanh fa5a5ccd5406bbbc
sin dfd21116bc1fc28f
cos a21e132e8f3d2d5e
pow 71bade1e3a2edd25
vector 31caabb16e9e93d1'

@test "elementary: the stated errors hold" {
	run "$BUILD/tests/elementary" error
	[ "$status" -eq 0 ] || fail "${lines[@]:0:10}"
}

@test "elementary: infinities, zeros, NaNs and the largest and smallest numbers are as in C99" {
	run "$BUILD/tests/elementary" special
	[ "$status" -eq 0 ] || fail "${lines[@]:0:10}"
}

@test "elementary: the bits are those of every other build" {
	run "$BUILD/tests/elementary" bits
	[ "$output" = "$bits" ] || fail "$output"
}

@test "elementary: the bits are the same with every compiler and level of optimisation" {
	local compiler level
	for compiler in gcc clang; do
		command -v "$compiler" >/dev/null || continue
		for level in -O0 -O3 '-O3 -march=native'; do
			# shellcheck disable=SC2086,SC2154
			"$compiler" -std=c11 -D_GNU_SOURCE -ffp-contract=off $level -I"$root/common" \
				-o "$BATS_TEST_TMPDIR/elementary" "$root"/{tests,common}/elementary.c -lm
			run "$BATS_TEST_TMPDIR/elementary" bits
			[ "$output" = "$bits" ] || fail "$compiler $level: $output"
		done
	done
}
