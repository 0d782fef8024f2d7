#!/usr/bin/env bash
# Builds what is shipped and measures it beside its peers. Arguments go to bench/bench.py (--help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

# Builds the programs separately: in one build the proxies would also get the library features that the other asks for.
cargo build --profile dist --locked --bin switchyard --bin substation --bin requester
cargo build --profile dist --locked --package switchyard-pingora --example plain_proxy
cargo build --profile dist --locked --package switchyard-inference-mock
cargo bench --profile dist --locked --package switchyard-balance --bench decision --no-run
exec python3 -B bench/bench.py "$@"
