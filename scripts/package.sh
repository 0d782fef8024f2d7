#!/usr/bin/env bash
# Makes packages of programs that are built already; scripts/release.sh calls it for a release, a test with those of the
# debug build. The lists of what is in a package are in the programs' Cargo.toml (`package.metadata`).
#   package.sh stage PROGRAMS STAGE [HOST_PROGRAMS] [NOTICES]
#                     lays out stripped programs and all that goes under /usr/share in STAGE/release. HOST_PROGRAMS run here
#                     and print the shells' completions; they are PROGRAMS unless those are for another processor.
#   package.sh deb STAGE OUT         switchyard and switchyard-tools, by cargo-deb
#   package.sh rpm STAGE OUT         the same by cargo-generate-rpm
#   package.sh archive STAGE OUT TARGET      one .tar.gz with everything, for programs that need no library
# REVISION is that of the package, 1 by default. With PACKAGE_FAST packages are larger, and made in less time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
revision=${REVISION:-1}

# Who made a package when is part of it: the time of the commit makes two builds of it equal.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

# share PROGRAM PACKAGE: manuals and completions of a program.
share() {
    local program=$1 share=$stage/release/packages/$2/share found=''
    for page in docs/man/"$program".1 docs/man/"$program"-*.1; do
        [ -e "$page" ] || continue
        install -d "$share/man/man1"
        gzip -9nc "$page" >"$share/man/man1/$(basename "$page").gz"
        found=yes
    done
    [ -n "$found" ] || die "package: docs/man has no page of $program"
    install -d "$share/bash-completion/completions" "$share/zsh/vendor-completions" "$share/zsh/site-functions" \
        "$share/fish/vendor_completions.d"
    "$host/$program" completions bash >"$share/bash-completion/completions/$program"
    "$host/$program" completions zsh >"$share/zsh/vendor-completions/_$program"
    # Debian's zsh reads the folder above, the others' this one.
    cp "$share/zsh/vendor-completions/_$program" "$share/zsh/site-functions/"
    "$host/$program" completions fish >"$share/fish/vendor_completions.d/$program.fish"
}

# about PACKAGE: the papers of a package, those for all formats, and those for Debian alone.
about() {
    local root=$stage/release/packages/$1
    install -d "$root/share/doc/$1" "$root/debian" "$root/papers"
    [ -z "$notices" ] || install -m 644 "$notices" "$root/share/doc/$1/THIRD-PARTY-NOTICES.txt"
    install -m 644 LICENSE CHANGELOG.md "$root/papers/"
    gzip -9nc CHANGELOG.md >"$root/debian/changelog.gz"
    printf '%s (%s-%s) stable; urgency=medium\n\n  * See changelog.gz.\n\n -- %s  %s\n' "$1" "$version" "$revision" \
        "$(sed -n 's/^maintainer = "\(.*\)"/\1/p' crates/switchyard/Cargo.toml)" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" |
        gzip -9n >"$root/debian/changelog.Debian.gz"
}

stage() {
    local programs=$1
    stage=$2 host=${3:-$1} notices=${4:-}
    rm -rf "$stage/release"
    mkdir -p "$stage/release"
    for program in switchyard substation requester; do
        # One strip knows the files of every processor, Debian's of this one only.
        "${STRIP:-strip}" -o "$stage/release/$program" "$programs/$program"
    done
    share switchyard switchyard
    share substation switchyard-tools
    share requester switchyard-tools
    about switchyard
    about switchyard-tools
    install -D -m 644 deploy/packages/switchyard.yaml "$stage/release/packages/switchyard/etc/switchyard.yaml"
    local doc=$stage/release/packages/switchyard/share/doc/switchyard
    # The documents that an operator reads, with the folders that their links name.
    (cd docs && find . -name '*.md' ! -path './decisions/*' -exec install -D -m 644 {} "$(realpath "$doc")/{}" \;)
    install -D -m 644 -t "$doc/examples" config/*.yaml config/*.json
    install -D -m 644 -t "$doc/examples/prometheus" monitoring/prometheus/rules/*.y*ml
    install -D -m 644 -t "$doc/examples/grafana" monitoring/grafana/dashboards/*.json
}

# The tools take `target/release` of the lists for the folder `release` in CARGO_TARGET_DIR.
deb() {
    local package
    for package in switchyard requester; do
        CARGO_TARGET_DIR=$(realpath "$1") cargo deb --locked --package "$package" --no-build --no-strip ${PACKAGE_FAST:+--fast} \
            --deb-revision "$revision" --output "$(realpath "$2")/"
    done
}

rpm() {
    local package
    for package in crates/switchyard requester; do
        CARGO_TARGET_DIR=$(realpath "$1") cargo generate-rpm --package "$package" --set-metadata "release = \"$revision\"" \
            ${PACKAGE_FAST:+--payload-compress none} --output "$(realpath "$2")/"
    done
}

archive() {
    local name=switchyard-$version-$3 folder
    folder=$(mktemp -d)
    mkdir -p "$folder/$name/bin"
    cp "$1"/release/{switchyard,substation,requester} "$folder/$name/bin/"
    cp -r "$1/release/packages/switchyard/share" "$folder/$name/"
    cp -r "$1/release/packages/switchyard-tools/share" "$folder/$name/"
    cp "$1"/release/packages/switchyard/papers/* "$folder/$name/"
    install -D -m 644 deploy/systemd/switchyard.service "$folder/$name/systemd/switchyard.service"
    install -D -m 644 "$1/release/packages/switchyard/etc/switchyard.yaml" "$folder/$name/etc/switchyard.yaml"
    tar -C "$folder" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -c "$name" |
        gzip -9n >"$2/$name.tar.gz"
    rm -r "$folder"
}

"$@"
