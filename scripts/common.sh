# shellcheck shell=sh
# Shared by all scripts and recipes, which source it from the repository's root. Make uses sh, so POSIX only.

# Prefers rustup's cargo, since a distribution's is often too old. Debian installs haproxy and nginx in sbin.
PATH="${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH:/usr/sbin:/sbin"
export PATH

# Where setup.sh installs the checkers written in Python.
tools=${CARGO_TARGET_DIR:-target}/python-tools
# Where it installs a collector of traces, which tests find beside the checkers.
collector_tools=${CARGO_TARGET_DIR:-target}/collector-tools
# Where it installs Helm's library, which tests find beside the checkers too.
helm_library=${CARGO_TARGET_DIR:-target}/helm-library
# Where it installs the checker of links, and where book.sh installs mdBook.
book_tools=${CARGO_TARGET_DIR:-target}/book-tools
mdbook_tools=${CARGO_TARGET_DIR:-target}/mdbook
# Where it installs the bench's peers that come as Python packages.
bench_tools=${CARGO_TARGET_DIR:-target}/bench-tools
# Where bench-peers.sh installs the others, since Python empties its folder when the list changes.
bench_peers=${CARGO_TARGET_DIR:-target}/bench-peers
export tools collector_tools helm_library book_tools mdbook_tools bench_tools bench_peers

have() { command -v "$1" >/dev/null 2>&1; }

say() { printf '%s\n' "$*"; }

# Runs Docker Compose, the plugin or the older program.
compose() {
    if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# The Rust version to build with. If `stable` is that version, uses it and downloads nothing.
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
