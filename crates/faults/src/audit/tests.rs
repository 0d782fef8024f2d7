use std::time::{Duration, Instant};

use super::*;

fn record(request: &str, told: Told) -> Record {
    Record {
        request: request.to_owned(),
        told,
        at: Instant::now(),
        took: Duration::ZERO,
    }
}

fn booking(request: &str, session: &str) -> Booking {
    Booking {
        substation: "s".into(),
        session: session.into(),
        request: request.into(),
    }
}

#[test]
fn every_kind_of_false_answer_is_found() {
    let mut audit = Audit::default();
    let bookings = [
        booking("well", "s-1"),
        booking("twice", "s-2"),
        booking("twice", "s-3"),
        booking("denied", "s-4"),
        booking("open", "s-5"),
        booking("invented", "s-6"),
        booking("other", "s-7"),
    ];
    audit.add(bookings);
    let records = [
        record("well", Told::Booked("s-1".into())),
        record("twice", Told::Booked("s-3".into())),
        record("denied", Told::NotBooked(503)),
        record("open", Told::MayBeBooked(502)),
        record("lost", Told::Booked("s-8".into())),
        record("other", Told::Booked("s-8".into())),
        record("refused", Told::NotBooked(503)),
        record("silent", Told::Nothing),
    ];
    let verdict = audit.hold_against(&records);
    assert_eq!(verdict.lost, ["lost", "other"]);
    assert_eq!(verdict.twice, ["twice"]);
    assert_eq!(verdict.denied, ["denied"]);
    assert_eq!(verdict.unacknowledged, ["open"]);
    assert_eq!(verdict.invented, ["invented"]);
    assert_eq!(verdict.unanswered, ["silent"]);
    assert!(!verdict.is_sound());
    let sound = Audit::default().hold_against(&[record("refused", Told::NotBooked(503))]);
    assert!(sound.is_sound());
}
