#!/bin/sh
# What cargo calls in place of rustc for the fuzz targets: compiles our own crates, and those that read bytes for them, with
# the instruments that show a fuzzer where it has been. The others are built as always, which takes half the time.
rustc=$1
shift
case "${CARGO_PKG_NAME:-}" in
    switchyard-* | granit-parser | h2 | httparse | hyper | postcard | proxy-header | serde_json | time) ;;
    *) exec "$rustc" "$@" ;;
esac
case " $* " in
    # The programs that run while something is built have no fuzzer to tell.
    *" --crate-name build_script_build "* | *" --crate-type proc-macro "*) exec "$rustc" "$@" ;;
esac
exec "$rustc" "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
