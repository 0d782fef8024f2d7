//! Limits hold whatever the state of the substations below them.

use super::{
    clients::Clients,
    held::{CLIENTS, CONFIG},
    yard::{Mood, Yard, feeders, limits},
};
use crate::rig::{Proxy, until};

const HEALTH: &str = "health: {failures: 3, ejection: 100ms, longest_ejection: 200ms, slow_start: 1ms, most_ejected: 1, panic: 0.5}\n";

#[test]
fn limits_hold_while_substations_are_stale_ejected_refuse_and_all_fail() {
    let yard = Yard::start(limits(400.0, 220.0, 200.0));
    let config = CONFIG
        .replace("stale_after: 2s", "stale_after: 100ms")
        .replace("timeout: 1s", "timeout: 50ms");
    let proxy =
        Proxy::ready_from(&yard.yaml(&format!("{config}{HEALTH}{}", feeders(400.0, 220.0, 200.0))));
    let clients = Clients::start(CLIENTS, &yard, &[&proxy]);
    clients.book(200);
    for (mood, state_now) in [
        (Mood::Mute, "stale"),
        (Mood::Absurd, "stale"),
        (Mood::Fails, "ejected"),
    ] {
        for at in [0, 2] {
            yard.is(at, mood);
            until(state_now, || (proxy.state(at) == state_now).then_some(()));
            yard.held();
            yard.is(at, Mood::Well);
            until("up", || (proxy.state(at) == "up").then_some(()));
        }
        clients.book(100);
    }
    yard.is(1, Mood::Refuses);
    clients.book(100);
    // One after the other: what fails at all of them from the start would be held against the requests. Then the panic
    // threshold lets all be asked.
    for at in [0, 1] {
        yard.is(at, Mood::Fails);
        until("ejected", || (proxy.state(at) == "ejected").then_some(()));
    }
    until("panic", || (proxy.status()["panic"] == true).then_some(()));
    yard.is(2, Mood::Fails);
    clients.fail(100);
    for at in 0..3 {
        yard.is(at, Mood::Well);
    }
    clients.book(200);
    clients.end();
    yard.fill(&proxy, "trafo");
    yard.held();
    yard.agrees(&proxy);
}

#[test]
fn substations_that_were_never_sampled_are_filled_up_to_the_limit_of_their_feeders() {
    let yard = Yard::start(limits(40.0, 30.0, 25.0));
    for at in 0..3 {
        yard.is(at, Mood::Mute);
    }
    let proxy = Proxy::start_from(&yard.yaml(&format!("{CONFIG}{}", feeders(40.0, 30.0, 25.0))));
    yard.fill(&proxy, "trafo");
    yard.held();
    // One that is known takes no more either.
    yard.is(0, Mood::Well);
    until("up", || (proxy.state(0) == "up").then_some(()));
    for _ in 0..10 {
        assert_eq!(proxy.charge(r#"{"power_kw": 0.5}"#).status, 503);
    }
    yard.held();
}
