# shellcheck shell=sh
# What every script and recipe shares; sourced from the repository's root, so POSIX sh.

# rustup's cargo comes first: a distribution's own is often too old. Debian keeps haproxy and nginx in sbin.
PATH="${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH:/usr/sbin:/sbin"
export PATH

# Where setup.sh puts the checkers that are written in Python.
tools=${CARGO_TARGET_DIR:-target}/python-tools
# And those peers of the bench that come as Python packages.
bench_tools=${CARGO_TARGET_DIR:-target}/bench-tools
export tools bench_tools

have() { command -v "$1" >/dev/null 2>&1; }

say() { printf '%s\n' "$*"; }

# Docker Compose, as a plugin or as the program that it was before.
compose() {
    if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# The Rust we build with. Where `stable` happens to be that very version, there is nothing to download.
pinned=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)
if have rustup; then
    case "$(rustup toolchain list 2>/dev/null)" in
        *"$pinned"-*) ;;
        *stable-*)
            case "$(rustc +stable --version)" in
                "rustc $pinned "*) export RUSTUP_TOOLCHAIN=stable ;;
            esac
            ;;
    esac
fi
