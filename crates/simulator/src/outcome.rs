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
    /// Cars that came back when they were told to, while it was measured.
    pub came_back: u64,
    /// Of these, those that found room then.
    pub found_room: u64,
    /// The most that came back within five seconds, divided by the mean; 0 if none did.
    pub wave: f64,
    /// With feeders: the utilisation of the fullest level, averaged over time. Otherwise 0, as all that follows.
    pub binding: f64,
    /// The same at its worst moment.
    pub binding_peak: f64,
    /// Requests that were booked while it was measured.
    pub booked: u64,
    /// Of these, those after which a feeder was beyond its bound, by the base load that the proxy knew.
    pub booked_beyond: u64,
    /// How far at the worst, as a part of the bound.
    pub beyond: f64,
}
