//! The limits against a plain judge, which looks at every limit at every step.

use proptest::prelude::*;

use crate::{Cause, Change, Limits};

use super::{Clocks, load, order, restarted};

const NAMES: [&str; 3] = ["feeder7", "north", "south"];
const SOURCES: [&str; 3] = ["dso", "ems", "market"];

#[derive(Clone, Debug)]
enum Step {
    Put {
        name: usize,
        source: usize,
        value: u32,
        /// Relative to now, in milliseconds.
        from: Option<i32>,
        lasts: Option<u32>,
        failsafe: Option<(u32, u32)>,
    },
    Heartbeat(usize, usize),
    Delete(usize, usize),
    Pass(u32),
    PassToNext,
    SetWall(i32),
    Restart(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let put = (
        0..3_usize,
        0..3_usize,
        0..6_u32,
        proptest::option::of(-3_000..3_000_i32),
        proptest::option::of(1..6_000_u32),
        proptest::option::of((0..6_u32, 1..2_000_u32)),
    );
    prop_oneof![
        4 => put.prop_map(|(name, source, value, from, lasts, failsafe)| Step::Put {
            name, source, value, from, lasts, failsafe,
        }),
        3 => (0..3_usize, 0..3_usize).prop_map(|(name, source)| Step::Heartbeat(name, source)),
        1 => (0..3_usize, 0..3_usize).prop_map(|(name, source)| Step::Delete(name, source)),
        3 => (0..1_500_u32).prop_map(Step::Pass),
        2 => Just(Step::PassToNext),
        1 => (-2_000..2_000_i32).prop_map(Step::SetWall),
        1 => (0..1_500_u32).prop_map(Step::Restart),
    ]
}

/// One limit, as a judge notes it.
#[derive(Clone, Debug)]
struct Noted {
    name: usize,
    source: usize,
    value: u32,
    from: u64,
    until: u64,
    failsafe: Option<(u32, u64)>,
    /// How long ago its source was heard.
    silence: u64,
    has_begun: bool,
    has_fallen: bool,
}

#[derive(Default)]
struct Judge(Vec<Noted>);

impl Judge {
    fn look(&mut self, wall: u64) {
        self.0.retain(|one| one.until > wall);
        for one in &mut self.0 {
            if one.failsafe.is_some_and(|(_, most)| one.silence >= most) {
                one.has_fallen = true;
            }
            one.has_begun |= one.from <= wall;
        }
    }

    fn pass(&mut self, millis: u64) {
        for one in &mut self.0 {
            one.silence += millis;
        }
    }

    fn take(&mut self, name: usize, source: usize) -> Option<Noted> {
        let at = self
            .0
            .iter()
            .position(|one| (one.name, one.source) == (name, source))?;
        Some(self.0.remove(at))
    }

    fn strictest(&self, name: usize) -> Option<u32> {
        let of_name = self.0.iter().filter(|one| one.name == name);
        let loads = of_name.filter_map(|one| match one.failsafe {
            Some((fallback, _)) if one.has_fallen => Some(fallback),
            _ => one.has_begun.then_some(one.value),
        });
        loads.min()
    }

    /// In how many milliseconds something changes by itself.
    fn next(&self, wall: u64) -> Option<u64> {
        let each = self.0.iter().flat_map(|one| {
            let falls = one.failsafe.filter(|_| !one.has_fallen);
            let begins = (!one.has_begun && !one.has_fallen).then(|| one.from - wall);
            let ends = (one.until < u64::MAX).then(|| one.until - wall);
            [falls.map(|(_, most)| most - one.silence), begins, ends]
        });
        each.flatten().min()
    }
}

fn run(steps: Vec<Step>) {
    let (mut limits, mut judge, mut clocks) =
        (Limits::default(), Judge::default(), Clocks::start());
    for step in steps {
        let now = clocks.now();
        match step.clone() {
            Step::Put {
                name,
                source,
                value,
                from,
                lasts,
                failsafe,
            } => {
                let begin = from.map(|from| clocks.wall_millis.saturating_add_signed(from.into()));
                let from = begin.unwrap_or(0);
                let until = lasts.map(|lasts| from.max(clocks.wall_millis) + u64::from(lasts));
                let failsafe = failsafe.map(|(fallback, most)| (fallback, u64::from(most)));
                let order = order(SOURCES[source], value, [begin, until], failsafe);
                let change = limits.put(NAMES[name], order, now).unwrap();
                let known = judge.take(name, source);
                assert_eq!(change.before.is_some(), known.is_some());
                judge.0.push(Noted {
                    name,
                    source,
                    value,
                    from,
                    until: until.unwrap_or(u64::MAX),
                    failsafe,
                    silence: 0,
                    has_begun: from <= clocks.wall_millis,
                    has_fallen: false,
                });
            }
            Step::Heartbeat(name, source) => {
                let heard = limits.heartbeat(NAMES[name], SOURCES[source], now);
                let known = judge.take(name, source);
                assert_eq!(heard.is_some(), known.is_some());
                if let (Some(heard), Some(mut known)) = (heard, known) {
                    assert!(!heard.is_news(), "a heartbeat alone changes nothing");
                    let was_silent = known
                        .failsafe
                        .is_some_and(|(_, most)| known.silence >= most);
                    assert_eq!(heard.cause, Cause::Heartbeat { was_silent });
                    known.silence = 0;
                    judge.0.push(known);
                }
            }
            Step::Delete(name, source) => {
                let gone = limits.delete(NAMES[name], SOURCES[source]);
                assert_eq!(gone.is_some(), judge.take(name, source).is_some());
            }
            Step::Pass(millis) => {
                clocks.pass(millis.into());
                judge.pass(millis.into());
            }
            Step::PassToNext => {
                if let Some(due) = limits.next_due(now) {
                    let millis = u64::try_from(due.as_millis()).unwrap();
                    // A moment before, nothing is different yet.
                    let mut before = clocks;
                    before.pass(millis - 1);
                    assert!(limits.clone().advance(before.now()).is_empty());
                    clocks.pass(millis);
                    judge.pass(millis);
                }
            }
            Step::SetWall(millis) => {
                clocks.wall_millis = clocks.wall_millis.saturating_add_signed(millis.into());
            }
            Step::Restart(millis) => {
                limits = restarted(&limits, &mut clocks, millis.into());
                judge.pass(millis.into());
            }
        }
        let changed = limits.advance(clocks.now());
        judge.look(clocks.wall_millis);
        assert!(changed.iter().all(Change::is_news));
        assert_eq!(limits.len(), judge.0.len(), "{step:?}");
        for (at, name) in NAMES.into_iter().enumerate() {
            let in_force = limits.in_force(name).map(|one| one.value);
            assert_eq!(in_force, judge.strictest(at).map(load), "{name}: {step:?}");
        }
        let due = limits.next_due(clocks.now());
        // It may wake once more for nothing, never too late.
        if let Some(next) = judge.next(clocks.wall_millis) {
            assert!(due.unwrap().as_millis() <= next.into(), "{step:?}");
        }
        assert!(due.is_none_or(|due| !due.is_zero()), "never twice at once");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn limits_are_as_a_plain_judge_sees_them(steps in proptest::collection::vec(step(), 1..60)) {
        run(steps);
    }
}
