//! The named scenarios.
//!
//! Unless the scenario says otherwise: ten equal substations, 1,000 requests/s of equal power,
//! sessions of 5 s on average (exponential), a poll every 500 ms ± 10 %, scrapes of 4 ms and
//! answers of 2 ms. Real sessions last hours, and real arrivals are rarer in the same proportion;
//! only the ratios matter. The load is never near the capacity, which would hide herding, except in
//! scenarios about capacity.

mod inference;
mod trees;

use std::time::Duration;

use switchyard_balance::Lasts;

use crate::gauges::Gauges;
use crate::scenario::{Fault, Monitored, Poll, Scenario, Sessions, Spread};
use crate::tree::Tree;

pub use trees::trees;

/// So much capacity that it never prevents a bad choice.
const AMPLE: f64 = 200.0;

/// Every scenario, in the order in which tables show them.
#[must_use]
pub fn all() -> Vec<Scenario> {
    let base = one_proxy();
    let mut all = vec![base.clone()];
    all.extend(several_proxies(&base));
    all.extend(other_traffic(&base));
    all.extend(disturbed(&base));
    all.extend(held());
    all.extend(inference::inference());
    all
}

/// The scenario with this number of proxies, which have equal shares.
fn proxies(base: &Scenario, count: usize) -> Scenario {
    Scenario {
        shares: vec![1.0; count],
        ..base.clone()
    }
}

fn several_proxies(base: &Scenario) -> Vec<Scenario> {
    vec![
        Scenario {
            name: "four_proxies",
            about: "4 proxies, equal shares",
            ..proxies(base, 4)
        },
        Scenario {
            name: "sixteen_proxies",
            about: "16 proxies, equal shares",
            ..proxies(base, 16)
        },
        Scenario {
            name: "unequal_shares",
            about: "4 proxies, shares 70/10/10/10",
            shares: vec![7.0, 1.0, 1.0, 1.0],
            ..base.clone()
        },
        Scenario {
            name: "unequal_capacities",
            about: "4 proxies, capacities 1…16",
            capacities: vec![1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0, 16.0, 16.0],
            ..proxies(base, 4)
        },
        Scenario {
            name: "capacities_of_sixteen",
            about: "16 proxies, capacities 1…16",
            capacities: vec![1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0, 16.0, 16.0],
            ..proxies(base, 16)
        },
        Scenario {
            name: "nearly_full",
            about: "4 proxies, 97 % of all capacity in use",
            headroom: 1.03,
            ..proxies(base, 4)
        },
    ]
}

fn other_traffic(base: &Scenario) -> Vec<Scenario> {
    let poll = |interval| Poll {
        interval,
        ..base.poll
    };
    vec![
        Scenario {
            name: "fast_poll",
            about: "1 proxy, poll 100 ms",
            poll: poll(Duration::from_millis(100)),
            ..base.clone()
        },
        Scenario {
            name: "slow_poll",
            about: "1 proxy, poll 5 s",
            poll: poll(Duration::from_secs(5)),
            ..base.clone()
        },
        Scenario {
            name: "mixed_powers",
            about: "1 proxy, 3.7, 7.4, 11 and 22 kW, fixed length",
            powers: vec![3.7, 7.4, 11.0, 22.0],
            sessions: Sessions {
                spread: Spread::Fixed,
                ..base.sessions
            },
            ..base.clone()
        },
    ]
}

fn disturbed(base: &Scenario) -> Vec<Scenario> {
    vec![
        Scenario {
            name: "dead_gauges",
            about: "1 proxy, 3 of 10 gauges dead for 10 s",
            faults: vec![dead_gauges()],
            ..base.clone()
        },
        Scenario {
            name: "dead_gauges_of_four",
            about: "4 proxies, 3 of 10 gauges dead for 10 s",
            faults: vec![dead_gauges()],
            ..proxies(base, 4)
        },
        Scenario {
            name: "emptied",
            about: "4 proxies, one substation suddenly empty",
            faults: vec![emptied()],
            ..proxies(base, 4)
        },
        Scenario {
            name: "emptied_of_sixteen",
            about: "16 proxies, one substation suddenly empty",
            faults: vec![emptied()],
            ..proxies(base, 16)
        },
        Scenario {
            name: "leave_and_rejoin",
            about: "4 proxies, 3 of 10 substations away for 10 s",
            faults: vec![Fault::Leave {
                count: 3,
                from: Duration::from_secs(40),
                until: Duration::from_secs(50),
            }],
            ..proxies(base, 4)
        },
        Scenario {
            name: "shifting_shares",
            about: "4 proxies, 70/10/10/10 turns to 10/10/10/70",
            shares: vec![7.0, 1.0, 1.0, 1.0],
            faults: vec![Fault::Shares {
                at: Duration::from_mins(1),
                shares: vec![1.0, 1.0, 1.0, 7.0],
            }],
            ..base.clone()
        },
        Scenario {
            name: "come_and_go",
            about: "4 proxies, of which 3 go and come back",
            faults: vec![
                Fault::Shares {
                    at: Duration::from_secs(45),
                    shares: vec![1.0, 0.0, 0.0, 0.0],
                },
                Fault::Shares {
                    at: Duration::from_secs(65),
                    shares: vec![1.0; 4],
                },
            ],
            ..proxies(base, 4)
        },
    ]
}

fn dead_gauges() -> Fault {
    Fault::DeadGauges {
        count: 3,
        from: Duration::from_secs(40),
        until: Duration::from_secs(50),
    }
}

fn emptied() -> Fault {
    Fault::Emptied {
        at: Duration::from_secs(40),
    }
}

/// More cars than there is room for, which come back when they are told to. They are not in the tables of all: what
/// counts there is which request finds room, and not how even the load is.
#[must_use]
pub fn overloaded() -> Vec<Scenario> {
    let times = |name, about, times: f64| Scenario {
        name,
        about,
        headroom: times.recip(),
        rate: 200.0,
        sessions: Sessions {
            mean: Duration::from_mins(1),
            spread: Spread::Exponential,
        },
        comes_back: true,
        // Until all places are taken: at a little over what there is room for, that is several sessions long.
        warm_up: Duration::from_mins(4),
        measured: Duration::from_mins(2),
        ..one_proxy()
    };
    vec![
        times(
            "slightly_over",
            "1.1 times as many cars as there is room for",
            1.1,
        ),
        times("twice_over", "twice as many", 2.0),
        times("five_times_over", "five times as many", 5.0),
    ]
}

/// Sessions of an hour, and gauges that a Prometheus reads every 15 s, which proxies ask every 5 s. They are not in the
/// tables of all: no rival reads gauges so.
#[must_use]
pub fn monitored() -> Vec<Scenario> {
    let base = Scenario {
        name: "monitored",
        about: "1 proxy that asks a Prometheus, which scrapes every 15 s",
        rate: 20.0,
        sessions: Sessions {
            mean: Duration::from_hours(1),
            spread: Spread::Exponential,
        },
        poll: Poll {
            interval: Duration::from_secs(5),
            ..one_proxy().poll
        },
        monitored: Some(Monitored {
            interval: Duration::from_secs(15),
            ahead: Duration::ZERO,
            max_skew: Duration::from_secs(1),
        }),
        warm_up: Duration::from_hours(1),
        measured: Duration::from_hours(1),
        ..one_proxy()
    };
    vec![
        base.clone(),
        Scenario {
            name: "monitored_for_four",
            about: "4 proxies that ask a Prometheus, which scrapes every 15 s",
            ..proxies(&base, 4)
        },
    ]
}

/// Substations that answer a request when its session ends: 60 requests/s of 2 s.
fn held() -> Vec<Scenario> {
    let base = Scenario {
        capacities: vec![1.0; 3],
        rate: 60.0,
        sessions: Sessions {
            mean: Duration::from_secs(2),
            spread: Spread::Exponential,
        },
        lasts: Lasts::Answer,
        ..one_proxy()
    };
    vec![
        Scenario {
            name: "held",
            about: "1 proxy, 3 substations that hold each request for its session",
            ..base.clone()
        },
        Scenario {
            name: "held_by_eight",
            about: "1 proxy, 8 substations that hold requests",
            capacities: vec![1.0; 8],
            ..base.clone()
        },
        Scenario {
            name: "held_nearly_full",
            about: "1 proxy, 3 substations that hold requests, 90 % of all capacity in use",
            headroom: 1.11,
            rate: 600.0,
            ..base.clone()
        },
        Scenario {
            name: "held_for_four",
            about: "4 proxies, 3 substations that hold requests",
            ..proxies(&base, 4)
        },
    ]
}

/// The scenario of this name.
#[must_use]
pub fn named(name: &str) -> Option<Scenario> {
    let mut every = all()
        .into_iter()
        .chain(overloaded())
        .chain(monitored())
        .chain(trees());
    every.find(|scenario| scenario.name == name)
}

/// The scenario of which the others are variations.
#[must_use]
pub fn one_proxy() -> Scenario {
    Scenario {
        name: "one_proxy",
        about: "1 proxy",
        capacities: vec![1.0; 10],
        tree: Tree::default(),
        headroom: AMPLE,
        rate: 1000.0,
        burst: None,
        sessions: Sessions {
            mean: Duration::from_secs(5),
            spread: Spread::Exponential,
        },
        lasts: Lasts::Session,
        is_said: false,
        slows_at: None,
        past: 0.0,
        powers: vec![1.0],
        shares: vec![1.0],
        tolerance: 0.0,
        poll: Poll {
            interval: Duration::from_millis(500),
            jitter: 0.1,
            spread: 0.0,
            scrape: Duration::from_millis(4),
        },
        monitored: None,
        answer: Duration::from_millis(2),
        comes_back: false,
        faults: Vec::new(),
        gauges: Gauges::default(),
        warm_up: Duration::from_secs(30),
        measured: Duration::from_mins(1),
    }
}
