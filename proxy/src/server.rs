//! Listeners, threads, and a stop that takes no longer than the requests in flight.
//!
//! Pingora's `Server` sleeps its whole grace period on SIGTERM (300 s by default), panics after half a minute on a
//! port in use, and can't take a listener that is already bound. Its *services* have none of these problems: each
//! runs on the runtime that awaits it, takes listening sockets by file descriptor, and stops when a watch channel
//! says so. So this module runs the services: one single-threaded runtime per worker, all accepting from the same
//! socket. A connection stays on the thread that accepted it, and so do the connections to substations that it
//! uses.
//!
//! The main thread runs the scraper, the admin port and the caller's lifecycle, which decides on start and stop.

mod listeners;
mod start_gate;

use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    os::fd::IntoRawFd,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use pingora_core::{
    apps::ServerApp,
    listeners::{L4BufferSettings, ListenerConfig},
    server::{Fds, ListenFds, ShutdownWatch},
    services::{Service as _, listening::Service},
};
use thiserror::Error;
use tokio::{sync::watch, time::timeout};
use tracing::{info, warn};

pub use listeners::Listeners;
pub use start_gate::{Ending, StartGate};

use switchyard_config::{Config, Timeouts};
use switchyard_grid::{Clock, Grid, Scraper};
use switchyard_http1::Unencodable;
use switchyard_tls::Credentials;

use crate::{
    admin::Admin,
    dispatch::{DispatchState, Dispatcher},
    ingress::Ingress,
    metrics::Metrics,
    reload::Reloader,
    runtime::Runtime,
};

/// The listener's name in Pingora's table of inherited sockets.
const INHERITED: &str = "listener";

/// Sizes of Pingora's read and write buffers, in bytes. Its default read buffer takes 64 KiB per connection, also while
/// idle. Requests have a buffer of their own, so there is none here; an answer that fits the write buffer leaves in one
/// write.
const BUFFERS: (usize, usize) = (0, 1460);

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
    /// It should take over from another process and has no samples.
    #[error(
        "no substation reported its load within {} s, so the running process continues: are \
         substations[].address and load right?",
        .0.as_secs()
    )]
    Unready(Duration),
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
    let grid = Arc::new(Grid::new(
        &config,
        &metrics.grid,
        Clock::start(),
        fastrand::u64(..),
    )?);
    let threads = config.threads;
    let runtime = Arc::new(Runtime::new(config, credentials, grid, metrics));
    let state = Arc::new(DispatchState::default());
    let (stop, stopped) = watch::channel(false);
    let (open, opened) = watch::channel(false);

    let workers: Vec<_> = (0..threads)
        .map(|at| {
            let listener = listeners.charge.try_clone()?;
            let dispatcher =
                Dispatcher::new(Arc::clone(&runtime), Arc::clone(&state), fastrand::u64(..));
            let ingress = Ingress::new(dispatcher);
            let (runtime, stopped) = (Arc::clone(&runtime), stopped.clone());
            let mut opened = opened.clone();
            let thread = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            thread::Builder::new()
                .name(format!("worker-{at}"))
                .spawn(move || {
                    thread.block_on(async {
                        if opened.wait_for(|is_open| *is_open).await.is_err() {
                            return;
                        }
                        serve("charge", ingress, listener, stopped).await;
                        drained(&runtime).await;
                    });
                })
        })
        .collect::<Result<_, io::Error>>()?;
    let addresses = [listeners.charge_address()?, listeners.admin_address()?];
    info!(address = %addresses[0], threads, "Listening for charge requests");
    info!(address = %addresses[1], "Listening on the admin port");
    let admin_listener = listeners.admin;
    // The workers have duplicates. None may be left open at the end.
    drop(listeners.charge);

    let main = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let failed = main.block_on(async {
        let (mut reloader, reloads) = Reloader::new(Arc::clone(&runtime), file, addresses);
        let admin = Admin::new(Arc::clone(&runtime), state, reloads);
        let (stop_admin, admin_stopped) = watch::channel(false);
        let admin = tokio::spawn(serve("admin", admin, admin_listener, admin_stopped));
        reloader.start().await;
        let scraper = tokio::spawn(Scraper::new(runtime.grids(), fastrand::u64(..)).run());
        let reloader = tokio::spawn(reloader.run());
        let gate = StartGate {
            open,
            runtime: Arc::clone(&runtime),
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
        // Joining blocks, and the admin port answers until the end.
        let mut ended = tokio::task::spawn_blocking(|| {
            for worker in workers {
                // A worker that panicked has ended too.
                let _ = worker.join();
            }
        });
        let failed = match ending {
            Ending::HandedOver { force } => {
                tokio::select! {
                    _ = &mut ended => {}
                    () = force => runtime.in_flight.drain(),
                }
                None
            }
            Ending::Unready { waited } => Some(Error::Unready(waited)),
            Ending::Stop => None,
        };
        if !ended.is_finished() {
            let _ = ended.await;
        }
        let _ = stop_admin.send(true);
        let _ = timeout(Duration::from_millis(100), admin).await;
        scraper.abort();
        failed
    });
    info!("Proxy stopped");
    failed.map_or(Ok(()), Err)
}

/// Waits for the requests in flight, no longer than all their deadlines together: the deadlines in force now, which may
/// differ from those at the start.
async fn drained(runtime: &Runtime) {
    let Timeouts {
        connect,
        request,
        client,
        idle,
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

/// Runs one of Pingora's services on the awaiting runtime, until `stopped` turns true.
async fn serve<A>(name: &str, app: A, listener: TcpListener, stopped: ShutdownWatch)
where
    A: ServerApp + Send + Sync + 'static,
{
    let mut fds = Fds::new();
    fds.add(INHERITED.to_owned(), listener.into_raw_fd());
    let fds: ListenFds = Arc::new(Mutex::new(fds));
    let mut service = Service::new(name.to_owned(), app);
    let (read, write) = BUFFERS;
    let endpoint = ListenerConfig::tcp(INHERITED).l4_buffer(L4BufferSettings::new(read, write));
    service.add_listener(endpoint);
    service.start_service(Some(fds), stopped, 1).await;
}
