//! The book against expected values, and against a model that adds up from the start each time.

use proptest::prelude::*;

use super::*;
use crate::idempotency::{KEPT_FOR, MAX_KEYS};
use crate::units::Energy;

fn demand(kw: f64, kwh: f64) -> Demand {
    Demand {
        power: Power::from_kw(kw).unwrap(),
        energy: Energy::from_kwh(kwh).unwrap(),
    }
}

fn book(capacity_kw: f64) -> (Book, Instant) {
    let start = Instant::now();
    (
        Book::new(Power::from_kw(capacity_kw).unwrap(), 1.0, start),
        start,
    )
}

fn ended(book: &mut Book, now: Instant) -> Vec<SessionEnd> {
    let mut all = Vec::new();
    book.advance(now, |ended| all.push(ended));
    all
}

const HOUR: Duration = Duration::from_hours(1);
const TICK: Duration = Duration::from_nanos(1);

#[test]
fn a_session_draws_its_power_until_the_exact_moment_it_is_full() {
    let (mut book, start) = book(100.0);
    book.admit(demand(22.0, 11.0)).unwrap();
    assert_eq!(ended(&mut book, start + HOUR / 2 - TICK), []);
    assert_eq!(book.load().kw(), 22.0);
    let full = SessionEnd {
        reason: EndReason::Completed,
        seconds: 1800.0,
    };
    assert_eq!(ended(&mut book, start + HOUR / 2), [full]);
    assert_eq!(book.load(), Power::ZERO);
    assert_eq!(book.active(), 0);
}

#[test]
fn a_session_that_just_fits_is_booked_and_the_next_step_is_not() {
    let (mut book, _) = book(33.0);
    book.admit(demand(22.0, 1.0)).unwrap();
    book.admit(demand(11.0, 1.0)).unwrap();
    let refusal = book.admit(demand(0.000_001, 1.0)).unwrap_err();
    assert!(matches!(refusal, Refusal::NoCapacity { .. }));
    assert_eq!(book.load().kw(), 33.0);
    assert_eq!(book.active(), 2);
}

#[test]
fn room_is_free_again_at_the_moment_a_session_ends() {
    let (mut book, start) = book(11.0);
    book.admit(demand(11.0, 11.0)).unwrap();
    ended(&mut book, start + HOUR - TICK);
    assert!(book.admit(demand(11.0, 11.0)).is_err());
    ended(&mut book, start + HOUR);
    assert!(book.admit(demand(11.0, 11.0)).is_ok());
}

#[test]
fn time_runs_faster_by_the_time_scale() {
    let start = Instant::now();
    let mut book = Book::new(Power::from_kw(100.0).unwrap(), 3600.0, start);
    let (id, session) = book.admit(demand(11.0, 22.0)).unwrap();
    assert_eq!(book.remaining(&session), Duration::from_secs(2));
    ended(&mut book, start + Duration::from_secs(1));
    assert_eq!(book.remaining(&session), Duration::from_secs(1));
    let (_, unplugged) = book.cancel(id).unwrap();
    assert_eq!(unplugged.seconds, 3600.0);
    assert_eq!(book.joules(), 11.0 * 3.6e6);
}

#[test]
fn an_unplugged_session_is_gone_and_can_not_end_again() {
    let (mut book, start) = book(100.0);
    let (id, _) = book.admit(demand(11.0, 11.0)).unwrap();
    ended(&mut book, start + HOUR / 4);
    let (_, unplugged) = book.cancel(id).unwrap();
    assert_eq!(
        unplugged,
        SessionEnd {
            reason: EndReason::Cancelled,
            seconds: 900.0
        }
    );
    assert_eq!(book.load(), Power::ZERO);
    assert_eq!(book.cancel(id), None);
    assert_eq!(book.get(id), None);
    assert_eq!(ended(&mut book, start + 2 * HOUR), []);
    assert_eq!(book.next_end(), None);
    assert_eq!(book.joules(), 11.0 * 3.6e6 / 4.0);
}

#[test]
fn energy_counts_each_session_to_its_own_end_however_late_it_is_read() {
    let (mut book, start) = book(100.0);
    book.admit(demand(10.0, 10.0)).unwrap();
    book.admit(demand(20.0, 40.0)).unwrap();
    assert_eq!(ended(&mut book, start + 1000 * HOUR).len(), 2);
    assert_eq!(book.joules(), 50.0 * 3.6e6);
}

#[test]
fn a_closed_book_refuses_and_lets_its_sessions_end() {
    let (mut book, start) = book(100.0);
    book.admit(demand(11.0, 11.0)).unwrap();
    book.close();
    assert_eq!(book.admit(demand(11.0, 11.0)), Err(Refusal::Draining));
    assert_eq!(ended(&mut book, start + HOUR).len(), 1);
}

#[test]
fn the_clock_does_not_go_back() {
    let (mut book, start) = book(100.0);
    ended(&mut book, start + HOUR);
    let (_, session) = book.admit(demand(11.0, 11.0)).unwrap();
    assert_eq!(ended(&mut book, start), []);
    assert_eq!(book.remaining(&session), HOUR);
}

#[test]
fn a_session_of_ages_is_booked_without_overflow() {
    for time_scale in [1e-300, 1.0, 1e300] {
        let start = Instant::now();
        let mut book = Book::new(Power::from_kw(100.0).unwrap(), time_scale, start);
        book.admit(demand(0.000_001, 1e6)).unwrap();
        assert_eq!(book.active(), 1);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Admit {
        milliwatts: u32,
        milliwatt_hours: u32,
    },
    Wait {
        millis: u32,
    },
    Cancel {
        which: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..60_000_000_u32, 1..30_000_000_u32).prop_map(|(milliwatts, milliwatt_hours)| {
            Step::Admit { milliwatts, milliwatt_hours }
        }),
        2 => (0..3_600_000_u32).prop_map(|millis| Step::Wait { millis }),
        1 => (0..1000_usize).prop_map(|which| Step::Cancel { which }),
    ]
}

proptest! {
    /// For all requests in any order: the load is the sum of what runs, never above the capacity,
    /// every session ends once, and at the end nothing is left over.
    #[test]
    fn the_load_is_the_sum_of_the_running_sessions(
        steps in prop::collection::vec(step(), 1..200),
        capacity in 50..300_u32,
    ) {
        let (mut book, mut now) = book(f64::from(capacity));
        let mut model: Vec<(Id, Session)> = Vec::new();
        let (mut started, mut over) = (0, 0);
        for step in steps {
            match step {
                Step::Admit { milliwatts, milliwatt_hours } => {
                    let demand = demand(f64::from(milliwatts) / 1e6, f64::from(milliwatt_hours) / 1e6);
                    let free = book.capacity.minus(book.load());
                    match book.admit(demand) {
                        Ok(booked) => {
                            prop_assert!(demand.power <= free);
                            model.push(booked);
                            started += 1;
                        }
                        Err(_) => prop_assert!(demand.power > free, "refused although there is room"),
                    }
                }
                Step::Wait { millis } => {
                    now += Duration::from_millis(millis.into());
                    over += ended(&mut book, now).len();
                    model.retain(|(_, session)| session.ends > now);
                }
                Step::Cancel { which } if !model.is_empty() => {
                    let (id, session) = model.swap_remove(which % model.len());
                    prop_assert_eq!(book.cancel(id).map(|(gone, _)| gone), Some(session));
                    over += 1;
                }
                Step::Cancel { .. } => {}
            }
            let sum = model.iter().try_fold(Power::ZERO, |sum, (_, session)| {
                sum.plus_within(session.demand.power, book.capacity)
            });
            prop_assert_eq!(Some(book.load()), sum);
            prop_assert_eq!(book.active(), model.len());
            prop_assert_eq!(book.ends.len(), model.len());
            prop_assert_eq!(started, over + model.len());
        }
        over += ended(&mut book, now + 1_000_000 * HOUR).len();
        prop_assert_eq!(started, over);
        prop_assert_eq!(book.load(), Power::ZERO);
        prop_assert!(book.running.is_empty() && book.ends.is_empty());
    }
}

#[test]
fn a_key_books_once_also_when_its_session_is_over_and_while_draining() {
    let (mut book, start) = book(22.0);
    let first = book.admit_once(Some("k"), demand(11.0, 11.0)).unwrap();
    assert!(!first.is_replay);
    for now in [start, start + HOUR] {
        ended(&mut book, now - TICK);
        let again = book.admit_once(Some("k"), demand(11.0, 11.0)).unwrap();
        assert_eq!((again.id, again.is_replay), (first.id, true));
    }
    let other = book.admit_once(Some("k"), demand(7.0, 11.0));
    assert_eq!(other, Err(Refusal::KeyReused));
    book.close();
    assert!(book.admit_once(Some("k"), demand(11.0, 11.0)).is_ok());
    assert_eq!(
        book.admit_once(Some("l"), demand(11.0, 11.0)),
        Err(Refusal::Draining)
    );
}

#[test]
fn a_refused_key_may_be_booked_later_and_keys_are_bounded_in_time_and_number() {
    let (mut book, start) = book(11.0);
    let first = book.admit_once(Some("a"), demand(11.0, 1.0)).unwrap();
    assert!(book.admit_once(Some("b"), demand(11.0, 1.0)).is_err());
    ended(&mut book, start + HOUR / 2);
    let second = book.admit_once(Some("b"), demand(11.0, 1.0)).unwrap();
    assert!(!second.is_replay);
    ended(&mut book, start + KEPT_FOR);
    let anew = book.admit_once(Some("a"), demand(11.0, 1.0)).unwrap();
    assert!(!anew.is_replay && anew.id != first.id);
    assert!(
        book.admit_once(Some("b"), demand(11.0, 1.0))
            .unwrap()
            .is_replay
    );

    let mut keys = IdempotencyKeys::default();
    for n in 0..=MAX_KEYS {
        keys.keep(&n.to_string(), first.id, first.session, start);
    }
    assert!(keys.get("0").is_none() && keys.get("1").is_some());
}

#[test]
fn a_refusal_says_when_enough_will_have_ended() {
    let (mut book, _) = book(33.0);
    for kwh in [11.0, 22.0, 33.0] {
        book.admit(demand(11.0, kwh)).unwrap();
    }
    let room_in = |book: &mut Book, kw| match book.admit(demand(kw, 1.0)) {
        Err(Refusal::NoCapacity { room_in, .. }) => room_in,
        other => panic!("{other:?}"),
    };
    assert_eq!(room_in(&mut book, 11.0), Some(HOUR));
    assert_eq!(room_in(&mut book, 22.0), Some(2 * HOUR));
    assert_eq!(room_in(&mut book, 33.0), Some(3 * HOUR));
    assert_eq!(room_in(&mut book, 34.0), None);
}
