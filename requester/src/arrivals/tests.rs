//! Arrivals against what their process should give.

use super::*;

const HOUR: Duration = Duration::from_hours(1);

fn steady(rate: f64, horizon: Duration) -> Curve {
    Curve::new([Piece::flat(horizon, rate)]).unwrap()
}

fn poisson(rate: f64, horizon: Duration, seed: u64) -> Vec<Duration> {
    ArrivalTimes::new(Arrivals::Poisson, steady(rate, horizon), seed).collect()
}

/// The gaps in seconds, the first from the start.
fn gaps(times: &[Duration]) -> Vec<f64> {
    let before = std::iter::once(Duration::ZERO).chain(times.iter().copied());
    let pairs = times.iter().zip(before);
    pairs
        .map(|(at, before)| at.as_secs_f64() - before.as_secs_f64())
        .collect()
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "some ten thousand")]
fn poisson_arrivals_have_the_rate_and_the_spread_of_a_poisson_process() {
    let times = poisson(50.0, HOUR, 7);
    let expected = 50.0 * 3600.0;
    // The count has the standard deviation √expected; four of them.
    let count = times.len() as f64;
    assert!((count - expected).abs() < 4.0 * expected.sqrt(), "{count}");

    let gaps = gaps(&times);
    let mean = gaps.iter().sum::<f64>() / count;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
    let variation = variance.sqrt() / mean;
    assert!(
        (variation - 1.0).abs() < 0.02,
        "exponential gaps vary by their mean: {variation}"
    );
    let beyond = gaps.iter().filter(|gap| **gap > 2.0 * mean).count() as f64 / count;
    assert!(
        (beyond - (-2.0_f64).exp()).abs() < 0.005,
        "the tail is e^-2: {beyond}"
    );
}

#[test]
fn the_same_seed_gives_the_same_times() {
    let horizon = Duration::from_mins(1);
    assert_eq!(poisson(100.0, horizon, 3), poisson(100.0, horizon, 3));
    assert_ne!(poisson(100.0, horizon, 3), poisson(100.0, horizon, 4));
}

#[test]
fn even_arrivals_do_not_drift() {
    let times: Vec<_> = ArrivalTimes::new(Arrivals::Even, steady(3.0, HOUR), 1).collect();
    assert_eq!(times.len(), 3 * 3600);
    assert_eq!(times[0], Duration::ZERO);
    assert_eq!(times[3 * 1800], Duration::from_mins(30));
    assert_eq!(times[3 * 3599], Duration::from_secs(3599));
}

#[test]
fn times_never_decrease_and_never_reach_the_end() {
    for arrivals in [Arrivals::Poisson, Arrivals::Even] {
        let horizon = Duration::from_millis(1500);
        let times: Vec<_> = ArrivalTimes::new(arrivals, steady(10_000.0, horizon), 5).collect();
        assert!(times.len() > 10_000);
        assert!(times.is_sorted());
        assert!(times.iter().all(|at| *at < horizon));
    }
}
