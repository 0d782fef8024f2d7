#!/usr/bin/env bash
# Starts three mock inference servers and a proxy in front of them; Ctrl-C ends all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/common.sh

./scripts/setup.sh
cargo build --release --locked --package switchyard --package switchyard-inference-mock
programs=${CARGO_TARGET_DIR:-target}/release

"$programs/inference-mock" --listen 127.0.0.1:8001 --count 3 &
mocks=$!
trap 'kill "$mocks"' EXIT
"$programs/switchyard" run --config examples/inference/switchyard.yaml
