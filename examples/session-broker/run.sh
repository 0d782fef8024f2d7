#!/usr/bin/env bash
# Media servers, rooms and signalling: README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. examples/lib/common.sh
show session-broker switchyard "$@"
