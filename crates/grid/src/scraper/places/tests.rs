//! Turns over changes of the grid.

use switchyard_config::Config;

use super::*;
use crate::{clock::Clock, grid::Grid, metrics::GridMetrics};

struct Rig {
    metrics: GridMetrics,
    grid: Grid,
    places: Places,
}

fn config(names: &str) -> Config {
    let substations: Vec<_> = names
        .chars()
        .map(|name| format!("{{name: {name}, address: 127.0.0.1:{}}}", u32::from(name)))
        .collect();
    let yaml = format!("substations: [{}]\n", substations.join(", "));
    Config::from_yaml(&yaml, "test").unwrap()
}

impl Rig {
    /// Places of the substations that have these letters as names.
    fn new(names: &str) -> Self {
        let registry = prometheus::Registry::new();
        let metrics =
            GridMetrics::register(switchyard_telemetry::Registrar::new(&registry)).unwrap();
        let grid = Grid::new(&config(names), &metrics, Clock::start(), 1).unwrap();
        let mut places = Places::default();
        places.follow(grid.substations(), &grid.polls.gauges);
        Self {
            metrics,
            grid,
            places,
        }
    }

    fn change(&mut self, names: &str) {
        self.grid = self
            .grid
            .rebuild(&config(names), &self.metrics, &[], 1)
            .unwrap();
        self.places
            .follow(self.grid.substations(), &self.grid.polls.gauges);
    }

    /// Takes the slots of all that are new, and then of all that are due.
    fn take_all(&mut self) -> Vec<(usize, Box<ScrapeSlot>)> {
        let (places, now) = (&mut self.places, Instant::now());
        std::iter::from_fn(|| places.take_new(now).or_else(|| places.take_due(now))).collect()
    }

    fn end(&mut self, taken: Vec<(usize, Box<ScrapeSlot>)>) {
        for (was, slot) in taken {
            if let Some(at) = self.places.position(was, slot.substation.id()) {
                self.places.give_back(at, slot, true);
            }
        }
    }
}

fn names(taken: &[(usize, Box<ScrapeSlot>)]) -> String {
    taken
        .iter()
        .map(|(_, slot)| slot.substation.name())
        .collect()
}

#[test]
fn all_are_new_at_first_and_a_round_has_each_once() {
    let mut rig = Rig::new("abc");
    let taken = rig.take_all();
    assert_eq!(names(&taken), "abc");
    assert!(!rig.places.all_were_asked());
    rig.end(taken);
    assert!(rig.places.all_were_asked() && rig.places.is_none_due());
    assert!(rig.places.begin_round());
    let taken = rig.take_all();
    assert_eq!(names(&taken), "abc");
    rig.end(taken);
}

#[test]
fn one_whose_scrape_is_under_way_misses_the_round() {
    let mut rig = Rig::new("abc");
    let mut taken = rig.take_all();
    let hung = taken.remove(1);
    rig.end(taken);
    assert!(rig.places.begin_round());
    let taken = rig.take_all();
    assert_eq!(names(&taken), "ac");
    rig.end(taken);
    rig.end(vec![hung]);
    assert!(rig.places.begin_round());
    assert_eq!(names(&rig.take_all()), "abc");
}

#[test]
fn a_round_that_has_not_ended_goes_on() {
    let mut rig = Rig::new("abc");
    let taken = rig.take_all();
    rig.end(taken);
    assert!(rig.places.begin_round());
    let (at, slot) = rig.places.take_due(Instant::now()).unwrap();
    rig.end(vec![(at, slot)]);
    assert!(!rig.places.begin_round());
    assert_eq!(names(&rig.take_all()), "bc");
}

#[test]
fn after_a_change_those_that_stay_keep_their_turn_and_new_ones_come_first() {
    let mut rig = Rig::new("abcd");
    let taken = rig.take_all();
    rig.end(taken);
    assert!(rig.places.begin_round());
    let had_its_turn = rig.places.take_due(Instant::now()).unwrap();
    let under_way = rig.places.take_due(Instant::now()).unwrap();
    rig.end(vec![had_its_turn]);
    // The first has had its turn, the second is under way, the third leaves, the fourth stays.
    rig.change("xdyba");
    rig.end(vec![under_way]);
    assert_eq!(names(&rig.take_all()), "xyd");
}

#[test]
fn one_that_leaves_while_its_scrape_is_under_way_is_forgotten() {
    let mut rig = Rig::new("ab");
    let taken = rig.take_all();
    rig.change("b");
    rig.end(taken);
    assert!(rig.places.all_were_asked());
    assert!(rig.places.begin_round());
    assert_eq!(names(&rig.take_all()), "b");
}

#[test]
fn one_that_is_new_and_under_way_is_not_scraped_again() {
    let mut rig = Rig::new("ac");
    let taken = rig.take_all();
    rig.change("ca");
    assert!(rig.take_all().is_empty());
    rig.end(taken);
    assert!(rig.places.all_were_asked());
}

#[test]
fn it_is_asked_in_vain_from_the_first_scrape_without_an_answer_on() {
    let mut rig = Rig::new("a");
    let began = Instant::now();
    let later = began + std::time::Duration::from_secs(1);
    assert_eq!(rig.places.asked_in_vain(0), None);
    let (at, slot) = rig.places.take_new(began).unwrap();
    assert_eq!(rig.places.asked_in_vain(0), Some(began));
    rig.places.give_back(at, slot, false);
    rig.places.begin_round();
    let (at, slot) = rig.places.take_due(later).unwrap();
    assert_eq!(rig.places.asked_in_vain(0), Some(began));
    rig.change("ca");
    let at = rig.places.position(at, slot.substation.id()).unwrap();
    assert_eq!(
        rig.places.asked_in_vain(at),
        Some(began),
        "over a reload too"
    );
    rig.places.give_back(at, slot, true);
    assert_eq!(rig.places.asked_in_vain(at), None);
}
