//! The listener and its connections.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::engine::Engine;
use crate::routes::respond;

/// The pause in accepting when the process has no file handle left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Above the minute for which a proxy keeps idle connections: the side that sends closes first.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);

/// Serves until the future is dropped, and ends all connections then.
pub async fn run(engine: Arc<Engine>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, Arc::clone(&engine)));
            }
            Err(error) => {
                tracing::warn!(%error, "Can't accept a connection, and tries again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, engine: Arc<Engine>) {
    // A failure only delays answers.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| respond(Arc::clone(&engine), request));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        // A close is how a client leaves.
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "Connection of a client broke");
    }
}
