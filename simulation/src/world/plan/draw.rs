//! From a seed to a plan.
//!
//! Most days are small: a few proxies, a dozen substations, half a minute. Small days show most faults, and a night has
//! room for a hundred thousand of them. A few are large.

mod faults;

use std::time::Duration;

use fastrand::Rng;

use super::{
    ClientPlan, Discovery, Feeder, Lasts, LinkPlan, Plan, Protocol, Settings, Store, SubstationPlan,
};

/// When clients begin.
const BEGINS: Duration = Duration::from_millis(1500);
/// How many polls of quiet a day has behind its last fault.
const CALM_POLLS: u32 = 12;

impl Plan {
    /// The day of this seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x5eed_0fda_7a11_d0e5);
        let rng = &mut rng;
        let proxies: Vec<usize> = (0..count_of_proxies(rng)).collect();
        let count = count_of_substations(rng);
        let mut settings = settings(rng, count, proxies.len());
        let substations = substations(rng, count, &settings);
        limit(rng, &mut settings.feeders, &substations);
        let room = substations
            .iter()
            .map(|substation| substation.capacity)
            .sum();
        let storm = millis(rng, 3_000, 12_000);
        let calm_from = BEGINS + storm;
        let calm = settings.interval * CALM_POLLS + settings.longest_ejection + settings.slow_start;
        let clients = clients(rng, room, &settings);
        let mut plan = Self {
            seed,
            settings,
            proxies,
            substations,
            clients,
            faults: Vec::new(),
            link: LinkPlan {
                delay: Duration::from_micros(rng.u64(50..2_000)),
                jitter: Duration::from_micros(rng.u64(0..1_000)),
            },
            begins: BEGINS,
            calm_from,
            ends: calm_from + calm,
        };
        faults::draw(rng, &mut plan);
        plan
    }
}

fn count_of_proxies(rng: &mut Rng) -> usize {
    match rng.u32(..100) {
        0..50 => 1,
        50..75 => 2,
        75..93 => 3,
        93..99 => rng.usize(4..=6),
        _ => rng.usize(7..=16),
    }
}

fn count_of_substations(rng: &mut Rng) -> usize {
    match rng.u32(..1000) {
        0..40 => 1,
        40..700 => rng.usize(2..=6),
        700..980 => rng.usize(7..=20),
        980..998 => rng.usize(21..=100),
        _ => rng.usize(101..=1000),
    }
}

fn settings(rng: &mut Rng, substations: usize, proxies: usize) -> Settings {
    let is_large = substations > 20 || proxies > 3;
    let lasts = if rng.u32(..4) == 0 {
        Lasts::Answer
    } else {
        Lasts::Session
    };
    let store = (rng.u32(..3) == 0).then(|| Store {
        timeout: Duration::from_millis(50),
        refuses: rng.u32(..4) > 0,
    });
    let discovery = match rng.u32(..6) {
        0 => Discovery::Names,
        1 | 2 => Discovery::File,
        _ => Discovery::List,
    };
    let (queue, queue_timeout) = if rng.bool() {
        (rng.usize(1..=16), millis(rng, 200, 1_500))
    } else {
        (0, Duration::from_secs(1))
    };
    Settings {
        threads: if rng.u32(..4) == 0 { 2 } else { 1 },
        lasts,
        discovery,
        feeders: feeders(rng),
        store,
        has_state_file: rng.bool(),
        state_interval: Duration::from_millis(500),
        interval: Duration::from_millis(if is_large { 1_000 } else { 500 }),
        scrape_timeout: Duration::from_millis(200),
        connect: Duration::from_millis(200),
        request: millis(rng, 1_000, 3_000),
        client: Duration::from_secs(2),
        idle: Duration::from_secs(3),
        queue,
        queue_timeout,
        attempts: rng.usize(1..=4),
        budget: one_of(rng, [0.0, 0.2, 1.0]),
        longest_ejection: Duration::from_secs(2),
        slow_start: Duration::from_secs(1),
        drain_delay: Duration::from_millis(if rng.bool() { 0 } else { 300 }),
        pipeline: one_of(rng, ["auto", "off", "4"]).to_owned(),
    }
}

/// No feeders on most days; else a root and one or two below it. Their capacities come with the substations.
fn feeders(rng: &mut Rng) -> Vec<Feeder> {
    let below = match rng.u32(..3) {
        0 => rng.usize(1..=2),
        _ => return Vec::new(),
    };
    let of = |parent| Feeder {
        parent,
        capacity: 0.0,
    };
    std::iter::once(of(None))
        .chain((0..below).map(|_| of(Some(0))))
        .collect()
}

/// Gives each feeder a capacity: a part of what is below it, or a little more than that.
fn limit(rng: &mut Rng, feeders: &mut [Feeder], substations: &[SubstationPlan]) {
    for (at, feeder) in feeders.iter_mut().enumerate() {
        // All are below the first.
        let is_below = |below: Option<usize>| at == 0 || below == Some(at);
        let below = substations
            .iter()
            .filter(|substation| is_below(substation.feeder));
        let below: f64 = below.map(|substation| substation.capacity).sum();
        let share = one_of(rng, [0.4, 0.8, 1.2]);
        feeder.capacity = (below * share).round().max(10.0);
    }
}

fn substations(rng: &mut Rng, count: usize, settings: &Settings) -> Vec<SubstationPlan> {
    let is_equal = rng.bool();
    let usual = f64::from(rng.u32(5..=40)) * 10.0;
    (0..count)
        .map(|id| SubstationPlan {
            id,
            capacity: if is_equal {
                usual
            } else {
                f64::from(rng.u32(5..=40)) * 10.0
            },
            feeder: (!settings.feeders.is_empty()).then(|| rng.usize(..settings.feeders.len())),
            has_journal: rng.bool(),
            pace: match rng.u32(..4) {
                0 => millis(rng, 1, 80),
                _ => Duration::ZERO,
            },
            reports: rng.u32(..4) == 0,
        })
        .collect()
}

fn clients(rng: &mut Rng, room: f64, settings: &Settings) -> Vec<ClientPlan> {
    let count = rng.usize(2..=8);
    // Some days have room for all, others for a part.
    let crowd = one_of(rng, [0.3, 0.8, 2.0, 4.0]);
    (0..count)
        .map(|id| {
            let pause = millis(rng, 80, 900);
            let lasts = match settings.lasts {
                Lasts::Answer => millis(rng, 5, 300),
                Lasts::Session => millis(rng, 500, 15_000),
            };
            // So many of its sessions last at once.
            let at_once = (lasts.as_secs_f64() / pause.as_secs_f64()).max(1.0);
            let share = |rng: &mut Rng| one_of(rng, [0.0, 0.0, 0.1, 0.3]);
            #[expect(clippy::cast_precision_loss, reason = "there are few clients")]
            let load = room * crowd / count as f64 / at_once;
            ClientPlan {
                id,
                protocol: match rng.u32(..10) {
                    0..6 => Protocol::Http1,
                    6 => Protocol::Http1Once,
                    _ => Protocol::Http2,
                },
                pause,
                requests: 400,
                keyed: one_of(rng, [0.0, 0.5, 1.0]),
                repeats: rng.usize(0..=4),
                wanders: rng.bool(),
                leaves: share(rng),
                dribbles: share(rng),
                sips: share(rng),
                tends: share(rng),
                twins: share(rng),
                load: load.clamp(1.0, 60.0).round(),
                lasts,
            }
        })
        .collect()
}

fn one_of<T, const N: usize>(rng: &mut Rng, choices: [T; N]) -> T {
    let choice = rng.choice(choices);
    choice.unwrap_or_else(|| unreachable!("there is a choice"))
}

/// A time between these two, in milliseconds.
fn millis(rng: &mut Rng, from: u64, to: u64) -> Duration {
    Duration::from_millis(rng.u64(from..=to))
}
