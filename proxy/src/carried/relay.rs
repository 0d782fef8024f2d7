//! Questions of the old process to the new one about keys, and their answers.
//!
//! The old process is about to send a charge with a key, or knows that it has booked nothing under one. Both questions
//! are as those to the store of a fleet; the new process answers by its own table, or by asking whom it asks itself.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchyard_config as config;
use switchyard_handover::Relay;
use switchyard_idempotency::{Asker, Claimed, Fingerprint, HolderId, KeyHash, Released};
use tokio::time::timeout;

use crate::dispatch::{Agreement, DispatchState, Proposal, Unavailable};

/// The most that an answer takes: the other process is on the same machine.
const LONGEST: Duration = Duration::from_secs(1);

/// What the old process asks.
#[derive(Debug, Serialize, Deserialize)]
enum Question {
    Claim {
        key: KeyHash,
        fingerprint: Fingerprint,
        asker: Asker,
        candidate: HolderId,
        kept_for: Duration,
    },
    Release {
        key: KeyHash,
        asker: Asker,
    },
}

/// What the new process answers.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Claimed(Claimed),
    Released(Released),
    Unavailable(String),
}

/// The process that has taken over, which decides from then on.
#[derive(Debug)]
pub(super) struct Successor(Option<Relay>);

impl Successor {
    /// To be asked over this connection; without one it is gone already.
    pub(super) fn new(relay: Option<Relay>) -> Self {
        Self(relay)
    }

    async fn ask(&self, question: &Question) -> Result<Answer, Unavailable> {
        let question = postcard::to_stdvec(question).map_err(unavailable)?;
        let Some(relay) = &self.0 else {
            return Err(unavailable("the process that took over is gone"));
        };
        let answer = timeout(LONGEST, relay.ask(question)).await;
        let answer = answer.map_err(unavailable)?.map_err(unavailable)?;
        match postcard::from_bytes(&answer).map_err(unavailable)? {
            Answer::Unavailable(why) => Err(Unavailable(why)),
            answer => Ok(answer),
        }
    }
}

#[async_trait]
impl Agreement for Successor {
    async fn claim(&self, proposal: &Proposal) -> Result<Claimed, Unavailable> {
        let question = Question::Claim {
            key: proposal.key,
            fingerprint: proposal.fingerprint,
            asker: proposal.asker,
            candidate: HolderId::clone(&proposal.candidate),
            kept_for: proposal.kept_for,
        };
        match self.ask(&question).await? {
            Answer::Claimed(claimed) => Ok(claimed),
            other => Err(unavailable(format!("{other:?} is no answer to a claim"))),
        }
    }

    async fn release(&self, key: KeyHash, asker: Asker) -> Result<Released, Unavailable> {
        match self.ask(&Question::Release { key, asker }).await? {
            Answer::Released(released) => Ok(released),
            other => Err(unavailable(format!("{other:?} is no answer to a release"))),
        }
    }
}

fn unavailable(why: impl fmt::Display) -> Unavailable {
    Unavailable(format!("{why}"))
}

/// The answer to a question of the process from which this one has taken over. Nothing to what is no question.
pub(super) async fn answer(
    dispatch: &DispatchState,
    rules: &config::Retry,
    question: &[u8],
) -> Vec<u8> {
    let Ok(question) = postcard::from_bytes(question) else {
        return Vec::new();
    };
    let answer = match question {
        Question::Claim {
            key,
            fingerprint,
            asker,
            candidate,
            kept_for,
        } => {
            let proposal = Proposal {
                key,
                fingerprint,
                asker,
                candidate: Arc::new(candidate),
                kept_for,
            };
            let claimed = dispatch.claim_for(&proposal, rules).await;
            claimed.map(Answer::Claimed)
        }
        Question::Release { key, asker } => {
            let released = dispatch.keys.release_for(key, asker).await;
            released.map(Answer::Released)
        }
    };
    let answer = answer.unwrap_or_else(|Unavailable(why)| Answer::Unavailable(why));
    postcard::to_stdvec(&answer).unwrap_or_default()
}
