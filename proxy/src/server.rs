//! Listeners, threads, and a stop that takes no longer than the requests in flight.
//!
//! Pingora's `Server` sleeps its whole grace period on SIGTERM (300 s by default), panics after half a minute on a
//! port in use, and can't take a listener that is already bound. Its *services* have none of these problems: each
//! runs on the runtime that awaits it, takes listening sockets by file descriptor, and stops when a watch channel
//! says so. So the admin port is such a service.
//!
//! The public port accepts by itself (`acceptor`), because a client of Pingora's listener takes 3 KiB before it has sent a
//! byte. There is one single-threaded runtime per worker, all accepting from the same sockets. A connection stays on the
//! thread that accepted it, and so do the connections to substations that it uses.
//!
//! The main thread runs the scraper, the admin port and the caller's lifecycle, which decides on start and stop.

mod acceptor;
mod listeners;
mod restarted;
mod service;
mod start_gate;
mod worker;

use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use thiserror::Error;
use tokio::{sync::watch, time::timeout};
use tracing::{info, warn};

use service::serve;

pub use listeners::Listeners;
pub use start_gate::{Ending, StartGate};

use switchyard_config::Config;
use switchyard_grid::{Clock, Grid, Scraper};
use switchyard_http1::Unencodable;
use switchyard_tls::Credentials;

use crate::{
    access_log,
    admin::Admin,
    carried::{Carrier, StateKeeper},
    dispatch::{Agreement, DispatchState},
    metrics::Metrics,
    reload::Reloader,
    runtime::Runtime,
};

/// How long the end waits until the last lines of the access log are written. A reader that does not read must not keep
/// the process.
const LAST_LINES: Duration = Duration::from_secs(1);

/// How long the last write of the state file may take.
const LAST_WRITE: Duration = Duration::from_secs(10);

/// Why the proxy could not run.
#[derive(Debug, Error)]
pub enum Error {
    /// A listener's address can't be bound.
    #[error("can't listen on {address} ({key}): {reason}{}", advice(reason))]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Its key in the configuration.
        key: &'static str,
        /// The system's error. Not called `source`: it is part of the message and would be printed twice.
        reason: io::Error,
    },
    /// The system refused a thread, a runtime or a socket option.
    #[error("can't start: {0}")]
    Start(#[from] io::Error),
    /// The path for charges does not fit a request line.
    #[error("charge.upstream_path: {0}")]
    Path(#[from] Unencodable),
    /// It should take over from another process and reaches no substation.
    #[error(
        "no substation could be reached within {} s, so the running process continues: are \
         substations[].address and load right?",
        .0.as_secs()
    )]
    Unready(Duration),
    /// What the old process knows could not be had.
    #[error(transparent)]
    Handover(#[from] switchyard_handover::Error),
    /// The state file can't be this process's.
    #[error("state.file: {0}")]
    State(#[from] switchyard_state::Fault),
    /// What the configuration names can't be used.
    #[error(transparent)]
    Configuration(#[from] switchyard_config::Error),
    /// A metric was declared twice or with an invalid name.
    #[error("can't register a metric: {0}")]
    Metrics(#[from] prometheus::Error),
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another process has it: stop that one or choose another port"
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need a privilege: choose a higher one"
        }
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        _ => "",
    }
}

/// Runs the proxy until `lifecycle` completes and the requests in flight are answered. Blocks.
///
/// `file` is the file of the configuration; a change of it causes a reload.
///
/// `lifecycle` gets the gate when everything else runs. No connection is accepted before it opens the gate, so a proxy
/// that turns out not to work has not taken a connection that another process would have served.
pub fn run<L: Future<Output = Ending>>(
    config: Config,
    file: Option<PathBuf>,
    credentials: Credentials,
    listeners: Listeners,
    lifecycle: impl FnOnce(StartGate) -> L,
) -> Result<(), Error> {
    // Boxed, so that the proxy is compiled once, in this crate, and not again in each program that runs it.
    let lifecycle = Box::new(|gate| Box::pin(lifecycle(gate)) as Pin<Box<dyn Future<Output = _>>>);
    run_boxed(config, file, credentials, listeners, lifecycle)
}

type BoxedLifecycle<'a> =
    Box<dyn FnOnce(StartGate) -> Pin<Box<dyn Future<Output = Ending> + 'a>> + 'a>;

fn run_boxed(
    config: Config,
    file: Option<PathBuf>,
    credentials: Credentials,
    listeners: Listeners,
    lifecycle: BoxedLifecycle<'_>,
) -> Result<(), Error> {
    let metrics = Metrics::new()?;
    metrics.count_panics();
    let grid = Grid::new(&config, &metrics.grid, Clock::start(), fastrand::u64(..))?;
    grid.use_bearers(credentials.bearers());
    let (threads, kept) = (config.threads, config.state.clone());
    let source = file.as_deref().unwrap_or(Path::new("configuration"));
    let access_log = access_log::open(&config, &source.display().to_string())?;
    let mut runtime = Runtime::new(config, credentials, Arc::new(grid), metrics);
    runtime.access_log.write_to(access_log)?;
    runtime.set_port(listeners.admin_address()?.port());
    let runtime = Arc::new(runtime);
    let state = Arc::new(DispatchState::default());
    if let Some(store) = runtime.fleet.store() {
        state.keys.share(Arc::clone(store) as Arc<dyn Agreement>);
    }
    let carrier = Carrier::new(Arc::clone(&runtime), Arc::clone(&state));
    let keeper = kept.map(|kept| StateKeeper::open(&kept, carrier.clone()));
    let keeper = keeper.transpose()?;
    let (stop, stopped) = watch::channel(false);
    let (open, opened) = watch::channel(false);

    let workers = (0..threads)
        .map(|at| {
            let listeners = listeners.charge.iter().map(TcpListener::try_clone);
            let listeners = listeners.collect::<io::Result<_>>()?;
            let gates = (opened.clone(), stopped.clone());
            worker::start(at, &runtime, &state, listeners, gates)
        })
        .collect::<Result<Vec<_>, io::Error>>()?;
    let addresses = addresses_of(&listeners, threads)?;
    let admin_listener = listeners.admin;
    // The workers have duplicates. None may be left open at the end.
    drop(listeners.charge);

    let lines = runtime.access_log.clone();
    let main = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let failed = main.block_on(async {
        let (mut reloader, reloads) = Reloader::new(Arc::clone(&runtime), file, addresses);
        let admin = {
            let runtime = Arc::clone(&runtime);
            move || Admin::new(Arc::clone(&runtime), Arc::clone(&state), reloads.clone())
        };
        tokio::spawn(access_log::reopen_on_signal(&runtime));
        let (stop_admin, admin_stopped) = watch::channel(false);
        let vital = runtime.vitals.task("admin port");
        let admin = tokio::spawn(serve(vital, "admin", admin, admin_listener, admin_stopped));
        follow_fleet(&runtime);
        follow_limits(&runtime);
        reloader.start().await;
        let grids = runtime.grids();
        let scraper = runtime.vitals.task("scraper");
        let scraper =
            scraper.run_forever(move || Scraper::new(grids.clone(), fastrand::u64(..)).run());
        let scraper = tokio::spawn(scraper);
        let reloader = tokio::spawn(reloader.run(runtime.vitals.task("reload")));
        let kept = keeper.clone().map(|keeper| {
            let vital = runtime.vitals.task("state file");
            tokio::spawn(keeper.run(vital))
        });
        let gate = StartGate {
            open,
            runtime: Arc::clone(&runtime),
            carrier,
            keeper: keeper.clone(),
        };
        let ending = lifecycle(gate).await;
        reloader.abort();
        info!(
            requests = runtime.in_flight.requests(),
            "Proxy is stopping: it finishes the requests in flight"
        );
        if let Ending::HandedOver { .. } = ending {
            runtime.in_flight.drain_connections();
            // From now on the admin port belongs to the new process.
            let _ = stop_admin.send(true);
        } else {
            runtime.in_flight.drain();
        }
        // An error only means that the workers are gone already.
        let _ = stop.send(true);
        let failed = ended(workers, ending, &runtime).await;
        if let Some(kept) = kept {
            kept.abort();
        }
        if let Some(keeper) = keeper {
            // A disk that takes nothing keeps no process.
            let _ = timeout(LAST_WRITE, keeper.finish()).await;
        }
        let _ = stop_admin.send(true);
        let _ = timeout(Duration::from_millis(100), admin).await;
        scraper.abort();
        failed
    });
    if !lines.flush(LAST_LINES) {
        warn!("Access log not finished: its last lines are lost");
    }
    runtime.traces.finish();
    info!("Proxy stopped");
    // A look-up of a name or a read of a file may block for a long time yet, and nothing needs its result.
    main.shutdown_background();
    failed.map_or(Ok(()), Err)
}

/// Where requests and operators are listened for, said in the log.
fn addresses_of(listeners: &Listeners, threads: usize) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = listeners.charge_addresses()?;
    for address in &addresses {
        info!(%address, threads, "Listening for charge requests");
    }
    let address = listeners.admin_address()?;
    info!(%address, "Listening on the admin port");
    addresses.push(address);
    Ok(addresses)
}

/// Starts the tasks of the store, where there is one. They end with the main thread's runtime, after the last worker.
fn follow_fleet(runtime: &Arc<Runtime>) {
    let Some(store) = runtime.fleet.store() else {
        return;
    };
    let (store, vital) = (Arc::clone(store), runtime.vitals.task("store"));
    let keep = move || {
        let store = Arc::clone(&store);
        async move { store.run().await }
    };
    tokio::spawn(vital.run_forever(keep));
    let (of_task, vital) = (
        Arc::clone(runtime),
        runtime.vitals.task("drains of the fleet"),
    );
    let follow = move || {
        let runtime = Arc::clone(&of_task);
        async move {
            let grid = || Arc::clone(&runtime.now().grid);
            runtime.fleet.follow(grid).await;
        }
    };
    tokio::spawn(vital.run_forever(follow));
}

/// Starts the task of the limits that come and go. It ends with the main thread's runtime, after the last worker.
fn follow_limits(runtime: &Arc<Runtime>) {
    let (of_task, vital) = (Arc::clone(runtime), runtime.vitals.task("limits"));
    let follow = move || {
        let runtime = Arc::clone(&of_task);
        async move {
            let grid = || Arc::clone(&runtime.now().grid);
            runtime.limits.follow(grid).await;
        }
    };
    tokio::spawn(vital.run_forever(follow));
}

/// Completes when all workers have ended. Returns why the proxy could not serve, if it could not.
async fn ended(workers: Vec<JoinHandle<()>>, ending: Ending, runtime: &Runtime) -> Option<Error> {
    // Joining blocks, and the admin port answers until the end.
    let mut ended = tokio::task::spawn_blocking(|| {
        for worker in workers {
            // A worker that panicked has ended too.
            let _ = worker.join();
        }
    });
    let failed = match ending {
        Ending::HandedOver { force, asked } => {
            let all = async {
                let _ = (&mut ended).await;
                // The process before asks until its own last client has left, and nobody else can answer.
                if let Some(asked) = asked {
                    let _ = asked.await;
                }
            };
            tokio::select! {
                () = all => {}
                () = force => runtime.in_flight.drain(),
            }
            None
        }
        Ending::Failed(error) => Some(error),
        Ending::Stop => None,
    };
    if !ended.is_finished() {
        let _ = ended.await;
    }
    failed
}

#[cfg(test)]
mod tests;
