//! The truth: every session of a yard, and every limit, in one book.
//!
//! A booking is judged when it is made, under one lock, so that no moment is missed.

use std::collections::{BTreeMap, HashMap};

use fastrand::Rng;

/// Millionths of a kW, so that sums are exact.
type Load = u64;

pub(super) fn millionths(kw: f64) -> Load {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "loads of tests are small and positive"
    )]
    let load = (kw * 1e6).round() as u64;
    load
}

fn kw(load: Load) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let load = load as f64;
    load / 1e6
}

/// One limit: what it is called, the positions of the substations below it, and their most load together in kW.
pub(super) type Limit = (&'static str, Vec<usize>, f64);

/// A session that runs.
#[derive(Debug)]
struct Session {
    at: usize,
    load: Load,
}

#[derive(Debug)]
pub(super) struct Book {
    /// The limits as the proxy was told them, one list after another.
    regimes: Vec<Vec<Limit>>,
    /// The regime with which requests are sent now.
    told: usize,
    sessions: BTreeMap<String, Session>,
    loads: Vec<Load>,
    /// What houses draw beside the substations, by the name of their limit.
    houses: HashMap<&'static str, Load>,
    keys: HashMap<String, String>,
    peaks: HashMap<&'static str, Load>,
    booked: usize,
    /// Bookings over a limit, as texts.
    over: Vec<String>,
    /// The most that any limit was exceeded by.
    furthest: Load,
    rng: Rng,
}

impl Book {
    pub(super) fn new(substations: usize, limits: Vec<Limit>) -> Self {
        Self {
            regimes: vec![limits],
            told: 0,
            sessions: BTreeMap::new(),
            loads: vec![0; substations],
            houses: HashMap::new(),
            keys: HashMap::new(),
            peaks: HashMap::new(),
            booked: 0,
            over: Vec::new(),
            furthest: 0,
            rng: Rng::with_seed(20),
        }
    }

    /// Books at a substation, unless the key has booked before. Returns the session and its load.
    pub(super) fn book(
        &mut self,
        at: usize,
        power_kw: f64,
        key: Option<&str>,
        request: &str,
    ) -> String {
        if let Some(session) = key.and_then(|key| self.keys.get(key)) {
            return session.clone();
        }
        let load = millionths(power_kw);
        self.booked += 1;
        let session = format!("s{}-{:08x}", at + 1, self.booked);
        self.loads[at] += load;
        self.sessions.insert(session.clone(), Session { at, load });
        self.keys
            .extend(key.map(|key| (key.to_owned(), session.clone())));
        self.judge(at, request);
        session
    }

    /// Whether the booking that has just been made is within the limits that were in force when it was sent, or later.
    fn judge(&mut self, at: usize, request: &str) {
        let sent: usize = request
            .strip_prefix('r')
            .and_then(|rest| rest.split('-').next())
            .and_then(|sent| sent.parse().ok())
            .map_or(self.told, |sent: usize| sent.min(self.told));
        let mut least = None;
        for regime in self.regimes.get(sent..).unwrap_or_default() {
            let passed = regime
                .iter()
                .filter(|(_, members, _)| members.contains(&at))
                .filter_map(|limit| {
                    let (load, bound) = (self.below(limit), millionths(limit.2));
                    let passed = load.checked_sub(bound).filter(|over| *over > 0)?;
                    Some((passed, format!("{}: {} of {}", limit.0, kw(load), limit.2)))
                })
                .max();
            match passed {
                None => {
                    least = None;
                    break;
                }
                Some(passed) => {
                    least = Some(least.map_or(passed.clone(), |least| passed.min(least)));
                }
            }
        }
        if let Some((over, text)) = least {
            self.over.push(format!("{request} at s{}: {text}", at + 1));
            self.furthest = self.furthest.max(over);
        }
        let regime = &self.regimes[self.told];
        for limit in regime
            .iter()
            .filter(|(_, members, _)| members.contains(&at))
        {
            let load = self.below(limit);
            let peak = self.peaks.entry(limit.0).or_default();
            *peak = load.max(*peak);
        }
    }

    fn below(&self, (name, members, _): &Limit) -> Load {
        let houses = self.houses.get(name).copied().unwrap_or_default();
        houses + members.iter().map(|&at| self.loads[at]).sum::<Load>()
    }

    /// Ends a session. Returns its power in kW, or none if there is no such session.
    pub(super) fn end(&mut self, session: &str) -> Option<f64> {
        let Session { at, load } = self.sessions.remove(session)?;
        self.loads[at] -= load;
        Some(kw(load))
    }

    /// Ends one session that runs.
    pub(super) fn end_any(&mut self) {
        let count = self.sessions.len();
        if count > 0 {
            let nth = self.rng.usize(..count);
            let session = self.sessions.keys().nth(nth).unwrap().clone();
            self.end(&session);
        }
    }

    /// From now on these limits may be in force.
    pub(super) fn announce(&mut self, limits: Vec<Limit>) {
        self.regimes.push(limits);
    }

    /// The limits that were announced last are in force: requests sent from now on are judged by them alone.
    pub(super) fn in_force(&mut self) {
        self.told = self.regimes.len() - 1;
        self.peaks.clear();
    }

    /// The regime for requests that are sent now.
    pub(super) fn told(&self) -> usize {
        self.told
    }

    /// From now on houses draw this below a limit.
    pub(super) fn set_houses(&mut self, name: &'static str, power_kw: f64) {
        self.houses.insert(name, millionths(power_kw));
    }

    /// What a substation bears, in kW.
    pub(super) fn load(&self, at: usize) -> f64 {
        kw(self.loads[at])
    }

    fn limit(&self, name: &str) -> &Limit {
        let mut regime = self.regimes[self.told].iter();
        regime.find(|limit| limit.0 == name).unwrap()
    }

    /// What all below a limit draw, houses included, in kW.
    pub(super) fn total(&self, name: &str) -> f64 {
        kw(self.below(self.limit(name)))
    }

    /// What is left below a limit, in kW.
    pub(super) fn left(&self, name: &str) -> f64 {
        self.limit(name).2 - self.total(name)
    }

    /// The most that was booked below a limit since it is in force.
    pub(super) fn peak(&self, name: &str) -> f64 {
        kw(self.peaks.get(name).copied().unwrap_or_default())
    }

    pub(super) fn booked(&self) -> usize {
        self.booked
    }

    /// Bookings over a limit, and the most over in kW.
    pub(super) fn over(&self) -> (&[String], f64) {
        (&self.over, kw(self.furthest))
    }
}

mod tests {
    use super::Book;

    #[test]
    fn the_book_sees_a_booking_over_a_limit_and_forgives_one_that_was_on_its_way() {
        let limits = |most| vec![("f", vec![0, 1], most)];
        let mut book = Book::new(2, limits(10.0));
        book.book(0, 6.0, None, "r0-a");
        book.book(1, 4.0, Some("k"), "r0-b");
        book.book(1, 4.0, Some("k"), "r0-b");
        assert_eq!((book.peak("f"), book.left("f")), (10.0, 0.0));
        book.announce(limits(5.0));
        book.in_force();
        book.end("s1-00000001");
        book.book(0, 3.0, None, "r0-c");
        assert!(book.over().0.is_empty());
        book.book(0, 1.0, None, "r1-d");
        assert_eq!(book.over().1, 3.0);
    }
}
