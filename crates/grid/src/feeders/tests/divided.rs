//! The room of a feeder while one process hands over to the next, and while one begins.

use std::time::Duration;

use switchyard_balance::Load;

use super::{Rig, load, sample};
use crate::carried::Written;

const WRITTEN: Written = Written {
    ago: Duration::ZERO,
    is_alive: true,
};

fn left(rig: &Rig, feeder: &str) -> Load {
    rig.feeder(feeder).balance().left().unwrap()
}

/// One substation under a feeder for 100, at which 20 are used, and that feeder.
fn rig(load: &str) -> Rig {
    let feeder = format!("feeders: [{{name: f7, capacity: 100{load}}}]");
    let rig = Rig::new(&format!(
        "substations: [{{name: a, address: '127.0.0.1:1', feeder: f7}}]\n{feeder}\n"
    ));
    rig.sample("a", 20.0);
    rig
}

#[test]
fn each_process_has_half_until_the_old_one_has_ended_and_the_gauges_show_it() {
    let (old, new) = (rig(""), rig(""));
    let kept = old.grid.divide_feeders();
    new.grid
        .restore_feeders(&old.grid.carry_feeders(kept), WRITTEN);
    assert_eq!(
        (left(&old, "f7"), left(&new, "f7")),
        (load(40.0), load(40.0))
    );
    new.grid.feeders.take_withheld();
    new.grid.feeders.take_withheld();
    assert_eq!(left(&new, "f7"), load(40.0), "the old one lives");
    new.grid.predecessor_ended();
    new.grid.feeders.take_withheld();
    assert_eq!(
        left(&new, "f7"),
        load(40.0),
        "a round that had begun before"
    );
    new.grid.feeders.take_withheld();
    assert_eq!(left(&new, "f7"), load(80.0));
}

#[test]
fn a_meter_says_itself_when_it_has_shown_what_the_old_process_booked() {
    let meter = ", load: {address: '127.0.0.1:9', metric: power}";
    let (old, new) = (rig(meter), rig(meter));
    let meter = || new.feeder("f7").ledger().unwrap();
    sample(meter(), 30.0);
    let kept = old.grid.divide_feeders();
    new.grid
        .restore_feeders(&old.grid.carry_feeders(kept), WRITTEN);
    new.grid.predecessor_ended();
    sample(meter(), 30.0);
    for _ in 0..5 {
        new.grid.feeders.take_withheld();
    }
    assert_eq!(left(&new, "f7"), load(30.0));
    sample(meter(), 30.0);
    new.grid.feeders.take_withheld();
    assert_eq!(left(&new, "f7"), load(70.0));
}

#[test]
fn a_handover_that_fails_and_a_process_that_has_ended_keep_nothing_back() {
    let (old, new) = (rig(""), rig(""));
    let kept = old.grid.divide_feeders();
    let is_gone = Written {
        is_alive: false,
        ..WRITTEN
    };
    new.grid
        .restore_feeders(&old.grid.carry_feeders(kept), is_gone);
    assert_eq!(left(&new, "f7"), load(80.0));
    old.grid.unite_feeders();
    assert_eq!(left(&old, "f7"), load(80.0));
}

#[test]
fn a_process_that_begins_books_nothing_below_feeders_before_it_has_asked_what_is_in_use() {
    let begun = rig("");
    begun.grid.feeders.close();
    assert!(begun.feeder("f7").balance().is_full_for(load(0.001)));
    begun.grid.feeders.open(false);
    assert_eq!(left(&begun, "f7"), load(80.0));
    // A meter is waited for until the next round, and no longer.
    let metered = rig(", load: {address: '127.0.0.1:9', metric: power}");
    metered.grid.feeders.close();
    metered.grid.feeders.open(false);
    assert_eq!(left(&metered, "f7"), Load::ZERO);
    metered.grid.feeders.open(true);
    assert_eq!(left(&metered, "f7"), load(80.0));
    // What the process before this one keeps is kept.
    let (old, new) = (rig(""), rig(""));
    new.grid.feeders.close();
    let kept = old.grid.divide_feeders();
    new.grid
        .restore_feeders(&old.grid.carry_feeders(kept), WRITTEN);
    new.grid.feeders.open(true);
    assert_eq!(left(&new, "f7"), load(40.0));
}
