//! The lowest of several scores.

use fastrand::Rng;

/// The position of the lowest score; if several are equal, one of them at random.
pub(super) fn lowest(scores: impl Iterator<Item = f64>, rng: &mut Rng) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    let mut ties = 0;
    for (at, score) in scores.enumerate() {
        let order = best.map_or(std::cmp::Ordering::Less, |(_, held)| score.total_cmp(&held));
        if order.is_lt() {
            ties = 0;
        }
        if order.is_le() {
            ties += 1;
            if rng.usize(..ties) == 0 {
                best = Some((at, score));
            }
        }
    }
    best.map(|(at, _)| at)
}
