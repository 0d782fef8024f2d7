#!/usr/bin/env bash
# The crates that are published. Without arguments: `package` and `api`.
#   package   makes their packages, and builds each from what is in its package
#   api       compares what each makes public with crates/NAME/public-api.txt, which is what versions promise
#   note      writes those files anew: what is gone or differs there is a breaking change (CONTRIBUTING.md)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

crates='balance gauge pingora'
target=${CARGO_TARGET_DIR:-target}

run_package() {
    local crate packages=()
    for crate in $crates; do packages+=(--package "switchyard-$crate"); done
    # A dirty tree is for its author to know: `cargo publish` refuses it.
    cargo package --locked --allow-dirty "${packages[@]}"
    ls -l "$target"/package/switchyard-*.crate
}

# public_api CRATE: one item a line, without what is derived. The JSON of rustdoc is unstable, and the compiler is pinned.
public_api() {
    RUSTC_BOOTSTRAP=1 cargo rustdoc --quiet --locked --package "switchyard-$1" --lib -- \
        -Z unstable-options --output-format json --cap-lints allow
    cargo public-api --rustdoc-json "$target/doc/switchyard_$1.json" -sss
}

need_public_api() {
    cargo public-api --version >/dev/null 2>&1 ||
        die 'cargo-public-api is not installed; type:  cargo install --locked cargo-public-api@0.52.0'
}

run_api() {
    local crate fault=''
    need_public_api
    for crate in $crates; do
        say "the public API of switchyard-$crate"
        public_api "$crate" | diff -u "crates/$crate/public-api.txt" - || fault=yes
    done
    [ -z "$fault" ] || die 'the public API has changed; if it should:  scripts/crates.sh note'
}

run_note() {
    local crate
    need_public_api
    for crate in $crates; do public_api "$crate" >"crates/$crate/public-api.txt"; done
}

[ $# -gt 0 ] || set -- package api
for step in "$@"; do
    case $step in package | api | note) "run_$step" ;; *) die "no step $step: package, api or note" ;; esac
done
