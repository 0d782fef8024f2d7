//! What a request asks a substation to do: book a charge, which any substation may take, or show or end a session,
//! which only its own substation can.
//!
//! Both go through the same loop of attempts ([`super::route`]). They differ in how a substation is found, in what
//! is sent, and in the consequence of a failed attempt. This module holds these differences.

use std::sync::Arc;

use switchyard_balance::Load;
use switchyard_clients::Permit;
use switchyard_grid::Substation;
use switchyard_http1::{Head, RequestHead};
use switchyard_idempotency::{Claim, KeyHash, Keyed, Release};
use switchyard_upstream::Progress;
use switchyard_wire::{Consequence, Failure};
use tokio::time::Instant;

use super::{
    DispatchState,
    attempt::Attempt,
    charge::{Charge, Routed},
    idempotency::{self, limits},
    needs::Ask,
    sessions::{self, Action},
};
use crate::snapshot::Snapshot;

/// What a substation is asked to do.
pub(super) enum Operation<'a> {
    /// Book a charge, under the request's `Idempotency-Key` if it has one.
    Charge {
        charge: Charge<'a>,
        head: Head<'a>,
        /// The query string for the substation.
        query: Option<&'a str>,
        claim: Option<Claim<'a>>,
        /// The sign of the substation that may have booked its key before, as its client says.
        possible: Option<u64>,
        /// The load that is set aside for its client.
        permit: Option<Permit>,
    },
    /// Show or end a session.
    Session {
        action: Action,
        id: &'a str,
        /// Whether it is another client's.
        is_hidden: bool,
        holder: Arc<Substation>,
        line: RequestHead,
    },
}

/// A key, and what comes with it.
pub(super) struct Key {
    pub(super) hash: KeyHash,
    /// The number of its client.
    pub(super) client: u64,
    /// The sign of the substation that may have booked it before.
    pub(super) possible: Option<u64>,
}

impl<'a> Operation<'a> {
    /// A charge that arrived at `now`, with its key, if it has one.
    pub(super) fn charge(
        (charge, head, query): (Charge<'a>, Head<'a>, Option<&'a str>),
        key: Option<Key>,
        snapshot: &Snapshot,
        state: &'a DispatchState,
        now: Instant,
    ) -> Result<Self, Failure> {
        let rules = &snapshot.config.retry;
        let possible = key.as_ref().and_then(|key| key.possible);
        let claim = match (key, charge.fingerprint) {
            (Some(Key { hash, client, .. }), Some(fingerprint)) => {
                let keyed = Keyed {
                    hash,
                    fingerprint,
                    client,
                };
                let keys = state.keys.table();
                let claim = keys.claim(keyed, now.into_std(), &limits(rules));
                Some(claim.map_err(|_| idempotency::reused())?)
            }
            _ => None,
        };
        state.budget.deposit(rules.budget);
        Ok(Self::Charge {
            charge,
            head,
            query,
            claim,
            possible,
            permit: None,
        })
    }

    /// Sets the load of a charge aside, as its client's. If its key has a substation already, the first request has done so.
    /// `reserve` is given its load, and whether it is a repetition.
    pub(super) fn reserve(
        &mut self,
        reserve: impl FnOnce(Load, bool) -> Result<Option<Permit>, Failure>,
    ) -> Result<(), Failure> {
        if let Self::Charge {
            charge,
            claim,
            permit,
            ..
        } = self
        {
            let is_repetition = claim.as_ref().is_some_and(Claim::has_holder);
            *permit = reserve(charge.load, is_repetition)?;
        }
        Ok(())
    }

    /// Its key, as it is kept.
    pub(super) fn key(&self) -> Option<KeyHash> {
        let Self::Charge { claim, .. } = self else {
            return None;
        };
        claim.as_ref().map(Claim::hash)
    }

    /// An action on the session `id`. If that is another client's (`is_hidden`), the substation is only asked to show it, and
    /// its answer is for nobody: how long an answer takes says nothing either.
    pub(super) fn session(
        snapshot: &Snapshot,
        (action, is_hidden): (Action, bool),
        id: &'a str,
        query: Option<&str>,
    ) -> Result<Self, Failure> {
        let sent = if is_hidden { Action::Inspect } else { action };
        let (holder, mut line) = sessions::locate(snapshot, sent, id)?;
        if let Some(query) = query {
            line = line.with_query(query).map_err(sessions::unfit)?;
        }
        Ok(Self::Session {
            action,
            id,
            is_hidden,
            holder,
            line,
        })
    }

    /// Makes sure that it goes by this snapshot: a charge may need what other substations have there.
    #[inline]
    pub(super) fn follow(&mut self, snapshot: &Snapshot) {
        if let Self::Charge { charge, head, .. } = self {
            charge.follow(*head, snapshot);
        }
    }

    /// The failure of a charge that must not be sent.
    pub(super) fn not_sent(&self) -> Option<Failure> {
        let Self::Charge { charge, .. } = self else {
            return None;
        };
        charge.needs.not_sent.as_deref().cloned()
    }

    /// What a charge asks of a choice.
    pub(super) fn ask(&self) -> Option<Ask<'_>> {
        let Self::Charge { charge, claim, .. } = self else {
            return None;
        };
        Some(charge.ask(claim.as_ref().map(Claim::number)))
    }

    /// The claim on its key, if it has one.
    pub(super) fn claim(&mut self) -> Option<&mut Claim<'a>> {
        match self {
            Self::Charge { claim, .. } => claim.as_mut(),
            Self::Session { .. } => None,
        }
    }

    /// The sign of the substation that holds its key, if that is certain.
    pub(super) fn possible_holder(&self, snapshot: &Snapshot) -> Option<u64> {
        let Self::Charge {
            charge,
            claim: Some(claim),
            possible,
            ..
        } = self
        else {
            return None;
        };
        let Some(holder) = claim.holder() else {
            // What the client has said stays to be said where it was not asked.
            return possible.filter(|_| charge.needs.not_sent.is_some());
        };
        snapshot.names.by_id(&holder)?.public_name().sign()
    }

    /// What it asks for at its route, if it is one's.
    pub(super) fn routed(&self) -> Option<&Routed<'a>> {
        let Self::Charge { charge, .. } = self else {
            return None;
        };
        charge.route.as_deref()
    }

    /// Whether an attempt whose connection was lost may be repeated at another substation.
    pub(super) fn may_repeat_elsewhere(&self) -> bool {
        let is_free = matches!(self, Self::Charge { claim: None, .. });
        is_free && self.routed().is_some_and(Routed::is_repeatable)
    }

    /// Whether an attempt whose connection was lost may be repeated, at the same substation if not elsewhere.
    pub(super) fn may_repeat(&self, progress: Progress) -> bool {
        match self {
            Self::Charge { claim, .. } => claim.is_some() || self.may_repeat_elsewhere(),
            Self::Session { action, .. } => {
                *action == Action::Inspect || progress == Progress::Unsent
            }
        }
    }

    /// The consequence for the client of a failed attempt with this progress.
    pub(super) fn consequence(&self, progress: Progress) -> Consequence {
        if let Some(routed) = self.routed() {
            return routed.consequence(progress);
        }
        match (self, progress) {
            (Self::Charge { .. }, Progress::Unsent) => Consequence::NotBooked,
            (Self::Charge { .. }, Progress::Sent) => Consequence::MayBeBooked,
            (Self::Session { action, .. }, progress) => action.consequence(progress),
        }
    }

    /// Notes what an attempt has proved for the key, if there is one. Says whether another substation may be asked.
    pub(super) fn settle(&mut self, attempt: &Attempt) -> Release {
        let Self::Charge { claim, .. } = self else {
            return Release::Held;
        };
        let Some(claim) = claim else {
            return Release::Free;
        };
        match attempt {
            Attempt::SafeToRetry(..) | Attempt::Final(_, Progress::Unsent) => claim.release(),
            Attempt::Answered(answer) if (400..500).contains(&answer.status) => claim.release(),
            Attempt::Answered(answer) if (200..300).contains(&answer.status) => {
                claim.book();
                Release::Held
            }
            Attempt::Answered(_)
            | Attempt::Streamed(_)
            | Attempt::Broken(..)
            | Attempt::Final(_, Progress::Sent) => {
                claim.bind();
                Release::Held
            }
        }
    }
}
