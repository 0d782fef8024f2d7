//! The best of probes that are known.

use super::*;

fn best(quantile: f64, probes: &[(f64, u64)]) -> Option<usize> {
    let mut pool = Pool::new(16);
    pool.quantile = quantile;
    for (at, &(rif, latency)) in probes.iter().enumerate() {
        pool.insert(Probe {
            at,
            rif,
            latency: Duration::from_millis(latency),
            taken: Duration::ZERO,
            uses: 1,
        });
    }
    pool.best(&mut Rng::with_seed(1)).map(|probe| probe.at)
}

#[test]
fn the_fastest_cold_probe_is_best_or_else_the_least_loaded() {
    let probes = [(0.9, 1), (0.2, 7), (0.3, 5), (0.4, 9)];
    assert_eq!(best(0.75, &probes), Some(2), "0.9 is hot");
    assert_eq!(best(1.0, &probes), Some(0), "none is hot");
    assert_eq!(best(0.0, &probes), Some(1), "all are hot");
    assert_eq!(
        best(0.0, &[(0.1, 1)]),
        None,
        "a single probe cannot be compared"
    );
}
