//! The prose of `--help`, and of the manual pages.

use std::sync::LazyLock;

use switchyard_command_line::{Body, Build, Section, build, help};

pub(crate) const BUILD: Build = build!(&["tls"]);

/// What `-V` says, after the program's name.
pub(super) static SHORT_VERSION: LazyLock<String> = LazyLock::new(|| BUILD.short());
/// What `--version` says.
pub(super) static LONG_VERSION: LazyLock<String> = LazyLock::new(|| BUILD.long());

const EXAMPLES: &str = "\
A day of 100,000 cars at home in ten minutes, 730 requests a second at the peak, and a page:
  requester rush-hour --target http://127.0.0.1:8080 --admin http://127.0.0.1:9901 \\
    --report run.html

The evening of 12,000 cars in a minute; 5 % leave early, 1 % of the requests are malformed:
  requester rush-hour --target http://127.0.0.1:8080 --admin http://127.0.0.1:9901 \\
    --sessions 12000 --hours 16:00-22:00 --duration 1m --early-unplug 0.05 --malformed 0.01

In a pipeline: exit code 3 unless the answers were fast and complete and the load even:
  requester rush-hour --target http://127.0.0.1:8080 --admin http://127.0.0.1:9901 \\
    --duration 1m --quiet \\
    --fail-if 'p99>50ms' --fail-if 'errors>0.1%' --fail-if 'lost>0' --fail-if 'spread>2'

The same 30,000 requests in each run, and one figure of the report:
  requester steady --target http://127.0.0.1:8080 --rate 1000 --duration 30s \\
    --quiet --output - | jq .latency_seconds.p99

A sudden peak; a staircase; a recording, twice as fast:
  requester spike --target http://127.0.0.1:8080 --rate 200 --peak 5000
  requester step --target http://127.0.0.1:8080 --rates 1000,2000,4000,8000
  requester replay monday.csv --target http://127.0.0.1:8080 --speed 2

Three of four cars need CCS, one in ten names no connector, and all come from two zones:
  requester steady --target http://127.0.0.1:8080 --rate 100 \\
    --field connector_type=ccs:0.75,type2:0.15,:0.1 --header x-zone=a,b";

const VALUES: &str = "\
Weights need not add up to 1. An empty value leaves field or header out. In a field a number,
true or false is sent as such, anything else as a string. A value is drawn from the seed, the
name and the number of the request, so a replay can have them too, and one more label changes no
other draw. The report counts by value what was booked, refused, and had no match.";

const OPEN_LOOP: &str = "\
Requests leave at times that are fixed before the first one, whatever becomes of the answers,
and latency counts from those times. So a stall of the target shows in every request that met
it. If the load generator itself is late, busy or out of connections, the report says so, and
what that cost. If the target does not keep up, it says that instead.";

const ENDINGS: Body = Body::Terms(&[
    ("answered", "with any status"),
    ("connect", "no connection"),
    ("broken", "cut off before the answer was complete"),
    ("timed_out", "no complete answer in time (--timeout)"),
    ("not_sent", "all connections were busy"),
]);

const CHECKS: &str = "\
A figure, > or <, and a number with its unit:
  p50 p90 p99 p99.9 max mean   latency of all requests: 50ms, 0.2s, 800us. A request without an
                               answer is slower than any limit
  errors                       not answered, or a status from 400 on other than 429 and 503:
                               0.1%, or a count
  lost                         not answered: 0.1%, or a count
  refused                      no capacity, 429 or 503: 5%, or a count
  late                         left more than 1 ms late: 1%, or a count
  rate                         answers a second: 500/s
  imbalance                    highest / mean utilisation, over time: 1.05
  spread                       peak of highest - lowest utilisation, in percentage points, while
                               the mean is below 95%: 2
  utilisation                  peak of any substation: 95%
  violations                   readings of a substation above its capacity: 0
  over                         readings of a feeder above its capacity, in the demo's town: 0
  unread                       readings that lacked the load of a substation: 1%
  disagreements                between the counts of load generator, proxy and substations: 0
The last seven need --admin or --substation. A figure that could not be measured fails: a
substation without a load, a capacity or counters has no utilisation, violations or disagreements.";

const SIGNALS: Body = Body::Terms(&[(
    "SIGINT, SIGTERM",
    "stop offering, wait for the outstanding answers, report; a second ends it at once",
)]);

const EXIT_CODES: Body = Body::Terms(&[
    ("0", "done"),
    ("1", "it could not run, or no request was answered with 2xx"),
    ("2", "wrong usage"),
    ("3", "a check failed (--fail-if)"),
]);

/// They are the same for all commands that offer load, because most of it applies to each of them.
const SECTIONS: [Section; 7] = [
    Section::new("Examples", Body::Lines(EXAMPLES)),
    Section::new("Values (--field, --header)", Body::Text(VALUES)),
    Section::new("The load is an open loop", Body::Text(OPEN_LOOP)),
    Section::new("Each request ends in one way", ENDINGS),
    Section::new("Checks (--fail-if)", Body::Lines(CHECKS)),
    Section::new("Signals", SIGNALS),
    Section::new("Exit codes", EXIT_CODES),
];

/// The part of `--help` below the options.
pub(super) fn all() -> String {
    help(&SECTIONS)
}

/// The sections of a manual page. Those of a command refer to the program's.
#[cfg(test)]
pub(super) fn sections(command: Option<&str>) -> Vec<Section> {
    match command {
        None => SECTIONS.to_vec(),
        Some(_) => vec![Section::of_manual("Exit codes", EXIT_CODES)],
    }
}
