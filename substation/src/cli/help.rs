//! The prose of `--help`, and of the manual page.

use std::sync::LazyLock;

use switchyard_command_line::{Body, Build, Section, build, help};

/// What a build of this program has. All that differs is what the system has.
const FEATURES: &[&str] = &[
    "tls",
    #[cfg(target_os = "linux")]
    "process-metrics",
];

pub(crate) const BUILD: Build = build!(FEATURES);

/// What `-V` says, after the program's name.
pub(super) static SHORT_VERSION: LazyLock<String> = LazyLock::new(|| BUILD.short());
/// What `--version` says.
pub(super) static LONG_VERSION: LazyLock<String> = LazyLock::new(|| BUILD.long());

const EXAMPLES: &str = "\
One substation of 500 kW:
  substation --name substation1 --listen 127.0.0.1:5001 --capacity-kw 500

Three of unequal capacity, substation1 to substation3, on ports 5001 to 5003:
  substation --name substation --listen 127.0.0.1:5001 --capacity-kw 500,300,200 --count 3

Three, of which the third is slow:
  substation --name substation --listen 127.0.0.1:5001 --capacity-kw 500 --count 3 \\
    --answer-after 0s,0s,50ms

Three, of which the third becomes slow after 10 s and recovers after 10 s more:
  substation --name substation --listen 127.0.0.1:5001 --capacity-kw 500 --count 3 \\
    --answer-after 0s,0s,200ms --slow-from 10s --slow-for 10s

An inference server of 40 slots, of which each request takes one for 2 s:
  substation --name gpu --listen 127.0.0.1:8001 --capacity-kw 40 --hold --default-power-kw 1 \\
    --default-energy-kwh 0.01 --time-scale 18

An hour of charging in a minute, on any free port:
  substation --name fast --listen 127.0.0.1:0 --capacity-kw 500 --time-scale 60

Book a session, show it, unplug it:
  curl -d '{\"power_kw\": 22, \"energy_kwh\": 11}' http://127.0.0.1:5001/charge
  curl http://127.0.0.1:5001/sessions/SESSION_ID
  curl -X DELETE http://127.0.0.1:5001/sessions/SESSION_ID

Send a request twice, book once:
  curl -d '{}' -H 'Idempotency-Key: car-7-monday' http://127.0.0.1:5001/charge

Over HTTPS, for clients with a certificate that ca.pem has signed:
  substation --name s --listen 127.0.0.1:5001 --capacity-kw 500 \\
    --tls-certificate s.pem --tls-key s.key --client-ca ca.pem

Is it ready?
  substation healthcheck";

const SECTIONS: [Section; 5] = [
    Section::new("Examples", Body::Lines(EXAMPLES)),
    Section::new(
        "Paths",
        Body::Text("POST /charge, GET and DELETE /sessions/{id}, GET /metrics, /live, /ready"),
    ),
    Section::new(
        "Signals",
        Body::Terms(&[(
            "SIGTERM, SIGINT",
            "book no more, finish the requests in flight, exit; a second ends it at once",
        )]),
    ),
    Section::new(
        "Environment",
        Body::Terms(&[(
            "RUST_LOG",
            "the log level: info (default), debug logs each booking",
        )]),
    ),
    Section::new(
        "Exit codes",
        Body::Terms(&[
            ("0", "stopped by a signal, or done"),
            ("1", "cannot run"),
            ("2", "wrong usage"),
        ]),
    ),
];

/// The part of `--help` below the options.
pub(super) fn below() -> String {
    help(&SECTIONS)
}

/// The sections of a manual page.
#[cfg(test)]
pub(super) fn sections(command: Option<&str>) -> Vec<Section> {
    match command {
        None => SECTIONS.to_vec(),
        Some(_) => Vec::new(),
    }
}
