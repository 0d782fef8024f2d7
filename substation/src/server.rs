//! The listener, its connections, and how both come to an end.
//!
//! Connections live in a set that [`run`] owns, so none outlives it: not after a clean stop, and not when
//! the future is dropped.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::select;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::station::Substation;

mod connection;

/// How long requests in hand may take once the end has come. One can wait for its own body, and for `answer_after`.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);
/// How long to leave the listener alone when the process has no file handle left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves a substation on a bound listener until `shutdown` resolves; then books no more, finishes the
/// requests in hand and returns. Sessions that still run are the caller's to wait for, before that, with
/// [`Substation::drained`].
pub async fn run(
    substation: Substation,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let mut shutdown = pin!(shutdown);
    let mut connections = JoinSet::new();
    let draining = CancellationToken::new();
    tracing::debug!(substation = substation.name(), %address, "Serving");

    loop {
        select! {
            accepted = accept(&listener, substation.name()) => if let Some(stream) = accepted {
                connections.spawn(connection::serve(stream, substation.clone(), draining.clone()));
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
            "Connections cut: requests not done"
        );
        connections.shutdown().await;
    }
    Ok(())
}

/// One attempt. No fault of one connection, and no lack of file handles, ends a listener.
async fn accept(listener: &TcpListener, name: &str) -> Option<tokio::net::TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(error) if is_the_clients(&error) => None,
        Err(error) => {
            tracing::warn!(substation = name, %error, "Can't accept connections; trying on");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

fn is_the_clients(error: &io::Error) -> bool {
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
