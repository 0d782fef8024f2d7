//! One worker's connections to substations, and the task that closes those which serve no more.
//!
//! A request takes a connection and gives it back, and has nothing to do with what becomes of the others. So when
//! requests cease, a task of the worker looks at the idle ones once a second: those that a substation has closed would
//! else stay half-closed on this side until the next request, and those of a rush hour would stay open after it. It
//! also closes the connections to substations that are no longer listed, and forgets keys that have expired, which
//! otherwise the next request with a key would do.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use switchyard_process::vital::{Ended, VitalTask};
use switchyard_upstream::{Id, UpstreamClient};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{DispatchState, idempotency::limits};
use crate::{runtime::Runtime, snapshot::Snapshot, streams::Streams};

/// The time between two looks at the idle connections.
const PERIOD: Duration = Duration::from_secs(1);

/// In so many periods the sessions of clients are looked at once.
const FORGETS_EACH: u64 = 60;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Connections {
    pub(super) client: UpstreamClient,
    /// Those of requests that stream.
    pub(super) streams: Streams,
    /// Version of the newest snapshot to whose substations connections are kept.
    followed: AtomicU64,
    /// How often transports had changed then.
    changes: AtomicU64,
}

impl Connections {
    /// Keeps connections to the substations of this snapshot, unless it has seen a newer one.
    pub(super) fn follow(&self, snapshot: &Snapshot) {
        if snapshot.version > self.followed.load(Relaxed) {
            self.follow_anew(snapshot);
        }
    }

    /// Gives up connections that were made over transports as they are no more, such as those with a certificate that
    /// is not trusted any more. Requests don't look for that, so they may use them until the next call.
    fn follow_transports(&self, snapshot: &Snapshot) {
        if switchyard_transport::changes() != self.changes.load(Relaxed) {
            self.follow_anew(snapshot);
        }
    }

    fn follow_anew(&self, snapshot: &Snapshot) {
        self.followed.store(snapshot.version, Relaxed);
        self.changes.store(switchyard_transport::changes(), Relaxed);
        let all = snapshot.grid.substations().iter();
        self.client
            .follow(all.map(|one| (Id(one.id().get()), one.transport().version())));
    }
}

/// Closes what serves no more, and forgets keys that have expired, until the connections are dropped.
pub(super) async fn keep_house(
    connections: Weak<Connections>,
    runtime: Arc<Runtime>,
    state: Arc<DispatchState>,
    mut vital: VitalTask,
) {
    while vital.run(sweep(&connections, &runtime, &state)).await == Ended::TooSoon {
        vital.pause().await;
    }
}

async fn sweep(connections: &Weak<Connections>, runtime: &Runtime, state: &DispatchState) -> Ended {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut turn = 0_u64;
    loop {
        ticks.tick().await;
        let Some(connections) = connections.upgrade() else {
            return Ended::Finished;
        };
        let (in_force, now) = (runtime.now(), Instant::now());
        connections.follow(&in_force);
        connections.follow_transports(&in_force);
        connections.client.sweep(now);
        connections.streams.sweep(now);
        let (rules, table) = (&in_force.config.retry, state.keys.table());
        table.expire(now.into_std(), &limits(rules));
        // What a client has is brought up to date whenever it is asked for; this is for those that ask nothing more.
        if turn.is_multiple_of(FORGETS_EACH) {
            let accounts = &runtime.accounts;
            accounts.expire(in_force.grid.clock().since_start(now));
        }
        turn += 1;
        let evicted = table.take_evicted();
        state
            .key_room
            .note(evicted, rules, &runtime.metrics.requests, now);
    }
}
