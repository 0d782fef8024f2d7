//! Which substations answered with 429 of late.
//!
//! A 429 is about a client. Wherever that client goes, it may get one; so if several substations say it, it says nothing
//! about any of them. One that says it to all, while no other says it, refuses.

use std::time::Duration;

use parking_lot::Mutex;

use crate::{clock::Moment, substation::Id};

/// For how long a 429 of another substation counts.
const LATELY: Duration = Duration::from_secs(10);

/// The two substations that answered with 429 last.
#[derive(Debug, Default)]
pub(crate) struct Limiters(Mutex<[Option<(Id, Moment)>; 2]>);

impl Limiters {
    /// Notes a 429 of the substation `id`. True if no other one has said it lately.
    pub(crate) fn note(&self, id: Id, now: Moment) -> bool {
        let mut last = self.0.lock();
        let other = last
            .iter()
            .flatten()
            .find(|(other, _)| *other != id)
            .copied();
        *last = [Some((id, now)), other];
        other.is_none_or(|(_, at)| now.since(at) > LATELY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_alone_until_another_one_says_it_and_again_later() {
        let (limiters, at) = (Limiters::default(), Moment::from_millis);
        let [one, two] = [1, 2].map(Id::of);
        assert!(limiters.note(one, at(0)) && limiters.note(one, at(1)));
        assert!(!limiters.note(two, at(2)) && !limiters.note(one, at(3)));
        assert!(!limiters.note(one, at(10_002)));
        assert!(limiters.note(one, at(10_003)));
        assert!(!limiters.note(two, at(10_004)));
    }
}
