# shellcheck shell=bash
# Shared by all examples/NAME/run.sh, which source it from the repository's root.
. scripts/common.sh

# show NAME PACKAGES ARGUMENTS...: builds the programs in the words of PACKAGES, and runs examples/NAME/show.py.
# EXAMPLE_BINARIES names a folder that has them already.
show() {
    local name=$1 packages=$2 package arguments=()
    shift 2
    have python3 || die 'this example needs python3 (Debian: python3)'
    case " $* " in
        *' --help '* | *' -h '*) ;;
        *)
            if [ -z "${EXAMPLE_BINARIES:-}" ]; then
                ./scripts/setup.sh
                for package in $packages; do arguments+=(--package "$package"); done
                cargo build --release --locked --quiet "${arguments[@]}"
                export EXAMPLE_BINARIES=${CARGO_TARGET_DIR:-target}/release
            fi
            ;;
    esac
    PYTHONPATH=examples/lib exec python3 -B "examples/$name/show.py" "$@"
}
