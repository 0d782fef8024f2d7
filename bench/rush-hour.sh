#!/usr/bin/env bash
# The evening rush for oha:  bench/rush-hour.sh URL [CARS [SECONDS]]
# Offers the cars that are plugged in at home between 16:00 and 22:00, of CARS a day (12000), in SECONDS (30). oha has one
# rate for a run, so it runs once for each hour of the table, at the mean rate of that hour. Prints the results as JSON,
# one object after the other. The variable OHA names another oha; OHA_FORMAT=text prints for people instead.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
url=${1:?the URL is missing; such as http://127.0.0.1:8080/request_charge}
cars=${2:-12000}
seconds=${3:-30}
oha=${OHA:-oha}
command -v "$oha" >/dev/null || {
    echo "rush-hour.sh: $oha is not installed, or not on the PATH; type:  cargo install oha --locked" >&2
    echo "Or name another one:  OHA=/path/to/oha $0 $*" >&2
    exit 127
}

# Percent of a day's cars in each hour from 16:00, sums of the table HOME of the requester.
for percent in 5.681 12.149 17.023 11.545 9.097 8.933; do
    requests=$(awk "BEGIN { printf \"%d\", $cars * $percent / 100 + 0.5 }")
    rate=$(awk "BEGIN { printf \"%.3f\", $requests / ($seconds / 6) }")
    "$oha" --no-tui --output-format "${OHA_FORMAT:-json}" --latency-correction -c 64 -n "$requests" -q "$rate" \
        -m POST -T application/json -Z "$here/bodies.jsonl" "$url"
done
