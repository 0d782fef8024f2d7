//! The prose of `--help`, and of the manual pages.

use std::sync::LazyLock;

use switchyard_command_line::{Body, Build, Section, build, help};

/// What a build of this program has. All that differs is what the system has.
const FEATURES: &[&str] = &[
    "tls",
    "http2",
    "proxy-protocol",
    "gzip",
    "redis",
    "otlp",
    #[cfg(unix)]
    "upgrade",
    #[cfg(target_os = "linux")]
    "systemd",
];

pub(crate) const BUILD: Build = build!(FEATURES);

/// What `-V` says, after the program's name.
pub(crate) static SHORT_VERSION: LazyLock<String> = LazyLock::new(|| BUILD.short());
/// What `--version` says.
pub(crate) static LONG_VERSION: LazyLock<String> = LazyLock::new(|| BUILD.long());

const EXAMPLES: &str = "\
switchyard demo                              see it work: proxy, three substations and a rush hour
switchyard demo --grid                       the same in a small town, with limits above its sites
switchyard init --substation 10.0.0.1:5001   look at it, and write a configuration
switchyard probe 10.0.0.1:5001               what a scrape of it reads, and why
switchyard check --config my.yaml            check a configuration and show its defaults
switchyard run --config my.yaml              run the proxy
switchyard healthcheck                       ask whether the running proxy is ready
curl -X POST localhost:8080/request_charge -d '{\"power_kw\": 22}'
switchyard top                               watch the running proxy in this terminal
curl localhost:9901/status";

const SIGNALS: Body = Body::Terms(&[
    (
        "SIGTERM, SIGINT",
        "stop the proxy once the requests in flight are answered",
    ),
    (
        "SIGUSR2",
        "upgrade it without a lost request: a new process takes over (--upgrade-socket)",
    ),
    ("SIGHUP", "reload the configuration"),
    ("SIGUSR1", "open the access log again, after a rotation"),
]);

const ENVIRONMENT: Body = Body::Terms(&[
    (
        "RUST_LOG",
        "the log level: warn, info (default), debug, switchyard=debug ...",
    ),
    (
        "RUNTIME_DIRECTORY",
        "where upgrade.sock is without --upgrade-socket, as systemd sets it",
    ),
]);

const EXIT_CODES: Body = Body::Terms(&[
    ("0", "stopped by a signal, or done"),
    ("1", "failed"),
    ("2", "wrong usage"),
    ("78", "wrong configuration"),
]);

const FILES: Body = Body::Terms(&[
    (
        "config/switchyard.yaml",
        "the configuration, where --config names no other. `switchyard init` writes one, `switchyard check` checks it, \
         `switchyard schema` prints its JSON Schema for editors. A package installs /etc/switchyard/switchyard.yaml, and \
         its service reads that.",
    ),
    (
        "upgrade.sock",
        "the socket at which a new process takes over, in a directory that is open to its user only (--upgrade-socket)",
    ),
    (
        "what the configuration names",
        "certificates, keys, tokens, lists of clients and targets, the access log (access_log.path) and the state that \
         survives a restart (state.file)",
    ),
]);

const INIT_EXAMPLES: &str = "\
look at three substations, and write switchyard.yaml:
  switchyard init --substation 10.0.0.1:5001 10.0.0.2:5001 10.0.0.3:5001
find them by DNS, and say which gauge is their load:
  switchyard init --discover dns:gpus.example:8000 --metric my_requests_in_flight
see what would be written:
  switchyard init --substation north=10.0.0.1:5001 --output -
be asked:
  switchyard init";

const INIT_EXIT_CODES: Body = Body::Terms(&[
    ("0", "written"),
    (
        "1",
        "nothing written: the file exists, no load is shown, or several gauges may be it",
    ),
    (
        "2",
        "wrong usage, or neither options nor a terminal to ask at",
    ),
]);

const PROBE_EXAMPLES: &str = "\
by the defaults:
  switchyard probe 10.0.0.1:5001
is it this gauge?
  switchyard probe 10.0.0.1:8000 --metric 'vllm:num_requests_running{model_name=\"m\"}'
as the running proxy reads it: with its path, TLS and token
  switchyard probe substation1 --config /etc/switchyard/switchyard.yaml
in a script:
  switchyard probe 10.0.0.1:5001 --json | jq .sample.load";

const PROBE_MARKS: Body = Body::Terms(&[
    ("+", "the series is read"),
    ("!", "it is read, and is no load"),
    ("-", "it has the name, and is not read: the reason follows"),
]);

const PROBE_EXIT_CODES: Body = Body::Terms(&[
    ("0", "a sample was read"),
    ("1", "no sample: the reason is on standard error"),
    ("2", "wrong usage"),
    ("78", "wrong configuration"),
]);

/// The sections of a page: the program's, or those of the command with this name. `--help` has what is not for the
/// manual alone.
pub(crate) fn sections(command: Option<&str>) -> Vec<Section> {
    match command {
        None => vec![
            Section::new("Examples", Body::Lines(EXAMPLES)),
            Section::new(
                "Admin port",
                Body::Text("It has a live page for browsers: http://localhost:9901/"),
            ),
            Section::new("Signals", SIGNALS),
            Section::new("Environment", ENVIRONMENT),
            Section::of_manual("Files", FILES),
            Section::new("Exit codes", EXIT_CODES),
        ],
        Some("run") => vec![
            Section::of_manual("Signals", SIGNALS),
            Section::of_manual("Environment", ENVIRONMENT),
            Section::of_manual("Files", FILES),
            Section::of_manual("Exit codes", EXIT_CODES),
        ],
        Some("init") => vec![
            Section::new("Examples", Body::Lines(INIT_EXAMPLES)),
            Section::new("Exit codes", INIT_EXIT_CODES),
        ],
        Some("probe") => vec![
            Section::new("Marks", PROBE_MARKS),
            Section::new("Examples", Body::Lines(PROBE_EXAMPLES)),
            Section::new("Exit codes", PROBE_EXIT_CODES),
        ],
        Some(_) => Vec::new(),
    }
}

/// The part of `--help` below the options.
pub(crate) fn below(command: Option<&str>) -> String {
    help(&sections(command))
}
