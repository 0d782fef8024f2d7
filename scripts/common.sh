# shellcheck shell=sh
# What every script and recipe shares; sourced, so POSIX sh.

# rustup's cargo comes first: a distribution's own is often too old. Debian keeps haproxy and nginx in sbin.
PATH="${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH:/usr/sbin:/sbin"
export PATH

have() { command -v "$1" >/dev/null 2>&1; }

say() { printf '%s\n' "$*"; }

die() {
    printf '%s\n' "$*" >&2
    exit 1
}
