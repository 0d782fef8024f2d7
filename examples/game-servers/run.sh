#!/usr/bin/env bash
# Hosts of a game, matches that are allocated to them, and players: README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. examples/lib/common.sh
show game-servers switchyard "$@"
