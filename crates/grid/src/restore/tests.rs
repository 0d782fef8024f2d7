//! What the next process knows of its substations.

use std::net::IpAddr;

use switchyard_balance::{
    Lasts, Load, Reading, RequestLimit, Reservation, Selector,
    carried::{CarriedPace, CarriedShare},
};
use switchyard_idempotency::HolderId;

use super::*;
use crate::{
    blame::{Blame, Source},
    clock::{Clock, FromNow},
    lasts::LastsSource,
    names::Names,
    outlier_detection::Stage,
    refusals::CarriedHold,
    state::SubstationState,
    substation::Reach,
};

/// One process: its grid, and what left it.
struct Process {
    metrics: GridMetrics,
    config: Config,
    grid: Grid,
    departed: Departed,
}

fn config(substations: &[(&str, u16)]) -> Config {
    let listed = substations
        .iter()
        .map(|(name, port)| format!("{{name: {name}, address: 127.0.0.1:{port}}}"));
    let listed = listed.collect::<Vec<_>>().join(", ");
    Config::from_yaml(&format!("substations: [{listed}]"), "test").unwrap()
}

fn load(units: f64) -> Load {
    Load::new(units).unwrap()
}

impl Process {
    fn new(substations: &[(&str, u16)]) -> Self {
        let registry = prometheus::Registry::new();
        let registrar = switchyard_telemetry::Registrar::new(&registry);
        let metrics = GridMetrics::register(registrar).unwrap();
        let config = config(substations);
        let grid = Grid::new(&config, &metrics, Clock::start(), 1).unwrap();
        Self {
            metrics,
            config,
            grid,
            departed: Departed::default(),
        }
    }

    /// The next process with the same configuration.
    fn next(&self, substations: &[(&str, u16)], written: Written) -> Self {
        let mut next = Self::new(substations);
        next.restore(&self.leave(), written);
        next
    }

    /// What it leaves, as bytes.
    fn leave(&self) -> Vec<u8> {
        postcard::to_stdvec(&self.grid.carry(&self.departed)).unwrap()
    }

    fn restore(&mut self, left: &[u8], written: Written) {
        let carried = postcard::from_bytes(left).unwrap();
        let restored = self
            .grid
            .restore(carried, written, &self.config, &self.metrics)
            .unwrap();
        self.departed.restore(restored.departed, Instant::now());
    }

    fn reload(&mut self, substations: &[(&str, u16)]) {
        self.config = config(substations);
        let absent = self.departed.all();
        let next = self
            .grid
            .rebuild(&self.config, &self.metrics, &absent, 1)
            .unwrap();
        self.departed.take_back(&next);
        self.departed.add(self.grid.retire(&next), Instant::now());
        self.grid = next;
    }

    fn get(&self, name: &str) -> &Arc<Substation> {
        let mut all = self.grid.substations().iter();
        all.find(|one| one.name() == name).unwrap()
    }

    fn state(&self, name: &str) -> SubstationState {
        self.grid.state_of(self.get(name))
    }

    fn sample(&self, name: &str, units: f64) {
        let (substation, now) = (self.get(name), self.grid.clock().now());
        let reading = Reading {
            load: load(units),
            capacity: Some(load(100.0)),
        };
        let sent = substation.ledger().scrape_sent();
        substation.ledger().sample(sent, reading);
        substation.stamp_sample(now, Some(now));
    }

    /// Until what comes next is later than what came before for certain, although both clocks round.
    fn wait(&self) {
        let begin = self.grid.clock().now();
        while self.grid.clock().now() < begin.plus(Duration::from_millis(4)) {
            std::thread::yield_now();
        }
    }

    fn fails(&self, name: &str) {
        let blame = Blame {
            source: Source::of(IpAddr::from([127, 0, 0, 1])),
            is_repeat: false,
        };
        self.grid.failed(self.get(name), blame);
    }

    fn choose(&self) -> Option<String> {
        let mut rng = fastrand::Rng::with_seed(1);
        let selector: &Selector = self.grid.selector();
        let choice = selector.reserve(self.grid.roster(), load(1.0), &mut rng);
        let choice = choice.ok()?;
        let name = choice.reservation.upstream().name().to_owned();
        choice.reservation.cancel();
        Some(name)
    }
}

const THREE: [(&str, u16); 3] = [("a", 1), ("b", 2), ("c", 3)];
const ALIVE: Written = Written {
    ago: Duration::ZERO,
    is_alive: true,
};

#[test]
fn a_drained_an_ejected_and_a_silent_substation_stay_so_and_the_load_is_known_at_once() {
    let old = Process::new(&THREE);
    for (name, units) in [("a", 10.0), ("b", 20.0), ("c", 30.0)] {
        old.sample(name, units);
    }
    old.grid.drain_here("a", "me", Some("new cable"));
    for _ in 0..5 {
        old.fails("b");
    }
    assert_eq!(old.state("b"), SubstationState::Ejected);
    let new = old.next(&THREE, ALIVE);
    assert_eq!(new.state("a"), SubstationState::Draining);
    assert_eq!(new.state("b"), SubstationState::Ejected);
    let Stage::Ejected(until) = new.get("b").view(new.grid.clock().now()).stage else {
        panic!()
    };
    let left = until.since(new.grid.clock().now());
    let rule = new.config.health.ejection;
    assert!(
        left <= rule && left + Duration::from_secs(5) > rule,
        "{left:?}"
    );
    assert_eq!(new.state("c"), SubstationState::Up);
    assert_eq!(new.get("c").ledger().estimate(), load(30.0));
    assert_eq!(
        new.choose().as_deref(),
        Some("c"),
        "without a sample of its own"
    );
}

#[test]
fn those_that_left_or_are_listed_no_more_are_found_and_come_back() {
    let mut old = Process::new(&[("a", 1), ("b", 2), ("c", 3), ("d", 4)]);
    old.sample("a", 10.0);
    old.sample("b", 20.0);
    old.grid.names_itself(&Arc::clone(old.get("b")), "b-1");
    old.reload(&[("a", 1), ("c", 3), ("d", 4)]);
    // The next one has another address for c, and no d.
    let mut new = old.next(&[("a", 1), ("c", 33)], ALIVE);
    let names = Names::new(&new.grid, &new.departed.all());
    let id = |name: &str, port| HolderId {
        name: name.into(),
        address: ([127, 0, 0, 1], port).into(),
    };
    let found = |id: &HolderId| names.by_id(id).map(|one| one.address().port());
    assert_eq!(found(&id("a", 1)), Some(1));
    assert_eq!(found(&id("a", 9)), Some(1), "it has moved");
    assert_eq!(found(&id("b", 2)), Some(2));
    assert_eq!(found(&id("b", 9)), None, "it is not listed");
    assert_eq!(
        (found(&id("c", 3)), found(&id("c", 33))),
        (Some(3), Some(33))
    );
    assert_eq!(found(&id("c", 9)), Some(33));
    assert_eq!(found(&id("d", 4)), Some(4));
    assert_eq!(found(&id("x", 1)), None);
    let holder = |id| names.holder(id).map(|one| one.name().to_owned());
    assert_eq!(holder("b-1-00").as_deref(), Some("b"));
    assert_eq!(holder("d-00").as_deref(), Some("d"));
    new.reload(&[("a", 1), ("b", 2)]);
    assert_eq!(new.get("b").ledger().estimate(), load(20.0));
    assert_eq!(new.state("b"), SubstationState::Up);
}

fn after(seconds: u64) -> Written {
    Written {
        ago: Duration::from_secs(seconds),
        is_alive: false,
    }
}

#[test]
fn a_silent_substation_is_stale_with_its_true_age_and_a_candidate_at_once() {
    let old = Process::new(&THREE);
    for (name, units) in [("a", 50.0), ("b", 20.0), ("c", 90.0)] {
        old.sample(name, units);
    }
    old.get("b").ledger().extrapolate(-0.5);
    let new = old.next(&THREE, after(30));
    let b = new.get("b");
    assert_eq!(new.state("b"), SubstationState::Stale);
    let age = new.grid.view(b, new.grid.clock().now()).sample_age.unwrap();
    assert!((30..33).contains(&age.as_secs()), "{age:?}");
    assert_eq!(b.ledger().estimate(), load(10.0));
    assert!(b.ledger().is_stale());
    assert_eq!(new.choose().as_deref(), Some("b"));
    // It goes on like the others.
    b.ledger().extrapolate(-0.5);
    assert_eq!(b.ledger().estimate(), load(5.0));
    // And in the next process as well.
    let third = new.next(&THREE, after(30));
    let b = third.get("b");
    let age = third.grid.view(b, third.grid.clock().now()).sample_age;
    assert!(age >= Some(Duration::from_mins(1)), "{age:?}");
    assert_eq!(b.ledger().estimate(), load(5.0));
}

#[test]
fn a_sample_of_its_own_goes_before_an_older_one_and_not_before_a_newer_one() {
    let booked = |process: &Process| {
        let a = Arc::clone(process.get("a"));
        Reservation::of(a, load(5.0)).booked();
    };
    // The new process samples after the old one.
    let old = Process::new(&THREE);
    old.sample("a", 10.0);
    booked(&old);
    let mut new = Process::new(&THREE);
    new.wait();
    new.sample("a", 12.0);
    new.restore(&old.leave(), ALIVE);
    assert_eq!(new.get("a").ledger().value(), Some(load(12.0)));
    assert_eq!(new.get("a").ledger().estimate(), load(15.0));
    assert_eq!(new.get("a").ledger().room(), load(83.0).micros());
    // And before it.
    let old = Process::new(&THREE);
    let mut new = Process::new(&THREE);
    new.sample("a", 10.0);
    booked(&old);
    new.wait();
    old.sample("a", 15.0);
    new.restore(&old.leave(), ALIVE);
    assert_eq!(new.get("a").ledger().value(), Some(load(15.0)));
    assert_eq!(new.get("a").ledger().room(), load(85.0).micros());
}

#[test]
fn an_ejection_goes_on_for_the_time_that_is_left_and_the_next_one_is_longer() {
    let old = Process::new(&THREE);
    let rule = old.config.health.ejection;
    for _ in 0..5 {
        old.fails("b");
    }
    let over = old.next(&THREE, after(rule.as_secs() + 1));
    let (b, now) = (over.get("b"), over.grid.clock().now());
    assert_eq!(over.state("b"), SubstationState::Ejected);
    over.grid.scraped(b, Reach::Yes, now);
    assert_eq!(b.view(now).stage, Stage::Trial);
    assert!(over.grid.enter(b, load(1.0)).unwrap().is_some());
    over.fails("b");
    let again = over.next(&THREE, ALIVE);
    let (b, now) = (again.get("b"), again.grid.clock().now());
    let Stage::Ejected(until) = b.view(now).stage else {
        panic!()
    };
    assert!(until.since(now) > rule, "{:?}", until.since(now));
    assert_eq!(b.view(now).ejections, 2);
    // Under rules that allow one ejection, only one goes on.
    let old = Process::new(&[("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("f", 6)]);
    for name in ["a", "b"] {
        for _ in 0..5 {
            old.fails(name);
        }
    }
    let ejected = |process: &Process| {
        let all = process.grid.substations().iter();
        all.filter(|one| process.state(one.name()) == SubstationState::Ejected)
            .count()
    };
    assert_eq!(ejected(&old), 2);
    assert_eq!(ejected(&old.next(&[("a", 1), ("b", 2)], ALIVE)), 1);
}

#[test]
fn a_trial_whose_verdict_the_old_process_gets_is_made_again() {
    let old = Process::new(&THREE);
    for _ in 0..5 {
        old.fails("b");
    }
    let trial = old.next(&THREE, after(3_600));
    let (b, now) = (trial.get("b"), trial.grid.clock().now());
    trial.grid.scraped(b, Reach::Yes, now);
    let _under_way = trial.grid.enter(b, load(1.0)).unwrap().unwrap();
    assert_eq!(b.view(now).stage, Stage::Tried);
    let new = trial.next(&THREE, ALIVE);
    let (b, now) = (new.get("b"), new.grid.clock().now());
    assert_eq!(b.view(now).stage, Stage::Trial);
    new.grid.good(b, None);
    let view = b.view(now);
    assert_eq!(view.stage, Stage::In);
    assert!(view.share < 1.0, "slow start");
    // Half of the slow start later.
    let slow_start = new.config.health.slow_start.as_secs();
    let later = new.next(&THREE, after(slow_start / 2));
    let share = later.get("b").view(later.grid.clock().now()).share;
    assert!((0.5..0.7).contains(&share), "{share}");
    let full = later.next(&THREE, after(slow_start));
    let share = full.get("b").view(full.grid.clock().now()).share;
    assert!((share - 1.0).abs() < 1e-9);
}

#[test]
fn one_that_is_unreachable_stays_out_until_a_scrape_reaches_it() {
    let old = Process::new(&THREE);
    let (b, now) = (old.get("b"), old.grid.clock().now());
    for _ in 0..5 {
        old.grid.scraped(b, Reach::No, now);
    }
    assert_eq!(old.state("b"), SubstationState::Down);
    let new = old.next(&THREE, ALIVE);
    let b = new.get("b");
    assert_eq!(new.state("b"), SubstationState::Down);
    assert!(!b.ledger().is_in());
    new.grid.scraped(b, Reach::Yes, new.grid.clock().now());
    assert!(b.ledger().is_in());
    // What this process has seen itself counts more.
    let mut fresh = Process::new(&THREE);
    let (b, now) = (fresh.get("b"), fresh.grid.clock().now());
    fresh.grid.scraped(b, Reach::Yes, now);
    fresh.restore(&old.leave(), ALIVE);
    assert!(fresh.get("b").is_reachable());
}

#[test]
fn where_too_few_are_left_the_ejected_ones_are_used_in_the_next_process_as_well() {
    let old = Process::new(&THREE);
    for _ in 0..5 {
        old.fails("a");
    }
    assert!(!old.grid.is_panicking());
    let new = old.next(&[("a", 1)], ALIVE);
    assert!(new.grid.is_panicking());
    assert!(new.get("a").ledger().is_in());
}

#[test]
fn what_was_refused_is_not_asked_for_again() {
    let old = Process::new(&THREE);
    for name in ["a", "b", "c"] {
        old.sample(name, 10.0);
    }
    old.grid.refused(old.get("a"), load(20.0));
    // So long that no test is slower.
    let mut carried = old.grid.carry(&old.departed);
    let held = &mut carried.substations[0].rotation.refusals.held;
    let long = FromNow(100_000);
    *held = held.map(|held| CarriedHold {
        until: long,
        probe_at: long,
        ..held
    });
    let mut new = Process::new(&THREE);
    new.restore(&postcard::to_stdvec(&carried).unwrap(), ALIVE);
    let (a, now) = (new.get("a"), new.grid.clock().now());
    assert_eq!(a.view(now).refuses, Some(load(20.0)));
    assert!(a.ledger().room() < load(20.0).micros());
    assert!(a.ledger().room() >= load(19.0).micros());
    assert!(new.grid.enter(a, load(20.0)).is_err());
    assert!(
        new.grid
            .enter(a, load(19.0))
            .is_ok_and(|trial| trial.is_none())
    );
    // When its time is over, one request is the probe.
    let later = old.next(&THREE, after(2));
    assert!(later.grid.open_probes());
    let a = later.get("a");
    a.ledger().set_stale(false);
    let probe = later.grid.enter(a, load(20.0)).unwrap();
    assert!(probe.is_some());
    assert!(later.grid.enter(a, load(20.0)).is_err(), "one at a time");
}

#[test]
fn a_request_that_chose_before_a_refusal_counted_again_leaves_no_room_behind() {
    let process = Process::new(&THREE);
    process.sample("a", 10.0);
    let (a, least) = (process.get("a"), load(20.0));
    process.grid.refused(a, least);
    // The ledger has the sample, and the refusals have not yet: it seems to have room.
    let reading = Reading {
        load: load(10.0),
        capacity: None,
    };
    a.ledger().sample(a.ledger().scrape_sent(), reading);
    assert!(a.ledger().room() >= least.micros());
    let reservation = Reservation::of(Arc::clone(a), load(25.0));
    assert!(process.grid.enter(a, load(25.0)).is_err());
    reservation.cancel();
    assert!(
        a.ledger().room() < least.micros(),
        "the next choice is another one"
    );
}

#[test]
fn what_was_learned_goes_on() {
    let old = Process::new(&THREE);
    old.grid.learn_lasts(Lasts::Answer);
    let mut learned = old.grid.shared.learning.lock();
    learned.lasts.restore(Some(Lasts::Answer));
    let share = CarriedShare {
        share: 0.25,
        quiet_rounds: 3,
        ..learned.share.carry()
    };
    learned.share.restore(share);
    learned.limits.follow(old.grid.ids());
    let silent = CarriedPace {
        is_silent: true,
        limit: Some(1),
        ..CarriedPace::default()
    };
    learned.limits.restore([(old.get("b").id(), silent)]);
    drop(learned);
    let new = old.next(&THREE, ALIVE);
    assert_eq!(new.grid.lasts(), (Lasts::Answer, LastsSource::Learned));
    assert_eq!(new.get("a").ledger().lasts(), Lasts::Answer);
    assert!((new.grid.roster().share() - 0.25).abs() < 1e-9);
    let limit = |process: &Process| process.get("b").ledger().request_limit();
    assert_eq!(limit(&new), RequestLimit::Soft(1), "at once");
    let third = new.next(&THREE, ALIVE);
    assert!((third.grid.roster().share() - 0.25).abs() < 1e-9);
    assert_eq!(limit(&third), RequestLimit::Soft(1));
    // An operator's word counts more.
    let mut fixed = Process::new(&THREE);
    fixed.grid.max_requests = MaxRequests::Off;
    fixed.restore(&new.leave(), ALIVE);
    assert_eq!(limit(&fixed), RequestLimit::Unlimited);
}

#[test]
fn what_the_old_process_waits_for_may_come_until_it_has_ended() {
    let old = Process::new(&THREE);
    old.sample("a", 10.0);
    let _under_way = Reservation::of(Arc::clone(old.get("a")), load(5.0));
    let new = old.next(&THREE, ALIVE);
    new.wait();
    new.sample("a", 10.0);
    assert_eq!(new.get("a").ledger().estimate(), load(15.0), "it may come");
    let later = new.grid.clock().now().plus(new.config.timeouts.request);
    new.grid
        .pass_predecessor(later.minus(Duration::from_secs(1)));
    new.sample("a", 10.0);
    assert_eq!(new.get("a").ledger().estimate(), load(15.0));
    new.grid.pass_predecessor(later);
    new.sample("a", 10.0);
    assert_eq!(new.get("a").ledger().estimate(), load(10.0));
    new.grid.predecessor_ended();
    new.sample("a", 10.0);
    assert_eq!(new.get("a").ledger().estimate(), load(10.0));
}

#[test]
fn those_that_left_are_forgotten_as_long_after_leaving_as_in_the_old_process() {
    let mut old = Process::new(&[("a", 1), ("b", 2)]);
    old.reload(&[("a", 1)]);
    let mut new = old.next(&[("a", 1)], after(60));
    let kept_for = Duration::from_mins(10);
    let now = Instant::now();
    assert!(
        new.departed.hide(now).is_empty(),
        "it has counted nothing here"
    );
    let due = new.departed.next_due(kept_for).unwrap() - now;
    assert!((530..=540).contains(&due.as_secs()), "{due:?}");
    assert!(new.departed.forget(now, kept_for).is_empty());
    assert_eq!(new.departed.forget(now + due, kept_for).len(), 1);
    // One that is not listed here leaves now.
    let other = Process::new(&[("a", 1)]).next(&[("b", 2)], ALIVE);
    let due = other.departed.next_due(kept_for).unwrap() - Instant::now();
    assert!((595..=600).contains(&due.as_secs()), "{due:?}");
}

#[test]
fn the_metrics_page_has_nothing_of_those_that_had_left() {
    let old = Process::new(&[("a", 1), ("gone", 2)]);
    let mut new = old.next(&[("a", 1)], ALIVE);
    let is_shown = |process: &Process| process.metrics.is_shown("gone");
    assert!(!is_shown(&new));
    new.reload(&[("a", 1), ("gone", 2)]);
    assert!(is_shown(&new));
}

#[test]
fn names_of_pods_go_to_the_one_that_the_new_process_has_heard_of() {
    let old = Process::new(&THREE);
    old.grid.names_itself(old.get("a"), "pod-0");
    let new = old.next(&THREE, ALIVE);
    let names = Names::new(&new.grid, &[]);
    let holder = |id| names.holder(id).map(|one| one.name().to_owned());
    assert_eq!(holder("pod-0-00").as_deref(), Some("a"));
    let mut heard = Process::new(&THREE);
    heard.grid.names_itself(heard.get("b"), "pod-0");
    heard.restore(&old.leave(), ALIVE);
    let names = Names::new(&heard.grid, &[]);
    let holder = names.holder("pod-0-00").unwrap();
    assert_eq!(holder.name(), "b");
}
