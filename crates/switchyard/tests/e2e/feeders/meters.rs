//! A feeder whose meter also sees houses, and does not always work.

use super::{
    clients::Clients,
    held::{CLIENTS, CONFIG, only_refused},
    yard::{Mood, Yard, limits},
};
use crate::rig::{Proxy, until};

const FEEDER8: f64 = 200.0;

fn start() -> (Yard, Proxy) {
    let yard = Yard::start(limits(600.0, 220.0, FEEDER8));
    let feeders = yard.metered(600.0, 220.0, FEEDER8);
    let proxy = Proxy::ready_from(&yard.yaml(&format!("{CONFIG}{feeders}")));
    (yard, proxy)
}

fn state(proxy: &Proxy) -> String {
    proxy.status()["feeders"][2]["state"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Waits until the proxy has read the meter once more.
fn is_read(yard: &Yard) {
    let before = yard.meter_reads();
    until("the meter is read", || {
        (yard.meter_reads() > before + 1).then_some(())
    });
}

/// What houses draw changes, and the limit is judged again as soon as the proxy can know that.
fn houses(yard: &Yard, proxy: &Proxy, kw: f64) {
    yard.book().announce(limits(600.0, 220.0, 1e6));
    yard.book().in_force();
    yard.book().set_houses("feeder8", kw);
    is_read(yard);
    // What was asked for before the meter was read is answered.
    until("nothing is under way", || {
        (proxy.status()["substations"][2]["in_flight"] == 0).then_some(())
    });
    yard.book().announce(limits(600.0, 220.0, FEEDER8));
    yard.book().in_force();
}

#[test]
fn what_houses_draw_leaves_less_room_for_cars() {
    let (yard, proxy) = start();
    let clients = Clients::start(CLIENTS, &yard, &[&proxy]);
    for kw in [80.0, 10.0, 250.0, 120.0] {
        houses(&yard, &proxy, kw);
        clients.book(150);
        yard.held();
        if kw < FEEDER8 {
            clients.reach("feeder8", FEEDER8 - 3.0);
        }
    }
    only_refused(&clients.end());
    yard.fill(&proxy, "feeder8");
    yard.held();
    yard.agrees(&proxy);
}

#[test]
fn while_a_meter_is_silent_or_absurd_its_feeder_is_never_without_limit() {
    let (yard, proxy) = start();
    yard.book().set_houses("feeder8", 60.0);
    is_read(&yard);
    let clients = Clients::start(CLIENTS, &yard, &[&proxy]);
    clients.reach("feeder8", FEEDER8 - 3.0);
    for mood in [Mood::Mute, Mood::Absurd, Mood::Gone] {
        yard.meter_is(mood);
        clients.book(150);
        until("the meter is seen to be silent", || {
            ["stale", "down"].contains(&&*state(&proxy)).then_some(())
        });
        clients.book(50);
        yard.held();
        yard.meter_is(Mood::Well);
        until("the meter is back", || {
            (state(&proxy) == "up").then_some(())
        });
        clients.book(100);
        yard.held();
    }
    only_refused(&clients.end());
    yard.fill(&proxy, "feeder8");
    yard.held();
    yard.agrees(&proxy);
}

#[test]
fn before_a_meters_first_sample_its_feeder_counts_its_substations() {
    let yard = Yard::start(limits(600.0, 220.0, FEEDER8));
    yard.meter_is(Mood::Mute);
    let feeders = yard.metered(600.0, 220.0, FEEDER8);
    let proxy = Proxy::ready_from(&yard.yaml(&format!("{CONFIG}{feeders}")));
    assert_eq!(state(&proxy), "unknown");
    yard.fill(&proxy, "feeder8");
    yard.held();
    // Houses that nobody could see are seen: nothing is booked there until there is room.
    yard.book().set_houses("feeder8", 40.0);
    yard.meter_is(Mood::Well);
    until("the meter is read", || {
        (state(&proxy) == "up").then_some(())
    });
    yard.fill(&proxy, "feeder7");
    yard.held();
    yard.agrees(&proxy);
}
