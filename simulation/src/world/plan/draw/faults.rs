//! The faults of a day.

use std::time::Duration;

use fastrand::Rng;

use super::{
    super::{Discovery, Fault, FaultPlan, Gauge, Limited, Machine, Victim},
    Plan, millis, one_of,
};

/// Draws faults into `plan`. All of them end before it is calm.
pub(super) fn draw(rng: &mut Rng, plan: &mut Plan) {
    let count = match rng.u32(..10) {
        0 => 0,
        1..8 => rng.usize(1..=6),
        _ => rng.usize(7..=16),
    };
    let storm = plan.calm_from.saturating_sub(plan.begins);
    let mut faults: Vec<_> = (0..count)
        .map(|_| {
            let what = fault(rng, plan);
            let from = storm.mul_f64(rng.f64() * 0.8);
            let longest = storm.saturating_sub(from);
            let drawn = longest.mul_f64(rng.f64()).min(millis(rng, 100, 4_000));
            let lasts = match what {
                _ if what.is_instant() => Duration::ZERO,
                // A handover takes some milliseconds behind the first samples.
                Fault::Upgrade { .. } => drawn.min(millis(rng, 0, 700)),
                _ => drawn,
            };
            FaultPlan {
                id: 0,
                from: plan.begins + from,
                lasts,
                what,
            }
        })
        .collect();
    faults.sort_by_key(|fault| fault.from);
    for (id, fault) in faults.iter_mut().enumerate() {
        fault.id = id;
    }
    plan.faults = faults;
}

fn fault(rng: &mut Rng, plan: &Plan) -> Fault {
    match rng.u32(..100) {
        0..45 => of_substation(rng, plan),
        45..65 => of_network(rng, plan),
        65..85 => of_proxy(rng, plan),
        _ => of_surroundings(rng, plan),
    }
}

fn of_substation(rng: &mut Rng, plan: &Plan) -> Fault {
    let substation = rng.usize(..plan.substations.len());
    let share = one_of(rng, [0.1, 0.5, 1.0]);
    match rng.u32(..9) {
        0 => Fault::Slow {
            substation,
            by: millis(rng, 20, 3_000),
        },
        1 | 2 => Fault::Lies {
            substation,
            gauge: gauge(rng),
        },
        3 => Fault::Refuses {
            substation,
            share,
            status: if rng.bool() { 503 } else { 429 },
            retry_after: rng.bool().then(|| rng.u64(1..=3)),
        },
        4 => Fault::Cuts {
            substation,
            share,
            behind: rng.usize(0..=300),
        },
        5 => Fault::Drops { substation, share },
        6 => Fault::Holds { substation, share },
        _ => Fault::Dies { substation },
    }
}

fn gauge(rng: &mut Rng) -> Gauge {
    match rng.u32(..7) {
        0 => Gauge::Times(0.0),
        1 => Gauge::Times(one_of(rng, [0.5, 2.0, 10.0])),
        2 => Gauge::Stuck,
        3 => Gauge::Missing,
        4 => Gauge::Error,
        5 => Gauge::Silent,
        _ => Gauge::Half,
    }
}

/// Two machines that speak with each other, in either order.
fn way(rng: &mut Rng, plan: &Plan) -> (Machine, Machine) {
    let proxy = Machine::Proxy(rng.usize(..plan.proxies.len()));
    let other = match rng.u32(..4) {
        0 => Machine::Client(rng.usize(..plan.clients.len())),
        1 if plan.settings.store.is_some() => Machine::Store,
        _ => Machine::Substation(rng.usize(..plan.substations.len())),
    };
    if rng.bool() {
        (proxy, other)
    } else {
        (other, proxy)
    }
}

fn of_network(rng: &mut Rng, plan: &Plan) -> Fault {
    let (a, b) = way(rng, plan);
    match rng.u32(..6) {
        0 | 1 => Fault::Cut { from: a, to: b },
        2 => Fault::Loss {
            a,
            b,
            share: one_of(rng, [0.02, 0.2]),
        },
        3 => Fault::Delay {
            a,
            b,
            by: millis(rng, 5, 400),
        },
        4 => Fault::Reset { a, b },
        _ => match (a, b) {
            (Machine::Client(_), machine) | (machine, _) => Fault::PowerCut { machine },
        },
    }
}

fn of_proxy(rng: &mut Rng, plan: &Plan) -> Fault {
    let proxy = rng.usize(..plan.proxies.len());
    match rng.u32(..8) {
        0 | 1 => Fault::KillProxy { proxy },
        2 | 3 => Fault::StopProxy { proxy },
        4 | 5 => Fault::Upgrade {
            proxy,
            kills: one_of(rng, [None, None, Some(Victim::Old), Some(Victim::New)]),
        },
        6 => Fault::Reload,
        _ => {
            let by = i64::from(rng.i32(-3_600_000..=3_600_000));
            Fault::ClockJump { proxy, by }
        }
    }
}

fn of_surroundings(rng: &mut Rng, plan: &Plan) -> Fault {
    let substation = rng.usize(..plan.substations.len());
    let proxy = rng.usize(..plan.proxies.len());
    match rng.u32(..3) {
        0 if plan.settings.store.is_some() => match rng.u32(..3) {
            0 => Fault::StoreSlow {
                by: millis(rng, 10, 400),
            },
            1 => Fault::StoreDies {
                loses: Duration::ZERO,
            },
            _ => Fault::StoreDies {
                loses: Duration::from_secs(1),
            },
        },
        1 if plan.settings.discovery != Discovery::List => match rng.u32(..4) {
            0 => Fault::NothingListed,
            _ => Fault::Unlisted { substation },
        },
        _ if rng.bool() => Fault::Drain { proxy, substation },
        _ => limit(rng, plan, proxy, substation),
    }
}

/// Below the capacity of what it is on, or nothing at all.
fn limit(rng: &mut Rng, plan: &Plan, proxy: usize, substation: usize) -> Fault {
    let feeders = &plan.settings.feeders;
    let at = rng.usize(..feeders.len().max(1));
    let (on, capacity) = match feeders.get(at) {
        Some(feeder) if rng.bool() => (Limited::Feeder(at), feeder.capacity),
        _ => {
            let limited = plan.substation(substation);
            (
                Limited::Substation(substation),
                limited.map_or(0.0, |limited| limited.capacity),
            )
        }
    };
    let share = one_of(rng, [0.0, 0.2, 0.6]);
    Fault::Limit {
        proxy,
        on,
        value: (capacity * share).round(),
    }
}
