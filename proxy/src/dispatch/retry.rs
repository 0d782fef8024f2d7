//! Whether a request may be sent again, and where.
//!
//! It goes to another substation only if the previous one certainly did not book it: no connection could be made,
//! no byte of it arrived, or the substation refused it (503, 429). It goes to the same substation again only under
//! an `Idempotency-Key`. Attempts, retry budget and deadline limit both.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};

use fastrand::Rng;
use switchyard_balance::Refusal;
use tokio::time::Instant;

use switchyard_config::MOST_ATTEMPTS;
use switchyard_wire::{Code, Failure};

use crate::snapshot::Snapshot;

/// The pause before the second repetition to the same substation; doubled for each further one. The first repetition
/// has none: most failures concern a single connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a request may safely be sent to another substation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SafeToRetry {
    /// No connection could be made.
    Connect,
    /// The connection was lost before a byte of the request arrived.
    Unsent,
    /// The substation refused it.
    Refused,
}

impl SafeToRetry {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Unsent => "unsent",
            Self::Refused => "refused",
        }
    }
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
    /// Attempts made so far.
    pub(super) attempts: usize,
    /// Why the last attempt that certainly booked nothing failed.
    pub(super) last: Option<SafeToRetry>,
    /// The answer if no later attempt succeeds: the request may be booked.
    pub(super) broken: Option<Failure>,
    turn: AtomicU8,
    /// Seconds until there is room, as substations that refused it said.
    pub(super) room_in: Option<u32>,
    tried: [usize; MOST_ATTEMPTS],
    excluded_count: usize,
}

impl RetryState {
    /// Before the first attempt.
    pub(super) fn new(snapshot: Arc<Snapshot>, since: Instant) -> Self {
        Self {
            snapshot,
            since,
            attempts: 0,
            last: None,
            broken: None,
            turn: AtomicU8::new(Turn::Unasked as u8),
            room_in: None,
            tried: [0; MOST_ATTEMPTS],
            excluded_count: 0,
        }
    }

    /// Excludes the substation at position `at`, which did not book the request.
    pub(super) fn exclude(&mut self, at: usize, why: SafeToRetry) {
        self.last = Some(why);
        if let Some(slot) = self.tried.get_mut(self.excluded_count) {
            *slot = at;
            self.excluded_count += 1;
        }
    }

    /// Positions of the substations that are not asked again.
    pub(super) fn excluded(&self) -> &[usize] {
        self.tried.get(..self.excluded_count).unwrap_or_default()
    }

    /// Continues with a newer snapshot, in which every substation may be asked again.
    pub(super) fn restart_with(&mut self, snapshot: Arc<Snapshot>) {
        self.snapshot = snapshot;
        self.excluded_count = 0;
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

    /// Whether only room is missing, so that waiting can help.
    pub(super) fn lacks_only_room(&self, refused: Refusal) -> bool {
        let has_refused = self.last == Some(SafeToRetry::Refused);
        self.broken.is_none() && (refused == Refusal::NoCapacity || has_refused)
    }

    /// Notes in how many seconds a substation that refused will have room. The soonest counts.
    pub(super) fn hint(&mut self, room_in: Option<u32>) {
        self.room_in = self.room_in.into_iter().chain(room_in).min();
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

/// The failure when no substation is left to ask.
pub(super) fn failure_for(refusal: Refusal, state: &mut RetryState) -> Failure {
    if let Some(broken) = state.broken.take() {
        return broken;
    }
    match (refusal, state.last) {
        (Refusal::NoCapacity, _) | (_, Some(SafeToRetry::Refused)) => Failure::new(
            Code::NoCapacity,
            "no substation has room for this charge now; nothing is booked",
        ),
        (Refusal::NoUpstream, _) => Failure::new(
            Code::NoSubstation,
            "no substation can be reached now; nothing is booked",
        ),
    }
}

/// The failure when the substation that holds the request's key, and so is the only one to ask, did not book.
pub(super) fn failure_for_holder(name: &str, why: SafeToRetry, state: &mut RetryState) -> Failure {
    if let Some(broken) = state.broken.take() {
        return broken;
    }
    let (code, what) = match why {
        SafeToRetry::Refused => (Code::NoCapacity, "refused it"),
        SafeToRetry::Connect | SafeToRetry::Unsent => (Code::NoSubstation, "can't be reached"),
    };
    let message = format!(
        "{name} holds this Idempotency-Key and {what}; nothing more is booked: try again with the same key"
    );
    Failure::new(code, message)
}

#[cfg(test)]
mod tests {
    use switchyard_config::Config;
    use switchyard_grid::{Clock, Grid};
    use switchyard_tls::Credentials;

    use super::*;
    use crate::{metrics::Metrics, runtime::Runtime};

    fn state() -> RetryState {
        let text = "substations: [{name: a, address: 127.0.0.1:1}]";
        let config = Config::from_yaml(text, "test").unwrap();
        let metrics = Metrics::new().unwrap();
        let grid = Grid::new(&config, &metrics.grid, Clock::start(), 1).unwrap();
        let runtime = Runtime::new(config, Credentials::default(), Arc::new(grid), metrics);
        RetryState::new(runtime.snapshot(), Instant::now())
    }

    #[test]
    fn excluded_substations_are_remembered_and_the_soonest_room_counts() {
        let mut state = state();
        state.exclude(7, SafeToRetry::Refused);
        state.exclude(2, SafeToRetry::Connect);
        assert_eq!(state.excluded(), [7, 2]);
        for room_in in [None, Some(9), Some(4), None, Some(6)] {
            state.hint(room_in);
        }
        assert_eq!(state.room_in, Some(4));
    }

    #[test]
    fn the_same_substation_is_asked_again_at_once_and_then_ever_later() {
        let mut rng = Rng::with_seed(1);
        let mut state = RetryState {
            attempts: 1,
            ..state()
        };
        assert_eq!(state.pause(&mut rng), Duration::ZERO);
        for attempts in 2..=10 {
            state.attempts = attempts;
            let longest = PAUSE * 2_u32.pow(u32::try_from(attempts - 2).unwrap());
            let pause = state.pause(&mut rng);
            assert!(longest / 2 <= pause && pause <= longest, "{pause:?}");
        }
    }

    #[test]
    fn a_possible_booking_is_reported_whatever_followed() {
        let mut state = RetryState {
            broken: Some(Failure::new(Code::SubstationFailed, "may be booked")),
            last: Some(SafeToRetry::Refused),
            ..state()
        };
        let failure = failure_for(Refusal::NoUpstream, &mut state);
        assert_eq!(failure.code, Code::SubstationFailed);
    }
}
