//! When a client asks again: what the contract of the proxies allows.

use std::time::Duration;

use super::{
    super::event::{Ask, Loss},
    Client, Outcome,
};

/// The longest that a client waits because an answer says so.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The pause before a repetition that no answer puts off.
const PAUSE: Duration = Duration::from_millis(50);

impl Client {
    /// After which pause it asks again, if at all.
    pub(super) fn learn(&mut self, ask: &mut Ask, outcome: Outcome) -> Option<Duration> {
        let (is_safe, after) = match outcome {
            Outcome::Answered(answer) => {
                if let (200, Some(session)) = (answer.status, &answer.session)
                    && matches!(ask, Ask::Charge { .. })
                {
                    self.sessions.push(session.clone());
                }
                if !matches!(answer.status, 429 | 502..=504) {
                    return None;
                }
                let safe = answer.is_certainly_not_booked();
                if let (Ask::Charge { holder, .. }, Some(named)) = (&mut *ask, answer.holder) {
                    *holder = Some(named);
                }
                (safe, answer.retry_after.map(Duration::from_secs))
            }
            Outcome::Lost(loss) => (loss == Loss::NotConnected, None),
            // It has what it wanted, or changes its mind: a key lets it come back.
            Outcome::Left => (false, None),
        };
        let may_repeat = match ask {
            Ask::Charge { key, .. } => is_safe || key.is_some(),
            Ask::Look { .. } | Ask::Unplug { .. } => true,
        };
        let pause = after.unwrap_or(PAUSE).min(LONGEST_WAIT);
        may_repeat.then(|| pause + self.chance.around(PAUSE))
    }
}
