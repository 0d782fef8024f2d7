//! All substations of one process: bound together, stopped together.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::ServerConfig;
use substation::Substation;
use switchyard_process::signals::Termination;
use tokio::net::{TcpListener, TcpSocket};
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A substation and its address.
pub(crate) type Member = (Substation, SocketAddr);

/// Runs the fleet until a signal ends it.
pub(crate) async fn run(
    fleet: Vec<Member>,
    tls: Option<Arc<ServerConfig>>,
    backlog: u32,
    grace: Duration,
) -> Result<()> {
    let mut signals = Termination::watch().context("cannot watch for signals")?;
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    let mut substations = Vec::with_capacity(fleet.len());

    // All or none: if a port is taken, the start fails before anything is served.
    let mut bound = Vec::with_capacity(fleet.len());
    for (substation, address) in fleet {
        bound.push((substation, bind(address, backlog)?));
    }
    announce(&bound, if tls.is_some() { "https" } else { "http" })?;
    for (substation, listener) in bound {
        substations.push(substation.clone());
        let stopped = stop.clone().cancelled_owned();
        match tls.clone() {
            None => running.spawn(substation::run(substation, listener, stopped)),
            Some(tls) => running.spawn(substation::run_tls(substation, listener, tls, stopped)),
        };
    }

    signals.next().await;
    for substation in &substations {
        substation.drain();
    }
    if !grace.is_zero() {
        wait_for_sessions(&substations, grace, &mut signals).await;
    }
    stop.cancel();
    select! {
        () = signals.next() => anyhow::bail!("ended by a second signal, with requests in flight"),
        ended = running.join_all() => ended.into_iter().collect::<io::Result<()>>()?,
    }
    Ok(())
}

fn bind(address: SocketAddr, backlog: u32) -> Result<TcpListener> {
    listen(address, backlog).map_err(|error| {
        let what_to_do = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another process has this port: stop it, or pass another port with --listen"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine does not have this address: pass one of its own with --listen"
            }
            io::ErrorKind::PermissionDenied => {
                "this port needs more rights: pass one above 1023 with --listen"
            }
            _ if is_out_of_files(&error) => "raise the limit of open files (ulimit -n)",
            _ => "pass another address with --listen",
        };
        anyhow::anyhow!("cannot listen on {address}: {error}; {what_to_do}")
    })
}

/// As `TcpListener::bind`, with a queue of connections of this length.
fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

/// Prints a line per substation to standard output, so that scripts can read the ports.
///
/// On a thread of its own: the lines of a thousand substations fill a pipe, and a pipe that no process reads, or a
/// closed one, must not keep them from serving.
fn announce(bound: &[(Substation, TcpListener)], scheme: &str) -> Result<()> {
    let mut lines = String::new();
    for (substation, listener) in bound {
        let (name, address) = (substation.name(), listener.local_addr()?);
        let _ = writeln!(lines, "{name} listening on {scheme}://{address}");
    }
    thread::Builder::new()
        .name("announce".to_owned())
        .spawn(move || {
            let mut out = io::stdout().lock();
            let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
        })?;
    Ok(())
}

async fn wait_for_sessions(substations: &[Substation], grace: Duration, signals: &mut Termination) {
    let sessions: u64 = substations.iter().map(Substation::active_sessions).sum();
    tracing::info!(sessions, grace = ?grace, "Substations wait for running sessions to end");
    let ended = async {
        for substation in substations {
            substation.drained().await;
        }
    };
    select! {
        waited = timeout(grace, ended) => if waited.is_err() {
            let sessions: u64 = substations.iter().map(Substation::active_sessions).sum();
            tracing::warn!(sessions, "Sessions that still run end with the process");
        },
        () = signals.next() => {}
    }
}

#[cfg(unix)]
fn is_out_of_files(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(nix::errno::Errno::from_raw);
    matches!(
        code,
        Some(nix::errno::Errno::EMFILE | nix::errno::Errno::ENFILE)
    )
}

#[cfg(not(unix))]
fn is_out_of_files(_: &io::Error) -> bool {
    false
}
