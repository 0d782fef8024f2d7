//! What a process leaves to the next one.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchyard_balance::Load;

use crate::{
    accounts::Accounts,
    held::{Id, LONGEST, REMEMBERED, Session},
};

/// What clients have, as plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedClients(Vec<CarriedClient>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CarriedClient {
    name: String,
    /// In how many milliseconds its bucket is full again.
    full_in_ms: u64,
    sessions: Vec<CarriedSession>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CarriedSession {
    id: Id,
    micros: i64,
    has_ended: bool,
    left_ms: u64,
}

impl CarriedSession {
    /// The session as it is `ago` later, at `now`.
    fn after(self, ago: Duration, now: Duration) -> Session {
        let load = Load::from_micros(self.micros).clamp(Load::ZERO, Load::LARGEST);
        match Duration::from_millis(self.left_ms).checked_sub(ago) {
            Some(left) => Session {
                load,
                until: now.saturating_add(left.min(LONGEST)),
                has_ended: self.has_ended,
            },
            None => Session {
                load: Load::ZERO,
                until: now.saturating_add(REMEMBERED),
                has_ended: true,
            },
        }
    }
}

impl CarriedClients {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Accounts {
    /// What the next process needs to know. Requests under way are not in it.
    #[must_use]
    pub fn carry(&self, now: Duration) -> CarriedClients {
        let carried = self.all().into_iter().map(|account| {
            let sessions = account.up_to_date(now, |held| {
                held.sessions()
                    .map(|(id, session)| CarriedSession {
                        id,
                        micros: session.load.micros(),
                        has_ended: session.has_ended,
                        left_ms: millis(session.until.saturating_sub(now)),
                    })
                    .collect()
            });
            CarriedClient {
                name: account.name().as_ref().to_owned(),
                full_in_ms: millis(account.bucket.full_in(now)),
                sessions,
            }
        });
        let has_anything = |one: &CarriedClient| one.full_in_ms > 0 || !one.sessions.is_empty();
        CarriedClients(carried.filter(has_anything).collect())
    }

    /// Goes on from what another process has left `ago`.
    pub fn restore(&self, carried: CarriedClients, ago: Duration, now: Duration) {
        for CarriedClient {
            name,
            full_in_ms,
            sessions,
        } in carried.0
        {
            let account = self.account(&name);
            let full_in = Duration::from_millis(full_in_ms).saturating_sub(ago);
            account.bucket.drain(now.saturating_add(full_in));
            for session in sessions {
                self.restore_session(&account, session.id, session.after(ago, now));
            }
        }
    }
}

/// Rounded up: what is carried ends no earlier than it would have.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
