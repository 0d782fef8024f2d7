//! What one grid passes on to the next, and what it doesn't.

use switchyard_balance::{Load, Reading, Refusal};

use super::*;
use crate::{blame::Blame, clock::Clock, state::SubstationState};

fn metrics() -> GridMetrics {
    let registry = prometheus::Registry::new();
    GridMetrics::register(switchyard_telemetry::Registrar::new(&registry)).unwrap()
}

struct Rig {
    metrics: GridMetrics,
    grid: Grid,
}

/// Substations by their names and ports, and whatever else is configured.
fn config(substations: &[(&str, u16)], rest: &str) -> Config {
    let substations: Vec<_> = substations
        .iter()
        .map(|(name, port)| format!("{{name: {name}, address: 127.0.0.1:{port}}}"))
        .collect();
    let yaml = format!("substations: [{}]\n{rest}", substations.join(", "));
    Config::from_yaml(&yaml, "test").unwrap()
}

impl Rig {
    fn new(substations: &[(&str, u16)]) -> Self {
        let metrics = metrics();
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

    fn get(&self, name: &str) -> Arc<Substation> {
        let named = |one: &&Arc<Substation>| one.name() == name;
        Arc::clone(self.grid.substations().iter().find(named).unwrap())
    }

    fn sample(&self, name: &str, load: f64) {
        let substation = self.get(name);
        let reading = Reading {
            load: Load::new(load).unwrap(),
            capacity: None,
        };
        let sent = substation.ledger().scrape_sent();
        substation.ledger().sample(sent, reading);
        substation.stamp_sample(self.grid.clock().now(), None);
    }

    fn choose(&self) -> Result<String, Refusal> {
        let load = Load::new(10.0).unwrap();
        let mut rng = fastrand::Rng::with_seed(1);
        let roster = self.grid.roster();
        let choice = self.grid.selector().reserve(roster, load, &mut rng)?;
        let name = choice.reservation.upstream().name().to_owned();
        choice.reservation.booked();
        Ok(name)
    }
}

#[test]
fn a_substation_that_stays_keeps_its_ledger_and_one_that_moves_starts_anew() {
    let mut rig = Rig::new(&[("a", 1), ("b", 2), ("c", 3)]);
    for (name, load) in [("a", 50.0), ("b", 40.0), ("c", 60.0)] {
        rig.sample(name, load);
    }
    assert_eq!(rig.choose().unwrap(), "b");
    let before = rig.get("b");
    // Another order, one more, one at another address.
    let gone = rig.reload(&config(&[("d", 4), ("c", 33), ("b", 2), ("a", 1)], ""), &[]);
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].address().port(), 3);
    assert_eq!(rig.get("b").id(), before.id());
    assert_eq!(rig.get("b").ledger().reservations(), 1);
    assert_eq!(rig.get("c").ledger().reservations(), 0);
    assert!(!rig.get("c").ledger().is_sampled());
    // Both a and b have 50 now; substations without a sample are not chosen.
    let next = rig.choose().unwrap();
    assert!(next == "a" || next == "b", "{next}");
}

#[test]
fn a_retired_substation_is_not_chosen_even_in_an_old_grid_still_in_use() {
    let mut rig = Rig::new(&[("a", 1), ("b", 2)]);
    rig.sample("a", 10.0);
    rig.sample("b", 90.0);
    let left = rig.get("a");
    let next = rig
        .grid
        .rebuild(&config(&[("b", 2)], ""), &rig.metrics, &[], 1);
    let next = next.unwrap();
    assert_eq!(
        rig.choose().unwrap(),
        "a",
        "the old grid is whole until then"
    );
    rig.grid.retire(&next);
    assert_eq!(rig.choose().unwrap(), "b");
    // Late reports do not bring it back.
    rig.grid.failed(&left, Blame::default());
    rig.grid.good(&left, None);
    assert!(!left.ledger().is_in());
    rig.grid = next;
    assert_eq!(rig.choose().unwrap(), "b");
}

#[test]
fn a_substation_that_comes_back_is_the_same_and_stays_drained() {
    let mut rig = Rig::new(&[("a", 1), ("b", 2)]);
    rig.sample("a", 10.0);
    rig.sample("b", 20.0);
    rig.grid.drain_here("a", "test", None);
    let a = rig.get("a");
    assert_eq!(rig.choose().unwrap(), "b");
    let absent = rig.reload(&config(&[("b", 2)], ""), &[]);
    rig.reload(&config(&[("a", 1), ("b", 2)], ""), &absent);
    assert_eq!(rig.get("a").id(), a.id());
    assert_eq!(rig.grid.state_of(&a), SubstationState::Draining);
    assert!(!a.ledger().is_in());
    rig.grid.undrain_here("a", "test");
    assert!(a.ledger().is_in());
}

#[test]
fn capacity_and_path_change_in_place() {
    let mut rig = Rig::new(&[("a", 1)]);
    rig.sample("a", 95.0);
    assert_eq!(rig.choose().unwrap(), "a", "no capacity is known");
    let limited = |capacity: &str| {
        let yaml = format!(
            "substations: [{{name: a, address: 127.0.0.1:1, {capacity}}}]\ncharge: {{upstream_path: /other}}"
        );
        Config::from_yaml(&yaml, "test").unwrap()
    };
    rig.reload(&limited("capacity: 100"), &[]);
    assert_eq!(rig.choose(), Err(Refusal::NoCapacity), "105 of 100");
    assert!(format!("{:?}", *rig.get("a").charge_head()).contains("/other"));
    rig.reload(&limited("capacity: 200"), &[]);
    assert_eq!(rig.choose().unwrap(), "a");
    assert_eq!(rig.get("a").ledger().capacity(), Load::new(200.0));
    rig.reload(&config(&[("a", 1)], ""), &[]);
    assert_eq!(rig.get("a").ledger().capacity(), None);
}

#[test]
fn new_health_rules_apply_to_substations_that_stay() {
    let mut rig = Rig::new(&[("a", 1), ("b", 2), ("c", 3)]);
    rig.reload(
        &config(&[("a", 1), ("b", 2), ("c", 3)], "health: {failures: 2}"),
        &[],
    );
    let a = rig.get("a");
    rig.grid.failed(&a, Blame::default());
    assert_ne!(rig.grid.state_of(&a), SubstationState::Ejected);
    rig.grid.failed(&a, Blame::default());
    assert_eq!(rig.grid.state_of(&a), SubstationState::Ejected);
}

#[test]
fn panic_mode_counts_only_listed_substations() {
    let four = [("a", 1), ("b", 2), ("c", 3), ("d", 4)];
    let rules = "health: {failures: 1, panic: 0.5, most_ejected: 1}";
    let mut rig = Rig::new(&four);
    rig.reload(&config(&four, rules), &[]);
    let eject = |rig: &Rig, name| rig.grid.failed(&rig.get(name), Blame::default());
    eject(&rig, "a");
    eject(&rig, "b");
    assert!(!rig.grid.is_panicking(), "two of four");
    // Without c and d, none of two is fit.
    let absent = rig.reload(&config(&four[..2], rules), &[]);
    assert!(rig.grid.is_panicking());
    assert!(rig.get("a").ledger().is_in(), "panic mode uses it");
    rig.reload(&config(&four, rules), &absent);
    assert!(!rig.grid.is_panicking());
    assert!(!rig.get("a").ledger().is_in());
    assert!(rig.get("c").ledger().is_in());
}
