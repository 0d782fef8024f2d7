//! What `--help` says below the options.

/// The same for all commands: whoever reads one wants the rest of it too.
pub(super) const ALL: &str = "\
Examples:
  A day of 100,000 cars at home in ten minutes, 730 requests a second at its peak, with a page to look at:
    requester rush-hour --target http://127.0.0.1:8080 --admin http://127.0.0.1:9901 --report run.html

  The evening of 12,000 cars in a minute; one in twenty leaves early, one in a hundred is malformed:
    requester rush-hour --target http://127.0.0.1:8080 --admin http://127.0.0.1:9901 \\
      --sessions 12000 --hours 16:00-22:00 --duration 1m --early-unplug 0.05 --malformed 0.01

  In a pipeline: exit code 3 unless it was fast, whole and even:
    requester rush-hour --target http://127.0.0.1:8080 --admin http://127.0.0.1:9901 --duration 1m \\
      --fail-if 'p99>50ms' --fail-if 'errors>0.1%' --fail-if 'lost>0' --fail-if 'spread>2' --quiet

  The same 30,000 requests each time, and one figure out of the report:
    requester steady --target http://127.0.0.1:8080 --rate 1000 --duration 30s \\
      --quiet --output - | jq .latency_seconds.p99

  A sudden peak; a staircase; what was recorded, twice as fast:
    requester spike --target http://127.0.0.1:8080 --rate 200 --peak 5000
    requester step --target http://127.0.0.1:8080 --rates 1000,2000,4000,8000
    requester replay monday.csv --target http://127.0.0.1:8080 --speed 2

The load is open: requests leave at times that were decided before the first one, whatever becomes of the
answers, and latency counts from those times. So a target that stalls shows it in every request that met the
stall. If the tester itself is late, busy or out of connections, the report says so.

Each offered request ends as exactly one of: answered (with any status), connect (no connection), broken
(cut off before the answer was complete), timed_out, not_sent (all connections were busy).

Checks (--fail-if) are a figure, > or <, and a number with its unit:
  p50 p90 p99 p99.9 max mean   latency: 50ms, 0.2s, 800us
  errors                       not answered, or a status of 400 and above other than a refusal: 0.1%, or a count
  lost                         not answered: 0.1%, or a count
  refused                      no room, 429 or 503: 5%, or a count
  late                         left more than 1 ms late: 1%, or a count
  rate                         answers a second: 500/s
  imbalance                    fullest / mean utilisation, over time: 1.05
  spread                       fullest - emptiest in percentage points, at most, while there is room: 2
  utilisation                  of any substation, at most: 95%
  violations                   looks at a substation above its capacity: 0
  disagreements                between what tester, proxy and substations counted: 0
The last five need --admin or --substation. A figure that could not be measured fails.

On SIGINT or SIGTERM it offers no more, waits for the outstanding answers and reports; a second signal ends
it at once. Exit codes: 0 done, 1 it could not run or no request was answered with 2xx, 2 wrong usage,
3 a check failed.";
