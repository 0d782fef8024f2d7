#!/usr/bin/env bash
# Six charging sites on two feeders, a rush of cars, and an order of the grid operator: README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. examples/lib/common.sh
show charging-network 'switchyard substation requester' "$@"
