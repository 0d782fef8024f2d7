#!/usr/bin/env bash
# Runs every fuzz target, or those named, for FUZZ_SECONDS each.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

skip() {
    say "fuzz: skipped: $1"
    exit 0
}

cargo +nightly --version >/dev/null 2>&1 || skip 'no nightly toolchain (rustup toolchain install nightly)'
have cargo-fuzz || skip 'cargo-fuzz is not installed (cargo install cargo-fuzz)'

targets=${*:-$(cargo +nightly fuzz list)}
[ -n "$targets" ] || { say 'fuzz: no targets in fuzz/' >&2; exit 1; }
for target in $targets; do
    printf '\n== %s\n' "$target"
    cargo +nightly fuzz run "$target" -- -max_total_time="${FUZZ_SECONDS:-30}" -timeout=10 -rss_limit_mb=2048
done
