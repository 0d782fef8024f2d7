#!/bin/sh
# Compiles the programs for the processor of an image, in the Dockerfile's words (amd64, arm64), on any machine with Debian.
#   build.sh prepare ARCH                    installs the cross compiler, if ARCH is another one than this machine's
#   build.sh compile ARCH FOLDER PROFILE     writes the root of each image to FOLDER/PROGRAM
set -eu
here=$(dpkg --print-architecture)
arch=${2:-$here}
case $arch in
    amd64) machine=x86_64 package=gcc-x86-64-linux-gnu cross=libc6-dev-amd64-cross ;;
    arm64) machine=aarch64 package=gcc-aarch64-linux-gnu cross=libc6-dev-arm64-cross ;;
    *) echo "build.sh: images are made for amd64 and arm64, not for $arch" >&2 && exit 2 ;;
esac
target=$machine-unknown-linux-gnu

if [ "$1" = prepare ]; then
    [ "$arch" != "$here" ] || exit 0
    apt-get update
    apt-get install --yes --no-install-recommends "$package" "$cross"
    rm -rf /var/lib/apt/lists/*
    # Where Rust is no rustup's, as in a stand-in, the target has to be there already.
    rustup target add "$target" || [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]
    exit 0
fi

out=$3 profile=$4
# Cargo's folder for its profile dev has another name.
folder=target/$target/$profile
[ "$profile" != dev ] || folder=target/$target/debug
sysroot='' strip=strip
if [ "$arch" != "$here" ]; then
    linker=CARGO_TARGET_$(echo "$target" | tr 'a-z-' 'A-Z_')_LINKER
    export "$linker=$machine-linux-gnu-gcc"
    sysroot=/usr/$machine-linux-gnu strip=$machine-linux-gnu-strip
fi
# Empty is as good as not said.
[ -n "${SWITCHYARD_COMMIT:-}" ] || unset SWITCHYARD_COMMIT
[ -n "${SOURCE_DATE_EPOCH:-}" ] || unset SOURCE_DATE_EPOCH
cargo auditable build --profile "$profile" --locked --target "$target" --bin switchyard --bin substation --bin requester
cargo fetch --locked --quiet
cargo about generate --locked --offline --fail --workspace --config deploy/packages/about.toml --output-file notices.txt \
    deploy/packages/notices.hbs
for program in switchyard substation requester; do
    mkdir -p stripped
    "$strip" -o "stripped/$program" "$folder/$program"
    deploy/docker/rootfs.sh "stripped/$program" "$out/$program" "$sysroot"
    install -D -m 644 notices.txt "$out/$program/usr/share/doc/switchyard/THIRD-PARTY-NOTICES.txt"
    install -D -m 644 LICENSE "$out/$program/usr/share/doc/switchyard/LICENSE"
done
