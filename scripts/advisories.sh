#!/usr/bin/env bash
# Asks the RustSec database, which it downloads, for known weaknesses of everything in both lock files: `cargo deny` by
# deny.toml, with its exceptions. The workflow `nightly` runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

wanted=0.20.2
release_tools=${CARGO_TARGET_DIR:-target}/release-tools
PATH="$release_tools/bin:$PATH"
if ! have cargo-deny; then
    say "installing cargo-deny $wanted"
    cargo install --quiet --locked --root "$release_tools" --target-dir "$release_tools/build" "cargo-deny@$wanted" </dev/null
    rm -rf "$release_tools/build"
fi
cargo deny --locked check --hide-inclusion-graph advisories
# The fuzz targets are a workspace of their own.
cargo deny --manifest-path fuzz/Cargo.toml --locked check --config "$PWD/deny.toml" --hide-inclusion-graph advisories
