//! The threads that serve requests.

use std::{
    io,
    net::TcpListener,
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::{sync::watch, time::timeout};
use tracing::warn;

use switchyard_config::Timeouts;

use super::acceptor::accept;
use crate::{
    dispatch::{DispatchState, Dispatcher},
    ingress::Ingress,
    runtime::Runtime,
};

/// Starts a worker: a thread with a runtime of its own. It accepts once the first of `gates` is true, and until the
/// second is; then it ends when the requests in flight are answered.
pub(super) fn start(
    at: usize,
    runtime: &Arc<Runtime>,
    state: &Arc<DispatchState>,
    listeners: Vec<TcpListener>,
    (mut opened, stopped): (watch::Receiver<bool>, watch::Receiver<bool>),
) -> io::Result<JoinHandle<()>> {
    let (runtime, state) = (Arc::clone(runtime), Arc::clone(state));
    let thread = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    thread::Builder::new()
        .name(format!("worker-{at}"))
        .spawn(move || {
            thread.block_on(async {
                if let Some(store) = runtime.fleet.store() {
                    // So that the first request with a key does not wait for a connection.
                    store.attach();
                }
                if opened.wait_for(|is_open| *is_open).await.is_err() {
                    return;
                }
                let vital = runtime.vitals.task(&format!("worker {at}"));
                let ingress = || {
                    let (runtime, state) = (Arc::clone(&runtime), Arc::clone(&state));
                    let sweeps = runtime.vitals.task(&format!("connections of worker {at}"));
                    let dispatcher = Dispatcher::new(runtime, state, fastrand::u64(..));
                    dispatcher.start_sweeps(sweeps);
                    Ingress::new(dispatcher, stopped.clone())
                };
                accept(vital, ingress, listeners, stopped.clone()).await;
                drained(&runtime).await;
            });
            thread.shutdown_background();
        })
}

/// Waits for the requests in flight, no longer than all their deadlines together: the deadlines in force now, which may
/// differ from those at the start.
async fn drained(runtime: &Runtime) {
    let Timeouts {
        connect,
        request,
        client,
        idle,
        stream_idle: _,
    } = runtime.now().config.timeouts;
    let longest_request = client + request + connect;
    let longest_drain = if runtime.in_flight.awaits_connections() {
        idle + longest_request
    } else {
        longest_request
    };
    if timeout(longest_drain, runtime.in_flight.drained())
        .await
        .is_err()
    {
        warn!(
            requests = runtime.in_flight.requests(),
            "Proxy gave up on requests still in flight"
        );
    }
}
