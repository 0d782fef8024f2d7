#!/usr/bin/env bash
# The documentation site.
#   book.sh links       checks every link and anchor of all pages; also those of the site, if mdBook is installed
#   book.sh build       installs mdBook if it is missing, and builds the site into target/book/html
#   book.sh outside     checks the links that lead to other sites; needs the network
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

# The version of mdBook, and the parts of it that a build needs.
version=0.5.4
parts=(--no-default-features --features search)
folder=${CARGO_TARGET_DIR:-target}/book

# Prints where mdBook is, if it is anywhere.
mdbook_here() {
    if [ -x "$mdbook_tools/bin/mdbook" ]; then echo "$mdbook_tools/bin/mdbook"; else command -v mdbook; fi
}

# An unoptimised mdBook builds this book in seconds, and is compiled in half the time.
install_mdbook() {
    say "book: installing mdBook $version"
    CARGO_TARGET_DIR=$mdbook_tools/build \
        cargo install mdbook --version "$version" --locked --debug "${parts[@]}" --root "$mdbook_tools" --quiet
    rm -r "$mdbook_tools/build"
}

# check_links WHAT...: of files on this machine, with their anchors.
check_links() {
    if [ ! -x "$book_tools/bin/lychee" ]; then
        say 'book: links are not checked: their checker could not be installed (scripts/book-tools.txt)'
        return
    fi
    "$book_tools/bin/lychee" --offline --include-fragments --no-progress "$@"
}

# The pages, also those that are not in the book.
pages() { git ls-files --cached --others --exclude-standard '*.md'; }

build() {
    python3 -B -m book "$folder"
    "$(mdbook_here)" build "$folder"
    # The page for what is not found stands anywhere, so its links are from the site's root.
    check_links --exclude-path 404.html "$folder/html"
    say "book: $folder/html/index.html"
}

case "${1:-}" in
    links)
        # shellcheck disable=SC2046  # a list of names without blanks
        check_links $(pages)
        if mdbook_here >/dev/null; then build; else say 'mdBook is not installed, so the site is not built (make book)'; fi
        ;;
    build)
        mdbook_here >/dev/null || install_mdbook
        build
        ;;
    outside)
        # shellcheck disable=SC2046  # the same
        "$book_tools/bin/lychee" --no-progress --scheme https --max-retries 3 --accept '200..=299,403,429' $(pages)
        ;;
    *) die 'usage: book.sh links | build | outside' ;;
esac
