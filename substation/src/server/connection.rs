//! One connection, from accept to close.
//!
//! hyper reads the requests. A head with too many headers is answered like any other request. One that hyper can't read at
//! all, it drops without a word where answers are held back for company (`pipeline_flush`), so that is answered
//! [here](super::refusal): a proxy that gets no answer has to take the substation for broken.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::select;
use tokio_util::sync::CancellationToken;

use super::refusal::{self, Socket, Stream};
use crate::routes;
use crate::substation::Substation;
use crate::tls::handshake;

/// How long a connection may go without a complete request head. hyper counts the idle time before the
/// head as well, so this is above the 60 s for which the proxy keeps idle connections: the side that
/// sends closes first, and never sends into a connection that is being closed.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);
/// The most headers that are read, to be refused with an answer on a connection that goes on.
const MOST_READ_HEADERS: usize = 256;
/// The largest head, in bytes: the proxy passes on at most 64 KiB.
const LARGEST_HEAD: usize = 80 * 1024;

/// Serves a new connection until either side closes it, or `draining` is cancelled.
pub(super) async fn accept(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    substation: Substation,
    draining: CancellationToken,
) {
    // A failure only delays responses.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return serve(Stream::Left(stream), substation, draining).await;
    };
    let shaken = select! {
        shaken = handshake(stream, tls) => shaken,
        () = draining.cancelled() => return,
    };
    match shaken {
        Ok(stream) => serve(Stream::Right(Box::new(stream)), substation, draining).await,
        Err(error) => tracing::debug!(%error, "TLS handshake of a client failed"),
    }
}

async fn serve(stream: Stream, substation: Substation, draining: CancellationToken) {
    let has_request = Arc::new(AtomicBool::new(false));
    let service = service_fn({
        let has_request = Arc::clone(&has_request);
        let substation = substation.clone();
        move |request| {
            has_request.store(true, Ordering::Relaxed);
            routes::respond(substation.clone(), request)
        }
    });
    let holds = substation.config().hold;
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_headers(MOST_READ_HEADERS)
        .max_header_size(LARGEST_HEAD)
        .header_read_timeout(HEADER_TIMEOUT)
        // A client may close its side after the request, and still gets its response. But where requests are held,
        // a close is how a client leaves.
        .half_close(!holds)
        // Requests that arrive together are answered together, in one write.
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(Socket(stream)), service);
    let served = select! {
        biased;
        served = &mut connection => Some(served),
        () = draining.cancelled() => None,
    };
    let served = if let Some(served) = served {
        served
    } else {
        // hyper counts a connection whose first head has only begun as one with a request in flight, and
        // would wait for the rest.
        if !has_request.load(Ordering::Relaxed) {
            return;
        }
        Pin::new(&mut connection).graceful_shutdown();
        (&mut connection).await
    };
    if let Err(error) = &served {
        tracing::debug!(%error, "Connection of a client broke");
        if error.is_parse() {
            refusal::send(connection.into_parts().io.into_inner(), &substation, error).await;
            return;
        }
    }
    connection.into_parts().io.into_inner().close().await;
}
