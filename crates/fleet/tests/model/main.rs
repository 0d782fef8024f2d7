//! The protocol of claims, explored in every order of events.
//!
//! Two proxies, two substations, one store and one key, whose client sends a request several times, to either proxy, at
//! any time. Calls to the store are run late, twice, or never, and their answers are lost; requests to substations
//! arrive late, even after their proxy is gone; proxies crash and forget; the store fails over to a copy that lacks the
//! last writes. Whatever happens, at most one of the two substations may book.
//!
//! Taking out what counts the askers shows that the model can find the double that it looks for.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that can't go on has failed"
)]

mod world;

use stateright::{Checker, Model};

use world::{Release, World, Worlds};

const NEVER_TWICE: &str = "one booking at most";

/// Two requests, and nothing that fails.
const WORLDS: Worlds = Worlds {
    requests: 2,
    repeats: 0,
    crashes: 0,
    failovers: 0,
    copies_at_once: false,
    release: Release::IfNobodyAsks,
};

/// Explores all of a model's states.
fn explore(worlds: Worlds) -> impl Checker<Worlds> {
    let checker = worlds.checker().threads(2).spawn_bfs().join();
    println!(
        "{} states, {} deep",
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker
}

/// The events that lead to a double, if there is one.
fn double(worlds: Worlds) -> Option<Vec<String>> {
    let found = explore(worlds).discovery(NEVER_TWICE)?;
    let events = found.into_actions();
    Some(events.iter().map(|event| format!("{event:?}")).collect())
}

#[test]
fn a_key_is_booked_once_in_whatever_order_things_happen() {
    explore(WORLDS).assert_properties();
}

#[test]
fn calls_that_are_repeated_or_late_change_nothing_of_that() {
    let worlds = Worlds {
        repeats: 1,
        ..WORLDS
    };
    explore(worlds).assert_properties();
}

#[test]
fn a_proxy_that_crashes_changes_nothing_of_that() {
    let worlds = Worlds {
        crashes: 1,
        ..WORLDS
    };
    explore(worlds).assert_properties();
}

#[test]
fn a_failover_that_loses_nothing_changes_nothing_of_that() {
    let worlds = Worlds {
        failovers: 1,
        copies_at_once: true,
        ..WORLDS
    };
    explore(worlds).assert_properties();
}

#[test]
#[ignore = "takes minutes and gigabytes"]
fn all_of_it_together_changes_nothing_of_that() {
    let worlds = Worlds {
        repeats: 2,
        crashes: 1,
        failovers: 1,
        copies_at_once: true,
        ..WORLDS
    };
    explore(worlds).assert_properties();
}

#[test]
fn a_third_request_changes_nothing_of_that() {
    let worlds = Worlds {
        requests: 3,
        ..WORLDS
    };
    explore(worlds).assert_properties();
}

#[test]
fn a_release_that_asks_nobody_books_twice() {
    let found = double(Worlds {
        release: Release::Always,
        ..WORLDS
    });
    println!("{:#?}", found.expect("no double without the askers"));
}

#[test]
fn a_release_by_whoever_claimed_last_books_twice() {
    let found = double(Worlds {
        release: Release::ByTheLast,
        ..WORLDS
    });
    println!(
        "{:#?}",
        found.expect("no double with one asker instead of all")
    );
}

#[test]
fn a_failover_that_loses_writes_books_twice() {
    let found = double(Worlds {
        failovers: 1,
        ..WORLDS
    });
    println!("{:#?}", found.expect("no double after lost writes"));
}

/// What every state must satisfy, and what some state must.
fn properties() -> Vec<stateright::Property<Worlds>> {
    use stateright::Property;
    vec![
        Property::always(NEVER_TWICE, |_, world: &World| world.bookings() < 2),
        // A model in which nothing happens is safe, too.
        Property::sometimes("a booking", |_, world: &World| world.bookings() == 1),
        Property::sometimes("a key that moves", |_, world: &World| world.has_moved()),
    ]
}
