//! The bar of a line.

use super::level::Level;

/// The bar of a level: the sampled load, the unseen load, and a line at the capacity.
pub(super) fn bar(one: Level<'_>, scale: f64, room: usize) -> String {
    let known = part(
        one.current_load().unwrap_or(0.0).min(one.estimated_load()),
        scale,
        room,
    );
    let all = part(one.estimated_load(), scale, room);
    let capacity = one
        .bound()
        .map(|capacity| part(capacity, scale, room).max(1) - 1);
    (0..room)
        .map(|at| match at {
            _ if Some(at) == capacity => '│',
            _ if at < known => '█',
            _ if at < all => '▒',
            _ if capacity.is_some_and(|capacity| at < capacity) => '·',
            _ => ' ',
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of the bar's cells"
)]
fn part(value: f64, scale: f64, room: usize) -> usize {
    if scale > 0.0 {
        ((value / scale).clamp(0.0, 1.0) * room as f64).round() as usize
    } else {
        0
    }
}
