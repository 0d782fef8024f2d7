//! Samples of the past, beside a model that knows the true load at each moment.

use proptest::{collection, prelude::*};

use super::*;
use crate::{
    Lasts, Load,
    ledger::tests::{load, reading, reserve},
};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn note(states: &mut PastStates, ledger: &Ledger, at: u64) {
    states.note(ledger, || ms(at), 1_000);
}

fn book(ledger: &Ledger, units: f64) {
    reserve(ledger, units);
    ledger.settle(load(units));
}

#[test]
fn what_was_booked_before_a_sample_is_in_it_and_what_was_booked_since_is_not() {
    let ledger = Ledger::default();
    let mut states = PastStates::new(&ledger);
    note(&mut states, &ledger, 0);
    book(&ledger, 3.0);
    note(&mut states, &ledger, 1_000);
    book(&ledger, 5.0);
    note(&mut states, &ledger, 4_000);
    book(&ledger, 7.0);
    let around = states.around(ms(2_500), ms(1_000), ms(1_000)).unwrap();
    // Others have booked ten; the five may be in it or not.
    ledger.sample_of(&around, reading(13.0));
    assert_eq!(ledger.estimate(), load(22.5), "13, half of 5, and 7");
    note(&mut states, &ledger, 6_000);
    ledger.sample_of(
        &states.around(ms(8_000), ms(1_000), ms(1_000)).unwrap(),
        reading(25.0),
    );
    assert_eq!(ledger.estimate(), load(25.0));
}

#[test]
fn others_load_in_an_old_sample_takes_nothing_of_what_was_booked_since() {
    let ledger = Ledger::default();
    let mut states = PastStates::new(&ledger);
    ledger.sample(ledger.scrape_sent(), reading(0.0));
    note(&mut states, &ledger, 0);
    note(&mut states, &ledger, 1_000);
    book(&ledger, 5.0);
    // The estimate was 5, and the value alone is more.
    ledger.sample_of(
        &states.around(ms(500), ms(500), ms(500)).unwrap(),
        reading(20.0),
    );
    assert_eq!(ledger.estimate(), load(25.0));
}

#[test]
fn a_sample_of_before_the_first_state_is_read_only_where_nothing_had_happened() {
    let ledger = Ledger::default();
    let mut fresh = PastStates::new(&ledger);
    note(&mut fresh, &ledger, 5_000);
    assert!(fresh.around(ms(100), ms(1_000), ms(1_000)).is_some());
    book(&ledger, 5.0);
    let mut late = PastStates::new(&ledger);
    note(&mut late, &ledger, 5_000);
    assert!(late.around(ms(5_999), ms(1_000), ms(1_000)).is_none());
    assert!(late.around(ms(6_000), ms(1_000), ms(1_000)).is_some());
    for at in 6..20 {
        fresh.note(&ledger, || ms(1_000 * at), 3);
    }
    assert!(fresh.around(ms(17_000), ms(0), ms(0)).is_some());
    assert!(
        fresh.around(ms(16_999), ms(0), ms(0)).is_none(),
        "it is forgotten"
    );
}

#[derive(Clone, Debug)]
enum Step {
    Reserve(u8),
    Settle,
    Cancel,
    /// A session of this process or of others ends.
    End,
    Foreign(u8),
    Note,
    /// Reads the gauge, stamped this much wrong.
    Read(i64),
    /// Tells of what was read last.
    Tell,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u8..9).prop_map(Step::Reserve),
        4 => Just(Step::Settle),
        1 => Just(Step::Cancel),
        2 => Just(Step::End),
        1 => (1_u8..9).prop_map(Step::Foreign),
        3 => Just(Step::Note),
        2 => (-50_i64..=50).prop_map(Step::Read),
        2 => Just(Step::Tell),
    ]
}

const SKEW: u64 = 50;

/// The truth.
#[derive(Default)]
struct Model {
    under_way: Vec<u8>,
    sessions: Vec<u8>,
    foreign: Vec<u8>,
    foreign_since_read: bool,
    /// Whether a sample has told of all load of others.
    is_told: bool,
    read: Option<(f64, u64)>,
}

impl Model {
    fn load(&self) -> f64 {
        let all = self.sessions.iter().chain(&self.foreign);
        all.map(|units| f64::from(*units)).sum()
    }

    /// The most that own requests may still add.
    fn most(&self) -> f64 {
        self.load()
            + self
                .under_way
                .iter()
                .map(|units| f64::from(*units))
                .sum::<f64>()
    }
}

fn walk(steps: Vec<(u64, Step)>, has_others: bool) -> Result<(), TestCaseError> {
    let ledger = Ledger::default();
    let mut states = PastStates::new(&ledger);
    let (mut model, mut now) = (Model::default(), 10 * SKEW);
    note(&mut states, &ledger, now);
    for (pause, step) in steps {
        now += pause;
        match step {
            Step::Reserve(units) => {
                reserve(&ledger, units.into());
                model.under_way.push(units);
            }
            Step::Settle => {
                if let Some(units) = model.under_way.pop() {
                    // The backend shows it from its answer on, at the latest.
                    model.sessions.push(units);
                    ledger.settle(load(units.into()));
                }
            }
            Step::Cancel => {
                if let Some(units) = model.under_way.pop() {
                    ledger.take_back(load(units.into()));
                }
            }
            Step::End if has_others => {
                let all = if model.foreign.is_empty() {
                    &mut model.sessions
                } else {
                    &mut model.foreign
                };
                all.pop();
            }
            Step::Foreign(units) if has_others => {
                model.foreign.push(units);
                model.foreign_since_read = true;
                model.is_told = false;
            }
            Step::End | Step::Foreign(_) => {}
            Step::Note => note(&mut states, &ledger, now),
            Step::Read(wrong) => {
                let stamp = now.saturating_add_signed(wrong);
                model.read = Some((model.load(), stamp));
                model.foreign_since_read = false;
            }
            Step::Tell => {
                if let Some((value, stamp)) = model.read.take() {
                    let around = states.around(ms(stamp.min(now)), ms(SKEW), ms(SKEW));
                    ledger.sample_of(&around.unwrap(), reading(value));
                    model.is_told = !model.foreign_since_read;
                }
            }
        }
        if !model.is_told {
            continue;
        }
        let most = Load::from_micros(ledger.carry(ms(now)).most).units();
        prop_assert!(most >= model.most() - 1e-9, "{most} < {}", model.most());
        if !has_others {
            let estimate = ledger.estimate().units();
            prop_assert!(estimate <= most + 1e-9);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_load_is_never_above_the_most_whenever_a_gauge_was_read_and_told(
        steps in collection::vec((0_u64..120, step()), 1..200),
    ) {
        walk(steps, true)?;
    }

    /// Nothing is lost and nothing counts twice: where all load is own, and none ends, the estimate is exact.
    #[test]
    fn own_load_that_stays_is_counted_once(
        steps in collection::vec((0_u64..120, step()), 1..200),
    ) {
        let ledger = Ledger::default();
        ledger.sample(ledger.scrape_sent(), reading(0.0));
        let mut states = PastStates::new(&Ledger::default());
        let (mut now, mut own, mut read) = (10 * SKEW, 0.0, None);
        note(&mut states, &ledger, now);
        for (pause, step) in steps {
            now += pause;
            match step {
                Step::Reserve(units) => {
                    book(&ledger, units.into());
                    own += f64::from(units);
                }
                Step::Read(wrong) => read = Some((own, now.saturating_add_signed(wrong))),
                Step::Tell => {
                    if let Some((value, stamp)) = read.take() {
                        let around = states.around(ms(stamp.min(now)), ms(SKEW), ms(SKEW)).unwrap();
                        ledger.sample_of(&around, reading(value));
                    }
                }
                _ => note(&mut states, &ledger, now),
            }
            prop_assert_eq!(ledger.estimate(), load(own));
        }
    }
}

#[test]
fn where_load_ends_with_its_answer_a_sample_of_the_past_says_what_there_was_beyond_own_requests() {
    let ledger = Ledger::default();
    ledger.set_lasts(Lasts::Answer);
    let mut states = PastStates::new(&ledger);
    reserve(&ledger, 4.0);
    note(&mut states, &ledger, 1_000);
    note(&mut states, &ledger, 3_000);
    // Since then that one was answered, and two others were sent.
    ledger.booked(load(4.0));
    reserve(&ledger, 1.0);
    reserve(&ledger, 1.0);
    ledger.sample_of(
        &states.around(ms(2_000), ms(1_000), ms(1_000)).unwrap(),
        reading(10.0),
    );
    assert_eq!(
        ledger.estimate(),
        load(8.0),
        "six of others, and two of its own"
    );
}
