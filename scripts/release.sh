#!/usr/bin/env bash
# A release, all but its upload. Without arguments it runs every step, else only those named. `make release-check` and the
# workflow `release` both call it, so what is published was made and tried by this script.
#   RELEASE_TARGETS   what to build for; a program for another processor is run by an emulator
#   RELEASE_PROFILE   Cargo's profile, dist by default; with dev it takes minutes less, and what it makes is no release
#   RELEASE_TAG       the tag of the release, as in v1.2.3; without it the changes are still unreleased
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

all='version tools notices programs packages chart contents static installed images dockerfile cargo-install crates book sums'
here=$(uname -m)
targets=${RELEASE_TARGETS:-$here-unknown-linux-gnu $here-unknown-linux-musl aarch64-unknown-linux-musl}
# Each once: on an aarch64 machine two of them are the same.
# shellcheck disable=SC2086  # a list of words
targets=$(printf '%s\n' $targets | awk '!seen[$0]++')
target_dir=$(realpath -m "${CARGO_TARGET_DIR:-target}")
release_tools=$target_dir/release-tools
work=$target_dir/release-check
out=$work/artifacts
export PATH="$release_tools/bin:$PATH:$release_tools/python/bin"
export CARGO_ZIGBUILD_PYTHON_PATH="$release_tools/python/bin/python3"
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
profile=${RELEASE_PROFILE:-dist}
programs='switchyard substation requester'
# What `--version` says, and the time in every archive: two builds of a commit are equal.
SWITCHYARD_COMMIT=${SWITCHYARD_COMMIT:-$(git rev-parse HEAD)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SWITCHYARD_COMMIT SOURCE_DATE_EPOCH
notices=$work/THIRD-PARTY-NOTICES.txt

skipped=''
skip() {
    say "skipped: $2"
    skipped="$skipped
  $1: $2"
}

# Python's unit tests, which say what they leave out: a test that is skipped is said again at the end.
check() {
    local step=$1 said
    shift
    said=$(mktemp)
    "$tools/bin/python3" -B -m unittest -v "$@" 2>&1 | tee "$said"
    sed -n "s/.* skipped ['\"]\(.*\)['\"]\$/\1/p" "$said" | sort -u | while read -r why; do
        printf '\n  %s: %s' "$step" "$why" >>"$work/skipped"
    done
    rm "$said"
}

programs_of() { case $profile in dev) say "$target_dir/$1/debug" ;; *) say "$target_dir/$1/$profile" ;; esac; }
stage_of() { say "$work/stage/$1"; }

# The programs of this machine, which print the completions of all.
host_programs() {
    local target
    for target in $targets; do
        case $target in "$here"-*) programs_of "$target" && return ;; esac
    done
    die "release: none of $targets runs here"
}

# A heading of CHANGELOG.md says what is released; on the way to a release it is Unreleased.
run_version() {
    python3 -B -m deploy.packages.version "$version" ${RELEASE_TAG:+--tag "$RELEASE_TAG"}
    [ -n "${RELEASE_TAG:-}" ] || say "version $version, to be released; with RELEASE_TAG=v$version this step asks for its heading"
}

run_tools() {
    ./scripts/setup.sh release
    local name wanted features
    grep -v '^#' scripts/release-tools.txt | while read -r name wanted features; do
        # Cargo's own list of what it has installed there.
        grep -qsF "\"$name $wanted " "$release_tools/.crates.toml" && continue
        say "installing $name $wanted"
        cargo install --quiet --locked --root "$release_tools" --target-dir "$release_tools/build" \
            --features "$features" "$name@$wanted" </dev/null
    done
    rm -rf "$release_tools/build"
    if ! cmp -s scripts/release-python.txt "$release_tools/python/installed.txt"; then
        python3 -m venv --clear "$release_tools/python"
        "$release_tools/python/bin/pip" install --quiet --requirement scripts/release-python.txt
        cp scripts/release-python.txt "$release_tools/python/installed.txt"
    fi
    local target
    for target in $targets; do
        rustup target list --installed | grep -qx "$target" || rustup target add "$target"
    done
}

# Every crate in the programs, with its licence.
run_notices() {
    mkdir -p "$work"
    # The texts are those in the crates' own sources: nothing else is asked.
    cargo fetch --locked --quiet
    cargo about generate --locked --offline --fail --workspace --config deploy/packages/about.toml --output-file "$notices" \
        deploy/packages/notices.hbs
    NOTICES=$notices check notices deploy.packages.tests.test_notices
}

run_programs() {
    local target build program names=''
    for program in $programs; do names="$names --bin $program"; done
    for target in $targets; do
        build=build
        case $target in
            # Debian has a C compiler for musl and this processor.
            "$here"-*-musl) export "CC_${target//-/_}=musl-gcc" ;;
            # For others Zig has one. It takes minutes more: it builds its C library anew for each of the processor's
            # features that zlib-ng asks for.
            *-musl) build=zigbuild ;;
        esac
        say "$target"
        # The list of crates goes into each program: `cargo audit bin PROGRAM` reads it.
        # shellcheck disable=SC2086  # a list of words
        cargo auditable "$build" --profile "$profile" --locked --target "$target" $names
    done
}

run_packages() {
    local target
    rm -rf "$out" "$work/stage" "$work/upgrade"
    mkdir -p "$out" "$work/upgrade/old" "$work/upgrade/new"
    for target in $targets; do
        say "$target"
        STRIP=$(strip_for "$target") ./scripts/package.sh stage "$(programs_of "$target")" "$(stage_of "$target")" \
            "$(host_programs)" "$notices"
        case $target in
            *-musl) ./scripts/package.sh archive "$(stage_of "$target")" "$out" "$target" ;;
            *) ./scripts/package.sh deb "$(stage_of "$target")" "$out" && ./scripts/package.sh rpm "$(stage_of "$target")" "$out" ;;
        esac
    done
    ls -l "$out"
    # For the test of an upgrade: the same programs in a package of a higher version, with another default configuration.
    if ls "$out"/*.deb >/dev/null 2>&1; then
        local stage
        cp "$out"/*.deb "$out"/*.rpm "$work/upgrade/old/"
        stage=$(stage_of "$here-unknown-linux-gnu")
        sed -i '1i # this is the newer one' "$stage/release/packages/switchyard/etc/switchyard.yaml"
        PACKAGE_FAST=yes REVISION=2 ./scripts/package.sh deb "$stage" "$work/upgrade/new"
        PACKAGE_FAST=yes REVISION=2 ./scripts/package.sh rpm "$stage" "$work/upgrade/new"
        sed -i 1d "$stage/release/packages/switchyard/etc/switchyard.yaml"
    fi
}

# Zig brings no strip, binutils know their own processor only, and Rust's copy of LLVM's finds no library of its own.
strip_for() {
    case $1 in
        "$here"-*) say strip ;;
        *) say "${1%%-*}-linux-gnu-strip" ;;
    esac
}

# The Helm chart, as `helm package` packs it, except that two builds of a commit are equal.
run_chart() {
    mkdir -p "$out"
    tar -C deploy/chart --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
        -c switchyard | gzip -n9 >"$out/switchyard-$version.tgz"
    CHART_ARCHIVE=$out/switchyard-$version.tgz check chart deploy.packages.tests.test_chart
}

run_contents() { ARTIFACTS=$out check contents deploy.packages.tests.test_contents; }

run_static() {
    case $targets in
        *-musl*) STAGES=$work/stage check static deploy.packages.tests.test_static ;;
        *) skip static "no static programs are among $targets" ;;
    esac
}

run_installed() {
    if ls "$work"/upgrade/new/*.deb >/dev/null 2>&1; then
        PACKAGES=$work/upgrade check installed deploy.packages.tests.test_installed
    else
        skip installed "no packages for this machine are among $targets"
    fi
}

run_images() {
    IMAGE_PROGRAMS=$(programs_of "$here-unknown-linux-gnu") check images deploy.packages.tests.test_image.LaidOut
}

# The programs are compiled once more, in the container that the Dockerfile names.
run_dockerfile() {
    PROFILE=$profile IMAGE_ARCHITECTURES=${IMAGE_ARCHITECTURES:-amd64 arm64} check dockerfile deploy.packages.tests.test_image.Whole
}

# As a user of Cargo installs them from the tree.
run_cargo_install() {
    local crate
    for crate in crates/switchyard substation requester; do
        cargo install --quiet --locked --path "$crate" --root "$work/cargo-install" --target-dir "$target_dir" --force
        "$work/cargo-install/bin/$(basename "$crate")" --version
    done
    "$work/cargo-install/bin/switchyard" check --config config/switchyard.yaml >/dev/null
}

# The crates that are published: their packages, and what they make public.
run_crates() { ./scripts/crates.sh; }

# The documents as a site.
run_book() {
    make book
    tar -C "$target_dir/book" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
        --transform "s|^html|switchyard-$version-book|" -c html | gzip -9n >"$out/switchyard-$version-book.tar.gz"
}

run_sums() {
    (cd "$out" && rm -f SHA256SUMS && sha256sum -- * >SHA256SUMS && sha256sum --check --quiet SHA256SUMS && cat SHA256SUMS)
}

mkdir -p "$work"
rm -f "$work/skipped" "$work/times"
# shellcheck disable=SC2086  # a list of words
[ $# -gt 0 ] || set -- $all
total=$SECONDS number=0
for step in "$@"; do
    printf '\n== %s (%s of %s)\n' "$step" "$((++number))" "$#"
    began=$SECONDS
    "run_${step//-/_}"
    printf '  %-14s %5d s\n' "$step" $((SECONDS - began)) >>"$work/times"
done
printf '\n== release %s (%s): every step passed in %d s\n' "$version" "$profile" $((SECONDS - total))
cat "$work/times"
[ -d "$out" ] && (cd "$out" && du --apparent-size -B 1000 -- * | awk '{ printf "  %8.1f MB  %s\n", $1 / 1000, $2 }')
skipped="$skipped$(cat "$work/skipped" 2>/dev/null || true)"
say "not done here: the upload, provenance and signatures, which need the forge${skipped:+
skipped, and why:$skipped}"
