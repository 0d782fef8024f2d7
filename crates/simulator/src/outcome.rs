//! The outcome of simulations.

/// The outcome of one simulation, or of several together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The highest utilisation divided by that of the fleet, averaged over time.
    pub average: f64,
    /// The same at its worst moment.
    pub peak: f64,
    /// Requests in total.
    pub requests: u64,
    /// Requests that were refused.
    pub refused: u64,
}
