#!/usr/bin/env bash
# Builds what is shipped and measures it side by side with its peers. Arguments go to bench/bench.py (--help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

cargo build --profile dist --locked --bin switchyard --bin substation
exec python3 -B bench/bench.py --binaries "${CARGO_TARGET_DIR:-target}/dist" "$@"
