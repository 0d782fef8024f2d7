#!/usr/bin/env bash
# Installs the proxies that the bench compares with into target/bench-peers, beside the build; nothing on the machine changes.
#   bench-peers.sh          all that are missing: newer Debian packages, and those that cargo builds (ten minutes, once)
#   bench-peers.sh debian   only HAProxy and nginx of the newer Debian
# If it can't install something, it says so and goes on: the bench leaves it out, or measures the installed version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

# Debian 13 has HAProxy 3.0 and nginx 1.26. An older Debian's are years old.
suite=trixie
# The two with the libraries that they load, the C library included.
debian_packages='haproxy nginx libc6 libcap2 libcrypt1 libgcc-s1 libjemalloc2 liblua5.4-0 libopentracing-c-wrapper0t64
    libopentracing1 libpcre2-8-0 libssl3t64 libstdc++6 libsystemd0 libzstd1 zlib1g'
# CRATE VERSION: the newest versions that the pinned Rust builds, which is what a reader can build too.
crates='sozu 2.3.3
pingap 0.13.1'

# The address from which this machine gets Debian's main packages.
debian_site() {
    # shellcheck disable=SC2016  # the format is apt's
    apt-get indextargets --format '$(IDENTIFIER) $(ORIGIN) $(COMPONENT) $(SITE)' 2>/dev/null |
        sed -n 's/^Packages Debian main \([^ ]*\)$/\1/p' | head -1
}

# Downloads and unpacks the packages of the newer Debian, with an apt of its own that knows only this suite.
unpack_debian() {
    local folder=$1 site options
    site=$(debian_site)
    [ -n "$site" ] || { say 'bench-peers: this is no Debian'; return 1; }
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/root" "$folder/bin"
    folder=$(realpath "$folder")
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
        "$site" "$suite" /usr/share/keyrings/debian-archive-keyring.gpg >"$folder/apt/newer.sources"
    options="-qq -o Dir::Etc::sourcelist=$folder/apt/newer.sources -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::lists=$folder/apt/lists -o Dir::Cache=$folder/apt/cache -o Dir::State::status=/dev/null
        -o APT::Sandbox::User=root"
    # shellcheck disable=SC2086  # lists of words
    (cd "$folder/apt" && apt-get $options update && apt-get $options download $debian_packages) >/dev/null || return 1
    for package in "$folder"/apt/*.deb; do dpkg-deb -x "$package" "$folder/root" || return 1; done
    for program in haproxy nginx; do
        # Its own loader and libraries, since the machine's C library is older than the program needs.
        cat >"$folder/bin/$program" <<'END'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")/../root/usr
lib=$(echo "$here"/lib/*-linux-gnu*)
exec "$lib"/ld-linux*.so.* --inhibit-cache --library-path "$lib" "$here/sbin/${0##*/}" "$@"
END
        chmod +x "$folder/bin/$program"
        "$folder/bin/$program" -v >/dev/null 2>&1 || return 1
    done
    rm -rf "$folder/apt"
}

folder=$bench_peers/debian
if [ ! -x "$folder/bin/nginx" ]; then
    rm -rf "$folder"
    if ! unpack_debian "$folder"; then
        rm -rf "$folder"
        say "bench-peers: no HAProxy and nginx of Debian $suite; the bench measures those that are installed"
    fi
fi
[ "${1:-}" != debian ] || exit 0

# sozu's build reads a protocol description.
have protoc || say 'bench-peers: sozu needs protoc to build (Debian: protobuf-compiler)'
while read -r crate version; do
    case "$("$bench_peers/bin/$crate" --version 2>/dev/null)" in *"$version"*) continue ;; esac
    say "bench-peers: building $crate $version, once"
    cargo install --quiet --locked --root "$bench_peers" --version "$version" --bin "$crate" "$crate" ||
        say "bench-peers: could not build $crate $version; the bench leaves it out"
done <<END
$crates
END
