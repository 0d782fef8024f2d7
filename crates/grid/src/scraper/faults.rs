//! What a gauge's scrapes failed with last, so that only a change is logged.

use switchyard_scrape::PollFailure;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Faults {
    failing_as: Option<PollFailure>,
    /// Why the last sample lacked a capacity that its page has.
    capacity: Option<PollFailure>,
}

/// A change that is to be logged.
#[derive(Debug)]
pub(super) enum News<'f> {
    /// There are samples again.
    Recovered,
    /// There is no sample.
    Failing(&'f PollFailure),
    /// There are samples, but no capacity.
    NoCapacity(&'f PollFailure),
}

impl Faults {
    /// Notes how a scrape ended, and says what is new.
    pub(super) fn note(
        &mut self,
        result: Result<Option<PollFailure>, PollFailure>,
    ) -> impl Iterator<Item = News<'_>> {
        let (failing_as, capacity) = match result {
            // What is known of the capacity stays as it was.
            Err(failure) => (Some(failure), self.capacity.take()),
            Ok(fault) => (None, fault),
        };
        let is_other = !is_like(failing_as.as_ref(), self.failing_as.as_ref());
        let is_other_capacity = !is_like(capacity.as_ref(), self.capacity.as_ref());
        *self = Self {
            failing_as,
            capacity,
        };
        let now = self.failing_as.as_ref();
        let news = now.map_or(News::Recovered, News::Failing);
        let first = Some(news).filter(|_| is_other);
        let capacity = self.capacity.as_ref();
        let capacity = capacity.filter(|_| is_other_capacity && self.failing_as.is_none());
        first.into_iter().chain(capacity.map(News::NoCapacity))
    }
}

fn is_like(one: Option<&PollFailure>, other: Option<&PollFailure>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is_like(other),
        (one, other) => one.is_none() && other.is_none(),
    }
}
