use fastrand::Rng;
use proptest::{
    collection,
    prelude::{any, prop_assert, prop_assert_eq, proptest},
};

use super::*;
use crate::ledger::tests::{load, reading, reserve};

mod late_gauges;

const LAG: Duration = Duration::from_millis(400);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn book(ledger: &Ledger, units: f64) {
    reserve(ledger, units);
    ledger.settle(load(units));
}

/// A sample whose scrape took no time.
fn sample(history: &History, ledger: &Ledger, now: Duration, units: f64) {
    let sent = history.scrape_sent(ledger.scrape_sent(), now);
    ledger.sample(sent, reading(units));
}

#[test]
fn what_was_booked_within_the_lag_is_not_forgotten_and_what_is_older_is_in_the_value() {
    let ledger = Ledger::default();
    ledger.sample(ledger.scrape_sent(), reading(0.0));
    let mut history = History::new(LAG, &ledger);
    book(&ledger, 10.0);
    history.note(ms(1000), &ledger);
    book(&ledger, 3.0);
    sample(&history, &ledger, ms(1399), 0.0);
    assert_eq!(ledger.estimate(), load(13.0), "nothing shows yet");
    sample(&history, &ledger, ms(1400), 10.0);
    assert_eq!(
        ledger.estimate(),
        load(13.0),
        "the ten show, the three don't"
    );
    sample(&history, &ledger, ms(1401), 0.0);
    assert_eq!(
        ledger.estimate(),
        load(3.0),
        "the ten have ended: otherwise they would show a lag after their booking"
    );
}

#[test]
fn a_new_history_takes_earlier_bookings_for_visible() {
    let ledger = Ledger::default();
    book(&ledger, 10.0);
    let history = History::new(LAG, &ledger);
    sample(&history, &ledger, ms(5), 10.0);
    assert_eq!(ledger.estimate(), load(10.0));
}

proptest! {
    /// For arbitrary moments of notes and bookings: the note used is never too recent. It is at most the lag, one
    /// interval and twice the longest pause between notes old.
    #[test]
    fn a_note_is_as_old_as_the_lag_and_little_older(
        gaps in collection::vec(1_u64..300, 1..60),
        books in any::<u64>(),
    ) {
        let ledger = Ledger::default();
        let mut history = History::new(LAG, &ledger);
        let mut rng = Rng::with_seed(books);
        // The true history: (moment, assigned from then on).
        let mut past = vec![(Duration::ZERO, 0)];
        let (mut now, mut slowest) = (Duration::ZERO, Duration::ZERO);
        for gap in gaps {
            now += ms(gap);
            slowest = slowest.max(ms(gap));
            history.note(now, &ledger);
            for _ in 0..rng.usize(..4) {
                book(&ledger, 1.0);
            }
            past.push((now, ledger.assigned()));
            let then = |age: Duration| {
                let moment = now.checked_sub(age);
                past.iter().rfind(|(at, _)| moment.is_some_and(|m| *at < m)).map_or(0, |(_, sum)| *sum)
            };
            let shown = history.scrape_sent(ledger.scrape_sent(), now).sums.settled;
            prop_assert!(shown <= then(LAG), "{} of {:?}", shown, past);
            let at_most = LAG + History::interval(LAG) + slowest + slowest;
            prop_assert!(shown >= then(at_most), "{} of {:?}", shown, past);
        }
    }

    #[test]
    fn without_a_lag_it_is_the_ledger_itself(steps in collection::vec(0_u8..4, 0..40)) {
        let (plain, lagging) = (Ledger::default(), Ledger::default());
        let mut history = History::new(Duration::ZERO, &lagging);
        let (mut open, mut now) = (0, Duration::ZERO);
        for step in steps {
            now += SHORTEST_INTERVAL;
            for ledger in [&plain, &lagging] {
                match step {
                    0 | 1 => reserve(ledger, 1.0),
                    2 if open > 0 => ledger.settle(load(1.0)),
                    _ => {}
                }
            }
            open += match step { 0 | 1 => 1, 2 if open > 0 => -1, _ => 0 };
            history.note(now, &lagging);
            plain.sample(plain.scrape_sent(), reading(7.0));
            sample(&history, &lagging, now, 7.0);
            prop_assert_eq!(plain.estimate(), lagging.estimate());
        }
    }
}
