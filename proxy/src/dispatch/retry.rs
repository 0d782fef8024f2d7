//! Whether a request may be sent again, and where.
//!
//! It goes to another substation only if the previous one certainly did not book it: no connection could be made,
//! no byte of it arrived, or the substation refused it (503, 429). It goes to the same substation again only under
//! an `Idempotency-Key`. Attempts, retry budget and deadline limit both. What loads no substation uses up no budget.

use std::{
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};

use fastrand::Rng;
use switchyard_balance::Refusal;
use switchyard_grid::Substation;
use switchyard_process::Shortage;
use tokio::time::Instant;

use switchyard_config::MOST_ATTEMPTS;
use switchyard_wire::Failure;

use crate::snapshot::Snapshot;

/// The pause before the second repetition to the same substation; doubled for each further one. The first repetition
/// has none: most failures concern a single connection.
const PAUSE: Duration = Duration::from_millis(50);

/// The most substations that are tried for one request, most of which can't be reached. Each costs a round trip, and
/// a choice among those that are left.
const MOST_TRIED: usize = 64;

/// Why a request may safely be sent to another substation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SafeToRetry {
    /// No connection could be made.
    Connect(ErrorKind),
    /// The proxy itself lacked what a connection takes.
    Shortage(Shortage),
    /// The connection was lost before a byte of the request arrived.
    Unsent,
    /// The substation has no room for it.
    Refused,
    /// The substation limits the client's rate.
    Limited,
    /// The substation can't serve now.
    Unavailable,
}

impl SafeToRetry {
    /// Its name in metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::Shortage(_) => "shortage",
            Self::Unsent => "unsent",
            Self::Refused => "refused",
            Self::Limited => "limited",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether the attempt gave no substation any work, so that another one adds nothing to their load.
    const fn loads_nobody(self) -> bool {
        matches!(self, Self::Connect(_) | Self::Shortage(_) | Self::Unsent)
    }

    /// Whether the request was not even begun to be sent, and no time was lost: that is no attempt.
    fn is_no_attempt(self) -> bool {
        match self {
            Self::Connect(kind) => kind != ErrorKind::TimedOut,
            Self::Shortage(_) => true,
            _ => false,
        }
    }

    /// Whether the same substation would give the same answer at once.
    pub(super) const fn is_answer(self) -> bool {
        matches!(self, Self::Refused | Self::Limited | Self::Unavailable)
    }
}

/// An attempt that certainly booked nothing.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) substation: Arc<Substation>,
    pub(super) why: SafeToRetry,
    /// After how many seconds the client may come back, as the substation said.
    pub(super) wait: Option<u32>,
}

/// What forbids one more attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// `retry.attempts`.
    Attempts,
    /// `retry.budget`.
    Budget,
    /// As many were tried in vain as may be for one request.
    Tried,
}

/// Whether a request may take room while room is promised to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has not been asked for.
    Unasked,
    /// It may, now and in later attempts.
    Has,
    /// It was held back when it was last asked.
    Held,
}

/// The state of a request between two attempts.
#[derive(Debug)]
pub(super) struct RetryState {
    /// The snapshot that it uses.
    pub(super) snapshot: Arc<Snapshot>,
    /// When the current choice began, by the last reading of the clock.
    pub(super) since: Instant,
    /// Substations asked so far, or tried in vain to be reached.
    pub(super) attempts: usize,
    /// Those of them that could not be reached at once, so that the request was not sent.
    unsent: usize,
    /// Why the last attempt that certainly booked nothing failed.
    pub(super) last: Option<SafeToRetry>,
    /// The answer if no later attempt succeeds: the request may be booked.
    pub(super) broken: Option<Failure>,
    turn: AtomicU8,
    /// What became of the attempts that certainly booked nothing.
    pub(super) tried: Vec<Tried>,
    /// What forbids one more attempt.
    pub(super) stop: Option<Stop>,
    excluded: Vec<usize>,
}

impl RetryState {
    /// Before the first attempt.
    pub(super) fn new(snapshot: Arc<Snapshot>, since: Instant) -> Self {
        Self {
            snapshot,
            since,
            attempts: 0,
            unsent: 0,
            last: None,
            broken: None,
            turn: AtomicU8::new(Turn::Unasked as u8),
            tried: Vec::new(),
            stop: None,
            excluded: Vec::new(),
        }
    }

    /// Notes that `substation` did not book the request, and after how many seconds the client may come back, if it
    /// said so.
    pub(super) fn not_booked(
        &mut self,
        substation: &Arc<Substation>,
        why: SafeToRetry,
        wait: Option<u32>,
    ) {
        self.last = Some(why);
        self.tried.push(Tried {
            substation: Arc::clone(substation),
            why,
            wait,
        });
    }

    /// Excludes the substation at position `at`, which did not book the request for that reason.
    pub(super) fn exclude(&mut self, at: usize, why: SafeToRetry) {
        self.unsent += usize::from(why.is_no_attempt());
        self.excluded.push(at);
    }

    /// Excludes the substation at position `at`, which may have done what the request asks for, and has not answered.
    pub(super) fn exclude_sent(&mut self, at: usize) {
        self.excluded.push(at);
    }

    /// Positions of the substations that are not asked again.
    pub(super) fn excluded(&self) -> &[usize] {
        &self.excluded
    }

    /// Continues with a newer snapshot, in which every substation may be asked again.
    pub(super) fn restart_with(&mut self, snapshot: Arc<Snapshot>) {
        self.snapshot = snapshot;
        self.excluded.clear();
    }

    /// Whether it has its turn.
    pub(super) fn turn(&self) -> Turn {
        let turns = [Turn::Unasked, Turn::Has, Turn::Held];
        let mut turns = turns.into_iter();
        let held = self.turn.load(Relaxed);
        turns
            .find(|turn| *turn as u8 == held)
            .unwrap_or(Turn::Unasked)
    }

    pub(super) fn set_turn(&self, turn: Turn) {
        self.turn.store(turn as u8, Relaxed);
    }

    /// Whether one more attempt is allowed, by the attempts so far and by `withdraw` from the budget. The last attempt
    /// ended for the reason `after`, if it certainly booked nothing.
    pub(super) fn may_retry(
        &mut self,
        after: Option<SafeToRetry>,
        withdraw: impl FnOnce(f64) -> bool,
    ) -> bool {
        let rules = &self.snapshot.config.retry;
        let sent = self.attempts.saturating_sub(self.unsent);
        self.stop = if sent >= rules.attempts as usize {
            Some(Stop::Attempts)
        } else if self.attempts >= MOST_TRIED {
            Some(Stop::Tried)
        } else if after.is_some_and(SafeToRetry::loads_nobody) || withdraw(rules.budget) {
            None
        } else {
            Some(Stop::Budget)
        };
        self.stop.is_none()
    }

    /// Whether this substation had no room for it.
    pub(super) fn was_refused_by(&self, substation: &Arc<Substation>) -> bool {
        let mut tried = self.tried.iter();
        tried.any(|one| one.why == SafeToRetry::Refused && one.substation == *substation)
    }

    /// The soonest that a substation without room expects to have some, in seconds.
    pub(super) fn room_in(&self) -> Option<u32> {
        let full = self.tried.iter();
        let full = full.filter(|tried| tried.why == SafeToRetry::Refused);
        full.filter_map(|tried| tried.wait).min()
    }

    /// Whether only room is missing, so that waiting can help.
    pub(super) fn lacks_only_room(&self, refused: Refusal) -> bool {
        let was = |why| self.tried.iter().any(|tried| tried.why == why);
        let is_full = refused == Refusal::NoCapacity && !was(SafeToRetry::Limited);
        self.broken.is_none() && (is_full || was(SafeToRetry::Refused))
    }

    /// The pause before the same substation is asked again, with jitter.
    pub(super) fn pause(&self, rng: &mut Rng) -> Duration {
        let doublings = self.attempts.saturating_sub(2).min(MOST_ATTEMPTS);
        match self.attempts {
            0 | 1 => Duration::ZERO,
            _ => PAUSE.mul_f64(
                2_f64.powi(i32::try_from(doublings).unwrap_or(0)) * (0.5 + 0.5 * rng.f64()),
            ),
        }
    }
}

#[cfg(test)]
mod tests;
