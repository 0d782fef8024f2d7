//! What a state has of feeders, and who can read it.

use switchyard_balance::{Load, Reading};
use switchyard_config::Config;
use switchyard_grid::{Clock, Grid};
use switchyard_tls::Credentials;

use super::*;
use crate::metrics::Metrics;

const METERED: &str = "feeders: [{name: f7, load: {address: 127.0.0.1:7, metric: power}}]\n\
                       substations: [{name: north, address: 127.0.0.1:1, feeder: f7}]\n";
const PLAIN: &str = "substations: [{name: north, address: 127.0.0.1:1}]\n";

fn process(yaml: &str) -> Carrier {
    let config = Config::from_yaml(yaml, "test").unwrap();
    let metrics = Metrics::new().unwrap();
    let grid = Grid::new(&config, &metrics.grid, Clock::start(), 1).unwrap();
    let runtime = Runtime::new(config, Credentials::default(), Arc::new(grid), metrics);
    Carrier::new(Arc::new(runtime), Arc::default())
}

fn sections(state: &[u8]) -> Vec<String> {
    let read = Container::read(state).unwrap();
    read.sections().map(|one| one.name.to_owned()).collect()
}

#[test]
fn what_a_meter_said_holds_in_the_next_process() {
    let old = process(METERED);
    let grid = Arc::clone(&old.runtime.now().grid);
    let meter = grid.find_feeder("f7").unwrap().balance().meter().unwrap();
    let reading = Reading {
        load: Load::new(200.0).unwrap(),
        capacity: Load::new(304.0),
    };
    meter.sample(meter.scrape_sent(), reading);
    let state = old.carry();
    let new = process(METERED);
    new.restore(&state, Source::File).unwrap();
    let grid = Arc::clone(&new.runtime.now().grid);
    let view = grid.feeder_views().next().unwrap();
    assert_eq!(
        (view.current_load, view.capacity),
        (Some(200.0), Some(304.0))
    );
    // A process without that feeder reads the rest.
    process(PLAIN).restore(&state, Source::File).unwrap();
}

#[test]
fn without_meters_a_state_is_what_it_was() {
    assert!(sections(&process(METERED).carry()).contains(&"feeders".to_owned()));
    assert!(!sections(&process(PLAIN).carry()).contains(&"feeders".to_owned()));
    process(METERED)
        .restore(&process(PLAIN).carry(), Source::File)
        .unwrap();
}
