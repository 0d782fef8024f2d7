//! What a ledger has taken over from another process and no sample has shown yet: see `carry.rs`.

/// What was carried from another process and is not over yet, in millionths.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Inherited {
    /// Unsettled load that is in `assigned`: the requests of the other process.
    pub(super) under_way: i64,
    /// The same of load that ends with its answer: it counts as load of others, and the next sample shows it.
    pub(super) foreign: i64,
    /// Load that was settled at that moment, and that no sample has shown yet.
    pub(super) unshown: i64,
}

impl Inherited {
    /// After a sample; `is_before` says that its scrape was sent before the ledger was restored.
    pub(super) fn shown(self, is_before: bool) -> Self {
        if is_before {
            return self;
        }
        Self {
            under_way: self.under_way,
            ..Self::default()
        }
    }
}
