#!/usr/bin/env bash
# Proves that the simulation sees: puts bugs back that were mended before, one at a time, and runs days until a judge objects.
#   simulation/prove.sh               all of simulation/bugs
#   simulation/prove.sh deaf keys     those whose names contain one of the words
# Prints a row of a table for each: the bug, the judge, how many days it took, and how long. Fails if one is not found within
# SEEDS days (2,000) or MINUTES (10).
#
# It works on a copy of the last commit in target/proof, which stays, so that the next run builds little. A day counts only
# if the same day is as promised without the bug: that is asked of a program that was built before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

most=${SEEDS:-2000}
minutes=${MINUTES:-10}
jobs=${JOBS:-2}
folder=${PROOF_FOLDER:-$PWD/target/proof}
tree=$folder/tree
export CARGO_TARGET_DIR=$folder/target
mkdir -p "$folder"

# The copy has the same path each time, or all of the workspace would be built anew.
if [ -e "$tree/.git" ]; then
    git -C "$tree" checkout --quiet --force --detach "$(git rev-parse HEAD)"
else
    git worktree prune
    git worktree add --quiet --force --detach "$tree" HEAD
fi

build() {
    (cd "$tree" && cargo build --locked --quiet -p switchyard-simulation --example simulate-faults 2>"$folder/build.log") ||
        { cat "$folder/build.log" >&2; return 1; }
    cp "$CARGO_TARGET_DIR/debug/examples/simulate-faults" "$1"
}

is_chosen() {
    local patch=$1 word
    shift
    [ $# -gt 0 ] || return 0
    for word in "$@"; do
        case $(basename "$patch") in *"$word"*) return 0 ;; esac
    done
    return 1
}

# The first of some days to which one of these judges objects, and only with the bug: sets `judge` and `days`.
find_day() {
    local judges=$1 runner line seed said
    judge='' days=0
    rm -f "$folder/days"
    mkfifo "$folder/days"
    "$folder/buggy" --from 1 --seeds "$most" --minutes "$minutes" --jobs "$jobs" --keep-going >"$folder/days" 2>/dev/null &
    runner=$!
    while read -r line; do
        # --seed 17: doubled, at 3.141593 s: …
        line=${line##*$'\r'}
        case $line in '--seed '*': '*', at '*) ;; *) continue ;; esac
        seed=${line#--seed } seed=${seed%%:*}
        said=${line#*: } said=${said%%,*}
        case ", $judges, " in *", $said, "*) ;; *) continue ;; esac
        "$folder/honest" --seed "$seed" >/dev/null 2>&1 || continue
        judge=$said days=$seed
        break
    done <"$folder/days"
    kill "$runner" 2>/dev/null || true
    wait "$runner" 2>/dev/null || true
    [ -n "$judge" ]
}

build "$folder/honest"
missed=''
printf '| bug put back | judge | days | seconds |\n| --- | --- | --- | --- |\n'
for patch in simulation/bugs/*.patch; do
    is_chosen "$patch" "$@" || continue
    name=$(basename "$patch" .patch)
    bug=$(sed -n 's/^Bug: //p' "$patch")
    judges=$(sed -n 's/^Judge: //p' "$patch")
    git -C "$tree" apply "$PWD/$patch" || die "prove: $patch does not apply any more"
    build "$folder/buggy" || die "prove: $patch does not build"
    git -C "$tree" checkout --quiet --force .
    began=$SECONDS
    if find_day "$judges"; then
        printf '| %s: %s | %s | %s | %s |\n' "${name%%-*}" "$bug" "$judge" "$days" $((SECONDS - began))
    else
        printf '| %s: %s | **not found** (%s) | %s | %s |\n' "${name%%-*}" "$bug" "$judges" "$most" $((SECONDS - began))
        missed="$missed $name"
    fi
done
[ -z "$missed" ] || die "prove: not found:$missed"
