#!/usr/bin/env bash
# What a cluster would get, and whether the proxy would accept its configuration: README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. examples/lib/common.sh
show kubernetes switchyard "$@"
