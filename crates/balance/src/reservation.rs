//! A reservation is a promise that ends in exactly one way.
//!
//! It is a drop guard, so that a cancelled request, a timeout or a panic ends it too. A reservation that is merely
//! dropped counts as *unknown*: the upstream may have booked it, and the next sample shows whether it did. Load can
//! neither leak nor be taken back twice.
//!
//! A request may know better than its ledger how long its load [lasts](Lasts), and an answer may take much longer to end
//! than to begin: see [`Reservation::lasting`] and [`Reservation::begun`].
//!
//! Where the upstream is under [feeders](crate::Feeder), the reservation is one of all its levels, and ends on all at once.

use std::sync::Arc;

use crate::{
    Lasts, Ledger, Load,
    ledger::{End, FeederPath},
};

/// Load set aside on one upstream until its answer is known.
#[derive(Debug)]
#[must_use = "a reservation that is dropped counts as possibly booked"]
pub struct Reservation<U: AsRef<Ledger>> {
    upstream: Arc<U>,
    load: Load,
    /// The feeders that it is reserved on besides.
    path: Option<Arc<FeederPath>>,
    end: End,
    /// How long the load lasts, if the request says so.
    told: Option<Lasts>,
    has_begun: bool,
}

impl<U: AsRef<Ledger>> Reservation<U> {
    pub(crate) fn new(upstream: Arc<U>, load: Load, path: Option<Arc<FeederPath>>) -> Self {
        Self {
            upstream,
            load,
            path,
            end: End::Unknown,
            told: None,
            has_begun: false,
        }
    }

    /// Says how long its load lasts, in place of the ledger's rule. To be called before anything is sent; a second call
    /// changes nothing.
    ///
    /// For a connection that is a load as long as it is open, it is [`Lasts::Answer`]: the reservation is kept until then.
    #[must_use = "a reservation that is dropped counts as possibly booked"]
    pub fn lasting(mut self, lasts: Lasts) -> Self {
        if self.told.is_none() {
            self.told = Some(lasts);
            self.levels().for_each(|level| level.tell(self.load, lasts));
        }
        self
    }

    /// The answer has begun. From now on the request counts for no [limit](crate::RequestLimit) of requests, since the
    /// upstream has answered it; its load stays until the end.
    ///
    /// If it is dropped from now on, load that ends with its answer has ended: the connection is closed.
    pub fn begun(&mut self) {
        if !self.has_begun {
            self.has_begun = true;
            self.levels().for_each(Ledger::begin);
        }
    }

    /// Whether its load outlives the answer: as it [says](Self::lasting) itself, or by the ledger's rule now.
    #[doc(hidden)]
    #[must_use]
    #[inline]
    pub fn outlives(&self) -> bool {
        let lasts = self.told.unwrap_or_else(|| self.ledger().lasts());
        lasts == Lasts::Session
    }

    fn ledger(&self) -> &Ledger {
        (*self.upstream).as_ref()
    }

    /// The ledgers that it is reserved on.
    fn levels(&self) -> impl Iterator<Item = &Ledger> {
        let meters = self
            .path
            .as_deref()
            .into_iter()
            .flat_map(FeederPath::meters);
        std::iter::once(self.ledger()).chain(meters)
    }

    /// Reserves on an upstream that the caller has chosen for its own reason, for example because no other upstream
    /// can answer the request. Ignores rotation and room, also that of the feeders above it.
    pub fn of(upstream: Arc<U>, load: Load) -> Self {
        let path = (*upstream).as_ref().reserve_anyway(load);
        Self::new(upstream, load, path)
    }

    /// The same, unless a feeder above the upstream has no room for it. The upstream's own room is ignored: it refuses by
    /// itself what it can't take, and a feeder can't.
    #[doc(hidden)]
    #[must_use]
    pub fn within_feeders(upstream: Arc<U>, load: Load) -> Option<Self> {
        let reserved = (*upstream).as_ref().reserve_within_feeders(load)?;
        Some(Self::new(upstream, load, reserved.path))
    }

    /// The upstream that was chosen.
    #[must_use]
    pub fn upstream(&self) -> &Arc<U> {
        &self.upstream
    }

    /// The feeders that it is reserved on besides, the nearest first.
    #[doc(hidden)]
    #[must_use]
    pub fn feeders(&self) -> &[Arc<crate::Feeder>] {
        self.path.as_deref().map_or(&[], FeederPath::feeders)
    }

    /// The reserved load.
    #[must_use]
    pub fn load(&self) -> Load {
        self.load
    }

    /// The upstream confirmed the booking.
    pub fn booked(self) {
        self.answered();
    }

    /// The upstream answered, but not whether it booked; its next sample shows which. Load that ends with its answer
    /// has ended.
    pub fn answered(mut self) {
        self.end = End::Answered;
    }

    /// The upstream may or may not have booked it; its next sample shows which.
    pub fn unknown(self) {}

    /// Takes the load back: it is certain that nothing was booked.
    pub fn cancel(mut self) {
        self.end = End::Cancelled;
    }
}

impl<U: AsRef<Ledger>> Drop for Reservation<U> {
    #[inline]
    fn drop(&mut self) {
        if self.told.is_some() || self.has_begun {
            return self.end_told();
        }
        self.ledger().end_on_path(self.path.as_deref(), |level| {
            self.end_untold(level, self.end);
        });
    }
}

impl<U: AsRef<Ledger>> Reservation<U> {
    #[inline]
    fn end_untold(&self, level: &Ledger, end: End) {
        match end {
            End::Unknown => level.settle(self.load),
            End::Answered => level.booked(self.load),
            End::Cancelled => level.take_back(self.load),
        }
    }

    /// Ends a reservation that says how long its load lasts, or whose answer has begun.
    #[cold]
    fn end_told(&self) {
        let end = match self.end {
            End::Unknown if self.has_begun && !self.outlives() => End::Answered,
            end => end,
        };
        self.ledger().end_on_path(self.path.as_deref(), |level| {
            if self.has_begun {
                level.end_begun();
            }
            match self.told {
                None => self.end_untold(level, end),
                Some(lasts) => level.end_told(self.load, lasts, end),
            }
        });
    }
}
