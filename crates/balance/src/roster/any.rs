//! Any upstream in rotation, full or not, for requests that weigh nothing.

use fastrand::Rng;

use super::Roster;
use crate::{Ledger, Request};

/// So many are drawn before all are counted.
const DRAWS: usize = 8;

impl<U: AsRef<Ledger>> Roster<U> {
    /// The position of an upstream in rotation that the request can use, each with the same chance. Its load and its
    /// preferences don't count. None if there is none.
    #[doc(hidden)]
    #[must_use]
    pub fn any(&self, request: &Request<'_>, rng: &mut Rng) -> Option<usize> {
        let count = self.upstreams.len();
        let is_fit = |at: usize| {
            let upstream = self.upstreams.get(at);
            upstream.is_some_and(|upstream| (**upstream).as_ref().is_in()) && request.may_use(at)
        };
        if count == 0 {
            return None;
        }
        let drawn = (0..DRAWS)
            .map(|_| rng.usize(..count))
            .find(|at| is_fit(*at));
        drawn.or_else(|| {
            let fit = (0..count).filter(|at| is_fit(*at));
            let number = fit.clone().count();
            let chosen = (number > 0).then(|| rng.usize(..number))?;
            fit.into_iter().nth(chosen)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Load, ledger::Standing};

    struct Upstream(Ledger);

    impl AsRef<Ledger> for Upstream {
        fn as_ref(&self) -> &Ledger {
            &self.0
        }
    }

    #[test]
    fn each_in_rotation_has_the_same_chance_full_or_not() {
        for count in [1, 3, 200] {
            let upstreams = (0..count).map(|at| {
                let ledger = Ledger::new(Load::new(1.0));
                if at % 20 > 2 {
                    ledger.set_standing(Standing::Out);
                }
                Arc::new(Upstream(ledger))
            });
            let roster = Roster::new(upstreams);
            let full = crate::Reservation::of(Arc::clone(&roster[0]), Load::new(9.0).unwrap());
            let (mut rng, mut drawn) = (Rng::with_seed(1), vec![0_u32; count]);
            let fit = (0..count).filter(|at| at % 20 <= 2).count();
            let tries = 1_000 * u32::try_from(fit).unwrap();
            for _ in 0..tries {
                drawn[roster.any(&Request::of(Load::ZERO), &mut rng).unwrap()] += 1;
            }
            for (at, drawn) in drawn.into_iter().enumerate() {
                let expected = if at % 20 <= 2 { 800..1_200 } else { 0..1 };
                assert!(expected.contains(&drawn), "{at} of {count}: {drawn}");
            }
            full.cancel();
        }
    }

    #[test]
    fn what_cannot_be_used_or_was_tried_is_not_drawn() {
        let upstreams = (0..4).map(|_| Arc::new(Upstream(Ledger::new(None))));
        let roster = Roster::new(upstreams);
        let (mut rng, mask) = (Rng::with_seed(1), roster.mask(|at| at < 2));
        let request = Request::of(Load::ZERO).among(&mask);
        for _ in 0..100 {
            assert_eq!(roster.any(&request.without(&[0]), &mut rng), Some(1));
        }
        assert_eq!(roster.any(&request.without(&[0, 1]), &mut rng), None);
        let none = Roster::<Upstream>::new([]);
        assert_eq!(none.any(&Request::of(Load::ZERO), &mut rng), None);
    }
}
