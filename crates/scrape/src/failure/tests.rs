//! What the log says of failed scrapes.

use super::*;

fn of(found: Found) -> PollFailure {
    PollFailure::of(found, &Arc::from("kw{site=\"a\"}"))
}

#[test]
fn each_failure_says_what_to_do_and_has_its_outcome() {
    use PollOutcome::{Connect, Missing, Parse, Status, Timeout};
    let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
    for (failure, outcome, says) in [
        (
            of(Found::Ambiguous(2)),
            Missing,
            "2 series match: add labels or load.aggregate",
        ),
        (
            of(Found::Missing),
            Missing,
            "no series matches kw{site=\"a\"}: correct its name",
        ),
        (
            of(Found::Unusable(-3.5)),
            Parse,
            "kw{site=\"a\"} is -3.5, which is no load: correct the gauge",
        ),
        (
            of(Found::One(8e12)),
            PollOutcome::TooLarge,
            "kw{site=\"a\"} is 8e12, and 4e12 is the most that is counted: export load and capacity in a larger unit",
        ),
        (
            PollFailure::status(302, Some(b"/login?from=\"metrics\"")),
            Status,
            "status 302, which leads to /login?from=\\\"metrics\\\": redirects are not followed, correct load.path",
        ),
        (
            PollFailure::status(404, None),
            Status,
            "status 404 instead of 200: correct load.path",
        ),
        (
            PollFailure::Timeout(Duration::from_millis(200)),
            Timeout,
            "no complete answer within 200ms (load.timeout)",
        ),
        (
            PollFailure::Connect(refused),
            Connect,
            "cannot connect: connection refused",
        ),
    ] {
        assert_eq!(failure.to_string(), says);
        assert_eq!(failure.outcome(), outcome, "{says}");
    }
}

#[test]
fn a_location_is_cut_and_has_no_control_characters() {
    let long = [b"http://a/\r\n\x1b[2J".as_slice(), &[b'x'; 5000]].concat();
    let PollFailure::Status { location, .. } = PollFailure::status(301, Some(&long)) else {
        unreachable!()
    };
    let location = location.unwrap();
    assert!(
        location.starts_with("http://a/\\r\\n\\u{1b}[2Jxx"),
        "{location}"
    );
    assert!(location.len() < 300, "{}", location.len());
}

#[test]
fn a_failure_is_logged_again_only_if_its_cause_is_another() {
    let several = || of(Found::Ambiguous(2));
    assert!(several().is_like(&of(Found::Ambiguous(3))));
    assert!(!several().is_like(&of(Found::Missing)), "both are missing");
    let status = |status| PollFailure::status(status, None);
    assert!(status(404).is_like(&status(404)));
    assert!(!status(404).is_like(&status(503)));
}
