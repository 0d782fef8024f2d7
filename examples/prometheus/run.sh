#!/usr/bin/env bash
# Gauges from a Prometheus that is there already: README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. examples/lib/common.sh
show prometheus 'switchyard substation requester' "$@"
