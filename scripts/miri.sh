#!/usr/bin/env bash
# Runs unit tests of the ledger under Miri: all that are quick there, or those whose names contain the arguments.
# It interprets each instruction, some hundred times slower than the processor, and says where memory is used that is not
# there, or two threads use the same without an order.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

# Random worlds and long days, each of which would take an hour.
slow='properties mixed many random days tests::carry a_quarter_of_a_length whatever'

have rustup || die 'miri: rustup is not installed'
rustup +nightly component list 2>/dev/null | grep -q '^miri.*(installed)' ||
    die 'miri: no nightly toolchain with it (rustup toolchain install nightly --component miri,rust-src)'

if [ $# -eq 0 ]; then
    for name in $slow; do set -- "$@" --skip "$name"; done
fi
# Tests read the time of day and files of their cases.
MIRIFLAGS="-Zmiri-disable-isolation ${MIRIFLAGS:-}" CARGO_TARGET_DIR=target/miri \
    cargo +nightly miri test --locked -p switchyard-balance --lib -- "$@"
