//! Cars that leave before they are full: their sessions are ended at the substation, as if a driver
//! had pulled the plug. The proxy takes no part in it; it learns of the freed load from the gauge.
//!
//! These requests do not belong to the offered load, and no figure of the load counts them.

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

use crate::access::Access;
use crate::answer::Answer;
use crate::client::Client;
use crate::report::Unplugged;
use crate::target::Target;
use crate::vehicle::Vehicle;

/// How long a substation may take to end a session. After that the attempt counts as failed.
const TIMEOUT: Duration = Duration::from_secs(2);

/// When to end which session.
type PlannedEnd = Reverse<(Instant, String)>;

/// Ends sessions of cars that leave early.
#[derive(Clone, Debug)]
pub(crate) struct Unplugger {
    substations: Arc<BTreeMap<String, UnboundedSender<PlannedEnd>>>,
    counts: Arc<Mutex<Unplugged>>,
}

#[derive(Deserialize)]
struct Booking {
    session_id: String,
    substation: String,
    duration_seconds: f64,
}

impl Unplugger {
    /// Ends sessions at these substations, in tasks that stop when the set is dropped.
    pub(crate) fn start(
        substations: impl IntoIterator<Item = (String, Target)>,
        access: &Access,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let counts = Arc::new(Mutex::new(Unplugged::default()));
        let senders = substations.into_iter().map(|(name, target)| {
            let (sender, ends) = unbounded_channel();
            tasks.spawn(end_sessions(
                Client::new(target, TIMEOUT, access.clone()),
                ends,
                Arc::clone(&counts),
            ));
            (name, sender)
        });
        Self {
            substations: Arc::new(senders.collect()),
            counts,
        }
    }

    /// Plans the end of a booked session, if its car leaves early.
    pub(crate) fn booked(&self, vehicle: &Vehicle, answer: &Answer) {
        let Some(part) = vehicle.unplug_after else {
            return;
        };
        if !(200..300).contains(&answer.status()) {
            return;
        }
        lock(&self.counts).planned += 1;
        let booking: Option<Booking> = serde_json::from_slice(answer.body()).ok();
        let planned = booking.and_then(|booking| {
            let sender = self.substations.get(&booking.substation)?;
            let after = Duration::try_from_secs_f64(booking.duration_seconds * part).ok()?;
            let at = Instant::now().checked_add(after)?;
            sender.send(Reverse((at, booking.session_id))).ok()
        });
        if planned.is_none() {
            lock(&self.counts).failed += 1;
        }
    }

    /// Ends no more sessions, and returns the counts once the last one that was begun has ended.
    /// `tasks` are those of [`Unplugger::start`], and no other clone of it may be left.
    pub(crate) async fn end(self, tasks: &mut JoinSet<()>) -> Unplugged {
        drop(self.substations);
        while tasks.join_next().await.is_some() {}
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
async fn end_sessions(
    mut client: Client,
    mut ends: UnboundedReceiver<PlannedEnd>,
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
            end = ends.recv() => match end {
                Some(end) => planned.push(end),
                None => return,
            },
            () = due => {
                let Some(Reverse((_, session))) = planned.pop() else { continue };
                let status = end_session(&mut client, &session).await;
                let mut counts = lock(&counts);
                match status {
                    Some(200..300) => counts.done += 1,
                    Some(404) => counts.already_over += 1,
                    _ => counts.failed += 1,
                }
            }
        }
    }
}

/// The status of the answer; none if there was no answer.
async fn end_session(client: &mut Client, session: &str) -> Option<u16> {
    let path: Uri = format!("/sessions/{session}").parse().ok()?;
    let answer = client.send(Method::DELETE, &path).await.ok()?;
    Some(answer.status())
}
