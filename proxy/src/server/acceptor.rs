//! Accepts the connections of the public port.
//!
//! Pingora's listening service would do it too, but it wraps every socket before it hands it on: in a task with room for a
//! handshake, a timer, a stream with buffers and a digest of the socket's addresses, 3 KiB together. A client that waits
//! between two requests, or that has sent nothing yet, needs none of these. So this takes the socket as it is, and Pingora's
//! stream is made for the connections that need one (TLS, HTTP/2).
//!
//! Each listening socket has a task of its own. So one that is flooded, or for which the system has no file left, delays
//! the others no more than any other task of the worker does.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use pingora_core::server::ShutdownWatch;
use tokio::{task::JoinSet, time::sleep};
use tracing::{error, info, warn};

use switchyard_process::{Shortage, vital::VitalTask};

use super::restarted::until_stopped;
use crate::ingress::Ingress;

/// How long nothing is accepted after the system had no file or memory for another connection. Without a pause, the same
/// error would come at once again.
const PAUSE: Duration = Duration::from_secs(1);

/// Accepts connections for what `ingress` makes, until `stopped` turns true. If that ends before, it is started again on the
/// same sockets: connections that come meanwhile wait in the sockets' queues.
pub(super) async fn accept(
    vital: VitalTask,
    ingress: impl Fn() -> Ingress,
    listeners: Vec<TcpListener>,
    stopped: ShutdownWatch,
) {
    until_stopped(vital, stopped.clone(), || {
        let ingress = Arc::new(ingress());
        let duplicates: io::Result<Vec<_>> = listeners.iter().map(TcpListener::try_clone).collect();
        let mut stopped = stopped.clone();
        async move {
            let accepting = async {
                match duplicates.and_then(|all| accept_from_all(all, &ingress)) {
                    // None of them ends but by a panic.
                    Ok(mut accepting) => drop(accepting.join_next().await),
                    Err(error) => {
                        error!(name = "charge", %error, "Listening socket could not be duplicated");
                    }
                }
            };
            tokio::select! {
                biased;
                // A dropped sender means the end as well.
                _ = stopped.wait_for(|is_stopped| *is_stopped) => {}
                () = accepting => {}
            }
        }
    })
    .await;
}

/// Starts the tasks that accept. They end with what this returns.
fn accept_from_all(listeners: Vec<TcpListener>, ingress: &Arc<Ingress>) -> io::Result<JoinSet<()>> {
    let mut accepting = JoinSet::new();
    for listener in listeners {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        accepting.spawn(accept_from(listener, Arc::clone(ingress)));
    }
    Ok(accepting)
}

/// Never ends.
async fn accept_from(listener: tokio::net::TcpListener, ingress: Arc<Ingress>) {
    let mut is_short = false;
    loop {
        let error = match listener.accept().await {
            Ok((socket, peer)) => match socket.set_nodelay(true) {
                Ok(()) => {
                    if std::mem::take(&mut is_short) {
                        info!("Connections are accepted again");
                    }
                    ingress.accept(socket, peer.ip().to_canonical());
                    continue;
                }
                // The client has gone.
                Err(_) => continue,
            },
            Err(error) => error,
        };
        if is_of_one(&error) {
            continue;
        }
        if !std::mem::replace(&mut is_short, true) {
            let lacks = Shortage::of(&error).map(tracing::field::display);
            warn!(%error, lacks, "Connections can't be accepted");
        }
        sleep(PAUSE).await;
    }
}

/// Whether an error concerns only the connection that was to be accepted: its client has gone already.
fn is_of_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}
