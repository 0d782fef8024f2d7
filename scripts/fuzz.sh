#!/usr/bin/env bash
# Runs every fuzz target, or those named, for FUZZ_SECONDS each, one a core at a time; fails if one finds something.
#   scripts/fuzz.sh promql config
#   scripts/fuzz.sh --build       only builds them
# With the toolchain of the workspace and a C++ compiler: the compiler's instruments for coverage are in every toolchain.
# With FUZZ_WITH=cargo-fuzz by that, on a nightly toolchain, which also watches for wrong addresses.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

seconds=${FUZZ_SECONDS:-30}
at_once=${FUZZ_AT_ONCE:-$(getconf _NPROCESSORS_ONLN)}
# An input that takes so long is a finding. A busy machine takes its time, too.
limits="-max_total_time=$seconds -timeout=25 -rss_limit_mb=2048"
only_build=no
if [ "${1:-}" = --build ]; then
    only_build=yes
    shift
fi
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046  # a list of words, the package's own name first
    set -- $(sed -n 's/^name = "\(.*\)"/\1/p' fuzz/Cargo.toml | tail -n +2)
fi
[ $# -gt 0 ] || die 'fuzz: no targets in fuzz/'
host=$(rustc -vV | sed -n 's/^host: //p')
logs=fuzz/target/logs

build() {
    # With --target the wrapper's work is not for build scripts and macros, which run without the fuzzer.
    RUSTFLAGS='--cfg fuzzing' RUSTC_WRAPPER=$PWD/scripts/fuzz-rustc.sh \
        cargo build --quiet --release --manifest-path fuzz/Cargo.toml --target-dir fuzz/target --target "$host"
}

# What a target learns from besides what it has found before: folders, and a list of words.
learns_from() {
    echo "fuzz/corpus/$1"
    [ ! -d "fuzz/seeds/$1" ] || echo "fuzz/seeds/$1"
    if [ "$1" = config ]; then
        echo crates/switchyard/tests/config/valid crates/switchyard/tests/config/invalid
        echo "-dict=$logs/config.words"
    fi
}

fuzz_one() {
    local target=$1
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    # shellcheck disable=SC2046,SC2086  # lists of words
    if [ "${FUZZ_WITH:-}" = cargo-fuzz ]; then
        cargo +nightly fuzz run "$target" $(learns_from "$target" | grep -v '^-') -- $limits
    else
        "fuzz/target/$host/release/$target" $limits -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$target/" \
            $(learns_from "$target")
    fi
}

# Runs a target, and says how fast it was or what it found.
report() {
    local target=$1 log=$logs/$1.log runs
    if fuzz_one "$target" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        say "$target: ${runs:-?} inputs in $seconds s"
    else
        printf '\n== fuzz: %s found something\n' "$target"
        grep -a -m 1 -A 8 'panicked at' "$log" || tail -n 20 "$log"
        grep -a 'Test unit written to' "$log" || true
        say "once more: scripts/fuzz.sh $target; the whole log: $log"
        return 1
    fi
}

if [ "${FUZZ_BUILT:-}" = yes ]; then
    report "$1"
    exit
fi
if [ "${FUZZ_WITH:-}" = cargo-fuzz ]; then
    have cargo-fuzz || die 'fuzz: cargo-fuzz is not installed (cargo install cargo-fuzz --locked)'
else
    have c++ || { say 'fuzz: skipped: no C++ compiler, which builds the fuzzer (Debian: g++)'; exit 0; }
    build
fi
[ "$only_build" = no ] || exit 0
mkdir -p "$logs"
# All keys of the configuration, which no fuzzer finds by chance.
grep -o '"[a-z_]*":' config/switchyard.schema.json | sort -u | tr -d : >"$logs/config.words"
printf '%s\n' "$@" | FUZZ_BUILT=yes xargs -n 1 -P "$at_once" scripts/fuzz.sh || exit 1
