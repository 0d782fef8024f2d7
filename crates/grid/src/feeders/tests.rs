//! What feeders have from one configuration to the next, and in which order substations stand.

use fastrand::Rng;
use switchyard_balance::{Reading, Reservation};
use switchyard_telemetry::Registrar;

use super::*;
use crate::{
    clock::Clock, grid::Grid, limit_target::LimitTarget, metrics::GridMetrics,
    substation::Substation,
};

mod divided;
mod property;

pub(super) struct Rig {
    pub(super) metrics: GridMetrics,
    pub(super) grid: Grid,
}

impl Rig {
    pub(super) fn new(yaml: &str) -> Self {
        let registry = prometheus::Registry::new();
        let metrics = GridMetrics::register(Registrar::new(&registry)).unwrap();
        let config = Config::from_yaml(yaml, "test").unwrap();
        let grid = Grid::new(&config, &metrics, Clock::start(), 1).unwrap();
        Self { metrics, grid }
    }

    /// The next grid, which is not in force yet.
    pub(super) fn next(&self, yaml: &str) -> Grid {
        let config = Config::from_yaml(yaml, "test").unwrap();
        self.grid.rebuild(&config, &self.metrics, &[], 1).unwrap()
    }

    pub(super) fn reload(&mut self, yaml: &str) {
        let next = self.next(yaml);
        self.grid.retire(&next);
        self.grid = next;
    }

    fn names(&self) -> Vec<&str> {
        let all = self.grid.substations().iter();
        all.map(|one| one.name()).collect()
    }

    fn get(&self, name: &str) -> Arc<Substation> {
        let mut all = self.grid.substations().iter();
        Arc::clone(all.find(|one| one.name() == name).unwrap())
    }

    fn feeder(&self, name: &str) -> &Arc<Feeder> {
        self.grid.find_feeder(name).unwrap()
    }

    fn sample(&self, name: &str, units: f64) {
        sample(self.get(name).ledger(), units);
    }
}

fn sample(ledger: &switchyard_balance::Ledger, units: f64) {
    let reading = Reading {
        load: load(units),
        capacity: None,
    };
    ledger.sample(ledger.scrape_sent(), reading);
}

pub(super) fn load(units: f64) -> Load {
    Load::new(units).unwrap()
}

/// Substations by name, port, and whatever else is said of them.
fn substations(listed: &[(&str, u16, &str)]) -> String {
    let one = |(name, port, rest): &(&str, u16, &str)| {
        format!("{{name: {name}, address: 127.0.0.1:{port}{rest}}}")
    };
    let all: Vec<_> = listed.iter().map(one).collect();
    format!("substations: [{}]\n", all.join(", "))
}

const TREE: &str = "feeders: [{name: f7, parent: t2, capacity: 304}, {name: t2, capacity: 630}, {name: f8, parent: t2}, {name: t1}]\n";

#[test]
fn substations_stand_by_feeder_and_by_what_can_be_wanted_and_are_shown_as_listed() {
    let listed = substations(&[
        ("a", 1, ", feeder: t1"),
        ("b", 2, ", feeder: f8, labels: {zone: y}"),
        ("c", 3, ", labels: {zone: x}"),
        ("d", 4, ", feeder: t2, labels: {zone: x}"),
        ("e", 5, ", feeder: f8, labels: {zone: x}"),
        ("f", 6, ", feeder: f7, labels: {zone: x, other: z}"),
        ("g", 7, ""),
        ("h", 8, ", feeder: f8, labels: {zone: y}"),
    ]);
    let select = "select: {zone: {header: x-zone}}\n";
    let rig = Rig::new(&format!("{listed}{TREE}{select}"));
    // Without a feeder, then t2, f7, f8, t1.
    assert_eq!(rig.names(), ["g", "c", "d", "f", "e", "b", "h", "a"]);
    let shown: Vec<_> = rig.grid.views().map(|view| view.name).collect();
    assert_eq!(shown, ["a", "b", "c", "d", "e", "f", "g", "h"]);
    let feeders: Vec<_> = rig.grid.views().map(|view| view.feeder).collect();
    let expected = [
        Some("t1"),
        Some("f8"),
        None,
        Some("t2"),
        Some("f8"),
        Some("f7"),
        None,
        Some("f8"),
    ];
    assert_eq!(feeders, expected);
    let f = rig.grid.views().find(|view| view.name == "f").unwrap();
    assert_eq!(f.labels.get("other").map(String::as_str), Some("z"));
    let rows: Vec<_> = rig
        .grid
        .feeder_views()
        .map(|view| (view.name, view.parent, view.members))
        .collect();
    assert_eq!(
        rows,
        [
            ("f7", Some("t2"), 1),
            ("t2", None, 5),
            ("f8", Some("t2"), 3),
            ("t1", None, 1)
        ]
    );
}

#[test]
fn without_feeders_and_select_nothing_is_arranged() {
    let listed = substations(&[
        ("b", 2, ", labels: {zone: y}"),
        ("a", 1, ", labels: {zone: x}"),
    ]);
    assert_eq!(Rig::new(&listed).names(), ["b", "a"]);
    let wanted = "select: {zone: {header: x-zone}}\n";
    assert_eq!(Rig::new(&format!("{listed}{wanted}")).names(), ["a", "b"]);
}

#[test]
fn numbers_stand_by_size() {
    let power = |name, port, rest| (name, port, rest);
    let listed = substations(&[
        power("a", 1, ", labels: {power: \"50\"}"),
        power("b", 2, ", labels: {power: \"350\"}"),
        power("c", 3, ", labels: {power: \"150\"}"),
        power("d", 4, ""),
    ]);
    let wanted = "select: {power: {field: power, at_least: true}}\n";
    assert_eq!(
        Rig::new(&format!("{listed}{wanted}")).names(),
        ["b", "c", "a", "d"]
    );
}

#[test]
fn a_feeder_that_keeps_its_name_goes_on_and_what_is_said_of_it_changes_in_place() {
    let listed = substations(&[("a", 1, ", feeder: f7"), ("b", 2, ", feeder: f8")]);
    let mut rig = Rig::new(&format!("{listed}{TREE}"));
    rig.sample("a", 100.0);
    let (f7, t2) = (Arc::clone(rig.feeder("f7")), Arc::clone(rig.feeder("t2")));
    assert_eq!(t2.balance().current(), Some(load(100.0)));
    let booked = Reservation::of(rig.get("a"), load(11.0));
    // f7 hangs under another one, with another capacity.
    let tree = TREE.replace("parent: t2, capacity: 304", "parent: t1, capacity: 200");
    rig.reload(&format!("{listed}{tree}"));
    assert!(Arc::ptr_eq(&f7, rig.feeder("f7")));
    assert_eq!(f7.balance().capacity(), Some(load(200.0)));
    assert_eq!(f7.balance().estimate(), load(111.0));
    assert_eq!(t2.balance().estimate(), load(0.0));
    assert_eq!(rig.feeder("t1").balance().estimate(), load(111.0));
    // It ends where the load is now.
    booked.cancel();
    assert_eq!(rig.feeder("t1").balance().estimate(), load(100.0));
    assert_eq!(t2.balance().estimate(), load(0.0));
}

#[test]
fn one_that_leaves_counts_until_it_is_retired() {
    let both = substations(&[("a", 1, ", feeder: f7"), ("b", 2, ", feeder: f7")]);
    let mut rig = Rig::new(&format!("{both}{TREE}"));
    rig.sample("a", 100.0);
    rig.sample("b", 50.0);
    let next = rig.next(&format!(
        "{}{TREE}",
        substations(&[("b", 2, ", feeder: f7")])
    ));
    let f7 = Arc::clone(rig.feeder("f7"));
    assert_eq!(f7.balance().estimate(), load(150.0));
    let late = Reservation::of(rig.get("a"), load(11.0));
    let gone = rig.grid.retire(&next);
    rig.grid = next;
    assert_eq!(f7.balance().estimate(), load(50.0));
    late.booked();
    assert_eq!(f7.balance().estimate(), load(50.0));
    // It comes back with what it has.
    let config = Config::from_yaml(&format!("{both}{TREE}"), "test").unwrap();
    let back = rig.grid.rebuild(&config, &rig.metrics, &gone, 1).unwrap();
    rig.grid.retire(&back);
    assert_eq!(f7.balance().estimate(), load(161.0));
}

#[test]
fn without_feeders_in_the_next_configuration_members_are_under_none() {
    let listed = substations(&[("a", 1, ", feeder: f7")]);
    let mut rig = Rig::new(&format!("{listed}{TREE}"));
    rig.sample("a", 100.0);
    let f7 = Arc::clone(rig.feeder("f7"));
    rig.reload(&substations(&[("a", 1, "")]));
    assert!(rig.grid.feeders().is_empty() && rig.grid.feeder_of(0).is_none());
    assert_eq!(f7.balance().estimate(), load(0.0));
}

const METERED: &str =
    "feeders: [{name: f7, capacity: 304, load: {address: 127.0.0.1:7, metric: power}}]\n";

#[test]
fn one_that_gets_or_loses_a_meter_begins_anew_with_its_members_and_its_limit() {
    let listed = substations(&[("a", 1, ", feeder: f7")]);
    let mut rig = Rig::new(&format!("{listed}{METERED}"));
    rig.grid.set_limit("f7", Some(load(200.0)));
    rig.sample("a", 20.0);
    assert_eq!(rig.feeder("f7").balance().current(), Some(load(20.0)));
    sample(rig.feeder("f7").ledger().unwrap(), 120.0);
    assert_eq!(rig.feeder("f7").balance().current(), Some(load(120.0)));
    for (feeders, has_meter) in [
        ("feeders: [{name: f7, capacity: 304}]\n", false),
        (METERED, true),
    ] {
        rig.reload(&format!("{listed}{feeders}"));
        let view = rig.grid.feeder_views().next().unwrap();
        assert_eq!(view.has_meter, has_meter);
        assert_eq!(view.current_load, Some(20.0));
        assert_eq!((view.capacity, view.limit), (Some(304.0), Some(200.0)));
        assert!(rig.feeder("f7").balance().is_full_for(load(181.0)));
        assert!(!rig.feeder("f7").balance().is_full_for(load(180.0)));
    }
}

#[test]
fn a_limit_belongs_to_the_name() {
    let both = substations(&[("a", 1, ", feeder: f7"), ("b", 2, "")]);
    let mut rig = Rig::new(&format!("{both}{TREE}"));
    let limit = |rig: &Rig, name: &str| rig.grid.limit_target(name).and_then(|one| one.limit());
    for name in ["a", "f7", "later"] {
        rig.grid.set_limit(name, Some(load(5.0)));
    }
    assert_eq!(limit(&rig, "a"), Some(load(5.0)));
    assert_eq!(limit(&rig, "f7"), Some(load(5.0)));
    assert_eq!(limit(&rig, "b"), None);
    assert!(rig.grid.limit_target("later").is_none());
    // It moves to another address; another one comes; the feeder leaves and comes back.
    let moved = substations(&[("a", 3, ""), ("later", 4, "")]);
    rig.reload(&moved);
    assert_eq!(limit(&rig, "a"), Some(load(5.0)));
    assert_eq!(limit(&rig, "later"), Some(load(5.0)));
    rig.grid.set_limit("later", None);
    let old = rig.next(&format!("{both}{TREE}"));
    assert_eq!(
        old.find_feeder("f7").unwrap().balance().limit(),
        Some(load(5.0))
    );
    // A command through the grid before counts for the newest.
    rig.grid.set_limit("f7", Some(load(4.0)));
    rig.grid.set_limit("b", Some(load(3.0)));
    rig.grid.retire(&old);
    rig.grid = old;
    assert_eq!(limit(&rig, "f7"), Some(load(4.0)));
    assert_eq!(limit(&rig, "b"), Some(load(3.0)));
    assert_eq!(limit(&rig, "a"), Some(load(5.0)));
    rig.grid.set_limit("a", None);
    assert_eq!(limit(&rig, "a"), None);
    assert!(matches!(
        rig.grid.limit_target("f7"),
        Some(LimitTarget::Feeder(_))
    ));
}

#[test]
fn a_silent_meter_follows_the_others_and_makes_no_room() {
    let listed = substations(&[("a", 1, ", feeder: f7")]);
    let rig = Rig::new(&format!("{listed}{METERED}"));
    let f7 = rig.feeder("f7");
    rig.grid.feeders.extrapolate(-0.5);
    sample(f7.ledger().unwrap(), 200.0);
    rig.grid.feeders.extrapolate(-0.5);
    assert_eq!(f7.balance().estimate(), load(200.0), "it brought a sample");
    rig.grid.feeders.extrapolate(-0.5);
    assert_eq!(f7.balance().estimate(), load(100.0));
    assert_eq!(
        f7.balance().left(),
        Some(load(104.0)),
        "a guess makes no room"
    );
    sample(f7.ledger().unwrap(), 180.0);
    rig.grid.feeders.extrapolate(-0.5);
    assert_eq!(f7.balance().estimate(), load(180.0));
}

#[test]
fn before_the_first_sample_of_its_meter_a_feeder_has_no_more_room_than_configured() {
    let listed = substations(&[("a", 1, ", feeder: f7")]);
    let mut rig = Rig::new(&format!("{listed}{METERED}"));
    let room = |rig: &Rig| rig.feeder("f7").balance().left();
    assert_eq!(room(&rig), Some(load(304.0)));
    Reservation::of(rig.get("a"), load(4.0)).booked();
    assert_eq!(room(&rig), Some(load(300.0)));
    assert!(rig.feeder("f7").balance().is_full_for(load(301.0)));
    rig.reload(&format!("{listed}{}", METERED.replace("304", "104")));
    assert_eq!(room(&rig), Some(load(100.0)));
}

#[test]
fn meters_follow_how_long_load_lasts() {
    let listed = substations(&[("a", 1, ", feeder: f7")]);
    let lasts = |rig: &Rig| rig.feeder("f7").ledger().unwrap().lasts();
    let mut rig = Rig::new(&format!("{listed}{METERED}charge: {{lasts: answer}}\n"));
    assert_eq!(lasts(&rig), Lasts::Answer);
    rig.reload(&format!("{listed}{METERED}"));
    assert_eq!(lasts(&rig), Lasts::Session);
    rig.grid.learn_lasts(Lasts::Answer);
    assert_eq!(lasts(&rig), Lasts::Answer);
}

#[test]
fn the_next_process_knows_what_meters_said_and_how_old_that_is() {
    let listed = substations(&[("a", 1, ", feeder: f7")]);
    let (old, new) = (
        Rig::new(&format!("{listed}{METERED}")),
        Rig::new(&format!("{listed}{METERED}")),
    );
    sample(old.feeder("f7").ledger().unwrap(), 200.0);
    let now = old.grid.clock().now();
    let (meter, _) = old.feeder("f7").metered().unwrap();
    meter.scraped(switchyard_scrape::PollOutcome::Ok, now, now);
    Reservation::of(old.get("a"), load(11.0)).booked();
    let written = crate::carried::Written {
        ago: Duration::from_secs(5),
        is_alive: false,
    };
    let left = old.grid.carry_feeders(crate::KeptRoom::default());
    let bytes = postcard::to_stdvec(&left).unwrap();
    assert_eq!(
        postcard::from_bytes::<CarriedFeeders>(&bytes).unwrap(),
        left
    );
    new.grid.restore_feeders(&left, written);
    let view = new.grid.feeder_views().next().unwrap();
    assert_eq!(view.current_load, Some(200.0));
    assert_eq!(new.feeder("f7").balance().estimate(), load(211.0));
    assert_eq!(view.state, FeederState::Stale);
    assert!(view.sample_age.unwrap() >= Duration::from_secs(5));
    assert!(new.feeder("f7").balance().is_full_for(load(94.0)));
    // Another series, or no meter: nothing of it holds.
    for feeders in [
        METERED.replace("power", "reserve"),
        "feeders: [{name: f7, capacity: 304}]\n".to_owned(),
    ] {
        let other = Rig::new(&format!("{listed}{feeders}"));
        other.grid.restore_feeders(&left, written);
        assert_eq!(other.feeder("f7").balance().current(), None);
    }
}
