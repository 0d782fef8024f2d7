#!/usr/bin/env bash
# What CI runs. Without arguments it runs every step, the tests last; else only those named:
#   scripts/test.sh lint tests
# What waits for most of its time goes on beside what builds: the installation of tools while the linter runs, the step
# `stack`, and `fuzz`, which takes what others leave of the processors. All of it ends before the tests run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

all='format typos scripts bench-tools licences lint docs tools book monitoring deployment browser configs units packages stack examples fuzz doctests interleavings differential tests'
skipped=''

# skip STEP REASON: says that a step is skipped, at once and again before the tests.
skip() {
    say "skipped: $2"
    skipped="$skipped
  $1: $2"
}

run_format() { cargo fmt --all --check; }

run_typos() {
    if have typos; then
        typos
    else
        skip typos 'typos is not installed (cargo install typos-cli --locked)'
    fi
}

run_scripts() {
    if have shellcheck; then
        shellcheck -x scripts/*.sh deploy/docker/*.sh deploy/packages/hot-restart deploy/packages/*/*.sh deploy/packages/debian/scripts/* examples/*/*.sh .ci/run
    else
        skip scripts 'shellcheck is not installed'
    fi
}

run_bench_tools() {
    if have python3; then
        (cd bench && python3 -B -m unittest discover -q -s tests -t .)
    else
        skip bench-tools 'python3 is not installed'
    fi
}

# The downloads of setup.sh, which began with the first step.
run_tools() { finish_beside; }

# The documentation: every page is in the book, every link and anchor leads somewhere; if mdBook is here, also in the book.
run_book() {
    if have python3; then
        python3 -B -m unittest discover -q -s book/tests -t .
    else
        skip book 'python3 is not installed'
    fi
    if [ -x "$book_tools/bin/lychee" ]; then
        ./scripts/book.sh links
    else
        skip book 'the checker of links could not be installed (scripts/book-tools.txt)'
    fi
}

# The tests of the live page run with the other tests. Without a browser they check nothing and pass.
run_browser() {
    if have chromedriver; then
        chromedriver --version
    else
        skip browser 'chromedriver is not installed, so the live page is not tested (Debian: chromium-driver)'
    fi
}

# Runs Python's unit tests with the packages that setup.sh installed.
run_python() {
    local step=$1
    shift
    if [ -x "$tools/bin/python3" ]; then
        "$tools/bin/python3" -B -m unittest "$@"
    else
        skip "$step" 'its Python packages could not be installed (scripts/python-tools.txt)'
    fi
}

run_monitoring() {
    run_python monitoring discover -q -s monitoring/tests -t .
    have promtool || skip monitoring 'promtool is not installed, so rules are not tested (Debian: prometheus)'
}

run_deployment() {
    run_python deployment discover -q -s deploy/tests -t .
    have kustomize || have kubectl || skip deployment 'neither kustomize nor kubectl is installed: no manifests checked'
    [ -d "$helm_library" ] || have helm || skip deployment 'neither the library of Helm nor helm is installed: no chart rendered'
}

# Builds the programs of the steps below. With the examples, because these need what tests need: then the features of all
# dependencies are those of the tests too, and nothing is compiled a second time for them.
build_programs() { cargo build --workspace --bins --examples --locked; }

# The steps that wait more than they compute go on while the next ones build: words of step, process and log.
beside=''

# go_on_beside STEP COMMAND...: starts a step whose end `finish_beside` waits for.
go_on_beside() {
    local step=$1 log
    shift
    log=$(mktemp)
    "$@" >"$log" 2>&1 &
    beside="$beside $step $! $log"
}

# Waits for the steps that go on beside others, and prints what they said; fails if one has failed. Also called at the
# end of a script that failed, because they remove their containers at their end.
finish_beside() {
    local result=0
    # shellcheck disable=SC2086  # a list of words
    set -- $beside
    beside=''
    while [ $# -gt 0 ]; do
        wait "$2" || result=$?
        printf '\n== %s, which is over\n' "$1"
        cat "$3"
        rm "$3"
        shift 3
    done
    return "$result"
}
trap finish_beside EXIT

# Runs a command that leaves the processors to what goes on beside it, if anything does.
politely() {
    if [ -n "$beside" ]; then nice -n 15 "$@"; else "$@"; fi
}

# The whole stack in a rush hour. It needs the programs, so the steps monitoring and deployment leave it out.
run_stack() {
    if ! have prometheus || [ ! -x "$tools/bin/python3" ]; then
        skip stack 'prometheus or the Python packages are not installed (scripts/python-tools.txt)'
        return
    fi
    build_programs
    go_on_beside stack env STACK_BINARIES="${CARGO_TARGET_DIR:-target}/debug" \
        "$tools/bin/python3" -B -m unittest monitoring.tests.test_stack
}

# Each example by its one command, all side by side, and the clients that they are for. It says what it leaves out.
run_examples() {
    build_programs
    EXAMPLE_BINARIES=${CARGO_TARGET_DIR:-target}/debug run_python examples examples.test_examples examples.inference.test_openai
}

# Leaves out advisories: they need a download, and change without a commit here. `cargo deny check` includes them.
run_licences() {
    if have cargo-deny; then
        cargo deny --locked check -A duplicate --hide-inclusion-graph bans licenses sources
    else
        skip licences 'cargo-deny is not installed'
    fi
}

run_lint() { cargo clippy --workspace --all-targets --locked -- -D warnings; }

# Private items too: the readers change the code, and links between its parts break most often. Examples too, so that
# the features of dependencies are those that the linter has checked already. The programs are those whose names no
# library has.
run_docs() {
    RUSTDOCFLAGS='-D warnings -A rustdoc::private-intra-doc-links' \
        cargo doc --workspace --lib --bin switchyard --bin simulate --examples --no-deps \
        --document-private-items --locked
}

run_configs() {
    local file
    build_programs
    for file in config/*.yaml deploy/packages/switchyard.yaml examples/*/switchyard.yaml; do
        [ -e "$file" ] || die 'no config/*.yaml: the shipped configuration is missing'
        say "$file"
        "${CARGO_TARGET_DIR:-target}/debug/switchyard" check --config "$file" >/dev/null
    done
    # Those that the Helm chart writes.
    CHART_BINARIES=${CARGO_TARGET_DIR:-target}/debug run_python configs deploy.tests.test_chart_config
}

# Checks a copy whose commands name the binary that was just built.
run_units() {
    if ! have systemd-analyze; then
        skip units 'systemd-analyze is not installed'
        return
    fi
    local folder
    build_programs
    folder=$(mktemp -d)
    sed "s|=switchyard |=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/switchyard |" \
        deploy/systemd/switchyard.service >"$folder/switchyard.service"
    systemd-analyze verify --man=no "$folder/switchyard.service"
    rm -r "$folder"
}

# Packages of the programs of the debug build: what is in them. `make release-check` makes those of a release, and installs them.
run_packages() {
    local folder=''
    PATH="$PATH:${CARGO_TARGET_DIR:-target}/release-tools/bin"
    if ! have cargo-deb; then
        skip packages 'cargo-deb is not installed (make release-check installs it)'
        return
    fi
    build_programs
    folder=$(mktemp -d)
    mkdir "$folder/out"
    # Notices take another tool, and minutes to install; a release tests what is in them.
    echo 'none: this is no release' >"$folder/notices"
    ./scripts/package.sh stage "${CARGO_TARGET_DIR:-target}/debug" "$folder" "${CARGO_TARGET_DIR:-target}/debug" "$folder/notices"
    PACKAGE_FAST=yes ./scripts/package.sh deb "$folder" "$folder/out"
    ! have cargo-generate-rpm || ! have rpm || PACKAGE_FAST=yes ./scripts/package.sh rpm "$folder" "$folder/out"
    ARTIFACTS=$folder/out RELEASE=no run_python packages deploy.packages.tests.test_contents
    rm -r "$folder"
}

run_doctests() { politely cargo test --workspace --doc --locked --quiet; }

# Threads that meet at ledgers, feeders, guards and wake-ups: in thousands of orders, and small models in every order.
run_interleavings() {
    politely cargo test --workspace --features switchyard-balance/_shuttle --test interleavings --locked --quiet
    politely cargo test --workspace --features switchyard-balance/_loom --test orderings --locked --quiet
}

# Every parser of what comes from outside, for five seconds: docs/testing.md.
run_fuzz() {
    if have c++; then
        politely ./scripts/fuzz.sh --build
        go_on_beside fuzz env FUZZ_SECONDS="${FUZZ_SECONDS:-5}" nice -n 19 ./scripts/fuzz.sh
    else
        skip fuzz 'no C++ compiler, which builds the fuzzer (Debian: g++)'
    fi
}

# Odd requests and answers through this proxy and through others. It says which of those are not installed.
run_differential() {
    if [ -x "$tools/bin/python3" ]; then
        build_programs
        politely "$tools/bin/python3" -B bench/differential.py --binaries "${CARGO_TARGET_DIR:-target}/debug"
    else
        skip differential 'its Python packages could not be installed (scripts/python-tools.txt)'
    fi
}

run_tests() {
    local cores
    cores=$(getconf _NPROCESSORS_ONLN)
    [ -z "$skipped" ] || say "skipped here:$skipped"
    if have cargo-nextest; then
        politely cargo nextest run --workspace --locked --no-run
        finish_beside
        cargo nextest run --workspace --locked --no-fail-fast --profile ci --test-threads $((3 * cores))
    else
        politely cargo test --workspace --lib --bins --tests --locked --no-run
        finish_beside
        say '(cargo-nextest is not installed: cargo test runs the same tests)'
        cargo test --workspace --lib --bins --tests --locked --no-fail-fast
    fi
}

# shellcheck disable=SC2086  # a list of words
[ $# -gt 0 ] || {
    go_on_beside setup ./scripts/setup.sh test
    set -- $all
}
for step in "$@"; do
    printf '\n== %s, after %s s\n' "$step" "$SECONDS"
    "run_${step//-/_}"
done
finish_beside
