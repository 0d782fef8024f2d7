#!/usr/bin/env bash
# Changes the code in one place after another, and says which changes no test notices: docs/testing.md, "Mutants".
# Without arguments it takes all code that decides over bookings, which lasts a night. Part of it:
#   scripts/mutants.sh --file crates/balance/src/ledger.rs
#   scripts/mutants.sh --file 'crates/http1/**' --shard 1/4
#   scripts/mutants.sh --in-diff my.diff
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

version=27.1.0
have cargo-mutants || cargo install cargo-mutants --version "$version" --locked

# The choice and the ledger, the keys, the codec, and when and where a request is sent again.
if [ $# -eq 0 ]; then
    set -- --file 'crates/balance/**' --file 'crates/idempotency/**' --file 'crates/http1/**' \
        --file proxy/src/dispatch/attempt.rs --file proxy/src/dispatch/retry.rs
fi
# Nextest stops at the first test that notices.
if have cargo-nextest; then
    set -- --test-tool nextest --cargo-test-arg=--max-fail=1:immediate --cargo-test-arg=--status-level=none "$@"
fi
# The tool works on a copy of the tree. A folder of its own keeps what the copy's dependencies were built into.
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")/mutants
mkdir -p "$CARGO_TARGET_DIR"
# A debugger's tables would double the time of a build, and failures of properties are wanted here.
export CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=0 PROPTEST_DISABLE_FAILURE_PERSISTENCE=1
# Ends with 2 if a mutant was missed, and with 3 if a test did not end.
exec nice -n 15 cargo mutants --workspace --output "$CARGO_TARGET_DIR" "$@"
