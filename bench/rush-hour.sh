#!/usr/bin/env bash
# The evening rush for oha:  bench/rush-hour.sh URL [CARS [SECONDS]]
# Cars that are plugged in at home between 16:00 and 22:00, of so many a day (12000), in so many seconds (30). oha knows
# one rate a run, so it is one line of oha an hour of the table, each at that hour's mean rate. What each of them found
# is printed as JSON, one object after the other. OHA names another oha; OHA_FORMAT=text is for people.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
url=${1:?the URL is missing}
cars=${2:-12000}
seconds=${3:-30}

# Percent of a day's cars in each hour from 16:00, as in requester/src/arrivals/profile.rs.
for percent in 5.681 12.149 17.023 11.545 9.097 8.933; do
    requests=$(awk "BEGIN { printf \"%d\", $cars * $percent / 100 + 0.5 }")
    rate=$(awk "BEGIN { printf \"%.3f\", $requests / ($seconds / 6) }")
    "${OHA:-oha}" --no-tui --output-format "${OHA_FORMAT:-json}" --latency-correction -c 64 -n "$requests" -q "$rate" \
        -m POST -T application/json -Z "$here/bodies.jsonl" "$url"
done
