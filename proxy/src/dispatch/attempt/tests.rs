//! Each row of the table in ARCHITECTURE.md: what an end of an exchange makes of its reservation and its substation.

use std::io;

use switchyard_balance::Lasts;
use switchyard_config::Config;
use switchyard_grid::{Clock, Source};
use switchyard_http1::{Decoded, Decoder, Limits, Unencodable};
use switchyard_process::Shortage;

use super::*;
use crate::metrics::Metrics;

const LIMIT: Duration = Duration::from_secs(10);
const NO_CAPACITY: &str = r#"{"error":{"code":"no_capacity","message":"x"}}"#;
const REPLAYED: &str = "Idempotent-Replayed: true\r\n";

/// What became of the load of an attempt: what the ledger estimates where it lasts as a session, and where it ends with
/// its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load10 {
    Booked,
    Unknown,
    Cancelled,
}

/// What an attempt says and leaves.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    attempt: String,
    load: Load10,
    /// Failures in a row; there was one before.
    failures: u32,
    /// What it is not asked for now.
    refuses: Option<Load>,
}

impl Left {
    fn new(attempt: &str, load: Load10, failures: u32) -> Self {
        Self {
            attempt: attempt.to_owned(),
            load,
            failures,
            refuses: None,
        }
    }
}

struct Rig {
    metrics: Metrics,
    grid: Grid,
    substation: Arc<Substation>,
}

fn rig(lasts: Lasts) -> Rig {
    let text = "substations: [{name: a, address: 127.0.0.1:1}]\nhealth: {failures: 100}";
    let config = Config::from_yaml(text, "test").unwrap();
    let metrics = Metrics::new().unwrap();
    let grid = Grid::new(&config, &metrics.grid, Clock::start(), 1).unwrap();
    let substation = Arc::clone(&grid.substations()[0]);
    substation.ledger().set_lasts(lasts);
    grid.failed(&substation, blame(false));
    Rig {
        metrics,
        grid,
        substation,
    }
}

fn blame(is_repeat: bool) -> Blame {
    Blame {
        source: Source::numbered(1),
        is_repeat,
    }
}

impl Rig {
    /// The attempt of a charge of `units` whose exchange ended in this way.
    fn charge(&self, units: u32, end: ExchangeEnd) -> Attempt {
        let load = Load::new(units.into()).unwrap();
        let reservation = Reservation::of(Arc::clone(&self.substation), load);
        let report = self.substation.ledger().report_sent();
        of_charge(&self.grid, &self.substation, reservation, report, end)
    }

    fn failures(&self) -> u32 {
        self.substation.view(self.grid.clock().now()).failures
    }

    /// The count of this line on the metrics page.
    fn counted(&self, line: &str) -> bool {
        let page = self.metrics.render(&self.grid, &[]).unwrap();
        let page = String::from_utf8(page).unwrap();
        page.lines().any(|one| one == line)
    }

    fn counted_outcome(&self, outcome: &str) -> bool {
        self.counted(&format!(
            "switchyard_upstream_requests_total{{outcome=\"{outcome}\",substation=\"a\"}} 1"
        ))
    }
}

fn end(result: Result<Answer, UpstreamError>, progress: Progress) -> ExchangeEnd {
    ExchangeEnd {
        result,
        progress,
        consequence: Consequence::MayBeBooked,
        limit: LIMIT,
        largest: 77,
        took: Duration::from_secs(5),
        blame: blame(false),
    }
}

fn answer(status: u16, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let text = format!("HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\n\r\n{body}");
    match Decoder::new(Limits::default()).decode(&mut text.as_bytes().into(), false) {
        Ok(Decoded::Done(answer)) => answer,
        other => panic!("{other:?}"),
    }
}

fn shown(attempt: &Attempt) -> String {
    match attempt {
        Attempt::Answered(answer) => format!("answered {}", answer.status),
        Attempt::Streamed(_) => "streamed".to_owned(),
        Attempt::SafeToRetry(why, wait) => format!("safe to retry: {why:?} {wait:?}"),
        Attempt::Broken(failure, progress) => {
            format!("broken, {progress:?}: {}", failure.message)
        }
        Attempt::Final(failure, progress) => {
            format!("final, {progress:?}: {}", failure.message)
        }
    }
}

/// What an exchange of a charge of `units` leaves that ends in this way.
fn left(units: u32, outcome: &str, end: impl Fn() -> ExchangeEnd) -> Left {
    let mut attempt = String::new();
    let [session, short] = [Lasts::Session, Lasts::Answer].map(|lasts| {
        let rig = rig(lasts);
        attempt = shown(&rig.charge(units, end()));
        assert!(
            outcome.is_empty() || rig.counted_outcome(outcome),
            "{outcome}"
        );
        rig.substation.ledger().estimate().units() > 0.0
    });
    let load = match (session, short) {
        (true, false) => Load10::Booked,
        (true, true) => Load10::Unknown,
        (false, _) => Load10::Cancelled,
    };
    let rig = rig(Lasts::Session);
    rig.charge(units, end());
    let view = rig.substation.view(rig.grid.clock().now());
    Left {
        attempt,
        load,
        failures: view.failures,
        refuses: view.refuses,
    }
}

fn answered(status: u16, headers: &'static str, body: &'static str, is_repeat: bool) -> Left {
    left(10, "", || ExchangeEnd {
        blame: blame(is_repeat),
        ..end(Ok(answer(status, headers, body)), Progress::Sent)
    })
}

#[test]
fn an_answer_decides_over_the_load_and_the_health() {
    use Load10::{Booked, Cancelled};
    for (status, load, failures) in [
        (200, Booked, 0),
        (299, Booked, 0),
        // Whether it booked, the next sample shows.
        (302, Booked, 0),
        (399, Booked, 0),
        // It understood the request and declined it.
        (400, Cancelled, 0),
        (404, Cancelled, 0),
        (499, Cancelled, 0),
        (500, Booked, 2),
        (504, Booked, 2),
    ] {
        let expected = Left::new(&format!("answered {status}"), load, failures);
        assert_eq!(answered(status, "", "", false), expected);
    }
}

#[test]
fn a_repetition_books_unless_its_answer_is_that_of_an_earlier_one() {
    use Load10::{Booked, Cancelled};
    for (headers, is_repeat, load) in [
        ("", false, Booked),
        ("", true, Booked),
        (REPLAYED, false, Booked),
        (REPLAYED, true, Cancelled),
        ("Idempotent-Replayed: false\r\n", true, Booked),
    ] {
        let expected = Left::new("answered 200", load, 0);
        let left = answered(200, headers, "", is_repeat);
        assert_eq!(left, expected, "{headers} {is_repeat}");
    }
}

#[test]
fn refusals_book_nothing_and_differ_in_what_they_say_of_the_substation() {
    let expected = |why: &str, failures, refuses: Option<f64>| Left {
        refuses: refuses.and_then(Load::new),
        ..Left::new(
            &format!("safe to retry: {why} Some(8)"),
            Load10::Cancelled,
            failures,
        )
    };
    let wait = "retry-after: 8\r\n";
    let refused = |units, is_repeat| {
        left(units, "refused", || ExchangeEnd {
            blame: blame(is_repeat),
            ..end(Ok(answer(503, wait, NO_CAPACITY)), Progress::Sent)
        })
    };
    for is_repeat in [false, true] {
        let left = refused(10, is_repeat);
        assert_eq!(left, expected("Refused", 0, Some(10.0)), "{is_repeat}");
    }
    let weightless = refused(0, false);
    assert_eq!(weightless, expected("Refused", 0, None), "it says nothing");
    let repeated = refused(0, true);
    assert_eq!(repeated, expected("Refused", 0, Some(0.0)));
    let limited = answered(429, wait, "", false);
    assert_eq!(
        limited,
        expected("Limited", 0, None),
        "that is the client's"
    );
    let unavailable = answered(503, wait, "", false);
    assert_eq!(unavailable, expected("Unavailable", 2, None));
}

#[test]
fn a_connection_that_was_not_made_or_carried_nothing_books_nothing() {
    use Load10::{Cancelled, Unknown};
    let connect = |kind: ErrorKind| {
        left(10, "connect", move || {
            end(Err(UpstreamError::Connect(kind.into())), Progress::Unsent)
        })
    };
    for kind in [ErrorKind::ConnectionRefused, ErrorKind::TimedOut] {
        let attempt = format!("safe to retry: Connect({kind:?}) None");
        assert_eq!(connect(kind), Left::new(&attempt, Cancelled, 2));
    }
    let lacking = left(10, "shortage", || {
        let lacking = UpstreamError::Lacking(Shortage::Ports);
        end(Err(lacking), Progress::Unsent)
    });
    let attempt = "safe to retry: Shortage(Ports) None";
    assert_eq!(lacking, Left::new(attempt, Cancelled, 1), "not its fault");
    let lost = |progress| {
        left(10, "reset", move || {
            end(Err(UpstreamError::Lost("gone".to_owned())), progress)
        })
    };
    let unsent = Left::new("safe to retry: Unsent None", Cancelled, 2);
    assert_eq!(lost(Progress::Unsent), unsent);
    let sent = lost(Progress::Sent);
    assert!(
        sent.attempt.starts_with("broken, Sent: a broke the"),
        "{sent:?}"
    );
    assert_eq!((sent.load, sent.failures), (Unknown, 2));
}

#[test]
fn connections_that_are_not_accepted_at_the_same_time_count_once() {
    let failures_after_two = |kind: ErrorKind| {
        let rig = rig(Lasts::Session);
        for _ in 0..2 {
            let failed = Err(UpstreamError::Connect(kind.into()));
            rig.charge(10, end(failed, Progress::Unsent));
        }
        rig.failures()
    };
    assert_eq!(failures_after_two(ErrorKind::ConnectionRefused), 3);
    assert_eq!(failures_after_two(ErrorKind::TimedOut), 2);
}

#[test]
fn a_deadline_is_the_substations_fault_if_it_had_half_of_the_time() {
    use Load10::{Cancelled, Unknown};
    let late = |millis: u64, progress| {
        left(10, "timeout", move || ExchangeEnd {
            took: Duration::from_millis(millis),
            ..end(Err(UpstreamError::Deadline), progress)
        })
    };
    for (millis, failures) in [(0, 1), (4_999, 1), (5_000, 2), (10_000, 2)] {
        for (progress, load) in [(Progress::Sent, Unknown), (Progress::Unsent, Cancelled)] {
            let left = late(millis, progress);
            assert_eq!((left.load, left.failures), (load, failures), "{millis}");
            let start = format!("final, {progress:?}: a did not answer within 10s");
            assert!(left.attempt.starts_with(&start), "{}", left.attempt);
        }
    }
    let rig = rig(Lasts::Session);
    let end = ExchangeEnd {
        took: Duration::from_secs(1),
        ..end(Err(UpstreamError::Deadline), Progress::Sent)
    };
    rig.charge(10, end);
    let excused = "switchyard_failures_excused_total{reason=\"late\",substation=\"a\"} 1";
    assert!(rig.counted(excused));
}

#[test]
fn what_is_too_large_may_be_booked_and_what_can_not_be_written_is_not() {
    use Load10::{Cancelled, Unknown};
    let large = |how| {
        left(10, "oversize", move || {
            end(Err(UpstreamError::TooLarge(how)), Progress::Sent)
        })
    };
    let body = large(Malformed::BodyTooLarge);
    assert_eq!((body.load, body.failures), (Unknown, 0));
    let start = "final, Sent: the answer of a is too large: ";
    let words = "its body has more than 77 bytes (limits.answer)";
    assert!(body.attempt.starts_with(&format!("{start}{words}")));
    let head = large(Malformed::HeadTooLarge);
    let words = Malformed::HeadTooLarge.to_string();
    assert!(head.attempt.starts_with(&format!("{start}{words}")));
    let unfit = left(10, "", || {
        let unfit = UpstreamError::Unencodable(Unencodable::Path);
        end(Err(unfit), Progress::Unsent)
    });
    let attempt = format!("final, Unsent: {}", Unencodable::Path);
    assert_eq!(unfit, Left::new(&attempt, Cancelled, 1));
}

#[test]
fn a_session_request_is_sent_again_only_if_the_connection_was_lost() {
    let of = |result, progress| shown(&of_session("s7", end(result, progress)));
    let gone = io::Error::from(ErrorKind::ConnectionRefused);
    for (error, progress, start) in [
        (
            UpstreamError::Connect(gone),
            Progress::Unsent,
            "final, Unsent: s7 can't be reached (connection refused)",
        ),
        (
            UpstreamError::Lacking(Shortage::Ports),
            Progress::Unsent,
            "final, Unsent: the proxy: ",
        ),
        (
            UpstreamError::TooLarge(Malformed::BodyTooLarge),
            Progress::Sent,
            "final, Sent: the answer of s7 is too large: its body",
        ),
        (
            UpstreamError::Unencodable(Unencodable::Path),
            Progress::Unsent,
            "final, Unsent: the path",
        ),
        (
            UpstreamError::Lost("gone".to_owned()),
            Progress::Sent,
            "broken, Sent: s7 broke the connection: gone",
        ),
        (
            UpstreamError::Deadline,
            Progress::Sent,
            "final, Sent: s7 did not answer within 10s",
        ),
    ] {
        let shown = of(Err(error), progress);
        assert!(shown.starts_with(start), "{shown}");
    }
    assert_eq!(of(Ok(answer(200, "", "")), Progress::Sent), "answered 200");
}
