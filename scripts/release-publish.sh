#!/usr/bin/env bash
# The upload of a release, which only the workflow `release` can do: it has the rights.
#   release-publish.sh release TAG         the release with its files and what CHANGELOG.md says of it
#   release-publish.sh images REPOSITORY   the three images for both processors, with SBOM and provenance, by buildx
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)

release() {
    local notes flags=()
    notes=$(mktemp)
    python3 -B -m deploy.packages.version "$version" --notes >"$notes"
    case $1 in *-*) flags=(--prerelease) ;; esac
    gh release create "$1" --verify-tag --title "Switchyard $version" --notes-file "$notes" "${flags[@]}" \
        "${CARGO_TARGET_DIR:-target}"/release-check/artifacts/*
}

images() {
    local repository program name commit
    # A registry takes no capitals.
    repository=$(echo "$1" | tr '[:upper:]' '[:lower:]')
    commit=$(git rev-parse HEAD)
    printf '%s' "$REGISTRY_TOKEN" | docker login "${repository%%/*}" --username "$REGISTRY_USER" --password-stdin
    # The builder that can make images for several processors, and list what is in them.
    docker buildx create --name release --driver docker-container --use
    for program in switchyard substation requester; do
        name=$program
        # As Compose and Kubernetes call it.
        [ "$program" != switchyard ] || name=proxy
        docker buildx build --platform linux/amd64,linux/arm64 --target "$program" --tag "$repository/$name:$version" \
            --build-arg "SWITCHYARD_COMMIT=$commit" --build-arg "SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)" \
            --label "org.opencontainers.image.version=$version" --label "org.opencontainers.image.revision=$commit" \
            --label org.opencontainers.image.licenses=Apache-2.0 \
            --sbom=true --provenance=mode=max --push .
    done
}

"$@"
