//! The choice, and the reservation that is part of it.
//!
//! A choice and its reservation are one step: the reservation succeeds only if the chosen ledger has not changed since
//! the policy read it. If another thread was faster, the policy is asked again. The ledgers that were not chosen may
//! have changed meanwhile, but reservations on them only make them worse choices.

mod reason;

use std::sync::Arc;

use fastrand::Rng;

use crate::{
    Ledger, Policy, Preferred, Request, Reservation, Roster,
    ledger::Reserved,
    policy::{
        BeyondLimit, Candidates, Choose, Chosen, Eligibility, LeastLoad, PowerOfTwo, Preference,
        Random, Ranking, RoundRobin, Sampled, Stale, Unsampled, Wish,
    },
    zone,
};

pub use reason::Reason;

/// Why nothing was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There are upstreams in rotation, but none has room for the request.
    NoCapacity,
    /// No upstream is in rotation.
    NoUpstream,
}

/// What was chosen, and reserved.
#[derive(Debug)]
pub struct Choice<U: AsRef<Ledger>> {
    /// Its position in the roster.
    pub at: usize,
    /// The load set aside on it.
    pub reservation: Reservation<U>,
    /// Why this upstream was chosen.
    pub reason: Reason,
}

/// The upstream at this position has no room above it, although it has in the roster's tree: it is under other feeders by
/// now. A roster is in use for a moment after the next one is made.
#[derive(Clone, Copy, Debug)]
struct Moved(usize);

/// So many that have moved are left out of one choice before it finds no room.
const MOST_MOVED: usize = 64;

/// A policy with the little state it needs between choices. Shared by all threads.
#[derive(Debug)]
pub struct Selector(Kind);

#[derive(Debug)]
enum Kind {
    LeastLoad(LeastLoad),
    PowerOfTwo(PowerOfTwo),
    RoundRobin(RoundRobin),
    Random(Random),
}

impl Default for Selector {
    fn default() -> Self {
        Self::new(Policy::default())
    }
}

impl Selector {
    /// A selector of this policy. Every selector begins at the same position.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self(match policy {
            Policy::LeastLoad => Kind::LeastLoad(LeastLoad),
            Policy::PowerOfTwo => Kind::PowerOfTwo(PowerOfTwo),
            Policy::RoundRobin => Kind::RoundRobin(RoundRobin::default()),
            Policy::Random => Kind::Random(Random),
        })
    }

    /// A selector that begins at a position of its own, if its policy has a position. The random generator for each
    /// choice is an argument of [`Selector::reserve`].
    #[doc(hidden)]
    #[must_use]
    pub fn with_seed(policy: Policy, seed: u64) -> Self {
        match policy {
            Policy::RoundRobin => Self(Kind::RoundRobin(RoundRobin::with_seed(seed))),
            _ => Self::new(policy),
        }
    }

    /// The policy.
    #[must_use]
    #[inline]
    pub fn policy(&self) -> Policy {
        match self.0 {
            Kind::LeastLoad(_) => Policy::LeastLoad,
            Kind::PowerOfTwo(_) => Policy::PowerOfTwo,
            Kind::RoundRobin(_) => Policy::RoundRobin,
            Kind::Random(_) => Policy::Random,
        }
    }

    /// Chooses from `roster` for a request, or for a load that may go anywhere, and reserves.
    ///
    /// Upstreams without a sample are used only while none in rotation has one. An upstream with a stale sample
    /// counts as full only while another has room, and so does one at a soft limit of its requests. Allocates nothing and
    /// takes no lock.
    pub fn reserve<'a, U: AsRef<Ledger>>(
        &self,
        roster: &Roster<U>,
        request: impl Into<Request<'a>>,
        rng: &mut Rng,
    ) -> Result<Choice<U>, Refusal> {
        self.reserve_near(roster, request.into(), None, rng)
    }

    /// The same, but takes `prefer` if that is hardly worse than the best, where the policy goes by load. An upstream
    /// without room, at a limit of its requests, out of rotation, or without a sample is not preferred.
    #[doc(hidden)]
    pub fn reserve_near<U: AsRef<Ledger>>(
        &self,
        roster: &Roster<U>,
        request: Request<'_>,
        prefer: Option<Preference>,
        rng: &mut Rng,
    ) -> Result<Choice<U>, Refusal> {
        let wish = prefer.map_or(Wish::Best, Wish::Near);
        self.reserve_by(roster, request, wish, rng)
    }

    /// The same, but takes the one that ranks highest among those that are hardly worse than the best, where the policy
    /// goes by load. Reads every upstream once more.
    #[doc(hidden)]
    pub fn reserve_ranked<U: AsRef<Ledger>>(
        &self,
        roster: &Roster<U>,
        request: Request<'_>,
        ranking: Ranking<'_>,
        rng: &mut Rng,
    ) -> Result<Choice<U>, Refusal> {
        self.reserve_by(roster, request, Wish::Ranked(ranking), rng)
    }

    fn reserve_by<U: AsRef<Ledger>>(
        &self,
        roster: &Roster<U>,
        request: Request<'_>,
        wish: Wish<'_>,
        rng: &mut Rng,
    ) -> Result<Choice<U>, Refusal> {
        let wish = if self.goes_by_load() {
            wish
        } else {
            Wish::Best
        };
        if request.preferred.is_empty() {
            return self.reserve_of_all(roster, request, wish, rng);
        }
        if let Some(choice) = self.reserve_preferred(roster, request, wish, rng) {
            return Ok(choice);
        }
        let choice = self.reserve_of_all(roster, request, wish, rng)?;
        let is_preferred = |preferred: &Preferred<'_>| preferred.mask.contains(choice.at);
        let is_by_load = matches!(
            choice.reason,
            Reason::Policy | Reason::Tie | Reason::Spread | Reason::Tolerance
        );
        if is_by_load && !request.preferred.iter().take(1).any(is_preferred) {
            let reason = Reason::Spill;
            return Ok(Choice { reason, ..choice });
        }
        Ok(choice)
    }

    /// Chooses among the preferred ones, as long as they are not too full together.
    #[inline(never)]
    fn reserve_preferred<U: AsRef<Ledger>>(
        &self,
        roster: &Roster<U>,
        request: Request<'_>,
        wish: Wish<'_>,
        rng: &mut Rng,
    ) -> Option<Choice<U>> {
        for preferred in request.preferred {
            if !zone::takes(roster, preferred, request.load) {
                continue;
            }
            let among = Request {
                among: Some(preferred.mask),
                preferred: &[],
                ..request
            };
            let candidates = Candidates::<U, Sampled>::new(roster, &among);
            if let Some(choice) = self.reserve_among(&candidates, wish, rng) {
                zone::booked(preferred.mask, request.load);
                return Some(choice);
            }
        }
        None
    }

    /// Chooses among all that the request can use.
    #[inline]
    fn reserve_of_all<U: AsRef<Ledger>>(
        &self,
        roster: &Roster<U>,
        request: Request<'_>,
        wish: Wish<'_>,
        rng: &mut Rng,
    ) -> Result<Choice<U>, Refusal> {
        let candidates = Candidates::<U, Sampled>::new(roster, &request);
        if let Some(choice) = self.reserve_among(&candidates, wish, rng) {
            return Ok(choice);
        }
        if candidates.best_at_limit() < f64::INFINITY {
            let candidates = Candidates::<U, BeyondLimit>::new(roster, &request);
            if let Some(choice) = self.reserve_among(&candidates, Wish::Best, rng) {
                return Ok(choice);
            }
        }
        let is_left = |(at, upstream): &(usize, &Arc<U>)| {
            (***upstream).as_ref().is_in() && request.may_use(*at)
        };
        let mut left = roster.iter().enumerate().filter(is_left).peekable();
        if left.peek().is_none() {
            return Err(Refusal::NoUpstream);
        }
        let choice = if left.any(|(_, upstream)| (**upstream).as_ref().is_sampled()) {
            self.reserve_among(
                &Candidates::<U, Stale>::new(roster, &request),
                Wish::Best,
                rng,
            )
        } else {
            self.reserve_among(
                &Candidates::<U, Unsampled>::new(roster, &request),
                Wish::Best,
                rng,
            )
        };
        choice.ok_or(Refusal::NoCapacity)
    }

    #[inline]
    fn goes_by_load(&self) -> bool {
        matches!(self.0, Kind::LeastLoad(_) | Kind::PowerOfTwo(_))
    }

    /// Chooses and reserves among the upstreams of one eligibility.
    fn reserve_among<U: AsRef<Ledger>, E: Eligibility>(
        &self,
        candidates: &Candidates<'_, U, E>,
        wish: Wish<'_>,
        rng: &mut Rng,
    ) -> Option<Choice<U>> {
        let found = self.reserve_unmoved(candidates, wish, rng);
        found.unwrap_or_else(|moved| self.reserve_without(moved, candidates, wish, rng))
    }

    /// The same without those that have moved under feeders without room, of which `moved` is the first.
    #[cold]
    fn reserve_without<U: AsRef<Ledger>, E: Eligibility>(
        &self,
        moved: Moved,
        candidates: &Candidates<'_, U, E>,
        wish: Wish<'_>,
        rng: &mut Rng,
    ) -> Option<Choice<U>> {
        let before = candidates.request;
        let mut tried = before.tried.to_vec();
        let mut moved = Some(moved);
        for _ in 0..MOST_MOVED {
            tried.extend(moved.take().map(|Moved(at)| at));
            let request = before.without(&tried);
            let candidates = Candidates::<U, E>::new(candidates.roster, &request);
            match self.reserve_unmoved(&candidates, wish, rng) {
                // Nothing was asked before it, if nothing had been tried.
                Ok(Some(choice)) if before.tried.is_empty() => {
                    let reason = Reason::Policy;
                    return Some(Choice { reason, ..choice });
                }
                Ok(found) => return found,
                Err(another) => moved = Some(another),
            }
        }
        None
    }

    /// The same, unless an upstream is the best that has moved.
    fn reserve_unmoved<U: AsRef<Ledger>, E: Eligibility>(
        &self,
        candidates: &Candidates<'_, U, E>,
        wish: Wish<'_>,
        rng: &mut Rng,
    ) -> Result<Option<Choice<U>>, Moved> {
        loop {
            let chosen = match &self.0 {
                Kind::LeastLoad(policy) => policy.choose(candidates, rng),
                Kind::PowerOfTwo(policy) => policy.choose(candidates, rng),
                Kind::RoundRobin(policy) => policy.choose(candidates, rng),
                Kind::Random(policy) => policy.choose(candidates, rng),
            };
            let Some(chosen) = chosen else {
                return Ok(None);
            };
            let (chosen, is_preferred) = match wish {
                Wish::Best => (chosen, false),
                Wish::Near(preference) => candidates.or_preferred(chosen, preference),
                Wish::Ranked(ranking) => candidates.or_ranked(chosen, ranking),
            };
            let Some(upstream) = candidates.roster.get(chosen.at) else {
                return Ok(None);
            };
            let ledger = (**upstream).as_ref();
            let load = candidates.request.load;
            let Some(Reserved { path }) = ledger.reserve_on_path(chosen.assigned, load) else {
                if candidates.has_moved(chosen.at, ledger) {
                    return Err(Moved(chosen.at));
                }
                continue;
            };
            if let Some(group) = chosen.group {
                candidates.booked(group, chosen.assigned, ledger);
            }
            let reservation = Reservation::new(Arc::clone(upstream), load, path);
            // A limit may have come into force since the policy looked.
            if ledger.is_over_hard_limit() || !E::has_room(ledger, chosen.assigned, load) {
                reservation.cancel();
                continue;
            }
            return Ok(Some(Choice {
                at: chosen.at,
                reservation,
                reason: self.reason(chosen, is_preferred, ledger, candidates),
            }));
        }
    }

    #[inline]
    fn reason<U: AsRef<Ledger>, E: Eligibility>(
        &self,
        chosen: Chosen,
        is_preferred: bool,
        ledger: &Ledger,
        candidates: &Candidates<'_, U, E>,
    ) -> Reason {
        let goes_by_load = self.goes_by_load();
        if !candidates.request.tried.is_empty() {
            Reason::Failover
        } else if ledger.is_stale() {
            Reason::Stale
        } else if is_preferred {
            Reason::Tolerance
        } else if goes_by_load && candidates.best_at_limit() < chosen.score {
            Reason::Limit
        } else if chosen.is_tie {
            Reason::Tie
        } else if candidates.roster.share() < 1.0 && goes_by_load {
            Reason::Spread
        } else {
            Reason::Policy
        }
    }
}
