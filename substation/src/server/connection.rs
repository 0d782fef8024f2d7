//! One connection, from accept to close.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::select;
use tokio_util::sync::CancellationToken;

use crate::routes;
use crate::station::Substation;

/// How long a connection may go without a complete request head. hyper counts the idle time before the
/// head as well, so this is above the 60 s for which the proxy keeps idle connections: the side that
/// sends closes first, and never sends into a connection that is being closed.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);

/// Serves the connection until either side closes it, or `draining` says that this one should.
pub(super) async fn serve(stream: TcpStream, substation: Substation, draining: CancellationToken) {
    // Only delays answers if it fails.
    let _ = stream.set_nodelay(true);
    let asked = Arc::new(AtomicBool::new(false));
    let service = service_fn({
        let asked = Arc::clone(&asked);
        move |request| {
            asked.store(true, Ordering::Relaxed);
            routes::answer(substation.clone(), request)
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            // A client may close its side after the request, and still gets its answer.
            .half_close(true)
            // Requests that came together are answered together, in one write.
            .pipeline_flush(true)
            .serve_connection(TokioIo::new(stream), service)
    );
    let served = select! {
        biased;
        served = connection.as_mut() => served,
        () = draining.cancelled() => {
            // hyper takes a connection whose first head has only begun for one with a request in hand,
            // and would wait for the rest.
            if !asked.load(Ordering::Relaxed) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "Connection broken off");
    }
}
