#!/usr/bin/env bash
# Envoy in front of Switchyard, and their access logs joined by the id of the request: README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. examples/lib/common.sh
# ENVOY names the program; else one on the PATH or among the bench's peers, which is installed if there is none.
if [ -z "${ENVOY:-}" ]; then
    ENVOY=$(command -v envoy || true)
    ENVOY=${ENVOY:-$bench_tools/bin/envoy}
    case " $* " in
        *' --help '* | *' -h '*) ;;
        *) [ -x "$ENVOY" ] || ./scripts/setup.sh envoy ;;
    esac
fi
export ENVOY
show behind-envoy 'switchyard substation' "$@"
