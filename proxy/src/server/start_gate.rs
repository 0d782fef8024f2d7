//! What the caller of a running proxy decides: when it starts to accept connections, and how it stops.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
    time::sleep,
};
use tracing::{info, warn};

use switchyard_handover::{Relay, RelayServer};
use switchyard_state::Fault;

use super::Error;
use crate::{
    carried::{Carrier, Frozen, Source, StateKeeper},
    in_charge::Paused,
    runtime::Runtime,
};

/// Interval between two checks whether the first samples are in.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A proxy that runs, but accepts no connection until this is opened.
#[derive(Debug)]
pub struct StartGate {
    pub(super) open: watch::Sender<bool>,
    pub(super) runtime: Arc<Runtime>,
    pub(super) carrier: Carrier,
    pub(super) keeper: Option<StateKeeper>,
}

impl StartGate {
    /// Starts to accept connections. If the gate is dropped first, none is ever accepted.
    pub fn open(&self) {
        self.runtime.in_charge.begin();
        // An error only means that all workers are gone already.
        let _ = self.open.send(true);
    }

    /// Goes on from what is in the state file, if there is one. It is an error if another process has that file.
    pub async fn begin(&self) -> Result<(), Fault> {
        match &self.keeper {
            Some(keeper) => keeper.begin().await,
            None => Ok(()),
        }
    }

    /// Goes on from what the old process hands over.
    pub async fn restore(&self, state: Vec<u8>) {
        let carrier = self.carrier.clone();
        let restored = spawn_blocking(move || {
            carrier.restore_or_begin(&state, Source::Predecessor);
        });
        // What a panic leaves behind is less than all, and no worse.
        let _ = restored.await;
    }

    /// What this process hands over. Until the second part is dropped, or this process is to [follow](StartGate::follow)
    /// the new one, charges with a key wait, and commands that the new one would not hear of are refused.
    pub async fn hand_over(&self) -> (Vec<u8>, (Option<Frozen>, Paused)) {
        let paused = self.pause_commands();
        let carrier = self.carrier.clone();
        match spawn_blocking(move || carrier.hand_over()).await {
            Ok((state, frozen)) => (state, (Some(frozen), paused)),
            Err(_) => (Vec::new(), (None, paused)),
        }
    }

    /// Refuses commands that a new process would not hear of, while it may take over.
    #[must_use]
    pub fn pause_commands(&self) -> Paused {
        self.runtime.in_charge.pause()
    }

    /// From now on this process asks the new one about keys, over this connection; without one, that process is gone.
    pub fn follow(&self, relay: Option<Relay>) {
        self.carrier.follow(relay);
    }

    /// Answers what the old process asks, until its last client has left.
    pub fn answer(&self, relay: RelayServer) -> JoinHandle<()> {
        let (runtime, carrier) = (Arc::clone(&self.runtime), self.carrier.clone());
        tokio::spawn(async move {
            let served = relay
                .serve(|question| carrier.clone().answer(question))
                .await;
            if let Err(error) = served {
                warn!(%error, "Old process can ask no more");
            }
            // It books nothing more.
            runtime.now().grid.predecessor_ended();
        })
    }

    /// From now on this process keeps the state file, and the old one no more.
    pub fn takes_turn(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.takes_turn();
        }
    }

    /// From now on the new process keeps the state file.
    pub fn leaves_turn(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.leaves_turn();
        }
    }

    /// From now on each answer ends its connection, so that the next request of a client goes to the new process.
    pub fn ends_connections(&self) {
        self.runtime.in_flight.drain_connections();
    }

    /// Completes once every substation was asked for its load and at least one could be reached.
    pub async fn ready(&self) {
        while !self.runtime.now().grid.is_ready() {
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Turns `/ready` to 503 while requests are still taken, and completes after `drain.delay`: by then load balancers
    /// have noticed, and send no more.
    pub async fn leave(&self) {
        self.runtime.in_flight.leave();
        let delay = self.runtime.now().config.drain.delay;
        if !delay.is_zero() {
            info!(
                ?delay,
                "Proxy is leaving: it is not ready, and still takes requests"
            );
            sleep(delay).await;
        }
    }
}

/// How the proxy stops.
pub enum Ending {
    /// No process follows: new connections are refused from now on, and idle connections dropped.
    Stop,
    /// Another process accepts from the same sockets. Each connection ends with its next answer or at its idle timeout.
    /// Once `force` completes, the proxy stops as with [`Ending::Stop`].
    HandedOver {
        /// Ends the wait for idle connections.
        force: BoxFuture<'static, ()>,
        /// Completes when the process before this one asks no more, if it does yet.
        asked: Option<JoinHandle<()>>,
    },
    /// It can't serve: another process does, or nothing is served.
    Failed(Error),
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "Stop",
            Self::HandedOver { .. } => "HandedOver",
            Self::Failed(_) => "Failed",
        })
    }
}
