//! What the next process knows of its substations.

use std::net::IpAddr;

use switchyard_balance::{Load, Reading, Selector};
use switchyard_idempotency::HolderId;

use super::*;
use crate::{
    blame::{Blame, Source},
    clock::Clock,
    names::Names,
    outlier_detection::Stage,
    state::SubstationState,
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
        let choice = selector.reserve(self.grid.roster(), load(1.0), &[], &mut rng);
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
