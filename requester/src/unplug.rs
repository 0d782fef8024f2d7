//! Cars that leave before they are full: their sessions are ended at the substation, as a driver who pulls
//! the plug does. The proxy has no part in it; it learns of the freed load from the gauge.
//!
//! These requests are not of the offered load, and in none of its figures.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, Uri};
use serde::Deserialize;
use tokio::select;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::Target;
use crate::answer::Answer;
use crate::caller::Caller;
use crate::report::Unplugged;
use crate::vehicle::Vehicle;

/// A substation that takes longer to end a session keeps it.
const WITHIN: Duration = Duration::from_secs(2);

/// When to end which session.
type Parting = Reverse<(Instant, String)>;

/// Where those are told that will leave.
#[derive(Clone, Debug)]
pub(crate) struct Unplugger {
    substations: Arc<BTreeMap<String, UnboundedSender<Parting>>>,
    counts: Arc<Mutex<Unplugged>>,
}

#[derive(Deserialize)]
struct Booked {
    session_id: String,
    substation: String,
    duration_seconds: f64,
}

impl Unplugger {
    /// Ends sessions at these substations, in tasks that end with the set.
    pub(crate) fn start(
        substations: impl IntoIterator<Item = (String, Target)>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let counts = Arc::new(Mutex::new(Unplugged::default()));
        let senders = substations.into_iter().map(|(name, target)| {
            let (sender, partings) = unbounded_channel();
            tasks.spawn(unplug(
                Caller::new(target, WITHIN),
                partings,
                Arc::clone(&counts),
            ));
            (name, sender)
        });
        Self {
            substations: Arc::new(senders.collect()),
            counts,
        }
    }

    /// Plans the end of a session, if its car is one of those that leave.
    pub(crate) fn booked(&self, vehicle: &Vehicle, answer: &Answer) {
        let Some(part) = vehicle.unplug_after else {
            return;
        };
        if !(200..300).contains(&answer.status()) {
            return;
        }
        lock(&self.counts).planned += 1;
        let booked: Option<Booked> = serde_json::from_slice(answer.body()).ok();
        let told = booked.and_then(|booked| {
            let sender = self.substations.get(&booked.substation)?;
            let after = Duration::try_from_secs_f64(booked.duration_seconds * part).ok()?;
            let at = Instant::now().checked_add(after)?;
            sender.send(Reverse((at, booked.session_id))).ok()
        });
        if told.is_none() {
            lock(&self.counts).failed += 1;
        }
    }

    pub(crate) fn counts(&self) -> Unplugged {
        let counts = *lock(&self.counts);
        let ended = counts.done + counts.already_over + counts.failed;
        Unplugged {
            pending: counts.planned.saturating_sub(ended),
            ..counts
        }
    }
}

fn lock(counts: &Mutex<Unplugged>) -> MutexGuard<'_, Unplugged> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the sessions of one substation, each at its time.
async fn unplug(
    mut caller: Caller,
    mut partings: UnboundedReceiver<Parting>,
    counts: Arc<Mutex<Unplugged>>,
) {
    let mut planned = BinaryHeap::new();
    loop {
        let next = planned.peek().map(|Reverse((at, _))| *at);
        let due = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        };
        select! {
            told = partings.recv() => match told {
                Some(parting) => planned.push(parting),
                None => return,
            },
            () = due => {
                let Some(Reverse((_, session))) = planned.pop() else { continue };
                let ended = end(&mut caller, &session).await;
                let mut counts = lock(&counts);
                match ended {
                    Some(200..300) => counts.done += 1,
                    Some(404) => counts.already_over += 1,
                    _ => counts.failed += 1,
                }
            }
        }
    }
}

async fn end(caller: &mut Caller, session: &str) -> Option<u16> {
    let path: Uri = format!("/sessions/{session}").parse().ok()?;
    let answer = caller.ask(Method::DELETE, &path).await.ok()?;
    Some(answer.status())
}
