//! The listener, its connections, and how both end.
//!
//! [`run`] owns the set of connections, so none outlives it: not after a clean stop, and not when the
//! future is dropped.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::select;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::substation::Substation;

mod connection;
mod refusal;

/// How long requests in flight may take during the shutdown. They can wait for a body or `answer_after`.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);
/// The most connections at once: as many as the proxy serves clients by default. A further one is closed.
const MOST_CONNECTIONS: usize = 10_000;
/// The pause in accepting when the process has no file handle left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Serves a substation on a bound listener until `shutdown` resolves; then books no more, finishes the
/// requests in flight and returns. It does not wait for running sessions: a caller that wants to does so
/// before, with [`Substation::drained`]. Fails if the listener has no address.
pub async fn run(
    substation: Substation,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    run_boxed(substation, listener, None, Box::pin(shutdown)).await
}

/// The same over TLS; [`tls`](crate::tls()) makes its configuration from files.
pub async fn run_tls(
    substation: Substation,
    listener: TcpListener,
    config: Arc<ServerConfig>,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    run_boxed(substation, listener, Some(config), Box::pin(shutdown)).await
}

/// Boxed, so that the server is compiled once, in this crate, and not again in each program that calls it.
fn run_boxed(
    substation: Substation,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    shutdown: Boxed<'_, ()>,
) -> Boxed<'_, io::Result<()>> {
    Box::pin(serve(substation, listener, tls, shutdown))
}

async fn serve(
    substation: Substation,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    mut shutdown: Boxed<'_, ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let mut connections = JoinSet::new();
    let draining = CancellationToken::new();
    tracing::debug!(substation = substation.name(), %address, "Substation serves");

    loop {
        select! {
            accepted = accept(&listener, substation.name()) => if let Some(stream) = accepted
                && connections.len() < MOST_CONNECTIONS
            {
                connections.spawn(connection::accept(stream, tls.clone(), substation.clone(), draining.clone()));
            },
            Some(ended) = connections.join_next() => note(&substation, ended),
            () = &mut shutdown => break,
        }
    }

    substation.drain();
    drop(listener);
    draining.cancel();
    let finish = async {
        while let Some(ended) = connections.join_next().await {
            note(&substation, ended);
        }
    };
    if timeout(DRAIN_LIMIT, finish).await.is_err() {
        let left = connections.len();
        tracing::warn!(
            substation = substation.name(),
            left,
            "Connections closed with unfinished requests"
        );
        connections.shutdown().await;
    }
    Ok(())
}

/// One attempt. Neither a fault of one connection nor a lack of file handles ends the listener.
async fn accept(listener: &TcpListener, name: &str) -> Option<tokio::net::TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(error) if is_client_fault(&error) => None,
        Err(error) => {
            tracing::warn!(substation = name, %error, "Substation can't accept connections and tries again");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

fn is_client_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}

fn note(substation: &Substation, ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(substation = substation.name(), %error, "A connection panicked");
    }
}
