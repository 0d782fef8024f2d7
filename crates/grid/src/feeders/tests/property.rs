//! Members that move between feeders under load, compared with plain sums.

use std::collections::BTreeMap;

use super::*;

const SUBSTATIONS: u16 = 6;
const FEEDERS: usize = 4;

/// A random tree with random members. A substation may be missing, and have no feeder.
fn random_config(rng: &mut Rng) -> String {
    let mut feeders = Vec::new();
    for at in 0..FEEDERS {
        let parent = (at > 0 && rng.bool()).then(|| format!(", parent: f{}", rng.usize(..at)));
        let capacity = rng
            .bool()
            .then(|| format!(", capacity: {}", rng.u32(1..200)));
        let (parent, capacity) = (parent.unwrap_or_default(), capacity.unwrap_or_default());
        feeders.push(format!("{{name: f{at}{parent}{capacity}}}"));
    }
    let mut listed = Vec::new();
    for at in 0..SUBSTATIONS {
        if at > 0 && rng.u32(..5) == 0 {
            continue;
        }
        let feeder = (rng.u32(..5) > 0).then(|| format!(", feeder: f{}", rng.usize(..FEEDERS)));
        let feeder = feeder.unwrap_or_default();
        listed.push(format!(
            "{{name: s{at}, address: 127.0.0.1:{}, capacity: 1000{feeder}}}",
            at + 1
        ));
    }
    rng.shuffle(&mut listed);
    let lasts = if rng.u32(..8) == 0 {
        "charge: {lasts: answer}\n"
    } else {
        ""
    };
    format!(
        "feeders: [{}]\nsubstations: [{}]\n{lasts}",
        feeders.join(", "),
        listed.join(", ")
    )
}

/// The sums over members, computed anew.
#[derive(Debug, Default, PartialEq)]
struct Plain {
    current: Option<i64>,
    estimate: i64,
    most: i64,
}

/// Of the members of the newest grid where that puts them, and of those that are about to leave where they were.
fn plain(grids: &[&Grid]) -> BTreeMap<String, Plain> {
    let mut sums: BTreeMap<String, Plain> = BTreeMap::new();
    let mut seen = Vec::new();
    for grid in grids {
        for (at, substation) in grid.substations().iter().enumerate() {
            if seen.contains(&substation.id()) {
                continue;
            }
            seen.push(substation.id());
            let ledger = substation.ledger();
            for level in grid.roster().path(at) {
                let name = grid.feeders()[level].name().to_owned();
                let sum = sums.entry(name).or_default();
                if let Some(value) = ledger.value() {
                    *sum.current.get_or_insert(0) += value.micros();
                }
                sum.estimate += ledger.estimate().micros();
                sum.most += load(1000.0).micros() - ledger.room();
            }
        }
    }
    sums
}

fn check(grids: &[&Grid], step: usize) {
    let mut sums = plain(grids);
    for feeder in grids[0].feeders() {
        let (name, feeder) = (feeder.name(), feeder.balance());
        let plain = sums.remove(name).unwrap_or_default();
        assert_eq!(
            feeder.current().map(Load::micros),
            plain.current,
            "{step} {name}"
        );
        assert_eq!(feeder.estimate().micros(), plain.estimate, "{step} {name}");
        if let Some(bound) = feeder.bound() {
            let left = (bound.micros() - plain.most).max(0);
            assert_eq!(feeder.left().map(Load::micros), Some(left), "{step} {name}");
        }
    }
}

#[test]
fn members_that_move_between_feeders_under_load_keep_all_sums_exact() {
    for seed in 0..40 {
        let mut rng = Rng::with_seed(seed);
        let mut rig = Rig::new(&random_config(&mut rng));
        let mut departed: Vec<Arc<Substation>> = Vec::new();
        let mut under_way = Vec::new();
        // In force beside the next grid, until that is published.
        let mut next: Option<Grid> = None;
        for step in 0..300 {
            match rng.u32(..20) {
                0 if next.is_none() => {
                    let config = Config::from_yaml(&random_config(&mut rng), "test").unwrap();
                    let built = rig.grid.rebuild(&config, &rig.metrics, &departed, 1);
                    next = Some(built.unwrap());
                }
                1..=3 => {
                    if let Some(next) = next.take() {
                        departed.extend(rig.grid.retire(&next));
                        departed.retain(|gone| next.position(gone).is_none());
                        rig.grid = next;
                        check(&[&rig.grid], step);
                    }
                }
                4..=6 => {
                    let at = rng.usize(..rig.grid.substations().len());
                    sample(
                        rig.grid.substations()[at].ledger(),
                        f64::from(rng.u32(..100)),
                    );
                }
                7..=13 => {
                    let (selector, roster) = (rig.grid.selector(), rig.grid.roster());
                    let units = load(f64::from(rng.u32(1..20)));
                    let request = switchyard_balance::Request::of(units);
                    if let Ok(choice) = selector.reserve(roster, request, &mut rng) {
                        under_way.push(choice.reservation);
                    }
                }
                14 => {
                    let at = rng.usize(..rig.grid.substations().len());
                    rig.grid.substations()[at]
                        .ledger()
                        .extrapolate(rng.f64() - 0.5);
                }
                _ if !under_way.is_empty() => {
                    let ended: Reservation<_> = under_way.swap_remove(rng.usize(..under_way.len()));
                    match rng.u32(..3) {
                        0 => ended.booked(),
                        1 => ended.cancel(),
                        _ => ended.unknown(),
                    }
                }
                _ => {}
            }
            let grids: Vec<_> = next.iter().chain([&rig.grid]).collect();
            check(&grids, step);
        }
    }
}
