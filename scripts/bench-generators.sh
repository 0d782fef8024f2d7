#!/usr/bin/env bash
# Builds what is shipped, and has three load generators offer the same rush hour. Arguments go to bench/generators.py (--help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

if ! have "${OHA:-oha}"; then
    say 'bench-testers: installing oha'
    cargo install oha --locked --quiet || die 'bench-testers: could not install oha; type:  cargo install oha --locked'
fi
cargo build --profile dist --locked --bin switchyard --bin substation --bin requester
exec python3 -B bench/generators.py "$@"
