//! Reads the table in the documentation of the crate, and lets happen what each line says.

use crate::Limits;

use super::{Clocks, order, put, restarted};

const FROM: u64 = 100_000;
const UNTIL: u64 = 1_000_000;
const HEARTBEAT: u64 = 60_000;

/// A limit in one state, and the clocks.
struct Case {
    limits: Limits,
    clocks: Clocks,
    /// When it begins and ends, by the wall clock.
    from: u64,
    until: u64,
}

impl Case {
    /// The first heartbeat is half over in each state, so that something may pass before it is due.
    fn new(state: &str) -> Self {
        let mut clocks = Clocks::start();
        let from = clocks.wall_millis + FROM;
        let until = clocks.wall_millis + UNTIL;
        let mut case = Self {
            limits: Limits::default(),
            clocks,
            from,
            until,
        };
        let failsafe = Some((5, HEARTBEAT));
        let whole = order("dso", 9, [Some(from), Some(until)], failsafe);
        match state {
            "none" => {}
            "waiting" => drop(put(&mut case.limits, "north", whole, clocks.now())),
            // Both have begun, so a clock that is set back comes before their `from`.
            "in force" | "fallback" => {
                clocks.pass(FROM + 1);
                put(&mut case.limits, "north", whole, clocks.now());
                if state == "fallback" {
                    clocks.pass(HEARTBEAT);
                    case.limits.advance(clocks.now());
                    case.limits.heartbeat("north", "dso", clocks.now());
                }
            }
            other => panic!("{other:?} is no state"),
        }
        clocks.pass(HEARTBEAT / 2);
        case.clocks = clocks;
        case.look();
        assert_eq!(case.state(), state);
        case
    }

    fn look(&mut self) {
        self.limits.advance(self.clocks.now());
    }

    fn state(&self) -> &'static str {
        match self.limits.of("north").first() {
            None => "none",
            Some(limit) => match limit.stage().name() {
                "in_force" => "in force",
                other => other,
            },
        }
    }

    fn hear(&mut self) {
        let now = self.clocks.now();
        self.limits.heartbeat("north", "dso", now);
    }

    /// Time passes to here, with heartbeats.
    fn pass_to(&mut self, wall_millis: u64) {
        while self.clocks.wall_millis < wall_millis {
            self.hear();
            let step = (wall_millis - self.clocks.wall_millis).min(HEARTBEAT / 2);
            self.clocks.pass(step);
            self.look();
        }
    }

    /// The same without heartbeats, and without a look in between.
    fn leap_to(&mut self, wall_millis: u64) {
        self.clocks
            .pass(wall_millis.saturating_sub(self.clocks.wall_millis));
    }

    fn restart(&mut self, millis: u64) {
        self.limits = restarted(&self.limits, &mut self.clocks, millis);
        self.look();
    }

    fn happen(&mut self, event: &str) {
        let now = self.clocks.now();
        let failsafe = Some((5, HEARTBEAT));
        match event {
            "put, to begin now" => {
                let again = order("dso", 8, [None, Some(self.until)], failsafe);
                put(&mut self.limits, "north", again, now);
            }
            "put, to begin later" => {
                let from = self.clocks.wall_millis + 50_000;
                let again = order("dso", 8, [Some(from), Some(self.until)], failsafe);
                put(&mut self.limits, "north", again, now);
            }
            "a heartbeat" => self.hear(),
            "a heartbeat of another source" => {
                assert!(self.limits.heartbeat("north", "ems", now).is_none());
            }
            "delete" => drop(self.limits.delete("north", "dso")),
            "delete of another source" => {
                assert!(self.limits.delete("north", "ems").is_none());
                assert!(self.limits.delete("south", "dso").is_none());
            }
            "time passes, and nothing is due" => self.clocks.pass(HEARTBEAT / 2 - 1),
            "from passes" => self.pass_to(self.from),
            "until passes" => self.pass_to(self.until),
            "the heartbeat is overdue" => self.clocks.pass(HEARTBEAT / 2),
            "the heartbeat is overdue, and until passes" => self.leap_to(self.until),
            "the heartbeat is overdue, and from passes" => self.leap_to(self.from + HEARTBEAT * 3),
            "a restart within the heartbeat" => self.restart(HEARTBEAT / 2 - 1),
            "a restart that takes longer than the heartbeat" => self.restart(HEARTBEAT / 2),
            "a restart that takes beyond from" => {
                // A heartbeat just before it, and one that is long enough.
                let pause = (self.from + 1).saturating_sub(self.clocks.wall_millis);
                self.pass_to(self.clocks.wall_millis + pause.saturating_sub(HEARTBEAT / 2));
                self.hear();
                self.restart(HEARTBEAT / 2);
            }
            "a restart that takes beyond until" => {
                self.restart(self.until - self.clocks.wall_millis);
            }
            "the wall clock is set back, before from" => {
                self.clocks.wall_millis = self.from - 90_000;
            }
            "the wall clock is set forward, beyond from" => {
                self.clocks.wall_millis = self.clocks.wall_millis.max(self.from);
            }
            "the wall clock is set forward, beyond until" => self.clocks.wall_millis = self.until,
            other => panic!("{other:?} is no event"),
        }
        self.look();
    }
}

#[test]
fn the_table_is_what_happens() {
    let documentation = include_str!("../lib.rs").lines();
    let rows = documentation.filter_map(|line| line.strip_prefix("//! | "));
    let rows: Vec<Vec<_>> = rows
        .map(|row| row.trim_end_matches(" |").split(" | ").collect())
        .collect();
    let (states, events) = (&rows[0][1..], &rows[2..]);
    assert_eq!(states.len(), 4);
    assert_eq!(events.len(), 19);
    for row in events {
        for (state, expected) in states.iter().zip(&row[1..]) {
            let mut case = Case::new(state);
            case.happen(row[0]);
            assert_eq!(case.state(), *expected, "{state}, then {}", row[0]);
            // Asked again at the same moment, nothing is different.
            case.look();
            assert_eq!(case.state(), *expected, "{state}, then {}, twice", row[0]);
        }
    }
}

#[test]
fn a_clock_that_is_set_back_and_forth_brings_nothing_back_that_is_over() {
    let mut case = Case::new("in force");
    case.happen("the wall clock is set forward, beyond until");
    case.happen("the wall clock is set back, before from");
    assert_eq!(case.state(), "none");
}

#[test]
fn after_a_fallback_the_next_silence_counts_from_the_new_order() {
    let mut case = Case::new("fallback");
    for _ in 0..3 {
        case.happen("a heartbeat");
        case.happen("time passes, and nothing is due");
    }
    case.happen("put, to begin now");
    case.happen("time passes, and nothing is due");
    assert_eq!(case.state(), "in force");
    case.clocks.pass(1);
    case.happen("the heartbeat is overdue");
    assert_eq!(case.state(), "fallback");
}
