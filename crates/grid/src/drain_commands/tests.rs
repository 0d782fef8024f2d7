//! Who drains what, across commands, the fleet and new configurations.

use switchyard_config::Config;
use switchyard_telemetry::Registrar;

use super::*;
use crate::{
    blame::Blame, clock::Clock, drain::CarriedDrain, metrics::GridMetrics, state::SubstationState,
};

struct Rig {
    metrics: GridMetrics,
    grid: Grid,
}

/// Substations as YAML, without the braces, and whatever else is configured.
fn config(substations: &[&str], rest: &str) -> Config {
    let substations: Vec<_> = substations.iter().map(|one| format!("{{{one}}}")).collect();
    let yaml = format!("substations: [{}]\n{rest}", substations.join(", "));
    Config::from_yaml(&yaml, "test").unwrap()
}

const A: &str = "name: a, address: 127.0.0.1:1";
const B: &str = "name: b, address: 127.0.0.1:2";

impl Rig {
    fn new(substations: &[&str]) -> Self {
        let registry = prometheus::Registry::new();
        let metrics = GridMetrics::register(Registrar::new(&registry)).unwrap();
        let config = config(substations, "");
        let grid = Grid::new(&config, &metrics, Clock::start(), 1).unwrap();
        Self { metrics, grid }
    }

    /// Builds and installs the next grid, and returns the substations that it retired.
    fn reload(&mut self, config: &Config, absent: &[Arc<Substation>]) -> Vec<Arc<Substation>> {
        let next = self.grid.rebuild(config, &self.metrics, absent, 1).unwrap();
        let gone = self.grid.retire(&next);
        self.grid = next;
        gone
    }

    fn member(&self, name: &str) -> Arc<Substation> {
        Arc::clone(self.grid.find(name).unwrap())
    }

    fn drain(&self, name: &str) -> Option<Arc<Drain>> {
        let drain = self.member(name).view(self.grid.clock().now()).drain;
        let state = self.grid.state_of(&self.member(name));
        assert_eq!(drain.is_some(), state == SubstationState::Draining);
        assert_eq!(drain.is_none(), self.member(name).ledger().is_in());
        drain
    }

    fn by(&self, name: &str) -> Option<String> {
        Some(self.drain(name)?.by.to_string())
    }

    fn follow(&self, fleet: &[(&str, &FleetDrain)]) {
        let fleet = fleet.iter();
        let fleet = fleet.map(|(name, drain)| ((*name).to_owned(), (*drain).clone()));
        self.grid.follow_fleet(fleet.collect(), None);
    }
}

fn fleet(by: &str, reason: Option<&str>) -> FleetDrain {
    FleetDrain {
        by: by.to_owned(),
        at: 7,
        reason: reason.map(str::to_owned),
    }
}

#[test]
fn it_drains_while_any_says_so_and_shows_the_first() {
    let mut rig = Rig::new(&[A, B]);
    assert_eq!(rig.drain("a"), None);
    rig.grid.drain_here("a", "me", Some("cable"));
    let local = rig.drain("a").unwrap();
    assert_eq!((&*local.by, local.reason.as_deref()), ("me", Some("cable")));
    assert_eq!(local.source, DrainSource::Local);
    rig.follow(&[("a", &fleet("them", None))]);
    assert_eq!(rig.by("a").as_deref(), Some("them"));
    assert_eq!(rig.drain("a").unwrap().at, 7);
    rig.reload(&config(&[&format!("{A}, drain: true"), B], ""), &[]);
    assert_eq!(rig.by("a").as_deref(), Some("configuration"));
    // In any order, it drains to the last of them.
    rig.follow(&[]);
    assert_eq!(rig.by("a").as_deref(), Some("configuration"));
    rig.grid.undrain_here("a", "me");
    assert_eq!(rig.by("a").as_deref(), Some("configuration"));
    rig.grid.drain_here("a", "me again", None);
    rig.reload(&config(&[A, B], ""), &[]);
    assert_eq!(rig.by("a").as_deref(), Some("me again"));
    rig.grid.undrain_here("a", "me");
    assert_eq!(rig.drain("a"), None);
    assert_eq!(rig.drain("b"), None);
    assert!(rig.grid.said_of("a").is_nothing());
}

#[test]
fn the_same_command_again_changes_nothing_and_another_reason_does() {
    let rig = Rig::new(&[A]);
    rig.grid.undrain_here("a", "nobody");
    rig.grid.drain_here("a", "first", Some("cable"));
    rig.grid.drain_here("a", "second", Some("cable"));
    rig.grid.drain_here("a", "third", None);
    assert_eq!(rig.by("a").as_deref(), Some("first"));
    rig.grid.drain_here("a", "fourth", Some("roof"));
    let drain = rig.drain("a").unwrap();
    assert_eq!(
        (&*drain.by, drain.reason.as_deref()),
        ("fourth", Some("roof"))
    );
}

#[test]
fn a_drain_follows_the_name_to_another_address_and_back_from_absence() {
    let mut rig = Rig::new(&[A, B]);
    rig.grid.drain_here("a", "me", None);
    let before = rig.member("a").id();
    rig.reload(&config(&["name: a, address: 127.0.0.1:11", B], ""), &[]);
    assert_ne!(rig.member("a").id(), before, "it is another one");
    assert_eq!(rig.by("a").as_deref(), Some("me"));
    let absent = rig.reload(&config(&[B], ""), &[]);
    rig.follow(&[("c", &fleet("them", None))]);
    rig.reload(
        &config(&[A, B, "name: c, address: 127.0.0.1:3"], ""),
        &absent,
    );
    assert_eq!(rig.by("a").as_deref(), Some("me"));
    assert_eq!(rig.by("c").as_deref(), Some("them"), "listed only later");
    // It is undrained while it is away.
    let absent = rig.reload(&config(&[B], ""), &[]);
    rig.grid.undrain_here("a", "me");
    rig.follow(&[]);
    rig.reload(
        &config(&[A, B, "name: c, address: 127.0.0.1:3"], ""),
        &absent,
    );
    assert_eq!((rig.drain("a"), rig.drain("c")), (None, None));
}

#[test]
fn what_was_said_of_a_substation_that_left_for_good_is_forgotten() {
    let mut rig = Rig::new(&[A, B]);
    rig.grid.drain_here("a", "me", None);
    rig.grid.drain_here("b", "me", None);
    rig.reload(&config(&[B], ""), &[]);
    rig.grid.forget_drains(["a", "b"]);
    assert!(rig.grid.said_of("a").is_nothing());
    assert_eq!(rig.by("b").as_deref(), Some("me"), "b is listed");
}

#[test]
fn what_lists_it_keeps_the_time_at_which_it_began_to_drain() {
    let drained = format!("{A}, drain: true");
    let mut rig = Rig::new(&[&drained, B]);
    let first = rig.drain("a").unwrap();
    assert_eq!(&*first.by, "configuration");
    assert!(first.at > 1_700_000_000, "{}", first.at);
    rig.reload(&config(&[B, &drained], "policy: random"), &[]);
    assert!(Arc::ptr_eq(&first, &rig.drain("a").unwrap()));
    let mut labelled = config(&[A, B], "");
    labelled.substations[0].drain_label = true;
    rig.reload(&labelled, &[]);
    assert_eq!(rig.by("a").as_deref(), Some("discovery"));
}

#[test]
fn drained_ones_are_neither_fit_nor_listed_however_they_come_to_drain() {
    let four = |drain: &str| {
        let all = (1..=4).map(|at| {
            let drain = if at > 2 { drain } else { "" };
            format!("name: s{at}, address: 127.0.0.1:{at}{drain}")
        });
        all.collect::<Vec<_>>()
    };
    let rules = "health: {failures: 1, panic: 0.5, most_ejected: 1}";
    let of = |drain| {
        let all = four(drain);
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        config(&all, rules)
    };
    let plain = four("");
    let plain: Vec<_> = plain.iter().map(String::as_str).collect();
    let mut rig = Rig::new(&plain);
    rig.reload(&of(""), &[]);
    let counts = |rig: &Rig| rig.grid.shared.counts.fit_of();
    assert_eq!(counts(&rig), (4, 4));
    rig.grid.failed(&rig.member("s1"), Blame::default());
    assert_eq!(counts(&rig), (3, 4));
    assert!(!rig.grid.is_panicking());
    // Two of the three that are fit begin to drain: one of two is left, and then none.
    rig.reload(&of(", drain: true"), &[]);
    assert_eq!(counts(&rig), (1, 2));
    rig.follow(&[("s2", &fleet("them", None))]);
    assert_eq!(counts(&rig), (0, 1));
    assert!(rig.grid.is_panicking());
    assert!(rig.member("s1").ledger().is_in(), "panic mode uses it");
    for drained in ["s2", "s3", "s4"] {
        assert!(rig.drain(drained).is_some());
    }
    rig.grid.drain_here("s1", "me", None);
    assert_eq!(counts(&rig), (0, 0));
    assert!(!rig.member("s1").ledger().is_in(), "not even in panic mode");
    rig.follow(&[]);
    rig.grid.undrain_here("s1", "me");
    rig.reload(&of(""), &[]);
    assert_eq!(counts(&rig), (3, 4));
    assert!(!rig.grid.is_panicking());
}

#[test]
fn the_next_process_knows_the_commands_until_the_store_says_otherwise() {
    let rig = Rig::new(&[A, B]);
    rig.grid.drain_here("a", "me", Some("cable"));
    rig.follow(&[
        ("b", &fleet("them", Some("roof"))),
        ("c", &fleet("them", None)),
    ]);
    let mut carried = rig.grid.carry_drains();
    carried.sort_by(|a, b| a.name.cmp(&b.name));
    let says = |one: &CarriedDrain| (one.name.clone(), one.is_local, one.reason.clone());
    assert_eq!(
        carried.iter().map(says).collect::<Vec<_>>(),
        [
            ("a".to_owned(), true, Some("cable".to_owned())),
            ("b".to_owned(), false, Some("roof".to_owned())),
            ("c".to_owned(), false, None),
        ]
    );

    let next = Rig::new(&[A, B]);
    next.grid.restore_drains(carried.clone(), true);
    assert_eq!(next.drain("a"), rig.drain("a"));
    assert_eq!(next.drain("b"), rig.drain("b"));
    assert!(next.grid.said_of("c").fleet.is_some());
    next.follow(&[]);
    assert_eq!(
        (next.drain("b"), next.by("a").as_deref()),
        (None, Some("me"))
    );

    // What this process was told counts for more.
    let next = Rig::new(&[A, B]);
    next.grid.drain_here("a", "another", None);
    next.follow(&[]);
    next.grid.restore_drains(carried.clone(), true);
    assert_eq!(next.by("a").as_deref(), Some("another"));
    assert_eq!(next.drain("b"), None);

    // Without a store nobody else could end them.
    let next = Rig::new(&[A, B]);
    next.grid.restore_drains(carried, false);
    assert_eq!(next.drain("b").unwrap().source, DrainSource::Local);
    next.grid.undrain_here("b", "me");
    assert_eq!(next.drain("b"), None);
}

#[test]
fn a_reload_and_a_command_at_the_same_moment_both_count() {
    for round in 0..200 {
        let rig = Rig::new(&[A, B]);
        let (old, new) = (&rig.grid, &rig.metrics);
        // The new grid has another substation of this name.
        let moved = config(&["name: a, address: 127.0.0.1:11", B], "");
        let next = std::thread::scope(|scope| {
            let command = scope.spawn(|| old.drain_here("a", "me", None));
            let next = old.rebuild(&moved, new, &[], 1).unwrap();
            command.join().unwrap();
            next
        });
        let moved = next.find("a").unwrap();
        assert!(!moved.ledger().is_in(), "round {round}");
    }
}
