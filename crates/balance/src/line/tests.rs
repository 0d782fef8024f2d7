mod kinds;

use std::cell::RefCell;

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What waits, in these tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Car {
    number: usize,
    arrived: Duration,
    until: Duration,
    load: i64,
    lasts: Duration,
    kind: u64,
}

/// Whether requests of a kind can use an upstream: those of kind 0 all, those of another all but one.
fn is_for(at: usize, kind: u64) -> bool {
    kind == 0 || at + 1 != usize::try_from(kind).unwrap()
}

/// Upstreams with a capacity and sessions that end.
#[derive(Clone, Debug, Default)]
struct Station {
    now: Duration,
    capacity: Vec<i64>,
    /// Upstream, end and load of each session.
    sessions: Vec<(usize, Duration, i64)>,
    kept: Option<usize>,
    /// The requests that got room, in order.
    served: RefCell<Vec<(Duration, usize)>>,
    looks: usize,
}

impl Station {
    fn of(capacity: &[i64]) -> Self {
        Self {
            capacity: capacity.to_vec(),
            ..Self::default()
        }
    }

    fn free(&self, at: usize) -> i64 {
        let here = self.sessions.iter().filter(|session| session.0 == at);
        self.capacity[at] - here.map(|session| session.2).sum::<i64>()
    }

    fn at(&mut self, now: Duration) {
        self.now = now;
        self.sessions.retain(|session| session.1 > now);
    }

    /// The emptiest upstream for this kind, but this one.
    fn emptiest(&self, but: Option<usize>, kind: u64) -> Option<usize> {
        let all = (0..self.capacity.len()).filter(|at| Some(*at) != but && is_for(*at, kind));
        all.max_by_key(|at| self.free(*at))
    }

    fn place(&mut self, but: Option<usize>, car: &Car) -> bool {
        self.looks += 1;
        let fits = self
            .emptiest(but, car.kind)
            .filter(|at| self.free(*at) >= car.load);
        if let Some(at) = fits {
            self.sessions.push((at, self.now + car.lasts, car.load));
            self.served.borrow_mut().push((self.now, car.number));
        }
        fits.is_some()
    }
}

impl Room<Car> for Station {
    fn take(&mut self, load: Load, car: &Car) -> bool {
        assert_eq!(load.micros(), car.load);
        self.place(self.kept, car)
    }

    fn take_kept(&mut self, load: Load, car: &Car) -> bool {
        assert_eq!(load.micros(), car.load);
        self.place(None, car)
    }

    fn largest(&mut self, car: &Car) -> i64 {
        self.looks += 1;
        self.emptiest(self.kept, car.kind)
            .map_or(0, |at| self.free(at))
    }

    fn keep(&mut self, load: Load, car: &Car) -> bool {
        let able = (0..self.capacity.len()).filter(|at| self.capacity[*at] >= load.micros());
        let able = able.filter(|at| is_for(*at, car.kind));
        self.kept = able.max_by_key(|at| self.free(*at));
        self.kept.is_some()
    }

    fn release(&mut self) {
        self.kept = None;
    }
}

/// The same rules, over a plain list.
#[derive(Default)]
struct Judge {
    waiting: Vec<Car>,
    kept: Option<(Car, Duration)>,
    pause: Duration,
    hopeless: Vec<usize>,
}

impl Judge {
    fn leave(&mut self, now: Duration) {
        if let Some((car, since)) = self.kept.filter(|(car, _)| car.until <= now) {
            self.pause = now + now.saturating_sub(since);
            self.kept = None;
            self.hopeless.push(car.number);
        }
        self.waiting.retain(|car| car.until > now);
    }

    fn serve(&mut self, station: &mut Station) {
        let now = station.now;
        if self.kept.is_none() {
            station.kept = None;
            let overdue = |car: &&Car| {
                now >= car.arrived + car.until.saturating_sub(car.arrived) / 2
                    && !self.hopeless.contains(&car.number)
            };
            if now >= self.pause
                && let Some(car) = self.waiting.iter().find(overdue).copied()
            {
                if station.keep(Load::from_micros(car.load), &car) {
                    self.kept = Some((car, now));
                } else {
                    self.hopeless.push(car.number);
                }
            }
        }
        if let Some((car, _)) = self.kept
            && station.place(None, &car)
        {
            self.waiting.retain(|other| *other != car);
            (self.kept, station.kept) = (None, None);
        }
        let kept = self.kept.map(|(car, _)| car);
        let all = std::mem::take(&mut self.waiting);
        for car in all {
            if Some(car) == kept || !station.place(station.kept, &car) {
                self.waiting.push(car);
            }
        }
    }
}

#[test]
fn ten_thousand_random_arrivals_are_served_as_a_plain_judge_does_it() {
    for seed in 0..6 {
        let mut rng = Rng::with_seed(seed);
        let mut station = Station::of(&[300, 500, 900]);
        let mut judged = station.clone();
        let (mut line, mut judge) = (Line::new(seed), Judge::default());
        let mut turns: Vec<(Turn, Car)> = Vec::new();
        let mut now = Duration::ZERO;
        for number in 0..2_000 {
            now += Duration::from_micros(rng.u64(0..8_000));
            station.at(now);
            judged.at(now);
            turns.retain(|(turn, car)| {
                let leaves = car.until <= now;
                if leaves {
                    line.leave(*turn, now);
                }
                !leaves
            });
            judge.leave(now);
            let load = if rng.u8(0..20) == 0 {
                rng.i64(300..1_000)
            } else {
                rng.i64(1..60)
            };
            let car = Car {
                number,
                arrived: now,
                until: now + ms(rng.u64(1..400)),
                load,
                lasts: ms(rng.u64(20..200)),
                kind: if seed % 2 == 0 { 0 } else { rng.u64(0..4) },
            };
            let turn = line.turn(now, car.kind);
            line.join(turn, Load::from_micros(load), now, car.until, car);
            turns.push((turn, car));
            judge.waiting.push(car);
            line.serve(now, &mut station);
            judge.serve(&mut judged);
            assert_eq!(station.served, judged.served, "seed {seed}, {number}");
            assert_eq!(station.kept, judged.kept, "seed {seed}, {number}");
            assert_eq!(line.len(), judge.waiting.len());
            // None waits that fits.
            let waits = judge.waiting.iter();
            let waits = waits.filter(|car| judge.kept.is_none_or(|(kept, _)| kept != **car));
            for car in waits {
                assert!(car.load > station.largest(car), "seed {seed}, {number}");
            }
        }
        let (served, large) = (station.served.borrow().len(), judge.hopeless.len());
        assert!((500..2_000).contains(&served) && large > 0, "{served}");
    }
}

/// A large car among small ones that come without end. Returns when each got room.
fn among_small(patience: Duration, large: i64) -> Vec<(Duration, usize)> {
    let mut station = Station::of(&[100]);
    let mut line = Line::new(1);
    let mut rng = Rng::with_seed(1);
    for number in 0..1_000 {
        let now = ms(number * 5);
        station.at(now);
        let is_large = number == 50;
        let load = if is_large { large } else { 10 };
        let until = now + if is_large { patience } else { ms(500) };
        let car = Car {
            number: number.try_into().unwrap(),
            arrived: now,
            until,
            load,
            // Twice as much as there is room for.
            lasts: ms(rng.u64(80..120)),
            kind: 0,
        };
        let turn = line.turn(now, 0);
        line.join(turn, Load::from_micros(load), now, until, car);
        line.serve(now, &mut station);
        // Everybody leaves in time.
        while let Some((turn, car)) = line.first().filter(|(_, car)| car.until <= now) {
            assert!(car.until <= now);
            line.leave(turn, now);
        }
    }
    station.served.into_inner()
}

#[test]
fn a_large_one_is_passed_for_half_of_its_patience_and_then_gets_its_turn() {
    let served = among_small(ms(1_000), 90);
    let (at, _) = served.iter().find(|(_, car)| *car == 50).unwrap();
    let waited = at.saturating_sub(ms(250));
    assert!(ms(500) < waited && waited < ms(650), "{waited:?}");
    let passed = served.iter().filter(|(when, _)| *when < *at).count();
    assert!(passed > 60, "small ones went on meanwhile: {passed}");
}

#[test]
fn one_that_never_fits_delays_the_others_only_if_it_could() {
    // More than the capacity: nothing is ever kept for it.
    let served = among_small(ms(1_000), 101);
    assert!(served.iter().all(|(_, car)| *car != 50));
    let gaps = served
        .windows(2)
        .map(|pair| pair[1].0.saturating_sub(pair[0].0));
    assert!(gaps.max().unwrap() < ms(100));
}

#[test]
fn room_that_was_kept_in_vain_is_given_back_and_not_kept_again_for_as_long() {
    let mut station = Station::of(&[100]);
    // It never ends.
    station.sessions.push((0, ms(1_000_000), 50));
    let mut line = Line::new(1);
    let mut kept = 0;
    let mut turns = Vec::new();
    let mut served = 0;
    for tick in 0..4_000_u64 {
        let now = ms(tick);
        station.at(now);
        turns.retain(|(turn, until)| {
            let leaves = *until <= now;
            if leaves {
                line.leave(*turn, now);
            }
            !leaves
        });
        // Large ones without end, each of which could fit an empty upstream.
        for load in [100, 10] {
            let car = Car {
                number: usize::try_from(tick).unwrap(),
                arrived: now,
                until: now + ms(100),
                load,
                lasts: ms(1),
                kind: 0,
            };
            let turn = line.turn(now, 0);
            line.join(turn, Load::from_micros(load), now, car.until, car);
            turns.push((turn, car.until));
        }
        line.serve(now, &mut station);
        kept += u64::from(station.kept.is_some());
        served = station.served.borrow().len();
    }
    assert!((1_500..=2_000).contains(&kept), "half of the time: {kept}");
    assert!(served >= 2_000, "{served}");
}

#[test]
fn places_are_by_arrival_and_a_short_patience_is_no_advantage() {
    let mut station = Station::of(&[10]);
    let mut line = Line::new(1);
    let car = |number, patience| Car {
        number,
        arrived: ms(0),
        until: ms(patience),
        load: 10,
        lasts: ms(5),
        kind: 0,
    };
    // The last to join is the first that arrived: it was sent to an upstream that had no room after all.
    for (number, arrived, patience) in [(1, 1, 900), (2, 2, 20), (0, 0, 500)] {
        let car = car(number, patience);
        let turn = line.turn(ms(arrived), 0);
        line.join(turn, Load::from_micros(10), ms(2), car.until, car);
    }
    for now in [3, 8, 13] {
        station.at(ms(now));
        line.serve(ms(now), &mut station);
    }
    let order: Vec<_> = station.served.borrow().iter().map(|one| one.1).collect();
    assert_eq!(order, [0, 1, 2]);
}

#[test]
fn ten_thousand_who_do_not_fit_cost_two_looks() {
    let mut station = Station::of(&[100]);
    let mut line = Line::new(1);
    for number in 0..10_000 {
        // Each asks for less than the one before, so each could be tried.
        let load = 20_000 - i64::try_from(number).unwrap();
        let car = Car {
            number,
            arrived: ms(0),
            until: ms(1_000),
            load,
            lasts: ms(1),
            kind: 0,
        };
        let turn = line.turn(ms(0), 0);
        line.join(turn, Load::from_micros(load), ms(0), car.until, car);
    }
    line.serve(ms(1), &mut station);
    assert_eq!((station.looks, line.len()), (2, 10_000));
    assert!(!line.may_fit(Load::from_micros(101), 0, ms(1)));
    assert!(line.may_fit(Load::from_micros(100), 0, ms(1)));
    assert!(
        line.may_fit(Load::from_micros(101), 0, ms(2)),
        "it is too old"
    );
}
