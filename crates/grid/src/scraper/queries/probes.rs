//! Connects to substations that are not scraped, so that one that can't be reached is known before a charge finds out.
//!
//! A connect proves little: no more than that something listens. What a substation answers is seen by its charges.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use fastrand::Rng;
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use switchyard_process::Shortage;
use switchyard_transport::Transport;
use tokio::time::{Instant, sleep_until};

use super::super::{AT_ONCE, JITTER, pace::Pace};
use crate::{
    grid::Grid,
    substation::{Id, Reach, Substation},
};

/// The most connects a second, over all substations: each costs this process some 30 µs, more than a scrape does.
const MOST_A_SECOND: u32 = 200;

/// All connects, those that are due and those under way.
#[derive(Debug)]
pub(super) struct Probes {
    /// Without TLS, whatever the substation speaks: a handshake would cost it more than it tells.
    transport: Arc<Transport>,
    due: VecDeque<Arc<Substation>>,
    running: FuturesUnordered<BoxFuture<'static, (Arc<Substation>, io::Result<()>)>>,
    pace: Pace,
    began: Instant,
    next: Instant,
    has_reached: bool,
    rng: Rng,
}

impl Probes {
    pub(super) fn new(seed: u64) -> Self {
        let now = Instant::now();
        Self {
            transport: Arc::default(),
            due: VecDeque::new(),
            running: FuturesUnordered::new(),
            pace: Pace::of(0, Duration::from_secs(1)),
            began: now,
            next: now,
            has_reached: false,
            rng: Rng::with_seed(seed),
        }
    }

    /// Whether a substation could be reached.
    pub(super) fn has_reached(&self) -> bool {
        self.has_reached
    }

    /// Follows the substations of a grid: those that are not in `known` are due at once.
    pub(super) fn follow(&mut self, substations: &[Arc<Substation>], known: impl Fn(Id) -> bool) {
        let new = substations.iter().filter(|one| !known(one.id()));
        for one in new {
            self.due.push_front(Arc::clone(one));
        }
    }

    /// Connects until a substation is reached for the first time, and then for ever. Loses nothing if it is dropped.
    pub(super) async fn run(&mut self, grid: &Grid, every: Duration, limit: Duration) {
        loop {
            let now = Instant::now();
            if now >= self.next {
                self.begin_round(grid, every, now);
            }
            let group = self.began + self.pace.next();
            while group <= now && self.running.len() < AT_ONCE {
                let Some(substation) = self.due.pop_front() else {
                    break;
                };
                self.pace.begin();
                self.begin(substation, limit);
                if self.began + self.pace.next() > now {
                    break;
                }
            }
            let is_full = self.running.len() >= AT_ONCE;
            let waits = !self.due.is_empty() && !is_full;
            let next = if waits {
                self.next.min(self.began + self.pace.next())
            } else {
                self.next
            };
            tokio::select! {
                Some((substation, connected)) = self.running.next(), if !self.running.is_empty() => {
                    let had_reached = self.has_reached;
                    self.end(grid, &substation, connected);
                    if self.has_reached && !had_reached {
                        return;
                    }
                }
                () = sleep_until(next) => {}
            }
        }
    }

    fn begin_round(&mut self, grid: &Grid, every: Duration, now: Instant) {
        let count = u32::try_from(grid.substations().len()).unwrap_or(u32::MAX);
        let every = every.max(Duration::from_secs(1) * count / MOST_A_SECOND);
        let jitter = every.mul_f64(JITTER * self.rng.f64());
        self.next = now + every + jitter;
        // One that has not had its turn in the last round is first in this one.
        if self.due.is_empty() {
            self.due.extend(grid.substations().iter().cloned());
            self.pace = Pace::of(self.due.len(), every);
            self.began = now;
        }
    }

    fn begin(&mut self, substation: Arc<Substation>, limit: Duration) {
        let transport = Arc::clone(&self.transport);
        self.running.push(Box::pin(async move {
            let connected = transport.connect(substation.address(), limit).await;
            (substation, connected.map(drop))
        }));
    }

    fn end(&mut self, grid: &Grid, substation: &Arc<Substation>, connected: io::Result<()>) {
        if grid.position(substation).is_none() {
            // It was retired meanwhile.
            return;
        }
        let reach = match connected {
            Ok(()) => Reach::Yes,
            Err(error) => {
                if let Some(shortage) = Shortage::of(&error) {
                    grid.lacks(shortage);
                    Reach::Unclear
                } else if error.kind() == io::ErrorKind::TimedOut {
                    // This process may be late.
                    Reach::Unclear
                } else {
                    Reach::No
                }
            }
        };
        self.has_reached |= reach == Reach::Yes;
        grid.probed(substation, reach);
    }
}
