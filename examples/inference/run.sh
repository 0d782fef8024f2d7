#!/usr/bin/env bash
# Mock inference servers with vLLM's gauges, behind one address: README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. examples/lib/common.sh
show inference 'switchyard switchyard-inference-mock' "$@"
