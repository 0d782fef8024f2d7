#!/usr/bin/env bash
# Builds what is shipped and measures it side by side with its peers. Arguments go to bench/bench.py (--help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

# Each of our proxies as it is built by itself: together they would share what either asks of a library.
cargo build --profile dist --locked --bin switchyard --bin substation --bin requester
cargo build --profile dist --locked --package switchyard-pingora --example plain_proxy
exec python3 -B bench/bench.py --binaries "${CARGO_TARGET_DIR:-target}/dist" --envoy "$bench_tools/bin/envoy" "$@"
