#!/usr/bin/env bash
# Runs every fuzz target, or those named, for FUZZ_SECONDS each.
# With cargo-fuzz and a nightly toolchain it uses those, which also watch for wrong addresses. Without, it sets the flags
# of cargo-fuzz by itself: the compiler's coverage instruments are in every toolchain.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

limits="-max_total_time=${FUZZ_SECONDS:-30} -timeout=10 -rss_limit_mb=2048"
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046  # a list of words, the package's own name first
    set -- $(sed -n 's/^name = "\(.*\)"/\1/p' fuzz/Cargo.toml | tail -n +2)
fi
[ $# -gt 0 ] || die 'fuzz: no targets in fuzz/'

with_cargo_fuzz() {
    # shellcheck disable=SC2086  # a list of words
    cargo +nightly fuzz run "$1" "fuzz/corpus/$1" "fuzz/seeds/$1" -- $limits
}

with_any_toolchain() {
    # shellcheck disable=SC2086  # a list of words
    "fuzz/target/$host/release/$1" $limits -artifact_prefix="fuzz/artifacts/$1/" "fuzz/corpus/$1" "fuzz/seeds/$1"
}

if have cargo-fuzz && cargo +nightly --version >/dev/null 2>&1; then
    run=with_cargo_fuzz
else
    run=with_any_toolchain
    have c++ || { say 'fuzz: skipped: no C++ compiler, which builds the fuzzer (Debian: g++)'; exit 0; }
    host=$(rustc -vV | sed -n 's/^host: //p')
    # With --target the flags are not for build scripts and macros, which run without the fuzzer.
    RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares" \
        cargo build --release --manifest-path fuzz/Cargo.toml --target-dir fuzz/target --target "$host"
fi
for target; do
    printf '\n== %s\n' "$target"
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    $run "$target"
done
