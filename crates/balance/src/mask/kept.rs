//! The sums of a mask's upstreams, kept from one choice to the next.

/// The sums of the upstreams that are in rotation and have a sample, in millionths.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) value: f64,
    pub(crate) unseen: f64,
    /// Infinite if one has none.
    pub(crate) bound: f64,
}

/// Sums that are kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) sums: Sums,
    /// The round of samples that they were made in.
    pub(crate) round: u64,
    /// For how many choices they are still good.
    pub(crate) choices: usize,
}
